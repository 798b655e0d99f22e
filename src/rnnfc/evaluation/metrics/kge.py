"""Kling-Gupta efficiency in its form of 2009, the mean of each series' own: 1 for a perfect forecast.

1 - sqrt((r - 1)² + (alpha - 1)² + (beta - 1)²): r is the correlation of forecast and actual values, alpha the ratio of their
standard deviations, beta that of their means. (The form of 2012 has the ratio of coefficients of variation for alpha.)
Not defined for a series whose scored values or forecasts are all the same, or whose actual values have the mean 0.

Source: Gupta et al., Decomposition of the mean squared error and NSE performance criteria, Journal of Hydrology 377 (2009),
equations 9 and 10.
"""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values, sum_of_squares


def terms(values: Values) -> tuple[Floats, ...]:
    """Actual values and forecasts; both less the reference, their squares and their product."""
    actual, point = values.actual_difference, values.point - values.reference
    squares = values.squared_actual_difference, point**2
    return values.actual, values.point, actual, point, *squares, actual * point


def efficiency(count: Floats, *sums: Floats) -> Floats:
    """From the sums of `terms`; NaN where one of the three parts is not defined."""
    actual_total, point_total, actual, point, actual_squared, point_squared, product = sums
    actual_size = sum_of_squares(count, actual, actual_squared)
    point_size = sum_of_squares(count, point, point_squared)
    correlation = (product - actual * point / count) / np.sqrt(actual_size * point_size)
    deviations, means = np.sqrt(point_size / actual_size), point_total / actual_total
    distance = np.sqrt((correlation - 1) ** 2 + (deviations - 1) ** 2 + (means - 1) ** 2)
    defined = (actual_size > 0) & (point_size > 0) & (actual_total != 0)
    return np.where(defined, 1 - distance, np.nan)


METRIC = Metric(heading="KGE", units="none", better="higher", terms=terms, value=efficiency, each_series=True)

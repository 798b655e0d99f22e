"""Nash-Sutcliffe efficiency, the mean of each series' own: 1 for a perfect forecast, 0 for one as good as the mean actual value.

1 - sum of (forecast - actual)² / sum of (actual - mean actual)². Not defined for a series whose scored values are all the same.

Source: Nash & Sutcliffe, River flow forecasting through conceptual models part I, Journal of Hydrology 10 (1970), equation 3.
"""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values, sum_of_squares


def terms(values: Values) -> tuple[Floats, ...]:
    """The squared error; the actual value, less the reference, and its square."""
    return values.squared_error, values.actual_difference, values.squared_actual_difference


def efficiency(count: Floats, squared_error: Floats, actual: Floats, actual_squared: Floats) -> Floats:
    """1 - squared error / variance; NaN without variance."""
    variance = sum_of_squares(count, actual, actual_squared)
    return np.where(variance > 0, 1 - squared_error / variance, np.nan)


METRIC = Metric(heading="NSE", units="none", better="higher", terms=terms, value=efficiency, each_series=True)

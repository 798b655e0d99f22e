"""Symmetric mean absolute percentage error, 0 to 200, the mean of each series' own; a forecast of 0 for 0 counts as 0.

Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2.
"""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def symmetric_percentage_error(values: Values) -> tuple[Floats, ...]:
    """200 |error| / (|actual| + |forecast|)."""
    size = np.abs(values.actual) + np.abs(values.point)
    return (np.divide(200 * values.absolute_error, size, out=np.zeros_like(size), where=size != 0),)


METRIC = Metric(heading="sMAPE", units="percent", terms=symmetric_percentage_error, each_series=True)

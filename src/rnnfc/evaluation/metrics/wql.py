"""Weighted quantile loss of each level, and its mean over the levels: twice the pinball loss over the size of the actual values.

Source: Gasthaus et al., Probabilistic Forecasting with Spline Quantile Function RNNs, AISTATS 2019, section 4.
"""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def quantile_loss(values: Values) -> tuple[Floats, ...]:
    """Twice the pinball loss, and the size of the actual value."""
    error = values.actual - values.point
    return 2 * np.maximum(values.level * error, (values.level - 1) * error), np.abs(values.actual)


def ratio(_count: Floats, loss: Floats, size: Floats) -> Floats:
    """The summed loss over the summed size."""
    return loss / size


METRIC = Metric(
    heading="wQL", units="none", terms=quantile_loss, value=ratio, over="levels", summary="wQL {value}"
)

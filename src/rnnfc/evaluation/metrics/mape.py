"""Mean absolute percentage error; no value where an actual value is zero."""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def percentage_error(values: Values) -> tuple[Floats, ...]:
    """100 |error / actual|, infinite or NaN where the actual value is zero."""
    return (100 * np.abs(values.error / values.actual),)


METRIC = Metric(heading="MAPE", units="percent", terms=percentage_error)

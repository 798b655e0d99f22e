"""The share of actual values inside an interval between two quantile levels, its bounds included."""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def inside(values: Values) -> tuple[Floats, ...]:
    """1 where the interval holds the actual value."""
    held = (values.low <= values.actual) & (values.actual <= values.high)
    return (np.asarray(held, dtype=np.float64),)


METRIC = Metric(
    heading="inside",
    units="none",
    better="nominal",
    terms=inside,
    over="intervals",
    summary="{value} inside the interval of {coverage}",
)

"""The mean width of an interval between two quantile levels."""

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def width(values: Values) -> tuple[Floats, ...]:
    """Upper minus lower bound."""
    return (values.high - values.low,)


METRIC = Metric(heading="width of", units="data", terms=width, over="intervals", summary="(width {value})")

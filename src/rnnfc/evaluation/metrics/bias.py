"""Mean error, forecast minus actual: above zero where the forecast is too high."""

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def error(values: Values) -> tuple[Floats, ...]:
    """Forecast minus actual."""
    return (values.error,)


METRIC = Metric(heading="bias", units="data", better="nearer zero", terms=error, scaled=True)

"""METRICS: the record of every metric, in the order of tables; one file each."""

from rnnfc import extensions
from rnnfc.evaluation.metric import Metric

METRICS: dict[str, Metric] = {
    name: extensions.load_record(extensions.METRICS, name) for name in extensions.METRICS
}


def parse_name(name: str) -> tuple[Metric, str]:
    """The metric of a score, and the level or interval after it: `coverage_0.8` has `0.8`, `mse` nothing.

    Raises:
        LookupError: there is no such metric.
    """
    metric, _, suffix = name.partition("_")
    return METRICS[metric], suffix


def heading(name: str) -> str:
    """What a table calls the score of this name, e.g. `MAPE %` or `wQL 0.1`."""
    metric, suffix = parse_name(name)
    return " ".join([metric.heading, *(["%"] * (metric.units == "percent")), *([suffix] if suffix else [])])

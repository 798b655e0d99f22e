"""Rows at equal steps from rows at any times: the mean, sum, last value or number of the rows of each step."""

import re
from dataclasses import replace

import numpy as np

from rnnfc.data.sources.columns import ResampleSpec
from rnnfc.data.sources.order import SeriesRows
from rnnfc.errors import DataError

# pandas' names of a step: months, quarters and years begin on their first day, weeks on Monday.
_ALIASES = {
    "s": "s",
    "min": "min",
    "h": "h",
    "d": "D",
    "w": "W-MON",
    "month": "MS",
    "quarter": "QS",
    "year": "YS",
}


def resample_rows(series: SeriesRows, spec: ResampleSpec) -> SeriesRows:
    """The rows of each step as one, at the step's first moment; a step without rows is a missing row.

    Args:
        series: its times ascend; they may repeat.
    Raises:
        DataError: the times are numbers.
    """
    import pandas as pd

    if series.time.dtype.kind != "M":
        raise DataError(
            f"{series.origin.locate(0)}: data.resample needs dates, and the times are numbers; remove it"
        )
    count, unit = re.fullmatch(r"(\d*)\s*([a-z]+)", spec.every).groups(default="")  # type: ignore[union-attr]  # the spec has checked it
    bins = pd.DataFrame(series.values, index=pd.DatetimeIndex(series.time)).resample(
        f"{count}{_ALIASES[unit]}", label="left", closed="left"
    )
    values = bins.sum(min_count=1) if spec.by == "sum" else bins.agg(spec.by)
    size = bins.size().to_numpy()
    # No row in a step is a missing row, but none are counted as 0.
    steps = np.arange(len(size)) if spec.by == "count" else np.flatnonzero(size)
    first = np.minimum(np.cumsum(size) - size, len(series.time) - 1)[steps]
    return replace(
        series,
        origin=replace(series.origin, numbers=np.asarray(series.origin.numbers)[first]),
        values=values.to_numpy(dtype=np.float64)[steps],
        time=values.index.to_numpy(dtype="datetime64[us]")[steps],
    )

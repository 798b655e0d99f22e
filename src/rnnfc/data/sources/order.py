"""The rows of one series in the order of time, one for each: turned round, sorted, rows of one time made one."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Floats, format_time_exact
from rnnfc.data.sources.columns import ColumnsSpec
from rnnfc.data.sources.order_hint import clock_hint, shared_times_hint
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.time_columns import find_parts
from rnnfc.errors import DataError

# Rows that show an order or a step.
_MIN_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class SeriesRows:
    """The rows of one series.

    values: f64[row, channel], NaN where a value is missing. time: [row]. offset: of the times from UTC, or empty.
    num_reversed, num_identical, num_repeated: rows that were turned round, that were left out because another row is identical,
        and that were left out or averaged because another row has their time.
    """

    name: str
    origin: Origin
    values: Floats
    time: Times
    offset: str = ""
    num_reversed: int = 0
    num_identical: int = 0
    num_repeated: int = 0

    def select(self, rows: npt.NDArray[np.intp]) -> Self:
        """Some of the rows, in this order."""
        origin = replace(self.origin, numbers=np.asarray(self.origin.numbers)[rows])
        return replace(self, origin=origin, values=self.values[rows], time=self.time[rows])


def order_series(series: list[SeriesRows], spec: ColumnsSpec) -> list[SeriesRows]:
    """The series with ascending times.

    Rows that descend throughout are turned round; identical rows become one.

    Raises:
        DataError: times go back and `spec.sort` is false, or different rows have one time and `spec.repeated` is error.
    """
    # Two rows may as well have changed places; in a file of longer series they descend like the others.
    descends = any(len(rows.time) >= _MIN_ROWS and _descends(rows.time) for rows in series)
    return [_order_rows(rows, spec, descends=descends) for rows in series]


def _descends(time: Times) -> bool:
    return bool(time[-1] < time[0] and (time[1:] <= time[:-1]).all())


def _order_rows(series: SeriesRows, spec: ColumnsSpec, *, descends: bool) -> SeriesRows:
    time = series.time
    if (time[1:] > time[:-1]).all():
        return series
    is_turned = descends and _descends(time)
    if is_turned or spec.sort:
        series = series.select(np.argsort(time, kind="stable"))
        series = replace(series, num_reversed=len(time) if is_turned else 0)
    if (series.time[1:] >= series.time[:-1]).all():
        if spec.resample is not None:  # rows of one time are rows of one step
            return series
        series = _without_repeated(series, spec)
    _refuse_unordered(series, spec)
    return series


def note_order(series: list[SeriesRows], spec: ColumnsSpec) -> tuple[str, ...]:
    """What was done to bring the rows into order, where no key asked for it or rows were lost."""
    turned, identical, repeated = (
        sum(getattr(rows, name) for rows in series)
        for name in ("num_reversed", "num_identical", "num_repeated")
    )
    done = "averaged" if spec.repeated == "mean" else f"left out (data.repeated: {spec.repeated})"
    texts = {
        "the rows descend in time, so they were turned round": turned and not spec.sort,
        f"{identical:,} rows were left out, because another row of that time is the same": identical,
        f"{repeated:,} rows have the time of another row and were {done}": repeated,
    }
    return tuple(text for text, is_noted in texts.items() if is_noted)


def _without_repeated(series: SeriesRows, spec: ColumnsSpec) -> SeriesRows:
    """One row of each time, if `spec` allows it; `series` ascends, but for equal times."""
    import pandas as pd

    equal = series.time[1:] == series.time[:-1]
    doubtful = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    frame = pd.DataFrame(series.values[doubtful])
    frame["time"] = series.time[doubtful]
    is_identical = frame.duplicated().to_numpy()
    distinct = np.delete(np.arange(len(series.time)), doubtful[is_identical])
    series = replace(series.select(distinct), num_identical=int(is_identical.sum()))
    frame = frame[~is_identical]
    if spec.repeated == "error" or not frame["time"].duplicated().any():
        return series
    frame = pd.DataFrame(series.values)
    times = pd.Series(series.time)
    is_extra = times.duplicated(keep="last" if spec.repeated == "last" else "first").to_numpy()
    if spec.repeated == "mean":
        means = frame.groupby(times.to_numpy()).transform("mean").to_numpy()
        has_several = times.duplicated(keep=False).to_numpy()
        series = replace(series, values=np.where(has_several[:, None], means, series.values))
    return replace(series.select(np.flatnonzero(~is_extra)), num_repeated=int(is_extra.sum()))


def _refuse_unordered(series: SeriesRows, spec: ColumnsSpec) -> None:
    time, origin = series.time, series.origin
    unordered = np.flatnonzero(time[1:] <= time[:-1])
    if not len(unordered):
        return
    row = int(unordered[0]) + 1
    clock = clock_hint(time, row, is_local=not series.offset)
    shared = shared_times_hint(time, row, has_series=origin.series is not None)
    if time[row] == time[row - 1]:
        parts = find_parts(origin.columns, spec)
        columns = f"set data.time: {parts} if these columns are the time, or keep one row per time"
        remedy = clock or (columns if parts else shared)
        raise DataError(
            f"{origin.locate(row)}: duplicate timestamp {format_time_exact(time[row])}, first on "
            f"{origin.number(row - 1)}; {remedy or 'keep one row per time, or set data.repeated: first, last or mean'}"
        )
    times = f"{format_time_exact(time[row])} comes after {format_time_exact(time[row - 1])}"
    place = f"{origin.locate(row)}: times are not sorted: {times}"
    before, after = _step(time[:row]), _step(time[row:])
    if before and after and before != after:
        raise DataError(
            f"{place}; the rows before are {before}, the rows from here on {after}: select one kind with "
            "data.where: {COLUMN: VALUE}"
        )
    raise DataError(
        f"{place}; {clock or shared or 'set data.sort: true, or sort the rows by time, oldest first'}"
    )


def _step(time: Times) -> str:
    """The step of some rows; empty where they have none."""
    is_sorted = len(time) >= _MIN_ROWS and (time[1:] > time[:-1]).all()
    return str(Frequency.infer(time)) if is_sorted else ""

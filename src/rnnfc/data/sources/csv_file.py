"""CSV and Parquet files: `csv_text` checks the layout, `csv_cells` every cell, `csv_quick` both where nothing is odd.

Here times must be in order, on a grid.
"""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.data_spec import FileSpec, LongSpec
from rnnfc.data import calendar
from rnnfc.data import missing as gaps
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.data.sources import csv_cells, csv_text, parquet_file
from rnnfc.data.sources import csv_fast as csv_quick
from rnnfc.data.sources.csv_cells import Cells
from rnnfc.data.sources.csv_text import Source
from rnnfc.errors import DataError


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The rows of one series as they stand in the file."""

    name: str
    source: Source
    values: Floats
    time: Times
    offset: str


def load_csv(spec: FileSpec, *, frequency: Frequency | None = None) -> Panel:
    """The rows of a CSV or Parquet file: one series, or many of a LongSpec; channels are as in Panel.

    Args:
        frequency: the step that the rows must have, where it is known from earlier rows; None: it is inferred.
    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    parts = _parts(spec, fewest=2 if frequency is None else 1)
    axis = Frequency(unit="number", size=1) if spec.time is None else _common_axis(parts, spec, frequency)
    closed = [_close(part, axis, spec) for part in parts]
    values, time, filled = map(_joined, zip(*closed, strict=True))
    if spec.calendar:
        if time.dtype.kind != "M":
            raise DataError(
                f"{spec.path}: data.calendar needs dates, the times of column {spec.time!r} are numbers; leave it out"
            )
        values = np.hstack([values, calendar.values(time, spec.calendar)])
        filled = np.pad(filled, ((0, 0), (0, 2 * len(spec.calendar))))
    return Panel(
        values=values,
        time=time,
        bounds=np.cumsum([0, *(len(rows) for rows, _, _ in closed)]),
        series=tuple(part.name for part in parts),
        channels=(*spec.numbers, *calendar.names(spec.calendar)),
        num_targets=len(spec.target),
        num_known=len(spec.known) + 2 * len(spec.calendar),
        calendar=spec.calendar,
        frequency=axis,
        filled=filled,
        missing=spec.missing,
        unit=spec.unit,
        offset=parts[0].offset,
    )


def _cells(spec: FileSpec, *, fewest: int) -> tuple[Source, Cells]:
    """Where the rows stand, and their cells."""
    if spec.path.endswith(".parquet"):
        source, frame = parquet_file.read(spec, fewest=fewest)
        return source, csv_cells.read(source, spec, frame=frame)
    if quick := csv_quick.read(spec, fewest=fewest):
        return quick
    source = csv_text.read(spec, fewest=fewest)
    return source, csv_cells.read(source, spec)


def _parts(spec: FileSpec, *, fewest: int) -> list[_Part]:
    """The series in the order of their first rows, the rows of each in the order of the file."""
    source, cells = _cells(spec, fewest=fewest)
    values, time, series, names, offset = cells.values, cells.time, cells.series, cells.names, cells.offset
    if not isinstance(spec, LongSpec):
        return [_Part(name=source.path.stem, source=source, values=values, time=time, offset=offset)]
    order = np.argsort(series, kind="stable")
    bounds = np.searchsorted(series[order], np.arange(len(names) + 1))
    lines = np.asarray(source.lines)
    return [
        _Part(
            name=name,
            source=replace(source, lines=lines[rows], series=name),
            values=values[rows],
            time=time[rows],
            offset=offset,
        )
        for name, rows in zip(
            names, (order[first:end] for first, end in itertools.pairwise(bounds)), strict=True
        )
    ]


def _common_axis(parts: list[_Part], spec: FileSpec, frequency: Frequency | None) -> Frequency:
    """The step of all series: that of the longest, unless it is known.

    Raises:
        DataError: the times of a series do not ascend, or have another step; a gap is no other step.
    """
    for part in parts:
        _refuse_disorder(part.source, part.time)
    longest = max(parts, key=lambda part: len(part.time))
    if frequency is None and spec.frequency == "rows":
        return Frequency(unit="rows", size=1)
    if frequency is None and len(longest.time) < 2:
        raise DataError(
            f"{longest.source.path}: every series has one row; at least two of one are needed to know their step"
        )
    axis = frequency or Frequency.infer(longest.time)
    whose = "the run's data" if frequency is not None else f"series {longest.name!r}"
    for part in parts if frequency is not None else [part for part in parts if part is not longest]:
        _refuse_other_step(part.source, part.time, axis, whose=whose)
    return axis


def _close(part: _Part, axis: Frequency, spec: FileSpec) -> tuple[Floats, Times, gaps.Mask]:
    """Values, times and the mask `filled` of the complete rows of one series."""
    table = gaps.Table(values=part.values, time=part.time, frequency=axis, where=part.source.at)
    try:
        _refuse_off_grid(part.source, part.time, axis)
        return gaps.close(table, policy=spec.missing, channels=spec.numbers, season=spec.season)
    except DataError:
        _refuse_compact_dates(part.source, part.time, axis)
        raise


def _joined(arrays: tuple[npt.NDArray[Any], ...]) -> npt.NDArray[Any]:
    """End to end; of one array not a copy."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _refuse_disorder(source: Source, time: Times) -> None:
    bad = np.flatnonzero(time[1:] <= time[:-1])
    if len(bad):
        row = bad[0] + 1
        if time[row] == time[row - 1]:
            raise DataError(
                f"{source.at(row)}: the time {format_time_exact(time[row])} stands here again (first on {source.place} "
                f"{source.lines[row - 1]}); keep one row for each time"
            )
        raise DataError(
            f"{source.at(row)}: {format_time_exact(time[row])} comes after {format_time_exact(time[row - 1])}; "
            "sort the file by time, oldest first"
        )


def _refuse_other_step(source: Source, time: Times, axis: Frequency, *, whose: str) -> None:
    """Refuse rows that have not the step `axis` that others, `whose`, have; a gap is no other step."""
    if axis.unit == "rows":
        return
    kinds = ("dates", "numbers") if axis.unit == "number" else ("numbers", "dates")
    if (time.dtype.kind == "M") != (kinds[1] == "dates"):
        raise DataError(
            f"{source.at(0)}: the times are {kinds[0]}, those of {whose} are {kinds[1]}; write them as there"
        )
    no_neighbours = len(time) > 1 and np.diff(axis.positions(time)).min() > 1.5
    if no_neighbours or axis.off_grid(time) is not None:
        step = Frequency.infer(time)
        if str(step) != str(axis):
            rows = "the rows" if source.series is None else f"the rows of series {source.series!r}"
            raise DataError(
                f"{source.path}: {rows} are {step}, those of {whose} are {axis}; give rows at that step"
            )


def _refuse_off_grid(source: Source, time: Times, axis: Frequency) -> None:
    off = None if axis.unit == "rows" else axis.off_grid(time)
    if off is not None:
        raise DataError(
            f"{source.at(off)}: {format_time_exact(time[off])} does not fit the step of the other rows ({axis}); "
            "resample the file to equal steps, or set data.frequency: rows to take each row as one step"
        )


def _refuse_compact_dates(source: Source, time: Times, axis: Frequency) -> None:
    """Refuse whole numbers such as 20240131, 20240201, whose distances jump where a month ends."""
    import pandas as pd

    if axis.unit != "number" or time.dtype.kind != "i" or not ((time > 10**7) & (time < 10**8)).all():
        return
    uneven = np.flatnonzero(np.diff(time) != axis.size)
    if (
        len(uneven)
        and pd.to_datetime(pd.Series(time).astype("str"), format="%Y%m%d", errors="coerce").notna().all()
    ):
        row = uneven[0] + 1
        raise DataError(
            f"{source.at(row)}: {time[row]} after {time[row - 1]}: these look like dates and were read as numbers; "
            "set data.time_format: '%Y%m%d'"
        )

"""Named columns -> Table -> Panel: the one way in for every source of columns.

A source turns what it reads into a `Table`. Here the times must ascend and lie on one grid; gaps are filled.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from rnnfc.data import calendar
from rnnfc.data.clock_change import HOUR, is_clock_change
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.missing import Rows, fill_gaps
from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.data.sources.columns import NUMBER, ColumnsSpec
from rnnfc.data.sources.date_numbers import find_date_numbers
from rnnfc.data.sources.order import SeriesRows, note_order, order_series
from rnnfc.data.sources.origin import Origin, join_origins
from rnnfc.data.sources.outliers import note_outliers
from rnnfc.data.sources.resample import resample_rows
from rnnfc.data.sources.units import UNIT_NAMES, find_unit
from rnnfc.data.sources.year_notes import note_years
from rnnfc.data.time_zone import to_instants, to_local
from rnnfc.errors import DataError

Element = TypeVar("Element", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The columns that a spec names; every cell is a finite number, a time, a series name or missing.

    values: f64[row, channel], NaN where a value is missing.
    time: [row], local time at `offset` from UTC, such as +10:00; row numbers where there is no time column.
    names: of the series, in the order in which they first appear.
    series: [row], the index of each row's series in `names`; empty where the source has one series.
    notes: what was read in a way that its author may not have meant.
    """

    origin: Origin
    values: Floats
    time: Times
    series: npt.NDArray[np.int64]
    names: tuple[str, ...]
    offset: str = ""
    notes: tuple[str, ...] = ()


def panel_from_table(table: Table, spec: ColumnsSpec, frequency: Frequency | None = None) -> Panel:
    """The rows of each series in the order of their times' grid, gaps filled, time features appended.

    Args:
        frequency: the step that the rows must have, where earlier rows fix it; None: it is inferred.
    Raises:
        DataError: times that do not ascend or lie on no grid, or gaps that `spec.missing` refuses; with the place of the row.
    """
    if spec.series_from == "columns":
        table, spec = _stack_targets(table, spec)
    if spec.time_zone is not None:
        table = _in_zone(table, spec.time_zone)
    zone = spec.time_zone if spec.time_zone and table.offset else ""
    series = _by_series(table)
    # Rows of a run go on as it was trained: it can answer no question any more.
    if frequency is None and spec.has_times and spec.time_format is None:
        _refuse_date_numbers(series)
    if not spec.has_times:
        axis = Frequency(unit="number", size=1)
    else:
        series = order_series(series, spec)
        if spec.resample is not None:
            series = [resample_rows(rows, spec.resample) for rows in series]
        axis = _common_axis(series, frequency, kind=spec.frequency)
    past, future = [], []
    for rows in series:
        num_past = len(rows.time) - _num_future(rows, spec)
        past.append(replace(rows, values=rows.values[:num_past], time=rows.time[:num_past]))
        future.append(replace(rows, values=rows.values[num_past:], time=rows.time[num_past:]))
    complete = [_complete(rows, axis, spec) for rows in past]
    notes: tuple[str, ...] = ()
    if frequency is None:  # new rows of a run are read as it was trained, without new questions
        filled_rows = [filled for _, _, filled in complete]
        open_ends = _note_open_ends(filled_rows, spec)
        times = [time for _, time, _ in complete]
        missing_hours = [] if table.offset else _note_missing_hours(times, filled_rows, axis)
        watched = (*_note_unit(table.time, spec), *note_outliers(table.values, spec.numbers))
        years = note_years(table.time, spec.date_format, date=np.datetime64("today"))
        notes = (*watched, *years, *open_ends, *missing_hours)
    values, time, filled = (_concatenate(arrays) for arrays in zip(*complete, strict=True))
    if spec.calendar:
        if time.dtype.kind != "M":
            raise DataError(
                f"{table.origin.name}: data.calendar needs dates, and the times in column {spec.time_column!r} are numbers; "
                f"{_unit_hint(time)}remove calendar"
            )
        values = np.hstack([values, calendar.encode_times(time, spec.calendar, zone=zone)])
        filled = np.pad(filled, ((0, 0), (0, 2 * len(spec.calendar))))
    return Panel(
        values=values,
        time=time,
        bounds=np.cumsum([0, *(len(rows) for rows, _, _ in complete)]),
        series=tuple(rows.name for rows in series),
        channels=(*spec.numbers, *calendar.feature_names(spec.calendar)),
        num_targets=len(spec.target),
        num_known=len(spec.known) + 2 * len(spec.calendar),
        calendar=spec.calendar,
        frequency=axis,
        filled=filled,
        missing=spec.missing,
        unit=spec.unit,
        offset=table.offset,
        zone=zone,
        future=_future_panel(future, axis, spec, offset=table.offset),
        notes=(*table.notes, *note_order(series, spec), *notes),
    )


def _unit_hint(time: Times) -> str:
    unit = find_unit(time)
    return "" if unit is None else f"set data.time_unit: {unit} if they count {UNIT_NAMES[unit]}, or "


def _note_unit(time: Times, spec: ColumnsSpec) -> tuple[str, ...]:
    """A note on numbers that are likely to be dates."""
    unit = find_unit(time) if spec.has_times and spec.time_format is None else None
    if unit is None or unit == "excel_days":
        return ()
    return (
        f"{spec.time_column}: the times are numbers such as {time[0]:.0f}; set data.time_unit: {unit} if they count "
        f"{UNIT_NAMES[unit]}",
    )


def _stack_targets(table: Table, spec: ColumnsSpec) -> tuple[Table, ColumnsSpec]:
    """Each target column as a series of its own, with the other columns beside it, and the spec of such rows.

    Rows without a value before the first and after the last value of a series are left out.
    """
    num_targets, num_rows = len(spec.target), len(table.time)
    others = table.values[:, num_targets:]
    numbers = np.asarray(table.origin.numbers)
    series = table.series if len(table.series) else np.zeros(num_rows, dtype=np.int64)
    parts: list[npt.NDArray[np.intp]] = []
    codes: list[npt.NDArray[np.int64]] = []
    names: list[str] = []
    columns = []
    for place, target in enumerate(spec.target):
        for code, name in enumerate(table.names):
            rows = np.flatnonzero(series == code)
            present = np.flatnonzero(~np.isnan(table.values[rows, place]))
            rows = rows[present[0] : present[-1] + 1] if len(present) else rows[:0]
            parts.append(rows)
            columns.append(np.full(len(rows), place))
            codes.append(np.full(len(rows), len(names)))
            names.append(target if not len(table.series) else f"{name}/{target}")
    rows, column = np.concatenate(parts), np.concatenate(columns)
    stacked = replace(
        table,
        origin=replace(table.origin, numbers=numbers[rows]),
        values=np.column_stack([table.values[rows, column], others[rows]]),
        time=table.time[rows],
        series=np.concatenate(codes),
        names=tuple(names),
    )
    return stacked, spec.model_copy(update={"target": ("value",), "series_from": None})


def join_tables(tables: Sequence[Table]) -> Table:
    """The rows of several files, one file after the other; series of one name are one.

    Raises:
        DataError: times are dates in one file and numbers in another, or have other UTC offsets.
    """
    first = tables[0]
    for table in tables[1:]:
        kinds = [(each.time.dtype.kind == "M", each.offset) for each in (first, table)]
        if kinds[0] != kinds[1]:
            raise DataError(
                f"{table.origin.locate(0)}: the times are not of the kind or UTC offset of those in {first.origin.name}; write "
                "them alike"
            )
    index: dict[str, int] = {}
    codes = []
    for table in tables:
        places = [index.setdefault(name, len(index)) for name in (table.names if len(table.series) else ())]
        codes.append(np.array(places, dtype=np.int64)[table.series])
    return replace(
        first,
        origin=join_origins([table.origin for table in tables]),
        values=np.concatenate([table.values for table in tables]),
        time=np.concatenate([table.time for table in tables]),
        series=np.concatenate(codes),
        names=tuple(index) or first.names,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def require_rows(name: str, rows: int, *, min_rows: int) -> None:
    """Refuse a source with fewer rows than `min_rows`."""
    if rows < min_rows:
        needed = (
            "at least one is needed"
            if min_rows == 1
            else "at least two are needed, and window.length + window.horizon to train"
        )
        raise DataError(f"{name}: {rows} data row{'' if rows == 1 else 's'}; {needed}")


def _in_zone(table: Table, zone: str) -> Table:
    """The same rows with instants in UTC; days stay dates.

    Raises:
        DataError: times are numbers, or the clock of the zone leaves one out.
    """
    time = table.time
    if time.dtype.kind != "M":
        raise DataError(
            f"{table.origin.name}: data.time_zone needs dates, and the times are numbers; remove it"
        )
    if table.offset:
        minutes = int(table.offset[1:3]) * 60 + int(table.offset[4:6])
        instants = time - np.timedelta64(-minutes if table.offset[0] == "-" else minutes, "m")
        local = to_local(instants, zone)
        is_whole = (local == local.astype("datetime64[D]")).all()
        return (
            replace(table, time=local, offset="")
            if is_whole
            else replace(table, time=instants, offset="+00:00")
        )
    if (time == time.astype("datetime64[D]")).all():
        return table
    instants = np.empty(len(time), dtype="datetime64[us]")
    codes = table.series if len(table.series) else np.zeros(len(time), dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(table.names) + 1))
    for first, end in itertools.pairwise(bounds):
        rows = order[first:end]
        instants[rows], left_out = to_instants(time[rows], zone)
        if left_out.any():
            row = rows[np.argmax(left_out)]
            raise DataError(
                f"{table.origin.locate(row)}: the clock of {zone} leaves out {format_time_exact(time[row])}, when daylight "
                "saving time begins; correct the row, or data.time_zone"
            )
    return replace(table, time=instants, offset="+00:00")


def _by_series(table: Table) -> list[SeriesRows]:
    """The series in the order of their first rows, the rows of each in the order of the source."""
    if not len(table.series):
        (name,) = table.names
        return [
            SeriesRows(
                name=name, origin=table.origin, values=table.values, time=table.time, offset=table.offset
            )
        ]
    order = np.argsort(table.series, kind="stable")
    bounds = np.searchsorted(table.series[order], np.arange(len(table.names) + 1))
    numbers = np.asarray(table.origin.numbers)
    parts = [order[first:end] for first, end in itertools.pairwise(bounds)]
    return [
        SeriesRows(
            name=name,
            origin=replace(table.origin, numbers=numbers[rows], series=name),
            values=table.values[rows],
            time=table.time[rows],
            offset=table.offset,
        )
        for name, rows in zip(table.names, parts, strict=True)
    ]


def _common_axis(series: list[SeriesRows], frequency: Frequency | None, *, kind: str) -> Frequency:
    """The step of all series: that of the longest, unless `frequency` fixes it.

    Raises:
        DataError: the times of a series have another step; a gap is no other step.
    """
    longest = max(series, key=lambda rows: len(rows.time))
    if frequency is None and kind == "rows":
        return Frequency(unit="rows", size=1)
    if frequency is None and kind == "business_days":
        frequency = Frequency(unit="business_day", size=1)
        for rows in series:
            if rows.time.dtype.kind != "M":
                raise DataError(
                    f"{rows.origin.locate(0)}: data.frequency: business_days needs dates, and the times are numbers; remove it"
                )
        return frequency
    if frequency is None and len(longest.time) < 2:
        raise DataError(
            f"{longest.origin.name}: every series has one row; one series needs at least two, so that the step is known"
        )
    axis = frequency or Frequency.infer(longest.time)
    reference = "the run's data" if frequency is not None else f"series {longest.name!r}"
    for rows in series:
        if frequency is not None or rows is not longest:
            _refuse_other_step(rows, axis, reference=reference)
        if frequency is None and rows is not longest:
            _refuse_other_month_convention(rows, axis, longest=longest)
    return axis


def _num_future(series: SeriesRows, spec: ColumnsSpec) -> int:
    """How many of the last rows are to be forecast: future covariates stand there, and no target or past covariate.

    Without future covariates such rows are only missing ones, which `spec.missing` refuses or fills.

    Raises:
        DataError: no row is left to learn from.
    """
    if not spec.known:
        return 0
    observed = np.flatnonzero(~np.isnan(series.values[:, : len(spec.target) + len(spec.inputs)]).all(axis=1))
    if not len(observed):
        targets = ", ".join(spec.target)
        raise DataError(f"{series.origin.locate(0)}: no row has a value of {targets}; remove these rows")
    return len(series.time) - 1 - int(observed[-1])


def _future_panel(
    series: list[SeriesRows], axis: Frequency, spec: ColumnsSpec, *, offset: str
) -> Panel | None:
    """The rows to be forecast that have every future covariate; None where there are no rows to be forecast."""
    if not any(len(rows.time) for rows in series):
        return None
    values = [rows.values[:, len(spec.target) + len(spec.inputs) :] for rows in series]
    complete = [~np.isnan(known).any(axis=1) for known in values]
    pairs = list(zip(series, values, complete, strict=True))
    known = np.concatenate([known[rows] for _, known, rows in pairs])
    return Panel(
        values=known,
        time=np.concatenate([rows.time[selected] for rows, _, selected in pairs]),
        bounds=np.cumsum([0, *(rows.sum() for rows in complete)]),
        series=tuple(rows.name for rows in series),
        channels=spec.known,
        num_targets=len(spec.known),
        frequency=axis,
        filled=np.zeros(known.shape, dtype=np.bool_),
        offset=offset,
    )


def _complete(
    series: SeriesRows, axis: Frequency, spec: ColumnsSpec
) -> tuple[Floats, Times, npt.NDArray[np.bool_]]:
    """Values, times and the mask `filled` of one series without gaps."""
    rows = Rows(
        values=series.values,
        time=series.time,
        frequency=axis,
        locate=series.origin.locate,
        offset=series.offset,
    )
    _refuse_off_grid(series, axis)
    return fill_gaps(rows, policy=spec.missing, channels=spec.numbers, season=spec.season)


def _note_open_ends(filled: list[npt.NDArray[np.bool_]], spec: ColumnsSpec) -> list[str]:
    """A note if a series ends with rows whose targets were all filled, as it may be meant to end with rows to be forecast.

    Args:
        filled: [row, channel] of each series.
    """
    targets = [rows[::-1, : len(spec.target)] for rows in filled]
    counts = [int(np.argmin(rows.all(axis=1))) if rows[0].all() else 0 for rows in targets]
    num_open = np.count_nonzero(counts)
    if not num_open:
        return []
    most, names = max(counts), " and no ".join(spec.target)
    rows = f"the last row has no {names}" if most == 1 else f"the last {most:,} rows have no {names}"
    if len(counts) > 1:
        rows = f"{num_open:,} of {len(counts):,} series end with rows that have no {names} (up to {most:,})"
    return [
        f"{rows}: filled by data.missing: {spec.missing}, and forecasts begin after them. Remove these rows to forecast them"
    ]


def _note_missing_hours(
    times: list[Times], filled: list[npt.NDArray[np.bool_]], axis: Frequency
) -> list[str]:
    """A note if rows are missing where a local clock may have gone forward: they never were.

    Args:
        times: [row] of each series. filled: [row, channel].
    """
    if axis.unit != "microsecond" or axis.size > HOUR / np.timedelta64(1, "us"):
        return []
    pairs = zip(times, filled, strict=True)
    missing = np.concatenate([time[rows.all(axis=1)] for time, rows in pairs])
    missing = missing[is_clock_change(missing)]
    if not len(missing):
        return []
    rows = "1 missing row" if len(missing) == 1 else f"{len(missing):,} missing rows"
    return [
        f"{rows}, the first at {format_time_exact(missing.min())}, may be the hour that clocks leave out when daylight saving "
        "time begins, and were filled; set data.time_zone, e.g. Europe/Madrid, or write the times in UTC"
    ]


def _concatenate(arrays: tuple[npt.NDArray[Element], ...]) -> npt.NDArray[Element]:
    """End to end; a single array is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _refuse_other_step(series: SeriesRows, axis: Frequency, *, reference: str) -> None:
    """Refuse rows whose step is not `axis`, that of `reference`; a gap is no other step."""
    time, origin = series.time, series.origin
    if axis.unit == "rows":
        return
    kind, reference_kind = ("dates", "numbers") if axis.unit == "number" else ("numbers", "dates")
    if (time.dtype.kind == "M") != (reference_kind == "dates"):
        raise DataError(
            f"{origin.locate(0)}: the times are {kind}, those of {reference} are {reference_kind}; use {reference_kind}"
        )
    has_no_neighbours = len(time) > 1 and np.diff(axis.positions(time)).min() > 1.5
    if has_no_neighbours or axis.find_irregular_row(time) is not None:
        step = Frequency.infer(time)
        if str(step) != str(axis):
            rows = "the rows" if origin.series is None else f"the rows of series {origin.series!r}"
            raise DataError(
                f"{origin.name}: {rows} are {step}, those of {reference} are {axis}; resample them to {axis}"
            )


def _refuse_other_month_convention(series: SeriesRows, axis: Frequency, *, longest: SeriesRows) -> None:
    """Refuse month starts where the rows of `longest` are month ends, or the reverse: their forecasts would get wrong dates."""
    if axis.has_month_convention(
        series.time, reference=longest.time[-1] if axis.unit == "month_end" else None
    ):
        return
    here, there = "not at month ends", "at month ends"
    if axis.unit == "month":
        here, there = "at month ends, or on different days of the month", "on one day of the month"
    raise DataError(
        f"{series.origin.locate(0)}: the dates are {here}, those of series {longest.name!r} are {there}; write month starts or "
        "month ends in all rows"
    )


def _refuse_off_grid(series: SeriesRows, axis: Frequency) -> None:
    row = None if axis.unit == "rows" else axis.find_irregular_row(series.time)
    if row is None:
        return
    months = np.diff(series.time.astype("datetime64[M]").astype(np.int64)) if axis.has_dates else np.zeros(1)
    if months[0] > 0 and (months == months[0]).all():
        step = Frequency(unit="month", size=int(months[0]))
        raise DataError(
            f"{series.origin.locate(row)}: {format_time_exact(series.time[row])}: the rows are {step}, but neither on one day of "
            "the month nor at its end; write the first day of each month, or its last, or set data.frequency: rows to take each "
            "row as one step"
        )
    raise DataError(
        f"{series.origin.locate(row)}: {format_time_exact(series.time[row])} is not on the grid of the other rows (step: "
        f"{axis}); set data.resample: {{every: STEP, by: mean}}, or data.frequency: rows to take each row as one step"
    )


def _refuse_date_numbers(series: list[SeriesRows]) -> None:
    """Refuse whole numbers such as 20240131: as numbers they jump where a month ends, and are continued by no date."""
    dates = find_date_numbers([rows.time for rows in series])
    if dates is None:
        return
    place, layouts = dates
    rows = series[place]
    formats = [
        f"'{''.join(f'%{part}' for part in layout)}'" for layout in layouts if {*layout}.isdisjoint("WQ")
    ]
    if formats:
        kind, remedy = "dates without separators", f"set data.time_format: {' or '.join(formats)}, or"
    else:
        is_week = "W" in layouts[0]
        kind, digits = ("years and weeks", 2) if is_week else ("years and quarters", 1)
        year, part = divmod(int(rows.time[0]), 10**digits)
        remedy = f"write them as {year}-{'W' if is_week else 'Q'}{part:0{digits}}, or set"
    raise DataError(
        f"{rows.origin.locate(0)}: the times look like {kind}, the first is {rows.time[0]:.0f}; {remedy} "
        f"data.time_format: {NUMBER} if they are plain numbers"
    )

"""Past the end of the data: times, future covariates from a file, and time features."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data import calendar
from rnnfc.data.frequency import Frequency, Time, Times
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Floats, Panel, format_time
from rnnfc.data.windows import Rows
from rnnfc.errors import ConfigError, DataError
from rnnfc.workflows.fresh_rows import (
    ends_of,
    names_of,
    refuse_other_clock,
    refuse_other_month_convention,
    rows_of,
)


def future_times(panel: Panel, *, rows: int) -> Times | None:
    """The times after the last one of each series that has rows, [series, row].

    None for `data.frequency: rows`, unless the data has that many rows to be forecast.
    """
    times = [panel.frequency.next_times(panel.time[end - 1 : end], steps=rows) for end in ends_of(panel)]
    known = [time for time in times if time is not None]
    if not known and panel.future is not None:
        own = [panel.future.time[part] for part in rows_of(panel.future, names_of(panel))]
        known = [time[:rows] for time in own if len(time) >= rows]
        known = known if len(known) == len(own) else []
    return np.array(known) if known else None


def num_future(panel: Panel) -> int:
    """How many rows to be forecast the data has at least, of each series that has rows."""
    if panel.future is None:
        return 0
    return min(len(range(panel.future.num_rows)[rows]) for rows in rows_of(panel.future, names_of(panel)))


def future_covariates(panel: Panel, experiment: Experiment, future: object, *, rows: int) -> Floats:
    """[series, row, known] for the rows after the last one of each series that has rows.

    Args:
        future: the path of a file, or a data frame; None: the rows of the data that are to be forecast.
    Raises:
        ConfigError: the file is needed and missing, or not needed.
        DataError: it cannot be used, or lacks rows; or the times past the end are not known.
    """
    num_columns, num_series = panel.num_known - 2 * len(panel.calendar), len(names_of(panel))
    columns = panel.channels[len(panel.channels) - panel.num_known :][:num_columns]
    parts = [np.empty((num_series, rows, 0))]
    if columns:
        parts.append(_load_covariates(future, columns, panel, experiment, rows=rows))
    elif future is not None:
        raise ConfigError(f"{_option(future)}: this run has no data.known columns; leave it out")
    if panel.calendar:
        times = future_times(panel, rows=rows)
        if times is None:
            raise DataError(
                "data.calendar needs the times past the end, which data.frequency: rows does not define; train without it"
            )
        zone = experiment.data.zone if panel.offset else ""
        parts.append(np.stack([calendar.encode_times(time, panel.calendar, zone=zone) for time in times]))
    return np.concatenate(parts, axis=2)


def _option(future: object) -> str:
    return f"--future {future}" if isinstance(future, Path) else "future"


def _load_covariates(
    source: object, columns: tuple[str, ...], panel: Panel, experiment: Experiment, *, rows: int
) -> Floats:
    names, data = ", ".join(columns), experiment.data
    needed = f"the network needs {names} of the {rows} rows that it forecasts"
    if source is None and panel.future is None:
        raise ConfigError(f"future is missing; {needed}: pass them, on the command line with --future FILE")
    if isinstance(source, Path) and not source.exists():
        raise ConfigError(f"--future {source}: no such file; {needed}: name a CSV file with them")
    spec = data.only_targets(columns)
    if source is None and panel.future is not None:
        future = panel.future
    elif isinstance(source, Path):
        future = load_panel(spec.in_file(source), frequency=panel.frequency)
    else:
        future = load_panel(spec, frame=source, frequency=panel.frequency, offset=panel.offset)
    name = "data" if source is None else _option(source)
    refuse_other_clock(future, panel, name=name)
    if data.series_column is None:
        future = replace(future, series=panel.series)
    # Without a time column a file starts with the first row after the data.
    in_time = data.time_column is not None or source is None
    refuse_other_month_convention(future, panel, name=name)
    instead = ", or pass all of them, on the command line with --future FILE" if source is None else ""
    parts, lasts = [], panel.time[ends_of(panel) - 1]
    for series, last, own in zip(names_of(panel), lasts, rows_of(future, names_of(panel)), strict=True):
        after = _rows_after(future.time[own], last, panel.frequency, rows=rows) if in_time else slice(rows)
        complete = ~future.filled[own][after].any(axis=1)
        parts.append(future.values[own][after][complete])
        if len(parts[-1]) < rows:
            raise DataError(
                f"{name}: {series} has {len(parts[-1])} of the {rows} rows after {format_time(last)} "
                f"for which the network needs {names}; add the missing rows{instead}"
            )
    return np.stack(parts)


def _rows_after(time: Times, last: Time, frequency: Frequency, *, rows: int) -> Rows:
    """Which rows at `time` are the first `rows` after `last`: by time step, or by order where there is none."""
    if frequency.unit == "rows":
        return np.flatnonzero(time > last)[:rows]
    steps, on_grid = frequency.steps(time, first=last)
    return np.flatnonzero(on_grid & (steps >= 1) & (steps <= rows))

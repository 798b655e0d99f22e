"""What is known of the rows past the end of the data: known columns from a file, the calendar from the times."""

from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data import calendar
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Floats, Panel, format_time
from rnnfc.data.windows import Rows
from rnnfc.errors import ConfigError, DataError
from rnnfc.workflows.fresh_rows import ends_of, places_of, refuse_other_clock


def future_times(panel: Panel, *, rows: int) -> list[Any]:
    """The times [row] after the last one of each series that has rows; None where times past the end are not known."""
    return [panel.frequency.after(panel.time[end - 1 : end], steps=rows) for end in ends_of(panel)]


def future_covariates(panel: Panel, experiment: Experiment, path: Path | None, *, rows: int) -> Floats:
    """[series, row, known] of the rows after the last one of each series that has rows.

    Args:
        path: `predict --future`.
    Raises:
        ConfigError: the file is needed and not there, or not needed.
        DataError: it cannot be used, or lacks rows; or the times past the end are not known.
    """
    num_columns, times = panel.num_known - 2 * len(panel.calendar), future_times(panel, rows=rows)
    columns = panel.channels[len(panel.channels) - panel.num_known :][:num_columns]
    parts = [np.empty((len(times), rows, 0))]
    if columns:
        parts.append(_from_file(path, columns, panel, experiment, rows=rows))
    elif path is not None:
        raise ConfigError(f"--future {path}: this run has no data.known columns; leave it out")
    if panel.calendar:
        if times[0] is None:
            raise DataError(
                "data.calendar needs the times past the end, which data.frequency: rows does not tell; train without it"
            )
        parts.append(np.stack([calendar.encode_times(time, panel.calendar) for time in times]))
    return np.concatenate(parts, axis=2)


def _from_file(
    path: Path | None, columns: tuple[str, ...], panel: Panel, experiment: Experiment, *, rows: int
) -> Floats:
    names, data = ", ".join(columns), experiment.data
    if path is None or not path.exists():
        given = "is not given" if path is None else f"{path} is no file"
        raise ConfigError(
            f"--future {given}; the network reads {names} of the {rows} rows that it forecasts: name a CSV file of them"
        )
    found = load_panel(data.only_targets(columns).in_file(path), frequency=panel.frequency)
    refuse_other_clock(found, panel, what=f"--future {path}")
    named = found.series if data.series_column else panel.series
    parts = []
    for place in places_of(panel):
        name, last = panel.series[place], panel.time[panel.bounds[place + 1] - 1]
        own = slice(*found.bounds[named.index(name) :][:2]) if name in named else slice(0)
        # Without a time column the file begins with the first row after the data.
        wanted = (
            _after(found.time[own], last, panel.frequency, rows=rows) if data.time_column else slice(rows)
        )
        known = ~found.filled[own][wanted].any(axis=1)
        parts.append(found.values[own][wanted][known])
        if len(parts[-1]) < rows:
            raise DataError(
                f"--future {path}: {name} has {len(parts[-1])} of the {rows} rows after {format_time(last)} "
                f"that the network reads {names} of; add the others"
            )
    return np.stack(parts)


def _after(time: Times, last: Any, frequency: Frequency, *, rows: int) -> Rows:
    """Which of the rows at `time` are the `rows` ones after `last`: by their step, or the next ones where none is known."""
    if frequency.unit == "rows":
        return np.flatnonzero(time > last)[:rows]
    steps, on_grid = frequency.steps(time, first=last)
    return np.flatnonzero(on_grid & (steps >= 1) & (steps <= rows))

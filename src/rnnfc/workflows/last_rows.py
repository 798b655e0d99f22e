"""The last rows of some series, which forecasts begin from: those of the run, or fresh ones."""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnfc.config import Experiment
from rnnfc.config.data_spec import FileSpec, LongSpec
from rnnfc.data.csv_file import load_csv
from rnnfc.data.csv_text import counted
from rnnfc.data.panel import Panel
from rnnfc.data.scale import refuse_not_positive
from rnnfc.data.windows import Rows
from rnnfc.errors import ConfigError, DataError

# Names that a message lists.
_SHOWN = 5


def places_of(panel: Panel) -> Rows:
    """The series that have rows. The others keep their places: the network knows a series by its own."""
    return np.flatnonzero(np.diff(panel.bounds))


def ends_of(panel: Panel) -> Rows:
    """The end of each such series."""
    return panel.bounds[1:][places_of(panel)]


def fresh(path: Path, experiment: Experiment, *, like: Panel, transformed: bool) -> tuple[Panel, list[str]]:
    """The last window of each series in a file, read and checked as the run's own data was; and notes on those too short.

    Raises:
        ConfigError: the run's rows come from no file, or it knows no such series.
        DataError: the file cannot be used.
    """
    if not isinstance(experiment.data, FileSpec):
        raise ConfigError(
            f"--data {path}: the rows of this run come from no file but from data.kind: {experiment.data.kind}; "
            "leave --data out, or name a run that was trained on a CSV file"
        )
    if not path.exists():
        raise DataError(f"--data {path}: no such file; name a CSV file with the columns of the run's data")
    spec = experiment.data.model_copy(update={"path": str(path.absolute())})
    panel, length = load_csv(spec, frequency=like.frequency), experiment.window.length
    refuse_other_clock(panel, like, what=str(path))
    if not isinstance(spec, LongSpec):
        panel = replace(panel, series=like.series)
    _refuse_unknown(panel.series, like.series, what=f"{path}:", remedy="take its rows out, or train with it")
    long_enough = np.diff(panel.bounds) >= length
    if not long_enough.any():
        most = int(np.diff(panel.bounds).max())
        raise DataError(f"{path}: {counted(most, 'row')}, window.length={length:,} needs {length:,}; add earlier rows")
    left_out = [name for name, enough in zip(panel.series, long_enough, strict=True) if not enough]
    last = panel.only(long_enough).tail(length)
    if transformed:
        refuse_not_positive(last, what=f"scale.transform: {experiment.scale.transform}")
    notes = [f"left out, with fewer than window.length={length:,} rows: {_listed(left_out)}"] if left_out else []
    return _laid_out(last, last.series, like.series), notes


def refuse_other_clock(panel: Panel, like: Panel, *, what: str) -> None:
    """Refuse rows whose times are at another UTC offset than those of `like`, or dates where those are numbers."""
    if panel.offset != like.offset:
        theirs, ours = (f"the UTC offset {one.offset}" if one.offset else "no UTC offset" for one in (panel, like))
        raise DataError(f"{what}: the times have {theirs}, those of the run's data {ours}; write them as there")
    theirs, ours = ("dates" if one.time.dtype.kind == "M" else "numbers" for one in (panel, like))
    if theirs != ours:
        raise DataError(f"{what}: the times are {theirs}, those of the run's data are {ours}; write them as there")


def chosen(panel: Panel, names: Sequence[str]) -> Panel:
    """The panel with the rows of some series only.

    Raises:
        ConfigError: there is no such series.
        DataError: the file of fresh rows has too few of it.
    """
    _refuse_unknown(names, panel.series, what="--series", remedy="name one of the run's")
    there = {panel.series[place] for place in places_of(panel)}
    for name in names:
        if name not in there:
            raise DataError(f"--series {name}: --data has too few rows of it for a window; add rows")
    return _laid_out(panel, names, panel.series)


def _refuse_unknown(names: Sequence[str], known: Sequence[str], *, what: str, remedy: str) -> None:
    for name in sorted({*names} - {*known}, key=names.index):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {_listed(known)};"
        raise ConfigError(f"{what} {name}: the run knows no such series; {hint} {remedy}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _laid_out(panel: Panel, names: Sequence[str], order: tuple[str, ...]) -> Panel:
    """The rows of the series `names`, laid out in `order`, in which others have none."""
    place, wanted = {name: series for series, name in enumerate(panel.series)}, {*names}
    rows = [np.arange(*panel.bounds[place[name] :][:2]) if name in wanted else np.arange(0) for name in order]
    taken, bounds = np.concatenate(rows), np.cumsum([0, *map(len, rows)])
    return replace(
        panel, values=panel.values[taken], time=panel.time[taken], filled=panel.filled[taken], series=order, bounds=bounds
    )

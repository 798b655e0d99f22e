"""The last rows of some series, which forecasts begin from: those of the run, or fresh ones."""

import difflib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import refuse_not_positive
from rnnfc.data.windows import Rows
from rnnfc.errors import ConfigError, DataError
from rnnfc.runs.run import Run
from rnnfc.workflows.provenance import data_bytes

# Names that a message lists.
_SHOWN = 5


def places_of(panel: Panel) -> Rows:
    """The series that have rows. The others keep their places: the network knows a series by its own."""
    return np.flatnonzero(np.diff(panel.bounds))


def ends_of(panel: Panel) -> Rows:
    """The end of each such series."""
    return panel.bounds[1:][places_of(panel)]


def starting(
    which: Run, *, like: Panel, data: Path | None, series: Sequence[str], transformed: bool
) -> tuple[Panel, list[str]]:
    """The rows that forecasts begin from, `like` or those of a file (see `fresh`), of all series or some; and notes on them."""
    experiment = which.experiment()
    panel, notes = (
        fresh(data, experiment, like=like, transformed=transformed)
        if data
        else (like, _grown(which, experiment))
    )
    if series:
        panel, notes = chosen(panel, series), [] if data else notes
    return panel, [*_filled(panel), *notes]


def fresh(path: Path, experiment: Experiment, *, like: Panel, transformed: bool) -> tuple[Panel, list[str]]:
    """The last window of each series in a file, read and checked as the run's own data was; and notes on those too short.

    Raises:
        ConfigError: the run's rows come from no file, or it knows no such series.
        DataError: the file cannot be used.
    """
    if not experiment.data.has_columns:
        raise ConfigError(
            f"--data {path}: the rows of this run come from no file but from data.kind: {experiment.data.kind}; "
            "leave --data out, or name a run that was trained on a CSV file"
        )
    if not path.exists():
        raise DataError(f"--data {path}: no such file; name a CSV file with the columns of the run's data")
    spec = experiment.data.in_file(path)
    panel, length = load_panel(spec, frequency=like.frequency), experiment.window.length
    refuse_other_clock(panel, like, what=str(path))
    if spec.series_column is None:
        panel = replace(panel, series=like.series)
    rows, skipped = np.diff(panel.bounds), _skipped(panel, experiment, like=like)
    asked = [name for name, is_skipped in zip(panel.series, skipped, strict=True) if not is_skipped]
    _refuse_unknown(asked, like.series, what=f"{path}:", remedy="take its rows out, or train with it")
    long_enough = (rows >= length) & ~skipped
    if not long_enough.any():
        most = int(rows[~skipped].max())
        raise DataError(
            f"{path}: {most:,} row{'' if most == 1 else 's'}, window.length={length:,} needs {length:,}; add earlier rows"
        )
    reasons = (
        (~(long_enough | skipped), f"with fewer than window.length={length:,} rows"),
        (
            skipped,
            f"which the run does not know, with fewer than the {experiment.min_rows:,} rows that training needs",
        ),
    )
    last = panel.select_series(long_enough).tail(length)
    if transformed:
        refuse_not_positive(last, what=f"scale.transform: {experiment.scale.transform}")
    notes = [
        f"left out, {why}: {_listed([panel.series[at] for at in np.flatnonzero(out)])}"
        for out, why in reasons
        if out.any()
    ]
    return _laid_out(last, last.series, like.series), notes


def _filled(panel: Panel) -> list[str]:
    """Which values of the last window were missing."""
    counts = zip(panel.filled.sum(axis=0).tolist(), panel.channels, strict=True)
    filled = ", ".join(f"{count:,} of {name}" for count, name in counts if count)
    return (
        [f"values of the last window that were missing and are filled ({panel.missing}): {filled}"]
        if filled
        else []
    )


def _grown(which: Run, experiment: Experiment) -> list[str]:
    """Whether the file of the run's data is longer than it was for training."""
    then, now = which.info().get("data_bytes"), data_bytes(experiment.data)
    if not isinstance(then, int) or now is None or now <= then:
        return []
    path = shlex.quote(experiment.data.file or "")
    return [f"the run's data file has grown since training; forecast from its newest rows: --data {path}"]


def _skipped(panel: Panel, experiment: Experiment, *, like: Panel) -> npt.NDArray[np.bool_]:
    """Which series `data.short: skip` kept out of the run, and may be here again, [series]; none where that would be all."""
    if not experiment.data.skips_short_series:
        return np.zeros(len(panel.series), dtype=bool)
    known = {*like.series}
    unknown = np.array([name not in known for name in panel.series])
    skipped = unknown & (np.diff(panel.bounds) < experiment.min_rows)
    return skipped & ~skipped.all()


def refuse_other_clock(panel: Panel, like: Panel, *, what: str) -> None:
    """Refuse rows whose times are at another UTC offset than those of `like`, or dates where those are numbers."""
    if panel.offset != like.offset:
        theirs, ours = (
            f"the UTC offset {one.offset}" if one.offset else "no UTC offset" for one in (panel, like)
        )
        raise DataError(
            f"{what}: the times have {theirs}, those of the run's data {ours}; write them as there"
        )
    theirs, ours = ("dates" if one.time.dtype.kind == "M" else "numbers" for one in (panel, like))
    if theirs != ours:
        raise DataError(
            f"{what}: the times are {theirs}, those of the run's data are {ours}; write them as there"
        )


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
    return panel.select_rows(taken, series=order, bounds=bounds)

"""The last rows of each series, from which forecasts start: those of the run, or new ones from a file."""

import difflib
import itertools
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnfc.config.data_spec import DataSpec
from rnnfc.config.experiment import Experiment
from rnnfc.data.frequency import Times
from rnnfc.data.load import load_panel
from rnnfc.data.missing import source_rows
from rnnfc.data.panel import Panel, format_time
from rnnfc.data.scaler import refuse_not_positive
from rnnfc.data.windows import Rows
from rnnfc.errors import ConfigError, DataError
from rnnfc.runs.run import Run
from rnnfc.workflows.provenance import data_bytes

# Names that a message lists.
_MAX_LISTED = 5


def places_of(panel: Panel) -> Rows:
    """The indices of the series that have rows. Others keep their index, by which the network identifies a series."""
    return np.flatnonzero(np.diff(panel.bounds))


def names_of(panel: Panel) -> list[str]:
    """The names of the series that have rows."""
    return [panel.series[place] for place in places_of(panel)]


def rows_of(panel: Panel, names: Iterable[str]) -> list[slice]:
    """The rows of each of these series; none where the panel does not have it."""
    place = {name: series for series, name in enumerate(panel.series)}
    return [slice(*panel.bounds[place[name] :][:2]) if name in place else slice(0) for name in names]


def ends_of(panel: Panel) -> Rows:
    """The row after the last one of each series that has rows."""
    return panel.bounds[1:][places_of(panel)]


def first_window(
    run: Run, run_panel: Panel, *, data: object, series: Sequence[str], transformed: bool
) -> tuple[Panel, list[str]]:
    """The rows that forecasts start from, and notes on them.

    Args:
        run_panel: the last window of the run's own data.
        data: new rows, see `fresh`; None: `run_panel`.
        series: names of the series to forecast; empty: all.
        transformed: whether the run takes logarithms or powers of the values.
    """
    experiment = run.experiment()
    if data is not None:
        first_times = run.first_times(run_panel)
        panel, notes = fresh(
            data, experiment, run_panel, series=series, transformed=transformed, first_times=first_times
        )
    else:
        panel, notes = run_panel, _grown(run, experiment)
    if series:
        panel = select_series(panel, series)
    return panel, [*_filled(panel), *notes]


def fresh(
    data: object,
    experiment: Experiment,
    run_panel: Panel,
    *,
    series: Sequence[str] = (),
    transformed: bool,
    first_times: Times | None = None,
) -> tuple[Panel, list[str]]:
    """The last window of each series in new rows, read and checked like the run's data; notes on series left out.

    Args:
        data: the path of a file, or a data frame, with the columns of the run's data.
        series: names of the series that are checked; empty: all.
        first_times: of each series of the run's data, see `Run.first_times`.
    Raises:
        ConfigError: the run's data is not from a file, or it has no such series.
        DataError: the rows cannot be used.
    """
    name, option = (f"{data}", f"--data {data}") if isinstance(data, Path) else ("data", "data")
    if not experiment.data.has_columns:
        raise ConfigError(
            f"{option}: the data of this run is not from a file, but from data.kind: {experiment.data.kind}; "
            "leave it out, or name a run that was trained on a CSV file"
        )
    length = experiment.window.length
    panel = _load(data, experiment.data, run_panel)
    refuse_other_clock(panel, run_panel, name=name)
    if experiment.data.series_column is None:
        future = panel.future and replace(panel.future, series=run_panel.series)
        panel = replace(panel, series=run_panel.series, future=future)
    if series:
        panel = _only(panel, series, run_panel.series, length=length)
    num_rows, skipped = np.diff(panel.bounds), _skipped(panel, experiment, run_panel)
    names = [name for name, is_skipped in zip(panel.series, skipped, strict=True) if not is_skipped]
    _refuse_unknown(names, run_panel.series, prefix=f"{name}:", remedy="remove its rows, or train with it")
    long_enough = (num_rows >= length) & ~skipped
    if not long_enough.any():
        most = int(num_rows[~skipped].max())
        counted = f"{most:,} row{'' if most == 1 else 's'}"
        raise DataError(f"{name}: {counted}, window.length={length:,} needs {length:,}; add earlier rows")
    short = f"with fewer than window.length={length:,} rows"
    unknown = f"not in the run, with fewer than the {experiment.min_rows:,} rows that training needs"
    notes = [
        f"left out, {reason}: {_listed([panel.series[place] for place in np.flatnonzero(left_out)])}"
        for left_out, reason in ((~(long_enough | skipped), short), (skipped, unknown))
        if left_out.any()
    ]
    notes += panel.notes
    rows = panel.select_series(long_enough)
    is_whole = _are_whole(rows, experiment, run_panel, first_times)
    notes += _check_fill(rows, experiment, is_whole=is_whole, name=name)
    last = rows.tail(length)
    refuse_other_month_convention(last, run_panel, name=name)
    if transformed:
        refuse_not_positive(last, reason=f"scale.transform: {experiment.scale.transform}")
    return _in_order(last, last.series, run_panel.series), notes


def _only(panel: Panel, names: Sequence[str], known: tuple[str, ...], *, length: int) -> Panel:
    """The rows of the series `names`, each of which is `known` and has at least `length`."""
    _refuse_unknown(names, known, prefix="series", remedy="name a series of the run")
    for name, rows in zip(names, rows_of(panel, names), strict=True):
        if len(panel.time[rows]) < length:
            raise _too_few_rows(name)
    return panel.select_series(np.array([each in {*names} for each in panel.series]))


def _too_few_rows(series: str) -> DataError:
    return DataError(f"series {series}: data has too few rows of it for a window; add rows")


def _load(data: object, spec: DataSpec, run_panel: Panel) -> Panel:
    frequency = run_panel.frequency
    if not isinstance(data, Path):
        return load_panel(spec, frame=data, frequency=frequency, offset=run_panel.offset)
    if not data.exists():
        raise DataError(f"--data {data}: no such file; name a CSV file with the columns of the run's data")
    return load_panel(spec.in_file(data), frequency=frequency)


def _filled(panel: Panel) -> list[str]:
    """A note on values of the last window that were missing."""
    counts = zip(panel.filled.sum(axis=0).tolist(), panel.channels, strict=True)
    filled = ", ".join(f"{count:,} of {name}" for count, name in counts if count)
    notes = [f"missing values of the last window that were filled ({panel.missing}): {filled}"] * bool(filled)
    has_target = np.asarray((~panel.filled[:, : panel.num_targets]).any(axis=1))
    # One row may be late; several look like rows that are to be forecast.
    if any(
        not has_target[max(first, end - 2) : end].any()
        for first, end in itertools.pairwise(panel.bounds)
        if first < end
    ):
        notes.append(
            "the last rows have no target, and forecasts begin after them; remove these rows to forecast them"
        )
    return notes


def _grown(run: Run, experiment: Experiment) -> list[str]:
    """A note if the file of the run's data is longer than at training."""
    then, now = run.info().get("data_bytes"), data_bytes(experiment.data)
    if not isinstance(then, int) or now is None or now <= then:
        return []
    path = shlex.quote(experiment.data.file or "")
    return [f"the run's data file has grown since training; forecast from its newest rows: --data {path}"]


def _skipped(panel: Panel, experiment: Experiment, run_panel: Panel) -> npt.NDArray[np.bool_]:
    """Which series `data.short: skip` left out of the run and leaves out again, [series]; none if that would be all."""
    if not experiment.data.skips_short_series:
        return np.zeros(len(panel.series), dtype=bool)
    known = {*run_panel.series}
    unknown = np.array([name not in known for name in panel.series])
    skipped = unknown & (np.diff(panel.bounds) < experiment.min_rows)
    return skipped & ~skipped.all()


def refuse_other_clock(panel: Panel, run_panel: Panel, *, name: str) -> None:
    """Refuse times at another UTC offset than the run's, and dates where the run has numbers (or the reverse)."""
    panels = (panel, run_panel)
    offsets = [f"the UTC offset {each.offset}" if each.offset else "no UTC offset" for each in panels]
    kinds = ["dates" if each.time.dtype.kind == "M" else "numbers" for each in panels]
    for theirs, ours in ([f"have {offset}" for offset in offsets], [f"are {kind}" for kind in kinds]):
        if theirs != ours:
            raise DataError(
                f"{name}: the times {theirs}, those of the run's data {ours}; use the same in both"
            )


def _are_whole(
    panel: Panel, experiment: Experiment, run_panel: Panel, first_times: Times | None
) -> npt.NDArray[np.bool_] | None:
    """Whether the rows of each series begin where the run's data did, or before; None where the run does not tell."""
    if experiment.data.time_column is None:  # rows are numbered from 0, so there must be as many of them
        return np.asarray(np.diff(panel.bounds) > run_panel.time[-1])
    if first_times is None:
        return None
    began = dict(zip(run_panel.series, first_times, strict=True))
    return np.array(
        [time <= began[name] for name, time in zip(panel.series, panel.time[panel.bounds[:-1]], strict=True)]
    )


def _check_fill(
    panel: Panel, experiment: Experiment, *, is_whole: npt.NDArray[np.bool_] | None, name: str
) -> list[str]:
    """Notes on values of the last windows that `missing: mask` could not fill with the value of an earlier season.

    Args:
        is_whole: of each series, whether the rows have the fill of the run, because they are all of its rows; None: not known.
    Raises:
        DataError: earlier rows may hold that value, so the network would read another one than from the whole data.
    """
    data, length = experiment.data, experiment.window.length
    if not data.is_masked:
        return []
    season = data.season or 1
    without = np.zeros(len(panel.channels), dtype=np.int64)
    for place, series in enumerate(panel.series):
        first, end = panel.bounds[place : place + 2]
        for channel in np.flatnonzero(panel.filled[end - length : end].any(axis=0)):
            missing, column = panel.filled[first:end, channel], panel.channels[channel]
            unknown = np.flatnonzero(source_rows(missing, season=season)[-length:] < 0)
            if not len(unknown):
                continue
            is_leading = missing[: len(missing) - length + unknown[0] + 1].all()
            is_long = end - first >= length + season
            if not (is_long and not is_leading if is_whole is None else is_whole[place]):
                least = int(end - first) + season if is_long else length + season
                is_new = is_leading and is_long
                how_many = f"until one has a value of {column}" if is_new else f"at least {least:,} in all"
                raise DataError(
                    f"{name}: series {series!r}: {len(unknown):,} missing values of {column} in the last window have no value "
                    f"{season:,} rows earlier to fill them from; add earlier rows, {how_many}"
                )
            without[channel] += len(unknown)
    counts = ", ".join(
        f"{without[channel]:,} of {panel.channels[channel]}" for channel in np.flatnonzero(without)
    )
    return [f"filled with the last value, because no earlier season in the data has one: {counts}"] * bool(
        counts
    )


def refuse_other_month_convention(panel: Panel, run_panel: Panel, *, name: str) -> None:
    """Refuse month ends for a series that the run read at month starts, or the reverse."""
    names = names_of(panel)
    pairs = zip(names, rows_of(panel, names), rows_of(run_panel, names), strict=True)
    for series, now, then in pairs:
        time, before = panel.time[now], run_panel.time[then]
        if len(before) and not run_panel.frequency.has_month_convention(time, reference=before[-1]):
            raise DataError(
                f"{name}: series {series!r} ends at {format_time(time[-1])}, at training it ended at {format_time(before[-1])}; "
                "write month starts or month ends as in the run's data"
            )


def select_series(panel: Panel, names: Sequence[str]) -> Panel:
    """The panel with the rows of these series only.

    Raises:
        ConfigError: there is no such series.
        DataError: the file of new rows has too few of it.
    """
    _refuse_unknown(names, panel.series, prefix="series", remedy="name a series of the run")
    with_rows = {panel.series[place] for place in places_of(panel)}
    for name in names:
        if name not in with_rows:
            raise _too_few_rows(name)
    return _in_order(panel, names, panel.series)


def _refuse_unknown(names: Sequence[str], known: Sequence[str], *, prefix: str, remedy: str) -> None:
    is_known = {*known}
    for name in names:
        if name not in is_known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {_listed(known)};"
            raise ConfigError(f"{prefix} {name}: unknown series; {hint} {remedy}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else ""
    return f"{', '.join(names[:_MAX_LISTED])}{more}"


def _in_order(panel: Panel, names: Sequence[str], order: tuple[str, ...]) -> Panel:
    """The rows of the series `names`, in `order`; other series have no rows."""
    place, wanted = {name: series for series, name in enumerate(panel.series)}, {*names}
    rows = [np.arange(*panel.bounds[place[name] :][:2]) if name in wanted else np.arange(0) for name in order]
    return panel.select_rows(np.concatenate(rows), series=order, bounds=np.cumsum([0, *map(len, rows)]))

"""Data and windows of an experiment, checked, and what `check` reports; does not import TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np

from rnnfc import memory
from rnnfc.baselines import refuse_missing_extra
from rnnfc.baselines.linear_map import num_inputs
from rnnfc.config.experiment import Experiment
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel, format_time
from rnnfc.data.scaler import Scaler, is_constant, training_range
from rnnfc.data.sources.frame import as_frame_spec
from rnnfc.data.windows import Splits, Windows, cut_after, cut_windows
from rnnfc.errors import ConfigError, DataError
from rnnfc.networks.family import Sizes
from rnnfc.networks.processors import num_processors
from rnnfc.networks.size import num_parameters, training_bytes
from rnnfc.plain import JsonObject
from rnnfc.runs.forecast_parquet import refuse_missing_pyarrow
from rnnfc.runs.row_hashes import Hashes, row_hashes, rows_per_hash
from rnnfc.runs.run import INFO, Run
from rnnfc.training.compile.recipe import Recipe, choose
from rnnfc.workflows.phases import Phase, Phases
from rnnfc.workflows.scale_notes import scale_notes


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An experiment with its data and windows.

    scale_notes: what to try where scaling does not fit the data.
    constant_series: how many have a channel that is constant on the training rows, so that it is centred, not scaled.
    fit_by_range: whether baselines of several columns that nothing scales are fitted in units of their ranges, not to the largest
        as in earlier versions.
    map_reads_known: whether the linear map reads future covariates of the target rows; not in earlier versions.
    fixed_stride: whether training windows were cut by the rule of earlier versions, see `cut_windows`.
    """

    experiment: Experiment
    panel: Panel
    splits: Splits
    loading: Phase
    scale_notes: tuple[str, ...]
    constant_series: int
    fixed_stride: bool
    fit_by_range: bool
    map_reads_known: bool

    @property
    def parameters(self) -> int:
        """Trainable parameters of the network."""
        return num_parameters(self.experiment.model, network_sizes(self.experiment, self.panel))

    @property
    def training_bytes(self) -> int:
        """Estimated peak memory of training, without TensorFlow itself."""
        batch_size = min(self.experiment.train.batch_size, len(self.splits.train))
        experiment, rows = self.experiment, self.panel.num_rows
        sizes = network_sizes(experiment, self.panel)
        return self.linear_bytes + training_bytes(experiment.model, sizes, rows=rows, batch_size=batch_size)

    @property
    def linear_bytes(self) -> int:
        """Normal equations of the larger linear map (baseline or linear skip) in float64: three square matrices."""
        skip = self.experiment.net and self.experiment.net.linear
        skip_inputs = (skip.length or self.experiment.window.length) if skip else 0
        return 3 * 8 * max(num_inputs(self.splits.train), skip_inputs) ** 2

    @property
    def forecast_bytes(self) -> int:
        """Forecast, actual value and time of every scored target, of the network and one baseline; the network's quantiles."""
        num_windows = sum(map(len, self.splits.scored.values()))
        values = self.experiment.window.horizon * self.panel.num_targets * num_windows
        return (2 * 3 + len(self.experiment.levels)) * 8 * values

    @property
    def recipe(self) -> Recipe:
        """How its epochs will be compiled on this machine."""
        sizes = {
            "channels": len(self.panel.channels),
            "targets": self.panel.num_targets,
            "windows": len(self.splits.train),
        }
        return choose(self.experiment, **sizes, processors=num_processors())


def network_sizes(experiment: Experiment, panel: Panel) -> Sizes:
    """The sizes of the experiment's network, before parts such as a series embedding add to them."""
    return Sizes(
        length=experiment.window.length,
        horizon=experiment.window.horizon,
        channels=len(panel.channels),
        targets=panel.num_targets,
        known=panel.num_known,
        series=len(panel.series),
    )


def prepare(
    experiment: Experiment,
    *,
    frame: object = None,
    rows: Callable[[Panel], Panel] | None = None,
    frequency: Frequency | None = None,
    fixed_stride: bool = False,
    fit_by_range: bool = True,
    map_reads_known: bool = True,
    is_final: bool = False,
) -> Prepared:
    """Read the data of an experiment, cut its windows, and check everything that can be checked before training.

    Args:
        frame: a data frame with the columns of `experiment.data`, read instead of its source.
        rows: selects rows of the data; None selects the series that are long enough.
        frequency: the step that the rows had at training; None: it is inferred.
        fixed_stride: cut training windows by the rule of earlier versions, see `cut_windows`.
        fit_by_range, map_reads_known: see `Prepared`.
        is_final: all rows are training rows, for a final fit.
    Raises:
        ConfigError: training would need more memory than there is.
        DataError: the data cannot be used, or does not fit the experiment.
        MissingExtraError: a package that the data or a baseline needs is not installed.
    """
    if frame is not None:
        experiment = experiment.model_copy(update={"data": as_frame_spec(experiment.data)})
    window = experiment.window
    if rows is None:
        refuse_missing_extra(experiment.baselines)
        if experiment.report.forecasts == "all":
            refuse_missing_pyarrow()
    with Phases()("data") as loading:
        panel = load_panel(experiment.data, frame=frame, frequency=frequency)
        if rows is None:
            _refuse_calendar_without_step(panel)
        panel = rows(panel) if rows else _long_enough(panel, experiment)
        splits = cut_windows(
            panel,
            length=window.length,
            horizon=window.horizon,
            split=experiment.split,
            stride=window.stride,
            season=experiment.data.season,
            fixed_stride=fixed_stride,
            is_final=is_final,
        )
        edges = training_range(panel, splits.train_rows, **experiment.scale.model_dump())
        loading.rows = panel.num_rows
    if len(panel.series) == 1 and experiment.net and experiment.net.series_embedding:
        text = "model.series_embedding needs several series, and the data has one"
        raise DataError(f"{text}; remove the key, or use data with several series (data.kind: long)")
    if rows is None and experiment.net and experiment.net.series_embedding:
        _refuse_untrained_series(panel, splits.train)
    scaled_by_series = experiment.scale.method != "none" and experiment.scale.by == "series"
    constant = int(is_constant(*edges).any(axis=1).sum()) if scaled_by_series else 0
    prepared = Prepared(
        experiment=experiment,
        panel=panel,
        splits=splits,
        loading=loading,
        scale_notes=()
        if is_final
        else tuple(scale_notes(experiment, panel, splits, low=edges[0], high=edges[1])),
        constant_series=constant,
        fixed_stride=fixed_stride,
        fit_by_range=fit_by_range,
        map_reads_known=map_reads_known,
    )
    _refuse_large(prepared)
    return prepared


def _refuse_untrained_series(panel: Panel, train: Windows) -> None:
    """Refuse a series without a training window: it would be forecast from the random vector that its embedding starts with."""
    untrained = np.setdiff1d(np.arange(len(panel.series)), train.series)
    if len(untrained):
        raise DataError(
            f"series {panel.series[untrained[0]]!r} has no training window ({len(untrained):,} of {len(panel.series):,} series), "
            "so model.series_embedding would learn nothing of it; leave such series out, change split, or remove series_embedding"
        )


def _refuse_calendar_without_step(panel: Panel) -> None:
    """Refuse time features on rows without a step: no forecast past the end of the data could have them."""
    if panel.calendar and panel.frequency.unit == "rows":
        raise ConfigError(
            "data.calendar needs the times past the end of the data, which data.frequency: rows does not define; remove "
            "calendar, or remove frequency and resample the data to equal steps"
        )


def _long_enough(panel: Panel, experiment: Experiment) -> Panel:
    """The series with at least `min_rows`; a single series stays, and its split is refused later."""
    window, rows = experiment.window, np.diff(panel.bounds)
    short = rows < experiment.min_rows
    if len(rows) == 1 or not short.any():
        return panel
    if experiment.data.skips_short_series and not short.all():
        return panel.select_series(~short)
    first = int(np.argmax(short))
    split = " with the rows that split counts" if experiment.split.num_rows else ""
    raise DataError(
        f"series {panel.series[first]!r} has {rows[first]:,} rows, window.length={window.length:,} + window.horizon="
        f"{window.horizon:,}{split} needs {experiment.min_rows:,} ({short.sum():,} of {len(rows):,} series are too short); "
        "shorten the window, or set data.short: skip to leave such series out"
    )


def _refuse_large(prepared: Prepared) -> None:
    weights = 16 * prepared.parameters  # float32 weights, gradients and two optimizer slots
    parts = {
        "model.units": weights,
        "train.batch_size or window.length": prepared.training_bytes - prepared.linear_bytes - weights,
        "model.linear.length or window.length": prepared.linear_bytes,
        "window.horizon": prepared.forecast_bytes,
    }
    largest = max(parts, key=lambda name: parts[name])
    subject = f"training of {prepared.parameters:,} parameters on {len(prepared.splits.train):,} windows"
    memory.require(
        sum(parts.values()),
        subject,
        hint=f"reduce {largest}, which takes {memory.format_bytes(parts[largest])} of it",
    )


def prepare_run(run: Run) -> tuple[Prepared, Scaler]:
    """Data and windows of a finished run, read again from their source, and the scaler of the run.

    Rows that were added to the data after training are left out.

    Raises:
        DataError: the data is not what the run was trained on, or was a data frame.
        RunError: the run is damaged.
    """
    experiment = _experiment_of_file(run)
    prepared = prepare(
        experiment,
        rows=lambda panel: _as_trained(run, panel, experiment),
        frequency=run.frequency(),
        fixed_stride=run.has_fixed_stride(),
        fit_by_range=run.fits_by_range(),
        map_reads_known=run.map_reads_known(),
        is_final=run.parent() is not None,
    )
    return prepared, run.scaler(channels=len(prepared.panel.channels), series=len(prepared.panel.series))


def prepare_final(run: Run) -> Prepared:
    """All rows of a finished run's data as training rows, with those that were added since, of the series of the run.

    Raises:
        DataError, RunError: see `prepare_run`.
    """
    experiment = _experiment_of_file(run)

    def whole(panel: Panel) -> Panel:
        names = {*_as_trained(run, panel, experiment).series}
        return panel.select_series(np.array([name in names for name in panel.series]))

    return prepare(experiment, rows=whole, frequency=run.frequency(), is_final=True)


def prepare_new_rows(run: Run, data: Path) -> tuple[Prepared, Scaler, list[str]]:
    """A run's data read from a file that has grown, its scaler, and the names of series in the file that it does not know.

    The test windows are those of the rows since training; baselines and metrics are fitted on the training rows of the run.

    Args:
        data: has the rows of the run and later ones, in the format of the run's file.
    Raises:
        ConfigError: the run's data is not from a file.
        DataError: rows of the run have changed, or there are too few later ones.
        RunError: the run is damaged.
    """
    experiment = run.experiment()
    trained_names = run.last_window(length=experiment.window.length).series
    grown: list[Panel] = []
    unknown: list[str] = []

    def as_trained(panel: Panel) -> Panel:
        if experiment.data.series_column is None:  # the only series has the name of its file
            panel = replace(panel, series=trained_names)
        trained = _as_trained(run, panel, experiment)
        names = {*trained.series}
        grown.append(panel.select_series(np.array([name in names for name in panel.series])))
        unknown.extend(name for name in panel.series if name not in names)
        return trained

    prepared = prepare(
        experiment.model_copy(update={"data": experiment.data.in_file(data)}),
        rows=as_trained,
        frequency=run.frequency(),
        fixed_stride=run.has_fixed_stride(),
        fit_by_range=run.fits_by_range(),
        map_reads_known=run.map_reads_known(),
    )
    whole, window = grown[0], experiment.window
    first_rows = whole.bounds[:-1] + np.diff(prepared.panel.bounds)
    since = cut_after(whole, first_rows, length=window.length, horizon=window.horizon)
    splits = replace(prepared.splits, validation=None, test=since)
    scaler = run.scaler(channels=len(whole.channels), series=len(whole.series))
    return replace(prepared, splits=splits), scaler, unknown


def _experiment_of_file(run: Run) -> Experiment:
    experiment = run.experiment()
    if experiment.data.from_frame:
        raise DataError(
            f"{run.folder}: this run was trained on a data frame, which is not stored; train again from a file (data.kind: csv) "
            "to read its data again, or forecast in Python: run.predict(data=frame)"
        )
    return experiment


def _as_trained(run: Run, panel: Panel, experiment: Experiment) -> Panel:
    """The rows that the run was trained on.

    Raises:
        DataError: they have changed.
    """
    last = run.last_window(length=experiment.window.length)
    # A series that was added after training may be too short, which is not an error of this run.
    panel = (_long_enough(panel, experiment) if experiment.data.skips_short_series else panel).truncate_to(
        last
    )
    if panel.future is not None and last.span[1] > panel.span[1]:
        raise DataError(
            f"{run.folder}: the rows after {format_time(panel.span[1])} have no target, and the run was trained on values "
            "there (earlier versions filled them); restore these values, or train again"
        )
    if panel.fingerprint() != run.info().get("data_sha256"):
        raise DataError(
            f"{run.folder}: the data has changed since this run was trained (the SHA-256 of its rows up to "
            f"{format_time(last.span[1])} is not the one in {INFO}"
            f"{_difference(panel, last, run.first_times(last), run.row_hashes())}); restore these rows, or train again"
        )
    return panel


def _difference(panel: Panel, last: Panel, first_times: Times | None, hashes: Hashes | None) -> str:
    """Where rows differ from those of a run, as a clause; empty where a run of an earlier version does not tell."""
    missing = [name for name in last.series if name not in panel.series]
    if missing:
        return f"; series {missing[0]!r} is not there"
    if (panel.series, panel.channels) != (last.series, last.channels):
        return ""
    if panel.time.dtype.kind != last.time.dtype.kind:
        return ""
    length = len(last.time) // len(last.series)
    in_window = ""
    for index, name in enumerate(last.series):
        of = f" of series {name!r}" if len(last.series) > 1 else ""
        rows = slice(panel.bounds[index], panel.bounds[index + 1])
        window = slice(index * length, (index + 1) * length)
        times, values = panel.time[rows], panel.values[rows][-length:]
        expected = last.time[window]
        if not len(times):
            return f"; no row{of} up to there is in the data, which must hold the run's rows too"
        if first_times is not None and times[0] != first_times[index]:
            return f"; the first row{of} is {format_time(times[0])}, in the run {format_time(first_times[index])}"
        if times[-1] < expected[-1]:
            return (
                f"; the rows{of} end at {format_time(times[-1])}, in the run at {format_time(expected[-1])}"
            )
        if not np.array_equal(times[-length:], expected):
            continue
        changed = np.argwhere((values != last.values[window]) & ~last.filled[window])
        if len(changed) and not in_window:
            row, channel = changed[0]
            in_window = (
                f"; {panel.channels[channel]}{of} at {format_time(expected[row])} is {values[row, channel]:.12g}, "
                f"in the run {last.values[window][row, channel]:.12g}"
            )
    return _earlier_difference(panel, hashes, length=length) or in_window


def _earlier_difference(panel: Panel, hashes: Hashes | None, *, length: int) -> str:
    """The first row before the last window of its series that differs from that of a run with these hashes, as a clause."""
    current = row_hashes(panel)
    if hashes is None or len(hashes) != len(current):
        return ""
    changed = np.flatnonzero(current != hashes) * rows_per_hash(panel)
    if not len(changed):
        return ""
    row = int(changed[0])
    series = int(np.searchsorted(panel.bounds, row, side="right")) - 1
    if row >= panel.bounds[series + 1] - length:
        return ""
    of = f" of series {panel.series[series]!r}" if len(panel.series) > 1 else ""
    since = " or one soon after it" if rows_per_hash(panel) > 1 else ""
    return f"; the row{of} at {format_time(panel.time[row])}{since} has changed"


class SplitSummary(TypedDict):
    """The windows of a split; `series`: how many have windows in it, if there are several."""

    count: int
    series: NotRequired[int]
    first_target: str
    last_target: str


class Check(TypedDict):
    """What `rnnfc check --json` prints. Times are text; bytes are estimates.

    future_rows: at the end of the data, which are to be forecast and have all of data.known; only if there are some.
    phases: of data.season, at which training windows begin; only if window.stride leaves phases out.
    """

    experiment: JsonObject
    rows: int
    series: int
    left_out_series: int
    frequency: str
    first_time: str
    last_time: str
    filled_values: int
    future_rows: NotRequired[int]
    constant_series: int
    channels: list[str]
    targets: list[str]
    windows: dict[str, SplitSummary]
    phases: NotRequired[int]
    parameters: int
    updates: int
    training_bytes: int
    notes: list[str]


def check(prepared: Prepared) -> Check:
    """Rows, windows of each split with first and last target time, parameters and memory, as plain values."""
    experiment, panel, spec = prepared.experiment, prepared.panel, prepared.experiment.train
    return {
        "experiment": experiment.model_dump(mode="json", exclude_none=True),
        "rows": panel.num_rows,
        "series": len(panel.series),
        "left_out_series": panel.left_out,
        "frequency": panel.step,
        "first_time": format_time(panel.span[0]),
        "last_time": format_time(panel.span[1]),
        "filled_values": int(panel.filled.sum()),
        "constant_series": prepared.constant_series,
        "channels": list(panel.channels),
        "targets": list(panel.targets),
        "windows": {name: _summary(windows) for name, windows in prepared.splits},
        **_if_any(prepared),
        "parameters": prepared.parameters,
        "updates": spec.epochs * -(-len(prepared.splits.train) // spec.batch_size),
        "training_bytes": prepared.training_bytes,
        "notes": [*panel.notes, *prepared.scale_notes],
    }


class _IfAny(TypedDict, total=False):
    """The keys of `Check` that are not always there."""

    future_rows: int
    phases: int


def _if_any(prepared: Prepared) -> _IfAny:
    season, future = prepared.experiment.data.season, prepared.panel.future
    facts: _IfAny = {} if future is None else {"future_rows": future.num_rows}
    if prepared.experiment.window.stride > 1 and season:
        phases = prepared.splits.train.num_phases(season)
        facts |= {"phases": phases} if phases < season else {}
    return facts


def _summary(windows: Windows) -> SplitSummary:
    first, last = windows.span
    extent = SplitSummary(count=len(windows), first_target=format_time(first), last_target=format_time(last))
    return {**extent, "series": windows.num_series} if len(windows.panel.series) > 1 else extent

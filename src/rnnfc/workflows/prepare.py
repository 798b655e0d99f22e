"""Data and windows of an experiment, and what `check` tells of them; without TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfc import memory
from rnnfc.baselines import refuse_missing_extra
from rnnfc.baselines.linear_map import num_inputs
from rnnfc.config.experiment import Experiment
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel, format_time
from rnnfc.data.scaler import Scaler, is_constant, training_range
from rnnfc.data.windows import Splits, Windows, cut_windows
from rnnfc.errors import DataError
from rnnfc.networks.family import Sizes
from rnnfc.networks.processors import num_processors
from rnnfc.networks.size import num_parameters, training_bytes
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.training.compile.recipe import Recipe, choose
from rnnfc.workflows.phases import Phase, Phases


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An experiment with its data and windows.

    constant_series: how many have a channel that does not change on the training rows, so that it is centred alone.
    """

    experiment: Experiment
    panel: Panel
    splits: Splits
    loading: Phase
    constant_series: int

    @property
    def parameters(self) -> int:
        """Trainable parameters of the network."""
        return num_parameters(self.experiment.model, network_sizes(self.experiment, self.panel))

    @property
    def training_bytes(self) -> int:
        """Rough peak memory of training beyond TensorFlow itself."""
        experiment, rows = self.experiment, self.panel.num_rows
        batch = min(experiment.train.batch_size, len(self.splits.train))
        sizes = network_sizes(experiment, self.panel)
        return self.linear_bytes + training_bytes(experiment.model, sizes, rows=rows, batch_size=batch)

    @property
    def linear_bytes(self) -> int:
        """The normal equations of the larger linear map, baseline or beside the network, in float64: three squares at a time."""
        beside = self.experiment.net and self.experiment.net.linear
        inputs = max(
            num_inputs(self.splits.train), (beside.length or self.experiment.window.length) if beside else 0
        )
        return 3 * 8 * inputs**2

    @property
    def forecast_bytes(self) -> int:
        """Forecast, actual value and time of every target of every window: of the network, and of one baseline at a time.

        The network's quantiles too.
        """
        values = (
            self.experiment.window.horizon
            * self.panel.num_targets
            * sum(map(len, self.splits.scored.values()))
        )
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


def prepare(experiment: Experiment, *, rows: Callable[[Panel], Panel] | None = None) -> Prepared:
    """The data of an experiment, checked, and its windows: whatever can be wrong with them is told here.

    Args:
        rows: chooses among the rows that were read; without it, the series that are long enough.
    Raises:
        ConfigError: training would need more memory than there is.
        DataError: the data cannot be used, or does not fit the experiment.
        MissingExtraError: a package that the data or a baseline needs is not installed.
    """
    window = experiment.window
    if rows is None:
        refuse_missing_extra(experiment.baselines)
    with Phases()("data") as loading:
        panel = load_panel(experiment.data)
        panel = rows(panel) if rows else _long_enough(panel, experiment)
        splits = cut_windows(
            panel, length=window.length, horizon=window.horizon, split=experiment.split, stride=window.stride
        )
        edges = training_range(panel, splits.train_rows, **experiment.scale.model_dump())
        loading.rows = panel.num_rows
    if len(panel.series) == 1 and experiment.net and experiment.net.series_embedding:
        text = "model.series_embedding tells series apart, and the data has one"
        raise DataError(f"{text}; leave it out, or give several series (data.kind: long)")
    scaled_alone = experiment.scale.method != "none" and experiment.scale.by == "series"
    constant = int(is_constant(*edges).any(axis=1).sum()) if scaled_alone else 0
    prepared = Prepared(
        experiment=experiment, panel=panel, splits=splits, loading=loading, constant_series=constant
    )
    _refuse_large(prepared)
    return prepared


def _long_enough(panel: Panel, experiment: Experiment) -> Panel:
    """The series with the fewest rows or more; a single one stays, for it is its split that is too short."""
    window, rows = experiment.window, np.diff(panel.bounds)
    short = rows < experiment.min_rows
    if len(rows) == 1 or not short.any():
        return panel
    if experiment.data.skips_short_series and not short.all():
        return panel.select_series(~short)
    first, split = (
        int(np.argmax(short)),
        " with the rows that split counts" if experiment.split.num_rows else "",
    )
    raise DataError(
        f"series {panel.series[first]!r} has {rows[first]:,} rows, window.length={window.length:,} + window.horizon="
        f"{window.horizon:,}{split} needs {experiment.min_rows:,} ({short.sum():,} of {len(rows):,} series are too short); "
        "shorten the window, or set data.short: skip to leave such series out"
    )


def _refuse_large(prepared: Prepared) -> None:
    weights = 16 * prepared.parameters  # with gradients and two optimizer slots, float32
    parts = {
        "model.units": weights,
        "train.batch_size or window.length": prepared.training_bytes - prepared.linear_bytes - weights,
        "model.linear.length or window.length": prepared.linear_bytes,
        "window.horizon": prepared.forecast_bytes,
    }
    largest = max(parts, key=lambda name: parts[name])
    what = f"training of {prepared.parameters:,} parameters on {len(prepared.splits.train):,} windows"
    memory.require(
        sum(parts.values()),
        what,
        hint=f"reduce {largest}, which takes {memory.format_bytes(parts[largest])} of it",
    )


def prepare_again(which: Run) -> tuple[Prepared, Scaler]:
    """Data and windows of a finished run, from its source, and the scaler of the run; without rows that have come since.

    Raises:
        DataError: the data is not what the run was trained on.
        RunError: the run is damaged.
    """
    experiment = which.experiment()

    def as_trained(panel: Panel) -> Panel:
        last = which.last_window(length=experiment.window.length)
        # A series that has come since may still be too short, which is no fault of the run.
        panel = (
            _long_enough(panel, experiment) if experiment.data.skips_short_series else panel
        ).truncate_to(last)
        if panel.fingerprint() != which.info().get("data_sha256"):
            raise DataError(
                f"{which.folder}: the data has changed since this run was trained (the SHA-256 of its rows up to "
                f"{format_time(last.span[1])} is not the one in {run.INFO}); restore these rows, or train again"
            )
        return panel

    prepared = prepare(experiment, rows=as_trained)
    return prepared, which.scaler(channels=len(prepared.panel.channels), series=len(prepared.panel.series))


def check(prepared: Prepared) -> dict[str, Any]:
    """Everything but training: rows, windows of each split with first and last target time, parameters, memory."""
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
        "windows": {name: _extent(windows) for name, windows in prepared.splits},
        "parameters": prepared.parameters,
        "updates": spec.epochs * -(-len(prepared.splits.train) // spec.batch_size),
        "training_bytes": prepared.training_bytes,
    }


def _extent(windows: Windows) -> dict[str, Any]:
    first, last = windows.span
    whose = {"series": windows.num_series} if len(windows.panel.series) > 1 else {}
    return {
        "count": len(windows),
        **whose,
        "first_target": format_time(first),
        "last_target": format_time(last),
    }

"""Train a network and publish its run folder: what an ordinary training and a final fit have in common."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import to_yaml
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.evaluation.forecast import Predictor
from rnnfc.export.interface import interface
from rnnfc.export.onnx_network import OnnxNetwork
from rnnfc.export.parity import parity_error
from rnnfc.networks.tensors import to_forecast
from rnnfc.plain import JsonObject
from rnnfc.runs import run
from rnnfc.runs.checkpoint import Checkpoints, checkpoint_state
from rnnfc.runs.panel_arrays import panel_to_arrays
from rnnfc.runs.parent import Parent
from rnnfc.runs.row_hashes import row_hashes
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.training.engine import Network, NetworkFacts
from rnnfc.training.loop import TrainState, restore_best_weights, train_epochs
from rnnfc.training.progress import Epoch
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.phases import Phases
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.provenance import data_bytes, provenance
from rnnfc.workflows.resume import Unfinished
from rnnfc.workflows.score import refuse_not_finite

_Result = TypeVar("_Result")


class Listener(Protocol):
    """Receives the progress of a training: the console, or nothing."""

    def prepared(self, prepared: Prepared) -> None:
        """Data and windows are ready; the engine starts next."""

    def epoch(self, row: Epoch, *, total: int) -> None:
        """An epoch has ended."""

    def tick(self, share: float) -> None:
        """`share` (0 to 1) of the current epoch is done."""

    def interrupted(self, folder: Path, *, epoch: int, total: int, failed: bool) -> None:
        """Training stopped; the hidden `folder` holds the state after `epoch`, and can be resumed unless it `failed`."""

    def trained(self, rows: list[Epoch], *, best_epoch: int, total: int, seconds: float) -> None:
        """Training has ended; `best_epoch` is 0 if the last weights are kept."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A trained network, its history (best_epoch is 0 if the last weights are kept), and facts for run.json."""

    network: Network
    history: list[Epoch]
    best_epoch: int
    facts: NetworkFacts


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A trained network, while its folder is being written.

    predictor: what is read from model.onnx; the network itself where that could not be made.
    not_written: why files are missing that no forecast needs, by their names.
    facts: further ones for run.json.
    """

    writer: RunWriter
    phases: Phases
    fitted: Fitted
    predictor: Predictor
    not_written: dict[str, str] = field(default_factory=dict)
    facts: JsonObject = field(default_factory=dict)


def train_network(
    prepared: Prepared,
    *,
    outputs: Path,
    listener: Listener,
    parent: Parent | None,
    resume_from: Unfinished | None,
    parity_windows: Windows,
    write_results: Callable[[Finished], _Result],
) -> tuple[Run, _Result]:
    """Train a network, and publish its run folder with what `write_results` adds to it and returns.

    Args:
        parent: the training that this is a final fit of.
        resume_from: continue this unfinished run; the result has the same bits as without the break.
        parity_windows: for which the exported network must forecast what the trained one does.
    Raises:
        TrainError: training diverged; nothing is published.
        OutputError: the run could not be written.
    """
    phases, experiment, train_rows = (
        Phases({"data": prepared.loading}),
        prepared.experiment,
        prepared.splits.train_rows,
    )
    writer = RunWriter(outputs, experiment.name, unfinished=resume_from.folder if resume_from else None)
    checkpoints = Checkpoints(writer)
    num_epochs = len(parent.learning_rates) if parent else experiment.train.epochs
    try:
        with writer:
            listener.prepared(prepared)
            info = _begin(writer, prepared, parent, resume_from)
            with phases("scale", rows=int(np.diff(train_rows).sum())):
                scaler = Scaler.fit(prepared.panel, train_rows, **experiment.scale.model_dump())
            with _failure_recorded(writer, info):
                fitted = _fit(
                    prepared, scaler, checkpoints, phases, listener, parent=parent, resume_from=resume_from
                )
            not_written: dict[str, str] = {}
            with phases("export", rows=len(parity_windows)):
                predictor, parity = _export(writer, prepared, fitted.network, parity_windows, not_written)
            finished = Finished(
                writer=writer, phases=phases, fitted=fitted, predictor=predictor, not_written=not_written
            )
            _write_network(finished, prepared)
            result = write_results(finished)
            done = {
                "status": "done",
                "finished": _now(),
                "phases": phases.to_json(),
                "epochs": len(fitted.history),
                "best_epoch": fitted.best_epoch or None,
                **fitted.facts,
                "onnx_difference": parity,
                "not_written": not_written,
                **finished.facts,
            }
            writer.write_json(run.INFO, {**info, **done})
    except BaseException as error:
        if writer.keep:
            epochs = {"epoch": checkpoints.epoch, "total": num_epochs}
            listener.interrupted(writer.folder, **epochs, failed=isinstance(error, TrainError))
        raise
    return Run(writer.folder), result


def _begin(
    writer: RunWriter, prepared: Prepared, parent: Parent | None, resume_from: Unfinished | None
) -> JsonObject:
    """Write the experiment and run.json, which resuming needs; returns the content of run.json."""
    experiment = prepared.experiment
    info: JsonObject = {
        "status": "running",
        "name": experiment.name,
        "started": _now(),
        "seed": experiment.seed,
        "recipe": asdict(resume_from.recipe if resume_from else prepared.recipe),
        **provenance(prepared.panel),
        "data_bytes": data_bytes(experiment.data),
        "fixed_stride": prepared.fixed_stride,
        "fit_by_range": prepared.fit_by_range,
        "map_reads_known": prepared.map_reads_known,
        "experiment": experiment.model_dump(mode="json"),
        **({"parent": parent.to_json()} if parent else {}),
    }
    if resume_from:
        earlier = resume_from.info.get("resumed_after")
        info["started"] = resume_from.info.get("started")
        info["resumed_after"] = [*(earlier if isinstance(earlier, list) else []), len(resume_from.history)]
    writer.write(run.EXPERIMENT, to_yaml(experiment))
    writer.write_json(run.INFO, info)
    return info


@contextlib.contextmanager
def _failure_recorded(writer: RunWriter, info: JsonObject) -> Iterator[None]:
    """Mark a failed training as not resumable: it would fail again in the same step."""
    try:
        yield
    except TrainError:
        writer.write_json(run.INFO, {**info, "status": "failed"})
        raise


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def _fit(
    prepared: Prepared,
    scaler: Scaler,
    checkpoints: Checkpoints,
    phases: Phases,
    listener: Listener,
    *,
    parent: Parent | None,
    resume_from: Unfinished | None,
) -> Fitted:
    """Build and train the network, from the last checkpoint of `resume_from` if there is one."""
    checkpoint = resume_from.checkpoint if resume_from else None
    recipe = resume_from.recipe if resume_from else prepared.recipe
    experiment, splits, spec = prepared.experiment, prepared.splits, prepared.experiment.train
    with phases("start"):
        engine = engine_for(experiment)
        network = engine.build(experiment, prepared.panel, scaler)
        scaled = scaler.transform(prepared.panel, dtype=engine.row_dtype)
        train = splits.train.with_panel(scaled).crop()
        validation = None if splits.validation is None else splits.validation.with_panel(scaled).crop()
        network.warm_start(train, validation=validation, penalty=parent.penalty if parent else None)
        trainer = network.start(train, validation=validation, recipe=recipe)
        state = TrainState.initial(trainer, spec)
        if checkpoint is not None:
            state.load(checkpoint_state(checkpoint))
    num_epochs = len(parent.learning_rates) if parent else spec.epochs
    history = resume_from.history if resume_from else []
    num_resumed = len(history)
    with phases("train") as phase, checkpoints:
        for row in train_epochs(
            state,
            origins=train.origins,
            spec=spec,
            seed=experiment.seed,
            tick=listener.tick,
            rates=parent.learning_rates if parent else None,
        ):
            history.append(row)
            if not experiment.data.from_frame:  # a frame is not stored: its training cannot be resumed
                checkpoints.take(state, history)
            listener.epoch(row, total=num_epochs)
        phase.rows = (len(history) - num_resumed) * len(splits.train)
    best_epoch = 0 if parent else restore_best_weights(state, spec)
    network.finalize(validation=validation, share=parent.network_share if parent else None)
    listener.trained(history, best_epoch=best_epoch, total=num_epochs, seconds=phase.seconds)
    return Fitted(network=network, history=history, best_epoch=best_epoch, facts=network.facts())


def _export(
    writer: RunWriter, prepared: Prepared, network: Network, windows: Windows, not_written: dict[str, str]
) -> tuple[Predictor, float | None]:
    """Write model.onnx; what is read from it, and its largest difference from `network` over `windows`.

    `network` itself and None, where the file could not be made or differs too much.

    Raises:
        TrainError: a forecast is not finite.
    """
    experiment = prepared.experiment
    expected = network.outputs(windows)
    split = "test" if len(prepared.splits.test) else "train"
    refuse_not_finite(to_forecast(expected, windows, levels=experiment.levels), split)
    predictor: Predictor = network
    difference = None
    with optional(run.ONNX, not_written):
        content = network.to_onnx(interface(experiment, prepared.panel, network.scaler))
        exported = OnnxNetwork.read(content, source=run.ONNX, levels=experiment.levels)
        difference = parity_error(exported.outputs(windows), expected, windows, network.scaler)
        writer.write(run.ONNX, content)
        predictor = exported
    return predictor, difference


@contextlib.contextmanager
def optional(name: str, not_written: dict[str, str]) -> Iterator[None]:
    """Record in `not_written` why the file `name` could not be made: the trained network is published without it.

    Raises:
        OSError: the disk is full, and nothing else could be written either.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # an exporter or a drawing may fail with any
        not_written[name] = " ".join(str(error).split()) or type(error).__name__


def _write_network(finished: Finished, prepared: Prepared) -> None:
    """Write all that forecasts need: scaler, last window, weights and history; then the files for other tools."""
    panel, writer, fitted, not_written = (
        prepared.panel,
        finished.writer,
        finished.fitted,
        finished.not_written,
    )
    writer.write_json(run.SCALER, fitted.network.scaler.to_json())
    last = panel_to_arrays(panel.tail(prepared.experiment.window.length))
    first_time = panel.time[panel.bounds[:-1]]
    writer.write_arrays(run.LAST_WINDOW, {**last, "first_time": first_time, "row_hashes": row_hashes(panel)})
    writer.write_arrays(run.WEIGHTS, fitted.network.weight_arrays())
    writer.write_rows(run.HISTORY, (asdict(row) for row in fitted.history))
    for name, save in fitted.network.extra_files().items():
        with optional(name, not_written):
            writer.write_with(name, save)
    with optional(run.LOSS_PLOT, not_written):
        writer.write(run.LOSS_PLOT, _loss_picture(prepared.experiment, fitted))


def _loss_picture(experiment: Experiment, fitted: Fitted) -> bytes:
    from rnnfc.reports import plots

    return plots.draw_losses(
        title=f"{experiment.name}: loss by epoch",
        losses=[row.loss for row in fitted.history],
        validation=[row.validation_loss for row in fitted.history],
        best_epoch=fitted.best_epoch,
        ylabel=f"{experiment.train.loss.upper()}{'' if experiment.scale.label == 'none' else ', scaled'}",
    )

"""Train one experiment: network, epochs, scores, and the published run folder."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import to_yaml
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.errors import TrainError
from rnnfc.evaluation.forecast import Predictor
from rnnfc.export.interface import interface
from rnnfc.export.onnx_network import OnnxNetwork
from rnnfc.export.parity import parity_error
from rnnfc.networks.tensors import Outputs, to_forecast
from rnnfc.plain import JsonObject
from rnnfc.reports.markdown import to_markdown
from rnnfc.reports.report import Report
from rnnfc.runs import run
from rnnfc.runs.checkpoint import Checkpoints, checkpoint_state
from rnnfc.runs.forecast_csv import write_forecast
from rnnfc.runs.panel_arrays import panel_to_arrays
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.training.engine import Network, NetworkFacts
from rnnfc.training.loop import TrainState, restore_best_weights, train_epochs
from rnnfc.training.progress import Epoch
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.phases import Phases
from rnnfc.workflows.pictures import forecast_picture
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.provenance import data_bytes, provenance
from rnnfc.workflows.resume import Unfinished
from rnnfc.workflows.score import Forecasts, forecast_all, make_report, refuse_not_finite


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
class Trained:
    """A published run and its report.

    not_written: why files are missing that no forecast needs, by their names.
    """

    run: Run
    report: Report
    not_written: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A trained network, its history (best_epoch is 0 if the last weights are kept), and facts for run.json."""

    network: Network
    history: list[Epoch]
    best_epoch: int
    facts: NetworkFacts


def train(
    prepared: Prepared, *, outputs: Path, listener: Listener, resume_from: Unfinished | None = None
) -> Trained:
    """Train one experiment and publish its run folder.

    Args:
        resume_from: continue this unfinished run; the result has the same bits as without the break.
    Raises:
        TrainError: training diverged; nothing is published.
        OutputError: the run could not be written.
    """
    phases, experiment, splits = Phases({"data": prepared.loading}), prepared.experiment, prepared.splits
    not_written: dict[str, str] = {}
    writer = RunWriter(outputs, experiment.name, unfinished=resume_from.folder if resume_from else None)
    checkpoints = Checkpoints(writer)
    try:
        with writer:
            listener.prepared(prepared)
            info = _begin(writer, prepared, resume_from)
            with phases("scale", rows=int(np.diff(splits.train_rows).sum())):
                scaler = Scaler.fit(prepared.panel, splits.train_rows, **experiment.scale.model_dump())
            with _failure_recorded(writer, info):
                fitted = _fit(prepared, scaler, checkpoints, phases, listener, resume_from=resume_from)
            predictor: Predictor = fitted.network
            parity = None
            with phases("export", rows=len(splits.test)):
                expected = _test_outputs(prepared, fitted.network)
                with _optional(run.ONNX, not_written):
                    # The exported network is scored: `evaluate` and `predict` read the same file.
                    exported, predictor, parity = _export(prepared, fitted.network, expected)
                    writer.write(run.ONNX, exported)
            with phases("score", rows=sum(map(len, splits.scored.values()))):
                forecasts = forecast_all(prepared, scaler, predictor)
                scores = make_report(prepared, forecasts)
            with phases("write"):
                _write_results(writer, prepared, scaler, forecasts=forecasts, scores=scores)
                _write_training(writer, prepared, scores, fitted)
                _write_optional(writer, prepared, forecasts, fitted, not_written)
            done = {
                "status": "done",
                "finished": _now(),
                "phases": phases.to_json(),
                "epochs": len(fitted.history),
                "best_epoch": fitted.best_epoch or None,
                **fitted.facts,
                "onnx_difference": parity,
                "not_written": not_written,
                "summary": scores.summary.to_json(),
            }
            writer.write_json(run.INFO, {**info, **done})
    except BaseException as error:
        if writer.keep:
            epochs = {"epoch": checkpoints.epoch, "total": experiment.train.epochs}
            listener.interrupted(writer.folder, **epochs, failed=isinstance(error, TrainError))
        raise
    return Trained(run=Run(writer.folder), report=scores, not_written=not_written)


def _begin(writer: RunWriter, prepared: Prepared, resume_from: Unfinished | None) -> JsonObject:
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
        "experiment": experiment.model_dump(mode="json"),
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
    resume_from: Unfinished | None,
) -> _Fitted:
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
        network.warm_start(train, validation=validation)
        trainer = network.start(train, validation=validation, recipe=recipe)
        state = TrainState.initial(trainer, spec)
        if checkpoint is not None:
            state.load(checkpoint_state(checkpoint))
    history = resume_from.history if resume_from else []
    num_resumed = len(history)
    with phases("train") as phase, checkpoints:
        for row in train_epochs(
            state, origins=train.origins, spec=spec, seed=experiment.seed, tick=listener.tick
        ):
            history.append(row)
            if not experiment.data.from_frame:  # a frame is not stored: its training cannot be resumed
                checkpoints.take(state, history)
            listener.epoch(row, total=spec.epochs)
        phase.rows = (len(history) - num_resumed) * len(splits.train)
    best_epoch = restore_best_weights(state, spec)
    network.finalize(validation=validation)
    listener.trained(history, best_epoch=best_epoch, total=spec.epochs, seconds=phase.seconds)
    return _Fitted(network=network, history=history, best_epoch=best_epoch, facts=network.facts())


def _test_outputs(prepared: Prepared, network: Network) -> Outputs:
    """The network's outputs for the test windows.

    Raises:
        TrainError: a forecast is not finite.
    """
    test, levels = prepared.splits.test, prepared.experiment.levels
    outputs = network.outputs(test)
    refuse_not_finite(to_forecast(outputs, test, levels=levels), "test")
    return outputs


def _export(prepared: Prepared, network: Network, expected: Outputs) -> tuple[bytes, OnnxNetwork, float]:
    """model.onnx, the network read from it, and the largest difference of its test forecasts from those of `network`.

    Raises:
        TrainError: the difference is too large.
    """
    experiment, test = prepared.experiment, prepared.splits.test
    exported = network.to_onnx(interface(experiment, prepared.panel, network.scaler))
    reader = OnnxNetwork.read(exported, source=run.ONNX, levels=experiment.levels)
    return exported, reader, parity_error(reader.outputs(test), expected, test, network.scaler)


@contextlib.contextmanager
def _optional(name: str, not_written: dict[str, str]) -> Iterator[None]:
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


def _write_results(
    writer: RunWriter, prepared: Prepared, scaler: Scaler, *, forecasts: Forecasts, scores: Report
) -> None:
    """Write scores and forecasts, and the scaler and last window that `predict` needs."""
    experiment, panel = prepared.experiment, prepared.panel
    writer.write_json(run.SCALER, scaler.to_json())
    writer.write_json(run.REPORT, scores.to_json())
    writer.write_with(run.FORECAST, lambda path: _write_forecast(path, forecasts, panel))
    last = panel_to_arrays(panel.tail(experiment.window.length))
    writer.write_arrays(run.LAST_WINDOW, {**last, "first_time": panel.time[panel.bounds[:-1]]})


def _write_forecast(path: Path, forecasts: Forecasts, panel: Panel) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        test = forecasts.network["test"].select(forecasts.written)
        write_forecast(test, panel, file, baselines=forecasts.best)


def _write_training(writer: RunWriter, prepared: Prepared, scores: Report, fitted: _Fitted) -> None:
    """Write the weights, their history and the text of the report."""
    experiment = prepared.experiment
    writer.write_arrays(run.WEIGHTS, fitted.network.weight_arrays())
    writer.write_rows(run.HISTORY, (asdict(row) for row in fitted.history))
    text = to_markdown(
        scores,
        experiment,
        parameters=fitted.facts["parameters"],
        epochs=len(fitted.history),
        best_epoch=fitted.best_epoch,
    )
    writer.write(run.REPORT_TEXT, text)


def _write_optional(
    writer: RunWriter,
    prepared: Prepared,
    forecasts: Forecasts,
    fitted: _Fitted,
    not_written: dict[str, str],
) -> None:
    """Write the pictures and the files for other tools, or record in `not_written` why not."""
    for name, save in fitted.network.extra_files().items():
        with _optional(name, not_written):
            writer.write_with(name, save)
    with _optional(run.FORECAST_PLOT, not_written):
        writer.write(run.FORECAST_PLOT, forecast_picture(prepared, forecasts))
    with _optional(run.LOSS_PLOT, not_written):
        writer.write(run.LOSS_PLOT, _loss_picture(prepared.experiment, fitted))


def _loss_picture(experiment: Experiment, fitted: _Fitted) -> bytes:
    from rnnfc.reports import plots

    return plots.draw_losses(
        title=f"{experiment.name}: loss by epoch",
        losses=[row.loss for row in fitted.history],
        validation=[row.validation_loss for row in fitted.history],
        best_epoch=fitted.best_epoch,
        ylabel=f"{experiment.train.loss.upper()}{'' if experiment.scale.label == 'none' else ', scaled'}",
    )

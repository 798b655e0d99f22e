"""Train one experiment: data, network, epochs, scores, and a published run folder."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rnnfc.config.load import to_yaml
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.errors import TrainError
from rnnfc.export.interface import interface
from rnnfc.export.onnx_network import OnnxNetwork
from rnnfc.export.parity import parity_error
from rnnfc.networks.tensors import to_forecast
from rnnfc.reports.markdown import to_markdown
from rnnfc.reports.report import Report
from rnnfc.runs import run
from rnnfc.runs.checkpoint import Checkpoints, state_of
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.training.engine import Network
from rnnfc.training.loop import TrainState, restore_best_weights, train_epochs
from rnnfc.training.progress import Epoch
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.phases import Phases
from rnnfc.workflows.pictures import forecast_picture
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.provenance import data_bytes, facts
from rnnfc.workflows.resume import Unfinished
from rnnfc.workflows.score import Forecasts, forecast_all, make_report, refuse_not_finite


class Listener(Protocol):
    """Who hears of progress: the console, or nobody."""

    def prepared(self, prepared: Prepared) -> None:
        """Data and windows are there; the engine is about to be started."""

    def epoch(self, row: Epoch, *, total: int) -> None:
        """An epoch has ended."""

    def tick(self, share: float) -> None:
        """`share` of the current epoch is done."""

    def kept(self, folder: Path, *, epoch: int, total: int, failed: bool) -> None:
        """Training broke off; the hidden `folder` holds the state after `epoch`, to be resumed unless it `failed`."""

    def trained(self, rows: list[Epoch], *, best_epoch: int, total: int, seconds: float) -> None:
        """Training has ended; `best_epoch` is 0 where the last weights were kept."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A published run and its report."""

    run: Run
    report: Report


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A trained network, its history and facts for run.json."""

    network: Network
    history: list[Epoch]
    best_epoch: int
    facts: dict[str, Any]


def train(
    prepared: Prepared, *, outputs: Path, listener: Listener, before: Unfinished | None = None
) -> Trained:
    """Train one experiment and publish its run folder.

    Args:
        before: go on with this unfinished run; what comes out has the same bits as if it had not been cut off.
    Raises:
        TrainError: training diverged; nothing is published.
        OutputError: the run could not be written.
    """
    phases, experiment, splits = Phases({"data": prepared.loading}), prepared.experiment, prepared.splits
    checkpoints = Checkpoints(
        RunWriter(outputs, experiment.name, unfinished=before.folder if before else None)
    )
    try:
        with checkpoints.draft as draft:
            listener.prepared(prepared)
            known = _begin(draft, prepared, before)
            with phases("scale", rows=int(np.diff(splits.train_rows).sum())):
                scaler = Scaler.fit(prepared.panel, splits.train_rows, **experiment.scale.model_dump())
            with _failure_noted(draft, known):
                fitted = _fit(prepared, scaler, checkpoints, phases, listener, before=before)
            with phases("export", rows=len(splits.test)):
                exported, parity = _export(prepared, fitted.network)
            with phases("score", rows=sum(map(len, splits.scored.values()))):
                # What is scored is what is shipped: `evaluate` and `predict` read the same file.
                forecasts = forecast_all(
                    prepared, scaler, OnnxNetwork.read(exported, source=run.ONNX, levels=experiment.levels)
                )
                made = make_report(prepared, forecasts)
            with phases("write"):
                _write_results(draft, prepared, scaler, forecasts=forecasts, made=made)
                _write_training(draft, prepared, made, fitted)
                draft.write(run.ONNX, exported)
            ended = {
                "status": "done",
                "finished": _now(),
                "phases": phases.to_json(),
                **fitted.facts,
                "onnx_difference": parity,
            }
            draft.write_json(run.INFO, {**known, **ended})
    except BaseException as error:
        if checkpoints.draft.kept:
            epochs = {"epoch": checkpoints.epoch, "total": experiment.train.epochs}
            listener.kept(checkpoints.draft.folder, **epochs, failed=isinstance(error, TrainError))
        raise
    return Trained(run=Run(draft.folder), report=made)


def _begin(draft: RunWriter, prepared: Prepared, before: Unfinished | None) -> dict[str, Any]:
    """Write down what is being trained, for whoever has to go on with it; returns what run.json says of that."""
    experiment = prepared.experiment
    known = {
        "status": "running",
        "name": experiment.name,
        "started": _now(),
        "seed": experiment.seed,
        "recipe": asdict(before.recipe if before else prepared.recipe),
        **facts(prepared.panel),
        "data_bytes": data_bytes(experiment.data),
        "experiment": experiment.model_dump(mode="json"),
    }
    if before:
        known |= {
            "started": before.info.get("started"),
            "resumed_after": [*before.info.get("resumed_after", []), len(before.history)],
        }
    draft.write(run.EXPERIMENT, to_yaml(experiment))
    draft.write_json(run.INFO, known)
    return known


@contextlib.contextmanager
def _failure_noted(draft: RunWriter, known: dict[str, Any]) -> Iterator[None]:
    """A training that failed is not to be resumed: it would fail again, in the same step."""
    try:
        yield
    except TrainError:
        draft.write_json(run.INFO, {**known, "status": "failed"})
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
    before: Unfinished | None,
) -> _Fitted:
    """Build and train the network, from the last checkpoint of `before` on where there is one."""
    after = before.checkpoint if before else None
    recipe = before.recipe if before else prepared.recipe
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
        if after is not None:
            state.load(state_of(after))
    history = before.history if before else []
    known = len(history)
    with phases("train") as phase, checkpoints:
        for row in train_epochs(
            state, origins=train.origins, spec=spec, seed=experiment.seed, tick=listener.tick
        ):
            history.append(row)
            checkpoints.take(state, history)
            listener.epoch(row, total=spec.epochs)
        phase.rows = (len(history) - known) * len(splits.train)
    best_epoch = restore_best_weights(state, spec)
    network.finalize(validation=validation)
    listener.trained(history, best_epoch=best_epoch, total=spec.epochs, seconds=phase.seconds)
    made = {"epochs": len(history), "best_epoch": best_epoch or None, **network.facts()}
    return _Fitted(network=network, history=history, best_epoch=best_epoch, facts=made)


def _export(prepared: Prepared, network: Network) -> tuple[bytes, float]:
    """model.onnx, and how far its test forecasts are from those of `network`.

    Raises:
        TrainError: too far, or not finite.
    """
    experiment, panel, test = prepared.experiment, prepared.panel, prepared.splits.test
    expected = network.outputs(test)
    refuse_not_finite(to_forecast(expected, test, levels=experiment.levels), "test")
    exported = network.to_onnx(interface(experiment, panel, network.scaler))
    made = OnnxNetwork.read(exported, source=run.ONNX, levels=experiment.levels).outputs(test)
    return exported, parity_error(made, expected, test, network.scaler)


def _write_results(
    draft: RunWriter, prepared: Prepared, scaler: Scaler, *, forecasts: Forecasts, made: Report
) -> None:
    """What follows from the forecasts, and what later commands read."""
    experiment, panel = prepared.experiment, prepared.panel
    draft.write_json(run.SCALER, scaler.to_json())
    draft.write_json(run.REPORT, made.to_json())
    draft.write_with(run.FORECAST, lambda path: _write_forecast(path, forecasts, panel))
    draft.write(run.FORECAST_PLOT, forecast_picture(prepared, forecasts))
    draft.write_arrays(run.LAST_WINDOW, run.panel_to_arrays(panel.tail(experiment.window.length)))


def _write_forecast(path: Path, forecasts: Forecasts, panel: Panel) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        run.write_forecast(
            forecasts.network["test"].select(forecasts.written), panel, file, beside=forecasts.best
        )


def _write_training(draft: RunWriter, prepared: Prepared, made: Report, fitted: _Fitted) -> None:
    """What follows from training: the network, its history, the text of the report."""
    from rnnfc.reports import plots

    experiment = prepared.experiment
    draft.write_arrays(run.WEIGHTS, fitted.network.weight_arrays())
    for name, save in fitted.network.extra_files().items():
        draft.write_with(name, save)
    draft.write_rows(run.HISTORY, (asdict(row) for row in fitted.history))
    text = to_markdown(
        made,
        experiment,
        parameters=fitted.facts["parameters"],
        epochs=len(fitted.history),
        best_epoch=fitted.best_epoch,
    )
    draft.write(run.REPORT_TEXT, text)
    curve = plots.loss_curve(
        title=f"{experiment.name}: loss by epoch",
        losses=[row.loss for row in fitted.history],
        validation=[row.validation_loss for row in fitted.history],
        best_epoch=fitted.best_epoch,
        ylabel=f"{experiment.train.loss.upper()}{'' if experiment.scale.label == 'none' else ', scaled'}",
    )
    draft.write(run.LOSS_PLOT, curve)

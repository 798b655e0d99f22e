"""The final fit: a trained experiment once more, on all rows, for as many epochs as validation chose."""

from pathlib import Path

from rnnfc.errors import RunError
from rnnfc.plain import JsonObject
from rnnfc.runs import run as run_files
from rnnfc.runs.parent import Parent
from rnnfc.runs.run import Run
from rnnfc.runs.writer import MANIFEST, sha256
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.fit import Finished, Listener, train_network
from rnnfc.workflows.prepare import Prepared, prepare_final, prepare_run
from rnnfc.workflows.resume import Unfinished

# Of the newest training windows, for which model.onnx must forecast what the network does.
_NUM_PARITY_WINDOWS = 1_000


def final_fit(trained: Run, *, outputs: Path, listener: Listener) -> Run:
    """Fit the network of a finished run to all rows of its data, with those added since, and publish it as a run.

    What validation rows have chosen is taken from the run: the number of epochs, the learning rate of each, the penalty of a
    linear map and the share of a blend. The scaler is fitted on all rows. The new run has no test rows: its report is that of the
    run, which is its evidence.

    Raises:
        DataError: the rows of the run have changed, or were a data frame.
        RunError: the run is damaged, or itself a final fit.
        TrainError, OutputError: as in training.
    """
    parent = trained.parent()
    if parent is not None:
        raise RunError(
            f"{trained.folder}: already a final fit, of {parent.run}; name a run that was trained on a split"
        )
    prepared = prepare_final(trained)
    return _publish(
        prepared,
        _choices(trained),
        trained.report(),
        trained.report_text(),
        outputs=outputs,
        listener=listener,
    )


def resume_final_fit(unfinished: Unfinished, *, outputs: Path, listener: Listener) -> Run:
    """Continue an unfinished final fit; the same bits as without the break.

    Raises:
        RunError: the run that it is a final fit of is gone.
    """
    started = Run(unfinished.folder)
    parent = started.parent()
    if parent is None:
        raise RunError(f"{started.folder}: not a final fit")
    trained = Run.open(unfinished.folder.parent / parent.run)
    return _publish(
        unfinished.prepared,
        parent,
        trained.report(),
        trained.report_text(),
        outputs=outputs,
        listener=listener,
        resume_from=unfinished,
    )


def repeat_final_fit(finished: Run, prepared: Prepared, *, outputs: Path, listener: Listener) -> Run:
    """Train a final fit again on its own rows, as `prepare_run` reads them."""
    parent = finished.parent()
    if parent is None:
        raise RunError(f"{finished.folder}: not a final fit")
    return _publish(
        prepared, parent, finished.report(), finished.report_text(), outputs=outputs, listener=listener
    )


def _choices(trained: Run) -> Parent:
    """What validation rows have chosen in a run."""
    info, history = trained.info(), trained.history()
    best, share = info.get("best_epoch"), info.get("network_share")
    rows = history[:best] if isinstance(best, int) else history
    return Parent.from_json(
        {
            "run": trained.name,
            "manifest_sha256": sha256(trained.folder / MANIFEST),
            "learning_rates": [row.get("learning_rate") for row in rows],
            "penalty": _penalty(trained),
            "network_share": share,
        }
    )


def _penalty(trained: Run) -> float | None:
    """The penalty of the linear map that a training started from, chosen again on its validation windows."""
    net = trained.experiment().net
    if net is None or net.linear is None:
        return None
    prepared, scaler = prepare_run(trained)
    engine, splits = engine_for(prepared.experiment), prepared.splits
    scaled = scaler.transform(prepared.panel, dtype=engine.row_dtype)
    network = engine.build(prepared.experiment, prepared.panel, scaler)
    return network.warm_start(
        splits.train.with_panel(scaled).crop(),
        validation=splits.validation and splits.validation.with_panel(scaled).crop(),
    )


def _publish(
    prepared: Prepared,
    parent: Parent,
    report: JsonObject,
    report_text: str,
    *,
    outputs: Path,
    listener: Listener,
    resume_from: Unfinished | None = None,
) -> Run:
    def write_results(finished: Finished) -> None:
        finished.writer.write_json(run_files.REPORT, report)
        finished.writer.write(run_files.REPORT_TEXT, _with_heading(report_text, parent, prepared))

    train = prepared.splits.train
    published, _ = train_network(
        prepared,
        outputs=outputs,
        listener=listener,
        parent=parent,
        resume_from=resume_from,
        parity_windows=train.subsample(_NUM_PARITY_WINDOWS),
        write_results=write_results,
    )
    return published


def _with_heading(report_text: str, parent: Parent, prepared: Prepared) -> str:
    """The report of the parent, below a heading that says whose it is."""
    if report_text.startswith(_HEADING):
        return report_text
    epochs = len(parent.learning_rates)
    chosen = " that validation chose in" if prepared.experiment.train.early_stopping else " of"
    return (
        f"{_HEADING}{prepared.experiment.name}\n\n"
        f"This network was fitted to all {prepared.panel.num_rows:,} rows for the {epochs:,} epochs{chosen} "
        f"{parent.run}. It has seen every row, so no row is left to test it on: the scores below are those of {parent.run}, the "
        "same config trained on the rows of its training part alone.\n\n---\n\n"
        f"{report_text}"
    )


_HEADING = "# Final fit: "

"""rnnfc train."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, Set, app, print_json
from rnnfc.errors import ConfigError, RnnfcError, RunError, TrainError

if TYPE_CHECKING:
    from rnnfc.runs.run import Run
    from rnnfc.workflows.prepare import Prepared
    from rnnfc.workflows.resume import Unfinished
    from rnnfc.workflows.train import Trained

# A training that ends with one of these does not keep the next config from being trained.
_FAILURES = (RnnfcError, OSError, MemoryError)


@app.command(epilog="Example: rnnfc train configs/sine.yaml --set train.epochs=5")
def train(
    configs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CONFIG", help="One or more YAML experiments; with --resume or --final, a run."
        ),
    ] = None,
    overrides: Set = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the newest unfinished run (or that of RUN or CONFIG); same bits as without a break.",
        ),
    ] = False,
    final: Annotated[
        bool,
        typer.Option("--final", help="Fit the network of a finished RUN once more, on all rows of its data."),
    ] = False,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Train experiments, one run folder each; compare several."""
    if final:
        if resume or overrides:
            raise ConfigError("--final repeats a finished run as it is; remove --resume and --set")
        _final_fit(_scored_run(configs or [], outputs), outputs=outputs, as_json=as_json)
        return
    # Every config and its data are checked before the first training starts, and imports come as late as they can.
    trainings = (
        [_unfinished(configs or [], overrides, outputs)]
        if resume
        else _prepared(configs or [], overrides, outputs)
    )
    if resume and trainings[0][1] is not None and "parent" in trainings[0][1].info:
        _final_fit(trainings[0][1], outputs=outputs, as_json=as_json)
        return
    from rnnfc.cli.commands.compare import show_comparison
    from rnnfc.cli.output import show_note
    from rnnfc.workflows.compare import compare

    results: list[Trained] = []
    failed: dict[str, str] = {}
    comparison = None
    try:
        names = _unique([str(config) for config in configs or []])
        _train_each(trainings, names, results, failed, outputs=outputs, show=not as_json)
        if len(results) > 1:
            try:
                comparison = compare([result.run for result in results])
            except RunError as error:  # each run is complete; they have no test rows in common
                show_note("note", f"no comparison: {error}")
            else:
                if not as_json:
                    show_comparison(comparison)
    finally:
        if as_json and (results or failed):
            runs = [{"run": str(result.run.folder), **result.report.to_json()} for result in results]
            document = {"runs": runs, "comparison": comparison.to_json() if comparison else None}
            print_json({**document, **({"failed": failed} if failed else {})})
    if failed:
        finished = f"{len(results)} of {len(trainings)} trainings finished"
        raise TrainError(f"{finished}; failed: {', '.join(failed)} (the reason of each is above)")


def _train_each(
    trainings: "list[tuple[Prepared, Unfinished | None]]",
    names: list[str],
    results: "list[Trained]",
    failed: dict[str, str],
    *,
    outputs: Path,
    show: bool,
) -> None:
    """Train one after the other; add each result to `results`, and the reason of a failure to `failed` by its config's name.

    The only training of a command raises its error instead.
    """
    from rnnfc.cli.output import show_note
    from rnnfc.cli.report_output import show_report, show_saved
    from rnnfc.cli.training_console import TrainingConsole
    from rnnfc.workflows.train import train as train_one

    for index, (prepared, resume_from) in enumerate(trainings):
        try:
            with contextlib.closing(TrainingConsole()) as listener:
                result = train_one(prepared, outputs=outputs, listener=listener, resume_from=resume_from)
        except _FAILURES as error:
            if len(trainings) == 1:
                raise
            failed[names[index]] = str(error) or type(error).__name__
            show_note("failed", f"{names[index]}: {failed[names[index]]}")
        else:
            results.append(result)
            if show:
                show_report(result.report, shown=prepared.scale_notes)
                show_saved(result.run)
            try:
                _refuse_incomplete(result.run)
                if prepared.experiment.final:
                    _final_fit(result.run, outputs=outputs, as_json=None)
            except _FAILURES as error:
                if len(trainings) == 1:
                    raise
                failed[names[index]] = str(error) or type(error).__name__
                show_note("failed", failed[names[index]])


def _final_fit(source: "Run | Unfinished", *, outputs: Path, as_json: bool | None) -> None:
    """Make, or continue, a final fit and show it.

    Args:
        as_json: None: a training before it has printed the result.
    """
    from rnnfc.cli.output import show_note
    from rnnfc.cli.report_output import show_saved
    from rnnfc.cli.training_console import TrainingConsole
    from rnnfc.runs.run import Run
    from rnnfc.workflows.final_fit import final_fit, resume_final_fit

    with contextlib.closing(TrainingConsole()) as listener:
        if isinstance(source, Run):
            show_note("final fit", f"of {source.folder}, on all rows")
            run = final_fit(source, outputs=outputs, listener=listener)
        else:
            run = resume_final_fit(source, outputs=outputs, listener=listener)
    parent = run.parent()
    if as_json and parent is not None:
        print_json({"run": str(run.folder), "parent": parent.run, "epochs": len(parent.learning_rates)})
    elif as_json is False:
        show_saved(run)
    else:
        show_note("saved", str(run.folder))
    _refuse_incomplete(run)


def _refuse_incomplete(run: "Run") -> None:
    """Raise TrainError, with the reasons, for a published run without a file that could not be made."""
    missing = run.not_written()
    if missing:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in missing.items())
        raise TrainError(f"{run.folder} is published without {reasons}")


def _scored_run(names: list[Path], outputs: Path) -> "Run":
    from rnnfc.runs.find import find

    if len(names) > 1:
        raise ConfigError("--final fits one run again; name one, or none for the newest")
    return find(outputs, str(names[0]) if names else None, scored=True)


def _unique(names: list[str]) -> list[str]:
    """The names, the second of the same name as `name (2)`."""
    counts = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if count == 1 else f"{name} ({count})" for name, count in zip(names, counts, strict=True)]


def _prepared(
    configs: list[Path], overrides: list[str] | None, outputs: Path
) -> "list[tuple[Prepared, Unfinished | None]]":
    from rnnfc.config.load import load
    from rnnfc.workflows.tag import refuse_tag_names

    if not configs:
        raise ConfigError(
            "no CONFIG given; 'rnnfc init NAME' writes one, --resume continues an unfinished run"
        )
    experiments = [load(path, overrides or ()) for path in configs]
    refuse_tag_names([experiment.name for experiment in experiments], outputs=outputs)
    from rnnfc.workflows.prepare import prepare

    return [(prepare(experiment), None) for experiment in experiments]


def _unfinished(
    configs: list[Path], overrides: list[str] | None, outputs: Path
) -> "tuple[Prepared, Unfinished | None]":
    from rnnfc.cli.output import show_note
    from rnnfc.workflows.resume import resume

    if len(configs) > 1:
        raise ConfigError("--resume continues one run; name one, or none for the newest")
    unfinished = resume(str(configs[0]) if configs else None, outputs=outputs, overrides=overrides or ())
    for text in unfinished.notes:
        show_note("note", text)
    return unfinished.prepared, unfinished

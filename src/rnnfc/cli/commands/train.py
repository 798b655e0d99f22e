"""rnnfc train."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, Set, app, print_json
from rnnfc.errors import ConfigError, RnnfcError, RunError, TrainError

if TYPE_CHECKING:
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
            metavar="CONFIG...", help="One or more YAML experiments; with --resume, the run to continue."
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
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Train experiments, one run folder each; compare several."""
    # Every config and its data are checked before the first training starts, and imports come as late as they can.
    trainings = (
        [_unfinished(configs or [], overrides, outputs)]
        if resume
        else _prepared(configs or [], overrides, outputs)
    )
    from rnnfc.cli.commands.compare import show_comparison
    from rnnfc.cli.console import show_note
    from rnnfc.workflows.compare import compare

    results: list[Trained] = []
    failed: dict[str, str] = {}
    comparison = None
    try:
        names = _unique([str(config) for config in configs or []])
        _train_each(trainings, names, results, failed, outputs=outputs, show=not as_json)
        if len(results) > 1:
            try:
                comparison = compare([result.run for result in results], outputs=outputs)
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
    from rnnfc.cli.console import TrainingConsole, show_note, show_report, show_saved
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
            if result.not_written:
                reasons = "; ".join(f"{name} ({reason})" for name, reason in result.not_written.items())
                text = f"{result.run.folder} is published without {reasons}"
                if len(trainings) == 1:
                    raise TrainError(text)
                failed[names[index]] = text
                show_note("failed", text)


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
    from rnnfc.cli.console import show_note
    from rnnfc.workflows.resume import resume

    if len(configs) > 1:
        raise ConfigError("--resume continues one run; name one, or none for the newest")
    unfinished = resume(str(configs[0]) if configs else None, outputs=outputs, overrides=overrides or ())
    for text in unfinished.notes:
        show_note("note", text)
    return unfinished.prepared, unfinished

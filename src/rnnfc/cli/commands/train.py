"""rnnfc train."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, Set, app, print_json
from rnnfc.errors import ConfigError, RunError

if TYPE_CHECKING:
    from rnnfc.workflows.prepare import Prepared
    from rnnfc.workflows.resume import Unfinished


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
        [_unfinished(configs or [], overrides, outputs)] if resume else _prepared(configs or [], overrides)
    )
    from rnnfc.cli.commands.compare import show_comparison
    from rnnfc.cli.console import TrainingConsole, show_note, show_report, show_saved
    from rnnfc.workflows.compare import compare
    from rnnfc.workflows.train import train as train_one

    results, comparison = [], None
    try:
        for prepared, resume_from in trainings:
            with contextlib.closing(TrainingConsole()) as listener:
                results.append(
                    train_one(prepared, outputs=outputs, listener=listener, resume_from=resume_from)
                )
            if not as_json:
                show_report(results[-1].report)
                show_saved(results[-1].run)
        if len(results) > 1:
            try:
                comparison = compare([result.run for result in results], outputs=outputs)
            except RunError as error:  # each run is complete; they have no test rows in common
                show_note("note", f"no comparison: {error}")
            else:
                if not as_json:
                    show_comparison(comparison)
    finally:
        if as_json and results:
            runs = [{"run": str(result.run.folder), **result.report.to_json()} for result in results]
            print_json({"runs": runs, "comparison": comparison.to_json() if comparison else None})


def _prepared(configs: list[Path], overrides: list[str] | None) -> "list[tuple[Prepared, Unfinished | None]]":
    from rnnfc.config.load import load

    if not configs:
        raise ConfigError(
            "no CONFIG given; 'rnnfc init NAME' writes one, --resume continues an unfinished run"
        )
    experiments = [load(path, overrides or ()) for path in configs]
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

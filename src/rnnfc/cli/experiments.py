"""Commands that begin with a config: train, check, init, schema; and compare, which several trainings end with."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Config, Outputs, Set, app, print_json
from rnnfc.errors import ConfigError, RunError

if TYPE_CHECKING:
    from rnnfc.runs.run import Run
    from rnnfc.workflows.audit import Finding
    from rnnfc.workflows.prepare import Prepared
    from rnnfc.workflows.resume import Unfinished


@app.command(epilog="Example: rnnfc train configs/sine.yaml --set train.epochs=5")
def train(
    configs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CONFIG...", help="One or several YAML experiments; with --resume: the run to go on with."
        ),
    ] = None,
    overrides: Set = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the newest unfinished run (or that of RUN or CONFIG) bit for bit."
        ),
    ] = False,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Train experiments; each leaves a run folder, several end with a comparison."""
    # Every config and its data is checked before hours go into the first; each import waits for what comes before it.
    work = [_unfinished(configs or [], overrides, outputs)] if resume else _prepared(configs or [], overrides)
    from rnnfc.cli.console import TrainingConsole, note, show_report, show_saved
    from rnnfc.workflows.train import train as train_one

    results, comparison = [], None
    try:
        for prepared, before in work:
            with contextlib.closing(TrainingConsole()) as listener:
                results.append(train_one(prepared, outputs=outputs, listener=listener, before=before))
            if not as_json:
                show_report(results[-1].report)
                show_saved(results[-1].run)
        if len(results) > 1:
            try:
                comparison = _compare([result.run for result in results], outputs=outputs, as_json=as_json)
            except RunError as error:  # each run is whole; they only cannot be laid side by side
                note("note", f"no comparison: {error}")
    finally:
        if as_json and results:
            runs = [{"run": str(result.run.folder), **result.report.to_json()} for result in results]
            print_json({"runs": runs, "comparison": comparison})


def _prepared(configs: list[Path], overrides: list[str] | None) -> "list[tuple[Prepared, Unfinished | None]]":
    from rnnfc.config.load import load

    if not configs:
        raise ConfigError(
            "no CONFIG given; 'rnnfc init NAME' writes one, --resume goes on with an unfinished run"
        )
    experiments = [load(path, overrides or ()) for path in configs]
    from rnnfc.workflows.prepare import prepare

    return [(prepare(experiment), None) for experiment in experiments]


def _unfinished(
    configs: list[Path], overrides: list[str] | None, outputs: Path
) -> "tuple[Prepared, Unfinished | None]":
    from rnnfc.cli.console import note
    from rnnfc.workflows.resume import resume

    if len(configs) > 1:
        raise ConfigError("--resume goes on with one run; name one, or none for the newest")
    found = resume(str(configs[0]) if configs else None, outputs=outputs, overrides=overrides or ())
    for text in found.notes:
        note("note", text)
    return found.prepared, found


@app.command(epilog="Example: rnnfc compare sine_relu sine_lstm")
def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]", help="Run folders or experiment names; default: the two newest runs."
        ),
    ] = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Show runs side by side on the same test rows: a table and a picture."""
    from rnnfc.runs.find import find, finished

    chosen = [find(outputs, which) for which in runs] if runs else finished(outputs)[-2:]
    comparison = _compare(chosen, outputs=outputs, as_json=as_json)
    if as_json:
        print_json(comparison)


@app.command(epilog="Example: rnnfc check configs/sine.yaml")
def check(
    config: Config,
    overrides: Set = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Also change what training must not know and see whether anything notices; trains twice.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do everything but training: check config and data, count rows, windows, parameters and memory."""
    from rnnfc.config.load import load

    experiment = load(config, overrides or ())
    from rnnfc.cli.console import say, show_check
    from rnnfc.workflows.prepare import check as check_experiment
    from rnnfc.workflows.prepare import prepare

    prepared = prepare(experiment)
    result = check_experiment(prepared)
    if not as_json:
        show_check(result)
    findings = _audited(prepared) if audit else []
    for finding in findings if not as_json else ():
        say("audit", f"{'holds' if finding.holds else 'BROKEN'}: {finding.claim}")
    if as_json:
        print_json({**result, **({"audit": [asdict(finding) for finding in findings]} if audit else {})})
    raise typer.Exit(0 if all(finding.holds for finding in findings) else 1)


def _audited(prepared: "Prepared") -> "list[Finding]":
    from rnnfc.cli.console import TrainingConsole
    from rnnfc.workflows.audit import audit

    with contextlib.closing(TrainingConsole(keeps=False)) as listener:
        return audit(prepared, listener=listener)


@app.command(epilog="Example: rnnfc init mine")
def init(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the experiment; NAME.yaml is written here.")
    ],
) -> None:
    """Write a commented config to start from."""
    from rnnfc.cli.console import say
    from rnnfc.config.load import starter
    from rnnfc.runs.writer import new_files

    name = name.removesuffix(".yaml")
    text, path = starter(name), Path(f"{name}.yaml")
    with new_files(path) as (place,):
        place.write_text(text, encoding="utf-8")
    say("written", f"{path}   train it: rnnfc train {path}")


@app.command(epilog="Example: rnnfc schema > rnnfc.schema.json")
def schema() -> None:
    """Print the JSON Schema of a config, for editors."""
    from rnnfc.cli.console import write
    from rnnfc.config.load import schema as contract

    write(sys.stdout, contract() + "\n")


def _compare(runs: "Sequence[Run]", *, outputs: Path, as_json: bool) -> dict[str, Any]:
    from rnnfc.cli.console import say, show_table
    from rnnfc.runs.run import COMPARE_PLOT, COMPARE_TEXT
    from rnnfc.workflows.compare import compare as compare_runs

    made = compare_runs(runs, outputs=outputs)
    if not as_json:
        unit = f", in {made.unit}" if made.unit else ""
        say(
            "compare",
            f"{made.rows:,} test rows that all runs forecast{unit}{f' ({made.note})' if made.note else ''}",
        )
        show_table(*made.table(complete=False))
        say("saved", f"{made.folder}   {COMPARE_TEXT}  {COMPARE_PLOT}")
    return {
        "folder": str(made.folder),
        "unit": made.unit,
        "rows": made.rows,
        "note": made.note,
        "scores": made.scores,
    }

"""rnnfc verify."""

import contextlib

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, RunName, app, print_json


@app.command(epilog="Example: rnnfc verify sine")
def verify(name: RunName = None, outputs: Outputs = OUTPUTS, as_json: AsJson = False) -> None:
    """Train a finished run again and compare it bit for bit.

    Weights, history and scores are compared; what has changed in data, program, packages or machine is named.
    """
    from rnnfc.cli.output import show_note, show_result
    from rnnfc.cli.training_console import TrainingConsole
    from rnnfc.runs.find import find
    from rnnfc.workflows.verify import verify as verify_run

    run = find(outputs, name)
    show_note("run", str(run.folder))
    with contextlib.closing(TrainingConsole(resumable=False)) as listener:
        result = verify_run(run, listener=listener)
    same = not result.results
    if as_json:
        facts = {"run": str(run.folder), "same": same, "results": result.results, "facts": result.provenance}
        print_json(facts)
    else:
        show_result(
            "verify", "weights, history and scores are the same, bit for bit" if same else "NOT the same"
        )
        for text in result.results:
            show_result("differs", text)
        for text in result.provenance:
            show_result("changed", text)
        if not same and not result.provenance:
            show_result("changed", "no recorded fact; please report this")
    raise typer.Exit(0 if same else 1)

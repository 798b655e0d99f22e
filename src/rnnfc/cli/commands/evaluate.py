"""rnnfc evaluate."""

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, RunName, Runtime, app, print_json

# Scores computed from the files may differ in the last bits of float32 on another processor or number of threads.
_SAME = 1e-6


@app.command(epilog="Example: rnnfc evaluate sine")
def evaluate(
    name: RunName = None, runtime: Runtime = "onnx", outputs: Outputs = OUTPUTS, as_json: AsJson = False
) -> None:
    """Compute the scores of a finished run again from its files."""
    from rnnfc.cli.console import show_note, show_report, show_result
    from rnnfc.runs.find import find
    from rnnfc.workflows.evaluate import evaluate as evaluate_run

    run = find(outputs, name)
    show_note("run", str(run.folder))
    result = evaluate_run(run, runtime=runtime)
    same = result.largest_difference <= _SAME
    if as_json:
        facts = {"run": str(run.folder), "largest_difference": result.largest_difference}
        print_json({**facts, **result.report.to_json()})
    else:
        show_report(result.report)
        if result.later:
            text = f"{result.later:,} rows added to the data since training are left out; train again to use them"
            show_note("note", text)
        scores = "the same scores as" if same else "NOT the scores of"
        show_result("check", f"{scores} training (largest difference {result.largest_difference:.1e})")
    raise typer.Exit(0 if same else 1)

"""rnnfc evaluate."""

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, RunName, Runtime, app, print_json


@app.command(epilog="Example: rnnfc evaluate sine")
def evaluate(
    name: RunName = None, runtime: Runtime = "onnx", outputs: Outputs = OUTPUTS, as_json: AsJson = False
) -> None:
    """Compute the scores of a finished run again from its files."""
    from rnnfc.cli.console import show_note, show_report, show_result
    from rnnfc.runs.find import find
    from rnnfc.workflows.evaluate import evaluate as evaluate_run

    run = find(outputs, name, scored=True)
    show_note("run", str(run.folder))
    result = evaluate_run(run, runtime=runtime)
    for text in result.notes:
        show_note("note", text)
    if as_json:
        facts = {"run": str(run.folder), "largest_difference": result.largest_difference}
        facts["changed_scores"] = list(result.changed_scores)
        print_json({**facts, **result.report.to_json()})
    else:
        show_report(result.report)
        if result.later:
            text = f"{result.later:,} rows added to the data since training are left out; train again to use them"
            show_note("note", text)
        scores = "NOT the scores of" if result.changed_scores else "the same scores as"
        largest = f"largest difference {result.largest_difference:.1e}"
        if result.largest_difference:
            largest += f" of its value: {result.largest}"
        show_result("check", f"{scores} training ({largest})")
    raise typer.Exit(1 if result.changed_scores else 0)

"""rnnfc explain."""

from typing import Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, app, print_json


@app.command(epilog="Example: rnnfc explain explain_rnn explain_lstm")
def explain(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Run folders, tags or experiment names; default: the newest finished run.",
        ),
    ] = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Show how strongly the loss depends on each earlier state."""
    from rnnfc.cli.output import show_note, show_result, show_table
    from rnnfc.reports.text import format_number
    from rnnfc.runs.find import find
    from rnnfc.runs.run import EXPLAIN, EXPLAIN_PLOT
    from rnnfc.workflows.explain import explain as explain_runs

    runs = [find(outputs, name) for name in names] if names else [find(outputs, None)]
    for run in runs:
        show_note("run", str(run.folder))
    folder, curves = explain_runs(runs, outputs=outputs)
    if as_json:
        print_json({"folder": str(folder), "curves": [curve.to_json() for curve in curves]})
        return
    rows = []
    for curve in curves:
        half = "never" if curve.half_at is None else f"{curve.half_at:,} back"
        rows.append(
            [curve.run, curve.state, format_number(float(curve.norm[0])), half, f"{curve.share_left:.1e}"]
        )
    show_table(["run", "state", "gradient at the end", "below half", "left at the start"], rows)
    show_note(
        "key",
        "gradient at the end: norm of dL/dh at the last row of the window",
    )
    show_note("", "below half: number of rows back after which it stays below half of that")
    show_note("", "left at the start: its share at the first row")
    show_result("saved", f"{folder}   {EXPLAIN_PLOT}  {EXPLAIN}")

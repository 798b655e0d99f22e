"""rnnfc explain."""

from typing import Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, app, print_json


@app.command(epilog="Example: rnnfc explain explain_rnn explain_lstm")
def explain(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]", help="Run folders or experiment names; default: the newest finished run."
        ),
    ] = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Show vanishing gradients, by a table and a picture.

    They tell how strongly the loss depends on the hidden state at each earlier step of the window.
    """
    from rnnfc.cli.console import show_note, show_result, show_table
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
    show_table(["run", "state", "gradient at the end", "below half", "share left at the start"], rows)
    show_note(
        "key",
        "norm of the gradient of the loss by the state, at the last step of the window; the lag from which on it",
    )
    show_note("", "stays below half of that; the share of it that is left at the first step of the window")
    show_result("saved", f"{folder}   {EXPLAIN_PLOT}  {EXPLAIN}")

"""rnnfc compare."""

from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, app, print_json

if TYPE_CHECKING:
    from rnnfc.workflows.compare import Comparison


@app.command(epilog="Example: rnnfc compare sine_relu sine_lstm")
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]", help="Run folders, tags or experiment names; default: the two newest runs."
        ),
    ] = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Compare runs on the same test rows: a table and a picture."""
    from rnnfc.runs.find import find, finished
    from rnnfc.workflows.compare import compare as compare_runs

    runs = (
        [find(outputs, name, scored=True) for name in names] if names else finished(outputs, scored=True)[-2:]
    )
    comparison = compare_runs(runs, outputs=outputs)
    if as_json:
        print_json(comparison.to_json())
    else:
        show_comparison(comparison)


def show_comparison(comparison: "Comparison") -> None:
    """Print the table, and where it is saved."""
    from rnnfc.cli.console import show_result, show_table
    from rnnfc.runs.run import COMPARE_PLOT, COMPARE_TEXT

    show_result("compare", comparison.title)
    show_table(*comparison.table(complete=False))
    show_result("saved", f"{comparison.folder}   {COMPARE_TEXT}  {COMPARE_PLOT}")

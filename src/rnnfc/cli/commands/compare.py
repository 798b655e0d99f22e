"""rnnfc compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, app, print_json

if TYPE_CHECKING:
    from rnnfc.workflows.comparison import Comparison


@app.command(epilog="Example: rnnfc compare sine_relu sine_lstm")
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN", help="Run folders, tags or experiment names; default: the two newest runs."
        ),
    ] = None,
    rank_by: Annotated[
        Literal["validation", "test"] | None,
        typer.Option(
            "--rank-by", help="Rows whose RMSE orders the runs; default: validation, if all runs have it."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Also write a new folder: table, picture, numbers."),
    ] = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Compare runs on the same test rows."""
    from rnnfc.runs.find import find, finished
    from rnnfc.runs.writer import refuse_existing
    from rnnfc.workflows.compare import compare as compare_runs

    if output is not None:
        refuse_existing(output)
    runs = (
        [find(outputs, name, scored=True) for name in names] if names else finished(outputs, scored=True)[-2:]
    )
    comparison = compare_runs(runs, rank_by=rank_by, output=output)
    if as_json:
        print_json(comparison.to_json())
    else:
        show_comparison(comparison)


def show_comparison(comparison: "Comparison") -> None:
    """Print the table, what it means, and where it is saved."""
    from rnnfc.cli.output import show_result, show_table
    from rnnfc.runs.run import COMPARE_PLOT, COMPARE_TEXT

    show_result("compare", comparison.title)
    show_table(*comparison.table(complete=False))
    for text in comparison.notes:
        show_result("note", text)
    if comparison.folder is not None:
        show_result("saved", f"{comparison.folder}   {COMPARE_TEXT}  {COMPARE_PLOT}")

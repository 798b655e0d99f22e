"""rnnfc predict."""

from pathlib import Path
from typing import Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, RunName, Runtime, app, print_json


@app.command(epilog="Example: rnnfc predict --last-window --steps 3")
def predict(
    name: RunName = None,
    last_window: Annotated[  # noqa: ARG001  the default anyway
        bool,
        typer.Option("--last-window", help="Forecast past the end of the run's data (the default)."),
    ] = True,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="Steps; default: the horizon."),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option("--series", metavar="NAME", help="Forecast only this series; repeatable. Default: all."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="New rows, in the format of the run's CSV file."),
    ] = None,
    future: Annotated[
        Path | None,
        typer.Option(
            "--future", metavar="FILE", help="Future covariates: the data.known columns of the forecast rows."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Also write a new file: .csv or .json.")
    ] = None,
    runtime: Runtime = "onnx",
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Forecast past the end of the run's data, or of new rows.

    The run folder is enough: the data that it was trained on is not read.
    """
    from rnnfc.cli.forecast_table import show_forecast
    from rnnfc.cli.output import show_note
    from rnnfc.runs.find import find
    from rnnfc.workflows import predict as workflow

    if output is not None:
        workflow.refuse_output(output)
    run = find(outputs, name)
    forecast = workflow.predict(
        run, steps=steps, series=series or (), data=data, future=future, runtime=runtime
    )
    if output is not None:
        workflow.save(forecast, output)
    if as_json:
        print_json(forecast.to_json())
        return
    show_note("run", str(run.folder))
    show_forecast(forecast)
    if output is not None:
        show_note("written", str(output))

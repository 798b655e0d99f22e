"""Commands that begin with a finished run: evaluate, predict, export, verify, explain."""

import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, Runtime, WhichRun, app, print_json
from rnnfc.extensions import EXPORT_FORMATS, load_record

if TYPE_CHECKING:
    from rnnfc.export.format import ExportFormat
    from rnnfc.workflows.predict import Future

_FORMATS: "dict[str, ExportFormat]" = {name: load_record(EXPORT_FORMATS, name) for name in EXPORT_FORMATS}
_FORMAT_HELP = "; ".join(f"{name}: for {record.readers}" for name, record in _FORMATS.items()) + "."
_FOLDER_FORMATS = [name for name, record in _FORMATS.items() if not record.ending]


def _known_format(name: str) -> str:
    if name not in _FORMATS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, _FORMATS))}.")
    return name


# What `predict` prints of many series.
_MOST_SERIES, _MOST_STEPS = 10, 6
# Scores made again from files may differ in the last bits of float32, where processors or threads differ.
_SAME = 1e-6


@app.command(epilog="Example: rnnfc evaluate sine")
def evaluate(
    run: WhichRun = None, runtime: Runtime = "onnx", outputs: Outputs = OUTPUTS, as_json: AsJson = False
) -> None:
    """Score a finished run again from its files."""
    from rnnfc.cli.console import note, say, show_report
    from rnnfc.runs.find import find
    from rnnfc.workflows.evaluate import evaluate as evaluate_run

    which = find(outputs, run)
    note("run", str(which.folder))
    result = evaluate_run(which, runtime=runtime)
    same = result.largest_difference <= _SAME
    if as_json:
        print_json(
            {
                "run": str(which.folder),
                "largest_difference": result.largest_difference,
                **result.report.to_json(),
            }
        )
        raise typer.Exit(0 if same else 1)
    show_report(result.report)
    if result.later:
        note(
            "note",
            f"{result.later:,} rows that the data has got since are left out; to learn from them, train again",
        )
    say(
        "check",
        f"{'the same scores as' if same else 'NOT the scores of'} training (largest difference {result.largest_difference:.1e})",
    )
    raise typer.Exit(0 if same else 1)


@app.command(epilog="Example: rnnfc predict --last-window --steps 3")
def predict(
    run: WhichRun = None,
    last_window: Annotated[  # noqa: ARG001  what predict does anyway
        bool,
        typer.Option("--last-window", help="Forecast past the end of the run's data (what it does anyway)."),
    ] = True,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="Steps; default: the horizon."),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option("--series", metavar="NAME", help="Of many series this one; repeatable. Default: all."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="Fresh rows, in the format of the run's CSV file."),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option(
            "--future", metavar="FILE", help="The data.known columns of the rows that are forecast."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write a new file too: .csv or .json.")
    ] = None,
    runtime: Runtime = "onnx",
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Forecast past the end of the data, from the run folder alone, or past the end of fresh rows."""
    from rnnfc.cli.console import note
    from rnnfc.runs.find import find
    from rnnfc.workflows import predict as workflow

    if output is not None:
        workflow.refuse_output(output)
    which = find(outputs, run)
    future = workflow.predict(
        which, steps=steps, series=series or (), data=data, known=known, runtime=runtime
    )
    if output is not None:
        workflow.save(future, output)
    if as_json:
        print_json(future.to_json())
        return
    note("run", str(which.folder))
    _show(future)
    if output is not None:
        note("written", str(output))


def _show(future: "Future") -> None:
    from rnnfc.cli.console import note, show_table

    show_table(*(_of_one(future) if len(future.series) == 1 else _of_many(future)))
    if len(future.series) > _MOST_SERIES:
        note(
            "more",
            f"{len(future.series) - _MOST_SERIES:,} series; --series NAME shows one, --output FILE writes all",
        )
    for text in future.notes:
        note("note", text)


def _of_one(future: "Future") -> tuple[list[str], list[list[str]]]:
    """Headings and a row a step; beside each target the ends of its outer band."""
    ends = _ends(future)
    headings = [
        cell
        for name in future.targets
        for cell in (f"{name}{f' ({future.unit})' if future.unit else ''}", *ends)
    ]
    rows = []
    for step, moment in enumerate(future.labels(0)):
        cells = [
            [f"{value:.6g}", *_quantiles(future, 0, step, target)]
            for target, value in enumerate(future.value[0, step])
        ]
        rows.append([moment, str(step + 1), *itertools.chain(*cells)])
    return ["time", "step", *headings], rows


def _ends(future: "Future") -> list[str]:
    """What the ends of the outer band are called, the lowest and the highest level; nothing where there is no band."""
    from rnnfc.runs.run import quantile_name

    return [quantile_name(future.levels[end]) for end in (0, -1)] if len(future.levels) > 1 else []


def _quantiles(future: "Future", series: int, step: int, target: int) -> list[str]:
    """The ends of the outer band at a step (from 0)."""
    known = future.quantiles_of(series, step)[target]
    return [f"{known[end]:.6g}" if known else "–" for end, _ in zip((0, -1), _ends(future), strict=False)]


def _of_many(future: "Future") -> tuple[list[str], list[list[str]]]:
    """Headings and a row for each series (and target) and end of its outer band; of many steps the first ones and the last."""
    steps = future.value.shape[1]
    shown = range(steps) if steps <= _MOST_STEPS else [*range(_MOST_STEPS - 1), steps - 1]
    unit = f" ({future.unit})" if future.unit else ""
    headings = [f"step {step + 1}{unit * (step == 0)}" for step in shown]
    rows = []
    for place, series in enumerate(future.series[:_MOST_SERIES]):
        for target, name in enumerate(future.targets):
            label = series if len(future.targets) == 1 else f"{series}, {name}"
            rows.append(
                [
                    label,
                    future.labels(place)[0],
                    *(f"{future.value[place, step, target]:.6g}" for step in shown),
                ]
            )
            bands = zip(*(_quantiles(future, place, step, target) for step in shown), strict=True)
            rows += [[f"  {name}", "", *cells] for name, cells in zip(_ends(future), bands, strict=True)]
    if steps > _MOST_STEPS:
        headings.insert(-1, "…")
        for row in rows:
            row.insert(-1, "…")
    return ["series", "from", *headings], rows


@app.command(epilog="Example: rnnfc verify sine")
def verify(run: WhichRun = None, outputs: Outputs = OUTPUTS, as_json: AsJson = False) -> None:
    """Train a finished run again and compare weights, history and scores bit for bit."""
    from rnnfc.cli.console import TrainingConsole, note, say
    from rnnfc.runs.find import find
    from rnnfc.workflows.verify import verify as verify_run

    which = find(outputs, run)
    note("run", str(which.folder))
    with contextlib.closing(TrainingConsole(keeps=False)) as listener:
        result = verify_run(which, listener=listener)
    if as_json:
        print_json(
            {
                "run": str(which.folder),
                "same": not result.results,
                "results": result.results,
                "facts": result.facts,
            }
        )
        raise typer.Exit(1 if result.results else 0)
    say(
        "verify",
        "weights, history and scores are the same, bit for bit" if not result.results else "NOT the same",
    )
    for text in result.results:
        say("differs", text)
    for text in result.facts:
        say("changed", text)
    if result.results and not result.facts:
        say("changed", "no recorded fact; please report this")
    raise typer.Exit(1 if result.results else 0)


@app.command(epilog="Example: rnnfc export sine --format onnx --to sine.onnx")
def export(
    kind: Annotated[
        str,
        typer.Option(
            "--format", metavar=f"[{'|'.join(_FORMATS)}]", callback=_known_format, help=_FORMAT_HELP
        ),
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="PATH", help=f"A new file; for {' and '.join(_FOLDER_FORMATS)} a new folder."
        ),
    ],
    run: WhichRun = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Write a run's network for other tools, data units in and out, with a card that says how to use it."""
    from rnnfc.cli.console import note, say
    from rnnfc.runs.find import find
    from rnnfc.workflows.export import export as export_run

    which = find(outputs, run)
    exported = export_run(which, kind=kind, to=to)
    if as_json:
        print_json(exported.card)
        return
    note("run", str(which.folder))
    say("written", f"{exported.path}   {exported.card_path}")
    say(
        "check",
        f"{exported.parity_error:.1e} of the data's range at most from the run's forecasts on "
        f"{exported.num_windows:,} windows ({exported.source_of_windows})",
    )


@app.command(epilog="Example: rnnfc explain explain_rnn explain_lstm")
def explain(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]", help="Run folders or experiment names; default: the newest finished run."
        ),
    ] = None,
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Show how far back a network learns from: the gradient of its loss by each earlier state."""
    from rnnfc.cli.console import note, say, show_table
    from rnnfc.reports.text import format_number
    from rnnfc.runs.find import find
    from rnnfc.runs.run import EXPLAIN, EXPLAIN_PLOT
    from rnnfc.workflows.explain import explain as explain_runs

    chosen = [find(outputs, which) for which in runs] if runs else [find(outputs, None)]
    for which in chosen:
        note("run", str(which.folder))
    folder, curves = explain_runs(chosen, outputs=outputs)
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
    note(
        "key",
        "how strongly the loss depends on the state (length of its gradient) at the window's last step; from how many steps",
    )
    note("", "back on that stays below half; what share of it is left at the window's first step")
    say("saved", f"{folder}   {EXPLAIN_PLOT}  {EXPLAIN}")

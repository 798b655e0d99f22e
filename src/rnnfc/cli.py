"""The command line: options, one call, one print. Nothing heavy is imported before a command needs it."""

import contextlib
import io
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from rnnfc import __version__
from rnnfc.errors import ConfigError, OutputError, RnnfcError, RunError

if TYPE_CHECKING:
    from rnnfc.run import Run

app = typer.Typer(
    name="rnnfc",
    help="Forecast time series with recurrent networks: a YAML experiment in, a trained and scored network out.",
    epilog="Start with: rnnfc init mine, then rnnfc train mine.yaml. Each command has its own --help with an example.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML experiment.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. train.epochs=5; repeatable.")
]
Outputs = Annotated[Path, typer.Option("--outputs", metavar="DIR", help="Folder of the runs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
WhichRun = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="A run folder, its name, or an experiment's name; default: the newest finished run."),
]
Runtime = Annotated[
    Literal["onnx", "keras"], typer.Option("--runtime", help="Who answers: the ONNX file, or Keras (slow to start).")
]
_OUTPUTS = Path("outputs")
# 128 + SIGINT; Typer returns it after Ctrl-C.
_INTERRUPTED = 130
# Scores made again from files may differ in the last bits of float32, where processors or threads differ.
_SAME = 1e-6


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"rnnfc {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Forecast time series with recurrent networks: a YAML experiment in, a trained and scored network out."""


@app.command(epilog="Example: rnnfc train configs/sine.yaml --set train.epochs=5")
def train(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="One or several YAML experiments.")],
    overrides: Set = None,
    outputs: Outputs = _OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Train experiments; each leaves a run folder, several end with a comparison."""
    from rnnfc import config
    from rnnfc.console import TrainingConsole, note, show_report, show_saved
    from rnnfc.workflows.prepare import prepare
    from rnnfc.workflows.train import train as train_one

    # Every config and its data is checked before hours go into the first.
    prepared = [prepare(config.load(path, overrides or ())) for path in configs]
    results, comparison = [], None
    try:
        for one in prepared:
            with contextlib.closing(TrainingConsole()) as listener:
                results.append(train_one(one, outputs=outputs, listener=listener))
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
            _print_json({"runs": runs, "comparison": comparison})


@app.command(epilog="Example: rnnfc evaluate sine")
def evaluate(run: WhichRun = None, runtime: Runtime = "onnx", outputs: Outputs = _OUTPUTS, as_json: AsJson = False) -> None:
    """Score a finished run again from its files."""
    from rnnfc.console import note, say, show_report
    from rnnfc.run import find
    from rnnfc.workflows.evaluate import evaluate as evaluate_run

    which = find(outputs, run)
    note("run", str(which.folder))
    result = evaluate_run(which, runtime=runtime)
    same = result.largest_difference <= _SAME
    if as_json:
        _print_json({"run": str(which.folder), "largest_difference": result.largest_difference, **result.report.to_json()})
        raise typer.Exit(0 if same else 1)
    show_report(result.report)
    say(
        "check",
        f"{'the same scores as' if same else 'NOT the scores of'} training (largest difference {result.largest_difference:.1e})",
    )
    raise typer.Exit(0 if same else 1)


@app.command(epilog="Example: rnnfc predict --last-window --steps 3")
def predict(
    run: WhichRun = None,
    last_window: Annotated[  # noqa: ARG001
        bool, typer.Option("--last-window", help="Forecast past the end of the run's data (what it does anyway).")
    ] = True,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="Steps; default: the horizon.")
    ] = None,
    runtime: Runtime = "onnx",
    outputs: Outputs = _OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Forecast past the end of the data, from the run folder alone."""
    from rnnfc.console import note, show_table
    from rnnfc.run import find
    from rnnfc.workflows.predict import predict as predict_run

    which = find(outputs, run)
    future = predict_run(which, steps=steps, runtime=runtime)
    if as_json:
        _print_json(future.to_json())
        return
    note("run", str(which.folder))
    times = future.labels()
    headings = [f"{name}{f' ({future.unit})' if future.unit else ''}" for name in future.targets]
    rows = [
        [moment, str(step), *(f"{value:.6g}" for value in row)]
        for step, (moment, row) in enumerate(zip(times, future.value, strict=True), 1)
    ]
    show_table(["time", "step", *headings], rows)
    for text in future.notes:
        note("note", text)


@app.command(epilog="Example: rnnfc compare sine_relu sine_lstm")
def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN...]", help="Run folders or experiment names; default: the two newest runs."),
    ] = None,
    outputs: Outputs = _OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Show runs side by side on the same test rows: a table and a picture."""
    from rnnfc.run import find, finished

    chosen = [find(outputs, which) for which in runs] if runs else finished(outputs)[-2:]
    comparison = _compare(chosen, outputs=outputs, as_json=as_json)
    if as_json:
        _print_json(comparison)


@app.command(epilog="Example: rnnfc check configs/sine.yaml")
def check(config: Config, overrides: Set = None, as_json: AsJson = False) -> None:
    """Do everything but training: check config and data, count rows, windows, parameters and memory."""
    from rnnfc.config import load
    from rnnfc.console import show_check
    from rnnfc.workflows.prepare import check as check_experiment

    result = check_experiment(load(config, overrides or ()))
    if as_json:
        _print_json(result)
    else:
        show_check(result)


@app.command(epilog="Example: rnnfc init mine")
def init(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the experiment; NAME.yaml is written here.")]) -> None:
    """Write a commented config to start from."""
    from rnnfc.config import starter
    from rnnfc.console import say

    name = name.removesuffix(".yaml")
    text, path = starter(name), Path(f"{name}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path}: exists already and is left as it is; choose another name") from None
    except OSError as error:
        raise OutputError(
            f"{path}: could not be written ({error.strerror}); run this in a folder that you can write to"
        ) from None
    say("written", f"{path}   train it: rnnfc train {path}")


@app.command(epilog="Example: rnnfc schema > rnnfc.schema.json")
def schema() -> None:
    """Print the JSON Schema of a config, for editors."""
    from rnnfc.config import schema as contract
    from rnnfc.console import write

    write(sys.stdout, contract() + "\n")


def _compare(runs: "Sequence[Run]", *, outputs: Path, as_json: bool) -> dict[str, Any]:
    from rnnfc.console import say, show_table
    from rnnfc.report import figure
    from rnnfc.run import COMPARE_PLOT, COMPARE_TEXT
    from rnnfc.workflows.compare import compare as compare_runs

    made = compare_runs(runs, outputs=outputs)
    if not as_json:
        unit = f", in {made.unit}" if made.unit else ""
        say("compare", f"{made.rows:,} test rows that all runs forecast{unit}{f' ({made.note})' if made.note else ''}")
        rows = [[row["run"], *(figure(row[name]) for name in ("mse", "rmse", "mae"))] for row in made.scores]
        show_table(["run", "MSE", "RMSE", "MAE"], rows)
        say("saved", f"{made.folder}   {COMPARE_TEXT}  {COMPARE_PLOT}")
    return {"folder": str(made.folder), "unit": made.unit, "rows": made.rows, "note": made.note, "scores": made.scores}


def _print_json(value: Any) -> None:
    import json

    from rnnfc.console import write

    write(sys.stdout, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 the work failed, 2 the input is wrong, 129/143 SIGHUP/SIGTERM, 130 SIGINT."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII only shows "?" for "·"
    given = sys.argv[1:] if arguments is None else arguments
    try:
        with _terminable():
            code = app(given or ["--help"], standalone_mode=False)
    except RnnfcError as error:
        code = _fail(str(error), code=error.exit_code)
    except typer.TyperException as error:
        _fail(error.format_message(), code=2)
        code = _tell("run 'rnnfc --help', or 'rnnfc COMMAND --help' for its options and an example\n", code=2)
    except MemoryError:
        code = _fail("out of memory; 'rnnfc check CONFIG' estimates what training needs", code=1)
    except OSError as error:
        code = _fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)
    if code == _INTERRUPTED:
        _tell("interrupted; nothing half-done was left behind\n", code=code)
    sys.exit(code)


def _fail(text: str, *, code: int) -> int:
    return _tell("".join(f"error: {line}\n" for line in text.splitlines()), code=code)


def _tell(text: str, *, code: int) -> int:
    with contextlib.suppress(OSError):  # nobody listens any more; the exit code still says it
        sys.stderr.write(text)
        sys.stderr.flush()
    return code


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a closed terminal, unwind like Ctrl-C, so that half-written folders are removed."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What a person sees: results on stdout, progress and notes on stderr."""

import errno
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rnnfc.errors import OutputError, visible
from rnnfc.progress import Epoch
from rnnfc.report import NETWORK, Report, figure, of_series, with_few
from rnnfc.run import FORECAST, FORECAST_PLOT, LOSS_PLOT, MODEL, ONNX, REPORT_TEXT, Run
from rnnfc.workflows.prepare import Prepared

_LABEL_WIDTH = 12
# Columns from which the bar and everything beside it have room.
_WIDE = 110


def line(label: str, text: str) -> str:
    """One line of output: a label, then what it tells."""
    return f"{label:<{_LABEL_WIDTH}}{text}"


def say(label: str, text: str) -> None:
    """A line of the result."""
    write(sys.stdout, line(label, text) + "\n")


def note(label: str, text: str) -> None:
    """A line of progress, or a note."""
    write(sys.stderr, line(label, text) + "\n")


def write(stream: TextIO, text: str) -> None:
    """Text to stdout or stderr. Where the reader has gone (`| head`) the work goes on without one.

    Raises:
        OutputError: the text cannot be written, e.g. to a full disk.
    """
    try:
        stream.write(visible(text))
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python tries again, and complains, when it ends
        if error.errno != errno.EPIPE:
            raise OutputError(
                f"the output could not be written ({error.strerror}); free some space or send it elsewhere"
            ) from error


class TrainingConsole:
    """Tells of one training run as it goes: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, *, keeps: bool = True) -> None:
        """`keeps`: whether what is kept of a training that breaks off will still be there."""
        self._keeps = keeps
        self._screen = RichConsole(stderr=True)
        self._bar: Progress | None = None
        self._task: Any = None
        self._done = 0

    def prepared(self, prepared: Prepared) -> None:
        """Rows and windows; then TensorFlow starts, which takes seconds."""
        for label, text in data_lines(prepared):
            note(label, text)
        if self._screen.is_terminal:
            self._bar = Progress(
                TextColumn(line("training", "{task.description}")),
                BarColumn(),
                TimeRemainingColumn(),
                console=self._screen,
                transient=True,
            )
            engine = "NumPy" if prepared.experiment.model.kind == "scratch" else "TensorFlow"
            self._task = self._bar.add_task(f"starting {engine}", total=None)
            self._bar.start()

    def epoch(self, row: Epoch, *, total: int) -> None:
        """Moves the bar on and shows the newest losses."""
        self._done = row.epoch
        if self._bar is not None:
            watched = "" if row.validation_loss is None else f" · validation {figure(row.validation_loss)}"
            rate = f" · rate {figure(row.learning_rate)}" if self._screen.width >= _WIDE else ""
            text = f"epoch {row.epoch}/{total} · loss {figure(row.loss)}{watched}{rate}"
            self._bar.update(self._task, description=text, completed=row.epoch, total=total)

    def tick(self, share: float) -> None:
        """Moves the bar within an epoch."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done + share)

    def trained(self, rows: list[Epoch], *, best_epoch: int, total: int, seconds: float) -> None:
        """The last losses, whether training stopped early, and how long it took."""
        self.close()
        last = rows[-1]
        parts = [f"epoch {last.epoch}/{total}", f"loss {figure(last.loss)}"]
        if last.validation_loss is not None:
            parts.append(f"validation {figure(last.validation_loss)}")
        if best_epoch:
            parts.append(f"{'stopped early, ' if last.epoch < total else ''}best {best_epoch}")
        note("training", " · ".join([*parts, f"{seconds:.1f} s"]))

    def kept(self, folder: Path, *, epoch: int, total: int, failed: bool) -> None:
        """Training broke off: what is kept, and how to go on."""
        self.close()
        if not self._keeps:
            return
        what = f"epoch {epoch} of {total}" if epoch else "the last checkpoint"
        note("kept", f"{what} in {folder}{'' if failed else f'; go on with: rnnfc train --resume {shlex.quote(str(folder))}'}")

    def close(self) -> None:
        """Takes the bar away, also when training breaks off."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def data_lines(prepared: Prepared) -> list[tuple[str, str]]:
    """Rows and windows of an experiment, for people."""
    from rnnfc.data.panel import clock

    panel, window, model = prepared.panel, prepared.experiment.window, prepared.experiment.model
    filled, rows = int(panel.filled.sum()), f"{panel.num_rows:,} rows{of_series(len(panel.series), panel.left_out)}"
    first, last = map(clock, panel.span)
    missing = f", {filled:,} missing values filled ({panel.missing})" if filled else ""
    missing += f"; {panel.later:,} later rows are left out" if panel.later else ""
    counts = " · ".join(f"{len(windows):,} {name}" for name, windows in prepared.splits)
    stride = f", stride {window.stride:,}" if window.stride > 1 else ""
    return [
        ("data", f"{rows}, {panel.step}, {first} to {last}{missing}{_constant(prepared.constant_series)}"),
        (
            "windows",
            f"{window.length:,} -> {window.horizon:,}{stride}: {counts}     {model.label}, {prepared.parameters:,} parameters",
        ),
    ]


def _constant(number: int) -> str:
    return f", {number:,} series with a constant column (centred, not scaled)" if number else ""


def show_report(report: Report) -> None:
    """The scores of the network on the test windows, and the verdict."""
    unit = f" {report.unit}" if report.unit else ""
    squared = f" {report.unit}²" if report.unit else ""
    mse = f"MSE {figure(report.test('mse'))}{squared} (scaled {figure(report.test('mse', units='scaled'))})"
    say("test", f"RMSE {figure(report.test('rmse'))}{unit} · MAE {figure(report.test('mae'))}{unit} · {mse}")
    if names := report.quantile_metrics:
        intervals = [name.removeprefix("coverage_") for name in names if name.startswith("coverage_")]
        shares = {of: [figure(report.test(f"{kind}_{of}")) for kind in ("coverage", "width")] for of in intervals}
        inside = [f"{share} inside the interval of {of} (width {width}{unit})" for of, (share, width) in shares.items()]
        say("quantiles", " · ".join([f"wQL {figure(report.test('wql'))}", *inside]))
    baselines = [f"{model} {figure(report.test('rmse', model=model))}" for model in report.models if model != NETWORK]
    say("baselines", f"RMSE {' · '.join(baselines)}")
    say("verdict", report.outcome)
    for text in report.notes:
        note("note", text)


def show_saved(run: Run) -> None:
    """Where the run lies, and what to do next."""
    files = [name for name in (REPORT_TEXT, LOSS_PLOT, FORECAST_PLOT, FORECAST, MODEL, ONNX) if (run.folder / name).exists()]
    say("saved", f"{run.folder}   {'  '.join(files)}")
    future = " --future FILE" if getattr(run.experiment().data, "known", ()) else ""
    say("next", f"rnnfc predict{_named(run.folder)} --last-window{future}")


def _named(folder: Path) -> str:
    """The folder as a command's argument; nothing where the command finds it by itself."""
    return "" if folder.parent == Path("outputs") else f" {shlex.quote(str(folder))}"


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, the first to the left, the others to the right."""
    table = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(headings))]
    for row in table:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        write(sys.stdout, "  ".join(cells).rstrip() + "\n")


def show_check(result: dict[str, Any]) -> None:
    """What `check` found."""
    filled = f", {result['filled_values']:,} missing values filled" if result["filled_values"] else ""
    rows = f"{result['rows']:,} rows{of_series(result['series'], result['left_out_series'])}, {result['frequency']}"
    constant = _constant(result["constant_series"])
    say("data", f"{rows}, {result['first_time']} to {result['last_time']}{filled}{constant}")
    say("channels", f"{', '.join(result['channels'])}; forecast: {', '.join(result['targets'])}")
    for name, part in result["windows"].items():
        few = with_few(part.get("series", 1), result["series"])
        say(name, f"{part['count']:,} windows{few}, targets {part['first_target']} to {part['last_target']}")
    say("network", f"{result['parameters']:,} parameters, {result['updates']:,} updates")
    engine = "NumPy" if result["experiment"]["model"]["kind"] == "scratch" else "TensorFlow"
    say("memory", f"about {result['training_bytes'] / 2**20:,.1f} MiB beyond {engine} itself")
    for key, value in result["experiment"].items():
        say(key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

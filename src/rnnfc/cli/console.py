"""Output for people: results on stdout, progress and notes on stderr."""

import errno
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rnnfc.errors import OutputError, visible
from rnnfc.evaluation.metrics import METRICS, heading, parse_name
from rnnfc.reports.report import (
    NETWORK,
    RANKING_METRIC,
    VERDICT_METRIC,
    Report,
    ranking_prefix,
    ranking_units,
)
from rnnfc.reports.text import format_number, series_of_rows, series_with_windows
from rnnfc.runs.run import FORECAST, FORECAST_PLOT, LOSS_PLOT, MODEL, ONNX, REPORT_TEXT, Run
from rnnfc.training.progress import Epoch
from rnnfc.workflows.prepare import Check, Prepared, check

# Shortest time between two lines of progress without a terminal.
_LINE_INTERVAL_S = 10.0
# Columns of a terminal that also has room for the learning rate beside the bar.
_WIDE = 110


def line(label: str, text: str) -> str:
    """One line of output: a label, then the text."""
    return f"{label:<12}{text}"


def show_result(label: str, text: str) -> None:
    """Print a line of the result."""
    write(sys.stdout, line(label, text) + "\n")


def show_note(label: str, text: str) -> None:
    """Print a line of progress, or a note."""
    write(sys.stderr, line(label, text) + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write text to stdout or stderr; if the reader has closed the pipe (`| head`), the work continues without output.

    Raises:
        OutputError: the text cannot be written, e.g. to a full disk.
    """
    try:
        stream.write(visible(text))
        stream.flush()
    except OSError as error:
        # Otherwise Python flushes again when it exits, and prints the error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if error.errno != errno.EPIPE:
            raise OutputError(
                f"the output could not be written ({error.strerror}); free some space or send it elsewhere"
            ) from error


class TrainingConsole:
    """Progress of one training: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, *, resumable: bool = True) -> None:
        """`resumable`: whether the folder of an interrupted training stays, so that it can be resumed."""
        self._resumable = resumable
        self._screen = RichConsole(stderr=True)
        columns = TextColumn(line("training", "{task.description}")), BarColumn(), TimeRemainingColumn()
        self._bar = Progress(
            *columns, console=self._screen, transient=True, disable=not self._screen.is_interactive
        )
        self._task = self._bar.add_task("", total=None)
        self._done, self._total, self._tenths = 0, 1, 0
        self._last_line_s: float | None = None

    def prepared(self, prepared: Prepared) -> None:
        """Show rows and windows, and that TensorFlow starts, which takes seconds."""
        for label, text in data_lines(prepared):
            show_note(label, text)
        self._total = prepared.experiment.train.epochs
        engine = "TensorFlow" if prepared.experiment.net else "NumPy"
        self._bar.update(self._task, description=f"starting {engine}")
        self._bar.start()

    def epoch(self, row: Epoch, *, total: int) -> None:
        """Show the losses of a finished epoch."""
        self._done, self._total = row.epoch, total
        validation = (
            "" if row.validation_loss is None else f" · validation {format_number(row.validation_loss)}"
        )
        text = f"epoch {row.epoch}/{total} · loss {format_number(row.loss)}{validation}"
        rate = f" · rate {format_number(row.learning_rate)}" if self._screen.width >= _WIDE else ""
        self._bar.update(self._task, description=f"{text}{rate}", completed=row.epoch, total=total)
        if self._bar.disable and row.epoch < total:
            self._show_progress(text, epochs=row.epoch)

    def tick(self, share: float) -> None:
        """Move the bar within an epoch."""
        self._bar.update(self._task, completed=self._done + share)
        if self._bar.disable and self._total < 10 and share < 1:
            self._show_progress(f"{100 * share:.0f} % of an epoch", epochs=self._done + share)

    def _show_progress(self, text: str, *, epochs: float) -> None:
        """Print a line at each tenth of the epochs, at most one in `_LINE_INTERVAL_S`."""
        tenths, now = int(10 * epochs / self._total), time.monotonic()
        self._last_line_s = now if self._last_line_s is None else self._last_line_s
        if tenths > self._tenths and now - self._last_line_s >= _LINE_INTERVAL_S:
            self._tenths, self._last_line_s = tenths, now
            show_note("training", text)

    def trained(self, rows: list[Epoch], *, best_epoch: int, total: int, seconds: float) -> None:
        """Show the last losses, whether training stopped early, and how long it took."""
        self.close()
        last = rows[-1]
        parts = [f"epoch {last.epoch}/{total}", f"loss {format_number(last.loss)}"]
        if last.validation_loss is not None:
            parts.append(f"validation {format_number(last.validation_loss)}")
        if best_epoch:
            parts.append(f"{'stopped early, ' if last.epoch < total else ''}best {best_epoch}")
        show_note("training", " · ".join([*parts, f"{seconds:.1f} s"]))

    def interrupted(self, folder: Path, *, epoch: int, total: int, failed: bool) -> None:
        """Show which epoch of an interrupted training is saved, and how to resume it."""
        self.close()
        if not self._resumable:
            return
        saved = f"epoch {epoch} of {total}" if epoch else "the last checkpoint"
        resume = "" if failed else f"; continue with: rnnfc train --resume {shlex.quote(str(folder))}"
        show_note("kept", f"{saved} in {folder}{resume}")

    def close(self) -> None:
        """Remove the bar, also when training is interrupted."""
        self._bar.stop()


def data_lines(prepared: Prepared) -> list[tuple[str, str]]:
    """Label and text of the lines about rows and windows of an experiment."""
    facts, window, model = check(prepared), prepared.experiment.window, prepared.experiment.model
    counts = " · ".join(f"{part['count']:,} {name}" for name, part in facts["windows"].items())
    later = f"; {prepared.panel.later:,} later rows are left out" if prepared.panel.later else ""
    stride = f", stride {window.stride:,}{_phases(facts)}" if window.stride > 1 else ""
    network = f"{model.label}, {prepared.parameters:,} parameters"
    return [
        ("data", _rows(facts, how=f" ({prepared.panel.missing})") + later),
        ("windows", f"{window.length:,} -> {window.horizon:,}{stride}: {counts}     {network}"),
        *(("note", text) for text in facts["notes"]),
    ]


def _phases(facts: Check) -> str:
    """At how many phases of the season training windows begin, if not at all of them."""
    return f" (begun at {facts['phases']:,} phases of data.season)" if "phases" in facts else ""


def _rows(facts: Check, *, how: str = "") -> str:
    """Rows, step and span of the data; `how` missing values were filled."""
    rows = f"{facts['rows']:,} rows{series_of_rows(facts['series'], facts['left_out_series'])}, {facts['frequency']}"
    num_filled = facts["filled_values"]
    values = "value" if num_filled == 1 else "values"
    done = "masked" if how == " (mask)" else f"filled{how}"
    filled = f", {num_filled:,} missing {values} {done}" if num_filled else ""
    constant = f", {facts['constant_series']:,} series with a constant column (centred, not scaled)"
    future = ""
    if num_future := facts.get("future_rows"):
        future = f"; {num_future:,} rows without {', '.join(facts['targets'])} at the end are to be forecast"
    span = f"{facts['first_time']} to {facts['last_time']}"
    return f"{rows}, {span}{filled}{constant if facts['constant_series'] else ''}{future}"


def show_report(report: Report, *, shown: Sequence[str] = ()) -> None:
    """Print the scores of the network on the test windows, the verdict, and the notes that were not `shown` before training."""
    units = ranking_units(report.scores, num_targets=len(report.targets))
    prefix = ranking_prefix(report.scores, num_targets=len(report.targets))
    # Errors in the data's unit, then those in its square; in scaled units where the targets may differ in their units.
    errors = [
        _summary(report, name, units=units)
        for power in ("data", "data squared")
        for name, metric in METRICS.items()
        if metric.summary and metric.over == "point" and metric.units == power
    ]
    scaled = f"scaled {format_number(report.test_score(VERDICT_METRIC, units='scaled'))}"
    remark = scaled if units == "data" else f"{len(report.targets)} targets"
    show_result("test", f"{prefix}{' · '.join(errors)} ({remark})")
    if report.quantile_metrics:
        show_result("quantiles", " · ".join(_quantile_summaries(report)))
    baselines = [
        f"{model} {format_number(report.test_score(RANKING_METRIC, units=units, model=model))}"
        for model in report.models
        if model != NETWORK
    ]
    show_result("baselines", f"{prefix}{heading(RANKING_METRIC)} {' · '.join(baselines)}")
    show_result("verdict", report.outcome)
    for text in report.notes:
        if text not in shown:
            show_note("note", text)


def _quantile_summaries(report: Report) -> list[str]:
    """The summary of all levels together, then of each interval."""
    parts: dict[str, list[str]] = {}
    for name in report.quantile_metrics:
        metric, suffix = parse_name(name)
        if metric.summary and (metric.over == "intervals" or not suffix):
            parts.setdefault(suffix, []).append(_summary(report, name))
    return [" ".join(texts) for texts in parts.values()]


def _summary(report: Report, name: str, *, units: str = "data") -> str:
    """A test score of the network as the console shows it, with its unit; several targets have none."""
    metric, suffix = parse_name(name)
    power = {"data": "", "data squared": "²"}.get(metric.units)
    unit = f" {report.unit}{power}" if report.unit and power is not None and len(report.targets) == 1 else ""
    return metric.summary.format(
        value=f"{format_number(report.test_score(name, units=units))}{unit}", coverage=suffix
    )


def show_saved(run: Run) -> None:
    """Print where the run is saved, and the next command."""
    files = [
        name
        for name in (REPORT_TEXT, LOSS_PLOT, FORECAST_PLOT, FORECAST, MODEL, ONNX)
        if (run.folder / name).exists()
    ]
    show_result("saved", f"{run.folder}   {'  '.join(files)}")
    experiment = run.experiment()
    is_open = (
        "known" in experiment.data.covariates
        and run.last_window(length=experiment.window.length).future is None
    )
    future = " --future FILE" if is_open else ""
    # A command finds the newest run in outputs/ by itself.
    name = "" if run.folder.parent == Path("outputs") else f" {shlex.quote(str(run.folder))}"
    show_result("next", f"rnnfc predict{name} --last-window{future}")


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns, the first aligned left, the others right."""
    table = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        write(sys.stdout, "  ".join(cells).rstrip() + "\n")


def show_check(result: Check) -> None:
    """Print the result of `check`."""
    show_result("data", _rows(result))
    show_result("channels", f"{', '.join(result['channels'])}; forecast: {', '.join(result['targets'])}")
    for name, part in result["windows"].items():
        some = series_with_windows(part.get("series", 1), result["series"])
        begun = _phases(result) if name == "train" else ""
        targets = f"targets {part['first_target']} to {part['last_target']}"
        show_result(name, f"{part['count']:,} windows{some}{begun}, {targets}")
    show_result("network", f"{result['parameters']:,} parameters, {result['updates']:,} updates")
    match result["experiment"]:
        case {"model": {"kind": "scratch"}}:
            engine = "NumPy"
        case _:
            engine = "TensorFlow"
    show_result("memory", f"about {result['training_bytes'] / 2**20:,.1f} MiB beyond {engine} itself")
    for key, value in result["experiment"].items():
        show_result(key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    for text in result["notes"]:
        show_note("note", text)

"""What a training shows: its rows and windows, and its progress."""

import shlex
import time
from pathlib import Path

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rnnfc.cli.output import line, show_note
from rnnfc.reports.text import format_number, series_of_rows
from rnnfc.training.progress import Epoch
from rnnfc.workflows.prepare import Check, Prepared, check

# Shortest time between two lines of progress without a terminal.
_LINE_INTERVAL_S = 10.0
# Columns of a terminal that also has room for the learning rate beside the bar.
_WIDE = 110


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
    stride = f", stride {window.stride:,}{describe_phases(facts)}" if window.stride > 1 else ""
    network = f"{model.label}, {prepared.parameters:,} parameters"
    return [
        ("data", describe_rows(facts, policy=f" ({prepared.panel.missing})") + later),
        ("windows", f"{window.length:,} -> {window.horizon:,}{stride}: {counts}     {network}"),
        *(("note", text) for text in facts["notes"]),
    ]


def describe_phases(facts: Check) -> str:
    """At how many phases of the season training windows begin, if not at all of them."""
    return f" (begun at {facts['phases']:,} phases of data.season)" if "phases" in facts else ""


def describe_rows(facts: Check, *, policy: str = "") -> str:
    """Rows, step and span of the data; `policy`: how missing values were filled."""
    rows = f"{facts['rows']:,} rows{series_of_rows(facts['series'], facts['left_out_series'])}, {facts['frequency']}"
    num_filled = facts["filled_values"]
    values = "value" if num_filled == 1 else "values"
    done = "masked" if policy == " (mask)" else f"filled{policy}"
    filled = f", {num_filled:,} missing {values} {done}" if num_filled else ""
    constant = f", {facts['constant_series']:,} series with a constant column (centred, not scaled)"
    future = ""
    if num_future := facts.get("future_rows"):
        future = f"; {num_future:,} rows without {', '.join(facts['targets'])} at the end are to be forecast"
    span = f"{facts['first_time']} to {facts['last_time']}"
    return f"{rows}, {span}{filled}{constant if facts['constant_series'] else ''}{future}"

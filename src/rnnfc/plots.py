"""The pictures of a run: loss curves, actual against predicted, runs side by side. PNG bytes; no window, no global state."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats

_SIZE_INCHES, _DPI = (9.0, 4.2), 100
# Okabe & Ito's palette: told apart by colour-blind readers too.
_ACTUAL, _COLOURS = "#444444", ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Rows that the lower, close-up part of a forecast picture shows.
_CLOSE_UP_ROWS = 120


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: time and value, [point], ascending in time."""

    label: str
    time: Times
    value: Floats


def loss_curve(
    *, title: str, losses: Sequence[float], validation: Sequence[float | None], best_epoch: int, loss_name: str
) -> bytes:
    """Training and validation loss of every epoch; a mark at the epoch whose weights were kept (0: the last ones)."""
    figure, axes = _figure(1)
    epochs = np.arange(1, len(losses) + 1)
    marker = "o" if len(losses) < 3 else None
    axes[0].plot(epochs, losses, color=_COLOURS[1], label="training", marker=marker)
    watched = [np.nan if loss is None else loss for loss in validation]
    if any(loss is not None for loss in validation):
        axes[0].plot(epochs, watched, color=_COLOURS[0], label="validation", marker=marker)
    if best_epoch:
        axes[0].axvline(best_epoch, color="#999999", linestyle=":", label=f"best epoch: {best_epoch}")
    if min(losses) > 0:
        axes[0].set_yscale("log")
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[0].set_xlabel("epoch")
    axes[0].set_ylabel(f"{loss_name.upper() if loss_name != 'huber' else 'Huber loss'} (scaled units)")
    _finish(axes[0], _plain(title))
    return _png(figure)


def forecast_picture(
    *, title: str, actual: Line, parts: Sequence[Line], test_start: float | np.datetime64, ylabel: str, xlabel: str
) -> bytes:
    """Above the whole series with the forecasts of every split, below the last rows close up.

    Args:
        parts: forecasts by split, the test split last.
        test_start: time of the first test row; what follows is shaded.
    """
    figure, axes = _figure(2)
    for place, axis in enumerate(axes):
        _draw(axis, actual, colour=_ACTUAL, width=1.1)
        for colour, part in zip((_COLOURS[1], _COLOURS[2], _COLOURS[0])[-len(parts) :], parts, strict=True):
            _draw(axis, part, colour=colour, width=1.0 if place == 0 else 1.4)
        axis.set_ylabel(_plain(ylabel))
        _time_axis(axis, actual.time)
    axes[0].axvspan(test_start, actual.time[-1], color="#D55E00", alpha=0.08, linewidth=0)
    close_up = actual.time[-min(_CLOSE_UP_ROWS, len(actual.time)) :]
    axes[1].set_xlim(close_up[0], close_up[-1])
    inside = actual.value[-len(close_up) :]
    margin = 0.15 * float(np.ptp(inside)) or 1.0
    axes[1].set_ylim(float(inside.min()) - margin, float(inside.max()) + margin)
    axes[1].set_xlabel(_plain(xlabel))
    axes[1].set_title("the last rows, close up", fontsize=9, loc="left")
    _finish(axes[0], _plain(title))
    return _png(figure)


def side_by_side(*, title: str, actual: Line, runs: Sequence[Line], ylabel: str, xlabel: str) -> bytes:
    """The actual values and the forecast of every run on the same test rows."""
    figure, axes = _figure(1)
    _draw(axes[0], actual, colour=_ACTUAL, width=1.6)
    for place, run in enumerate(runs):
        _draw(axes[0], run, colour=_COLOURS[place % len(_COLOURS)], width=1.2)
    axes[0].set_ylabel(_plain(ylabel))
    axes[0].set_xlabel(_plain(xlabel))
    _time_axis(axes[0], actual.time)
    _finish(axes[0], _plain(title))
    return _png(figure)


def axis_label(quantity: str, unit: str) -> str:
    """A quantity with its unit, as axes carry it."""
    return f"{quantity} ({unit})" if unit else quantity


def _figure(rows: int) -> tuple[Figure, npt.NDArray[np.object_]]:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    return figure, axes


def _draw(axis: Axes, line: Line, *, colour: str, width: float) -> None:
    marker = "o" if len(line.time) == 1 else None  # a single point has no line to be seen
    axis.plot(line.time, line.value, color=colour, linewidth=width, label=_plain(line.label), marker=marker)


def _time_axis(axis: Axes, time: Times) -> None:
    axis.margins(x=0.01)
    if time.dtype.kind == "M":
        locator = AutoDateLocator(minticks=4, maxticks=9)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _finish(axis: Axes, title: str) -> None:
    axis.set_title(title, fontsize=11, loc="left", fontweight="bold")
    axis.legend(frameon=False, fontsize=8, ncols=4, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    for other in axis.figure.axes:
        other.grid(alpha=0.25)
        other.spines[["top", "right"]].set_visible(False)


def _plain(text: str) -> str:
    """`text` as it is: matplotlib would read what stands between two dollar signs as mathematics."""
    return text.replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()

"""The pictures of a run: loss curves, actual against predicted, runs side by side. PNG bytes; no window, no global state."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.errors import visible

_SIZE_INCHES, _DPI = (9.0, 4.4), 100
# Okabe & Ito's palette: told apart by colour-blind readers too.
# The actual values are light and wide, so that forecasts which cover them leave an edge to be seen.
_ACTUAL, _ACTUAL_WIDTH = "#AAAAAA", 3.0
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_TEST, _TRAIN, _VALIDATION = _COLOURS[:3]
_STYLES = ("-", "--", ":", "-.")  # runs beyond the colours begin again with the next one
# No label is cut off at the edge; values beyond this are left out, for no axis can be laid over them.
_TITLE_SIZES, _LARGEST = (12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0), 1e100
# Characters of one label; a name may be longer than any picture is wide.
_LONGEST_TEXT = 200
# A longer line is drawn as the lowest and the highest point of each of so many parts: one a pixel, and no eye sees more.
_MOST_POINTS, _PIXELS = 20_000, 1_000
# Rows that the lower, close-up part of a forecast picture shows.
_CLOSE_UP_ROWS = 120


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: time and value, [point], ascending in time; it has a gap where a value is NaN.

    band: lowest and highest value around it, [2, point].
    """

    label: str
    time: Times
    value: Floats
    band: Floats | None = None
    band_label: str = ""

    def at(self, points: Any) -> Self:
        """Some of its points, in their order."""
        band = None if self.band is None else self.band[:, points]
        return replace(self, time=self.time[points], value=self.value[points], band=band)


def loss_curve(
    *, title: str, losses: Sequence[float], validation: Sequence[float | None], best_epoch: int, ylabel: str
) -> bytes:
    """Training and validation loss of every epoch; a mark at the epoch whose weights were kept (0: the last ones)."""
    figure, (axis,) = _figure(1, title)
    epochs = np.arange(1, len(losses) + 1)
    marker = "o" if len(losses) < 3 else None
    axis.plot(epochs, losses, color=_TRAIN, label="training", marker=marker)
    if any(loss is not None for loss in validation):
        watched = [np.nan if loss is None else loss for loss in validation]
        axis.plot(epochs, watched, color=_VALIDATION, label="validation", marker=marker)
    if best_epoch:
        axis.axvline(best_epoch, color="#999999", linestyle=":", label=f"best epoch: {best_epoch}")
    if min(losses) > 0:
        axis.set_yscale("log")
        decades = np.log10(max(losses) / min(losses))
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.set_xlabel("epoch")
    axis.set_ylabel(_plain(ylabel), fontsize=9)
    return _png(figure)


def forecast_picture(
    *, title: str, actual: Line, parts: Sequence[Line], test_start: Any, ylabel: str, xlabel: str
) -> bytes:
    """Above the whole series with the forecasts of every split, below the last test rows close up.

    Args:
        parts: forecasts by split, the test split last.
        test_start: time of the first test row; what follows is shaded.
    """
    figure, (whole, close_up) = _figure(2, title)
    _forecasts(whole, actual, parts, ylabel=ylabel)
    whole.axvspan(test_start, actual.time[-1], color=_TEST, alpha=0.08, linewidth=0)
    _forecasts(
        close_up,
        actual,
        parts,
        ylabel=ylabel,
        rows=min(_CLOSE_UP_ROWS, int(np.sum(actual.time >= test_start))),
    )
    close_up.set_xlabel(_plain(xlabel))
    return _png(figure)


def series_picture(
    *, title: str, series: Sequence[tuple[Line, Sequence[Line]]], ylabels: Sequence[str], xlabel: str
) -> bytes:
    """The last rows of each of some series one above the other, with the forecasts by split, the test split last."""
    figure, axes = _figure(len(series), title)
    for axis, (actual, parts), ylabel in zip(axes, series, ylabels, strict=True):
        _forecasts(axis, actual, parts, ylabel=ylabel, rows=min(_CLOSE_UP_ROWS, len(actual.time)))
    axes[-1].set_xlabel(_plain(xlabel))
    return _png(figure)


def _forecasts(
    axis: Axes, actual: Line, parts: Sequence[Line], *, ylabel: str, rows: int | None = None
) -> None:
    """Actual values and forecasts by split, of the last `rows` rows close up, or of all."""
    shown = (
        [actual, *parts] if rows is None else [_since(line, actual.time[-rows]) for line in (actual, *parts)]
    )
    _draw(axis, shown[0], colour=_ACTUAL, width=_ACTUAL_WIDTH)
    for colour, part in zip(
        (_TRAIN, _VALIDATION, _TEST) if len(parts) == 3 else (_TRAIN, _TEST), shown[1:], strict=True
    ):
        _draw(axis, part, colour=colour, width=1.0 if rows is None else 1.4)
    axis.set_ylabel(_plain(ylabel), fontsize=9)
    _time_axis(axis, actual.time)
    if rows is not None:
        _zoom(axis, actual, parts[-1], rows=rows)


def _zoom(axis: Axes, actual: Line, test: Line, *, rows: int) -> None:
    """Only the last `rows` rows; one row stands in the middle, as wide as the steps before and after it."""
    last = actual.time[-1]
    if rows > 1:
        axis.set_xlim(actual.time[-rows], last)
    else:
        step = last - actual.time[-2]
        axis.set_xlim(last - step, last + step)
    shown = test.at(test.time >= actual.time[-rows])
    inside = _drawable(
        np.concatenate([actual.value[-rows:], shown.value, *([] if shown.band is None else shown.band)])
    )
    inside = inside[~np.isnan(inside)]
    if len(inside):
        margin = 0.08 * float(np.ptp(inside)) or 1.0
        axis.set_ylim(float(inside.min()) - margin, float(inside.max()) + margin)


def side_by_side(*, title: str, actual: Line, runs: Sequence[Line], ylabel: str, xlabel: str) -> bytes:
    """Above the actual values and every forecast of the same rows, below the errors, by which close forecasts are told apart."""
    figure, (values, errors) = _figure(2, title)
    _draw(values, actual, colour=_ACTUAL, width=_ACTUAL_WIDTH)
    errors.axhline(0, color=_ACTUAL, linewidth=_ACTUAL_WIDTH)
    for place, run in enumerate(runs):
        again, colour = divmod(place, len(_COLOURS))
        look: dict[str, Any] = {
            "colour": _COLOURS[colour],
            "width": 1.4,
            "style": _STYLES[again % len(_STYLES)],
        }
        _draw(values, run, **look)
        _draw(errors, replace(run, value=_drawable(run.value) - actual.value), **look)
    values.set_ylabel(_plain(ylabel), fontsize=9)
    errors.set_ylabel("forecast - actual", fontsize=9)
    errors.set_xlabel(_plain(xlabel))
    for axis in (values, errors):
        _time_axis(axis, actual.time)
    return _png(figure)


def gradient_by_lag(*, title: str, groups: Sequence[Sequence[Line]]) -> bytes:
    """Gradient norms by lag on a log scale, the window's last step to the left; what is 0 is left out.

    Args:
        groups: a colour each; the lines of a group differ in style.
    """
    figure, (axis,) = _figure(1, title)
    for colour, group in enumerate(groups):
        for style, line in enumerate(group):
            drawn = Line(label=line.label, time=line.time, value=np.where(line.value > 0, line.value, np.nan))
            look = {"colour": _COLOURS[colour % len(_COLOURS)], "style": _STYLES[style % len(_STYLES)]}
            _draw(axis, drawn, width=2.0, **look)
    axis.set_yscale("log")
    axis.margins(x=0.01)
    axis.set_xlabel("steps back from the end of the window")
    axis.set_ylabel("gradient of the loss by the state,\nas a share of its last step's", fontsize=9)
    return _png(figure)


def axis_label(quantity: str, unit: str) -> str:
    """A quantity with its unit, as axes carry it."""
    return f"{quantity} ({unit})" if unit else quantity


def _figure(rows: int, title: str) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_plain(title), fontsize=12, x=0.01, ha="left", fontweight="bold")
    return figure, list(figure.subplots(rows, 1, squeeze=False)[:, 0])


def _draw(axis: Axes, line: Line, *, colour: str, width: float, style: str = "-") -> None:
    line = _thinned(line)
    value = _drawable(line.value)
    known = np.concatenate([[False], ~np.isnan(value), [False]])
    alone = np.flatnonzero(
        known[1:-1] & ~known[:-2] & ~known[2:]
    )  # a point between gaps has no line to be seen
    marks: dict[str, Any] = (
        {"marker": "o", "markersize": 2 + width, "markevery": alone.tolist()} if len(alone) else {}
    )
    axis.plot(
        line.time, value, color=colour, linewidth=width, linestyle=style, label=_plain(line.label), **marks
    )
    if line.band is not None:
        low, high = map(_drawable, line.band)
        axis.fill_between(
            line.time, low, high, color=colour, alpha=0.2, linewidth=0, label=_plain(line.band_label)
        )


def _since(line: Line, start: Any) -> Line:
    """A long line without what lies before `start`, but for the two points that lead there."""
    first = max(0, int(np.searchsorted(line.time, start)) - 2) if len(line.time) > _MOST_POINTS else 0
    return line.at(slice(first, None))


def _thinned(line: Line) -> Line:
    """A long line that looks the same at this width; a gap shorter than a pixel is closed."""
    if len(line.value) <= _MOST_POINTS:
        return line
    chosen: list[int] = []
    for first, end in pairwise(np.linspace(0, len(line.value), _PIXELS + 1).astype(int).tolist()):
        value = _drawable(line.value[first:end])
        empty = bool(np.isnan(value).all())
        chosen += (
            [first] if empty else sorted({first + int(np.nanargmin(value)), first + int(np.nanargmax(value))})
        )
    return line.at(chosen)


def _drawable(value: Floats) -> Floats:
    return np.where(np.abs(value) <= _LARGEST, value, np.nan)


def _time_axis(axis: Axes, time: Times) -> None:
    axis.margins(x=0.01)
    if time.dtype.kind == "M":
        locator = AutoDateLocator(minticks=4, maxticks=9)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _plain(text: str) -> str:
    """`text` as it is: matplotlib would read mathematics between two dollar signs, and leave a label out that begins with _."""
    shown = visible(text.replace("\n", " "))
    shown = shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"
    return f"{' ' * shown.startswith('_')}{shown}".replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    for axis in figure.axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph", UserWarning
        )  # a letter that the font lacks is drawn as a box
        _legend(figure)
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _legend(figure: Figure) -> None:
    """One row beside the title where there is room for it, else below the axes: nowhere on a curve."""
    handles, labels = figure.axes[0].get_legend_handles_labels()

    def legend(
        place: Literal["upper right", "outside lower left"], columns: int, size: float = 9.0
    ) -> Legend:
        return figure.legend(
            handles, labels, frameon=False, fontsize=size, ncols=columns, loc=place, borderaxespad=0.3
        )

    (title,) = figure.texts
    for size in _TITLE_SIZES:
        title.set_fontsize(size)
        if title.get_window_extent().x1 <= figure.bbox.width:
            break
    made = legend("upper right", len(labels))
    if made.get_window_extent().x0 > title.get_window_extent().x1:
        return
    for columns, size in ((4, 9.0), (3, 9.0), (2, 9.0), (1, 9.0), (1, 7.0), (1, 5.0)):
        made.remove()
        made = legend("outside lower left", columns, size)
        if made.get_window_extent().width < figure.bbox.width:
            break
    if made.get_window_extent().height > figure.bbox.height / 2:
        made.set_loc("lower left")  # twenty names: rather over the curves than in their place

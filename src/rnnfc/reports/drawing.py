"""Drawing: lines with gaps and bands on axes, texts as they are, a legend that covers no curve, PNG bytes. No global state."""

import io
import warnings
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.errors import visible

_SIZE_INCHES, _DPI = (9.0, 4.4), 100
# Okabe & Ito's palette, which color-blind readers can tell apart too.
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", ":", "-.")  # lines beyond the colors begin again with the next style
# Matplotlib's axes have no room for values beyond this; they are left out.
_LARGEST = 1e100
_TITLE_SIZES = (12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0)
# Characters of one label; a name may be longer than any picture is wide.
_LONGEST_TEXT = 200
# A longer line is drawn as the lowest and the highest point of each of so many parts, one a pixel, which looks the same.
_MOST_POINTS, _PIXELS = 20_000, 1_000

# One point of a time axis.
Time: TypeAlias = np.datetime64 | np.float64 | np.int64 | float


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

    def select(self, points: slice | list[int] | npt.NDArray[np.bool_]) -> Self:
        """Some of its points, in their order."""
        band = None if self.band is None else self.band[:, points]
        return replace(self, time=self.time[points], value=self.value[points], band=band)


def new_figure(rows: int, title: str) -> tuple[Figure, list[Axes]]:
    """A figure with axes one above the other."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(escape_text(title), fontsize=12, x=0.01, ha="left", fontweight="bold")
    return figure, list(figure.subplots(rows, 1, squeeze=False)[:, 0])


def draw_line(axis: Axes, line: Line, *, color: str, width: float, style: str = "-") -> None:
    """Draw a line and its band; a point between two gaps is a dot."""
    line = subsample_line(line)
    value = clip_to_axis(line.value)
    known = np.concatenate([[False], ~np.isnan(value), [False]])
    isolated = np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])
    axis.plot(
        line.time,
        value,
        color=color,
        linewidth=width,
        linestyle=style,
        label=escape_text(line.label),
        marker="o" if len(isolated) else None,
        markersize=2 + width,
        markevery=isolated.tolist() if len(isolated) else None,
    )
    if line.band is not None:
        low, high = map(clip_to_axis, line.band)
        label = escape_text(line.band_label)
        axis.fill_between(line.time, low, high, color=color, alpha=0.2, linewidth=0, label=label)


def crop_line(line: Line, start: Time) -> Line:
    """A long line without the points before `start`, except the last two, which lead there."""
    first = max(0, int(np.searchsorted(line.time, start)) - 2) if len(line.time) > _MOST_POINTS else 0
    return line.select(slice(first, None))


def subsample_line(line: Line) -> Line:
    """A long line with fewer points that looks the same at this width; a gap shorter than a pixel is closed."""
    if len(line.value) <= _MOST_POINTS:
        return line
    chosen: list[int] = []
    for first, end in pairwise(np.linspace(0, len(line.value), _PIXELS + 1).astype(int).tolist()):
        value = clip_to_axis(line.value[first:end])
        if np.isnan(value).all():
            chosen.append(first)
        else:
            chosen += sorted({first + int(np.nanargmin(value)), first + int(np.nanargmax(value))})
    return line.select(chosen)


def clip_to_axis(value: Floats) -> Floats:
    """The values, NaN where they are too large for any axis."""
    return np.where(np.abs(value) <= _LARGEST, value, np.nan)


def format_time_axis(axis: Axes, time: Times) -> None:
    """Ticks of dates from months to years; numbers keep theirs."""
    axis.margins(x=0.01)
    if time.dtype.kind == "M":
        locator = AutoDateLocator(minticks=4, maxticks=9)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def escape_text(text: str) -> str:
    """`text` as it is: matplotlib would read mathematics between two dollar signs, and leave out a label that begins with _."""
    shown = visible(text.replace("\n", " "))
    shown = shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"
    return f"{' ' * shown.startswith('_')}{shown}".replace("$", r"\$")


def to_png(figure: Figure) -> bytes:
    """The finished figure with a grid and a legend."""
    for axis in figure.axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        _add_legend(figure)
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _add_legend(figure: Figure) -> None:
    """One row beside the title if it fits there, else below the axes: never on a curve."""
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
    box = legend("upper right", len(labels))
    if box.get_window_extent().x0 > title.get_window_extent().x1:
        return
    for columns, size in ((4, 9.0), (3, 9.0), (2, 9.0), (1, 9.0), (1, 7.0), (1, 5.0)):
        box.remove()
        box = legend("outside lower left", columns, size)
        if box.get_window_extent().width < figure.bbox.width:
            break
    if box.get_window_extent().height > figure.bbox.height / 2:
        box.set_loc("lower left")  # of twenty names: over the curves rather than in their place

"""The pictures of a run as PNG: loss curves, actual against predicted, runs side by side, gradients by lag."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from rnnfc.reports.drawing import (
    COLORS,
    STYLES,
    Line,
    Time,
    clip_to_axis,
    crop_line,
    draw_line,
    escape_text,
    format_time_axis,
    new_figure,
    to_png,
)

# The actual values are light and wide, so that an edge of them is seen under a forecast that covers them.
_ACTUAL, _ACTUAL_WIDTH = "#AAAAAA", 3.0
_TEST, _TRAIN, _VALIDATION = COLORS[:3]
# Rows that the lower, close-up part of a forecast picture shows.
_CLOSE_UP_ROWS = 120


def draw_losses(
    *, title: str, losses: Sequence[float], validation: Sequence[float | None], best_epoch: int, ylabel: str
) -> bytes:
    """Training and validation loss of every epoch; a mark at the epoch whose weights were kept (0: the last ones)."""
    figure, (axis,) = new_figure(1, title)
    epochs = np.arange(1, len(losses) + 1)
    marker = "o" if len(losses) < 3 else None
    axis.plot(epochs, losses, color=_TRAIN, label="training", marker=marker)
    if any(loss is not None for loss in validation):
        values = [np.nan if loss is None else loss for loss in validation]
        axis.plot(epochs, values, color=_VALIDATION, label="validation", marker=marker)
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
    axis.set_ylabel(escape_text(ylabel), fontsize=9)
    return to_png(figure)


def draw_forecasts(
    *, title: str, actual: Line, parts: Sequence[Line], test_start: Time, ylabel: str, xlabel: str
) -> bytes:
    """The whole series with the forecasts of every split above, the last test rows close up below.

    Args:
        parts: forecasts by split, the test split last.
        test_start: time of the first test row; from there on the background is shaded.
    """
    figure, (whole, close_up) = new_figure(2, title)
    _draw_splits(whole, actual, parts, ylabel=ylabel)
    # Matplotlib converts dates to numbers, which its annotations do not say.
    whole.axvspan(test_start, actual.time[-1], color=_TEST, alpha=0.08, linewidth=0)  # type: ignore[arg-type]  # dates, see above
    num_test_rows = int(np.sum(actual.time >= test_start))
    _draw_splits(close_up, actual, parts, ylabel=ylabel, rows=min(_CLOSE_UP_ROWS, num_test_rows))
    close_up.set_xlabel(escape_text(xlabel))
    return to_png(figure)


def draw_series(
    *, title: str, series: Sequence[tuple[Line, Sequence[Line]]], ylabels: Sequence[str], xlabel: str
) -> bytes:
    """The last rows of several series one above the other, with the forecasts by split, the test split last."""
    figure, axes = new_figure(len(series), title)
    for axis, (actual, parts), ylabel in zip(axes, series, ylabels, strict=True):
        _draw_splits(axis, actual, parts, ylabel=ylabel, rows=min(_CLOSE_UP_ROWS, len(actual.time)))
    axes[-1].set_xlabel(escape_text(xlabel))
    return to_png(figure)


def draw_runs(*, title: str, actual: Line, runs: Sequence[Line], ylabel: str, xlabel: str) -> bytes:
    """The actual values and every forecast of the same rows above, their errors below, where close forecasts differ visibly."""
    figure, (values, errors) = new_figure(2, title)
    draw_line(values, actual, color=_ACTUAL, width=_ACTUAL_WIDTH)
    errors.axhline(0, color=_ACTUAL, linewidth=_ACTUAL_WIDTH)
    for place, run in enumerate(runs):
        round_, color = divmod(place, len(COLORS))
        error = replace(run, value=clip_to_axis(run.value) - actual.value)
        for axis, line in ((values, run), (errors, error)):
            draw_line(axis, line, color=COLORS[color], width=1.4, style=STYLES[round_ % len(STYLES)])
    values.set_ylabel(escape_text(ylabel), fontsize=9)
    errors.set_ylabel("forecast - actual", fontsize=9)
    errors.set_xlabel(escape_text(xlabel))
    for axis in (values, errors):
        format_time_axis(axis, actual.time)
    return to_png(figure)


def draw_gradients(*, title: str, groups: Sequence[Sequence[Line]]) -> bytes:
    """Gradient norms by lag on a log scale, the window's last step to the left; zeros are left out.

    Args:
        groups: each has a color; the lines of a group differ in style.
    """
    figure, (axis,) = new_figure(1, title)
    for color, group in enumerate(groups):
        for style, line in enumerate(group):
            positive = replace(line, value=np.where(line.value > 0, line.value, np.nan))
            look = {"color": COLORS[color % len(COLORS)], "style": STYLES[style % len(STYLES)]}
            draw_line(axis, positive, width=2.0, **look)
    axis.set_yscale("log")
    axis.margins(x=0.01)
    axis.set_xlabel("steps back from the end of the window")
    axis.set_ylabel("gradient norm,\nrelative to the last step", fontsize=9)
    return to_png(figure)


def axis_label(quantity: str, unit: str) -> str:
    """A quantity with its unit."""
    return f"{quantity} ({unit})" if unit else quantity


def _draw_splits(
    axis: Axes, actual: Line, parts: Sequence[Line], *, ylabel: str, rows: int | None = None
) -> None:
    """Actual values and forecasts by split, of the last `rows` rows close up, or of all."""
    lines = [actual, *parts]
    if rows is not None:
        lines = [crop_line(line, actual.time[-rows]) for line in lines]
    draw_line(axis, lines[0], color=_ACTUAL, width=_ACTUAL_WIDTH)
    colors = (_TRAIN, _VALIDATION, _TEST) if len(parts) == 3 else (_TRAIN, _TEST)
    for color, line in zip(colors, lines[1:], strict=True):
        draw_line(axis, line, color=color, width=1.0 if rows is None else 1.4)
    axis.set_ylabel(escape_text(ylabel), fontsize=9)
    format_time_axis(axis, actual.time)
    if rows is not None:
        _zoom(axis, actual, parts[-1], rows=rows)


def _zoom(axis: Axes, actual: Line, test: Line, *, rows: int) -> None:
    """Limit the axes to the last `rows` rows; one row is in the middle, between the steps before and after it."""
    last = actual.time[-1]
    if rows > 1:
        axis.set_xlim(actual.time[-rows], last)
    else:
        step = last - actual.time[-2]
        axis.set_xlim(last - step, last + step)
    shown = test.select(test.time >= actual.time[-rows])
    bands = [] if shown.band is None else list(shown.band)
    values = clip_to_axis(np.concatenate([actual.value[-rows:], shown.value, *bands]))
    values = values[~np.isnan(values)]
    if len(values):
        margin = 0.08 * float(np.ptp(values)) or 1.0
        axis.set_ylim(float(values.min()) - margin, float(values.max()) + margin)

"""Notes on values that a network learns badly from: outside the range of the training rows, or far from 1."""

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.windows import Rows, Splits
from rnnfc.reports.text import format_number

# Share of test values outside the training range; a random walk or a stray maximum leaves fewer or hardly leaves it.
_MANY_OUTSIDE = 0.2
# An excess below this share of the range changes no forecast that anybody would notice.
_NOTED_EXCESS = 0.01
# The weights of a new layer add its inputs up to about their size: at a hundred, tanh and sigmoid have no gradient left, and
# errors of this size take thousands of steps at usual learning rates.
_LARGE = 100.0
# The larger of two targets then has a hundred times the weight of the other in a squared loss.
_UNEQUAL = 10.0


def scale_notes(
    experiment: Experiment, panel: Panel, splits: Splits, *, low: Floats, high: Floats
) -> list[str]:
    """What to try where scaling does not fit the data; empty where it does.

    Args:
        low, high: range of the training rows, [series, channel].
    """
    method, normalize = experiment.scale.method, experiment.window.normalize
    if method == "none" or experiment.scale.by == "all":
        low, high = (np.broadcast_to(edge, low.shape) for edge in (low.min(axis=0), high.max(axis=0)))
    notes = _describe_outside(panel, splits, low=low, high=high) if normalize == "none" else []
    if experiment.scale.label == "none":
        notes += _describe_large(panel, splits.train_rows, normalize, low=low[0], high=high[0])
        notes += _describe_unequal(panel, low=low[0], high=high[0])
    return notes


def _describe_outside(panel: Panel, splits: Splits, *, low: Floats, high: Floats) -> list[str]:
    """On the column of which the most values of the test rows lie outside the training range."""
    test = splits.test
    # Origins ascend, so the windows of a series lie side by side.
    series, starts = np.unique(test.series, return_index=True)
    ends = [*starts[1:], len(test)]
    outside, known = np.zeros(len(panel.channels)), np.zeros(len(panel.channels))
    for place, start, end in zip(series, starts, ends, strict=True):
        first, last = int(test.origins[start]), int(test.origins[end - 1])
        values = panel.observed(slice(first, last + test.horizon))
        size = high[place] - low[place]
        excess = np.fmax(low[place] - values, values - high[place])
        outside += ((excess > _NOTED_EXCESS * size) & (size > 0)).sum(axis=0)
        known += (~np.isnan(values)).sum(axis=0)
    share = outside / np.maximum(known, 1)
    column = int(np.argmax(share))
    if share[column] < _MANY_OUTSIDE:
        return []
    span = f" ({format_number(low[0, column])} to {format_number(high[0, column])})" if len(low) == 1 else ""
    return [
        f"{100 * share[column]:.0f} % of the test values of {panel.channels[column]} lie outside the range of the training "
        f"rows{span}, which a network follows badly; try window.normalize: last"
    ]


def _describe_large(
    panel: Panel, train_rows: Rows, normalize: str, *, low: Floats, high: Floats
) -> list[str]:
    """On the column with the largest inputs of the network, without scaling."""
    if normalize == "mean_std":
        return []
    size = np.maximum(np.abs(low), np.abs(high)) if normalize == "none" else _changes(panel, train_rows)
    column = int(np.argmax(size))
    if size[column] < _LARGE:
        return []
    numbers = "values" if normalize == "none" else "changes"
    return [
        f"scale: none passes {numbers} of {panel.channels[column]} of about {format_number(float(size[column]))} to the network, "
        "which learns from numbers near 1; try scale: standard"
    ]


def _changes(panel: Panel, train_rows: Rows) -> Floats:
    """Mean absolute change from row to row of the training rows, [channel]; 0 where there is none."""
    total, count = np.zeros(len(panel.channels)), np.zeros(len(panel.channels))
    for first, end in train_rows:
        changes = np.abs(np.diff(panel.observed(slice(int(first), int(end))), axis=0))
        total, count = total + np.nansum(changes, axis=0), count + (~np.isnan(changes)).sum(axis=0)
    return np.asarray(total / np.maximum(count, 1))


def _describe_unequal(panel: Panel, *, low: Floats, high: Floats) -> list[str]:
    """On targets of different size, without scaling."""
    size = (high - low)[: panel.num_targets]
    large, small = int(np.argmax(size)), int(np.argmin(size))
    if size[large] < _UNEQUAL * size[small]:
        return []
    return [
        f"scale: none leaves {panel.channels[large]} with {_times(size[large], size[small])} the range of "
        f"{panel.channels[small]}, so the loss, and with it early stopping, follows that target; try scale: standard"
    ]


def _times(large: float, small: float) -> str:
    if small == 0:
        return "far more than"
    ratio = large / small
    return f"{format_number(ratio)} times" if ratio < 1e6 else "more than a million times"

"""Sums of a metric's terms over the windows of a forecast: what scores are computed from, whatever the part of the forecast."""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np

from rnnfc.config.network_spec import MEDIAN
from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metric import Terms, Values

# Forecast values that are summed at once: what is computed of them stays in a processor's cache.
_CHUNK_VALUES = 2**16


class View(NamedTuple):
    """What of a forecast a metric is computed from: the point in data or scaled units, a quantile level, or an interval.

    levels: index of one level, or of the lower and the upper bound.
    """

    scaled: bool = False
    levels: tuple[int, ...] = ()


class Sum(NamedTuple):
    """Terms of a view, summed over all windows or over those of each series."""

    view: View
    terms: Terms
    each_series: bool


def sum_terms(forecast: Forecast, required: Iterable[Sum], scaler: Scaler) -> tuple[Rows, dict[Sum, Floats]]:
    """Indices of the series with windows, and the sums as `pooled_sums` or `series_sums` has them."""
    required = set(required)
    chunk_sums: dict[Sum, list[Floats]] = {key: [] for key in required}
    chunk_series = []
    references = reference_values(np.asarray(forecast.actual), forecast.series)
    size = max(1, _CHUNK_VALUES // max(1, forecast.point[0].size))
    for start in range(0, len(forecast.point), size):
        chunk, reference = forecast.select(slice(start, start + size)), references[start : start + size]
        values = {
            view: _view_values(chunk, view, scaler, reference) for view in {key.view for key in required}
        }
        for key in required:
            arguments = values[key.view], key.terms
            sums = series_sums(*arguments, chunk.series) if key.each_series else pooled_sums(*arguments)
            chunk_sums[key].append(sums)
        chunk_series.append(chunk.series[_starts(chunk.series)])
    series = np.concatenate(chunk_series)
    starts = _starts(series)  # a series may go on in the next chunk
    totals = {
        key: np.add.reduceat(np.concatenate(parts, axis=1), starts, axis=1)
        if key.each_series
        else reduce(np.add, parts)
        for key, parts in chunk_sums.items()
    }
    return series[starts], totals


def _view_values(forecast: Forecast, view: View, scaler: Scaler, reference: Floats) -> Values:
    """What the terms of a view of a forecast are computed from."""
    actual, point = np.asarray(forecast.actual), forecast.point
    low = high = point
    level, coverage = MEDIAN, 0.0
    if view.scaled:
        actual, point, reference = (
            scaler.transform_points(values, forecast.series) for values in (actual, point, reference)
        )
    if view.levels and forecast.quantiles is not None:
        low, high = (forecast.quantiles[..., index] for index in (view.levels[0], view.levels[-1]))
        if len(view.levels) == 1:
            point, level = low, forecast.levels[view.levels[0]]
        else:
            coverage = forecast.levels[view.levels[1]] - forecast.levels[view.levels[0]]
    return Values(
        actual=actual, point=point, low=low, high=high, reference=reference, level=level, coverage=coverage
    )


def pooled_sums(values: Values, terms: Terms) -> Floats:
    """How many actual values are known, then the sum of each term over them, [1 + term, horizon, target]."""
    known = ~np.isnan(values.actual)
    return np.stack([known.sum(axis=0), *(term.sum(axis=0, where=known) for term in terms(values))])


def series_sums(values: Values, terms: Terms, series: Rows) -> Floats:
    """The sums of each series, [1 + term, series, horizon, target]; the windows of a series lie side by side."""
    known = ~np.isnan(values.actual)
    # A forecast that is no number is infinitely wrong: only what is unknown may be left out of a mean.
    cells = [np.where(known, np.where(np.isnan(term), np.inf, term), 0.0) for term in terms(values)]
    return np.asarray(np.add.reduceat(np.stack([known, *cells]), _starts(series), axis=1))


def reference_values(actual: Floats, series: Rows) -> Floats:
    """The first known value of each window's series, 0 where none is known, [window, 1, target]."""
    known, places = ~np.isnan(actual), np.cumsum(np.diff(series, prepend=series[0]) != 0)
    values = np.zeros((places[-1] + 1, actual.shape[2]))
    for target in range(actual.shape[2]):
        windows = np.flatnonzero(known[:, :, target].any(axis=1))
        first = windows[_starts(places[windows])]
        step = np.argmax(known[first, :, target], axis=1)
        values[places[first], target] = actual[first, step, target]
    return np.asarray(values[places, None])


def _starts(series: Rows) -> Rows:
    """The first window of each series."""
    return np.flatnonzero(np.diff(series, prepend=-1))

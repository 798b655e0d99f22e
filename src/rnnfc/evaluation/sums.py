"""Sums of a metric's terms over the windows of a forecast: what scores are computed from, whatever the part of the forecast."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
    """Terms of views, summed over all windows or over those of each series; the first term is the mean over the views."""

    views: tuple[View, ...]
    terms: Terms
    each_series: bool


class TermSums:
    """Sums of terms over the known values of some windows; a term that several metrics share is summed once.

    Args:
        known: where the actual value is known, [window, horizon, target].
        series: of each window; the windows of a series lie side by side.
    """

    def __init__(self, known: npt.NDArray[np.bool_], series: Rows) -> None:
        self._known = known
        self._starts = _starts(series)
        self._all_known = bool(known.all())
        self._counts: dict[bool, Floats] = {}
        # By the identity of the term, with the term, so that no later array has the same identity.
        self._sums: dict[tuple[int, bool], tuple[Floats, Floats]] = {}

    def sums(self, terms: Sequence[Floats], *, each_series: bool) -> Floats:
        """How many actual values are known, then the sum of each term over them, [1 + term, horizon, target].

        With `each_series` those of each series, [1 + term, series, horizon, target].
        """
        if each_series not in self._counts:
            known = self._known.astype(np.float64)
            self._counts[each_series] = self._sum_series(known) if each_series else known.sum(axis=0)
        for term in terms:
            if (id(term), each_series) not in self._sums:
                total = self._sum_series_known(term) if each_series else self._sum_known(term)
                self._sums[id(term), each_series] = (term, total)
        return np.stack(
            [self._counts[each_series], *(self._sums[id(term), each_series][1] for term in terms)]
        )

    def _sum_known(self, term: Floats) -> Floats:
        return np.asarray(term.sum(axis=0) if self._all_known else term.sum(axis=0, where=self._known))

    def _sum_series_known(self, term: Floats) -> Floats:
        cells = term if self._all_known else np.where(self._known, term, 0.0)
        sums = self._sum_series(cells)
        # A forecast that is no number is infinitely wrong: only what is unknown may be left out of a mean.
        return self._sum_series(np.where(np.isnan(cells), np.inf, cells)) if np.isnan(sums).any() else sums

    def _sum_series(self, cells: Floats) -> Floats:
        return np.asarray(np.add.reduceat(cells, self._starts, axis=0))


def sum_terms(forecast: Forecast, required: Iterable[Sum], scaler: Scaler) -> tuple[Rows, dict[Sum, Floats]]:
    """Indices of the series with windows, and the sums as `TermSums.sums` has them."""
    chunk_sums: dict[Sum, list[Floats]] = {key: [] for key in required}
    pairs = {(view, key.terms) for key in chunk_sums for view in key.views}
    chunk_series = []
    actual = np.asarray(forecast.actual)
    references = reference_values(actual, forecast.series)
    size = max(1, _CHUNK_VALUES // max(1, forecast.point[0].size))
    for start in range(0, len(forecast.point), size):
        rows = slice(start, start + size)
        chunk = forecast.select(rows)
        values = {
            view: _view_values(chunk, view, scaler, references[rows]) for view in {view for view, _ in pairs}
        }
        terms = {(view, function): function(values[view]) for view, function in pairs}
        term_sums = TermSums(~np.isnan(actual[rows]), chunk.series)
        for key, parts in chunk_sums.items():
            by_view = [
                term_sums.sums(terms[view, key.terms], each_series=key.each_series) for view in key.views
            ]
            sums = by_view[0]
            if len(by_view) > 1:
                sums[1] = np.mean([part[1] for part in by_view], axis=0)
            parts.append(sums)
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

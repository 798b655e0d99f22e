"""Naive2: the last value without its season, repeated, with the season put back: what M4 measures forecasts against.

Of each window it uses every earlier row of its series, as in M4. Where these have a seasonal autocorrelation (at 90 %), the
season is that of a classical multiplicative decomposition. Fewer than three seasons are taken as not seasonal.

M4 has positive series only. Where an earlier row is zero or negative, the season is that of the additive decomposition, with the
same test: the last value alone would be no measure of a seasonal series. `count_additive` counts such series for the report.

Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2, and its code
(github.com/Mcompetitions/M4-methods, Benchmarks and Evaluation.R).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnfc.baselines.baseline import Baseline
from rnnfc.baselines.columns import forecast_columns
from rnnfc.data.panel import Floats
from rnnfc.data.windows import Rows, Windows
from rnnfc.evaluation.forecast import Forecast

NAIVE2 = "Naive2"
# Values of an array that seasons are computed with at once: 2 MB.
_BLOCK = 2**18
# 90 % of a normal distribution lies within so many standard deviations.
_NORMAL_90 = 1.645


@dataclass(frozen=True)
class Naive2:
    """The naive forecast of the seasonally adjusted series, with the season put back."""

    season: int
    label: str = NAIVE2

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""

        def forecast(_series: int, _target: int, x: Floats, ends: Rows) -> Floats:
            return _forecast_column(x, ends, m=self.season, horizon=windows.horizon)

        return forecast_columns(windows, forecast, first=windows.panel.bounds)


def count_additive(windows: Windows, *, season: int) -> int:
    """How many series and targets have a row that is not positive, and three seasons, before the last of the windows."""
    panel, count = windows.panel, 0
    for series in np.unique(windows.series):
        first, end = panel.bounds[series], windows.origins[windows.series == series].max()
        rows = panel.values[first:end, : panel.num_targets]
        count += int((rows <= 0).any(axis=0).sum()) if end - first >= 3 * season else 0
    return count


def _forecast_column(x: Floats, ends: Rows, *, m: int, horizon: int) -> Floats:
    """point[end, horizon] after the first `end` values of a series, for all ends in one pass over cumulative sums.

    ends: ascending.
    """
    seasonal, positive = ends >= 3 * m, np.minimum.accumulate(x)[ends - 1] > 0
    if seasonal.any():
        seasonal[seasonal] = _is_seasonal(x, ends[seasonal], m=m)
    multiplied, added = seasonal & positive, seasonal & ~positive
    ratios = _season_sums(x, m=m, additive=False) if multiplied.any() else x
    differences = _season_sums(x, m=m, additive=True) if added.any() else x
    blocks, step = [], max(1, _BLOCK // max(m, horizon))
    for start in range(0, len(ends), step):
        block = slice(start, start + step)
        end, shape = ends[block, None], (len(ends[block]), m)
        factor, term = np.ones(shape), np.zeros(shape)  # [end, phase]
        means, mean = _season_means(ratios, ends[block][multiplied[block]], m=m)
        factor[multiplied[block]] = means / mean
        means, mean = _season_means(differences, ends[block][added[block]], m=m)
        term[added[block]] = means - mean
        last, ahead = (end - 1) % m, (end + np.arange(horizon)) % m
        level = (x[end - 1] - np.take_along_axis(term, last, axis=1)) / np.take_along_axis(
            factor, last, axis=1
        )
        blocks.append(
            level * np.take_along_axis(factor, ahead, axis=1) + np.take_along_axis(term, ahead, axis=1)
        )
    return np.concatenate(blocks)


def _is_seasonal(x: Floats, ends: Rows, *, m: int) -> npt.NDArray[np.bool_]:
    """Whether the autocorrelation at lag m of the first `end` values leaves its 90 % limits, [end].

    One pass over the rows, in blocks, carries the sums of x[row] x[row - lag] for all lags.

    ends: ascending, from m on.
    """
    x = x - x.mean()  # keeps digits of the sums of products
    total, lags = np.concatenate([[0.0], np.cumsum(x)]), np.arange(m, -1, -1)
    lagged = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([np.zeros(m), x]), m + 1
    )  # [row, lag], the longest first
    totals = np.lib.stride_tricks.sliding_window_view(
        total, m + 1
    )  # [end - m, lag], of the first end - lag values
    carried, step = np.zeros(m + 1), max(1, _BLOCK // (m + 1))
    seasonal = []
    for start in range(0, len(x), step):
        products = x[start : start + step, None] * lagged[start : start + step]
        products[0] += carried
        products = products.cumsum(axis=0)
        carried = products[-1]
        end = ends[slice(*np.searchsorted(ends, [start + 1, start + step + 1]))]
        mean = (total[end] / end)[:, None]
        covariance = products[end - start - 1] - mean * (totals[end - m] - total[lags] + lags * mean)
        with np.errstate(all="ignore"):  # a constant series has none
            correlation = covariance / covariance[:, -1:]
            limit = _NORMAL_90 * np.sqrt((1 + 2 * (correlation[:, 1:-1] ** 2).sum(axis=1)) / end)
            seasonal.append(np.abs(correlation[:, 0]) > limit)
    return np.concatenate(seasonal)


def _season_sums(x: Floats, *, m: int, additive: bool) -> Floats:
    """Sums of the values over (`additive`: less) their centred moving averages, of each row's phase up to that row, [row]."""
    half = m // 2
    weights = np.ones(m) if m % 2 else np.array([0.5, *np.ones(m - 1), 0.5])
    share = np.zeros(-(-len(x) // m) * m)
    with np.errstate(all="ignore"):  # ratios past the last end may be undefined
        inner, averages = x[half : len(x) - half], np.convolve(x, weights, mode="valid")
        share[half : len(x) - half] = inner - averages / m if additive else inner * m / averages
        return np.asarray(share.reshape(-1, m).cumsum(axis=0).ravel())


def _season_means(sums: Floats, ends: Rows, *, m: int) -> tuple[Floats, Floats]:
    """The mean of what `_season_sums` added up, of the first `end` values, [end, phase], and that over the phases, [end, 1]."""
    # The last row of each phase whose moving average ends before `end`, and how many such rows there are from the first on.
    last = (ends - m // 2)[:, None] - 1 - np.arange(m)
    means: Floats = sums[last] / ((last - m // 2) // m + 1)
    by_phase = np.empty_like(means)
    np.put_along_axis(by_phase, last % m, means, axis=1)
    return by_phase, means.mean(axis=1, keepdims=True)


BASELINE = Baseline(fit=lambda _splits, _scaler, season: Naive2(season or 1), needs_season=True)

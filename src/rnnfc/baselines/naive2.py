"""Naive2: the last value without its season, repeated, with the season put back: what M4 measures forecasts against.

Of each window it uses every earlier row of its series, as in M4. Where these have a seasonal autocorrelation (at 90 %), the
season is that of a classical multiplicative decomposition. Fewer than three seasons, and rows that are not all positive, are
taken as not seasonal.

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


def _forecast_column(x: Floats, ends: Rows, *, m: int, horizon: int) -> Floats:
    """point[end, horizon] after the first `end` values of a series, for all ends in one pass over cumulative sums.

    ends: ascending.
    """
    seasonal = (ends >= 3 * m) & (np.minimum.accumulate(x)[ends - 1] > 0)
    if seasonal.any():
        seasonal[seasonal] = _is_seasonal(x, ends[seasonal], m=m)
    sums = _season_sums(x, m=m) if seasonal.any() else x
    blocks, step = [], max(1, _BLOCK // max(m, horizon))
    for start in range(0, len(ends), step):
        block = slice(start, start + step)
        end, factor = ends[block, None], np.ones((len(ends[block]), m))  # factor[end, phase]
        factor[seasonal[block]] = _season(sums, ends[block][seasonal[block]], m=m)
        level = x[end - 1] / np.take_along_axis(factor, (end - 1) % m, axis=1)
        blocks.append(level * np.take_along_axis(factor, (end + np.arange(horizon)) % m, axis=1))
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


def _season_sums(x: Floats, *, m: int) -> Floats:
    """Sums of the values over their centred moving averages, of each row's phase up to that row, [row]."""
    half = m // 2
    weights = np.ones(m) if m % 2 else np.array([0.5, *np.ones(m - 1), 0.5])
    share = np.zeros(-(-len(x) // m) * m)
    with np.errstate(all="ignore"):  # ratios past the last end may be undefined
        share[half : len(x) - half] = x[half : len(x) - half] * m / np.convolve(x, weights, mode="valid")
        return np.asarray(share.reshape(-1, m).cumsum(axis=0).ravel())


def _season(sums: Floats, ends: Rows, *, m: int) -> Floats:
    """factor[end, phase] of the first `end` values, with mean 1."""
    # The last row of each phase whose moving average ends before `end`, and how many such rows there are from the first on.
    last = (ends - m // 2)[:, None] - 1 - np.arange(m)
    means: Floats = sums[last] / ((last - m // 2) // m + 1)
    factor = np.empty_like(means)
    np.put_along_axis(factor, last % m, means / means.mean(axis=1, keepdims=True), axis=1)
    return factor


BASELINE = Baseline(fit=lambda _splits, _scaler, season: Naive2(season or 1), needs_season=True)

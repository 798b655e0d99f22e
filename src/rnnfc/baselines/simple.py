"""Forecasters that need no network, in NumPy: what any network has to beat."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows, Windows
from rnnfc.evaluation.forecast import Forecast, Predictor

# The normal equations hold the square of this: 128 MB, and a minute for a million windows without the second limit.
_MOST_INPUTS = 4000
_MOST_FIT_WINDOWS = 20_000
# Ridge penalty as a share of the mean squared input: enough to keep collinear lags apart, too little to bias a fit.
_RIDGE = 1e-6
NAIVE2 = "Naive2"
# Values of an array that seasons are computed with at once: 2 MB.
_BLOCK = 2**18
# 90 % of a normal distribution lies within so many standard deviations.
_NORMAL_90 = 1.645


@dataclass(frozen=True)
class LastValue:
    """Every step repeats the last row of the window.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """

    label: str = "last value"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        last = windows.panel.values[windows.origins - 1, : windows.panel.num_targets]
        return Forecast.from_windows(windows, np.repeat(last[:, None], windows.horizon, axis=1))


@dataclass(frozen=True)
class Drift:
    """The line through the first and the last row of the window, continued.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """

    label: str = "drift"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units; a window of one row has no slope and is repeated."""
        values, targets = windows.panel.values, windows.panel.num_targets
        last = values[windows.origins - 1, :targets]
        first = values[windows.origins - windows.length, :targets]
        slope = (last - first) / max(windows.length - 1, 1)
        steps = np.arange(1, windows.horizon + 1)
        return Forecast.from_windows(windows, last[:, None] + steps[None, :, None] * slope[:, None])


@dataclass(frozen=True)
class SeasonalNaive:
    """Repeats the last full season of each window; the config holds season to at most the window's length.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """

    season: int
    label: str = "seasonal naive"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        back = np.arange(windows.horizon) % self.season - self.season
        rows = windows.origins[:, None] + back
        return Forecast.from_windows(windows, windows.panel.values[rows, : windows.panel.num_targets])


@dataclass(frozen=True)
class Naive2:
    """The last value without its season, repeated, with the season put back: what M4 measures forecasts against.

    Of each window it knows every earlier row of its series, as in M4. Where these have a seasonal autocorrelation (at 90 %), the
    season is that of a classical multiplicative decomposition. Fewer than three seasons, and rows that are not all positive, are
    taken as not seasonal.

    Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2, and its code
    (github.com/Mcompetitions/M4-methods, Benchmarks and Evaluation.R).
    """

    season: int
    label: str = NAIVE2

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""

        def forecast(_series: int, _target: int, x: Floats, ends: Rows) -> Floats:
            return _naive2(x, ends, m=self.season, horizon=windows.horizon)

        return column_by_column(windows, forecast, first=windows.panel.bounds)


def column_by_column(
    windows: Windows, forecast: Callable[[int, int, Floats, Rows], Floats], *, first: Rows
) -> Forecast:
    """The forecast of what knows a series from its row `first`[series] on, each target by itself.

    Args:
        forecast: of a series, a target, its rows and after how many of them the windows' targets begin, point[window, horizon].
    """
    panel, series = windows.panel, windows.series
    point = np.empty((len(windows), windows.horizon, panel.num_targets))
    for which in np.unique(series):
        chosen = slice(*np.searchsorted(series, [which, which + 1]))  # origins ascend
        start = first[which]
        ends = windows.origins[chosen] - start
        for target in range(panel.num_targets):
            point[chosen, :, target] = forecast(
                which, target, panel.values[start : start + ends[-1], target], ends
            )
    return Forecast.from_windows(windows, point)


def _naive2(x: Floats, ends: Rows, *, m: int, horizon: int) -> Floats:
    """point[end, horizon] after the first `end` values of a series, for all ends in one pass, by sums over its beginnings.

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
    x = x - x.mean()  # keeps digits
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
    with np.errstate(all="ignore"):  # what is not positive comes after every end that is asked for
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


@dataclass(frozen=True, kw_only=True)
class LinearMap:
    """One ridge regression for all targets, from the scaled rows of each and of the further inputs to all its steps.

    It sees at most 4,000 inputs (rows x channels): of a window that has more only the newest rows, and of a row that has more
    only the first channels. It is fitted on at most 20,000 training windows, evenly spaced.

    weights: f64[input + 1, horizon], the last row is the intercept.
    """

    weights: Floats
    scaler: Scaler
    label: str = "linear map"

    @classmethod
    def fit(cls, train: Windows, scaler: Scaler) -> Self:
        """The closed-form solution of the normal equations in float64, summed over chunks of windows.

        Args:
            train: unscaled training windows.
        """
        chosen = _newest(train.without_masked_targets().subsample(_MOST_FIT_WINDOWS))
        inputs = num_inputs(chosen) + 1
        gram, moment = np.zeros((inputs, inputs)), np.zeros((inputs, train.horizon))
        for part in chosen.batches():
            x = _design(part, scaler)
            gram += x.T @ x
            y = scaler.transform_points(part.targets(), part.series)  # [window, horizon, target]
            moment += x.T @ y.transpose(0, 2, 1).reshape(len(x), -1)
        size = np.trace(gram[:-1, :-1]) / (inputs - 1)
        place = np.arange(inputs - 1)  # the intercept is free
        gram[place, place] += _RIDGE * (size if size > 0 else 1.0)  # inputs that are all zero have no size
        weights: Floats = np.asarray(np.linalg.solve(gram, moment))
        return cls(weights=weights, scaler=scaler)

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        seen = _newest(windows)
        points = np.concatenate([_design(part, self.scaler) @ self.weights for part in seen.batches()])
        scaled = points.reshape(len(windows), -1, windows.horizon).transpose(0, 2, 1)
        return Forecast.from_windows(windows, self.scaler.inverse_transform(scaled, windows.series))


def fit_all(train: Windows, scaler: Scaler, *, season: int | None) -> list[Predictor]:
    """Every baseline that applies, fitted on unscaled training windows."""
    seasonal: list[Predictor] = [SeasonalNaive(season), Naive2(season)] if season is not None else []
    return [LastValue(), Drift(), *seasonal, LinearMap.fit(train, scaler)]


def _channels(windows: Windows) -> int:
    """What the map reads of each row: a target and the further inputs."""
    return len(windows.panel.channels) - windows.panel.num_targets + 1


def _newest(windows: Windows) -> Windows:
    """The windows without the oldest rows that would be too many inputs."""
    return replace(windows, length=min(windows.length, max(1, _MOST_INPUTS // _channels(windows))))


def num_inputs(windows: Windows) -> int:
    """What the linear map reads of each window, the intercept aside."""
    return min(windows.length * _channels(windows), _MOST_INPUTS)


def _design(windows: Windows, scaler: Scaler) -> Floats:
    """[window * target, input + 1], scaled, the last column ones."""
    scaled, targets = scaler.transform_points(windows.inputs(), windows.series), windows.panel.num_targets
    own = [
        np.concatenate([scaled[..., place : place + 1], scaled[..., targets:]], axis=-1)
        for place in range(targets)
    ]
    x = np.stack(own, axis=1).reshape(len(scaled) * targets, -1)[
        :, : num_inputs(windows)
    ]  # from [window, target, row, channel]
    return np.hstack([x, np.ones((len(x), 1))])

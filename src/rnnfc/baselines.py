"""Forecasters that need no network, in NumPy: what any network has to beat."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.forecast import Forecast, Predictor

# Windows are laid out side by side in chunks of about this size.
_CHUNK_BYTES = 32 * 2**20
# The normal equations hold the square of this: 128 MB, and a minute for a million windows without the second limit.
_MOST_INPUTS = 4000
_MOST_FIT_WINDOWS = 20_000
# Ridge penalty as a share of the mean squared input: enough to keep collinear lags apart, too little to bias a fit.
_RIDGE = 1e-6


@dataclass(frozen=True)
class LastValue:
    """Every step repeats the last row of the window.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """

    label: str = "last value"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        last = windows.panel.values[windows.origins - 1, : windows.panel.num_targets]
        return Forecast.of(windows, np.repeat(last[:, None], windows.horizon, axis=1))


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
        return Forecast.of(windows, last[:, None] + steps[None, :, None] * slope[:, None])


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
        return Forecast.of(windows, windows.panel.values[rows, : windows.panel.num_targets])


@dataclass(frozen=True, kw_only=True)
class LinearMap:
    """One ridge regression from the scaled window (all channels) to all steps and targets, fitted on training windows.

    It sees at most 4,000 inputs (rows x channels): of a window that has more only the newest rows, and of a row that has more
    only the first channels. It is fitted on at most 20,000 training windows, evenly spaced.

    weights: f64[input + 1, horizon * target], the last row is the intercept.
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
        scaled = _newest(train.on(scaler.apply(train.panel)))
        if len(scaled) > _MOST_FIT_WINDOWS:
            chosen = np.linspace(0, len(scaled) - 1, _MOST_FIT_WINDOWS).round().astype(np.int64)
            scaled = replace(scaled, origins=scaled.origins[chosen])
        inputs = _inputs(scaled) + 1
        gram = np.zeros((inputs, inputs))
        moment = np.zeros((inputs, train.horizon * train.panel.num_targets))
        for part in _chunks(scaled):
            x = _design(scaled, part)
            gram += x.T @ x
            moment += x.T @ scaled.targets(part).reshape(len(x), -1)
        size = np.trace(gram[:-1, :-1]) / (inputs - 1)
        place = np.arange(inputs - 1)  # the intercept is free
        gram[place, place] += _RIDGE * (size if size > 0 else 1.0)  # inputs that are all zero have no size
        weights: Floats = np.asarray(np.linalg.solve(gram, moment))
        return cls(weights=weights, scaler=scaler)

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        scaled = _newest(windows.on(self.scaler.apply(windows.panel)))
        points = np.concatenate([_design(scaled, part) @ self.weights for part in _chunks(scaled)])
        return Forecast.of(windows, self.scaler.invert(points.reshape(len(windows), windows.horizon, -1), windows.series))


def fit_all(train: Windows, scaler: Scaler, *, season: int | None) -> list[Predictor]:
    """Every baseline that applies, fitted on unscaled training windows."""
    seasonal: list[Predictor] = [SeasonalNaive(season)] if season is not None else []
    return [LastValue(), Drift(), *seasonal, LinearMap.fit(train, scaler)]


def _newest(scaled: Windows) -> Windows:
    """The windows without the oldest rows that would be too many inputs."""
    return replace(scaled, length=min(scaled.length, max(1, _MOST_INPUTS // len(scaled.panel.channels))))


def _inputs(scaled: Windows) -> int:
    return min(scaled.length * len(scaled.panel.channels), _MOST_INPUTS)


def _design(scaled: Windows, part: slice) -> Floats:
    """[n, input + 1], the last column ones."""
    x = scaled.inputs(part).reshape(len(scaled.origins[part]), -1)[:, : _inputs(scaled)]
    return np.hstack([x, np.ones((len(x), 1))])


def _chunks(scaled: Windows) -> list[slice]:
    width = max(_inputs(scaled) + 1, scaled.horizon * scaled.panel.num_targets)
    step, count = max(1, _CHUNK_BYTES // (8 * width)), len(scaled)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]

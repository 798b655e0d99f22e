"""Forecasters that need no network, in NumPy: what any network has to beat."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.forecast import Forecast, Predictor

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
        chosen = _newest(train.complete().spread(_MOST_FIT_WINDOWS))
        inputs = _inputs(chosen) + 1
        gram = np.zeros((inputs, inputs))
        moment = np.zeros((inputs, train.horizon * train.panel.num_targets))
        for part in chosen.parts():
            x = _design(part, scaler)
            gram += x.T @ x
            moment += x.T @ scaler.scale_points(part.targets(), part.series).reshape(len(x), -1)
        size = np.trace(gram[:-1, :-1]) / (inputs - 1)
        place = np.arange(inputs - 1)  # the intercept is free
        gram[place, place] += _RIDGE * (size if size > 0 else 1.0)  # inputs that are all zero have no size
        weights: Floats = np.asarray(np.linalg.solve(gram, moment))
        return cls(weights=weights, scaler=scaler)

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        seen = _newest(windows)
        points = np.concatenate([_design(part, self.scaler) @ self.weights for part in seen.parts()])
        return Forecast.of(windows, self.scaler.invert(points.reshape(len(windows), windows.horizon, -1), windows.series))


def fit_all(train: Windows, scaler: Scaler, *, season: int | None) -> list[Predictor]:
    """Every baseline that applies, fitted on unscaled training windows."""
    seasonal: list[Predictor] = [SeasonalNaive(season)] if season is not None else []
    return [LastValue(), Drift(), *seasonal, LinearMap.fit(train, scaler)]


def _newest(windows: Windows) -> Windows:
    """The windows without the oldest rows that would be too many inputs."""
    return replace(windows, length=min(windows.length, max(1, _MOST_INPUTS // len(windows.panel.channels))))


def _inputs(windows: Windows) -> int:
    return min(windows.length * len(windows.panel.channels), _MOST_INPUTS)


def _design(windows: Windows, scaler: Scaler) -> Floats:
    """[window, input + 1], scaled, the last column ones."""
    scaled = scaler.scale_points(windows.inputs(), windows.series)
    x = scaled.reshape(len(scaled), -1)[:, : _inputs(windows)]
    return np.hstack([x, np.ones((len(x), 1))])

"""Forecasters that need no network, in NumPy: what any network has to beat."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.forecast import Forecast, Predictor

# Windows that are laid out side by side at a time: bounds memory at a few MB for usual lengths.
_CHUNK = 4096
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
    """One ridge regression from the whole scaled window (all channels) to all steps and targets, fitted on training windows.

    weights: f64[length * channel + 1, horizon * target], the last row is the intercept.
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
        scaled = train.on(scaler.apply(train.panel))
        inputs = train.length * len(train.panel.channels) + 1
        gram = np.zeros((inputs, inputs))
        moment = np.zeros((inputs, train.horizon * train.panel.num_targets))
        for part in _chunks(len(train)):
            x = _design(scaled, part)
            gram += x.T @ x
            moment += x.T @ scaled.targets(part).reshape(len(x), -1)
        size = np.trace(gram[:-1, :-1]) / (inputs - 1)
        penalty = np.full(inputs, _RIDGE * (size if size > 0 else 1.0))  # inputs that are all zero have no size
        penalty[-1] = 0.0  # the intercept is free
        weights: Floats = np.asarray(np.linalg.solve(gram + np.diag(penalty), moment))
        return cls(weights=weights, scaler=scaler)

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        scaled = windows.on(self.scaler.apply(windows.panel))
        points = np.concatenate([_design(scaled, part) @ self.weights for part in _chunks(len(windows))])
        return Forecast.of(windows, self.scaler.invert(points.reshape(len(windows), windows.horizon, -1), windows.series))


def fit_all(train: Windows, scaler: Scaler, *, season: int | None) -> list[Predictor]:
    """Every baseline that applies, fitted on unscaled training windows."""
    seasonal: list[Predictor] = [SeasonalNaive(season)] if season is not None else []
    return [LastValue(), Drift(), *seasonal, LinearMap.fit(train, scaler)]


def _design(scaled: Windows, part: slice) -> Floats:
    """[n, length * channel + 1], the last column ones."""
    x = scaled.inputs(part).reshape(len(scaled.origins[part]), -1)
    return np.hstack([x, np.ones((len(x), 1))])


def _chunks(count: int) -> list[slice]:
    return [slice(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]

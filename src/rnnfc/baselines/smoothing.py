"""Exponential smoothing of columns, fitted by statsmodels (the extra `stats`): what ETS and Theta share."""

import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from rnnfc.baselines.columns import forecast_columns
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.windows import Rows, Splits, Windows
from rnnfc.evaluation.forecast import Forecast

# What statsmodels' initial states need: so many rows besides half a season at either end, and two seasons.
_FEWEST_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """Exponential smoothing of one column: parameters, and level, damped trend and season before the first row.

    alpha, beta, gamma: smoothing of level, trend and season; phi: damping of the trend.
    season: f64[phase], from that of the first row on; it is added to the level, or multiplied with it.
    """

    alpha: float
    beta: float = 0.0
    gamma: float = 0.0
    phi: float = 1.0
    level: float = 0.0
    trend: float = 0.0
    season: Floats = field(default_factory=lambda: np.zeros(1))
    multiplicative: bool = False

    def forecast(self, x: Floats, ends: Rows, *, horizon: int) -> Floats:
        """point[end, horizon] after the first `end` rows of `x`, for all ends in one pass."""
        rows, m = len(x), len(self.season)
        # before each row
        level, trend, season = np.empty(rows + 1), np.empty(rows + 1), np.resize(self.season, rows + m)
        level[0], trend[0] = self.level, self.trend
        remove, add = (
            (operator.truediv, operator.mul) if self.multiplicative else (operator.sub, operator.add)
        )
        for row, value in enumerate(x):
            damped = self.phi * trend[row]
            expected = level[row] + damped
            level[row + 1] = self.alpha * remove(value, season[row]) + (1 - self.alpha) * expected
            trend[row + 1] = self.beta * (level[row + 1] - level[row]) + (1 - self.beta) * damped
            if self.gamma:
                season[row + m] = self.gamma * remove(value, expected) + (1 - self.gamma) * season[row]
        steps = np.arange(horizon)
        future = level[ends, None] + trend[ends, None] * np.cumsum(self.phi ** (steps + 1))
        return np.asarray(add(future, season[ends[:, None] + steps % m]))


# Rows and their season, None where there is none.
FitColumn = Callable[[Floats, int | None], Smoothing]


@dataclass(frozen=True, kw_only=True)
class ColumnSmoothing:
    """Each target of each series continued by its own smoothing, from every row before a window's targets.

    Its parameters are those of the training rows. A series with fewer than ten of them, or a constant, repeats its last value.

    columns: [series][target]; first: i64[series], the row that each series' smoothing begins with.
    """

    label: str
    columns: list[list[Smoothing]]
    first: Rows

    @classmethod
    def fit(cls, method: FitColumn, splits: Splits, *, season: int | None, label: str) -> "ColumnSmoothing":
        """Fitted on the training rows of each target of each series."""
        panel = splits.train.panel
        columns = [
            [
                fit_column(method, _training_part(panel, target, *rows), season=season)
                for target in range(panel.num_targets)
            ]
            for rows in splits.train_rows
        ]
        return cls(label=label, columns=columns, first=splits.train_rows[:, 0])

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""

        def forecast(series: int, target: int, x: Floats, ends: Rows) -> Floats:
            return self.columns[series][target].forecast(x, ends, horizon=windows.horizon)

        return forecast_columns(windows, forecast, first=self.first)


def fit_column(method: FitColumn, x: Floats, *, season: int | None) -> Smoothing:
    """A column's smoothing; fewer than two seasons are not seasonal, fewer than ten rows or a constant repeat the last."""
    size = float(np.ptp(x)) if len(x) >= _FEWEST_ROWS else 0.0
    if size == 0:
        return Smoothing(alpha=1.0)
    if season is not None and len(x) < max(2 * season, season + _FEWEST_ROWS):
        season = None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # an optimizer that stops early still returns parameters
        smoothing = method(x / size, season)  # where it stops depends on the size of the values
    seasons = smoothing.season if smoothing.multiplicative else smoothing.season * size
    return replace(smoothing, level=smoothing.level * size, trend=smoothing.trend * size, season=seasons)


def _training_part(panel: Panel, target: int, first: int, end: int) -> Floats:
    """The rows of a target up to the last known one: values filled after it may depend on the rows that follow training."""
    known = np.flatnonzero(~panel.filled[first:end, target])
    return panel.values[first : first + known.max(initial=-1) + 1, target]

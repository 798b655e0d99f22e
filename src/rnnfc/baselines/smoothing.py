"""Exponential smoothing as a baseline: ETS and Theta, fitted by statsmodels (the extra `stats`)."""

import importlib.util
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from rnnfc.baselines.simple import column_by_column
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.windows import Rows, Splits, Windows
from rnnfc.errors import MissingExtraError
from rnnfc.evaluation.forecast import Forecast

# What statsmodels' initial states need: so many rows besides half a season at either end, and two seasons.
_FEWEST_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """Level, damped trend and season of one column: how they are updated row by row, and what they are before the first row.

    alpha, beta, gamma: how far a row moves level, trend and season; phi: what a step leaves of the trend.
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
        level, trend, season = (
            np.empty(rows + 1),
            np.empty(rows + 1),
            np.resize(self.season, rows + m),
        )  # before each row
        level[0], trend[0] = self.level, self.trend
        without, together = (
            (operator.truediv, operator.mul) if self.multiplicative else (operator.sub, operator.add)
        )
        for row, value in enumerate(x):
            damped = self.phi * trend[row]
            expected = level[row] + damped
            level[row + 1] = self.alpha * without(value, season[row]) + (1 - self.alpha) * expected
            trend[row + 1] = self.beta * (level[row + 1] - level[row]) + (1 - self.beta) * damped
            if self.gamma:
                season[row + m] = self.gamma * without(value, expected) + (1 - self.gamma) * season[row]
        steps = np.arange(horizon)
        ahead = level[ends, None] + trend[ends, None] * np.cumsum(self.phi ** (steps + 1))
        return np.asarray(together(ahead, season[ends[:, None] + steps % m]))


@dataclass(frozen=True, kw_only=True)
class Smoothed:
    """Each target of each series continued by its own smoothing, which knows every row before a window's targets.

    Its parameters are those of the training rows. A series with fewer than ten of them, or a constant, repeats its last value.

    columns: [series][target]; first: i64[series], the row that each series' smoothing begins with.
    """

    label: str
    columns: list[list[Smoothing]]
    first: Rows

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""

        def forecast(series: int, target: int, x: Floats, ends: Rows) -> Floats:
            return self.columns[series][target].forecast(x, ends, horizon=windows.horizon)

        return column_by_column(windows, forecast, first=self.first)


def refuse_missing_extra(names: tuple[str, ...]) -> None:
    """Whether statsmodels is there for the baselines that are asked for; it is not imported.

    Raises:
        MissingExtraError: it is not.
    """
    if names and importlib.util.find_spec("statsmodels") is None:
        raise MissingExtraError(
            f"baselines: {' and '.join(names)} need statsmodels; install it with: pip install 'rnnfc[stats]', or leave them out"
        )


def fit_all(names: tuple[str, ...], splits: Splits, *, season: int | None) -> list[Smoothed]:
    """The baselines of these names, fitted on the training rows of each target of each series."""
    if not names:  # else every row is looked at for nothing
        return []
    panel = splits.train.panel
    columns = [
        [_training_part(panel, target, *rows) for target in range(panel.num_targets)]
        for rows in splits.train_rows
    ]
    return [
        Smoothed(
            label=METHODS[name].label,
            columns=[[fit(name, x, season=season) for x in targets] for targets in columns],
            first=splits.train_rows[:, 0],
        )
        for name in names
    ]


def _training_part(panel: Panel, target: int, first: int, end: int) -> Floats:
    """The rows of a target up to the last known one: what `missing` filled after it may know the rows that follow training."""
    known = np.flatnonzero(~panel.filled[first:end, target])
    return panel.values[first : first + known.max(initial=-1) + 1, target]


def fit(name: str, x: Floats, *, season: int | None) -> Smoothing:
    """One of METHODS for a column; fewer than two seasons are not seasonal, fewer than ten rows or a constant repeat the last."""
    size = float(np.ptp(x)) if len(x) >= _FEWEST_ROWS else 0.0
    if size == 0:
        return Smoothing(alpha=1.0)
    if season is not None and len(x) < max(2 * season, season + _FEWEST_ROWS):
        season = None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a search that is cut off has found something
        made = METHODS[name].fit(x / size, season)  # where it ends depends on the size of the values
    seasons = made.season if made.multiplicative else made.season * size
    return replace(made, level=made.level * size, trend=made.trend * size, season=seasons)


def _ets(x: Floats, season: int | None) -> Smoothing:
    """The season with the lowest AICc (none, additive or, where all rows are positive, multiplicative), and for it the trend with
    the lowest (none, additive, damped).

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 8.1 to 8.3 and 8.6.
    """
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    def fitted(kind: str | None, trend: str | None = None, *, damped: bool = False) -> Any:
        form = {
            "seasonal": kind,
            "seasonal_periods": season if kind else None,
            "trend": trend,
            "damped_trend": damped,
        }
        return ExponentialSmoothing(x, **form, initialization_method="heuristic").fit()

    kinds = [None, *(["add"] if season else []), *(["mul"] if season and x.min() > 0 else [])]
    flat = min(map(fitted, kinds), key=lambda made: made.aicc)
    kind = flat.model.seasonal
    best = min(flat, fitted(kind, "add"), fitted(kind, "add", damped=True), key=lambda made: made.aicc)
    found, trend, seasonal = best.params, {}, {}
    if best.model.has_trend:
        trend = {"beta": found["smoothing_trend"], "trend": found["initial_trend"]}
        trend["phi"] = found["damping_trend"] if best.model.damped_trend else 1.0
    if best.model.has_seasonal:
        seasonal = {
            "gamma": found["smoothing_seasonal"],
            "season": found["initial_seasons"],
            "multiplicative": kind == "mul",
        }
    return Smoothing(alpha=found["smoothing_level"], level=found["initial_level"], **trend, **seasonal)


def _theta(x: Floats, season: int | None) -> Smoothing:
    """Simple exponential smoothing with half the slope of a line through the rows as drift, after a fixed season is taken out.

    The season is there where the autocorrelation at it is (at 90 %), and multiplicative where all rows are positive.

    Source: Assimakopoulos & Nikolopoulos, The theta model, International Journal of Forecasting 16 (2000); as smoothing with
    drift: Hyndman & Billah, Unmasking the Theta method, International Journal of Forecasting 19 (2003).
    """
    from statsmodels.tsa.forecasting.theta import ThetaModel

    found = ThetaModel(x, period=season, deseasonalize=season is not None).fit()
    multiplicative = found.model.method.startswith("mul")
    ahead = found.forecast_components(season or 1)[
        "seasonal"
    ].to_numpy()  # from the phase after the last row on
    factor = np.roll(ahead, len(x) % len(ahead))
    slope, alpha = found.params
    first = x[0] / factor[0] if multiplicative else x[0] - factor[0]
    # The drift is not in the first row's level, which is that row.
    return Smoothing(
        alpha=alpha, level=first - slope / 2, trend=slope / 2, season=factor, multiplicative=multiplicative
    )


class Method(NamedTuple):
    """What reports call a method of smoothing, and what fits it to rows and their season."""

    label: str
    fit: Callable[[Floats, int | None], Smoothing]


METHODS = {"ets": Method("ETS", _ets), "theta": Method("Theta", _theta)}

"""ETS: exponential smoothing whose season and trend are chosen by the corrected Akaike criterion (AICc).

The season with the lowest AICc (none, additive or, where all rows are positive, multiplicative), and for it the trend with the
lowest (none, additive, damped).

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 8.1 to 8.3 and 8.6.
"""

from dataclasses import replace
from typing import Protocol

import numpy as np

from rnnfc.baselines.baseline import Baseline
from rnnfc.baselines.smoothing import ColumnSmoothing, Smoothing
from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits


class _Model(Protocol):
    seasonal: str | None
    has_trend: bool
    has_seasonal: bool
    damped_trend: bool


class _Results(Protocol):
    """What is read of statsmodels' HoltWintersResults."""

    aicc: float
    model: _Model
    params: dict[str, float]


def fit_ets(x: Floats, season: int | None) -> Smoothing:
    """The smoothing of one column."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    def fit(kind: str | None, trend: str | None = None, *, damped: bool = False) -> _Results:
        model = ExponentialSmoothing(
            x,
            seasonal=kind,
            seasonal_periods=season if kind else None,
            trend=trend,
            damped_trend=damped,
            initialization_method="heuristic",
        )
        results: _Results = model.fit()
        return results

    kinds = [None, *(["add"] if season else []), *(["mul"] if season and x.min() > 0 else [])]
    flat = min(map(fit, kinds), key=lambda results: results.aicc)
    kind = flat.model.seasonal
    best = min(flat, fit(kind, "add"), fit(kind, "add", damped=True), key=lambda results: results.aicc)
    params = best.params
    smoothing = Smoothing(alpha=params["smoothing_level"], level=params["initial_level"])
    if best.model.has_trend:
        damping = params["damping_trend"] if best.model.damped_trend else 1.0
        smoothing = replace(
            smoothing, beta=params["smoothing_trend"], trend=params["initial_trend"], phi=damping
        )
    if best.model.has_seasonal:
        seasons = np.asarray(params["initial_seasons"])
        smoothing = replace(
            smoothing, gamma=params["smoothing_seasonal"], season=seasons, multiplicative=kind == "mul"
        )
    return smoothing


def fit(splits: Splits, _scaler: Scaler, season: int | None) -> ColumnSmoothing:
    """ETS of every column."""
    return ColumnSmoothing.fit(fit_ets, splits, season=season, label="ETS")


BASELINE = Baseline(fit=fit, package="statsmodels")

"""Theta: simple exponential smoothing with drift, half the slope of a line through the rows, after a fixed season is taken out.

There is a season where the autocorrelation at it is significant (at 90 %); it is multiplicative where all rows are positive.

Source: Assimakopoulos & Nikolopoulos, The theta model, International Journal of Forecasting 16 (2000); as smoothing with
drift: Hyndman & Billah, Unmasking the Theta method, International Journal of Forecasting 19 (2003).
"""

import numpy as np

from rnnfc.baselines.baseline import Baseline
from rnnfc.baselines.smoothing import ColumnSmoothing, Smoothing
from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits


def fit_theta(x: Floats, season: int | None) -> Smoothing:
    """The smoothing of one column."""
    from statsmodels.tsa.forecasting.theta import ThetaModel

    results = ThetaModel(x, period=season, deseasonalize=season is not None).fit()
    multiplicative = results.model.method.startswith("mul")
    # From the phase after the last row on, then from that of the first row on.
    future = results.forecast_components(season or 1)["seasonal"].to_numpy()
    factor = np.roll(future, len(x) % len(future))
    slope, alpha = results.params
    first = x[0] / factor[0] if multiplicative else x[0] - factor[0]
    # The first row's level is that row, without drift.
    return Smoothing(
        alpha=alpha, level=first - slope / 2, trend=slope / 2, season=factor, multiplicative=multiplicative
    )


def fit(splits: Splits, _scaler: Scaler, season: int | None) -> ColumnSmoothing:
    """Theta of every column."""
    return ColumnSmoothing.fit(fit_theta, splits, season=season, label="Theta")


BASELINE = Baseline(fit=fit, package="statsmodels")

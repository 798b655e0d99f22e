"""Whether one forecaster is significantly better than another."""

import math

import numpy as np

from rnnfc.evaluation.forecast import Forecast

# 97.5 % point of the normal distribution.
_NORMAL = 1.959964


def diebold_mariano(forecast: Forecast, other: Forecast) -> float | None:
    """Diebold-Mariano statistic of squared errors, origin time by origin time; negative where `forecast` is better.

    Windows of several series with the same origin time share the shocks of that time: together they are one observation. A
    statistic beyond `critical_value` is significant. None where it is not defined: equal forecasts, errors whose squares are
    not finite, or too few times for the horizon, so that the variance or the small-sample factor is not positive.

    Source: Diebold & Mariano, Comparing predictive accuracy, Journal of Business & Economic Statistics 13 (1995), equation 6,
    with the lags of the horizon (h - 1) in Bartlett weights so that the variance stays positive, times the small-sample factor
    sqrt((n + 1 - 2h + h (h - 1) / n) / n) of Harvey, Leybourne & Newbold, Testing the equality of prediction mean squared
    errors, International Journal of Forecasting 13 (1997), equation 8. Sums over series before the lags: Driscoll & Kraay,
    Consistent covariance matrix estimation with spatially dependent panel data, Review of Economics and Statistics 80 (1998).
    """
    actual = forecast.actual
    if actual is None:
        raise ValueError("a forecast past the end of the data cannot be compared with actual values")
    known, horizon = ~np.isnan(actual), actual.shape[1]
    scored = known.any(axis=(1, 2))  # windows with at least one known value
    if not scored.any():
        return None
    origins, window_time = np.unique(forecast.origin_time[scored], return_inverse=True)
    times = len(origins)
    with np.errstate(all="ignore"):
        difference = (forecast.point - actual) ** 2 - (other.point - actual) ** 2
        gain = difference[scored].mean(axis=(1, 2), where=known[scored])
        # Each window weighs the same, as in the errors that are compared, and a time as much as its windows.
        centered = np.bincount(window_time, weights=gain - gain.mean()) * (times / len(gain))
        variance = float(centered @ centered) / times
        for lag in range(1, min(horizon, times)):
            variance += 2 * (1 - lag / horizon) * float(centered[lag:] @ centered[:-lag]) / times
        factor = (times + 1 - 2 * horizon + horizon * (horizon - 1) / times) / times
        if not (0 < variance < math.inf and factor > 0):
            return None
        statistic = float(gain.mean() / np.sqrt(variance / times) * np.sqrt(factor))
    return statistic if math.isfinite(statistic) else None


def critical_value(times: int) -> float:
    """The 97.5 % point of Student's t with times - 1 degrees of freedom: two-sided 5 % for `diebold_mariano`.

    By the Cornish-Fisher expansion to the third order, accurate to 2e-4 from 10 times on; infinite for one.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if times < 2:
        return math.inf
    z, freedom = _NORMAL, times - 1
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))

"""METRICS: errors of forecasts against actuals, pooled and per step, as tidy rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Rows
from rnnfc.forecast import Forecast

Metric = Callable[[Floats, Floats], float | None]


def mse(actual: Floats, point: Floats) -> float:
    """Mean squared error."""
    return float(np.mean((point - actual) ** 2))


def rmse(actual: Floats, point: Floats) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(mse(actual, point)))


def mae(actual: Floats, point: Floats) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(point - actual)))


def mape(actual: Floats, point: Floats) -> float | None:
    """Mean absolute percentage error; None where an actual value is zero, for then it has no value."""
    if (actual == 0).any():
        return None
    return float(100 * np.mean(np.abs((point - actual) / actual)))


def smape(actual: Floats, point: Floats) -> float:
    """Symmetric mean absolute percentage error, 0 to 200; a forecast of 0 for 0 counts as 0.

    Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2.
    """
    size = np.abs(actual) + np.abs(point)
    return float(200 * np.mean(np.divide(np.abs(point - actual), size, out=np.zeros_like(size), where=size > 0)))


METRICS: dict[str, Metric] = {"mse": mse, "rmse": rmse, "mae": mae, "mape": mape, "smape": smape}
# Percentages do not depend on the unit, and a scaled series may cross zero: in scaled units they say nothing.
SCALED_METRICS = ("mse", "rmse", "mae")

# Rows that are worked on at once, so that memory grows little with their number.
_PART_ROWS = 2**20
# 97.5 % point of the normal distribution.
_NORMAL = 1.959964


def measure(metric: str, actual: Floats, point: Floats) -> float | None:
    """One of METRICS over what is known; None where it is not defined or not finite, e.g. of no value. Never a warning."""
    unknown = np.isnan(actual)
    if unknown.all():
        return None
    if unknown.any():
        actual, point = actual[~unknown], point[~unknown]
    with np.errstate(all="ignore"):
        return _finite(METRICS[metric](actual, point))


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number; `value` is None where the metric is not defined on these rows, or not finite.

    `target` is None for all targets together (their only form where there is one target), `step` for all steps together.
    """

    model: str
    split: str
    metric: str
    units: str
    series: str
    target: str | None = None
    step: int | None
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """What scores are measured with: the scaler, the seasonal naive errors of the training rows (for MASE), names.

    naive_errors: of all targets together under None, then, where there are several, of each by name in the panel's order.
    """

    scaler: Scaler
    naive_errors: dict[str | None, float | None]
    series: str

    @classmethod
    def of(cls, panel: Panel, *, scaler: Scaler, train_rows: Rows, season: int | None) -> "Ruler":
        """The ruler of a panel; MASE is scaled by the mean |y[t] - y[t - season]| of the training rows (season 1 without one).

        Values that `missing` filled do not count.

        Source: Hyndman & Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22 (2006).
        """
        lag, targets = season or 1, slice(0, panel.num_targets)
        errors: dict[str | None, float | None] = {None: _naive_error(panel, train_rows, lag=lag, columns=targets)}
        if panel.num_targets > 1:
            each = [slice(place, place + 1) for place in range(panel.num_targets)]
            errors |= {
                name: _naive_error(panel, train_rows, lag=lag, columns=one) for name, one in zip(panel.targets, each, strict=True)
            }
        return cls(scaler=scaler, naive_errors=errors, series=panel.series[0] if len(panel.series) == 1 else "all")


def score(forecast: Forecast, ruler: Ruler, *, model: str, split: str) -> list[Score]:
    """Every metric in data units and scaled units, for all steps together and each one, all targets together and each one."""
    actual, point = forecast.actual, forecast.point
    if actual is None:
        raise ValueError("a forecast past the end of the data has no actual values to be scored against")
    with np.errstate(all="ignore"):
        scaled_actual, scaled_point = (ruler.scaler.scale_points(values, forecast.series) for values in (actual, point))
    horizon = point.shape[1]
    steps: list[int | None] = [None, *(range(1, horizon + 1) if horizon > 1 else ())]
    scores: list[Score] = []
    for place, (target, naive) in enumerate(ruler.naive_errors.items()):
        columns = slice(None) if target is None else slice(place - 1, place)  # place 0 is all of them
        for step in steps:
            part = (slice(None), slice(None) if step is None else slice(step - 1, step), columns)
            values = [("data", name, measure(name, actual[part], point[part])) for name in METRICS]
            error = measure("mae", actual[part], point[part])
            values.append(("data", "mase", None if naive is None or error is None else _finite(error / naive)))
            values += [("scaled", name, measure(name, scaled_actual[part], scaled_point[part])) for name in SCALED_METRICS]
            scores += [
                Score(
                    model=model, split=split, metric=name, units=units, series=ruler.series, target=target, step=step, value=value
                )
                for units, name, value in values
            ]
    return scores


def lead(forecast: Forecast, other: Forecast) -> float | None:
    """Diebold-Mariano statistic of squared errors, window by window; negative where `forecast` is better.

    Beyond `critical` a difference is rarely chance. None where it cannot be told: equal forecasts, errors whose squares are not
    finite, or so few windows for the horizon that the variance or the small-sample factor is not positive.

    Source: Diebold & Mariano, Comparing predictive accuracy, Journal of Business & Economic Statistics 13 (1995), equation 6,
    with the lags of the horizon (h - 1) in Bartlett weights so that the variance stays positive, times the small-sample factor
    sqrt((n + 1 - 2h + h (h - 1) / n) / n) of Harvey, Leybourne & Newbold, Testing the equality of prediction mean squared
    errors, International Journal of Forecasting 13 (1997), equation 8.
    """
    actual = forecast.actual
    if actual is None:
        raise ValueError("a forecast past the end of the data cannot be compared with actual values")
    windows, horizon = forecast.point.shape[:2]
    with np.errstate(all="ignore"):
        apart = (forecast.point - actual) ** 2 - (other.point - actual) ** 2
        gain = np.nanmean(apart, axis=(1, 2)) if np.isnan(actual).any() else apart.mean(axis=(1, 2))
        centered = gain - gain.mean()
        variance = float(centered @ centered) / windows
        for lag in range(1, min(horizon, windows)):
            variance += 2 * (1 - lag / horizon) * float(centered[lag:] @ centered[:-lag]) / windows
        factor = (windows + 1 - 2 * horizon + horizon * (horizon - 1) / windows) / windows
        if not (0 < variance < math.inf and factor > 0):
            return None
        return _finite(float(gain.mean() / np.sqrt(variance / windows) * np.sqrt(factor)))


def critical(windows: int) -> float:
    """The 97.5 % point of Student's t with windows - 1 degrees of freedom: two-sided 5 % for `lead`.

    By the Cornish-Fisher expansion to the third order, right to 2e-4 from 10 windows on; infinite for one window.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if windows < 2:
        return math.inf
    z, free = _NORMAL, windows - 1
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / free**power for power, term in enumerate(terms)))


def find(scores: list[Score], *, model: str, split: str, metric: str, units: str) -> float | None:
    """The score of all steps and targets together.

    Raises:
        LookupError: there is no such score.
    """
    for row in scores:
        if (row.model, row.split, row.metric, row.units, row.target, row.step) == (model, split, metric, units, None, None):
            return row.value
    raise LookupError(f"no score {metric} of {model} on {split} in {units} units")


def to_json(scores: list[Score]) -> list[dict[str, Any]]:
    """The scores as plain rows."""
    return [vars(row) for row in scores]


def _naive_error(panel: Panel, train_rows: Rows, *, lag: int, columns: slice) -> float | None:
    """Mean |y[t] - y[t - lag]| of what is known; None where that is nothing, zero or not finite."""
    total, count = 0.0, 0
    with np.errstate(all="ignore"):
        for first, end in train_rows:
            for start in range(first + lag, end, _PART_ROWS):
                stop = min(start + _PART_ROWS, end)
                steps = np.abs(panel.known(slice(start, stop), columns) - panel.known(slice(start - lag, stop - lag), columns))
                known = steps[~np.isnan(steps)]
                total, count = total + float(known.sum()), count + len(known)
    error = total / count if count else 0.0
    return error if 0 < error < math.inf else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

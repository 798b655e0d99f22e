"""METRICS: errors of forecasts against actuals, pooled and per step, as tidy rows."""

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


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number. `step` is None for all steps together; `value` is None where the metric is not defined on these rows."""

    model: str
    split: str
    metric: str
    units: str
    series: str
    step: int | None
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """What scores are measured with: the scaler, the seasonal naive error of the training rows (for MASE), names."""

    scaler: Scaler
    naive_error: float | None
    series: str

    @classmethod
    def of(cls, panel: Panel, *, scaler: Scaler, train_rows: Rows, season: int | None) -> "Ruler":
        """The ruler of a panel; MASE is scaled by the mean |y[t] - y[t - season]| of the training rows (season 1 without one).

        Values that `missing` filled do not count.

        Source: Hyndman & Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22 (2006).
        """
        lag = season or 1
        known = np.where(panel.filled, np.nan, panel.values)[:, : panel.num_targets]
        steps = [np.abs(rows[lag:] - rows[:-lag]) for rows in (known[first:end] for first, end in train_rows)]
        pooled = np.concatenate([step[~np.isnan(step)] for step in steps])
        error = float(pooled.mean()) if len(pooled) else 0.0
        return cls(
            scaler=scaler, naive_error=error if error > 0 else None, series=panel.series[0] if len(panel.series) == 1 else "all"
        )


def score(forecast: Forecast, ruler: Ruler, *, model: str, split: str) -> list[Score]:
    """Every metric in data units and scaled units, for all steps together and for each step of the horizon."""
    actual, point = forecast.actual, forecast.point
    if actual is None:
        raise ValueError("a forecast past the end of the data has no actual values to be scored against")
    scaled_actual, scaled_point = (ruler.scaler.scale_points(values, forecast.series) for values in (actual, point))
    horizon = point.shape[1]
    steps: list[int | None] = [None, *(range(1, horizon + 1) if horizon > 1 else ())]
    scores: list[Score] = []
    for step in steps:
        part = slice(None) if step is None else slice(step - 1, step)
        values: list[tuple[str, str, float | None]] = [
            ("data", name, METRICS[name](actual[:, part], point[:, part])) for name in METRICS
        ]
        naive = ruler.naive_error
        values.append(("data", "mase", None if naive is None else mae(actual[:, part], point[:, part]) / naive))
        values += [("scaled", name, METRICS[name](scaled_actual[:, part], scaled_point[:, part])) for name in SCALED_METRICS]
        scores += [
            Score(model=model, split=split, metric=name, units=units, series=ruler.series, step=step, value=value)
            for units, name, value in values
        ]
    return scores


def lead(forecast: Forecast, other: Forecast) -> float | None:
    """Diebold-Mariano statistic of squared errors, window by window; negative where `forecast` is better.

    Beyond -1.96 and 1.96 a difference is rarely chance. None where it cannot be told: equal forecasts, or so few windows for
    the horizon that the variance is not positive.

    Source: Diebold & Mariano, Comparing predictive accuracy, Journal of Business & Economic Statistics 13 (1995), equation 6,
    with the lags of the horizon (h - 1) in Bartlett weights so that the variance stays positive.
    """
    actual = forecast.actual
    if actual is None:
        raise ValueError("a forecast past the end of the data cannot be compared with actual values")
    gain = ((forecast.point - actual) ** 2 - (other.point - actual) ** 2).mean(axis=(1, 2))
    windows, horizon = forecast.point.shape[:2]
    centered = gain - gain.mean()
    variance = float(centered @ centered) / windows
    for lag in range(1, min(horizon, windows)):
        variance += 2 * (1 - lag / horizon) * float(centered[lag:] @ centered[:-lag]) / windows
    return float(gain.mean() / np.sqrt(variance / windows)) if variance > 0 else None


def find(scores: list[Score], *, model: str, split: str, metric: str, units: str) -> float | None:
    """The score of all steps together.

    Raises:
        LookupError: there is no such score.
    """
    for row in scores:
        if (row.model, row.split, row.metric, row.units, row.step) == (model, split, metric, units, None):
            return row.value
    raise LookupError(f"no score {metric} of {model} on {split} in {units} units")


def to_json(scores: list[Score]) -> list[dict[str, Any]]:
    """The scores as plain rows."""
    return [vars(row) for row in scores]

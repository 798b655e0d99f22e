"""METRICS: errors of forecasts against actuals, pooled and per step, as tidy rows."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnnfc.config.model_spec import MEDIAN
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows
from rnnfc.evaluation.forecast import Forecast

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
    return float(np.mean(_smape_terms(actual, point)))


def _smape_terms(actual: Floats, point: Floats) -> Floats:
    size = np.abs(actual) + np.abs(point)
    return np.asarray(np.divide(200 * np.abs(point - actual), size, out=np.zeros_like(size), where=size != 0))


METRICS: dict[str, Metric] = {"mse": mse, "rmse": rmse, "mae": mae, "mape": mape, "smape": smape}
# Percentages do not depend on the unit, and a scaled series may cross zero: in scaled units they say nothing.
SCALED_METRICS = ("mse", "rmse", "mae")
# What `owa` is the mean of.
_RELATIVE = ("smape", "mase")

# Rows that are worked on at once, so that memory grows little with their number.
_PART_ROWS = 2**20
# Forecast values that are scored at once: what is computed of them stays in a processor's cache.
_PART_VALUES = 2**16


def measure(metric: str, actual: Floats, point: Floats) -> float | None:
    """One of METRICS where `actual` is known (not NaN), without a warning; None where it is not defined or not finite."""
    known = ~np.isnan(actual)
    if not known.all():
        actual, point = actual[known], point[known]
    with np.errstate(all="ignore"):
        return finite(METRICS[metric](actual, point)) if actual.size else None


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number; `value` is None where the metric is not defined on these rows, or not finite.

    `target` is None for all targets together (their only form where there is one target), `step` for all steps together.
    `undefined` counts the series (times targets) that are not in a mean over series because they have no value.
    """

    model: str
    split: str
    metric: str
    units: str
    series: str
    target: str | None = None
    step: int | None
    value: float | None
    undefined: int = 0


@dataclass(frozen=True, kw_only=True)
class MetricContext:
    """What scores are measured with: the scaler, the seasonal naive errors of the training rows (for MASE), names.

    naive_errors: [series, target]; NaN where there is none.
    """

    scaler: Scaler
    naive_errors: Floats
    targets: tuple[str, ...]
    series: str

    @classmethod
    def of(cls, panel: Panel, *, scaler: Scaler, train_rows: Rows, season: int | None) -> "MetricContext":
        """The ruler of a panel; MASE is scaled by the mean |y[t] - y[t - season]| of each series' training rows (season 1 without
        one).

        Values that `missing` filled do not count.

        Source: Hyndman & Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22 (2006).
        """
        errors = np.array([_naive_errors(panel, first, end, lag=season or 1) for first, end in train_rows])
        series = panel.series[0] if len(panel.series) == 1 else "all"
        return cls(scaler=scaler, naive_errors=errors, targets=panel.targets, series=series)


def score(forecast: Forecast, ruler: MetricContext, *, model: str, split: str) -> list[Score]:
    """Every metric in data units and scaled units, of all steps and targets together, of each step and of each target.

    Actual values that are NaN do not count. sMAPE and MASE are means over series and targets, each with the same weight.
    """
    if forecast.actual is None:
        raise ValueError("a forecast past the end of the data has no actual values to be scored against")
    parts = list(forecast.parts(_PART_VALUES))
    with np.errstate(all="ignore"):
        sums, relative = _total(_error_sums(part, ruler) for part in parts), _Relative.of(parts, ruler)
        quantiles = _total(map(_quantile_sums, parts))
    made: list[Score] = []
    for target, step, part in _parts(ruler.targets, horizon=forecast.point.shape[1]):
        values = [
            (units, name, _ratio(pair, part, root=name == "rmse"), 0) for (units, name), pair in sums.items()
        ]
        values += [("data", name, *relative.mean(name, (slice(None), *part))) for name in _RELATIVE]
        values += [("data", name, _ratio(pair, part), 0) for name, pair in quantiles.items()]
        place: dict[str, Any] = {
            "model": model,
            "split": split,
            "series": ruler.series,
            "target": target,
            "step": step,
        }
        made += [
            Score(**place, metric=name, units=units, value=value, undefined=undefined)
            for units, name, value, undefined in values
        ]
    return made


def _parts(
    targets: tuple[str, ...], *, horizon: int
) -> Iterator[tuple[str | None, int | None, tuple[slice, slice]]]:
    """Everything, each target and each step where there are several: names, and what part of [horizon, target]."""
    whole = slice(None)
    yield None, None, (whole, whole)
    for place, target in enumerate(targets if len(targets) > 1 else ()):
        yield target, None, (whole, slice(place, place + 1))
    for step in range(1, horizon + 1) if horizon > 1 else ():
        yield None, step, (slice(step - 1, step), whole)


def _total(parts: Iterable[dict[Any, Floats]]) -> dict[Any, Floats]:
    first, *others = parts
    return {name: sum((part[name] for part in others), sums) for name, sums in first.items()}


def _error_sums(forecast: Forecast, ruler: MetricContext) -> dict[tuple[str, str], Floats]:
    """What the means of METRICS but the relative ones are made of, by units and name: a sum over windows and of how many values,
    [2, horizon, target].
    """
    actual, point = np.asarray(forecast.actual), forecast.point
    terms: dict[tuple[str, str], Floats] = {}
    known, scaled = (
        ~np.isnan(actual),
        [ruler.scaler.scale_points(each, forecast.series) for each in (point, actual)],
    )
    for units, error in (("data", point - actual), ("scaled", scaled[0] - scaled[1])):
        squared = error**2
        terms |= {(units, "mse"): squared, (units, "rmse"): squared, (units, "mae"): np.abs(error)}
        if units == "data":
            terms[units, "mape"] = 100 * np.abs(error / actual)
    return {
        name: np.stack([term.sum(axis=0, where=known), known.sum(axis=0)]) for name, term in terms.items()
    }


@dataclass(frozen=True, kw_only=True)
class _Relative:
    """Sums of what sMAPE and MASE are made of, [series, horizon, target], and how many values they are of."""

    sums: dict[str, Floats]
    known: Floats

    @classmethod
    def of(cls, parts: Sequence[Forecast], ruler: MetricContext) -> "_Relative":
        made = [_by_series(part.series, _relative_terms(part)) for part in parts]
        whole = (
            np.concatenate([series for series, _ in made]),
            np.concatenate([sums for _, sums in made], axis=1),
        )
        series, (smape, mase, known) = _by_series(*whole)
        return cls(sums={"smape": smape, "mase": mase / ruler.naive_errors[series, None]}, known=known)

    def mean(self, name: str, part: tuple[slice, ...]) -> tuple[float | None, int]:
        """The mean over series and targets of the part, and how many of them have no value."""
        each = self.sums[name][part].sum(axis=1)
        with np.errstate(all="ignore"):
            each = each / self.known[part].sum(axis=1)
        undefined = np.isnan(each)
        return (finite(float(each[~undefined].mean())) if not undefined.all() else None), int(undefined.sum())


def _relative_terms(forecast: Forecast) -> Floats:
    """Terms of sMAPE and MASE, and whether they are known, [3, window, horizon, target]."""
    actual = np.asarray(forecast.actual)
    known, terms = ~np.isnan(actual), (_smape_terms(actual, forecast.point), np.abs(forecast.point - actual))
    # A forecast that is no number is infinitely wrong: only what is unknown may be left out of a mean.
    return np.stack(
        [*(np.where(known, np.where(np.isnan(term), np.inf, term), 0.0) for term in terms), known]
    )


def _by_series(series: Rows, terms: Floats) -> tuple[Rows, Floats]:
    """Each series once, and sums of terms[:, window] over its windows, which lie side by side."""
    starts = np.flatnonzero(np.diff(series, prepend=-1))
    return series[starts], np.add.reduceat(terms, starts, axis=1)


def _quantile_sums(forecast: Forecast) -> dict[str, Floats]:
    """Numerator and denominator [2, horizon, target] of each metric of quantiles, sums over windows; none without quantiles.

    wql_0.1: weighted quantile loss of a level, wql: its mean over levels; coverage_0.8, width_0.8: how often, as a share, the
    interval between two levels holds the actual value, and its width, by the share that it should hold.

    Source: Gasthaus et al., Probabilistic Forecasting with Spline Quantile Function RNNs, AISTATS 2019, section 4, for wQL.
    """
    if forecast.quantiles is None:
        return {}
    actual, levels = np.asarray(forecast.actual), forecast.levels
    known = ~np.isnan(actual)
    made = dict(zip(levels, np.moveaxis(forecast.quantiles, -1, 0), strict=True))
    size, count = np.abs(actual).sum(axis=0, where=known), known.sum(axis=0)
    losses = {}
    for level, quantile in made.items():
        error = actual - quantile
        losses[level] = 2 * np.maximum(level * error, (level - 1) * error).sum(axis=0, where=known)
    sums = {"wql": (np.mean(list(losses.values()), axis=0), size)}
    sums |= {f"wql_{level:g}": (loss, size) for level, loss in losses.items()}
    for low in levels:
        for high in (level for level in levels if low < MEDIAN and math.isclose(low + level, 1.0)):
            inside = (made[low] <= actual) & (actual <= made[high])
            sums[f"coverage_{high - low:g}"] = (inside.sum(axis=0), count)
            sums[f"width_{high - low:g}"] = ((made[high] - made[low]).sum(axis=0, where=known), count)
    return {name: np.stack(pair) for name, pair in sums.items()}


def _ratio(sums: Floats, part: tuple[slice, ...], *, root: bool = False) -> float | None:
    above, below = (float(each[part].sum()) for each in sums)
    mean = finite(above / below) if below > 0 else None
    return math.sqrt(mean) if root and mean is not None else mean


def owa(scores: list[Score], *, against: str) -> list[Score]:
    """The overall weighted average of every model: the mean of its sMAPE and its MASE, each relative to that of `against`.

    None where one of the four is not defined, or zero for `against`; no scores where `against` is none of the models.

    Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2.
    """
    values = {
        (row.model, row.metric, row.split, row.target, row.step): row.value
        for row in scores
        if row.units == "data"
    }
    found = []
    for row in scores:
        rest = (row.split, row.target, row.step)
        if row.metric == "smape" and (against, "smape", *rest) in values:
            pairs = [(values[row.model, name, *rest], values[against, name, *rest]) for name in _RELATIVE]
            shares = [ours / theirs for ours, theirs in pairs if ours is not None and theirs]
            value = finite(sum(shares) / 2) if len(shares) == 2 else None
            found.append(replace(row, metric="owa", value=value))
    return found


def find(scores: list[Score], *, model: str, split: str, metric: str, units: str) -> float | None:
    """The score of all steps and targets together.

    Raises:
        LookupError: there is no such score.
    """
    for row in scores:
        if (row.model, row.split, row.metric, row.units, row.target, row.step) == (
            model,
            split,
            metric,
            units,
            None,
            None,
        ):
            return row.value
    raise LookupError(f"no score {metric} of {model} on {split} in {units} units")


def to_json(scores: list[Score]) -> list[dict[str, Any]]:
    """The scores as plain rows."""
    return [vars(row) for row in scores]


def _naive_errors(panel: Panel, first: int, end: int, *, lag: int) -> Floats:
    """Mean |y[t] - y[t - lag]| of what is known in a series' rows, [target]; NaN where that is nothing, zero or not finite."""
    targets = slice(0, panel.num_targets)
    total, count = np.zeros(panel.num_targets), np.zeros(panel.num_targets)
    with np.errstate(all="ignore"):
        for start in range(first + lag, end, _PART_ROWS):
            stop = min(start + _PART_ROWS, end)
            steps = np.abs(
                panel.known(slice(start, stop), targets)
                - panel.known(slice(start - lag, stop - lag), targets)
            )
            known = ~np.isnan(steps)
            total, count = total + steps.sum(axis=0, where=known), count + known.sum(axis=0)
        errors = total / count
    return np.where((errors > 0) & (errors < np.inf), errors, np.nan)


def finite(value: float | None) -> float | None:
    """`value`; None where it is infinite or not a number, which JSON cannot tell."""
    return value if value is not None and math.isfinite(value) else None

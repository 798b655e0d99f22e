"""Scores: every metric of a forecast, pooled, by step and by target, as tidy rows."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from rnnfc.config.network_spec import MEDIAN
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metric import Metric, Values
from rnnfc.evaluation.metrics import METRICS
from rnnfc.evaluation.sums import Sum, TermSums, View, reference_values, sum_terms
from rnnfc.plain import JsonObject

# Rows that are worked on at once, so that memory grows little with their number.
_CHUNK_ROWS = 2**20


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number; `value` is None where the metric is not defined on these rows, or not finite.

    metric: a name of METRICS; of quantiles with the level or the interval, e.g. `wql_0.1`, `coverage_0.8`.
    units: data, scaled, or range (shares of each target's range on the training rows).
    target: None for all targets together (their only form where there is one target); step: None for all steps together.
    undefined: how many series (times targets) are left out of a mean over series because they have no value.
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
    """What metrics need besides the forecast: the scaler, the naive errors of the training rows, names.

    by_range: what scores in units of `range` are scaled by: with several targets, which `method: none` leaves in their own units.
    naive_errors: [series, target] by power: the mean |y[t] - y[t - season]|**power of each series' training rows (season 1
        where the data has none); NaN where it is not defined, zero or not finite.
    """

    scaler: Scaler
    naive_errors: dict[int, Floats]
    targets: tuple[str, ...]
    series: str
    by_range: Scaler | None = None

    @classmethod
    def from_panel(cls, panel: Panel, *, scaler: Scaler, train_rows: Rows, season: int | None) -> Self:
        """The context of a panel; values that `missing` filled do not count."""
        powers = {metric.naive_power for metric in METRICS.values() if metric.naive_power}
        errors = {
            power: np.array(
                [_naive_errors(panel, *rows, lag=season or 1, power=power) for rows in train_rows]
            )
            for power in powers
        }
        series = panel.series[0] if len(panel.series) == 1 else "all"
        by_range = scaler.by_range() if panel.num_targets > 1 and scaler.method == "none" else None
        return cls(
            scaler=scaler, naive_errors=errors, targets=panel.targets, series=series, by_range=by_range
        )


def score(forecast: Forecast, context: MetricContext, *, model: str, split: str) -> list[Score]:
    """Every metric in data units, some in scaled units, of all steps and targets together, of each step and of each target.

    Actual values that are NaN do not count. Those in scaled units are also in units of `range`, if `context` has `by_range`.
    """
    scores = _score(forecast, context, model=model, split=split)
    if context.by_range is not None:
        scaled = _score(forecast, replace(context, scaler=context.by_range), model=model, split=split)
        scores += [replace(row, units="range") for row in scaled if row.units == "scaled"]
    return scores


def _score(forecast: Forecast, context: MetricContext, *, model: str, split: str) -> list[Score]:
    if forecast.actual is None:
        raise ValueError("a forecast past the end of the data has no actual values to be scored against")
    columns = _columns(forecast.levels)
    with np.errstate(all="ignore"):
        _, sums = _column_sums(forecast, columns, context)
        return [
            Score(
                model=model,
                split=split,
                metric=column.name,
                units="scaled" if column.views[0].scaled else "data",
                series=context.series,
                target=target,
                step=step,
                value=value,
                undefined=undefined,
            )
            for target, step, place in _places(context.targets, horizon=forecast.point.shape[1])
            for column in columns
            for value, undefined in [_value(column.metric, sums[column], place)]
        ]


def score_series(
    forecast: Forecast, context: MetricContext, *, num_series: int, metric: str | None = None
) -> dict[str, Floats]:
    """Every score of each series and target, f64[series, target]; NaN where it is not defined or not finite.

    The names are those of metrics, with the units where these are not the data's: `rmse`, `rmse_scaled`, `wql_0.1`.

    Args:
        metric: only the scores of this one.
    """
    columns = [column for column in _columns(forecast.levels) if metric in (None, column.name)]
    scores = _score_series(forecast, columns, context, num_series=num_series, suffix="_scaled")
    if context.by_range is not None:
        scaled = [column for column in columns if column.views[0].scaled]
        by_range = replace(context, scaler=context.by_range)
        scores |= _score_series(forecast, scaled, by_range, num_series=num_series, suffix="_range")
    return scores


def measure(metric: Metric, *, actual: Floats, point: Floats, series: Rows) -> float | None:
    """A metric that needs values only, of the rows whose `actual` is not NaN; None where it is not defined or not finite.

    Args:
        series: of each row; the rows of a series lie side by side.
    """
    if not actual.size:
        return None
    with np.errstate(all="ignore"):
        cube = (slice(None), None, None)  # [row] -> [row, step 1, target 1]
        values = Values(
            actual=actual[cube],
            point=point[cube],
            low=point[cube],
            high=point[cube],
            reference=reference_values(actual[cube], series),
        )
        term_sums = TermSums(~np.isnan(values.actual), series)
        sums = term_sums.sums(metric.terms(values), each_series=metric.each_series)
        return _value(metric, sums, (slice(None), slice(None)))[0]


def relative_scores(scores: Sequence[Score], *, reference: str) -> list[Score]:
    """Scores of each model relative to those of the model `reference`: the mean over the metrics of `Metric.relative`.

    None where one of them is not defined, or zero for `reference`; no scores where `reference` is none of the models.
    """
    values = {(row.metric, row.model, *_position(row)): row.value for row in scores if row.units == "data"}
    rows = []
    for name, metric in METRICS.items():
        for row in scores:
            if (
                row.metric not in metric.relative[:1]
                or (row.metric, reference, *_position(row)) not in values
            ):
                continue
            model_values, reference_values = (
                [values[part, model, *_position(row)] for part in metric.relative]
                for model in (row.model, reference)
            )
            ratios = [
                value / other
                for value, other in zip(model_values, reference_values, strict=True)
                if value is not None and other
            ]
            ratio = finite(sum(ratios) / len(ratios)) if len(ratios) == len(model_values) else None
            rows.append(replace(row, metric=name, value=ratio))
    return rows


def _position(row: Score) -> tuple[str, str | None, int | None]:
    """Split, target and step of a score."""
    return row.split, row.target, row.step


def find(scores: Sequence[Score], *, model: str, split: str, metric: str, units: str) -> float | None:
    """The score of all steps and targets together.

    Raises:
        LookupError: there is no such score.
    """
    wanted = (model, split, metric, units, None, None)
    for row in scores:
        if (row.model, row.split, row.metric, row.units, row.target, row.step) == wanted:
            return row.value
    raise LookupError(f"no score {metric} of {model} on {split} in {units} units")


def to_json(scores: Sequence[Score]) -> list[JsonObject]:
    """The scores as plain rows."""
    return [vars(row) for row in scores]


def finite(value: float | None) -> float | None:
    """`value`; None where it is infinite or not a number, which JSON cannot hold."""
    return value if value is not None and math.isfinite(value) else None


class _Column(NamedTuple):
    """One score of each place of a forecast; the sums of several views are averaged."""

    name: str
    metric: Metric
    views: tuple[View, ...]


def _columns(levels: tuple[float, ...]) -> list[_Column]:
    """What is scored of a forecast with these quantile levels, in the order of METRICS, one interval after the other."""
    points, quantiles, intervals = (
        {name: metric for name, metric in METRICS.items() if metric.over == over and not metric.relative}
        for over in ("point", "levels", "intervals")
    )
    columns = [
        _Column(name=name, metric=metric, views=(View(scaled=scaled),))
        for name, metric in points.items()
        for scaled in (False, True)
        if metric.scaled or not scaled
    ]
    views = tuple(View(levels=(index,)) for index in range(len(levels)))
    for name, metric in quantiles.items() if levels else ():
        columns.append(_Column(name=name, metric=metric, views=views))
        columns += [
            _Column(name=f"{name}_{level:g}", metric=metric, views=(view,))
            for level, view in zip(levels, views, strict=True)
        ]
    for low, high in itertools.combinations(range(len(levels)), 2):
        if levels[low] < MEDIAN and math.isclose(levels[low] + levels[high], 1.0):
            coverage = f"{levels[high] - levels[low]:g}"
            columns += [
                _Column(name=f"{name}_{coverage}", metric=metric, views=(View(levels=(low, high)),))
                for name, metric in intervals.items()
            ]
    return columns


def _places(
    targets: tuple[str, ...], *, horizon: int
) -> Iterator[tuple[str | None, int | None, tuple[slice, slice]]]:
    """Everything, each target and each step where there are several: names, and what part of [horizon, target]."""
    whole = slice(None)
    yield None, None, (whole, whole)
    for place, target in enumerate(targets if len(targets) > 1 else ()):
        yield target, None, (whole, slice(place, place + 1))
    for step in range(1, horizon + 1) if horizon > 1 else ():
        yield None, step, (slice(step - 1, step), whole)


def _column_sums(
    forecast: Forecast, columns: Sequence[_Column], context: MetricContext, *, each_series: bool = False
) -> tuple[Rows, dict[_Column, Floats]]:
    """Indices of the series with windows, and the sums of each column.

    The first sum of its terms is relative to the naive errors, if the metric is.

    Args:
        each_series: sum every metric over the windows of each series.
    """
    keys = {
        column: Sum(column.views, column.metric.terms, each_series or column.metric.each_series)
        for column in columns
    }
    series, totals = sum_terms(forecast, keys.values(), context.scaler)
    by_column = {}
    for column, key in keys.items():
        sums = totals[key].copy()
        if column.metric.naive_power:
            sums[1] /= context.naive_errors[column.metric.naive_power][series, None]
        by_column[column] = sums
    return series, by_column


def _score_series(
    forecast: Forecast, columns: Sequence[_Column], context: MetricContext, *, num_series: int, suffix: str
) -> dict[str, Floats]:
    with np.errstate(all="ignore"):
        series, sums = _column_sums(forecast, columns, context, each_series=True)
        scores = {}
        for column in columns:
            count, *totals = (part.sum(axis=1) for part in sums[column])  # [series, target] each
            values = column.metric.value(count, *totals)
            table = np.full((num_series, len(context.targets)), np.nan)
            table[series] = np.where(np.isfinite(values), values, np.nan)
            scores[f"{column.name}{suffix if column.views[0].scaled else ''}"] = table
    return scores


def _value(metric: Metric, sums: Floats, place: tuple[slice, slice]) -> tuple[float | None, int]:
    """The metric from the sums of a place, and how many series have no value where it is the mean over series."""
    if not metric.each_series:
        return finite(float(metric.value(*(np.asarray(part[place].sum()) for part in sums)))), 0
    count, *totals = (part[:, *place].sum(axis=1) for part in sums)  # [series, target] each
    values = np.where(np.isinf(totals).any(axis=0), np.inf, metric.value(count, *totals))
    undefined = np.isnan(values)
    return (finite(float(values[~undefined].mean())) if not undefined.all() else None), int(undefined.sum())


def _naive_errors(panel: Panel, first: int, end: int, *, lag: int, power: int) -> Floats:
    """Mean |y[t] - y[t - lag]|**power of a series' known rows, [target]; NaN where it is not defined, zero or not finite."""
    targets = slice(0, panel.num_targets)
    total, count = np.zeros(panel.num_targets), np.zeros(panel.num_targets)
    with np.errstate(all="ignore"):
        for start in range(first + lag, end, _CHUNK_ROWS):
            stop = min(start + _CHUNK_ROWS, end)
            rows, earlier = slice(start, stop), slice(start - lag, stop - lag)
            steps = np.abs(panel.observed(rows, targets) - panel.observed(earlier, targets)) ** power
            known = ~np.isnan(steps)
            total, count = total + steps.sum(axis=0, where=known), count + known.sum(axis=0)
        errors = total / count
    return np.where((errors > 0) & (errors < np.inf), errors, np.nan)

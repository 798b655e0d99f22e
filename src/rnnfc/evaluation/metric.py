"""Metric: what is summed over the values of a forecast, and the formula that turns the sums into one number."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from rnnfc.data.panel import Floats


@dataclass(frozen=True, kw_only=True)
class Values:
    """What the terms of a metric are computed from, [window, horizon, target] each.

    actual: NaN where it is missing.
    point: the point forecast, or the forecast of the quantile `level`.
    reference: an actual value of each window's series, [window, 1, target]. Sums of squares of differences from it keep their
        digits where the values lie far from zero, and those of a constant series are exactly zero.
    low, high: bounds of the central interval that should hold the share `coverage`; a point is an interval of no width.
    """

    actual: Floats
    point: Floats
    low: Floats
    high: Floats
    reference: Floats
    level: float = 0.5
    coverage: float = 0.0

    @cached_property
    def error(self) -> Floats:
        """Forecast minus actual."""
        return self.point - self.actual

    @cached_property
    def squared_error(self) -> Floats:
        """[window, horizon, target]."""
        return self.error**2

    @cached_property
    def absolute_error(self) -> Floats:
        """[window, horizon, target]."""
        return np.abs(self.error)

    @cached_property
    def actual_difference(self) -> Floats:
        """Actual value minus reference."""
        return self.actual - self.reference

    @cached_property
    def squared_actual_difference(self) -> Floats:
        """[window, horizon, target]."""
        return self.actual_difference**2


def mean(count: Floats, total: Floats) -> Floats:
    """The mean term."""
    return total / count


def root_mean(count: Floats, total: Floats) -> Floats:
    """The root of the mean term."""
    return np.asarray(np.sqrt(total / count))


def sum_of_squares(count: Floats, total: Floats, squares: Floats) -> Floats:
    """Sum of (x - mean)² of values with this sum and this sum of squares; 0 where rounding leaves no digit of it."""
    centred = squares - total**2 / count
    return np.where(centred > 1e-12 * squares, centred, 0.0)


def squared_error(values: Values) -> tuple[Floats, ...]:
    """The terms of MSE, RMSE and RMSSE."""
    return (values.squared_error,)


def absolute_error(values: Values) -> tuple[Floats, ...]:
    """The terms of MAE and MASE."""
    return (values.absolute_error,)


def _no_terms(_values: Values) -> tuple[Floats, ...]:
    return ()


Terms = Callable[[Values], tuple[Floats, ...]]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One way to score forecasts; the name is its key in `extensions.METRICS`, and holds no underscore.

    heading: what tables and messages call it.
    units: of the value where the data is in its own units; `none` and `percent` do not change with the data's unit.
    better: which of two values is better; `nominal`: the nearer to what the interval should hold.
    terms: what is summed over the values whose actual value is known, an array [window, horizon, target] for each sum. It is
        called with some of the windows at a time, so a median or another order statistic is no metric of this kind.
    value: the number, from how many values were summed and from the sums, element by element.
    over: `point` scores the point forecast, `levels` each quantile level and their mean, `intervals` each pair of levels.
    each_series: sums and value are those of each series and target, and the score is the mean of their values.
    naive_power: the first sum of a series is divided by its mean |y[t] - y[t - season]|**naive_power in the training rows; 0: by
        nothing.
    scaled: there is a score in scaled units, too.
    relative: instead of terms, the names of metrics whose ratios to those of the model Naive2 are averaged.
    summary: how the console shows it: {value} with its unit, {coverage} of an interval; empty where only report and JSON do.
    """

    heading: str
    units: Literal["data", "data squared", "percent", "none"]
    better: Literal["lower", "higher", "nearer zero", "nominal"] = "lower"
    terms: Terms = _no_terms
    value: Callable[..., Floats] = mean
    over: Literal["point", "levels", "intervals"] = "point"
    each_series: bool = False
    naive_power: int = 0
    scaled: bool = False
    relative: tuple[str, ...] = ()
    summary: str = ""

    @property
    def needs_values_only(self) -> bool:
        """Whether actual values and point forecasts suffice: no levels, no training rows, no other model."""
        return self.over == "point" and not self.naive_power and not self.relative

    def sort_key(self, value: float | None, *, coverage: float = 0.0) -> float:
        """The better a value, the lower its key; infinite where there is no value.

        Args:
            coverage: the share that the interval of the value should hold.
        """
        if value is None:
            return math.inf
        keys = {"lower": value, "higher": -value, "nearer zero": abs(value), "nominal": abs(value - coverage)}
        return keys[self.better]

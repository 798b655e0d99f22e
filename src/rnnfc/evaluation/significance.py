"""Whether one forecaster is significantly better than another, over origin times and over series."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.evaluation.forecast import Forecast

# Origin times: with fewer, or more cosines in so many, persistent errors pass more often than 5 % (scripts/significance.py).
_FEWEST_TIMES, _TIMES_PER_COSINE = 15, 20


class Signs(NamedTuple):
    """In how many series the squared error is lower than the other's, in how many higher, and how many there are."""

    lower: int
    higher: int
    series: int


def diebold_mariano(forecast: Forecast, other: Forecast) -> float | None:
    """Diebold-Mariano statistic of squared errors, origin time by origin time; negative where `forecast` is better.

    Windows of several series with the same origin time share the shocks of that time: together they are one observation. The
    variance of the mean is estimated from a few cosines over the origin times, which a fixed number of degrees of freedom belongs
    to (fixed smoothing), and corrected for the overlap of the horizons. A statistic beyond `critical_value` is significant.
    Infinite where all times gain the same; None where it is not defined: equal errors, errors whose squares are not finite, or
    one origin time. It says something about other times, not about other series.

    Source: Diebold & Mariano, Comparing predictive accuracy, Journal of Business & Economic Statistics 13 (1995). Fixed
    smoothing: Coroneo & Iacone, Comparing predictive accuracy in small samples using fixed-smoothing asymptotics, Journal of
    Applied Econometrics 35 (2020). Cosines: Lazarus, Lewis, Stock & Watson, HAR inference: recommendations for practice,
    Journal of Business & Economic Statistics 36 (2018).
    Sums over series first: Driscoll & Kraay, Review of Economics and Statistics 80 (1998).
    """
    difference, known = _compare(forecast, other)
    scored = known.any(axis=(1, 2))  # windows with at least one known value
    with np.errstate(all="ignore"):
        means = difference[scored].mean(axis=(1, 2), where=known[scored])
    return difference_statistic(means, forecast.origin_time[scored], horizon=known.shape[1])


def difference_statistic(difference: Floats, origin_time: Times, *, horizon: int) -> float | None:
    """The statistic of `diebold_mariano`, from the mean difference of squared errors of each window.

    Args:
        difference: [window], of finite or infinite values.
        origin_time: [window], ascending or not; windows of one time are one observation.
    """
    origins, window_time = np.unique(origin_time, return_inverse=True)
    times = len(origins)
    if times < 2:
        return None
    with np.errstate(all="ignore"):
        mean = float(difference.mean())
        # Each window weighs the same, as in the errors that are compared, and a time as much as its windows.
        centered = np.bincount(window_time, weights=difference - mean) * (times / len(difference))
        cosines = _cosines(times, horizon=horizon)
        variance = float(np.mean((centered @ cosines) ** 2)) * _overlap_factor(cosines, horizon=horizon)
    if not (math.isfinite(mean) and math.isfinite(variance)) or mean == 0:
        return None
    statistic = mean / math.sqrt(variance / times) if variance > 0 else math.inf
    return math.copysign(statistic, mean)


def count_times(forecast: Forecast) -> int:
    """Different origin times of the windows with at least one known value: the observations of `diebold_mariano`."""
    known = ~np.isnan(np.asarray(forecast.actual)).all(axis=(1, 2))
    return len(np.unique(forecast.origin_time[known]))


def min_times(horizon: int) -> int:
    """Origin times that the test needs: windows of fewer share more than two thirds of their horizons."""
    return max(_FEWEST_TIMES, -(-horizon // 2))


def critical_value(times: int, *, horizon: int) -> float:
    """What `diebold_mariano` must exceed to be significant at 5 %, two-sided.

    The 97.5 % point of Student's t with a degree of freedom for each cosine; infinite for one time.
    """
    if times < 2:
        return math.inf
    from scipy.special import stdtrit

    return float(stdtrit(_num_cosines(times, horizon=horizon), 0.975))


def count_signs(forecast: Forecast, other: Forecast) -> Signs:
    """In how many series `forecast` has the lower mean squared error; a series counts where it has a known value."""
    difference, known = _compare(forecast, other)
    _, window_series = np.unique(forecast.series, return_inverse=True)
    with np.errstate(all="ignore"):
        totals = np.bincount(window_series, weights=difference.sum(axis=(1, 2), where=known))
    scored = np.bincount(window_series, weights=known.any(axis=(1, 2))) > 0
    return Signs(int((totals[scored] < 0).sum()), int((totals[scored] > 0).sum()), series=int(scored.sum()))


def sign_test(signs: Signs) -> float:
    """Two-sided p-value of as uneven a split of the series, were each equally likely to gain or lose, whatever the others do.

    Series share shocks, so this describes the split; `diebold_mariano` tests it.
    """
    from scipy.special import bdtr

    lower, higher, _ = signs
    return min(1.0, 2 * float(bdtr(min(lower, higher), lower + higher, 0.5))) if lower + higher else 1.0


def _compare(forecast: Forecast, other: Forecast) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Squared error minus that of `other`, and where the actual value is known, [window, horizon, target] each."""
    actual = forecast.actual
    if actual is None:
        raise ValueError("a forecast past the end of the data cannot be compared with actual values")
    with np.errstate(all="ignore"):
        return (forecast.point - actual) ** 2 - (other.point - actual) ** 2, ~np.isnan(actual)


def _num_cosines(times: int, *, horizon: int) -> int:
    """Few enough that errors which overlap, or persist for some times, are still noise to the fastest of them.

    The cube root of the times is the smoothing of Coroneo & Iacone (2020).
    """
    return max(1, min(int(math.cbrt(times)), times // max(horizon, _TIMES_PER_COSINE)))


def _cosines(times: int, *, horizon: int) -> Floats:
    """Half a wave, a whole wave ... over the times, orthonormal and without a mean: [time, cosine]."""
    waves = np.arange(1, _num_cosines(times, horizon=horizon) + 1)
    return np.asarray(np.sqrt(2 / times) * np.cos(np.pi / times * np.outer(np.arange(times) + 0.5, waves)))


def _overlap_factor(cosines: Floats, *, horizon: int) -> float:
    """Variance of the mean over the variance that the cosines show, of means of `horizon` independent steps, one step apart.

    1 for one step, and nearly 1 for many more times than steps. Neighbouring means share most steps, so over few times they
    differ less than their common level does.
    """
    times = len(cosines)
    level = np.full((times, 1), 1 / math.sqrt(times))
    return float(_sum_squares(level, horizon) / (_sum_squares(cosines, horizon) / cosines.shape[1]))


def _sum_squares(weights: Floats, horizon: int) -> float:
    """Sum over columns of the squared moving sums over `horizon` rows, those at both ends too."""
    total = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(weights, axis=0)])
    end = np.arange(1, len(weights) + horizon)
    moving = total[np.minimum(end, len(weights))] - total[np.maximum(end - horizon, 0)]
    return float((moving**2).sum())

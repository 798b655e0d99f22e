"""Diebold-Mariano: the statistic by hand, what counts as one observation, and when there is none."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import make_forecast

from rnnfc.evaluation.significance import critical_value, diebold_mariano

NAN = float("nan")


def statistic(gains: Any, horizon: int = 1, times: list[int] | None = None) -> float | None:
    """Of a forecast whose squared error exceeds the other's by `gains`, window by window, from origins at `times`."""
    actual = np.zeros((len(gains), horizon, 1))
    point = np.sqrt(100.0 + np.array(gains, dtype=np.float64))[:, None, None] * np.ones((1, horizon, 1))
    forecast = make_forecast(point, actual)
    if times is not None:
        forecast = replace(forecast, origin_time=np.array(times))
    return diebold_mariano(forecast, make_forecast(np.full_like(actual, 10.0), actual))


def test_diebold_mariano__one_step_is_the_mean_gain_over_its_standard_error_in_a_small_sample() -> None:
    # mean -2, variance (1 + 1 + 4 + 4) / 4 = 2.5, factor (4 + 1 - 2) / 4
    assert statistic([-1, -3, -4, 0]) == pytest.approx(-2 / 0.625**0.5 * 0.75**0.5, rel=1e-9)
    assert statistic([1, 3, 4, 0]) == pytest.approx(2 / 0.625**0.5 * 0.75**0.5, rel=1e-9)


def test_diebold_mariano__several_steps_weigh_the_lags_of_the_horizon() -> None:
    # centred 1, -1, -2, 2: lag 1 gives -1 + 2 - 4 = -3 at weight 1/2, so the variance is (10 - 3) / 4; factor (5 - 4 + 2 / 4) / 4
    assert statistic([-1, -3, -4, 0], horizon=2) == pytest.approx(-2 / (7 / 16) ** 0.5 * 0.375**0.5, rel=1e-9)
    # horizon 3: lag 1 at 2/3, lag 2 gives -2 - 2 = -4 at 1/3; factor (5 - 6 + 6 / 4) / 4
    assert statistic([-1, -3, -4, 0], horizon=3) == pytest.approx(
        -2 / ((10 - 4 - 8 / 3) / 16) ** 0.5 * 0.125**0.5, rel=1e-9
    )


def test_diebold_mariano__the_error_of_a_window_is_the_mean_over_steps_and_targets() -> None:
    # Squared errors by window 1, 9, 4, 4, the mean of two steps (or targets) of which one is right; the other forecast is right.
    # Mean 4.5, deviations -3.5, 4.5, -0.5, -0.5: variance 33 / 4; lag 1 (weight 1 / 2): -15.75 - 2.25 + 0.25 = -17.75.
    by_step = np.array([[0.0, 2**0.5], [18**0.5, 0.0], [0.0, 8**0.5], [0.0, 8**0.5]])[..., None]
    by_target = by_step.transpose(0, 2, 1)
    for errors, expected in (
        (by_target, 4.5 / (33 / 4 / 4) ** 0.5 * 0.75**0.5),
        (by_step, 4.5 / ((33 - 17.75) / 4 / 4) ** 0.5 * 0.375**0.5),
    ):
        forecast, right = make_forecast(errors, 0 * errors), make_forecast(0 * errors, 0 * errors)
        assert diebold_mariano(forecast, right) == pytest.approx(expected)
        assert diebold_mariano(right, forecast) == pytest.approx(-expected)


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_diebold_mariano__windows_of_one_origin_time_are_one_observation(horizon: int) -> None:
    alone = statistic([-1, -3, -4, 0], horizon)
    # Two series from time 5 on, whose mean gains by time are those.
    both = statistic([0, -4, -4, 1, -2, -2, -4, -1], horizon, [5, 6, 7, 8] * 2)
    assert both == pytest.approx(alone, rel=1e-9)
    # A series that goes on where the other ends, named first.
    assert statistic([-4, 0, -1, -3], horizon, [7, 8, 5, 6]) == pytest.approx(alone, rel=1e-9)


def test_diebold_mariano__a_time_of_few_series_counts_for_less() -> None:
    # Mean -2 of five windows; centred sums by time 1, -1, -2 and 2 + 0, over 5/4 windows a time: variance 10 / 4 * 16 / 25 = 1.6
    found = statistic([-1, -3, -4, 0, -2], times=[5, 6, 7, 8, 8])
    assert found == pytest.approx(-2 / 0.4**0.5 * 0.75**0.5, rel=1e-9)


def test_diebold_mariano__shocks_that_series_share_are_no_evidence() -> None:
    draw = np.random.default_rng(3)
    claims = 0
    for _ in range(300):  # 50 series, 20 times, two forecasts that are equally good
        gains = draw.normal(size=(50, 20)) + draw.normal(size=20)
        claims += abs(statistic(gains.ravel(), times=[*range(20)] * 50) or 0.0) > critical_value(20)
    assert 0 < claims < 30  # 15 at 5 %


def test_diebold_mariano__only_known_steps_count() -> None:
    draw = np.random.default_rng(1)
    actual, point, other = (draw.normal(size=(40, 1, 2)) for _ in range(3))
    masked = actual.copy()
    masked[:, :, 1] = np.nan
    known = diebold_mariano(
        make_forecast(point[..., :1], actual[..., :1]), make_forecast(other[..., :1], actual[..., :1])
    )
    assert known is not None
    found = diebold_mariano(make_forecast(point, masked), make_forecast(other, masked))
    assert found == pytest.approx(known, rel=1e-12)


def test_diebold_mariano__windows_without_a_known_value_are_left_out() -> None:
    def pair(actual: Any) -> float | None:
        points = np.array([[[1.0], [2.0]], [[3.0], [1.0]], [[2.0], [5.0]], [[4.0], [4.0]]])
        return diebold_mariano(make_forecast(points, actual), make_forecast(points[::-1], actual))

    actual = np.array([[[1.0], [1.0]], [[2.0], [1.0]], [[3.0], [0.0]], [[9.0], [9.0]]])
    known = actual.copy()
    known[3] = NAN
    assert pair(known) != pair(actual)
    known[2, 1] = NAN
    gains = [(0 + 1 - 9 - 9) / 2, (1 + 0 - 0 - 16) / 2, 1 - 0]
    centred = np.array(gains) - np.mean(gains)
    variance = (centred @ centred + centred[1:] @ centred[:-1]) / 3
    factor = (3 + 1 - 4 + 2 / 3) / 3
    assert pair(known) == pytest.approx(np.mean(gains) / np.sqrt(variance / 3) * np.sqrt(factor), rel=1e-9)
    assert pair(np.full_like(actual, NAN)) is None


@pytest.mark.parametrize(
    ("point", "other"),
    [
        ([[[5.0]]], [[[0.0]]]),  # one window
        ([[[1e200]], [[0.0]], [[3.0]]], [[[0.0]]] * 3),  # a square that is not finite
        ([[[3.0]]] * 5, [[[3.0]]] * 5),  # the same forecasts
    ],
)
def test_diebold_mariano__is_none_where_it_is_not_defined(point: Any, other: Any) -> None:
    actual = np.zeros_like(np.array(point))
    assert diebold_mariano(make_forecast(point, actual), make_forecast(other, actual)) is None


def test_diebold_mariano__a_forecast_without_actual_values_is_refused() -> None:
    future = make_forecast([[[3]]], None)
    with pytest.raises(ValueError, match="past the end of the data"):
        diebold_mariano(future, future)


@pytest.mark.parametrize(
    ("times", "printed"),
    [(1, "inf"), (10, "2.262"), (11, "2.228"), (31, "2.042"), (121, "1.980"), (10**6, "1.960")],
)
def test_critical_value__is_that_of_the_t_table(times: int, printed: str) -> None:
    assert f"{critical_value(times):.3f}" == printed

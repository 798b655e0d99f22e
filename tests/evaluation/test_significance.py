"""Diebold-Mariano: the statistic by hand, what counts as one observation, and when there is none."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import make_forecast

from rnnfc.evaluation.significance import (
    Signs,
    count_signs,
    count_times,
    critical_value,
    diebold_mariano,
    min_times,
    sign_test,
)

NAN = float("nan")


def statistic(gains: Any, horizon: int = 1, times: list[int] | None = None) -> float | None:
    """Of a forecast whose squared error exceeds the other's by `gains`, window by window, from origins at `times`."""
    actual = np.zeros((len(gains), horizon, 1))
    point = np.sqrt(100.0 + np.array(gains, dtype=np.float64))[:, None, None] * np.ones((1, horizon, 1))
    forecast = make_forecast(point, actual)
    if times is not None:
        forecast = replace(forecast, origin_time=np.array(times))
    return diebold_mariano(forecast, make_forecast(np.full_like(actual, 10.0), actual))


def test_diebold_mariano__one_step_is_the_mean_gain_over_its_error_by_one_cosine() -> None:
    # Mean -2, centred 1, -1, -2, 2. The cosine of four times: sqrt(1 / 2) cos(pi / 8 (1, 3, 5, 7)) = 0.653, 0.271, -0.271,
    # -0.653, so the sum is 0.653 - 0.271 + 0.541 - 1.307 = -0.38268, and -2 / sqrt(0.38268 ** 2 / 4) = -10.4525
    assert statistic([-1, -3, -4, 0]) == pytest.approx(-10.452504, rel=1e-7)
    assert statistic([1, 3, 4, 0]) == pytest.approx(10.452504, rel=1e-7)


def test_diebold_mariano__horizons_that_overlap_show_less_than_their_common_level_varies() -> None:
    # Two steps. Sums of neighbours of the mean (1, 1, 1, 1) / 2: 0.5, 1, 1, 1, 0.5, squares 3.5. Of the cosine: 0.65328, 0.92388,
    # 0, -0.92388, -0.65328, squares 2.560660. The statistic is that of one step over sqrt(3.5 / 2.560660) = 1.169117
    assert statistic([-1, -3, -4, 0], horizon=2) == pytest.approx(-10.452504 / 1.169117, rel=1e-6)
    # Three steps: sums 0.5, 1, 1.5, 1.5, 1, 0.5, squares 7; 0.65328, 0.92388, 0.65328 and back, squares 3.414214
    assert statistic([-1, -3, -4, 0], horizon=3) == pytest.approx(-10.452504 / 1.431870, rel=1e-6)


def test_diebold_mariano__many_times_have_a_cosine_for_each_degree_of_freedom() -> None:
    # 40 times, of which 19 gain 1 and 21 lose 1, have two cosines. The sum of cos(pi j (t + 1/2) / 40) over the first 19 is
    # sin(19 pi j / 40) / (2 sin(pi j / 80)): 12.69642 for j = 1, 0.99692 for j = 2. The others have the other sign: twice that,
    # times sqrt(2 / 40), is 5.67801 and 0.44583. Mean 1 / 20: 1 / 20 * sqrt(40 / ((5.67801 ** 2 + 0.44583 ** 2) / 2)) = 0.0785207
    assert statistic([-1] * 19 + [1] * 21) == pytest.approx(0.0785207, rel=1e-5)


def test_diebold_mariano__the_error_of_a_window_is_the_mean_over_steps_and_targets() -> None:
    # Squared errors by window 1, 9, 4, 4, the mean of two steps (or targets) of which one is right; the other forecast is right.
    # Mean 4.5, deviations -3.5, 4.5, -0.5, -0.5: cosine sum 0.65328 (-3.5 + 0.5) + 0.27060 (4.5 + 0.5) = -0.606854
    by_step = np.array([[0.0, 2**0.5], [18**0.5, 0.0], [0.0, 8**0.5], [0.0, 8**0.5]])[..., None]
    by_target = by_step.transpose(0, 2, 1)
    for errors, expected in ((by_target, 9 / 0.606854), (by_step, 9 / 0.606854 / 1.169117)):
        forecast, right = make_forecast(errors, 0 * errors), make_forecast(0 * errors, 0 * errors)
        assert diebold_mariano(forecast, right) == pytest.approx(expected, rel=1e-5)
        assert diebold_mariano(right, forecast) == pytest.approx(-expected, rel=1e-5)


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_diebold_mariano__windows_of_one_origin_time_are_one_observation(horizon: int) -> None:
    alone = statistic([-1, -3, -4, 0], horizon)
    # Two series from time 5 on, whose mean gains by time are those.
    both = statistic([0, -4, -4, 1, -2, -2, -4, -1], horizon, [5, 6, 7, 8] * 2)
    assert both == pytest.approx(alone, rel=1e-9)
    # A series that goes on where the other ends, named first.
    assert statistic([-4, 0, -1, -3], horizon, [7, 8, 5, 6]) == pytest.approx(alone, rel=1e-9)


def test_diebold_mariano__a_time_of_few_series_counts_for_less() -> None:
    # Mean -2 of five windows; centred sums by time 1, -1, -2 and 2 + 0, over 5/4 windows a time: the sum above times 4/5
    found = statistic([-1, -3, -4, 0, -2], times=[5, 6, 7, 8, 8])
    assert found == pytest.approx(-10.452504 / 0.8, rel=1e-7)


def test_diebold_mariano__shocks_that_series_share_are_no_evidence() -> None:
    draw = np.random.default_rng(3)
    claims = 0
    for _ in range(300):  # 50 series, 20 times, two forecasts that are equally good
        gains = draw.normal(size=(50, 20)) + draw.normal(size=20)
        claims += abs(statistic(gains.ravel(), times=[*range(20)] * 50) or 0.0) > critical_value(
            20, horizon=1
        )
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
    assert count_times(make_forecast(known, known)) == 3
    twice = make_forecast(known, known, series=[0, 0, 1, 1], origin_time=np.array([5, 6, 5, 6]))
    assert count_times(twice) == 2
    known[2, 1] = NAN
    gains = [(0 + 1 - 9 - 9) / 2, (1 + 0 - 0 - 16) / 2, 1 - 0]
    # The cosine of three times: sqrt(2 / 3) cos(30, 90, 150 degrees) = 0.70711, 0, -0.70711; the overlap of two steps: sums
    # of the mean (1, 1, 1) / sqrt(3) have squares (1 + 4 + 4 + 1) / 3, those of the cosine 4 / 2
    error = abs(gains[0] - gains[2]) * 0.5**0.5 * np.sqrt(10 / 3 / 2)
    assert pair(known) == pytest.approx(np.mean(gains) / (error / np.sqrt(3)), rel=1e-9)
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


def test_diebold_mariano__the_same_gain_at_all_times_is_infinite() -> None:
    assert statistic([-19] * 12) == -np.inf
    assert statistic([21] * 12) == np.inf


def half_year(seed: int, *, gain: float, shared: float = 0.0) -> tuple[Any, Any]:
    """Errors of 300 stores on 52 days, by 25 windows of 28 days: those of the first forecast are smaller by `gain`."""
    draw = np.random.default_rng(seed)

    def errors() -> Any:
        common, own = draw.normal(size=52), draw.normal(size=(300, 52))
        days = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
        return np.lib.stride_tricks.sliding_window_view(days, 28, axis=1).reshape(-1, 28, 1)

    times = {"origin_time": np.tile(np.arange(25), 300), "series": list(np.repeat(range(300), 25))}
    first, second = (1 - gain) * errors(), errors()
    actual = np.zeros_like(first)
    return make_forecast(first, actual, **times), make_forecast(second, actual, **times)


def test_diebold_mariano__a_half_year_of_300_stores_can_pass() -> None:
    assert min_times(28) == 15
    critical = critical_value(25, horizon=28)
    passed = [(diebold_mariano(*half_year(seed, gain=0.19)) or 0.0) < -critical for seed in range(5)]
    assert all(passed)
    shared = [(diebold_mariano(*half_year(seed, gain=0.0, shared=0.5)) or 0.0) for seed in range(40)]
    assert sum(abs(value) > critical for value in shared) <= 6  # two at 5 %


def test_count_signs__counts_series_by_their_pooled_error_and_leaves_ties_out() -> None:
    actual = np.array([[[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[NAN]]])
    point = np.array([[[1.0]], [[3.0]], [[2.0]], [[1.0]], [[5.0]], [[9.0]]])
    other = np.array([[[2.0]], [[2.0]], [[-2.0]], [[2.0]], [[4.0]], [[0.0]]])
    series = [0, 0, 1, 2, 3, 4]  # 1 + 9 > 4 + 4; 4 = 4; 1 < 4; 25 > 16; no actual value
    signs = count_signs(
        make_forecast(point, actual, series=series), make_forecast(other, actual, series=series)
    )
    assert signs == (1, 2, 4)


@pytest.mark.parametrize(
    ("lower", "higher", "p"),
    [(4, 0, 0.125), (0, 4, 0.125), (3, 1, 0.625), (2, 2, 1.0), (0, 0, 1.0), (15, 5, 0.041389)],
)
def test_sign_test__is_the_two_sided_binomial_probability(lower: int, higher: int, p: float) -> None:
    # 4 of 4: 2 / 16; 3 of 4: 2 (1 + 4) / 16; 15 of 20: 2 (1 + 20 + 190 + 1140 + 4845 + 15504) / 2 ** 20
    assert sign_test(Signs(lower, higher, 30)) == pytest.approx(p, rel=1e-4)


def test_diebold_mariano__a_forecast_without_actual_values_is_refused() -> None:
    future = make_forecast([[[3]]], None)
    with pytest.raises(ValueError, match="past the end of the data"):
        diebold_mariano(future, future)


@pytest.mark.parametrize(
    ("times", "horizon", "printed"),
    [
        (1, 1, "inf"),
        (15, 1, "12.706"),  # 1 degree of freedom
        (25, 28, "12.706"),
        (40, 1, "4.303"),  # 2
        (150, 1, "2.571"),  # 5
        (150, 30, "2.571"),
        (149, 30, "2.776"),  # 4
        (1000, 1, "2.228"),  # 10
    ],
)
def test_critical_value__is_that_of_the_t_table(times: int, horizon: int, printed: str) -> None:
    assert f"{critical_value(times, horizon=horizon):.3f}" == printed


@pytest.mark.parametrize(("horizon", "times"), [(1, 15), (30, 15), (31, 16), (96, 48)])
def test_min_times__are_fifteen_or_half_a_horizon(horizon: int, times: int) -> None:
    assert min_times(horizon) == times

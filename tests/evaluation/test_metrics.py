import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metrics import (
    METRICS,
    SCALED_METRICS,
    MetricContext,
    Score,
    find,
    measure,
    owa,
    score,
    to_json,
)
from rnnfc.evaluation.significance import critical_value, diebold_mariano

# actual, forecast, then every metric by hand; None where it has no value
BY_HAND: list[tuple[list[float], list[float], dict[str, float | None]]] = [
    # errors 1, -2
    ([2, 4], [3, 2], {"mse": 2.5, "rmse": 2.5**0.5, "mae": 1.5, "mape": 50.0, "smape": 160 / 3}),
    # errors 3, 0, 4; a zero actual, and 0 for 0
    (
        [0, 0, -8],
        [3, 0, -4],
        {"mse": 25 / 3, "rmse": 5 / 3**0.5, "mae": 7 / 3, "mape": None, "smape": (200 + 0 + 200 / 3) / 3},
    ),
    ([-5, 10], [-5, 10], {"mse": 0.0, "rmse": 0.0, "mae": 0.0, "mape": 0.0, "smape": 0.0}),
    ([-1, 1], [1, -1], {"mse": 4.0, "rmse": 2.0, "mae": 2.0, "mape": 200.0, "smape": 200.0}),
]


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(("actual", "point", "values"), BY_HAND)
def test_a_metric_by_hand(
    name: str, actual: list[float], point: list[float], values: dict[str, float | None]
) -> None:
    value = METRICS[name](np.array(actual), np.array(point, dtype=np.float64))
    expected = values[name]
    assert value is None if expected is None else value == pytest.approx(expected, rel=1e-14)
    assert value is None or type(value) is float


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(("actual", "point", "values"), BY_HAND)
def test_what_is_not_known_counts_for_nothing(
    name: str, actual: list[float], point: list[float], values: dict[str, float | None]
) -> None:
    with_gaps = np.array([[np.nan, *actual], [np.nan] * (len(actual) + 1)])
    value = measure(name, with_gaps, np.array([[7.0, *point], [0.0] * (len(actual) + 1)]))
    expected = values[name]
    assert value is None if expected is None else value == pytest.approx(expected, rel=1e-14)
    assert measure(name, with_gaps[1:], with_gaps[1:]) is None


def test_a_lead_is_that_of_the_known_steps() -> None:
    draw = np.random.default_rng(1)
    actual, ours, theirs = (draw.normal(size=(40, 1, 2)) for _ in range(3))
    hidden = actual.copy()
    hidden[:, :, 1] = np.nan
    known = diebold_mariano(
        to_forecast(ours[..., :1], actual[..., :1]), to_forecast(theirs[..., :1], actual[..., :1])
    )
    assert known is not None
    assert diebold_mariano(to_forecast(ours, hidden), to_forecast(theirs, hidden)) == pytest.approx(
        known, rel=1e-12
    )


def scaler_of(center: list[list[float]], scale: list[list[float]]) -> Scaler:
    numbers = {"center": center, "scale": scale, "low": center, "high": scale}
    return Scaler.from_json({"method": "minmax", **numbers})


def to_forecast(point: Any, actual: Any, series: list[int] | None = None) -> Forecast:
    points = np.array(point, dtype=np.float64)
    windows, horizon, _ = points.shape
    return Forecast(
        point=points,
        actual=None if actual is None else np.array(actual, dtype=np.float64),
        time=np.arange(windows)[:, None] + np.arange(horizon),
        origin_time=np.arange(windows) - 1,
        series=np.array(series or [0] * windows),
    )


# 3 windows, horizon 2, 1 target; errors 1, -2 | 3, 4 | -2, 0
FORECAST = to_forecast([[[3], [2]], [[4], [5]], [[6], [10]]], [[[2], [4]], [[1], [1]], [[8], [10]]])


def ruler_of(
    naive_errors: list[list[float]], *, scaler: Scaler | None = None, targets: tuple[str, ...] = ("sold",)
) -> MetricContext:
    errors = np.array(naive_errors)
    return MetricContext(
        scaler=scaler or scaler_of([[1.0]], [[2.0]]), naive_errors=errors, targets=targets, series="sales"
    )


NAN = float("nan")
RULER = ruler_of([[4.0]])


def values_of(scores: list[Score], *, units: str, metric: str) -> dict[int | None, float | None]:
    return {row.step: row.value for row in scores if (row.units, row.metric) == (units, metric)}


def test_scores_are_pooled_and_per_step() -> None:
    scores = score(FORECAST, RULER, model="GRU", split="test")
    expected = {
        ("data", "mae"): {None: 2.0, 1: 2.0, 2: 2.0},
        ("data", "mse"): {None: 34 / 6, 1: 14 / 3, 2: 20 / 3},
        ("data", "rmse"): {None: (34 / 6) ** 0.5, 1: (14 / 3) ** 0.5, 2: (20 / 3) ** 0.5},
        ("data", "mape"): {None: (50 + 50 + 300 + 400 + 25 + 0) / 6, 1: 375 / 3, 2: 150.0},
        ("data", "mase"): {None: 0.5, 1: 0.5, 2: 0.5},
        ("scaled", "mae"): {None: 1.0, 1: 1.0, 2: 1.0},
        ("scaled", "mse"): {None: 34 / 24, 1: 14 / 12, 2: 20 / 12},
        ("scaled", "rmse"): {None: (34 / 24) ** 0.5, 1: (14 / 12) ** 0.5, 2: (20 / 12) ** 0.5},
    }
    for (units, metric), values in expected.items():
        assert values_of(scores, units=units, metric=metric) == pytest.approx(values, rel=1e-14)
    assert {(row.model, row.split, row.series) for row in scores} == {("GRU", "test", "sales")}


def test_every_metric_is_scored_once_for_each_step() -> None:
    scores = score(FORECAST, RULER, model="GRU", split="test")
    rows = [(row.units, row.metric, row.step) for row in scores]
    expected = {("data", name) for name in (*METRICS, "mase")} | {("scaled", name) for name in SCALED_METRICS}
    assert set(rows) == {(*pair, step) for pair in expected for step in (None, 1, 2)}
    assert len(rows) == len(set(rows))


def test_one_step_has_no_rows_for_each_step() -> None:
    scores = score(to_forecast([[[3]], [[4]]], [[[2]], [[0]]]), RULER, model="GRU", split="test")
    assert {row.step for row in scores} == {None}
    assert find(scores, model="GRU", split="test", metric="mape", units="data") is None


def test_each_series_is_scaled_by_its_own_numbers() -> None:
    ruler = ruler_of([[NAN], [NAN]], scaler=scaler_of([[0.0], [5.0]], [[2.0], [10.0]]))
    scores = score(
        to_forecast([[[3]], [[40]]], [[[1]], [[10]]], series=[0, 1]), ruler, model="GRU", split="test"
    )
    assert (
        find(scores, model="GRU", split="test", metric="mae", units="scaled") == 2.0
    )  # errors 2 / 2 and 30 / 10
    assert find(scores, model="GRU", split="test", metric="mae", units="data") == 16.0


def test_without_a_naive_error_mase_has_no_value() -> None:
    scores = score(FORECAST, ruler_of([[NAN]]), model="GRU", split="test")
    assert values_of(scores, units="data", metric="mase") == {None: None, 1: None, 2: None}


def test_a_forecast_without_actual_values_has_no_score() -> None:
    with pytest.raises(
        ValueError, match=r"^a forecast past the end of the data has no actual values to be scored against$"
    ):
        score(to_forecast([[[3]]], None), RULER, model="GRU", split="test")


def test_find_names_the_score_that_is_not_there() -> None:
    scores = score(FORECAST, RULER, model="GRU", split="test")
    assert find(scores, model="GRU", split="test", metric="mse", units="scaled") == pytest.approx(34 / 24)
    with pytest.raises(LookupError, match=r"^no score mape of GRU on test in scaled units$"):
        find(scores, model="GRU", split="test", metric="mape", units="scaled")


def test_scores_as_json_are_plain_rows() -> None:
    row = Score(model="GRU", split="test", metric="mae", units="data", series="sales", step=2, value=None)
    assert to_json([row]) == [
        {
            "model": "GRU",
            "split": "test",
            "metric": "mae",
            "units": "data",
            "series": "sales",
            "target": None,
            "step": 2,
            "value": None,
            "undefined": 0,
        }
    ]


def panel_of(*series: list[list[float]], filled: list[tuple[int, int]] | None = None) -> Panel:
    """Series of rows with two channels, the first of them the target."""
    values = np.array([row for rows in series for row in rows], dtype=np.float64)
    mask = np.zeros(values.shape, dtype=np.bool_)
    for cell in filled or []:
        mask[cell] = True
    return Panel(
        values=values,
        time=np.arange(len(values)),
        bounds=np.cumsum([0, *map(len, series)]),
        series=("north", "south")[: len(series)],
        channels=("sold", "price"),
        num_targets=1,
        frequency=Frequency(unit="number", size=1),
        filled=mask,
    )


def naive_error(panel: Panel, train_rows: list[list[int]], season: int | None) -> float | None:
    ruler = MetricContext.of(panel, scaler=RULER.scaler, train_rows=np.array(train_rows), season=season)
    assert ruler.naive_errors.shape == (len(panel.series), 1)
    return None if np.isnan(ruler.naive_errors[0, 0]) else float(ruler.naive_errors[0, 0])


ROWS: list[list[float]] = [[1, 900], [2, 0], [4, 900], [7, 0], [5, 900], [999, 0]]


@pytest.mark.parametrize(
    ("season", "expected"),
    [
        (None, 2.0),  # 1, 2, 3, 2
        (2, 3.0),  # 1 -> 4, 2 -> 7, 4 -> 5: 3, 5, 1
        (4, 4.0),  # 1 -> 5
        (5, None),  # no pair
        (7, None),
    ],
)
def test_mase_is_measured_by_the_seasonal_naive_error_of_target_training_rows(
    season: int | None, expected: float | None
) -> None:
    assert naive_error(panel_of(ROWS), [[0, 5]], season) == expected


def test_training_rows_that_never_change_measure_nothing() -> None:
    assert naive_error(panel_of([[3, 1], [3, 2], [4, 3]]), [[0, 2]], None) is None


def test_each_series_has_its_own_naive_error_and_none_crosses_two() -> None:
    panel = panel_of(ROWS, [[100, 0], [108, 0], [50, 0]])
    ruler = MetricContext.of(panel, scaler=RULER.scaler, train_rows=np.array([[0, 5], [6, 8]]), season=None)
    assert ruler.naive_errors.tolist() == [[(1 + 2 + 3 + 2) / 4], [8.0]]
    assert ruler.series == "all"
    assert (
        MetricContext.of(
            panel_of(ROWS), scaler=RULER.scaler, train_rows=np.array([[0, 5]]), season=None
        ).series
        == "north"
    )


def test_filled_values_do_not_measure() -> None:
    assert naive_error(panel_of(ROWS, filled=[(3, 0), (1, 1)]), [[0, 5]], None) == 1.5  # 1 -> 2 -> 4 only
    assert naive_error(panel_of(ROWS, filled=[(1, 0), (3, 0)]), [[0, 5]], None) is None


def lead_of(gains: Any, horizon: int = 1, times: list[int] | None = None) -> float | None:
    """The lead of a forecast whose squared error exceeds the other's by `gains`, window by window, from origins at `times`."""
    actual = np.zeros((len(gains), horizon, 1))
    other = np.full_like(actual, 10.0)
    point = np.sqrt(100.0 + np.array(gains, dtype=np.float64))[:, None, None] * np.ones((1, horizon, 1))
    made = to_forecast(point, actual)
    return diebold_mariano(
        made if times is None else replace(made, origin_time=np.array(times)), to_forecast(other, actual)
    )


def test_lead_of_one_step_is_the_mean_gain_over_its_standard_error_in_a_small_sample() -> None:
    # mean -2, variance (1 + 1 + 4 + 4) / 4 = 2.5, factor (4 + 1 - 2) / 4
    assert lead_of([-1, -3, -4, 0]) == pytest.approx(-2 / 0.625**0.5 * 0.75**0.5, rel=1e-9)
    assert lead_of([1, 3, 4, 0]) == pytest.approx(2 / 0.625**0.5 * 0.75**0.5, rel=1e-9)


def test_lead_of_several_steps_weighs_the_lags_of_the_horizon() -> None:
    # centred 1, -1, -2, 2: lag 1 gives -1 + 2 - 4 = -3 at weight 1/2, so the variance is (10 - 3) / 4; factor (5 - 4 + 2 / 4) / 4
    assert lead_of([-1, -3, -4, 0], horizon=2) == pytest.approx(-2 / (7 / 16) ** 0.5 * 0.375**0.5, rel=1e-9)
    # horizon 3: lag 1 at 2/3, lag 2 gives -2 - 2 = -4 at 1/3; factor (5 - 6 + 6 / 4) / 4
    assert lead_of([-1, -3, -4, 0], horizon=3) == pytest.approx(
        -2 / ((10 - 4 - 8 / 3) / 16) ** 0.5 * 0.125**0.5, rel=1e-9
    )


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_windows_that_begin_at_the_same_time_are_one_observation(horizon: int) -> None:
    alone = lead_of([-1, -3, -4, 0], horizon)
    # Two series from time 5 on, whose mean gains by time are those.
    assert lead_of([0, -4, -4, 1, -2, -2, -4, -1], horizon, [5, 6, 7, 8] * 2) == pytest.approx(
        alone, rel=1e-9
    )
    # A series that goes on where the other ends, named first.
    assert lead_of([-4, 0, -1, -3], horizon, [7, 8, 5, 6]) == pytest.approx(alone, rel=1e-9)


def test_a_time_of_few_series_counts_for_less() -> None:
    # Mean -2 of five windows; centred sums by time 1, -1, -2 and 2 + 0, over 5/4 windows a time: variance 10 / 4 * 16 / 25 = 1.6
    assert lead_of([-1, -3, -4, 0, -2], times=[5, 6, 7, 8, 8]) == pytest.approx(
        -2 / 0.4**0.5 * 0.75**0.5, rel=1e-9
    )


def test_shocks_that_series_share_are_no_evidence() -> None:
    draw = np.random.default_rng(3)
    claims = 0
    for _ in range(300):  # 50 series, 20 times, two forecasts that are equally good
        gains = draw.normal(size=(50, 20)) + draw.normal(size=20)
        claims += abs(lead_of(gains.ravel(), times=[*range(20)] * 50) or 0.0) > critical_value(20)
    assert 0 < claims < 30  # 15 at 5 %


def test_lead_of_one_window_or_of_errors_without_a_finite_square_cannot_be_told() -> None:
    assert lead_of([5.0]) is None
    huge = to_forecast([[[1e200]], [[0]], [[3]]], [[[0]], [[0]], [[0]]])
    assert diebold_mariano(huge, to_forecast([[[0]], [[0]], [[0]]], [[[0]], [[0]], [[0]]])) is None


@pytest.mark.parametrize(
    ("windows", "printed"),
    [(1, "inf"), (10, "2.262"), (11, "2.228"), (31, "2.042"), (121, "1.980"), (10**6, "1.960")],
)
def test_the_critical_value_is_that_of_the_t_table(windows: int, printed: str) -> None:
    assert f"{critical_value(windows):.3f}" == printed


def test_equal_forecasts_have_no_lead() -> None:
    assert diebold_mariano(FORECAST, FORECAST) is None


def test_a_forecast_without_actual_values_has_no_lead() -> None:
    ahead = to_forecast([[[3]]], None)
    with pytest.raises(
        ValueError, match=r"^a forecast past the end of the data cannot be compared with actual values$"
    ):
        diebold_mariano(ahead, ahead)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "actual", "point"),
    [
        ("mse", 1e200, 0.0),
        ("rmse", 1e200, 0.0),
        ("mape", 1e-310, 1.0),
        ("mae", 1.7e308, -1.7e308),
        ("mae", 1.0, float("nan")),
    ],
)
def test_a_score_that_is_not_finite_has_no_value_and_warns_of_nothing(
    name: str, actual: float, point: float
) -> None:
    assert measure(name, np.array([actual, 1.0]), np.array([point, 1.0])) is None


@pytest.mark.filterwarnings("error")
def test_a_row_of_1e200_leaves_scores_that_are_json() -> None:
    ruler = ruler_of([[1e-200]], scaler=scaler_of([[0.0]], [[1e-200]]))
    scores = score(to_forecast([[[3]], [[2]]], [[[1e200]], [[1]]]), ruler, model="GRU", split="test")
    assert find(scores, model="GRU", split="test", metric="mae", units="data") == pytest.approx(5e199)
    assert {row.metric: row.value for row in scores if row.units == "scaled"} == {
        "mse": None,
        "rmse": None,
        "mae": None,
    }
    assert find(scores, model="GRU", split="test", metric="mase", units="data") is None
    json.dumps(to_json(scores), allow_nan=False)


TWO = ("sold", "back")


def test_several_targets_are_scored_together_and_each_by_its_own() -> None:
    ruler = ruler_of([[1.0, 8.0]], scaler=scaler_of([[0.0, 0.0]], [[1.0, 1.0]]), targets=TWO)
    scores = score(to_forecast([[[3, 8]], [[1, 6]]], [[[1, 4]], [[1, 6]]]), ruler, model="GRU", split="test")
    mae = {row.target: row.value for row in scores if (row.metric, row.units) == ("mae", "data")}
    mase = {row.target: row.value for row in scores if row.metric == "mase"}
    assert mae == {None: 1.5, "sold": 1.0, "back": 2.0}
    assert mase == {None: (1.0 + 0.25) / 2, "sold": 1.0, "back": 0.25}
    assert find(scores, model="GRU", split="test", metric="mae", units="data") == 1.5


def test_each_of_several_targets_has_its_own_naive_error() -> None:
    panel = replace(panel_of([[1, 10], [2, 30], [5, 60]]), num_targets=2)
    ruler = MetricContext.of(panel, scaler=RULER.scaler, train_rows=np.array([[0, 3]]), season=None)
    assert ruler.naive_errors.tolist() == [[2.0, 25.0]]
    assert ruler.targets == ("sold", "price")


# Three series with 1, 2 and 1 windows, horizon 2; absolute errors 1, 3 | 2, 2, 0, 4 | 5, 5.
POINT = [[[2], [6]], [[12], [8]], [[10], [14]], [[5], [5]]]
MANY = to_forecast(POINT, [[[1], [9]], [[10], [10]], [[10], [10]], [[0], [10]]], series=[0, 1, 1, 2])
FLAT = ruler_of([[2.0], [4.0], [NAN]], scaler=scaler_of([[0.0]] * 3, [[1.0]] * 3))


def test_smape_and_mase_are_means_over_series_each_with_the_same_weight() -> None:
    rows = {(row.metric, row.step): row for row in score(MANY, FLAT, model="GRU", split="test")}
    first = (200 * 1 / 3 + 200 * 3 / 15) / 2
    second = (200 * 2 / 22 + 200 * 2 / 18 + 0 + 200 * 4 / 24) / 4
    third = (200.0 + 200 * 5 / 15) / 2
    assert rows["smape", None].value == pytest.approx((first + second + third) / 3, rel=1e-14)
    assert rows["smape", None].undefined == 0
    assert rows["mase", None].value == pytest.approx((2 / 2 + 2 / 4) / 2, rel=1e-14)
    assert rows["mase", 1].value == pytest.approx((1 / 2 + 1 / 4) / 2, rel=1e-14)
    assert rows["mase", 2].value == pytest.approx((3 / 2 + 3 / 4) / 2, rel=1e-14)
    assert [rows["mase", step].undefined for step in (None, 1, 2)] == [1, 1, 1]
    assert rows["mae", None].value == pytest.approx(22 / 8)


TRAIN = [[3.0, 5.0, 4.0, 8.0, 7.0, 9.0], [20.0, 30.0, 10.0, 30.0]]
AHEAD = [([6.0, 10.0, 9.0], [8.0, 11.0, 9.0]), ([25.0, 25.0, 40.0], [20.0, 28.0, 33.0])]  # forecast, actual


def two_series() -> list[float | None]:
    panel = panel_of(*[[[value, 0.0] for value in rows] for rows in TRAIN])
    ruler = MetricContext.of(
        panel, scaler=scaler_of([[0.0]] * 2, [[1.0]] * 2), train_rows=np.array([[0, 6], [6, 10]]), season=2
    )
    points, actual = (np.array(each)[..., None] for each in zip(*AHEAD, strict=True))
    scores = score(to_forecast(points, actual, series=[0, 1]), ruler, model="GRU", split="test")
    return [find(scores, model="GRU", split="test", metric=name, units="data") for name in ("mase", "smape")]


def test_mase_and_smape_of_two_series_by_hand() -> None:
    smape = (2 / 14 + 1 / 21 + 0) / 3, (5 / 45 + 3 / 53 + 7 / 73) / 3
    assert two_series() == pytest.approx([(1 / 2 + 5 / 5) / 2, 200 * sum(smape) / 2], rel=1e-14)


def test_mase_and_smape_agree_with_utilsforecast() -> None:
    losses = pytest.importorskip("utilsforecast.losses", reason="it comes with the extra dev")
    rows = [
        (f"s{place}", step, value) for place, values in enumerate(TRAIN) for step, value in enumerate(values)
    ]
    train = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    ahead = [
        (f"s{place}", step, *pair)
        for place, pairs in enumerate(AHEAD)
        for step, pair in enumerate(zip(*pairs, strict=True))
    ]
    made = pd.DataFrame(ahead, columns=["unique_id", "ds", "m", "y"])
    theirs = [
        losses.mase(made, ["m"], 2, train)["m"].mean(),
        200 * losses.smape(made, ["m"])["m"].mean(),
    ]  # theirs is a share
    assert two_series() == pytest.approx(theirs, rel=1e-12)


def test_owa_is_the_mean_of_both_relative_to_another_model() -> None:
    theirs = score(replace(MANY, point=MANY.point + 1), FLAT, model="Naive2", split="test")
    ours = score(MANY, FLAT, model="GRU", split="test")
    found = {(row.model, row.step): row.value for row in owa([*ours, *theirs], against="Naive2")}
    values = {(row.model, row.metric, row.step): row.value for row in (*ours, *theirs) if row.units == "data"}
    for step in (None, 1, 2):
        # every score here has a value; one that were None would be an error in the test
        smape, mase = (values["GRU", name, step] / values["Naive2", name, step] for name in ("smape", "mase"))  # type: ignore[operator]
        assert found["GRU", step] == pytest.approx((smape + mase) / 2, rel=1e-14)
        assert found["Naive2", step] == 1.0
    assert {row.metric for row in owa([*ours, *theirs], against="Naive2")} == {"owa"}
    assert owa(ours, against="Naive2") == []


def test_owa_is_not_defined_where_the_other_model_makes_no_error_or_mase_has_no_value() -> None:
    ours, none = score(FORECAST, RULER, model="GRU", split="test"), ruler_of([[NAN]])
    exact = score(replace(FORECAST, point=FORECAST.actual), RULER, model="Naive2", split="test")
    assert {row.value for row in owa([*ours, *exact], against="Naive2")} == {None}
    unscaled = [
        row for model in ("GRU", "Naive2") for row in score(FORECAST, none, model=model, split="test")
    ]
    assert {row.value for row in owa(unscaled, against="Naive2")} == {None}


def test_actual_values_that_are_missing_do_not_count() -> None:
    actual = np.array(MANY.actual)
    actual[0, 0], actual[3] = NAN, NAN
    rows = {
        (row.metric, row.units, row.step): row
        for row in score(replace(MANY, actual=actual), FLAT, model="GRU", split="test")
    }
    assert rows["mae", "data", None].value == pytest.approx((3 + 2 + 2 + 0 + 4) / 5)
    assert rows["mse", "scaled", 1].value == pytest.approx((4 + 0) / 2)
    assert rows["mase", "data", None].value == pytest.approx((3 / 2 + 2 / 4) / 2)
    assert (rows["mase", "data", 1].value, rows["mase", "data", 1].undefined) == (pytest.approx(1 / 4), 2)
    assert (rows["smape", "data", None].undefined, rows["smape", "data", 1].undefined) == (1, 2)
    assert measure("mae", np.array([NAN]), np.array([1.0])) is None


def test_a_forecast_that_is_no_number_is_no_missing_value() -> None:
    scores = score(
        replace(MANY, point=np.where(MANY.point == 14, NAN, MANY.point)), FLAT, model="drift", split="test"
    )
    values = {(row.metric, row.step): (row.value, row.undefined) for row in scores if row.units == "data"}
    assert values["smape", None] == (None, 0)
    assert values["mase", None] == (None, 1)
    assert values["mae", None] == (None, 0)
    assert values["mase", 1][0] == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_a_lead_is_told_from_the_windows_of_which_something_is_known() -> None:
    def pair(actual: Any) -> float | None:
        points = np.array([[[1.0], [2.0]], [[3.0], [1.0]], [[2.0], [5.0]], [[4.0], [4.0]]])
        return diebold_mariano(to_forecast(points, actual), to_forecast(points[::-1], actual))

    actual = np.array([[[1.0], [1.0]], [[2.0], [1.0]], [[3.0], [0.0]], [[9.0], [9.0]]])
    known = actual.copy()
    known[3] = NAN
    fewer = replace(to_forecast(np.zeros((1, 2, 1)), np.full((1, 2, 1), NAN)))
    assert diebold_mariano(fewer, fewer) is None
    assert pair(known) != pair(actual)
    known[2, 1] = NAN
    gains = [(0 + 1 - 9 - 9) / 2, (1 + 0 - 0 - 16) / 2, 1 - 0]
    centred = np.array(gains) - np.mean(gains)
    variance = (centred @ centred + centred[1:] @ centred[:-1]) / 3
    factor = (3 + 1 - 4 + 2 / 3) / 3
    assert pair(known) == pytest.approx(np.mean(gains) / np.sqrt(variance / 3) * np.sqrt(factor), rel=1e-9)


# Levels 0.1, 0.5, 0.9 around POINT: 1 below to 4 above, and of the second step 2 below to 2 above.
LOW, HIGH = np.array([[1.0], [2.0]]), np.array([[4.0], [2.0]])
SPREAD = replace(
    MANY,
    quantiles=np.stack([MANY.point - LOW, MANY.point, MANY.point + HIGH], axis=-1),
    levels=(0.1, 0.5, 0.9),
)


def test_quantiles_are_scored_by_hand() -> None:
    scores = {(row.metric, row.step): row.value for row in score(SPREAD, FLAT, model="GRU", split="test")}
    # Step 1: actual 1, 10, 10, 0 and quantiles 1 2 6 | 11 12 16 | 9 10 14 | 4 5 9.
    assert scores["wql_0.1", 1] == pytest.approx(2 * (0 + 0.9 + 0.1 + 3.6) / 21)
    assert scores["wql_0.5", 1] == pytest.approx((1 + 2 + 0 + 5) / 21)
    assert scores["wql_0.9", 1] == pytest.approx(2 * (0.5 + 0.6 + 0.4 + 0.9) / 21)
    assert scores["wql", 1] == pytest.approx((9.2 + 8 + 4.8) / 3 / 21)
    assert (scores["coverage_0.8", 1], scores["width_0.8", 1]) == (0.5, 5.0)
    # Step 2: actual 9, 10, 10, 10 and quantiles 4 6 8 | 6 8 10 | 12 14 16 | 3 5 7.
    assert (scores["coverage_0.8", 2], scores["width_0.8", 2]) == (0.25, 4.0)
    assert (scores["coverage_0.8", None], scores["width_0.8", None]) == (0.375, 4.5)
    assert scores["wql_0.5", None] == pytest.approx(22 / 60)
    assert {metric for metric, _ in scores} == {
        *(*METRICS, "mase", "wql", "wql_0.1", "wql_0.5", "wql_0.9", "coverage_0.8", "width_0.8"),
    }


def test_quantile_scores_leave_missing_values_out_and_are_none_where_all_values_are_zero() -> None:
    actual = np.array(SPREAD.actual)
    actual[[0, 3], 0] = NAN
    scores = {
        (row.metric, row.step): row.value
        for row in score(replace(SPREAD, actual=actual), FLAT, model="g", split="test")
    }
    assert scores["wql_0.1", 1] == pytest.approx(2 * (0.9 + 0.1) / 20)
    assert (scores["coverage_0.8", 1], scores["width_0.8", 1]) == (0.5, 5.0)
    zero = score(replace(SPREAD, actual=np.zeros_like(actual)), FLAT, model="g", split="test")
    assert find(zero, model="g", split="test", metric="wql", units="data") is None


def test_only_levels_that_pair_up_make_an_interval() -> None:
    quantiles = np.concatenate(
        [MANY.point[..., None] + shift for shift in (-3.0, -2.0, 0.0, 1.0, 2.0)], axis=-1
    )
    made = replace(MANY, quantiles=quantiles, levels=(0.05, 0.3, 0.5, 0.7, 0.9))
    names = {row.metric for row in score(made, FLAT, model="g", split="test") if "_" in row.metric}
    assert {name for name in names if not name.startswith("wql")} == {"coverage_0.4", "width_0.4"}

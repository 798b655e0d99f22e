"""Scores: what is pooled over what, units, missing values, many series, several targets, quantiles."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from factories import make_context, make_forecast, make_panel, make_scaler

from rnnfc.data.panel import Panel
from rnnfc.evaluation.metrics import METRICS
from rnnfc.evaluation.scores import MetricContext, Score, find, relative_scores, score, to_json

NAN = float("nan")
# 3 windows, horizon 2, 1 target; errors 1, -2 | 3, 4 | -2, 0
FORECAST = make_forecast([[[3], [2]], [[4], [5]], [[6], [10]]], [[[2], [4]], [[1], [1]], [[8], [10]]])
HALVED = make_scaler([[1.0]], [[2.0]])
CONTEXT = make_context([[4.0]], scaler=HALVED)


def by_step(scores: list[Score], *, units: str, metric: str) -> dict[int | None, float | None]:
    return {row.step: row.value for row in scores if (row.units, row.metric) == (units, metric)}


def test_score__is_pooled_and_by_step() -> None:
    scores = score(FORECAST, CONTEXT, model="GRU", split="test")
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
        assert by_step(scores, units=units, metric=metric) == pytest.approx(values, rel=1e-14)
    assert {(row.model, row.split, row.series) for row in scores} == {("GRU", "test", "sales")}


def test_score__has_each_metric_once_for_each_step() -> None:
    rows = [(row.units, row.metric, row.step) for row in score(FORECAST, CONTEXT, model="GRU", split="test")]
    points = {
        name: metric for name, metric in METRICS.items() if metric.over == "point" and not metric.relative
    }
    expected = {("data", name) for name in points}
    expected |= {("scaled", name) for name, metric in points.items() if metric.scaled}
    assert set(rows) == {(*pair, step) for pair in expected for step in (None, 1, 2)}
    assert len(rows) == len(set(rows))


def test_score__one_step_has_no_rows_by_step() -> None:
    scores = score(make_forecast([[[3]], [[4]]], [[[2]], [[0]]]), CONTEXT, model="GRU", split="test")
    assert {row.step for row in scores} == {None}
    assert find(scores, model="GRU", split="test", metric="mape", units="data") is None


def test_score__each_series_is_scaled_by_its_own_numbers() -> None:
    context = make_context([[NAN], [NAN]], scaler=make_scaler([[0.0], [5.0]], [[2.0], [10.0]]))
    forecast = make_forecast([[[3]], [[40]]], [[[1]], [[10]]], series=[0, 1])
    scores = score(forecast, context, model="GRU", split="test")
    values = [
        find(scores, model="GRU", split="test", metric="mae", units=units) for units in ("scaled", "data")
    ]
    assert values == [2.0, 16.0]  # errors 2 / 2 and 30 / 10


def test_score__without_naive_errors_mase_has_no_value() -> None:
    scores = score(FORECAST, make_context([[NAN]]), model="GRU", split="test")
    assert by_step(scores, units="data", metric="mase") == {None: None, 1: None, 2: None}


def test_score__a_forecast_without_actual_values_is_refused() -> None:
    with pytest.raises(ValueError, match="past the end of the data"):
        score(make_forecast([[[3]]], None), CONTEXT, model="GRU", split="test")


def test_find__names_the_score_that_is_missing() -> None:
    scores = score(FORECAST, CONTEXT, model="GRU", split="test")
    assert find(scores, model="GRU", split="test", metric="mse", units="scaled") == pytest.approx(34 / 24)
    with pytest.raises(LookupError, match=r"mape of GRU on test in scaled"):
        find(scores, model="GRU", split="test", metric="mape", units="scaled")


def test_to_json__is_plain_rows() -> None:
    row = Score(model="GRU", split="test", metric="mae", units="data", series="sales", step=2, value=None)
    names = {"model": "GRU", "split": "test", "metric": "mae", "units": "data", "series": "sales"}
    assert to_json([row]) == [{**names, "target": None, "step": 2, "value": None, "undefined": 0}]


# --- naive errors of the training rows

ROWS: list[list[float]] = [[1, 900], [2, 0], [4, 900], [7, 0], [5, 900], [999, 0]]


def naive_error(panel: Panel, rows: list[int], season: int | None, *, power: int = 1) -> float | None:
    context = MetricContext.from_panel(panel, scaler=HALVED, train_rows=np.array([rows]), season=season)
    errors = context.naive_errors[power]
    assert errors.shape == (len(panel.series), 1)
    return None if np.isnan(errors[0, 0]) else float(errors[0, 0])


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
def test_naive_errors__are_those_of_the_seasonal_naive_forecast_of_target_training_rows(
    season: int | None, expected: float | None
) -> None:
    assert naive_error(make_panel(ROWS), [0, 5], season) == expected


def test_naive_errors__training_rows_that_never_change_have_none() -> None:
    assert naive_error(make_panel([[3, 1], [3, 2], [4, 3]]), [0, 2], None) is None


def test_naive_errors__are_those_of_each_series_and_cross_none() -> None:
    panel, rows = make_panel(ROWS, [[100, 0], [108, 0], [50, 0]]), np.array([[0, 5], [6, 8]])
    context = MetricContext.from_panel(panel, scaler=HALVED, train_rows=rows, season=None)
    assert context.naive_errors[1].tolist() == [[(1 + 2 + 3 + 2) / 4], [8.0]]
    assert context.series == "all"
    alone = MetricContext.from_panel(make_panel(ROWS), scaler=HALVED, train_rows=rows[:1], season=None)
    assert alone.series == "north"


def test_naive_errors__are_those_of_each_target() -> None:
    panel = replace(make_panel([[1, 10], [2, 30], [5, 60]]), num_targets=2)
    context = MetricContext.from_panel(panel, scaler=HALVED, train_rows=np.array([[0, 3]]), season=None)
    assert context.naive_errors[1].tolist() == [[2.0, 25.0]]
    assert context.targets == ("sold", "price")


def test_naive_errors__filled_values_do_not_count() -> None:
    assert naive_error(make_panel(ROWS, filled=[(3, 0), (1, 1)]), [0, 5], None) == 1.5  # 1 -> 2 -> 4 only
    assert naive_error(make_panel(ROWS, filled=[(1, 0), (3, 0)]), [0, 5], None) is None


# --- values that are not finite, missing or of several targets


@pytest.mark.filterwarnings("error")
def test_score__a_row_of_1e200_leaves_scores_that_are_json() -> None:
    context = make_context([[1e-200]], scaler=make_scaler([[0.0]], [[1e-200]]))
    scores = score(make_forecast([[[3]], [[2]]], [[[1e200]], [[1]]]), context, model="GRU", split="test")
    assert find(scores, model="GRU", split="test", metric="mae", units="data") == pytest.approx(5e199)
    assert {row.value for row in scores if row.units == "scaled"} == {None}
    assert find(scores, model="GRU", split="test", metric="mase", units="data") is None
    json.dumps(to_json(scores), allow_nan=False)


def test_score__several_targets_are_scored_together_and_each_by_its_own() -> None:
    context = make_context([[1.0, 8.0]], targets=("sold", "back"))
    forecast = make_forecast([[[3, 8]], [[1, 6]]], [[[1, 4]], [[1, 6]]])
    scores = score(forecast, context, model="GRU", split="test")
    values = {
        name: {row.target: row.value for row in scores if (row.metric, row.units) == (name, "data")}
        for name in ("mae", "mase")
    }
    assert values["mae"] == {None: 1.5, "sold": 1.0, "back": 2.0}
    assert values["mase"] == {None: (1.0 + 0.25) / 2, "sold": 1.0, "back": 0.25}


# Three series with 1, 2 and 1 windows, horizon 2; absolute errors 1, 3 | 2, 2, 0, 4 | 5, 5.
POINT = [[[2], [6]], [[12], [8]], [[10], [14]], [[5], [5]]]
MANY = make_forecast(POINT, [[[1], [9]], [[10], [10]], [[10], [10]], [[0], [10]]], series=[0, 1, 1, 2])
FLAT = make_context([[2.0], [4.0], [NAN]])


def test_score__smape_and_mase_are_means_over_series_of_the_same_weight() -> None:
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


def test_score__chunks_of_windows_that_cut_a_series_give_the_same_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = score(MANY, FLAT, model="GRU", split="test")
    monkeypatch.setattr("rnnfc.evaluation.sums._CHUNK_VALUES", 4)  # two windows of two steps
    chunks = score(MANY, FLAT, model="GRU", split="test")
    assert [(row.metric, row.step, row.undefined) for row in chunks] == [
        (row.metric, row.step, row.undefined) for row in whole
    ]
    for one, other in zip(chunks, whole, strict=True):
        assert one.value == (None if other.value is None else pytest.approx(other.value, rel=1e-12))


TRAIN = [[3.0, 5.0, 4.0, 8.0, 7.0, 9.0], [20.0, 30.0, 10.0, 30.0]]
# forecast, actual
FUTURE = [([6.0, 10.0, 9.0], [8.0, 11.0, 9.0]), ([25.0, 25.0, 40.0], [20.0, 28.0, 33.0])]


def two_series(*names: str) -> list[float | None]:
    panel = make_panel(*[[[value, 0.0] for value in rows] for rows in TRAIN])
    scaler = make_scaler([[0.0]] * 2, [[1.0]] * 2)
    context = MetricContext.from_panel(panel, scaler=scaler, train_rows=np.array([[0, 6], [6, 10]]), season=2)
    points, actual = (np.array(values)[..., None] for values in zip(*FUTURE, strict=True))
    scores = score(make_forecast(points, actual, series=[0, 1]), context, model="GRU", split="test")
    return [find(scores, model="GRU", split="test", metric=name, units="data") for name in names]


def test_score__mase_and_smape_of_two_series_by_hand() -> None:
    smape = (2 / 14 + 1 / 21 + 0) / 3, (5 / 45 + 3 / 53 + 7 / 73) / 3
    expected = [(1 / 2 + 5 / 5) / 2, 200 * sum(smape) / 2]
    assert two_series("mase", "smape") == pytest.approx(expected, rel=1e-14)


def test_score__rmsse_is_the_mean_of_the_roots_of_each_series() -> None:
    # Squared errors 4 + 1 + 0 and 25 + 9 + 49; lag 2: 1, 3, 3, 1 squared are 1, 9, 9, 1, and 10, 0 are 100, 0.
    expected = ((5 / 3 / 5) ** 0.5 + (83 / 3 / 50) ** 0.5) / 2
    assert two_series("rmsse") == pytest.approx([expected], rel=1e-14)


def test_score__agrees_with_utilsforecast() -> None:
    losses = pytest.importorskip("utilsforecast.losses", reason="it comes with the extra dev")
    rows = [
        (f"s{place}", step, value) for place, values in enumerate(TRAIN) for step, value in enumerate(values)
    ]
    train = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    future = [
        (f"s{place}", step, *pair)
        for place, pairs in enumerate(FUTURE)
        for step, pair in enumerate(zip(*pairs, strict=True))
    ]
    frame = pd.DataFrame(future, columns=["unique_id", "ds", "m", "y"])
    theirs = [
        losses.mase(frame, ["m"], 2, train)["m"].mean(),
        200 * losses.smape(frame, ["m"])["m"].mean(),  # theirs is a share
        losses.rmsse(frame, ["m"], 2, train)["m"].mean(),
    ]
    assert two_series("mase", "smape", "rmsse") == pytest.approx(theirs, rel=1e-12)


def test_relative_scores__owa_is_the_mean_of_both_relative_to_another_model() -> None:
    naive2 = score(replace(MANY, point=MANY.point + 1), FLAT, model="Naive2", split="test")
    network = score(MANY, FLAT, model="GRU", split="test")
    relative = relative_scores([*network, *naive2], reference="Naive2")
    found = {(row.model, row.step): row.value for row in relative}
    values = {
        (row.model, row.metric, row.step): row.value or NAN
        for row in (*network, *naive2)
        if row.units == "data"
    }
    for step in (None, 1, 2):
        smape, mase = (values["GRU", name, step] / values["Naive2", name, step] for name in ("smape", "mase"))
        assert found["GRU", step] == pytest.approx((smape + mase) / 2, rel=1e-14)
        assert found["Naive2", step] == 1.0
    assert {row.metric for row in relative} == {"owa"}
    assert relative_scores(network, reference="Naive2") == []


def test_relative_scores__have_no_value_where_the_other_model_makes_no_error_or_a_metric_is_undefined() -> (
    None
):
    network, unscaled = score(FORECAST, CONTEXT, model="GRU", split="test"), make_context([[NAN]])
    exact = score(replace(FORECAST, point=FORECAST.actual), CONTEXT, model="Naive2", split="test")
    without_mase = [
        row for model in ("GRU", "Naive2") for row in score(FORECAST, unscaled, model=model, split="test")
    ]
    for scores in ([*network, *exact], without_mase):
        assert {row.value for row in relative_scores(scores, reference="Naive2")} == {None}


def test_score__missing_actual_values_do_not_count() -> None:
    actual = np.array(MANY.actual)
    actual[0, 0], actual[3] = NAN, NAN
    scores = score(replace(MANY, actual=actual), FLAT, model="GRU", split="test")
    rows = {(row.metric, row.units, row.step): row for row in scores}
    assert rows["mae", "data", None].value == pytest.approx((3 + 2 + 2 + 0 + 4) / 5)
    assert rows["mse", "scaled", 1].value == pytest.approx((4 + 0) / 2)
    assert rows["mase", "data", None].value == pytest.approx((3 / 2 + 2 / 4) / 2)
    assert (rows["mase", "data", 1].value, rows["mase", "data", 1].undefined) == (pytest.approx(1 / 4), 2)
    assert (rows["smape", "data", None].undefined, rows["smape", "data", 1].undefined) == (1, 2)


def test_score__a_forecast_that_is_nan_is_not_a_missing_value() -> None:
    forecast = replace(MANY, point=np.where(MANY.point == 14, NAN, MANY.point))
    scores = score(forecast, FLAT, model="drift", split="test")
    values = {(row.metric, row.step): (row.value, row.undefined) for row in scores if row.units == "data"}
    assert values["smape", None] == (None, 0)
    assert values["mase", None] == (None, 1)
    assert values["mae", None] == (None, 0)
    assert values["mase", 1][0] == pytest.approx((1 / 2 + 1 / 4) / 2)


# --- quantiles

# Levels 0.1, 0.5, 0.9 around POINT: 1 below to 4 above, and of the second step 2 below to 2 above.
LOW, HIGH = np.array([[1.0], [2.0]]), np.array([[4.0], [2.0]])
QUANTILES = replace(
    MANY,
    quantiles=np.stack([MANY.point - LOW, MANY.point, MANY.point + HIGH], axis=-1),
    levels=(0.1, 0.5, 0.9),
)


def test_score__quantiles_by_hand() -> None:
    scores = {(row.metric, row.step): row.value for row in score(QUANTILES, FLAT, model="GRU", split="test")}
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


def test_score__winkler_is_the_width_and_ten_times_the_distance_outside_at_a_coverage_of_80_percent() -> None:
    scores = {(row.metric, row.step): row for row in score(QUANTILES, FLAT, model="GRU", split="test")}
    # Step 1: 1 in [1, 6], 10 below [11, 16], 10 in [9, 14], 0 below [4, 9]; step 2: 9 above [4, 8], 10 in [6, 10],
    # below [12, 16], above [3, 7].
    assert scores["winkler_0.8", 1].value == pytest.approx((5 + 15 + 5 + 45) / 4)
    assert scores["winkler_0.8", 2].value == pytest.approx((14 + 4 + 24 + 34) / 4)
    assert scores["winkler_0.8", None].value == pytest.approx((70 + 76) / 8)


def test_score__msis_is_the_winkler_score_of_each_series_over_its_naive_error() -> None:
    scores = {(row.metric, row.step): row for row in score(QUANTILES, FLAT, model="GRU", split="test")}
    # Naive errors 2 and 4; the third series has none. Winkler scores 5, 14 | 15, 5, 4, 24.
    assert scores["msis_0.8", 1].value == pytest.approx((5 / 2 + 20 / 2 / 4) / 2)
    assert scores["msis_0.8", None].value == pytest.approx((19 / 2 / 2 + 48 / 4 / 4) / 2)
    assert scores["msis_0.8", None].undefined == 1


def test_score__quantiles_leave_missing_values_out_and_have_no_loss_where_all_values_are_zero() -> None:
    actual = np.array(QUANTILES.actual)
    actual[[0, 3], 0] = NAN
    known = score(replace(QUANTILES, actual=actual), FLAT, model="g", split="test")
    scores = {(row.metric, row.step): row.value for row in known}
    assert scores["wql_0.1", 1] == pytest.approx(2 * (0.9 + 0.1) / 20)
    assert (scores["coverage_0.8", 1], scores["width_0.8", 1]) == (0.5, 5.0)
    zero = score(replace(QUANTILES, actual=np.zeros_like(actual)), FLAT, model="g", split="test")
    assert find(zero, model="g", split="test", metric="wql", units="data") is None


def test_score__only_levels_that_pair_up_make_an_interval() -> None:
    shifts = (-3.0, -2.0, 0.0, 1.0, 2.0)
    quantiles = np.concatenate([MANY.point[..., None] + shift for shift in shifts], axis=-1)
    forecast = replace(MANY, quantiles=quantiles, levels=(0.05, 0.3, 0.5, 0.7, 0.9))
    names = {row.metric for row in score(forecast, FLAT, model="g", split="test")}
    intervals = [name for name, metric in METRICS.items() if metric.over == "intervals"]
    assert {name for name in names if name.partition("_")[0] in intervals} == {
        f"{name}_0.4" for name in intervals
    }
    assert {name for name in names if name.startswith("wql")} == {
        *(f"wql_{level}" for level in (0.05, 0.3, 0.5, 0.7, 0.9)),
        "wql",
    }


def test_score__the_mean_over_levels_is_taken_before_chunks_are_summed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rnnfc.evaluation.sums._CHUNK_VALUES", 1)
    random = np.random.default_rng(0)
    actual, quantiles = random.normal(size=(99, 1, 1)), np.sort(random.normal(size=(99, 1, 1, 3)))
    levels = (0.1, 0.5, 0.9)
    forecast = replace(make_forecast(quantiles[..., 1], actual), quantiles=quantiles, levels=levels)
    loss = size = 0.0
    for value, row in zip(actual.flat, quantiles.reshape(-1, 3), strict=True):
        error = value - row
        loss += np.mean(2 * np.maximum(levels * error, (np.array(levels) - 1) * error))
        size += abs(value)
    scores = score(forecast, CONTEXT, model="GRU", split="test")
    assert find(scores, model="GRU", split="test", metric="wql", units="data") == loss / size

"""Scores of each series: by hand, and in agreement with the pooled ones."""

import io
from typing import Any

import numpy as np
import pytest
from factories import make_context, make_forecast, make_panel, make_scaler

from rnnfc.evaluation.scores import find, score, score_series
from rnnfc.evaluation.series_scores import SeriesScores, rank_series
from rnnfc.runs.series_csv import read_series, write_series

NAN = float("nan")
# Windows of horizon 2: north has two, south one, west one that nothing is known of, east none.
SERIES = [0, 0, 1, 2]
ACTUAL = [[1.0, 2.0], [2.0, 4.0], [10.0, NAN], [NAN, NAN]]
POINT = [[2.0, 2.0], [2.0, 1.0], [16.0, 5.0], [1.0, 1.0]]
BASELINE = [[1.0, 2.0], [2.0, 7.0], [22.0, 5.0], [1.0, 1.0]]
NAMES = ("north", "south", "west", "east")


def forecast(point: list[list[float]]) -> Any:
    return make_forecast(np.array(point)[..., None], np.array(ACTUAL)[..., None], series=SERIES)


def ranked() -> SeriesScores:
    panel = make_panel(*[np.zeros(3)] * 4, names=NAMES)
    context = make_context([[0.5], [2.0], [1.0], [1.0]])
    return rank_series(
        panel,
        forecast(POINT),
        score_series(forecast(POINT), context, num_series=4),
        ranking="rmse",
        baselines={
            "linear map": score_series(forecast(BASELINE), context, num_series=4, metric="rmse")["rmse"]
        },
        best=["linear map"],
    )


def test_series_scores__by_hand_the_worst_first() -> None:
    # Errors of north 1, 0, 0, -3, of south 6; the linear map's 0, 0, 0, 3 and 12.
    scores = ranked()
    assert scores.series == ("south", "north", "west", "east")
    assert scores.windows.tolist() == [1, 2, 1, 0]
    assert scores.values.tolist() == [1, 4, 0, 0]
    expected = {
        "mse": [36.0, 2.5],
        "rmse": [6.0, 2.5**0.5],
        "mae": [6.0, 1.0],
        "bias": [6.0, -0.5],
        "mase": [3.0, 2.0],
        "rmsse": [3.0, (2.5**0.5) / 0.5],
        "mse_scaled": [36.0, 2.5],
    }
    for name, values in expected.items():
        assert scores.scores[name] == pytest.approx([*values, NAN, NAN], nan_ok=True), name
    assert scores.baselines["linear map"] == pytest.approx([12.0, 1.5, NAN, NAN], nan_ok=True)
    assert scores.skill == pytest.approx([0.5, 1 - 2.5**0.5 / 1.5, NAN, NAN], nan_ok=True)
    assert (scores.counts(), scores.num_scored) == ((1, 1), 2)


def test_series_scores__agree_with_the_pooled_ones() -> None:
    scores, context = ranked(), make_context([[0.5], [2.0], [1.0], [1.0]])
    pooled = score(forecast(POINT), context, model="network", split="test")

    def value(metric: str) -> float | None:
        return find(pooled, model="network", split="test", metric=metric, units="data")

    weights = scores.values[:2]
    assert value("mse") == pytest.approx(np.average(scores.scores["mse"][:2], weights=weights)) == 46 / 5
    assert value("mae") == pytest.approx(np.average(scores.scores["mae"][:2], weights=weights)) == 2.0
    assert value("mase") == pytest.approx(scores.scores["mase"][:2].mean()) == 2.5


def test_series_scores__two_targets_have_a_row_each_by_their_scaled_error() -> None:
    # Errors 10 and 3 in units of 10 and 1.
    both = make_forecast([[[10.0, 3.0]], [[0.0, 5.0]]], np.zeros((2, 1, 2)), series=[0, 1])
    scaler = make_scaler(np.zeros((2, 2)), [[10.0, 1.0]] * 2)
    context = make_context(np.ones((2, 2)), scaler=scaler, targets=("sold", "price"))
    tables = score_series(both, context, num_series=2)
    panel = make_panel(*[np.zeros((3, 2))] * 2, targets=2)
    scores = rank_series(panel, both, tables, ranking="rmse_scaled", baselines={}, best=[])
    assert list(zip(scores.series, scores.targets, strict=True)) == [
        *[("south", "price"), ("north", "price"), ("north", "sold"), ("south", "sold")]
    ]
    assert scores.scores["rmse_scaled"].tolist() == [5.0, 3.0, 1.0, 0.0]
    assert scores.scores["rmse"].tolist() == [5.0, 3.0, 10.0, 0.0]
    assert np.isnan(scores.skill).all()


def test_series_csv__reads_back_and_escapes_names() -> None:
    scores = ranked()
    file = io.StringIO()
    write_series(scores, file)
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("series,target,windows,values,skill,mse,mse_scaled,rmse,")
    assert lines[0].endswith(",rmse_linear_map")
    assert lines[1].startswith("south,sold,1,1,0.5,36.0,36.0,6.0,")
    assert set(lines[3].removeprefix("west,sold,1,0")) == {","}
    table = read_series(file.getvalue())
    assert table["rmse"]["north", "sold"] == 2.5**0.5
    assert np.isnan(table["rmse"]["east", "sold"])


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n", *(f"series,target,windows,values\ns,t,1{cell}\n" for cell in ("", ",inf", ",x", ",1,1"))],
)
def test_series_csv__that_is_damaged_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_series(text)


def test_series_json__has_the_first_rows_only() -> None:
    content = ranked().to_json(max_rows=3)
    assert [row["series"] for row in content["worst"]] == ["south", "north", "west"]  # type: ignore[union-attr,index,call-overload]  # JSON
    assert (content["rows"], content["scored"], content["lower"], content["higher"]) == (4, 2, 1, 1)
    assert content["worst"][2]["rmse"] is None  # type: ignore[index,call-overload]  # JSON

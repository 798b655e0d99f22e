"""METRICS: each record by hand, and what holds for all of them."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import make_context, make_forecast, make_scaler

from rnnfc import extensions
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metric import Metric
from rnnfc.evaluation.metrics import METRICS, heading, parse_name
from rnnfc.evaluation.scores import find, measure, relative_scores, score

NAN = float("nan")
# actual, forecast, then metrics by hand; None where the metric has no value
BY_HAND: list[tuple[list[float], list[float], dict[str, float | None]]] = [
    # errors 1, -2
    (
        [2, 4],
        [3, 2],
        {"mse": 2.5, "rmse": 2.5**0.5, "mae": 1.5, "bias": -0.5, "mape": 50.0, "smape": 160 / 3},
    ),
    # errors 3, 0, 4; a zero actual, and 0 for 0
    (
        [0, 0, -8],
        [3, 0, -4],
        {
            "mse": 25 / 3,
            "rmse": 5 / 3**0.5,
            "mae": 7 / 3,
            "bias": 7 / 3,
            "mape": None,
            "smape": (200 + 0 + 200 / 3) / 3,
        },
    ),
    ([-5, 10], [-5, 10], {"mse": 0.0, "rmse": 0.0, "mae": 0.0, "mape": 0.0, "smape": 0.0}),
    ([-1, 1], [1, -1], {"mse": 4.0, "rmse": 2.0, "mae": 2.0, "bias": 0.0, "mape": 200.0, "smape": 200.0}),
    # squared errors 1, 0, 1, 4 and actual values of mean 3, squared differences 4, 1, 0, 9 (then at an offset, and a constant)
    ([1, 2, 3, 6], [2, 2, 2, 8], {"nse": 1 - 6 / 14}),
    ([1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 6], [1e9 + 2, 1e9 + 2, 1e9 + 2, 1e9 + 8], {"nse": 1 - 6 / 14}),
    ([1, 2, 3, 6], [3, 3, 3, 3], {"nse": 0.0}),
    ([0.1] * 30, [0.1] * 30, {"nse": None}),
    # twice the actual value: r = 1, alpha = beta = 2; a constant more: alpha = 1, beta = 4 / 2
    ([1, 2, 3], [2, 4, 6], {"kge": 1 - 2**0.5}),
    ([1, 2, 3], [3, 4, 5], {"kge": 1 - 1.0}),
    # deviations -1, 0, 1 and 1, 0, -1: r = -1, alpha = beta = 1
    ([1, 2, 3], [3, 2, 1], {"kge": 1 - 2.0}),
    # deviations -3, -1, 1, 3 and -1, 1, -2, 2: r = 6 / sqrt(20 * 10), alpha = sqrt(10 / 20), beta = 1
    ([1, 3, 5, 7], [3, 5, 2, 6], {"kge": 1 - ((6 / 200**0.5 - 1) ** 2 + (0.5**0.5 - 1) ** 2) ** 0.5}),
    ([1, 2, 3], [2, 2, 2], {"kge": None}),
    ([2, 2, 2], [1, 2, 3], {"kge": None}),
    ([-1, 0, 1], [1, 2, 3], {"kge": None}),
    # squares and shares that are not finite
    ([1e200, 1], [0, 1], {"mse": None, "rmse": None}),
    ([1e-310, 1], [1, 1], {"mape": None}),
    ([1.7e308, 1], [-1.7e308, 1], {"mae": None}),
    ([1, 1], [NAN, 1], {"mse": None, "rmse": None, "mae": None, "mape": None, "smape": None}),
]


def measured(name: str, actual: list[float], point: list[float]) -> float | None:
    arrays = np.array(actual, dtype=np.float64), np.array(point, dtype=np.float64)
    series = np.zeros(len(actual), dtype=np.int64)
    return measure(METRICS[name], actual=arrays[0], point=arrays[1], series=series)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "actual", "point", "expected"),
    [(name, actual, point, value) for actual, point, values in BY_HAND for name, value in values.items()],
)
def test_measure__by_hand_with_and_without_missing_values(
    name: str, actual: list[float], point: list[float], expected: float | None
) -> None:
    for value in (
        measured(name, actual, point),
        measured(name, [NAN, *actual, NAN], [7.0, *point, 0.0]),
    ):
        assert value is None if expected is None else value == pytest.approx(expected, rel=1e-14)
        assert value is None or type(value) is float
    assert measured(name, [NAN], [1.0]) is None


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.needs_values_only])
def test_measure__no_rows_have_no_value(name: str) -> None:
    assert measured(name, [], []) is None


@pytest.mark.parametrize("name", METRICS)
def test_metric__has_a_value_worked_by_hand(name: str) -> None:
    if METRICS[name].needs_values_only:
        known = any(name in values for _, _, values in BY_HAND)
        assert known, f"add values of the metric {name}, worked by hand, to BY_HAND"
    else:
        tests = Path(__file__).with_name("test_scores.py").read_text(encoding="utf-8")
        assert re.search(rf'"{name}(_[\d.]+)?"', tests), (
            f"add a test of the metric {name}, worked by hand, to test_scores.py"
        )


# --- what holds for every record

# Two series of two windows, two steps, one target, with an interval of nominal coverage 0.8.
ACTUAL = np.array([[[3.0], [5.0]], [[5.0], [4.0]], [[20.0], [26.0]], [[26.0], [30.0]]])
OFF = np.array([[[1.0], [-0.5]], [[0.5], [1.5]], [[-3.0], [2.0]], [[1.0], [4.0]]])
WIDTHS = np.array([[[1.0], [2.0]]])


def tiny(*, off: float = 1.0, unit: float = 1.0) -> Forecast:
    """Actual values in a unit, and a forecast that is wrong by some multiple of OFF."""
    point = unit * (ACTUAL + off * OFF)
    spread = unit * off * WIDTHS
    return replace(
        make_forecast(point, unit * ACTUAL, series=[0, 0, 1, 1]),
        quantiles=np.stack([point - spread, point, point + spread], axis=-1),
        levels=(0.1, 0.5, 0.9),
    )


def value_of(name: str, *, off: float = 1.0, unit: float = 1.0) -> float | None:
    """The score of the tiny forecast; the forecast of Naive2 is twice as wrong."""
    scaler = make_scaler([[0.0]] * 2, [[2.0 * unit]] * 2)
    context = make_context([[2.0 * unit], [4.0 * unit]], scaler=scaler)
    scores = score(tiny(off=off, unit=unit), context, model="network", split="test")
    scores += score(tiny(off=2.0, unit=unit), context, model="Naive2", split="test")
    scores += relative_scores(scores, reference="Naive2")
    suffix = "_0.8" if METRICS[name].over == "intervals" else ""
    return find(scores, model="network", split="test", metric=f"{name}{suffix}", units="data")


@pytest.mark.parametrize("name", METRICS)
def test_metric__is_one_documented_module_with_a_short_name_and_a_heading_of_its_own(name: str) -> None:
    module, _, attribute = extensions.METRICS[name].partition(":")
    assert (module, attribute) == (f"rnnfc.evaluation.metrics.{name}", "METRIC")
    assert importlib.import_module(module).__doc__
    assert "_" not in name
    assert [metric.heading for metric in METRICS.values()].count(METRICS[name].heading) == 1
    assert parse_name(f"{name}_0.8") == (METRICS[name], "0.8")
    assert heading(f"{name}_0.8").startswith(METRICS[name].heading)


@pytest.mark.parametrize("name", METRICS)
def test_metric__a_perfect_forecast_has_the_best_value(name: str) -> None:
    metric = METRICS[name]
    perfect, wrong, worse = (value_of(name, off=off) for off in (0.0, 1.0, 3.0))
    assert None not in (perfect, wrong, worse)
    if metric.better != "nominal":  # an interval of no width on the actual value holds more than its share
        assert metric.sort_key(perfect) < metric.sort_key(wrong) < metric.sort_key(worse)
    assert metric.sort_key(None) == float("inf")


@pytest.mark.parametrize("name", METRICS)
def test_metric__changes_with_the_unit_of_the_data_as_its_units_say(name: str) -> None:
    factor = {"data": 10.0, "data squared": 100.0}.get(METRICS[name].units, 1.0)
    value = value_of(name)
    assert value is not None
    assert value_of(name, unit=10.0) == pytest.approx(factor * value, rel=1e-12)


@pytest.mark.parametrize(
    ("better", "values"),
    [
        ("lower", [-1.0, 0.5, 2.0]),
        ("higher", [2.0, 0.5, -1.0]),
        ("nearer zero", [0.25, -0.5, 3.0]),
        ("nominal", [0.75, 1.0, 0.25]),
    ],
)
def test_sort_key__orders_values_from_best_to_worst(better: str, values: list[float]) -> None:
    metric = Metric(heading="x", units="none", better=better)  # type: ignore[arg-type]  # a name from the list above
    assert sorted([None, *values[::-1]], key=lambda value: metric.sort_key(value, coverage=0.8)) == [
        *values,
        None,
    ]

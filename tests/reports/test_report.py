"""The report: a verdict that chance cannot overturn, numbers that keep their digits, tables that add up."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import make_panel

from rnnfc.config.load import from_yaml
from rnnfc.data.windows import Splits, Windows
from rnnfc.evaluation import significance
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.scores import Score
from rnnfc.reports import report
from rnnfc.reports.report import NETWORK, Report, figure


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0000"),
        (0.5, "0.5000"),
        (-0.12345, "-0.1235"),
        (0.01234567, "0.01235"),
        (0.00123456, "0.001235"),  # not 0.0012: two scores of a report must not look equal that are 4 % apart
        (0.001, "0.001000"),
        (0.000123456, "1.235e-04"),
        (-1e-5, "-1.000e-05"),
        (1.23456e-9, "1.235e-09"),
        (0.99999, "1.000"),
        (1.0, "1.000"),
        (9.87654, "9.877"),
        (9.99996, "10.00"),
        (23.45678, "23.46"),
        (-345.678, "-345.7"),
        (1234.5678, "1,235"),
        (99_999.6, "100,000"),
        (999_999.0, "999,999"),
        (1_234_567.0, "1.235e+06"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_figure_has_four_significant_digits(value: float | None, text: str) -> None:
    assert figure(value) == text


# --- the verdict


def pooled(
    model: str,
    metric: str,
    value: float | None,
    *,
    split: str = "test",
    units: str = "data",
    target: str | None = None,
    step: int | None = None,
) -> Score:
    return Score(
        model=model,
        split=split,
        metric=metric,
        units=units,
        series="s",
        target=target,
        step=step,
        value=value,
    )


def verdict(
    ours: float | None,
    theirs: float | None,
    *,
    lead: float | None,
    unit: str = "",
    windows: int = 1234,
    times: int | None = None,
    horizon: int = 1,
    mse: float | None = 4.0,
) -> str:
    worse = [None if theirs is None else theirs + more for more in (1, 2)]
    scores = [
        pooled(NETWORK, "mse", mse),
        pooled(NETWORK, "mse", 0.25, units="scaled"),
        pooled(NETWORK, "rmse", ours),
        pooled("drift", "rmse", worse[0]),
        pooled("last value", "rmse", theirs),
        pooled("linear map", "rmse", worse[1]),
        # none of these is a pooled test score in data units
        pooled("drift", "rmse", 0.0, split="validation"),
        pooled("drift", "rmse", 0.0, units="scaled"),
        pooled("drift", "rmse", 0.0, step=1),
        pooled("drift", "rmse", 0.0, target="a"),
        pooled("drift", "mse", 0.0),
    ]
    outcome = report.outcome(scores, lead=lead, unit=unit, targets=1, times=times or windows, horizon=horizon)
    return report.verdict(scores, outcome=outcome, unit=unit, targets=1, windows=windows)


HEAD = "Test MSE 4.000 (scaled 0.2500) over 1,234 windows: the network"
BEATS = f"{HEAD} beats every baseline; the best of them is the last value"
LOSES = f"{HEAD} loses to the best baseline, the last value"
NO_GAIN = f"{HEAD} does not beat the best baseline, the last value"
UNCLEAR = f"{HEAD} shows no clear gain over the best baseline, the last value"


@pytest.mark.parametrize(
    ("ours", "theirs", "lead", "text"),
    [
        (2.0, 4.0, -3.0, f"{BEATS} (RMSE 2.000 against 4.000, 50.0 % lower)."),
        (3.984, 4.0, -1.963, f"{BEATS} (RMSE 3.984 against 4.000, 0.4 % lower)."),
        (0.0, 4.0, -9.0, f"{BEATS} (RMSE 0.0000 against 4.000, 100.0 % lower)."),
        (6.0, 4.0, 3.0, f"{LOSES} (RMSE 6.000 against 4.000, 50.0 % higher)."),
        (7.996, 4.0, 1.963, f"{LOSES} (RMSE 7.996 against 4.000, 99.9 % higher)."),
        (8.0, 4.0, 3.0, f"{LOSES} (RMSE 8.000 against 4.000, 2.000 times as high)."),
        (50.0, 4.0, 30.0, f"{LOSES} (RMSE 50.00 against 4.000, 12.50 times as high)."),
        (6.0, 0.0, 3.0, f"{LOSES} (RMSE 6.000 against 0.0000, which makes no error at all)."),
        (2.0, 4.0, -1.961, f"{UNCLEAR} (RMSE 2.000 against 4.000, 50.0 % lower: could be chance)."),
        (8.0, 4.0, 1.961, f"{NO_GAIN} (RMSE 8.000 against 4.000, 2.000 times as high: could be chance)."),
        (4.0, 4.0, None, f"{NO_GAIN} (RMSE 4.000 against 4.000, the same: could be chance)."),
    ],
)
def test_the_verdict_names_the_best_baseline_and_by_how_much(
    ours: float, theirs: float, lead: float | None, text: str
) -> None:
    assert verdict(ours, theirs, lead=lead) == text


def test_few_windows_that_do_not_overlap_tell_nothing_from_chance() -> None:
    assert "loses to" in verdict(8.0, 4.0, lead=9.0, windows=30, horizon=3)
    assert "does not beat" in verdict(8.0, 4.0, lead=9.0, windows=29, horizon=3)
    assert "shows no clear gain over" in verdict(2.0, 4.0, lead=-9.0, windows=29, horizon=3)
    assert verdict(8.0, 4.0, lead=9.0, windows=29, horizon=3).endswith(
        "as high: too few windows to tell from chance)."
    )
    assert verdict(8.0, 4.0, lead=9.0, windows=30, horizon=3).endswith("as high).")


def test_few_windows_need_a_larger_lead_than_many() -> None:
    assert "could be chance" in verdict(8.0, 4.0, lead=2.26, windows=10)
    assert "loses to" in verdict(8.0, 4.0, lead=2.27, windows=10)


def test_windows_of_many_series_count_by_their_times() -> None:
    text = verdict(8.0, 4.0, lead=9.0, windows=3000, times=29, horizon=3)
    assert "over 3,000 windows" in text
    assert text.endswith("as high: too few windows to tell from chance).")
    assert "could be chance" in verdict(8.0, 4.0, lead=2.26, windows=3000, times=10)


def test_one_window_is_one_window() -> None:
    assert verdict(8.0, 4.0, lead=None, windows=1).startswith(
        "Test MSE 4.000 (scaled 0.2500) over 1 window: the network does"
    )


def test_errors_that_are_not_finite_are_said_to_be_so() -> None:
    head = "Test MSE – a: b² (scaled 0.2500) over 1,234 windows: "
    assert (
        verdict(None, 4.0, lead=None, unit="a: b", mse=None)
        == f"{head}the network's test error is not finite."
    )
    assert verdict(2.0, None, lead=None).endswith(
        ": the network's test error is finite, that of every baseline is not."
    )


def test_models_without_a_finite_error_come_last_and_are_no_rival() -> None:
    values = {"drift": None, NETWORK: 3.0, "last value": 5.0, "b": None}
    scores = [pooled(model, "rmse", value) for model, value in values.items()]
    told = report.outcome(scores, lead=None, unit="", targets=1, times=99, horizon=1)
    assert told.startswith(
        "the network shows no clear gain over the best baseline, the last value (RMSE 3.000 against 5.000,"
    )
    assert replace(made(horizon=1), scores=scores, targets=("a",)).models == [
        NETWORK,
        "last value",
        "b",
        "drift",
    ]


def test_several_targets_are_ranked_and_told_by_scaled_errors() -> None:
    # Watts and their share of the maximum: in data units the first target is all that counts, and drift leads.
    scores = [pooled(NETWORK, "mse", 900.0), pooled(NETWORK, "mse", 0.16, units="scaled")]
    for model, data, scaled in ((NETWORK, 30.0, 0.4), ("drift", 20.0, 0.6), ("last value", 40.0, 0.5)):
        scores += [pooled(model, "rmse", data), pooled(model, "rmse", scaled, units="scaled")]
    outcome = report.outcome(scores, lead=-3.0, unit="W", targets=2, times=99, horizon=1)
    best = (
        "the network beats every baseline; the best of them is the last value "
        "(scaled RMSE 0.4000 against 0.5000, 20.0 % lower)."
    )
    assert outcome == best
    unscaled = [
        *scores,
        pooled("linear map", "rmse", 1.0),
        pooled("linear map", "rmse", None, units="scaled"),
    ]
    told = report.outcome(unscaled, lead=-3.0, unit="W", targets=2, times=99, horizon=1)
    assert told.startswith(
        "the network beats every baseline that has a scaled RMSE; the best of them is the last value ("
    )
    told = report.verdict(scores, outcome=outcome, unit="W", targets=2, windows=99)
    assert told == f"Test MSE 0.1600 (scaled, 2 targets) over 99 windows: {best}"
    assert replace(made(horizon=1), scores=scores).models == [NETWORK, "last value", "drift"]


def test_the_verdict_carries_units_squared_for_the_mse() -> None:
    assert verdict(2.0, 4.0, lead=-3.0, unit="°C") == (
        "Test MSE 4.000 °C² (scaled 0.2500) over 1,234 windows: the network beats every baseline; "
        "the best of them is the last value (RMSE 2.000 against 4.000 °C, 50.0 % lower)."
    )


def forecast(errors: list[list[list[float]]]) -> Forecast:
    """A forecast of [window, horizon, target] that is off by `errors`, of a series that stays at 10."""
    off = np.array(errors)
    windows, horizon = off.shape[:2]
    return Forecast(
        point=10.0 + off,
        actual=np.full(off.shape, 10.0),
        time=np.arange(windows)[:, None] + np.arange(1, horizon + 1),
        origin_time=np.arange(windows),
        series=np.zeros(windows, dtype=np.int64),
    )


def test_lead_takes_the_mean_over_steps_and_targets_as_the_error_of_a_window() -> None:
    # Squared errors by window: 1, 9, 4, 4 less 0, each the mean of two steps (or targets) of which one is right.
    by_step = forecast([[[0.0], [2**0.5]], [[18**0.5], [0.0]], [[0.0], [8**0.5]], [[0.0], [8**0.5]]])
    by_target = forecast([[[0.0, 2**0.5]], [[18**0.5, 0.0]], [[0.0, 8**0.5]], [[0.0, 8**0.5]]])
    # In a small sample times sqrt((4 + 1 - 2) / 4), of two steps sqrt((4 + 1 - 4 + 2 / 4) / 4).
    # Mean 4.5, deviations -3.5, 4.5, -0.5, -0.5: variance 33 / 4; lag 1 (weight 1 / 2): -15.75 - 2.25 + 0.25 = -17.75.
    right_2, right_1 = forecast([[[0.0], [0.0]]] * 4), forecast([[[0.0, 0.0]]] * 4)
    assert significance.diebold_mariano(by_target, right_1) == pytest.approx(
        4.5 / (33 / 4 / 4) ** 0.5 * 0.75**0.5
    )
    assert significance.diebold_mariano(right_1, by_target) == pytest.approx(
        -4.5 / (33 / 4 / 4) ** 0.5 * 0.75**0.5
    )
    assert significance.diebold_mariano(by_step, right_2) == pytest.approx(
        4.5 / ((33 - 17.75) / 4 / 4) ** 0.5 * 0.375**0.5
    )


@pytest.mark.parametrize("windows", [1, 5])
def test_no_lead_is_told_from_one_window_or_from_equal_forecasts(windows: int) -> None:
    one = forecast([[[3.0]]] * windows)
    assert significance.diebold_mariano(one, forecast([[[0.0]]]) if windows == 1 else one) is None


# --- the report as a whole


EXPERIMENT = """\
name: tiny
seed: 9
data: {kind: sine, points: 40, stop: 9.0, unit: m}
window: {length: 1234, horizon: HORIZON}
split: {validation: 0.1, test: 0.2}
scale: standard
model: {kind: stacked, cell: GRU, units: [3, 4]}
train: {epochs: 4}
"""
METRICS = (
    *(("data", name) for name in ("mse", "rmse", "mae", "mape", "smape", "mase")),
    ("scaled", "mse"),
    ("scaled", "rmse"),
    ("scaled", "mae"),
)


def made(*, horizon: int) -> Report:
    """Network and last value; every score is its own number, so that a cell in the wrong place shows."""
    scores = []
    for model, size in ((NETWORK, 2.0), ("last value", 1.0)):
        for split, factor in (("train", 10.0), ("validation", 100.0), ("test", 1.0)):
            for place, (units, metric) in enumerate(METRICS):
                value = None if metric == "mape" else size * factor + place
                scores.append(pooled(model, metric, value, split=split, units=units))
                scores += [
                    pooled(
                        model, metric, size * factor + place + step / 10, split=split, units=units, step=step
                    )
                    for step in range(1, horizon + 1)
                    if horizon > 1
                ]
        for place, target in enumerate("ab"):
            scores += [
                pooled(model, name, size + place + more, target=target)
                for name, more in (("rmse", 0.25), ("mae", 0.5))
            ]
    counts = {
        "rows": 1460,
        "series": 1,
        "left_out_series": 0,
        "filled_values": 2,
        "stride": 1,
        "windows": {"train": 1000, "validation": 20, "test": 30},
        "scored_windows": {"train": 1000, "validation": 20, "test": 30},
        "scored_test_values": 30,
        "first_test_target": "31.5",
        "last_test_target": "39",
    }
    words = {"verdict": "So it is.", "outcome": "it is."}
    return Report(experiment="tiny", unit="m", targets=("a", "b"), ledger=counts, scores=scores, **words)


HEAD_LINES = """\
So it is.

# tiny

GRU 3 + 4, 5,678 parameters, 4 epochs; windows of 1,234 rows, horizon HORIZON; target a, b in m; seed 9.

A difference between network and best baseline "could be chance" where a two-sided Diebold-Mariano test of their squared \
test errors does not tell them apart at the 5 % level; it needs 10 test windows for each step of the horizon, where those of all \
series that begin at the same time are one.

Models are ranked by their scaled RMSE: in data units a target with large numbers would outweigh the others.

## Test rows, data units

| model | MSE | RMSE | MAE | MAPE % | sMAPE % | MASE |
|---|---:|---:|---:|---:|---:|---:|
| last value | 1.000 | 2.000 | 3.000 | – | 5.000 | 6.000 |
| **network** | 2.000 | 3.000 | 4.000 | – | 6.000 | 7.000 |

## Test rows, scaled (standard)

| model | MSE | RMSE | MAE |
|---|---:|---:|---:|
| last value | 7.000 | 8.000 | 9.000 |
| **network** | 8.000 | 9.000 | 10.00 |

## Test rows by target, data units

| target, model | RMSE | MAE |
|---|---:|---:|
| a, last value | 1.250 | 1.500 |
| a, **network** | 2.250 | 2.500 |
| b, last value | 2.250 | 2.500 |
| b, **network** | 3.250 | 3.500 |

## Every split, scaled RMSE

| model | train | validation | test |
|---|---:|---:|---:|
| last value | 17.00 | 107.0 | 8.000 |
| **network** | 27.00 | 207.0 | 9.000 |
"""
STEP_LINES = """
## Test rows by step, scaled RMSE

| step | last value | **network** |
|---|---:|---:|
| 1 | 8.100 | 9.100 |
| 2 | 8.200 | 9.200 |
"""
LAST_LINES = """
## Rows and windows

- rows: 1,460, values that were missing and filled: 2 (never scored)
- windows: train 1,000, validation 20, test 30
- test values scored: 30, from 31.5 to 39
"""


@pytest.mark.parametrize(("horizon", "steps"), [(1, ""), (2, STEP_LINES)])
def test_the_report_as_markdown_is_the_verdict_then_tables_the_best_model_first(
    horizon: int, steps: str
) -> None:
    experiment = from_yaml(EXPERIMENT.replace("HORIZON", str(horizon)), source="x.yaml")
    text = report.to_markdown(made(horizon=horizon), experiment, parameters=5678, epochs=4)
    assert text == HEAD_LINES.replace("HORIZON", str(horizon)) + steps + LAST_LINES


def test_one_target_has_no_table_by_target_and_unscaled_data_no_scaled_table() -> None:
    experiment = from_yaml(EXPERIMENT.replace("HORIZON", "1").replace("standard", "none"), source="x.yaml")
    text = report.to_markdown(
        replace(made(horizon=1), targets=("a",)), experiment, parameters=5678, epochs=4, best_epoch=3
    )
    assert [line for line in text.splitlines() if line.startswith("##")] == [
        "## Test rows, data units",
        "## Every split, RMSE in data units",
        "## Rows and windows",
    ]
    assert "5,678 parameters, 4 epochs (kept: epoch 3); windows" in text


def test_the_report_as_json_holds_every_score_and_is_plain() -> None:
    plain = made(horizon=2).to_json()
    assert list(plain) == ["verdict", "outcome", "notes", "experiment", "unit", "targets", "ledger", "scores"]
    assert json.loads(json.dumps(plain, allow_nan=False)) == {**plain, "targets": ["a", "b"], "notes": []}
    assert len(plain["scores"]) == 2 * (3 * 9 * 3 + 2 * 2)
    assert plain["scores"][0] == vars(pooled(NETWORK, "mse", 20.0, split="train"))


def test_quantiles_have_a_table_and_notes_are_listed() -> None:
    names = ("wql", "wql_0.1", "wql_0.5", "wql_0.9", "coverage_0.8", "width_0.8")
    whole = made(horizon=2)
    extra = [
        pooled(NETWORK, name, place + (step or 0) / 10, step=step)
        for place, name in enumerate(names)
        for step in (None, 1, 2)
    ]
    owa = [pooled(model, "owa", value) for model, value in ((NETWORK, 0.75), ("last value", 1.0))]
    whole = replace(whole, scores=[*whole.scores, *extra, *owa], notes=("3 of 414 series have no MASE",))
    assert whole.quantile_metrics == list(names)
    experiment = from_yaml(EXPERIMENT.replace("HORIZON", "2"), source="x.yaml")
    text = report.to_markdown(whole, experiment, parameters=5678, epochs=4)
    assert (
        """\
## Test rows, quantiles of the network

| step | wQL | wQL 0.1 | wQL 0.5 | wQL 0.9 | inside 0.8 | width of 0.8 |
|---|---:|---:|---:|---:|---:|---:|
| all | 0.0000 | 1.000 | 2.000 | 3.000 | 4.000 | 5.000 |
| 1 | 0.1000 | 1.100 | 2.100 | 3.100 | 4.100 | 5.100 |
| 2 | 0.2000 | 1.200 | 2.200 | 3.200 | 4.200 | 5.200 |

## Test rows, scaled (standard)
"""
        in text
    )
    assert "| model | MSE | RMSE | MAE | MAPE % | sMAPE % | MASE | OWA |\n" in text
    assert "| **network** | 2.000 | 3.000 | 4.000 | – | 6.000 | 7.000 | 0.7500 |\n" in text
    assert text.endswith("to 39\n- 3 of 414 series have no MASE\n")


def test_a_test_score_that_is_not_defined_is_none() -> None:
    report_made = made(horizon=1)
    assert report_made.test("mae", units="scaled", model="last value") == 9.0
    assert report_made.test("mape") is None


@pytest.mark.parametrize(
    ("validation", "counts"),
    [(None, {"train": 3, "test": 2}), ([6, 7, 8], {"train": 3, "validation": 3, "test": 2})],
)
def test_the_ledger_counts_rows_windows_and_scored_values(
    validation: list[int] | None, counts: dict[str, int]
) -> None:
    panel = make_panel(np.zeros((14, 3)), targets=2, filled=[(0, 0), (0, 2), (7, 1)])

    def windows(origins: list[int]) -> Any:
        return Windows(panel=panel, origins=np.array(origins, dtype=np.int32), length=2, horizon=4)

    splits = Splits(
        train=windows([2, 3, 4]),
        validation=None if validation is None else windows(validation),
        test=windows([9, 10]),
        train_rows=np.array([[0, 6]]),
    )
    assert report.ledger(panel, splits, stride=1) == {
        "rows": 14,
        "series": 1,
        "left_out_series": 0,
        "filled_values": 3,
        "stride": 1,
        "windows": counts,
        "scored_windows": counts,
        "scored_test_values": 2 * 4 * 2,
        "first_test_target": "9",
        "last_test_target": "13",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("min_temp (°C) #1!", "min_temp (°C) #1!"),
        ("a|b", r"a\|b"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("`x` *y* ~z~ $m$", r"\`x\` \*y\* \~z\~ \$m\$"),
        ("[t](http://u)", r"\[t\](http://u)"),
        ("back\\|slash", r"back\\\|slash"),
        ("two\nlines\x1b[31m\u202e", r"two lines\\u001b\[31m\\u202e"),
    ],
)
def test_names_stand_in_markdown_as_they_are(text: str, shown: str) -> None:
    assert report.literal(text) == shown


def test_the_ledger_says_what_the_stride_and_the_sample_left_out() -> None:
    whole = made(horizon=1)
    counts = {**whole.ledger, "stride": 1500, "scored_windows": {**whole.ledger["windows"], "train": 400}}
    lines = report._ledger_lines(counts)
    assert lines[1] == "- windows: train 1,000, validation 20, test 30 (of training one every 1,500 rows)"
    assert lines[2] == "- of the training windows 400 were scored, evenly spaced"
    assert len(lines) == len(report._ledger_lines(whole.ledger)) + 1

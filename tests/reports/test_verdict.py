"""The verdict: the best baseline, by how much, and never a claim that could be chance."""

from collections.abc import Mapping

import pytest
from factories import make_context, make_forecast

from rnnfc.evaluation.scores import Score, score
from rnnfc.reports.report import NETWORK
from rnnfc.reports.verdict import (
    describe_future_covariates,
    describe_outcome,
    describe_unscored,
    format_verdict,
)

NAN = float("nan")


def pooled(model: str, metric: str, value: float | None, **fields: object) -> Score:
    """A test score of all steps in data units, unless `fields` say otherwise."""
    row = {"split": "test", "units": "data", "series": "s", "step": None, **fields}
    return Score(model=model, metric=metric, value=value, **row)  # type: ignore[arg-type]  # a plain dict


def outcome(
    errors: Mapping[str, float | None],
    *,
    statistic: float | None = None,
    unit: str = "",
    num_targets: int = 1,
    num_times: int = 1234,
    horizon: int = 1,
) -> str:
    """Of models with these test errors, in scaled units for several targets."""
    scores = [pooled(model, "rmse", error) for model, error in errors.items()]
    if num_targets > 1:
        scores = [pooled(model, "rmse", error, units="scaled") for model, error in errors.items()]
        scores.append(pooled("drift", "rmse", 0.0))
    # none of these is a pooled test error that models are ranked by
    fields = ({"split": "validation"}, {"step": 1}, {"target": "a"})
    scores += [pooled("drift", "rmse", 0.0, **field) for field in fields]
    scores.append(pooled("drift", "mse", 0.0))
    return describe_outcome(
        scores,
        statistic=statistic,
        unit=unit,
        num_targets=num_targets,
        num_times=num_times,
        horizon=horizon,
    )


def against(network: float | None, rival: float | None, **options: object) -> str:
    """The outcome where the last value is the best of three baselines."""
    worse = [None if rival is None else rival + more for more in (1, 2)]
    errors = {NETWORK: network, "drift": worse[0], "last value": rival, "linear map": worse[1]}
    return outcome(errors, **options)  # type: ignore[arg-type]  # keywords of outcome


BEATS, LOSES = "beats every baseline; the best of them is", "loses to the best baseline,"
UNTESTED = "has a lower error than the best baseline,"
NO_GAIN, UNCLEAR = "does not beat the best baseline,", "shows no clear gain over the best baseline,"


@pytest.mark.parametrize(
    ("network", "rival", "statistic", "claim", "numbers"),
    [
        (2.0, 4.0, -3.0, BEATS, "RMSE 2.000 against 4.000, 50.0 % lower"),
        (3.984, 4.0, -1.963, BEATS, "RMSE 3.984 against 4.000, 0.4 % lower"),
        (0.0, 4.0, -9.0, BEATS, "RMSE 0.0000 against 4.000, 100.0 % lower"),
        (6.0, 4.0, 3.0, LOSES, "RMSE 6.000 against 4.000, 50.0 % higher"),
        (7.996, 4.0, 1.963, LOSES, "RMSE 7.996 against 4.000, 99.9 % higher"),
        (8.0, 4.0, 3.0, LOSES, "RMSE 8.000 against 4.000, 2.000 times as high"),
        (50.0, 4.0, 30.0, LOSES, "RMSE 50.00 against 4.000, 12.50 times as high"),
        (6.0, 0.0, 3.0, LOSES, "RMSE 6.000 against 0.0000, which makes no error at all"),
        (2.0, 4.0, -1.961, UNCLEAR, "RMSE 2.000 against 4.000, 50.0 % lower: could be chance"),
        (8.0, 4.0, 1.961, NO_GAIN, "RMSE 8.000 against 4.000, 2.000 times as high: could be chance"),
        (4.0, 4.0, None, NO_GAIN, "RMSE 4.000 against 4.000, the same: could be chance"),
    ],
)
def test_outcome__names_the_best_baseline_and_by_how_much(
    network: float, rival: float, statistic: float | None, claim: str, numbers: str
) -> None:
    text = against(network, rival, statistic=statistic)
    assert text == f"the network {claim} the last value ({numbers})."


def test_outcome__a_baseline_that_is_a_name_has_no_article() -> None:
    assert "the best baseline, Naive2 (RMSE" in outcome({NETWORK: 6.0, "Naive2": 4.0}, statistic=3.0)


@pytest.mark.parametrize(
    ("network", "statistic", "num_times", "horizon", "words"),
    [
        (8.0, 9.0, 30, 3, "as high)."),
        (8.0, 9.0, 29, 3, "not tested for chance: 29 test windows per series, 30 needed)."),
        (2.0, -9.0, 29, 3, "not tested for chance: 29 test windows per series, 30 needed)."),
        # Student's t of ten windows: 2.262
        (8.0, 2.26, 10, 1, "could be chance)."),
        (8.0, 2.27, 10, 1, "as high)."),
    ],
)
def test_outcome__few_origin_times_need_a_larger_statistic_and_fewer_decide_nothing(
    network: float, statistic: float, num_times: int, horizon: int, words: str
) -> None:
    text = against(network, 4.0, statistic=statistic, num_times=num_times, horizon=horizon)
    assert text.endswith(words)
    claim = LOSES if words == "as high)." else UNTESTED if network < 4.0 else NO_GAIN
    assert claim in text


def test_outcome__errors_that_are_not_finite_are_said_to_be_so() -> None:
    assert against(None, 4.0) == "the network's test error is not finite."
    assert "that of every baseline is not" in against(2.0, None)


def test_outcome__a_baseline_without_a_finite_error_is_no_rival() -> None:
    text = outcome({"drift": None, NETWORK: 3.0, "last value": 5.0, "b": None}, num_times=99)
    assert text.startswith(f"the network {UNCLEAR} the last value (RMSE 3.000 against 5.000,")


def test_outcome__several_targets_are_ranked_by_scaled_errors() -> None:
    errors = {NETWORK: 0.4, "drift": 0.6, "last value": 0.5}
    options = {"statistic": -3.0, "unit": "W", "num_targets": 2, "num_times": 99}
    text = outcome(errors, **options)  # type: ignore[arg-type]  # a plain dict
    assert text == f"the network {BEATS} the last value (scaled RMSE 0.4000 against 0.5000, 20.0 % lower)."
    text = outcome({**errors, "linear map": None}, **options)  # type: ignore[arg-type]  # a plain dict
    assert "beats every baseline that has a scaled RMSE; the best of them is the last value (" in text


def test_outcome__errors_carry_their_unit() -> None:
    assert "(RMSE 2.000 against 4.000 °C, 50.0 % lower)" in against(2.0, 4.0, statistic=-3.0, unit="°C")


@pytest.mark.parametrize(
    ("mse", "unit", "num_targets", "num_windows", "text"),
    [
        (4.0, "", 1, 1234, "Test MSE 4.000 (scaled 0.2500) over 1,234 windows: so."),
        (4.0, "°C", 1, 3000, "Test MSE 4.000 °C² (scaled 0.2500) over 3,000 windows: so."),
        (None, "a: b", 1, 1, "Test MSE – a: b² (scaled 0.2500) over 1 window: so."),
        (4.0, "W", 2, 99, "Test MSE 0.2500 (scaled, 2 targets) over 99 windows: so."),
    ],
)
def test_format_verdict__is_the_test_error_in_both_units_then_the_outcome(
    mse: float | None, unit: str, num_targets: int, num_windows: int, text: str
) -> None:
    scores = [pooled(NETWORK, "mse", mse), pooled(NETWORK, "mse", 0.25, units="scaled")]
    options = {"unit": unit, "num_targets": num_targets, "num_windows": num_windows}
    assert format_verdict(scores, outcome="so.", **options) == text  # type: ignore[arg-type]  # a plain dict


def test_describe_unscored__counts_missing_values_and_series_without_a_value() -> None:
    actual = [[[NAN], [NAN]], *[[[1.0], [2.0]]] * 6]
    test = make_forecast([[[0.0], [0.0]]] * 7, actual, series=[0] * 4 + [1] * 3)
    scores = [
        pooled(NETWORK, "mase", 1.0, undefined=1),
        pooled(NETWORK, "smape", 1.0),
        pooled(NETWORK, "nse", 1.0, undefined=2),
        pooled(NETWORK, "kge", 1.0, undefined=2),
        pooled(NETWORK, "mase", 1.0, undefined=2, step=1),
        pooled("drift", "mase", 1.0, undefined=2),
    ]
    assert describe_unscored(scores, test) == [
        "2 of 14 test values are missing and not scored",
        "1 of 2 series have no MASE, and are not in its mean",
        "2 of 2 series have no NSE, and are not in its mean",
        "2 of 2 series have no KGE, and are not in its mean",
    ]
    assert describe_unscored([], make_forecast([[[0.0]]], [[[1.0]]])) == []


def test_describe_unscored__is_true_where_metrics_lack_a_value_for_different_series() -> None:
    # series 0 has no naive error, series 1 is constant
    actual = [[[1.0]], [[2.0]], [[5.0]], [[5.0]]]
    test = make_forecast([[[2.0]], [[4.0]], [[4.0]], [[7.0]]], actual, series=[0, 0, 1, 1])
    scores = score(test, make_context([[NAN], [1.0]]), model=NETWORK, split="test")
    assert describe_unscored(scores, test) == [
        f"1 of 2 series have no {name}, and are not in its mean" for name in ("MASE", "RMSSE", "NSE", "KGE")
    ]


def test_future_covariates__are_what_no_baseline_reads() -> None:
    text = describe_future_covariates(("price", "data.calendar"))
    assert text == "No baseline reads price, data.calendar of the rows that are forecast."
    assert describe_future_covariates(()) == ""

"""The verdict: the best baseline, by how much, and never a claim that could be chance."""

import itertools
import math
import re
from collections.abc import Mapping

import numpy as np
import pytest
from factories import make_context, make_forecast

from rnnfc.evaluation.scores import Score, score
from rnnfc.evaluation.significance import Signs
from rnnfc.reports.report import NETWORK
from rnnfc.reports.verdict import (
    describe_future_covariates,
    describe_outcome,
    describe_signs,
    describe_unscored,
    format_verdict,
)

NAN = float("nan")
_ONE = Signs(1, 0, 1)


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
    num_times: int = 1000,
    horizon: int = 1,
    signs: Signs = _ONE,
    deviation: float = NAN,
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
        signs=signs,
        deviation=deviation,
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
        # Student's t of ten cosines: 2.228
        (2.0, 4.0, -3.0, BEATS, "RMSE 2.000 against 4.000, 50.0 % lower"),
        (3.984, 4.0, -2.229, BEATS, "RMSE 3.984 against 4.000, 0.4 % lower"),
        (3.9999, 4.0, -9.0, BEATS, "RMSE 4.000 against 4.000, less than 0.1 % lower"),
        (1e-9, 4.0, -9.0, BEATS, "RMSE 1.000e-09 against 4.000, less than a thousandth of it"),
        (0.0, 4.0, -9.0, BEATS, "RMSE 0.0000 against 4.000, no error at all"),
        (6.0, 4.0, 3.0, LOSES, "RMSE 6.000 against 4.000, 50.0 % higher"),
        (7.996, 4.0, 2.229, LOSES, "RMSE 7.996 against 4.000, 99.9 % higher"),
        (8.0, 4.0, 3.0, LOSES, "RMSE 8.000 against 4.000, 2.000 times as high"),
        (50.0, 4.0, 30.0, LOSES, "RMSE 50.00 against 4.000, 12.50 times as high"),
        (1e300, 1e-300, 9.0, LOSES, "RMSE 1.000e+300 against 1.000e-300, more than 1,000 times as high"),
        (6.0, 0.0, 3.0, LOSES, "RMSE 6.000 against 0.0000, which makes no error at all"),
        (2.0, 4.0, -2.227, UNCLEAR, "RMSE 2.000 against 4.000, 50.0 % lower: could be chance"),
        (8.0, 4.0, 2.227, NO_GAIN, "RMSE 8.000 against 4.000, 2.000 times as high: could be chance"),
        # Nobody would believe that a multiple is chance.
        (37.0, 4.0, 2.227, NO_GAIN, "RMSE 37.00 against 4.000, 9.250 times as high"),
        (
            1.0,
            4.0,
            None,
            UNTESTED,
            "RMSE 1.000 against 4.000, 75.0 % lower; not significant at 5 % over 1,000 test windows per series",
        ),
        (4.0, 4.0, None, NO_GAIN, "both have RMSE 4.000"),
        (0.0, 0.0, None, NO_GAIN, "both have RMSE 0.0000"),
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
        (8.0, 13.0, 15, 28, "as high)."),
        (8.0, 13.0, 14, 28, "not tested for chance: 14 test windows per series, 15 needed)."),
        (2.0, -13.0, 14, 28, "not tested for chance: 14 test windows per series, 15 needed)."),
        (2.0, -13.0, 1, 1, "not tested for chance: 1 test window per series, 15 needed)."),
        # Student's t of one cosine: 12.71
        (8.0, 12.70, 25, 28, "could be chance)."),
        (8.0, 12.71, 25, 28, "as high)."),
    ],
)
def test_outcome__few_origin_times_need_a_larger_statistic_and_fewer_decide_nothing(
    network: float, statistic: float, num_times: int, horizon: int, words: str
) -> None:
    text = against(network, 4.0, statistic=statistic, num_times=num_times, horizon=horizon)
    assert text.endswith(words)
    claim = LOSES if words == "as high)." else UNTESTED if network < 4.0 else NO_GAIN
    assert claim in text


def test_outcome__several_series_are_counted() -> None:
    text = against(6.5, 8.0, statistic=-13.0, num_times=25, horizon=28, signs=Signs(281, 19, 300))
    assert text == (
        f"the network {BEATS} the last value (RMSE 6.500 against 8.000, 18.8 % lower; lower in 281 of 300 series)."
    )


@pytest.mark.parametrize(
    ("network", "claim"),
    [
        (
            2.7e-4,
            "2.700e-04 is 0.039 % of the standard deviation of the test values, against 5.0 % of the drift",
        ),
        (2.7e-4, "baseline that is not exact: it has learned the series."),
        (
            0.0071,
            "is 1.0 % of the standard deviation of the test values, against 5.0 % of the drift, the best baseline that is not "
            "exact.",
        ),
        (0.1, "0.1000 is 14.3 % of the standard deviation of the test values, against 5.0 % of the drift"),
        (0.1, "exact: it has not learned the series."),
        (0.69, "0.6900 is 98.6 % of"),
        (0.7, "no better than their mean as the forecast."),
        (1e300, "more than 1,000 % of"),
        (1e-9, "less than 0.001 % of the standard deviation of the test values: exact as well."),
    ],
)
def test_outcome__of_a_series_without_noise_is_measured_against_what_is_not_exact(
    network: float, claim: str
) -> None:
    errors = {NETWORK: network, "linear map": 1.4e-6, "drift": 0.035, "last value": 0.07}
    text = outcome(errors, statistic=30.0, deviation=0.7)
    assert (
        "the series has no noise: a linear rule, the linear map, continues it exactly (RMSE 1.400e-06)"
        in text
    )
    assert claim in text
    assert "loses" not in text


def test_outcome__noise_of_a_hundred_thousandth_is_noise() -> None:
    assert LOSES in against(6.0, 1.01e-5, statistic=30.0, deviation=1.0)
    assert "no noise" in against(6.0, 0.99e-5, statistic=30.0, deviation=1.0)
    assert LOSES in against(6.0, 0.0, statistic=30.0, deviation=0.0)  # a constant
    assert "is more than 1,000 % of" in outcome({NETWORK: 60.0, "drift": 0.0}, statistic=3.0, deviation=1.0)


def test_outcome__no_numbers_make_a_sentence_that_nobody_would_write() -> None:
    draw = np.random.default_rng(0)
    sizes = [0.0, 1e-320, 1e-12, 1.0, 1.0 + 1e-12, 3e6, 1e300, None]
    wrong = re.compile(r"\b(inf|nan|None)\b|\b0\.0+ (times|%)|100\.0 % lower|–|e[+-]\d+ (times|%)")
    for network, rival, deviation, statistic in itertools.product(
        sizes, sizes, (0.0, NAN, 1e-320, 1.0, 1e300), (None, math.inf, -math.inf, 1e-9, -3.0)
    ):
        series = int(draw.integers(1, 5))
        text = against(
            network,
            rival,
            statistic=statistic,
            num_times=int(draw.integers(1, 60)),
            horizon=int(draw.integers(1, 60)),
            deviation=deviation,
            signs=Signs(0, series, series),
        )
        assert not wrong.search(text), text
        assert text.startswith("the ")
        assert text.endswith(".")


def test_describe_signs__says_that_series_share_shocks() -> None:
    (text,) = describe_signs(Signs(281, 19, 300), best="drift")
    assert "lower squared error than the drift in 281 of 300 series: a sign test has p < 0.001, if" in text
    assert "share shocks" in text
    (text,) = describe_signs(Signs(15, 5, 20), best="Naive2")
    assert "than Naive2 in 15 of 20 series: a sign test has p = 0.041, if" in text
    assert describe_signs(Signs(5, 0, 5), best="drift") == []


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

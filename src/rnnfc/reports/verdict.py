"""What a report says in sentences: whether the network beats the best baseline, and what is not in the scores."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rnnfc.evaluation import significance
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metrics import heading, parse_name
from rnnfc.evaluation.scores import Score, find
from rnnfc.evaluation.significance import Signs
from rnnfc.reports.report import (
    NETWORK,
    RANKING_METRIC,
    VERDICT_METRIC,
    ranking_errors,
    ranking_prefix,
    ranking_units,
)
from rnnfc.reports.text import format_number

# A baseline whose error is this share of the deviation follows the series to five digits: no measured series has so little noise,
# and the ridge penalty of the linear map leaves 2e-6 on a clean sine.
_EXACT = 1e-5
# Such a forecast and the actual values look like one line in a plot.
_LEARNED = 0.01
# Fewer series cannot be split so unevenly that a sign test is significant at 5 %.
_FEWEST_SERIES = 6
CHANCE_NOTE = (
    "“could be chance”: the Diebold-Mariano test (two-sided, 5 %) finds no significant difference. “not tested”: it needs "
    f"{significance.min_times(1)} test windows, and one for every two steps of the horizon; windows of several series that "
    "begin at the same time count once."
)


def format_verdict(
    scores: Sequence[Score], *, outcome: str, unit: str, num_targets: int, num_windows: int
) -> str:
    """One sentence: the network's test error, then the outcome."""
    units = ranking_units(scores, num_targets=num_targets)
    data, scaled = (
        format_number(find(scores, model=NETWORK, split="test", metric=VERDICT_METRIC, units=name))
        for name in ("data", "scaled" if units == "data" else units)
    )
    if num_targets == 1:
        value = f"{data}{f' {unit}²' if unit else ''} (scaled {scaled})"
    else:
        kind = "scaled" if units == "scaled" else "relative to each target's training range"
        value = f"{scaled} ({kind}, {num_targets} targets)"
    windows = f"{num_windows:,} {'window' if num_windows == 1 else 'windows'}"
    return f"Test {heading(VERDICT_METRIC)} {value} over {windows}: {outcome}"


def describe_outcome(
    scores: Sequence[Score],
    *,
    statistic: float | None,
    signs: Signs,
    deviation: float,
    unit: str,
    num_targets: int,
    num_times: int,
    horizon: int,
) -> str:
    """By how much the network beats or loses to the best baseline, and whether that could be chance.

    Args:
        statistic: `significance.diebold_mariano` of the network against that baseline.
        signs: `significance.count_signs` of the same two.
        deviation: standard deviation of the actual test values in the units of ranking; not finite or 0 where there is none.
        num_times: number of different origin times of the test windows.
    """
    errors = ranking_errors(scores, num_targets=num_targets)
    rival = next(model for model in errors if model != NETWORK)
    network_error, rival_error = errors[NETWORK], errors[rival]
    if network_error is None:
        return "the network's test error is not finite."
    if rival_error is None:
        return "the network's test error is finite, that of every baseline is not."
    best = _with_article(rival)
    name = f"{ranking_prefix(scores, num_targets=num_targets)}{heading(RANKING_METRIC)}"
    unit = f" {unit}" if unit and num_targets == 1 else ""
    if network_error == rival_error:
        return f"the network does not beat the best baseline, {best} (both have {name} {format_number(rival_error)}{unit})."
    if 0 < deviation < math.inf and rival_error <= _EXACT * deviation:
        return _describe_without_noise(errors, name=name, unit=unit, deviation=deviation)
    values = f"{format_number(network_error)} against {format_number(rival_error)}{unit}"
    errors_text = f"{name} {values}, {_describe_ratio(network_error, rival_error)}"
    in_series = f"; lower in {signs.lower:,} of {signs.series:,} series" if signs.series > 1 else ""
    needed = significance.min_times(horizon)
    windows = f"{num_times:,} test {'window' if num_times == 1 else 'windows'} per series"
    critical = significance.critical_value(num_times, horizon=horizon)
    if num_times < needed:
        claim = "has a lower error than" if network_error < rival_error else "does not beat"
        errors_text += f"; not tested for chance: {windows}, {needed:,} needed"
    elif statistic is None or abs(statistic) < critical:
        claim, remark = _describe_chance(network_error / rival_error if rival_error else math.inf)
        errors_text += f"{remark} over {windows}" if remark.endswith("%") else remark
    elif network_error > rival_error:
        claim = "loses to"
    else:
        # A baseline may have no scaled error, e.g. a forecast below zero where the scaler takes logarithms.
        some = f" that has a {name}" if None in errors.values() else ""
        return (
            f"the network beats every baseline{some}; the best of them is {best} ({errors_text}{in_series})."
        )
    return f"the network {claim} the best baseline, {best} ({errors_text}{in_series})."


def _describe_chance(ratio: float) -> tuple[str, str]:
    """The claim on errors that do not differ significantly, by their ratio, and a remark on it."""
    # Nobody takes a multiple for chance, though few windows that overlap cannot confirm it.
    if ratio > 2:
        return "does not beat", ""
    if ratio < 0.5:
        return "has a lower error than", "; not significant at 5 %"
    return "shows no clear gain over" if ratio < 1 else "does not beat", ": could be chance"


def describe_signs(signs: Signs, *, best: str) -> list[str]:
    """A sentence on how evenly the series are split; none where there are too few for a sign test."""
    if signs.series < _FEWEST_SERIES:
        return []
    p = significance.sign_test(signs)
    return [
        f"lower squared error than {_with_article(best)} in {signs.lower:,} of {signs.series:,} series: a sign test has p "
        f"{f'= {p:.3f}' if p >= 0.001 else '< 0.001'}, if series are independent. Where they share shocks, as of weather or "
        "holidays, only the Diebold-Mariano test by origin time counts"
    ]


def _describe_without_noise(
    errors: Mapping[str, float | None], *, name: str, unit: str, deviation: float
) -> str:
    """What the network learned of a series that a baseline, the first, follows exactly: it is measured against the others."""
    shares = {model: error / deviation for model, error in errors.items() if error is not None}
    rivals = [model for model in shares if model != NETWORK]
    best, share = rivals[0], shares[NETWORK]
    rule = "a linear rule" if best[0].islower() else "a simple rule"  # not Naive2, ETS and Theta
    text = (
        f"the series has no noise: {rule}, {_with_article(best)}, continues it exactly ({name} "
        f"{format_number(errors[best])}{unit}), and no network can do better. The network's {name} of "
        f"{format_number(errors[NETWORK])}{unit} is {_percent(share)} of the standard deviation of the test values"
    )
    if share <= _EXACT:
        return f"{text}: exact as well."
    if share >= 1:
        return f"{text}: no better than their mean as the forecast."
    bar = next((model for model in rivals if shares[model] > _EXACT), None)
    if bar is None:
        return f"{text}."
    text += f", against {_percent(shares[bar])} of {_with_article(bar)}, the best baseline that is not exact"
    if share >= shares[bar]:
        return f"{text}: it has not learned the series."
    return f"{text}: it has learned the series." if share < _LEARNED else f"{text}."


def describe_future_covariates(future_covariates: Sequence[str]) -> str:
    """A sentence on what the network, and no baseline, reads of the rows that it forecasts; empty if it reads nothing there."""
    if not future_covariates:
        return ""
    return f"No baseline reads {', '.join(future_covariates)} of the rows that are forecast."


def describe_unscored(scores: Sequence[Score], test: Forecast) -> list[str]:
    """A sentence each: how many test values are missing, and how many series have no value of a metric."""
    actual = test.point if test.actual is None else test.actual
    num_missing, num_series = int(np.isnan(actual).sum()), len(np.unique(test.series)) * actual.shape[2]
    notes = []
    if num_missing:
        notes.append(f"{num_missing:,} of {actual.size:,} test values are missing and not scored")
    # A sentence for each metric: metrics that lack a value for as many series may lack it for different ones.
    for row in scores:
        if row.undefined and (row.model, row.split, row.target, row.step) == (NETWORK, "test", None, None):
            metric, suffix = parse_name(row.metric)
            name = f"{metric.heading} {suffix}".strip()
            notes.append(
                f"{row.undefined:,} of {num_series:,} series have no {name}, and are not in its mean"
            )
    return notes


def _with_article(model: str) -> str:
    return model if model[0].isupper() else f"the {model}"  # Naive2, ETS, Theta are names


def _percent(share: float) -> str:
    """Two digits or so, and no exponent."""
    percent = 100 * share
    if percent < 0.001:
        return "less than 0.001 %"
    if percent > 1000:
        return "more than 1,000 %"
    return f"{percent:.2g} %" if percent < 1 else f"{percent:,.1f} %"


def _describe_ratio(error: float, rival_error: float) -> str:
    """Of two errors that differ."""
    if rival_error == 0:
        return "which makes no error at all"
    if error == 0:
        return "no error at all"
    ratio = error / rival_error
    if ratio > 1000:
        return "more than 1,000 times as high"
    if ratio >= 2:
        return f"{format_number(ratio)} times as high"
    if ratio < 0.001:
        return "less than a thousandth of it"
    change = abs(ratio - 1)
    amount = f"{change:.1%}".replace("%", " %") if change >= 0.001 else "less than 0.1 %"
    return f"{amount} {'lower' if error < rival_error else 'higher'}"

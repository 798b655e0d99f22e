"""What a report says in sentences: whether the network beats the best baseline, and what is not in the scores."""

from collections.abc import Sequence

import numpy as np

from rnnfc.evaluation import significance
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metrics import heading, parse_name
from rnnfc.evaluation.scores import Score, find
from rnnfc.reports.report import NETWORK, RANKING_METRIC, VERDICT_METRIC, ranking_errors
from rnnfc.reports.text import format_number

# Origin times of windows that do not overlap: with fewer, the statistic is far from normal.
_FEWEST_TIMES = 10
CHANCE_NOTE = (
    "“could be chance”: the Diebold-Mariano test (two-sided, 5 %) finds no significant difference. “not tested”: it needs "
    f"{_FEWEST_TIMES} test windows per step of the horizon; windows of several series that begin at the same time count once."
)


def format_verdict(
    scores: Sequence[Score], *, outcome: str, unit: str, num_targets: int, num_windows: int
) -> str:
    """One sentence: the network's test error, then the outcome."""
    data, scaled = (
        format_number(find(scores, model=NETWORK, split="test", metric=VERDICT_METRIC, units=units))
        for units in ("data", "scaled")
    )
    if num_targets == 1:
        value = f"{data}{f' {unit}²' if unit else ''} (scaled {scaled})"
    else:
        value = f"{scaled} (scaled, {num_targets} targets)"
    windows = f"{num_windows:,} {'window' if num_windows == 1 else 'windows'}"
    return f"Test {heading(VERDICT_METRIC)} {value} over {windows}: {outcome}"


def describe_outcome(
    scores: Sequence[Score],
    *,
    statistic: float | None,
    unit: str,
    num_targets: int,
    num_times: int,
    horizon: int,
) -> str:
    """By how much the network beats or loses to the best baseline, and whether that could be chance.

    Args:
        statistic: `significance.diebold_mariano` of the network against that baseline.
        num_times: number of different origin times of the test windows.
    """
    errors = ranking_errors(scores, num_targets=num_targets)
    rival = next(model for model in errors if model != NETWORK)
    network_error, rival_error = errors[NETWORK], errors[rival]
    if network_error is None:
        return "the network's test error is not finite."
    if rival_error is None:
        return "the network's test error is finite, that of every baseline is not."
    best = rival if rival[0].isupper() else f"the {rival}"  # Naive2, ETS, Theta are names
    name = heading(RANKING_METRIC) if num_targets == 1 else f"scaled {heading(RANKING_METRIC)}"
    unit = f" {unit}" if unit and num_targets == 1 else ""
    values = f"{format_number(network_error)} against {format_number(rival_error)}{unit}"
    errors_text = f"{name} {values}, {_describe_ratio(network_error, rival_error)}"
    needed = _FEWEST_TIMES * horizon
    if num_times < needed:
        gain = "has a lower error than" if network_error < rival_error else "does not beat"
        windows = (
            f"{num_times:,} test {'window' if num_times == 1 else 'windows'} per series, {needed:,} needed"
        )
        return (
            f"the network {gain} the best baseline, {best} ({errors_text}; not tested for chance: {windows})."
        )
    if statistic is None or abs(statistic) < significance.critical_value(num_times):
        gain = "shows no clear gain over" if network_error < rival_error else "does not beat"
        return f"the network {gain} the best baseline, {best} ({errors_text}: could be chance)."
    if network_error < rival_error:
        # A baseline may have no scaled error, e.g. a forecast below zero where the scaler takes logarithms.
        some = f" that has a {name}" if None in errors.values() else ""
        return f"the network beats every baseline{some}; the best of them is {best} ({errors_text})."
    return f"the network loses to the best baseline, {best} ({errors_text})."


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


def _describe_ratio(error: float, rival_error: float) -> str:
    if rival_error == 0:
        return "which makes no error at all"
    if error >= 2 * rival_error:
        return f"{format_number(error / rival_error)} times as high"
    if error == rival_error:
        return "the same"
    return f"{abs(error / rival_error - 1):.1%} {'lower' if error < rival_error else 'higher'}".replace(
        "%", " %"
    )

"""Forecasts and scores of the network and every baseline, the same way after training and in `evaluate`."""

import math
from dataclasses import dataclass, replace

import numpy as np

from rnnfc import baselines
from rnnfc.baselines.naive2 import NAIVE2, count_additive
from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, format_time
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows
from rnnfc.errors import TrainError
from rnnfc.evaluation.forecast import Forecast, Predictor
from rnnfc.evaluation.metrics import METRICS
from rnnfc.evaluation.scores import MetricContext, Score, find, relative_scores, score, score_series
from rnnfc.evaluation.series_scores import SeriesScores, rank_series
from rnnfc.evaluation.significance import Signs, count_signs, count_times, diebold_mariano
from rnnfc.reports.report import NETWORK, RANKING_METRIC, Report, count_rows, ranking_units
from rnnfc.reports.verdict import (
    describe_future_covariates,
    describe_outcome,
    describe_signs,
    describe_unscored,
    format_verdict,
)
from rnnfc.workflows.prepare import Prepared

# Rows of forecast.csv: a file of some ten megabytes, written and read in seconds.
_MOST_ROWS = 200_000


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """The network's forecasts of the `scored` windows of every split, and the scores of every model.

    statistic: Diebold-Mariano of the network against the best baseline; None where it is not defined.
    signs: in how many series the network has a lower error than that baseline.
    deviation: standard deviation of the actual test values about the mean of each series and target, in the units of ranking.
    written: places of the test windows that go into forecast.csv.
    best: test point forecasts by the best baseline, by its name; empty where no baseline has a finite error.
    series: test scores of each series; None where there is one.
    notes: what of the test windows is not in the scores, and how much of it.
    """

    network: dict[str, Forecast]
    scores: list[Score]
    statistic: float | None
    signs: Signs
    deviation: float
    written: Rows
    best: dict[str, Floats]
    series: SeriesScores | None
    notes: list[str]


def forecast_all(prepared: Prepared, scaler: Scaler, network: Predictor) -> Forecasts:
    """Forecast every split with every model and score the forecasts; those of baselines are not kept.

    Raises:
        TrainError: the network forecasts what is not finite.
    """
    experiment, panel, splits = prepared.experiment, prepared.panel, prepared.splits
    season, scored = experiment.data.season, splits.scored
    max_windows = max(1, _MOST_ROWS // (splits.test.horizon * panel.num_targets))
    written = splits.test.sparse_index(max_windows)
    context = MetricContext.from_panel(panel, scaler=scaler, train_rows=splits.train_rows, season=season)
    forecasts = {name: network.predict(windows) for name, windows in scored.items()}
    scores: list[Score] = []
    for name, forecast in forecasts.items():
        refuse_not_finite(forecast, name)
        scores += score(forecast, context, model=NETWORK, split=name)
    is_unequal = prepared.fit_by_range and scaler.method == "none" and len(panel.channels) > 1
    fit_scaler = scaler.by_range() if is_unequal else scaler
    units, lowest = ranking_units(scores, num_targets=panel.num_targets), math.inf
    ranking_scaler = None if units == "data" else context.by_range or scaler
    ranked = _scale(forecasts["test"], ranking_scaler)
    statistic, signs, best = None, Signs(0, 0, series=0), {}
    num_series = len(panel.series)
    ranking = RANKING_METRIC if units == "data" else f"{RANKING_METRIC}_{units}"
    series_errors: dict[str, Floats] = {}
    # A baseline may overflow where the data does; its score then has no value.
    with np.errstate(all="ignore"):
        fit_splits = splits if prepared.map_reads_known else splits.without_known()
        for model in baselines.fit_all(experiment.baselines, fit_splits, fit_scaler, season=season):
            for name, windows in scored.items():
                forecast = model.predict(windows)  # after the loop that of the test split, the last one
                scores += score(forecast, context, model=model.label, split=name)
            error = METRICS[RANKING_METRIC].sort_key(
                find(scores, model=model.label, split="test", metric=RANKING_METRIC, units=units)
            )
            if num_series > 1:
                errors = score_series(forecast, context, num_series=num_series, metric=RANKING_METRIC)
                series_errors[model.label] = errors[ranking]
            if error < lowest:
                lowest, best = error, {model.label: forecast.point}
                rival = _scale(forecast, ranking_scaler)
                statistic, signs = diebold_mariano(ranked, rival), count_signs(ranked, rival)
    scores += relative_scores(scores, reference=NAIVE2)
    notes = [*prepared.scale_notes]
    notes += describe_unscored(scores, forecasts["test"])
    for name in best:
        notes += describe_signs(signs, best=name)
    num_additive = count_additive(splits.test, season=season) if season and season > 1 else 0
    if num_additive:
        notes.append(
            f"the season of Naive2 is additive, not multiplicative, in series with values of zero or less: {num_additive:,} of "
            f"{len(panel.series) * panel.num_targets:,}"
        )
    if len(written) < len(splits.test):
        stride = splits.test.sparse_stride(max_windows)
        notes.append(
            f"forecast.csv is a sample of {len(written):,} of the {len(splits.test):,} test windows: those whose origin is every "
            f"{stride:,}th row of a series, and the last one of each series; all of them are scored"
            + ("" if experiment.report.forecasts == "all" else " (report.forecasts: all writes all of them)")
        )
    return Forecasts(
        network=forecasts,
        scores=scores,
        statistic=statistic,
        signs=signs,
        deviation=_deviation(ranked),
        written=written,
        best=best,
        series=rank_series(
            panel,
            forecasts["test"],
            score_series(forecasts["test"], context, num_series=num_series),
            ranking=ranking,
            baselines=series_errors,
            best=list(best),
        )
        if num_series > 1
        else None,
        notes=notes,
    )


def _deviation(forecast: Forecast) -> float:
    """Standard deviation of the actual values about the mean of each series and target."""
    actual = np.asarray(forecast.actual)
    targets = np.arange(actual.shape[2])
    known = ~np.isnan(actual)
    if not known.any():
        return math.nan
    group = np.broadcast_to(forecast.series[:, None, None] * len(targets) + targets, actual.shape)[known]
    with np.errstate(all="ignore"):
        means = np.bincount(group, weights=actual[known]) / np.bincount(group)
        return float(np.sqrt(np.mean((actual[known] - means[group]) ** 2)))


def _scale(forecast: Forecast, scaler: Scaler | None) -> Forecast:
    """The forecast in scaled units; the same forecast without a scaler."""
    if scaler is None:
        return forecast
    point, actual = (
        scaler.transform_points(np.asarray(values), forecast.series)
        for values in (forecast.point, forecast.actual)
    )
    return replace(forecast, point=point, actual=actual)


def make_report(prepared: Prepared, forecasts: Forecasts) -> Report:
    """Scores of all forecasts, and the verdict on the network."""
    panel, test, scores = prepared.panel, prepared.splits.test, forecasts.scores
    outcome = describe_outcome(
        scores,
        statistic=forecasts.statistic,
        signs=forecasts.signs,
        deviation=forecasts.deviation,
        unit=panel.unit,
        num_targets=panel.num_targets,
        num_times=count_times(forecasts.network["test"]),
        horizon=test.horizon,
    )
    unread = () if prepared.map_reads_known else _future_covariates(prepared.experiment)
    outcome = " ".join(filter(None, [outcome, describe_future_covariates(unread)]))
    return Report(
        experiment=prepared.experiment.name,
        unit=panel.unit,
        targets=panel.targets,
        verdict=format_verdict(
            scores, outcome=outcome, unit=panel.unit, num_targets=panel.num_targets, num_windows=len(test)
        ),
        outcome=outcome,
        notes=tuple(forecasts.notes),
        ledger=count_rows(panel, prepared.splits, stride=prepared.experiment.window.stride),
        scores=scores,
        series=forecasts.series,
    )


def _future_covariates(experiment: Experiment) -> tuple[str, ...]:
    """What the network reads of the rows that it forecasts: the columns of data.known, and data.calendar."""
    covariates = experiment.data.covariates
    return (*covariates.get("known", ()), *(["data.calendar"] if covariates.get("calendar") else []))


def refuse_not_finite(forecast: Forecast, split: str) -> None:
    """Refuse a network whose forecasts are not finite.

    Raises:
        TrainError: names the split and the first such window.
    """
    values = forecast.point if forecast.quantiles is None else forecast.quantiles
    windows = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if len(windows):
        raise TrainError(
            f"the network's forecast of the {split} split is not finite, first in the window whose targets begin at "
            f"{format_time(forecast.time[windows[0], 0])}; lower train.learning_rate, or check the data there for an outlier"
        )

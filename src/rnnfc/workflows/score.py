"""Forecasts and scores of the network and every baseline, the same way after training and in `evaluate`."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnnfc.baselines import simple as baselines
from rnnfc.baselines import smoothing
from rnnfc.data.panel import Floats, format_time
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows
from rnnfc.errors import TrainError
from rnnfc.evaluation import significance
from rnnfc.evaluation.forecast import Forecast, Predictor
from rnnfc.evaluation.metrics import METRICS
from rnnfc.evaluation.scores import MetricContext, Score, find, relative_scores, score
from rnnfc.reports import report
from rnnfc.reports.report import NETWORK, Report
from rnnfc.workflows.prepare import Prepared

# Rows of forecast.csv: a file of some ten megabytes, written and read in seconds.
_MOST_ROWS = 200_000


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """The network's forecasts of the `scored` windows of every split, the scores of every model, and the network's lead over
    the best baseline.

    written: places of the test windows that go into forecast.csv.
    best: point forecasts of these by the best baseline, by its name; empty where no baseline has a finite error.
    notes: what of the test windows is not in the scores, and how much of it.
    """

    network: dict[str, Forecast]
    scores: list[Score]
    lead: float | None
    written: Rows
    best: dict[str, Floats]
    notes: list[str]


def forecast_all(prepared: Prepared, scaler: Scaler, network: Predictor) -> Forecasts:
    """Forecast every split with every model, and score each forecast when it is made; baselines' forecasts are not kept.

    Raises:
        TrainError: the network forecasts what is not finite.
    """
    experiment, panel, splits, scored = (
        prepared.experiment,
        prepared.panel,
        prepared.splits,
        prepared.splits.scored,
    )
    written = splits.test.thin(max(1, _MOST_ROWS // (splits.test.horizon * panel.num_targets)))
    context = MetricContext.from_panel(
        panel, scaler=scaler, train_rows=splits.train_rows, season=experiment.data.season
    )
    ours = {name: network.predict(windows) for name, windows in scored.items()}
    scores: list[Score] = []
    for name, made in ours.items():
        refuse_not_finite(made, name)
        scores += score(made, context, model=NETWORK, split=name)
    units, lowest, lead, best = report.ranked_in(panel.num_targets), math.inf, None, {}
    with np.errstate(
        all="ignore"
    ):  # a baseline may overflow where the data does; its score then has no value
        season = experiment.data.season
        models = baselines.fit_all(splits.train, scaler, season=season)
        for model in (*models, *smoothing.fit_all(experiment.baselines, splits, season=season)):
            for name, windows in scored.items():
                made = model.predict(windows)
                scores += score(made, context, model=model.label, split=name)
            # `made` is now that of the test split, the last one
            error = METRICS[report.RANKING].sort_key(
                find(scores, model=model.label, split="test", metric=report.RANKING, units=units)
            )
            if error < lowest:
                lowest, best = error, {model.label: made.point[written]}
                both = (ours["test"], made)
                lead = significance.diebold_mariano(
                    *(both if units == "data" else (_scaled(each, scaler) for each in both))
                )
    scores += relative_scores(scores, against=baselines.NAIVE2)
    notes, some = report.left_out(scores, ours["test"]), len(written) < len(splits.test)
    notes += (
        [f"forecast.csv holds {len(written):,} of the {len(splits.test):,} test windows, evenly spaced"]
        if some
        else []
    )
    return Forecasts(network=ours, scores=scores, lead=lead, written=written, best=best, notes=notes)


def _scaled(made: Forecast, scaler: Scaler) -> Forecast:
    point, actual = (
        scaler.scale_points(np.asarray(values), made.series) for values in (made.point, made.actual)
    )
    return replace(made, point=point, actual=actual)


def make_report(prepared: Prepared, forecasts: Forecasts) -> Report:
    """Scores of all forecasts, and the verdict on the network."""
    panel, test, scores = prepared.panel, prepared.splits.test, forecasts.scores
    times = len(np.unique(test.origin_time))
    told: dict[str, Any] = {"unit": panel.unit, "targets": panel.num_targets}
    outcome = report.outcome(scores, **told, lead=forecasts.lead, times=times, horizon=test.horizon)
    return Report(
        experiment=prepared.experiment.name,
        unit=panel.unit,
        targets=panel.targets,
        verdict=report.verdict(scores, outcome=outcome, **told, windows=len(test)),
        outcome=outcome,
        notes=tuple(forecasts.notes),
        ledger=report.ledger(panel, prepared.splits, stride=prepared.experiment.window.stride),
        scores=scores,
    )


def refuse_not_finite(made: Forecast, split: str) -> None:
    """A network whose forecasts are not finite is not published.

    Raises:
        TrainError: names the split and the first such window.
    """
    whole = made.point if made.quantiles is None else made.quantiles
    wrong = np.flatnonzero(~np.isfinite(whole.reshape(len(whole), -1)).all(axis=1))
    if len(wrong):
        raise TrainError(
            f"the network's forecast of the {split} split is not finite, first in the window whose targets begin at "
            f"{format_time(made.time[wrong[0], 0])}; lower train.learning_rate, or see whether the data has an outlier there"
        )

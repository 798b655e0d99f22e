"""Forecasts and scores of the network and every baseline, the same way after training and in `evaluate`."""

from rnnfc import baselines, metrics, report
from rnnfc.data.scale import Scaler
from rnnfc.forecast import Forecast, Predictor
from rnnfc.report import NETWORK, Report
from rnnfc.workflows.prepare import Prepared

Forecasts = dict[tuple[str, str], Forecast]


def forecast_all(prepared: Prepared, scaler: Scaler, network: Predictor) -> Forecasts:
    """The forecast of every model on every split, by (model, split)."""
    models = [network, *baselines.fit_all(prepared.splits.train, scaler, season=prepared.experiment.data.season)]
    return {(model.label, name): model.predict(windows) for model in models for name, windows in prepared.splits}


def make_report(prepared: Prepared, scaler: Scaler, forecasts: Forecasts) -> Report:
    """Scores of all forecasts, and the verdict on the network."""
    experiment, panel, splits = prepared.experiment, prepared.panel, prepared.splits
    ruler = metrics.Ruler.of(panel, scaler=scaler, train_rows=splits.train_rows, season=experiment.data.season)
    scores = [row for (model, split), made in forecasts.items() for row in metrics.score(made, ruler, model=model, split=split)]
    lead = metrics.lead(forecasts[NETWORK, "test"], forecasts[report.best_baseline(scores), "test"])
    return Report(
        experiment=experiment.name,
        unit=panel.unit,
        targets=panel.targets,
        verdict=report.verdict(scores, lead=lead, unit=panel.unit, windows=len(splits.test), horizon=splits.test.horizon),
        ledger=report.ledger(panel, splits),
        scores=scores,
    )

"""Train one experiment: network, scores, and the published run folder."""

from dataclasses import dataclass
from pathlib import Path

from rnnfc.data.panel import Panel
from rnnfc.evaluation.series_scores import SeriesScores
from rnnfc.reports.markdown import to_markdown
from rnnfc.reports.report import Report
from rnnfc.runs import run
from rnnfc.runs.forecast_csv import write_forecast
from rnnfc.runs.forecast_parquet import write_forecast_parquet
from rnnfc.runs.run import Run
from rnnfc.runs.series_csv import write_series
from rnnfc.workflows.fit import Finished, Listener, optional, train_network
from rnnfc.workflows.pictures import forecast_picture
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.resume import Unfinished
from rnnfc.workflows.score import Forecasts, forecast_all, make_report


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A published run and its report.

    not_written: why files are missing that no forecast needs, by their names.
    """

    run: Run
    report: Report
    not_written: dict[str, str]


def train(
    prepared: Prepared, *, outputs: Path, listener: Listener, resume_from: Unfinished | None = None
) -> Trained:
    """Train one experiment, score it, and publish its run folder.

    Args:
        resume_from: continue this unfinished run; the result has the same bits as without the break.
    Raises:
        TrainError: training diverged; nothing is published.
        OutputError: the run could not be written.
    """

    def write_results(finished: Finished) -> tuple[Report, dict[str, str]]:
        with finished.phases("score", rows=sum(map(len, prepared.splits.scored.values()))):
            # The exported network is scored: `evaluate` and `predict` read the same file.
            forecasts = forecast_all(prepared, finished.fitted.network.scaler, finished.predictor)
            report = make_report(prepared, forecasts)
        with finished.phases("write"):
            _write_report(finished, prepared, forecasts, report)
        finished.facts["summary"] = report.summary.to_json()
        return report, finished.not_written

    published, (report, not_written) = train_network(
        prepared,
        outputs=outputs,
        listener=listener,
        parent=None,
        resume_from=resume_from,
        parity_windows=prepared.splits.test,
        write_results=write_results,
    )
    return Trained(run=published, report=report, not_written=not_written)


def _write_report(finished: Finished, prepared: Prepared, forecasts: Forecasts, report: Report) -> None:
    """Write the report, and the forecasts of the test windows as table and picture."""
    writer, fitted = finished.writer, finished.fitted
    text = to_markdown(
        report,
        prepared.experiment,
        parameters=fitted.facts["parameters"],
        epochs=len(fitted.history),
        best_epoch=fitted.best_epoch,
    )
    writer.write_json(run.REPORT, report.to_json())
    writer.write(run.REPORT_TEXT, text)
    writer.write_with(run.FORECAST, lambda path: _write_forecast(path, forecasts, prepared.panel))
    if prepared.experiment.report.forecasts == "all":
        test, best = forecasts.network["test"], forecasts.best
        writer.write_with(
            run.FORECAST_PARQUET,
            lambda path: write_forecast_parquet(test, prepared.panel, path, baselines=best),
        )
    series = forecasts.series
    if series is not None:
        writer.write_with(run.SERIES, lambda path: _write_series(path, series))
    with optional(run.FORECAST_PLOT, finished.not_written):
        writer.write(run.FORECAST_PLOT, forecast_picture(prepared, forecasts))


def _write_forecast(path: Path, forecasts: Forecasts, panel: Panel) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        test = forecasts.network["test"].select(forecasts.written)
        best = {name: point[forecasts.written] for name, point in forecasts.best.items()}
        write_forecast(test, panel, file, baselines=best)


def _write_series(path: Path, scores: SeriesScores) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_series(scores, file)

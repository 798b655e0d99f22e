"""Score a finished run again from its files, and say how far the numbers are from those of training."""

from dataclasses import dataclass

from rnnfc.baselines import refuse_missing_extra
from rnnfc.errors import RunError
from rnnfc.reports.report import Report
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.workflows.inference import open_network
from rnnfc.workflows.prepare import prepare_again
from rnnfc.workflows.score import forecast_all, make_report


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The report of a run made again, without the `later` rows, and the largest relative difference of a score to training's."""

    run: Run
    report: Report
    later: int
    largest_difference: float


def evaluate(which: Run, *, runtime: str = "onnx") -> Evaluation:
    """Data from its source, network and scaler from the run folder, every score computed anew.

    Raises:
        DataError: the data is not what the run was trained on; before TensorFlow starts.
        RunError: the run is damaged.
    """
    stored = which.scores()
    refuse_missing_extra(which.experiment().baselines)
    prepared, scaler = prepare_again(which)
    network = open_network(which, prepared.panel, scaler, runtime=runtime)
    report = make_report(prepared, forecast_all(prepared, scaler, network))
    metrics = which.metrics()
    scores = {run.score_key(vars(row)): row.value for row in report.scores if row.metric in metrics}
    if not scores or stored.keys() != scores.keys():
        raise RunError(
            f"{which.folder / run.REPORT}: its scores are not those of its experiment; the run is damaged, train again"
        )
    largest = max(_difference(stored[key], scores[key]) for key in scores)
    return Evaluation(run=which, report=report, later=prepared.panel.later, largest_difference=largest)


def _difference(before: float | None, now: float | None) -> float:
    """Relative to the larger; 1 where only one of the two is defined."""
    if before is None or now is None:
        return 0.0 if before is now else 1.0
    return 0.0 if before == now else abs(before - now) / max(abs(before), abs(now))

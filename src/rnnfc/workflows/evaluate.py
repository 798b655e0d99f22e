"""Score a finished run again from its files, and compare with the scores of training."""

from dataclasses import dataclass

from rnnfc.baselines import refuse_missing_extra
from rnnfc.errors import RunError
from rnnfc.reports.report import Report
from rnnfc.runs.run import REPORT, Run, score_key
from rnnfc.workflows.inference import open_network
from rnnfc.workflows.prepare import prepare_run
from rnnfc.workflows.score import forecast_all, make_report


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A new report of a run.

    later: how many rows were added to the data after training; they are left out.
    largest_difference: of any score from that of training, relative.
    """

    run: Run
    report: Report
    later: int
    largest_difference: float


def evaluate(run: Run, *, runtime: str = "onnx") -> Evaluation:
    """Read the data from its source, network and scaler from the run folder, and compute every score again.

    Raises:
        DataError: the data is not what the run was trained on; raised before TensorFlow starts.
        RunError: the run is damaged.
    """
    stored = run.scores()
    refuse_missing_extra(run.experiment().baselines)
    prepared, scaler = prepare_run(run)
    network = open_network(run, prepared.panel, scaler, runtime=runtime)
    report = make_report(prepared, forecast_all(prepared, scaler, network))
    metrics = run.metrics()
    scores = {score_key(vars(row)): row.value for row in report.scores if row.metric in metrics}
    if not scores or stored.keys() != scores.keys():
        text = "its scores are not those of its experiment; the run is damaged, train it again"
        raise RunError(f"{run.folder / REPORT}: {text}")
    largest = max(_difference(stored[key], scores[key]) for key in scores)
    return Evaluation(run=run, report=report, later=prepared.panel.later, largest_difference=largest)


def _difference(before: float | None, now: float | None) -> float:
    """Relative to the larger; 1 where only one of the two is defined."""
    if before is None or now is None:
        return 0.0 if before is now else 1.0
    return 0.0 if before == now else abs(before - now) / max(abs(before), abs(now))

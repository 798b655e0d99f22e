"""Score a finished run on the rows that came since, beside its test rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnfc.baselines import refuse_missing_extra
from rnnfc.errors import ConfigError
from rnnfc.plain import Json
from rnnfc.reports.report import Report, ScoreSummary
from rnnfc.runs.run import Run
from rnnfc.workflows.inference import choose_runtime, open_network
from rnnfc.workflows.prepare import prepare_new_rows
from rnnfc.workflows.score import forecast_all, make_report


@dataclass(frozen=True, kw_only=True)
class NewRows:
    """The scores of a run on the rows since its training.

    report: of these rows; they are its test rows.
    stored: the error that models are ranked by on the test rows of the run.
    scores: (metric, model, error on the test rows, error since) of the network and every baseline, in data units, over all steps.
    """

    run: Run
    report: Report
    stored: ScoreSummary
    scores: list[tuple[str, str, float | None, float | None]]
    notes: list[str]


def evaluate_new_rows(run: Run, data: Path, *, runtime: str = "onnx") -> NewRows:
    """Score network and baselines of a run, as they are, on the rows of `data` that came after its last row.

    Raises:
        ConfigError: there is no such file, or the run's data is not from one.
        DataError: rows of the run have changed, or there are too few later ones.
        RunError: the run is damaged, or a final fit.
    """
    run.require_test_rows()
    if not data.exists():
        raise ConfigError(f"--data {data}: no such file; name the run's data file, with the rows since")
    refuse_missing_extra(run.experiment().baselines)
    rows = run.score_rows()
    prepared, scaler, unknown = prepare_new_rows(run, data)
    runtime, notes = choose_runtime(run, runtime=runtime)
    if unknown:
        more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        notes = [*notes, f"series {unknown[0]!r}{more} is left out: the run does not know it"]
    network = open_network(run, prepared.panel, scaler, runtime=runtime)
    report = make_report(prepared, forecast_all(prepared, scaler, network))
    before = {_key(row): row["value"] for row in rows if row["split"] == "test"}
    return NewRows(
        run=run,
        report=report,
        stored=ScoreSummary.from_scores(rows, num_targets=prepared.panel.num_targets),
        scores=[
            (row.metric, row.model, _number(before.get(_key(vars(row)))), row.value)
            for row in report.scores
            if (row.split, row.units, row.target, row.step) == ("test", "data", None, None)
        ],
        notes=notes,
    )


def skill(summary: ScoreSummary) -> float | None:
    """1 - error of the network / error of the best baseline on the same rows; None where one of them is not defined."""
    if summary.test is None or not summary.baseline_test:
        return None
    return 1 - summary.test / summary.baseline_test


def _key(row: Mapping[str, Json]) -> tuple[Json, ...]:
    return tuple(row.get(name) for name in ("model", "split", "metric", "units", "target", "step"))


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None

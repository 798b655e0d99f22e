"""rnnfc evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnfc.cli.options import OUTPUTS, AsJson, Outputs, RunName, Runtime, app, print_json

if TYPE_CHECKING:
    from rnnfc.reports.report import ScoreSummary
    from rnnfc.runs.run import Run
    from rnnfc.workflows.evaluate_new_rows import NewRows


@app.command(epilog="Example: rnnfc evaluate sine")
def evaluate(
    name: RunName = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="The run's data file, grown: score its new rows."),
    ] = None,
    skill_limit: Annotated[
        float | None,
        typer.Option(
            "--fail-under-skill",
            metavar="X",
            max=1.0,
            help="Exit with 3 if 1 - RMSE / RMSE of the best baseline is below X.",
        ),
    ] = None,
    runtime: Runtime = "onnx",
    outputs: Outputs = OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """Compute a run's scores again, or those of new rows."""
    from rnnfc.cli.output import show_note
    from rnnfc.runs.find import find

    run = find(outputs, name, scored=True)
    show_note("run", str(run.folder))
    if data is not None:
        summary = _evaluate_new_rows(run, data, runtime=runtime, as_json=as_json, limit=skill_limit)
        is_same = True
    else:
        summary, is_same = _evaluate_trained(run, runtime=runtime, as_json=as_json)
    if not is_same:
        raise typer.Exit(1)
    if skill_limit is not None:
        _require_skill(summary, skill_limit)


def _evaluate_trained(run: "Run", *, runtime: str, as_json: bool) -> "tuple[ScoreSummary, bool]":
    """Show the scores; returns their summary, and whether they are those of training."""
    from rnnfc.cli.output import show_note, show_result
    from rnnfc.cli.report_output import show_report
    from rnnfc.workflows.evaluate import evaluate as evaluate_run

    result = evaluate_run(run, runtime=runtime)
    for text in result.notes:
        show_note("note", text)
    if as_json:
        facts = {"run": str(run.folder), "largest_difference": result.largest_difference}
        facts["changed_scores"] = list(result.changed_scores)
        print_json({**facts, **result.report.to_json()})
    else:
        show_report(result.report)
        if result.later:
            text = f"{result.later:,} rows added to the data since training are left out; --data FILE scores them"
            show_note("note", text)
        scores = "NOT the scores of" if result.changed_scores else "the same scores as"
        largest = f"largest difference {result.largest_difference:.1e}"
        if result.largest_difference:
            largest += f" of its value: {result.largest}"
        show_result("check", f"{scores} training ({largest})")
    return result.report.summary, not result.changed_scores


def _evaluate_new_rows(
    run: "Run", data: Path, *, runtime: str, as_json: bool, limit: float | None
) -> "ScoreSummary":
    """Show the scores of the rows since training beside those of the test rows; returns the summary of the former."""
    from rnnfc.cli.output import show_note, show_result
    from rnnfc.workflows.evaluate_new_rows import evaluate_new_rows, skill

    result = evaluate_new_rows(run, data, runtime=runtime)
    for text in result.notes:
        show_note("note", text)
    summary, ledger = result.report.summary, result.report.ledger
    if as_json:
        names = ("metric", "model", "test", "since")
        print_json(
            {
                "run": str(run.folder),
                "data": str(data),
                "windows": ledger.windows["test"],
                "first_target": ledger.first_test_target,
                "last_target": ledger.last_test_target,
                "skill": {"test": skill(result.stored), "since": skill(summary), "limit": limit},
                "outcome": result.report.outcome,
                "notes": [*result.notes, *result.report.notes],
                "scores": [dict(zip(names, row, strict=True)) for row in result.scores],
            }
        )
        return summary
    show_result(
        "since",
        f"{ledger.windows['test']:,} windows, {ledger.first_test_target} to {ledger.last_test_target}",
    )
    _show_scores(result)
    show_result("verdict", result.report.outcome)
    for text in result.report.notes:
        show_note("note", text)
    return summary


def _show_scores(result: "NewRows") -> None:
    """Every metric of the network, and the RMSE of every model, on the test rows and since."""
    from rnnfc.cli.output import show_table
    from rnnfc.evaluation.metrics import heading
    from rnnfc.reports.report import NETWORK, RANKING_METRIC
    from rnnfc.reports.text import format_number
    from rnnfc.workflows.evaluate_new_rows import skill

    def shown(value: float | None) -> str:
        return "-" if value is None else format_number(value)

    rows = [row for row in result.scores if row[1] == NETWORK]
    rows += [row for row in result.scores if row[1] != NETWORK and row[0] == RANKING_METRIC]
    show_table(
        ["model", "metric", "test", "since"],
        [
            *([model, heading(metric), shown(test), shown(since)] for metric, model, test, since in rows),
            [NETWORK, "skill", shown(skill(result.stored)), shown(skill(result.report.summary))],
        ],
    )


def _require_skill(summary: "ScoreSummary", limit: float) -> None:
    """Exit with 3 where the network's skill is below the limit, or not defined."""
    from rnnfc.cli.output import show_note
    from rnnfc.workflows.evaluate_new_rows import skill

    value = skill(summary)
    if value is not None and value >= limit:
        return
    text = "is not defined" if value is None else f"{value:.3g} against {summary.baseline} is below {limit:g}"
    show_note("skill", text)
    raise typer.Exit(3)

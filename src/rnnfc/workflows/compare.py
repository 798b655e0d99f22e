"""Runs side by side on the same test rows, in data units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.errors import RunError
from rnnfc.evaluation import significance
from rnnfc.evaluation.metrics import METRICS
from rnnfc.evaluation.scores import measure
from rnnfc.plain import Json, JsonObject
from rnnfc.reports.report import NETWORK, RANKING_METRIC, ScoreSummary
from rnnfc.runs import run as run_files
from rnnfc.runs.run import REPORT, Run
from rnnfc.runs.writer import MANIFEST, json_text, manifest, new_files
from rnnfc.workflows.compare_picture import comparison_picture
from rnnfc.workflows.comparison import VALUE_METRICS, Comparison, ModelScores, RankBy, RunFacts
from rnnfc.workflows.shared_rows import (
    ForecastTable,
    RowKey,
    describe_steps,
    error_sizes,
    read_table,
    require_same_data,
    shared_rows,
    shared_unit,
)


def compare(runs: Sequence[Run], *, rank_by: RankBy | None = None, output: Path | None = None) -> Comparison:
    """Score the runs on the test rows that all of them have, whatever file these were read from.

    Rows are the same where target, series, time and step are. A run that is named twice counts once.

    Args:
        rank_by: the error that orders them; None: of validation, or of test where a run has no validation rows.
        output: a new folder for table, picture and numbers.
    Raises:
        RunError: fewer than two runs, no common rows, runs of different data, or no validation rows to rank by.
        ConfigError: `output` exists.
    """
    runs = _different(runs)
    for run in runs:
        run.require_test_rows()
    unit = shared_unit(runs)
    tables = [read_table(run) for run in runs]
    shared = shared_rows(runs, tables)
    values = [np.array([table.rows[key] for key in shared]).T for table in tables]
    actual = values[0][0]
    require_same_data(runs, [columns[0] for columns in values], actual)
    size, unit = error_sizes(shared, actual, unit=unit)
    reports = [_report_rows(run) for run in runs]
    scores: dict[tuple[object, ...], tuple[ModelScores, Floats]] = {}
    for run, table, columns, report in zip(runs, tables, values, reports, strict=True):
        for model, point in zip((NETWORK, table.baseline), columns[1:], strict=False):
            if model is None:
                continue
            row = ModelScores(
                run=run.name,
                model=model,
                values=_measure(shared, actual / size, point / size),
                validation=_validation(report, model=model, num_targets=len(table.targets)),
            )
            same = run.folder if model == NETWORK else tuple(row.values.values())
            scores.setdefault((model, same), (row, point))
    rank_by, rank_note = _choose_rank([row for row, _ in scores.values()], rank_by)
    ranked = sorted(scores.values(), key=lambda pair: _rank_key(pair[0], rank_by))
    points = [point for _, point in ranked]
    comparison = Comparison(
        folder=output,
        rows=len(shared),
        num_times=len({tables[0].origins[key] for key in shared}),
        horizon=max(key.step for key in shared),
        unit=unit,
        note=describe_steps(tables, shared),
        rank_by=rank_by,
        rank_note=rank_note,
        scores=_tested([row for row, _ in ranked], points, tables[0], shared, actual=actual, size=size),
        runs=[_facts(*each) for each in zip(runs, tables, reports, strict=True)],
    )
    if output is not None:
        _save(comparison, output, comparison_picture(runs, tables, shared, comparison, [actual, *points]))
    return comparison


def _different(runs: Sequence[Run]) -> list[Run]:
    """The runs, each once."""
    num_names = len(runs)
    runs = list({run.folder.resolve(): run for run in reversed(runs)}.values())[::-1]
    if len(runs) == 1 and num_names > 1:
        names = "both names mean" if num_names == 2 else "all names mean"
        raise RunError(
            f"{names} run {runs[0].name}; compare needs two different finished runs: rnnfc compare RUN RUN"
        )
    if len(runs) < 2:
        raise RunError(
            "compare needs two different finished runs; train another, or name them: rnnfc compare RUN RUN"
        )
    return runs


def _measure(shared: Sequence[RowKey], actual: Floats, point: Floats) -> dict[str, float | None]:
    """Each metric; those of each series are of each target, too."""
    numbers = {names: number for number, names in enumerate(dict.fromkeys(key[:2] for key in shared))}
    series = np.array([numbers[key[:2]] for key in shared])
    return {
        name: measure(metric, actual=actual, point=point, series=series)
        for name, metric in VALUE_METRICS.items()
    }


def _report_rows(run: Run) -> list[JsonObject]:
    """The pooled scores of the run's report on validation and test rows."""
    rows = run.score_rows() if "scores" in run.report() else []
    for row in rows:
        value = row.get("value")
        if not (value is None or (isinstance(value, int | float) and math.isfinite(value))):
            raise RunError(
                f"{run.folder / REPORT}: a score is not a finite number; the run is damaged, train it again"
            )
    return [
        row
        for row in rows
        if row.get("split") in ("validation", "test") and (row.get("target"), row.get("step")) == (None, None)
    ]


def _validation(rows: Sequence[JsonObject], *, model: str, num_targets: int) -> float | None:
    """The error that models are ranked by, of one model on the run's validation rows."""
    own = [{**row, "model": NETWORK} for row in rows if row.get("model") == model]
    try:
        return ScoreSummary.from_scores(own, num_targets=num_targets).validation
    except (KeyError, TypeError):
        return None


def _choose_rank(scores: Sequence[ModelScores], rank_by: RankBy | None) -> tuple[RankBy, str]:
    """The rows that decide the order, and why these are not validation rows."""
    without = [row.run for row in scores if row.model == NETWORK and row.validation is None]
    if rank_by is None:
        return ("test", f"{without[0]} has no validation score") if without else ("validation", "")
    if rank_by == "validation" and without:
        raise RunError(f"{without[0]} has no validation score to rank by; use --rank-by test")
    return rank_by, ""


def _rank_key(row: ModelScores, rank_by: RankBy) -> tuple[float, float]:
    metric = METRICS[RANKING_METRIC]
    test = metric.sort_key(row.values[RANKING_METRIC])
    return (metric.sort_key(row.validation), test) if rank_by == "validation" else (test, 0.0)


def _tested(
    scores: Sequence[ModelScores],
    points: Sequence[Floats],
    table: ForecastTable,
    shared: Sequence[RowKey],
    *,
    actual: Floats,
    size: Floats,
) -> list[ModelScores]:
    """The scores with the significance of the difference of each to the first network."""
    windows = [(key.series, table.origins[key]) for key in shared]
    numbers = {window: number for number, window in enumerate(dict.fromkeys(windows))}
    window = np.array([numbers[each] for each in windows])
    origins = np.array([origin for _, origin in numbers])
    horizon = max(key.step for key in shared)
    times = len(set(origins.tolist()))
    first = next(place for place, row in enumerate(scores) if row.model == NETWORK)
    tested = []
    with np.errstate(all="ignore"):
        errors = [((point - actual) / size) ** 2 for point in points]
        for place, (row, error) in enumerate(zip(scores, errors, strict=True)):
            difference = np.bincount(window, weights=error - errors[first]) / np.bincount(window)
            text = _significance(difference, origins, times=times, horizon=horizon)
            tested.append(row if place == first else replace(row, against_first=text))
    return tested


def _significance(difference: Floats, origins: Floats, *, times: int, horizon: int) -> str:
    if not difference.any():
        return "none"
    if times < significance.min_times(horizon):
        return "not tested"
    statistic = significance.difference_statistic(difference, origins, horizon=horizon)
    if statistic is None or abs(statistic) < significance.critical_value(times, horizon=horizon):
        return "could be chance"
    return "significant"


def _facts(run: Run, table: ForecastTable, rows: Sequence[JsonObject]) -> RunFacts:
    info = run.info()
    phases = info.get("phases")
    training = phases.get("train") if isinstance(phases, Mapping) else None
    seconds = training.get("seconds") if isinstance(training, Mapping) else None
    report_scores: dict[str, dict[str, float | None]] = {}
    for row in rows:
        value = row.get("value")
        if (row.get("model"), row.get("units")) == (NETWORK, "data"):
            own = report_scores.setdefault(str(row["split"]), {})
            own[str(row.get("metric"))] = value if isinstance(value, int | float) else None
    return RunFacts(
        run=run.name,
        seed=_whole(info.get("seed")),
        parameters=_whole(info.get("parameters")),
        epochs=_whole(info.get("epochs")),
        seconds=seconds if isinstance(seconds, int | float) else None,
        rows=len(table.rows),
        report_scores=report_scores,
    )


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _save(comparison: Comparison, folder: Path, picture: bytes) -> None:
    """Write table, numbers and picture into a new folder."""
    content = {name: value for name, value in comparison.to_json().items() if name != "folder"}
    files = {
        run_files.COMPARE: json_text(content).encode(),
        run_files.COMPARE_TEXT: comparison.to_markdown().encode(),
        run_files.COMPARE_PLOT: picture,
    }
    with new_files(folder) as (place,):
        place.mkdir()
        for name, data in files.items():
            (place / name).write_bytes(data)
        (place / MANIFEST).write_text(manifest(place, files), encoding="utf-8")

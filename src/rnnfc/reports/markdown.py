"""report.md: the verdict, then tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.evaluation.series_scores import SeriesScores
from rnnfc.reports.report import (
    NETWORK,
    RANKING_METRIC,
    SHOWN_SERIES,
    Ledger,
    Report,
    ranking_prefix,
    ranking_units,
)
from rnnfc.reports.text import (
    describe_better,
    escape_markdown,
    format_number,
    format_table,
    series_of_rows,
    series_with_windows,
)
from rnnfc.reports.verdict import CHANCE_NOTE

_TARGETS_NOTE = (
    "Models are ranked by their {error}: in data units a target with large numbers would outweigh the others."
)
# The score that a cell shows, except for what its row and its column say.
_Fields = Mapping[str, str | int | None]
_POOLED: _Fields = {
    "model": NETWORK,
    "split": "test",
    "metric": RANKING_METRIC,
    "units": "data",
    "target": None,
    "step": None,
}


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Fields of a score by the name of each row and each column."""

    title: str
    corner: str
    rows: Mapping[str, _Fields]
    columns: Mapping[str, _Fields]


def to_markdown(
    report: Report, experiment: Experiment, *, parameters: int, epochs: int, best_epoch: int = 0
) -> str:
    """The text of report.md.

    Args:
        best_epoch: the epoch whose weights were kept; 0 for the last.
    """
    window, best = experiment.window, f" (kept: epoch {best_epoch:,})" if best_epoch else ""
    targets = ", ".join(map(escape_markdown, report.targets))
    unit = f" in {escape_markdown(report.unit)}" if report.unit else ""
    lines = [
        escape_markdown(report.verdict),
        "",
        f"# {experiment.name}",
        "",
        f"{experiment.model.label}, {parameters:,} parameters, {epochs:,} epochs{best}; windows of {window.length:,} rows, "
        f"horizon {window.horizon:,}; target {targets}{unit}; seed {experiment.seed}.",
        "",
        CHANCE_NOTE,
        *(["", _TARGETS_NOTE.format(error=_ranking_error(report))] if len(report.targets) > 1 else []),
    ]
    scores = {
        (row.model, row.split, row.metric, row.units, row.target, row.step): row.value
        for row in report.scores
    }
    for table in _tables(report, experiment):
        rows = [
            [
                name,
                *(
                    format_number(scores[tuple({**_POOLED, **row, **column}.values())])  # type: ignore[index]  # keys in the order above
                    for column in table.columns.values()
                ),
            ]
            for name, row in table.rows.items()
        ]
        lines += ["", f"## {table.title}", "", *format_table([table.corner, *table.columns], rows)]
        metrics = [str(column["metric"]) for column in table.columns.values() if "metric" in column]
        if better := describe_better(metrics):
            lines += ["", better]
    if report.series is not None:
        lines += _series_lines(report, report.series)
    notes = [f"- {escape_markdown(text)}" for text in report.notes]
    return "\n".join([*lines, "", "## Rows and windows", "", *_ledger_lines(report.ledger), *notes]) + "\n"


def _tables(report: Report, experiment: Experiment) -> Iterator[_Table]:
    """The tables in their order, models from best to worst."""
    horizon, targets = experiment.window.horizon, report.targets
    models: dict[str, _Fields] = {
        f"**{model}**" if model == NETWORK else model: {"model": model} for model in report.models
    }
    steps: dict[str, _Fields] = {str(step): {"step": step} for step in range(1, horizon + 1) if horizon > 1}
    pooled = {
        (row.metric, row.units)
        for row in report.scores
        if (row.split, row.target, row.step) == ("test", None, None)
    }
    points, scaled, relative = (
        {
            heading(name): {"metric": name, "units": units}
            for name, metric in METRICS.items()
            if metric.over == "point" and (name, units) in pooled
        }
        for units in ("data", "scaled", "range")
    )
    yield _Table(title="Test rows, data units", corner="model", rows=models, columns=points)
    if names := report.quantile_metrics:
        yield _Table(
            title="Test rows, quantiles of the network",
            corner="step",
            rows={"all": {}, **steps},
            columns={heading(name): {"metric": name} for name in names},
        )
    if experiment.scale.label != "none":
        title = f"Test rows, scaled ({experiment.scale.label})"
        yield _Table(title=title, corner="model", rows=models, columns=scaled)
    if relative:
        title = "Test rows, relative to each target's training range"
        yield _Table(title=title, corner="model", rows=models, columns=relative)
    if len(targets) > 1:
        yield _Table(
            title="Test rows by target, data units",
            corner="target, model",
            rows={
                f"{escape_markdown(target)}, {model}": {"target": target, **row}
                for target in targets
                for model, row in models.items()
            },
            columns={
                heading(name): {"metric": name}
                for name, metric in METRICS.items()
                if metric.over == "point" and metric.units == "data" and metric.summary
            },
        )
    units, error = ranking_units(report.scores, num_targets=len(targets)), _ranking_error(report)
    yield _Table(
        title=f"Every split, {error}",
        corner="model",
        rows=models,
        columns={split: {"split": split, "units": units} for split in report.ledger.windows},
    )
    if steps:
        rows: dict[str, _Fields] = {name: {**row, "units": units} for name, row in steps.items()}
        yield _Table(title=f"Test rows by step, {error}", corner="step", rows=rows, columns=models)


def _ranking_error(report: Report) -> str:
    """The error that models are ranked by, with its units."""
    name = heading(RANKING_METRIC)
    return {
        "data": f"{name} in data units",
        "scaled": f"scaled {name}",
        "range": f"{name} relative to each target's training range",
    }[ranking_units(report.scores, num_targets=len(report.targets))]


def _series_lines(report: Report, scores: SeriesScores) -> list[str]:
    """The worst series, how many more there are, and in how many the network is better than the best baseline."""
    many_targets = len(report.targets) > 1
    error = f"{ranking_prefix(report.scores, num_targets=len(report.targets))}{heading(RANKING_METRIC)}"
    columns = scores.columns()
    shown = {error: scores.ranking}
    shown |= {heading(name): name for name in ("mae", "mase") if name in columns}
    if scores.baseline is not None:
        shown[f"{scores.baseline} {error}"] = f"{scores.ranking}_{scores.baseline.replace(' ', '_')}"
        shown["skill"] = "skill"
    total, more = len(scores.series), len(scores.series) - SHOWN_SERIES
    rows = [
        [
            escape_markdown(f"{series}, {target}" if many_targets else series),
            f"{scores.windows[row]:,}",
            *(_format_score(columns[name][row]) for name in shown.values()),
        ]
        for row, (series, target) in enumerate(
            zip(scores.series[:SHOWN_SERIES], scores.targets, strict=False)
        )
    ]
    noun = "series and targets" if many_targets else "series"
    lower, higher = scores.counts()
    unscored = total - scores.num_scored
    sentences = [f"{more:,} more {noun} in series.csv." if more > 0 else "All scores are in series.csv."]
    if unscored:
        sentences.append(f"{unscored:,} of {total:,} {noun} have no known test value.")
    if scores.baseline is not None:
        sentences.append(f"Skill is 1 minus the network's {error} as a share of the {scores.baseline}'s.")
        sentences.append(
            f"The network's is lower in {lower:,} of {total - unscored:,} {noun}, higher in {higher:,}."
        )
    corner = "series, target" if many_targets else "series"
    return [
        *("", f"## Test rows by series, the highest {error} first", ""),
        *format_table([corner, "windows", *shown], rows),
        *("", " ".join(sentences)),
    ]


def _format_score(value: float) -> str:
    return format_number(None if np.isnan(value) else float(value))


def _ledger_lines(ledger: Ledger) -> list[str]:
    with_windows = {
        name: series_with_windows(number, ledger.series)
        for name, number in (ledger.window_series or {}).items()
    }
    windows = ", ".join(
        f"{name} {count:,}{with_windows.get(name, '')}" for name, count in ledger.windows.items()
    )
    stride = f" (one training window in {ledger.stride:,} rows)" if ledger.stride > 1 else ""
    num_scored = ledger.scored_windows["train"]
    sample = [f"- training windows scored: {num_scored:,}, evenly spaced"]
    return [
        f"- rows: {ledger.rows:,}{series_of_rows(ledger.series, ledger.left_out_series)}, "
        f"missing values filled: {ledger.filled_values:,} (never scored)",
        f"- windows: {windows}{stride}",
        *(sample if num_scored < ledger.windows["train"] else []),
        f"- test values scored: {ledger.scored_test_values:,}, "
        f"from {ledger.first_test_target} to {ledger.last_test_target}",
    ]

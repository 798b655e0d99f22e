"""What a comparison of runs holds, and how it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.evaluation.significance import min_times
from rnnfc.plain import JsonObject
from rnnfc.reports.report import NETWORK, RANKING_METRIC
from rnnfc.reports.text import describe_better, escape_markdown, format_number, format_table

RankBy = Literal["validation", "test"]
# Metrics of actual values and point forecasts alone, which is what forecast.csv holds.
VALUE_METRICS = {name: metric for name, metric in METRICS.items() if metric.needs_values_only}


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """Scores of one model on the common rows, by metric; `model` is the network, or the best baseline of the run.

    validation: the error that models are ranked by, on the run's own validation rows; None where it has none.
    against_first: of the difference to the first run: `significant`, `could be chance`, `not tested`, `none`; empty in its row.
    """

    run: str
    model: str
    values: dict[str, float | None]
    validation: float | None
    against_first: str = ""

    def to_json(self) -> JsonObject:
        """One flat row."""
        return {
            "run": self.run,
            "model": self.model,
            **self.values,
            "validation": self.validation,
            "against_first": self.against_first,
        }


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a run tells about itself; None where it does not, as in a run of an earlier version.

    rows: of its forecast.csv with a known actual value.
    seconds: of training alone.
    report_scores: scores of its report, in data units, by split (validation, test) and metric; each on the run's own rows.
    """

    run: str
    seed: int | None
    parameters: int | None
    epochs: int | None
    seconds: float | None
    rows: int
    report_scores: Mapping[str, Mapping[str, float | None]]

    def to_json(self) -> JsonObject:
        """Plain values."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of each run, and of the baselines that the runs hold, on the rows that all forecast, the best first.

    folder: where it was written; None where it was not.
    rows: how many rows all runs have in common.
    unit: of the errors; with several targets, whose units may differ, errors count in standard deviations of the actual values.
    num_times, horizon: of the common rows, different origin times and the last step.
    note: which steps of the forecasts are compared, e.g. `step 1 of each forecast`; empty where it is all of them.
    rank_by: the rows whose error decides the order; rank_note: why not by validation; empty if it is, or test was asked for.
    scores: a baseline whose scores are the same in several runs is listed once.
    """

    folder: Path | None
    rows: int
    num_times: int
    horizon: int
    unit: str
    note: str
    rank_by: RankBy
    rank_note: str
    scores: list[ModelScores]
    runs: list[RunFacts]

    @property
    def names(self) -> list[str]:
        """A name for each of the scores: the run, or the baseline, with its run where several have the same name."""
        models = [row.model for row in self.scores]
        return [
            row.run
            if row.model == NETWORK
            else f"{row.model} (baseline{'' if models.count(row.model) == 1 else f' of {row.run}'})"
            for row in self.scores
        ]

    @property
    def title(self) -> str:
        """How many rows are compared, in which unit, and of which steps."""
        unit = f", in {self.unit}" if self.unit else ""
        return f"{self.rows:,} test rows that all runs forecast{unit}{f' ({self.note})' if self.note else ''}"

    @property
    def notes(self) -> list[str]:
        """Sentences on the order, the rows that are not common, and the comparison with the first."""
        name = heading(RANKING_METRIC)
        ranked = f"ranked by {self.rank_by} {name}"
        if self.rank_by == "validation":
            ranked += ", of each run's own validation rows"
        if self.rank_note:
            ranked += f": {self.rank_note}"
        partly = [f"{facts.run} has {facts.rows:,}" for facts in self.runs if facts.rows != self.rows]
        return [
            ranked,
            *([f"rows that all runs have: {self.rows:,}; {', '.join(partly)}"] if partly else []),
            f"against the first run: {self._test()}",
        ]

    def _test(self) -> str:
        """What the significance is that of, or why there is none."""
        if any(row.against_first == "not tested" for row in self.scores):
            needed = min_times(self.horizon)
            return f"not tested, as the common rows have {self.num_times:,} origin times, and the test needs {needed:,}"
        return "Diebold-Mariano test of squared errors, two-sided, 5 %"

    def table(self, *, complete: bool) -> tuple[list[str], list[list[str]]]:
        """Headings, and each row's name and cells as text; only the metrics that the console shows unless it is complete."""
        metrics = [name for name, metric in VALUE_METRICS.items() if complete or metric.summary]
        facts = {row.run: row for row in self.runs}
        rows = []
        for name, row in zip(self.names, self.scores, strict=True):
            own = facts[row.run] if row.model == NETWORK else None
            rows.append(
                [
                    name,
                    *(format_number(row.values[metric]) for metric in metrics),
                    format_number(row.validation),
                    row.against_first,
                    *(
                        ["", "", ""]
                        if own is None
                        else [_count(own.seed), _count(own.parameters), format_number(own.seconds)]
                    ),
                ]
            )
        validation = f"validation {heading(RANKING_METRIC)}"
        return [
            *("run", *map(heading, metrics), validation),
            *("against the first run", "seed", "parameters", "seconds"),
        ], rows

    def to_markdown(self) -> str:
        """The table, what its columns mean, and all metrics of the runs' own reports."""
        headings, rows = self.table(complete=True)
        lines = [
            escape_markdown(self.title),
            "",
            *format_table(headings, _escaped(rows)),
            "",
            describe_better(list(VALUE_METRICS)),
            *(line for text in self.notes for line in ("", f"{escape_markdown(text)}.")),
        ]
        report_scores = self._reported()
        if report_scores is not None:
            names, cells = report_scores
            metrics = [heading(name) for name in names]
            lines += [
                "",
                "## Reports, each run's own rows",
                "",
                *format_table(["run", *metrics], _escaped(cells)),
            ]
            if better := describe_better(names):
                lines += ["", better]
        return "\n".join(lines) + "\n"

    def _reported(self) -> tuple[list[str], list[list[str]]] | None:
        """Names of all metrics of the reports, and a row for each run and split; None where no run has them."""
        parts = [
            (facts.run, split, scores) for facts in self.runs for split, scores in facts.report_scores.items()
        ]
        names = list(dict.fromkeys(name for _, _, scores in parts for name in scores))
        rows = [
            [f"{run}, {split}", *(format_number(scores.get(name)) for name in names)]
            for run, split, scores in parts
        ]
        return (names, rows) if names else None

    def to_json(self) -> JsonObject:
        """Plain values, for --json; compare.json has all but the folder."""
        return {
            "folder": None if self.folder is None else str(self.folder),
            "unit": self.unit,
            "rows": self.rows,
            "note": self.note,
            "rank_by": self.rank_by,
            "scores": [row.to_json() for row in self.scores],
            "runs": [facts.to_json() for facts in self.runs],
        }


def _escaped(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[escape_markdown(name), *cells] for name, *cells in rows]


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"

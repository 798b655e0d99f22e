"""The MSE report: a verdict in words, tidy scores of the network and every baseline, and where the windows went."""

import html
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Panel, format_time
from rnnfc.data.windows import Splits
from rnnfc.errors import visible
from rnnfc.evaluation import significance
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.metrics import METRICS, heading, parse_name
from rnnfc.evaluation.scores import Score, find, to_json

NETWORK = "network"
# The metric that models are ranked by, and the one that the verdict opens with.
RANKING, HEADLINE = "rmse", "mse"
# Origin times of windows that do not overlap: with fewer the statistic is far from normal, and nothing is told from chance.
_FEWEST = 10
_CHANCE = (
    'A difference between network and best baseline "could be chance" where a two-sided Diebold-Mariano test of their squared '
    f"test errors does not tell them apart at the 5 % level; it needs {_FEWEST} test windows for each step of the horizon, "
    "where those of all series that begin at the same time are one."
)
_SEVERAL = (
    f"Models are ranked by their scaled {heading(RANKING)}: "
    "in data units a target with large numbers would outweigh the others."
)
# The score that a cell of a table shows, but for what its row and its column name.
_POOLED = {
    "model": NETWORK,
    "split": "test",
    "metric": RANKING,
    "units": "data",
    "target": None,
    "step": None,
}
_Cells = dict[str, dict[str, Any]]
# What Markdown, or HTML inside it, would read as more than the character.
_MARKUP = re.compile(r"[\\`*\[\]|~$]")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What report.json and report.md hold; `outcome` is the end of `verdict`, without the numbers that it opens with."""

    experiment: str
    unit: str
    targets: tuple[str, ...]
    verdict: str
    outcome: str
    notes: tuple[str, ...] = ()
    ledger: dict[str, Any]
    scores: list[Score]

    def test(self, metric: str, *, units: str = "data", model: str = NETWORK) -> float | None:
        """One pooled score on the test windows; None where it is not defined or not finite."""
        return find(self.scores, model=model, split="test", metric=metric, units=units)

    @property
    def models(self) -> list[str]:
        """The network and the baselines, the best test RMSE first; models without one last, by name."""
        return list(_test_errors(self.scores, len(self.targets)))

    @property
    def quantile_metrics(self) -> list[str]:
        """Names of the scores of the network's quantiles, see `scores.score`; none without levels."""
        names = dict.fromkeys(row.metric for row in self.scores)
        return [name for name in names if parse_name(name)[0].over != "point"]

    def to_json(self) -> dict[str, Any]:
        """Plain values, scores as rows."""
        head = {
            name: getattr(self, name)
            for name in ("verdict", "outcome", "notes", "experiment", "unit", "targets", "ledger")
        }
        return {**head, "scores": to_json(self.scores)}


def ledger(panel: Panel, splits: Splits, *, stride: int) -> dict[str, Any]:
    """Rows in, windows out: what was filled, how many windows each split has and are scored, how many test values, and when."""
    test = splits.test
    first, last = test.span
    return {
        "rows": panel.num_rows,
        "series": len(panel.series),
        "left_out_series": panel.left_out,
        **(
            {"window_series": {name: windows.num_series for name, windows in splits}}
            if len(panel.series) > 1
            else {}
        ),
        "filled_values": int(panel.filled.sum()),
        "stride": stride,
        "windows": {name: len(windows) for name, windows in splits},
        "scored_windows": {name: len(windows) for name, windows in splits.scored.items()},
        "scored_test_values": int((~np.isnan(test.actual())).sum()),
        "first_test_target": format_time(first),
        "last_test_target": format_time(last),
    }


def ranked_in(targets: int) -> str:
    """Units of the test RMSE that models are ranked by: data, but scaled for several targets, which may differ in unit."""
    return "data" if targets == 1 else "scaled"


def verdict(scores: list[Score], *, outcome: str, unit: str, targets: int, windows: int) -> str:
    """One sentence: the network's test MSE, then the outcome."""
    data, scaled = (
        find(scores, model=NETWORK, split="test", metric=HEADLINE, units=units)
        for units in ("data", "scaled")
    )
    size = f"{figure(data)}{f' {unit}²' if unit else ''} (scaled {figure(scaled)})"
    return (
        f"Test {heading(HEADLINE)} {size if targets == 1 else f'{figure(scaled)} (scaled, {targets} targets)'} "
        f"over {windows:,} {'window' if windows == 1 else 'windows'}: {outcome}"
    )


def outcome(
    scores: list[Score], *, lead: float | None, unit: str, targets: int, times: int, horizon: int
) -> str:
    """By how much the network beats or loses to the best baseline, and whether that could be chance.

    Args:
        lead: `significance.diebold_mariano` of the network over that baseline.
        times: how many different origin times the test windows have.
    """
    errors = _test_errors(scores, targets)
    rival = next(model for model in errors if model != NETWORK)
    ours, theirs = errors[NETWORK], errors[rival]
    if ours is None:
        return "the network's test error is not finite."
    if theirs is None:
        return "the network's test error is finite, that of every baseline is not."
    name = heading(RANKING)
    measure, unit = (name, f" {unit}" if unit else "") if targets == 1 else (f"scaled {name}", "")
    sizes = f"{measure} {figure(ours)} against {figure(theirs)}{unit}, {_relation(ours, theirs)}"
    few = times < _FEWEST * horizon
    if few or lead is None or abs(lead) < significance.critical_value(times):
        gain = "shows no clear gain over" if ours < theirs else "does not beat"
        doubt = "too few windows to tell from chance" if few else "could be chance"
        return f"the network {gain} the best baseline, the {rival} ({sizes}: {doubt})."
    if ours < theirs:
        # A forecast that has no logarithm has no scaled error: nothing is told of its baseline.
        scored = f" that has a {measure}" if None in errors.values() else ""
        return f"the network beats every baseline{scored}; the best of them is the {rival} ({sizes})."
    return f"the network loses to the best baseline, the {rival} ({sizes})."


def left_out(scores: list[Score], test: Forecast) -> list[str]:
    """What of the test windows is not in the scores, a sentence each: values that are missing, series without a value."""
    actual = test.point if test.actual is None else test.actual
    missing, each = int(np.isnan(actual).sum()), len(np.unique(test.series)) * actual.shape[2]
    notes = [f"{missing:,} of {actual.size:,} test values are missing and not scored"] if missing else []
    wanted = (NETWORK, "test", None, None)
    pooled = (row for row in scores if (row.model, row.split, row.target, row.step) == wanted)
    lacking = [(row.undefined, parse_name(row.metric)) for row in pooled if row.undefined]
    return [
        *notes,
        *(
            f"{count:,} of {each:,} series have no {' '.join([metric.heading, *([suffix] if suffix else [])])}, "
            "and are not in its mean"
            for count, (metric, suffix) in lacking
        ),
    ]


def _test_errors(scores: list[Score], targets: int) -> dict[str, float | None]:
    """The pooled test RMSE of each model, the lowest first; models without one last, by name."""
    wanted = ("test", RANKING, ranked_in(targets), None, None)
    errors = {
        row.model: row.value
        for row in scores
        if (row.split, row.metric, row.units, row.target, row.step) == wanted
    }
    return dict(sorted(errors.items(), key=lambda item: (METRICS[RANKING].sort_key(item[1]), item[0])))


def _relation(ours: float, theirs: float) -> str:
    if theirs == 0:
        return "which makes no error at all"
    if ours >= 2 * theirs:
        return f"{figure(ours / theirs)} times as high"
    if ours == theirs:
        return "the same"
    return f"{abs(ours / theirs - 1):.1%} {'lower' if ours < theirs else 'higher'}".replace("%", " %")


def figure(value: float | None) -> str:
    """A number for people: four significant digits; a dash where it is not defined."""
    if value is None:
        return "–"
    size = abs(float(f"{value:.4g}"))  # 9.99996 is a number of two digits before the point
    if size != 0 and not (size >= 1e-3 and abs(value) < 1e6):
        return f"{value:.3e}"
    digits = max(0, 3 - math.floor(math.log10(size))) if size else 4
    return f"{value:,.{digits}f}"


def literal(text: str) -> str:
    """`text` on one line of Markdown that shows it as it is: no table cell, link, HTML or formula begins in it."""
    return _MARKUP.sub(r"\\\g<0>", html.escape(visible(text.replace("\n", " ")), quote=False))


def to_markdown(
    report: Report, experiment: Experiment, *, parameters: int, epochs: int, best_epoch: int = 0
) -> str:
    """report.md: the verdict, then tables.

    Args:
        best_epoch: the epoch whose weights were kept; 0 for the last.
    """
    model, window = experiment.model, experiment.window
    unit = f" in {literal(report.unit)}" if report.unit else ""
    kept = f" (kept: epoch {best_epoch:,})" if best_epoch else ""
    lines = [
        literal(report.verdict),
        "",
        f"# {experiment.name}",
        "",
        f"{model.label}, {parameters:,} parameters, {epochs:,} epochs{kept}; windows of {window.length:,} rows, horizon "
        f"{window.horizon:,}; target {', '.join(map(literal, report.targets))}{unit}; seed {experiment.seed}.",
        "",
        _CHANCE,
        *(["", _SEVERAL] if len(report.targets) > 1 else []),
    ]
    scores = {
        (row.model, row.split, row.metric, row.units, row.target, row.step): row.value
        for row in report.scores
    }
    for title, corner, rows, columns in _tables(report, experiment):
        lines += [
            "",
            f"## {title}",
            "",
            f"| {' | '.join([corner, *columns])} |",
            f"|---{'|---:' * len(columns)}|",
        ]
        for name, row in rows.items():
            cells = [
                figure(scores[tuple({**_POOLED, **row, **column}.values())]) for column in columns.values()
            ]
            lines.append(f"| {' | '.join([name, *cells])} |")
    notes = [f"- {literal(text)}" for text in report.notes]
    return "\n".join([*lines, "", "## Rows and windows", "", *_ledger_lines(report.ledger), *notes]) + "\n"


def _tables(report: Report, experiment: Experiment) -> Iterator[tuple[str, str, _Cells, _Cells]]:
    """Heading, corner, rows and columns of each table, models from best to worst."""
    horizon, targets = experiment.window.horizon, report.targets
    models: _Cells = {
        f"**{model}**" if model == NETWORK else model: {"model": model} for model in report.models
    }
    steps: _Cells = {str(step): {"step": step} for step in range(1, horizon + 1)} if horizon > 1 else {}
    pooled = {
        row.metric
        for row in report.scores
        if (row.split, row.units, row.target, row.step) == ("test", "data", None, None)
    }
    points = {
        heading(name): {"metric": name}
        for name, metric in METRICS.items()
        if metric.over == "point" and name in pooled
    }
    yield "Test rows, data units", "model", models, points
    if names := report.quantile_metrics:
        quantiles = {heading(name): {"metric": name} for name in names}
        yield "Test rows, quantiles of the network", "step", {"all": {}, **steps}, quantiles
    if experiment.scale.label != "none":
        scaled = {
            heading(name): {"metric": name, "units": "scaled"}
            for name, metric in METRICS.items()
            if metric.scaled
        }
        yield f"Test rows, scaled ({experiment.scale.label})", "model", models, scaled
    if len(targets) > 1:
        each = {
            f"{literal(name)}, {model}": {"target": name, **row}
            for name in targets
            for model, row in models.items()
        }
        columns = {
            heading(name): {"metric": name}
            for name, metric in METRICS.items()
            if metric.summary and metric.over == "point" and metric.units == "data"
        }
        yield "Test rows by target, data units", "target, model", each, columns
    units = ranked_in(len(targets))
    measure = f"{heading(RANKING)} in data units" if units == "data" else f"scaled {heading(RANKING)}"
    splits = {split: {"split": split, "units": units} for split in report.ledger["windows"]}
    yield f"Every split, {measure}", "model", models, splits
    if steps:
        yield (
            f"Test rows by step, {measure}",
            "step",
            {name: {**step, "units": units} for name, step in steps.items()},
            models,
        )


def _ledger_lines(counts: dict[str, Any]) -> list[str]:
    few = {
        name: with_few(number, counts["series"]) for name, number in counts.get("window_series", {}).items()
    }
    windows = ", ".join(f"{name} {count:,}{few.get(name, '')}" for name, count in counts["windows"].items())
    every = f" (of training one every {counts['stride']:,} rows)" if counts["stride"] > 1 else ""
    scored = counts["scored_windows"]["train"]
    sample = (
        [f"- of the training windows {scored:,} were scored, evenly spaced"]
        if scored < counts["windows"]["train"]
        else []
    )
    return [
        f"- rows: {counts['rows']:,}{of_series(counts['series'], counts['left_out_series'])}, "
        f"values that were missing and filled: {counts['filled_values']:,} (never scored)",
        f"- windows: {windows}{every}",
        *sample,
        f"- test values scored: {counts['scored_test_values']:,}, "
        f"from {counts['first_test_target']} to {counts['last_test_target']}",
    ]


def with_few(number: int, of: int) -> str:
    """Told of windows that are not of all series: a series that is short, late or over gives a part of the split none."""
    return f" (of {number:,} of the {of:,} series)" if number < of else ""


def of_series(number: int, left_out: int) -> str:
    """Whose rows they are, where there are many series."""
    short = f" ({left_out:,} left out as shorter than a window)" if left_out else ""
    return f" of {number:,} series{short}" if number > 1 or left_out else ""

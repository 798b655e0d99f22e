"""The MSE report: a verdict in words, tidy scores of the network and every baseline, and where the windows went."""

import math
from dataclasses import dataclass
from typing import Any

from rnnfc import metrics
from rnnfc.config import Experiment
from rnnfc.data.panel import Panel
from rnnfc.data.windows import Splits
from rnnfc.metrics import Score

NETWORK = "network"
# Two-sided 5 % of the normal distribution.
_CLEAR = 1.96
# Windows that do not overlap: with fewer the statistic is far from normal, and nothing is told from chance.
_FEWEST = 10
_COLUMNS = (("mse", "data"), ("rmse", "data"), ("mae", "data"), ("mape", "data"), ("smape", "data"), ("mase", "data"))
_SCALED_COLUMNS = (("mse", "scaled"), ("rmse", "scaled"), ("mae", "scaled"))
_HEADINGS = {"mse": "MSE", "rmse": "RMSE", "mae": "MAE", "mape": "MAPE %", "smape": "sMAPE %", "mase": "MASE"}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What report.json and report.md hold."""

    experiment: str
    unit: str
    targets: tuple[str, ...]
    verdict: str
    ledger: dict[str, Any]
    scores: list[Score]

    def test(self, metric: str, *, units: str = "data", model: str = NETWORK) -> float:
        """One pooled score on the test windows."""
        value = metrics.find(self.scores, model=model, split="test", metric=metric, units=units)
        if value is None:
            raise LookupError(f"{metric} is not defined on the test rows")
        return value

    @property
    def models(self) -> list[str]:
        """The network and the baselines, the best test RMSE first."""
        return sorted({row.model for row in self.scores}, key=lambda model: self.test("rmse", model=model))

    def to_json(self) -> dict[str, Any]:
        """Plain values, scores as rows."""
        head = {name: getattr(self, name) for name in ("verdict", "experiment", "unit", "targets", "ledger")}
        return {**head, "scores": metrics.to_json(self.scores)}


def ledger(panel: Panel, splits: Splits) -> dict[str, Any]:
    """Rows in, windows out: what was filled, how many windows each split has, how many test values are scored."""
    return {
        "rows": panel.num_rows,
        "filled_values": int(panel.filled.sum()),
        "windows": {name: len(windows) for name, windows in splits},
        "scored_test_values": len(splits.test) * splits.test.horizon * panel.num_targets,
    }


def verdict(scores: list[Score], *, lead: float | None, unit: str, windows: int, horizon: int) -> str:
    """One sentence: the network's test MSE, and by how much it beats or loses to the best baseline.

    Args:
        lead: `metrics.lead` of the network over that baseline.
    """

    def test(metric: str, model: str, units: str = "data") -> float:
        return metrics.find(scores, model=model, split="test", metric=metric, units=units) or 0.0

    rival = best_baseline(scores)
    ours, theirs = test("rmse", NETWORK), test("rmse", rival)
    head = (
        f"Test MSE {figure(test('mse', NETWORK))}{f' {unit}²' if unit else ''} "
        f"(scaled {figure(test('mse', NETWORK, 'scaled'))}) over {windows:,} windows: "
    )
    sizes = f"RMSE {figure(ours)} against {figure(theirs)}{f' {unit}' if unit else ''}, {_relation(ours, theirs)}"
    if lead is None or abs(lead) < _CLEAR or windows < _FEWEST * horizon:
        outcome = "shows no clear gain over" if ours < theirs else "does not beat"
        return f"{head}the network {outcome} the best baseline, the {rival} ({sizes}: could be chance)."
    if ours < theirs:
        return f"{head}the network beats every baseline; the best of them is the {rival} ({sizes})."
    return f"{head}the network loses to the best baseline, the {rival} ({sizes})."


def best_baseline(scores: list[Score]) -> str:
    """The baseline with the lowest test RMSE."""
    pooled = [row for row in scores if (row.split, row.metric, row.units, row.step) == ("test", "rmse", "data", None)]
    return min((row for row in pooled if row.model != NETWORK), key=lambda row: row.value or 0.0).model


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


def to_markdown(report: Report, experiment: Experiment, *, parameters: int, epochs: int) -> str:
    """report.md: the verdict, then tables."""
    model, window = experiment.model, experiment.window
    cells = f"{model.cell} {' + '.join(map(str, model.units))}"
    unit = f" in {report.unit}" if report.unit else ""
    lines = [
        report.verdict,
        "",
        f"# {experiment.name}",
        "",
        f"{cells}, {parameters:,} parameters, {epochs:,} epochs; windows of {window.length:,} rows, horizon {window.horizon:,}; "
        f"target {', '.join(report.targets)}{unit}; seed {experiment.seed}.",
        "",
        "## Test rows, data units",
        "",
        *_table(report, _COLUMNS),
        "",
        f"## Test rows, scaled ({experiment.scale})",
        "",
        *_table(report, _SCALED_COLUMNS),
        "",
        "## Every split, RMSE in data units",
        "",
        *_split_table(report),
    ]
    if window.horizon > 1:
        lines += ["", "## Test rows by step, RMSE in data units", "", *_step_table(report, window.horizon)]
    lines += ["", "## Rows and windows", "", *_ledger_lines(report.ledger)]
    return "\n".join(lines) + "\n"


def _table(report: Report, columns: tuple[tuple[str, str], ...]) -> list[str]:
    rows = [f"| model | {' | '.join(_HEADINGS[metric] for metric, _ in columns)} |", f"|---{'|---:' * len(columns)}|"]
    for model in report.models:
        values = [metrics.find(report.scores, model=model, split="test", metric=metric, units=units) for metric, units in columns]
        rows.append(f"| {_strong(model)} | {' | '.join(map(figure, values))} |")
    return rows


def _split_table(report: Report) -> list[str]:
    splits = list(report.ledger["windows"])
    rows = [f"| model | {' | '.join(splits)} |", f"|---{'|---:' * len(splits)}|"]
    for model in report.models:
        values = [metrics.find(report.scores, model=model, split=split, metric="rmse", units="data") for split in splits]
        rows.append(f"| {_strong(model)} | {' | '.join(map(figure, values))} |")
    return rows


def _step_table(report: Report, horizon: int) -> list[str]:
    chosen = [row for row in report.scores if (row.split, row.metric, row.units) == ("test", "rmse", "data")]
    value = {(row.model, row.step): row.value for row in chosen}
    rows = [f"| step | {' | '.join(map(_strong, report.models))} |", f"|---:{'|---:' * len(report.models)}|"]
    rows += [
        f"| {step} | {' | '.join(figure(value[model, step]) for model in report.models)} |" for step in range(1, horizon + 1)
    ]
    return rows


def _ledger_lines(counts: dict[str, Any]) -> list[str]:
    windows = ", ".join(f"{name} {count:,}" for name, count in counts["windows"].items())
    return [
        f"- rows: {counts['rows']:,}, values that were missing and filled: {counts['filled_values']:,} (never scored)",
        f"- windows: {windows}",
        f"- test values scored: {counts['scored_test_values']:,}",
    ]


def _strong(model: str) -> str:
    return f"**{model}**" if model == NETWORK else model

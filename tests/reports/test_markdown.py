"""report.md: the verdict first, then tables whose cells are the scores that their row and column say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_experiment

from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.evaluation.scores import Score
from rnnfc.reports.markdown import to_markdown
from rnnfc.reports.report import NETWORK, Report

MakeReport = Callable[[int], Report]


def render(report: Report, *, horizon: int = 1, scale: str = "standard", best_epoch: int = 0) -> str:
    experiment = make_experiment(
        seed=9,
        data="{kind: sine, points: 40, stop: 9.0, unit: m}",
        window=f"{{length: 1234, horizon: {horizon}}}",
        scale=scale,
        model="{kind: stacked, cell: GRU, units: [3, 4]}",
    )
    return to_markdown(report, experiment, parameters=5678, epochs=4, best_epoch=best_epoch)


def sections(text: str) -> dict[str, list[str]]:
    """Lines by heading, without empty ones and those under a table's headings; what comes before the first has none."""
    found: dict[str, list[str]] = {"": []}
    for line in text.splitlines():
        if line.startswith("## "):
            found[line.removeprefix("## ")] = []
        elif line and not line.startswith("|---"):
            found[[*found][-1]].append(line)
    return found


def pooled(metric: str, value: float | None, *, model: str = NETWORK, step: int | None = None) -> Score:
    return Score(model=model, split="test", metric=metric, units="data", series="s", step=step, value=value)


TABLES = {
    "Test rows, data units": [
        "| model | MSE | RMSE | MAE | MAPE % | sMAPE % | MASE |",
        "| last value | 1.000 | 2.000 | 3.000 | – | 5.000 | 6.000 |",
        "| **network** | 2.000 | 3.000 | 4.000 | – | 6.000 | 7.000 |",
    ],
    "Test rows, scaled (standard)": [
        "| model | MSE | RMSE | MAE |",
        "| last value | 7.000 | 8.000 | 9.000 |",
        "| **network** | 8.000 | 9.000 | 10.00 |",
    ],
    "Test rows by target, data units": [
        "| target, model | RMSE | MAE |",
        "| a, last value | 1.250 | 1.500 |",
        "| a, **network** | 2.250 | 2.500 |",
        "| b, last value | 2.250 | 2.500 |",
        "| b, **network** | 3.250 | 3.500 |",
    ],
    "Every split, scaled RMSE": [
        "| model | train | validation | test |",
        "| last value | 17.00 | 107.0 | 8.000 |",
        "| **network** | 27.00 | 207.0 | 9.000 |",
    ],
    "Test rows by step, scaled RMSE": [
        "| step | last value | **network** |",
        "| 1 | 8.100 | 9.100 |",
        "| 2 | 8.200 | 9.200 |",
    ],
}


@pytest.mark.parametrize("horizon", [1, 2])
def test_to_markdown__is_the_verdict_then_tables_the_best_model_first(
    make_report: MakeReport, horizon: int
) -> None:
    text = render(make_report(horizon), horizon=horizon)
    found = sections(text)
    head, ledger = found.pop(""), found.pop("Rows and windows")
    assert head[:3] == [
        "So it is.",
        "# tiny",
        "GRU 3 + 4, 5,678 parameters, 4 epochs; windows of 1,234 rows, "
        f"horizon {horizon}; target a, b in m; seed 9.",
    ]
    assert ["Diebold-Mariano" in head[3], "scaled RMSE" in head[4]] == [True, True]
    tables = {title: table for title, table in TABLES.items() if horizon > 1 or "by step" not in title}
    assert list(found.items()) == list(tables.items())
    assert [line.split(":", 1)[0] for line in ledger] == ["- rows", "- windows", "- test values scored"]
    assert "1,460" in ledger[0]
    assert "train 1,000, validation 20, test 30" in ledger[1]
    assert "30, from 31.5 to 39" in ledger[2]
    assert "|---|---:|---:|---:|\n" in text


def test_to_markdown__one_target_has_no_table_by_target_and_unscaled_data_no_scaled_table(
    make_report: MakeReport,
) -> None:
    text = render(replace(make_report(1), targets=("a",)), scale="none", best_epoch=3)
    assert list(sections(text))[1:] == [
        "Test rows, data units",
        "Every split, RMSE in data units",
        "Rows and windows",
    ]
    assert "5,678 parameters, 4 epochs (kept: epoch 3); windows" in text


def test_to_markdown__quantiles_have_a_table_and_notes_are_listed(make_report: MakeReport) -> None:
    names = ("wql", "wql_0.1", "wql_0.5", "wql_0.9", "coverage_0.8", "width_0.8")
    report = make_report(2)
    scores = [
        pooled(name, place + (step or 0) / 10, step=step)
        for place, name in enumerate(names)
        for step in (None, 1, 2)
    ]
    scores += [pooled("owa", 0.75), pooled("owa", 1.0, model="last value")]
    report = replace(report, scores=[*report.scores, *scores], notes=("3 of 414 series have no MASE",))
    assert report.quantile_metrics == list(names)
    found = sections(render(report, horizon=2))
    headings, *rows, better = found["Test rows, quantiles of the network"]
    assert headings == "| step | wQL | wQL 0.1 | wQL 0.5 | wQL 0.9 | inside 0.8 | width of 0.8 |"
    assert rows == [
        "| all | 0.0000 | 1.000 | 2.000 | 3.000 | 4.000 | 5.000 |",
        "| 1 | 0.1000 | 1.100 | 2.100 | 3.100 | 4.100 | 5.100 |",
        "| 2 | 0.2000 | 1.200 | 2.200 | 3.200 | 4.200 | 5.200 |",
    ]
    assert "inside 0.8, nearer" in better
    headings, _, network = found["Test rows, data units"]
    assert headings.endswith("| MASE | OWA |")
    assert network.endswith("| 7.000 | 0.7500 |")
    assert found["Rows and windows"][-1] == "- 3 of 414 series have no MASE"


@pytest.mark.parametrize("name", METRICS)
def test_to_markdown__has_a_column_of_each_metric_that_was_scored(make_report: MakeReport, name: str) -> None:
    report, suffix = make_report(1), "" if METRICS[name].over == "point" else "_0.8"
    scores = [pooled(f"{name}{suffix}", 123.0, model=model) for model in (NETWORK, "last value")]
    others = [
        row
        for row in report.scores
        if (row.metric, row.split, row.units, row.target) != (name, "test", "data", None)
    ]
    found = sections(render(replace(report, scores=[*scores, *others])))
    title = "Test rows, data units" if not suffix else "Test rows, quantiles of the network"
    place = [cell.strip("| ") for cell in found[title][0].split(" | ")].index(heading(f"{name}{suffix}"))
    assert found[title][1].split(" | ")[place].strip("| ") == "123.0"


def test_to_markdown__says_which_values_are_better_where_not_all_of_them_are_the_lower(
    make_report: MakeReport,
) -> None:
    report = make_report(1)
    names = [name for name, metric in METRICS.items() if metric.over == "point"]
    scores = [pooled(name, 0.5, model=model) for name in names for model in (NETWORK, "last value")]
    table = sections(render(replace(report, scores=[*scores, *report.scores])))["Test rows, data units"]
    others = [METRICS[name] for name in names if METRICS[name].better != "lower"]
    assert len(table) == 3 + bool(others)
    assert all(metric.heading in table[-1] and metric.better in table[-1] for metric in others)


def test_to_markdown__the_ledger_says_what_stride_and_sample_left_out(make_report: MakeReport) -> None:
    report = make_report(1)
    scored = {**report.ledger.windows, "train": 400}
    sampled = replace(report, ledger=replace(report.ledger, stride=1500, scored_windows=scored))
    ledger, whole = (sections(render(each))["Rows and windows"] for each in (sampled, report))
    assert "1,500" in ledger[1]
    assert "400" in ledger[2]
    assert "evenly spaced" in ledger[2]
    assert len(ledger) == len(whole) + 1


def whole_report(make_report: MakeReport) -> Report:
    """A report of two steps that has every section, every metric of points, one interval and a note."""
    report = make_report(2)
    names = ("wql", "wql_0.1", "wql_0.5", "wql_0.9", "coverage_0.8", "width_0.8", "winkler_0.8", "msis_0.8")
    scores = [
        pooled(name, place + (step or 0) / 10, step=step)
        for place, name in enumerate(names)
        for step in (None, 1, 2)
    ]
    for model, size in ((NETWORK, 0.5), ("last value", -0.25)):
        for place, name in enumerate(("bias", "rmsse", "owa", "nse", "kge")):
            scores.append(pooled(name, size + place, model=model))
        scores.append(replace(pooled("bias", size / 8, model=model), units="scaled"))
    notes = ("3 of 414 series have no MASE, and are not in its mean",)
    return replace(report, scores=[*report.scores, *scores], notes=notes)


def test_to_markdown__a_report_with_every_section_is_this_file(make_report: MakeReport) -> None:
    text = render(whole_report(make_report), horizon=2, best_epoch=3)
    assert text == Path(__file__).with_name("report.md").read_text(encoding="utf-8")

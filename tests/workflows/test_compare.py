"""Runs side by side: the same rows for all, or no comparison."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from factories import yaml_text

from rnnfc.errors import RunError
from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.reports import plots
from rnnfc.runs import forecast_csv
from rnnfc.runs import run as run_files
from rnnfc.runs.find import finished
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.compare import compare

SINE = "{kind: sine, points: 40, stop: 9.0}"
HEADER = ",".join(forecast_csv.COLUMNS)
# time, step, actual, forecast
Rows = Sequence[tuple[str, int, *tuple[float, ...]]]


def publish(
    outputs: Path,
    name: str,
    rows: Rows | list[str],
    *,
    unit: str = "m",
    data: str = SINE,
    who: str = "s,y",
    baseline: str = "",
    report: dict[str, Any] | None = None,
    **info: Any,
) -> Run:
    """A run folder with what compare reads; a row that is text stands in forecast.csv as it is.

    Args:
        who: series and target of all rows.
        baseline: name of the column after the others, in which a row has its fifth value.
    """
    series, target = who.split(",")
    lines = [
        row
        if isinstance(row, str)
        else ",".join([series, "0", str(row[1]), row[0], target, *map(repr, row[2:])])
        for row in rows
    ]
    with RunWriter(outputs, name) as writer:
        writer.write(run_files.EXPERIMENT, yaml_text(data=data))
        writer.write_json(run_files.REPORT, {"unit": unit, **(report or {})})
        writer.write_json(run_files.INFO, {"status": "done", "name": name, **info})
        writer.write(run_files.FORECAST, "\n".join([HEADER + f",{baseline}" * bool(baseline), *lines, ""]))
    return Run.open(writer.folder)


def refused(*runs: Run) -> str:
    """The error's text, with the folders' dates cut off; nothing is published."""
    outputs = runs[0].folder.parent if runs else Path("none")
    before = sorted(outputs.glob("*"))
    with pytest.raises(RunError) as caught:
        compare(runs, output=outputs / "new")
    assert sorted(outputs.glob("*")) == before
    text = str(caught.value).replace(f"{outputs}/", "")
    for run in runs:
        text = text.replace(run.name, run.name[16:])
    return text


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments that the picture was drawn from."""
    arguments: dict[str, Any] = {}

    def draw_runs(**options: Any) -> bytes:
        arguments.update(options)
        return b"a picture"

    monkeypatch.setattr(plots, "draw_runs", draw_runs)
    return arguments


def curves(picture: dict[str, Any]) -> list[tuple[str, list[str], list[float]]]:
    """Label, times and values of the actual values and of every run."""
    return [
        (line.label, list(map(str, line.time)), list(line.value))
        for line in (picture["actual"], *picture["runs"])
    ]


# One step, window 2: four test rows; two steps, longer window: its first row is a day later, its last has step 2 alone.
ONE: Rows = [
    ("2020-01-03", 1, 1.0, 7.0),
    ("2020-01-04", 1, 2.0, 2.0),
    ("2020-01-05", 1, 3.0, 5.0),
    ("2020-01-06", 1, 4.0, 9.0),
]
TWO: Rows = [
    ("2020-01-04", 1, 2.0, 1.0),
    ("2020-01-05", 2, 3.0, 9.0),
    ("2020-01-05", 1, 3.0, 4.0),
    ("2020-01-06", 2, 4.0, 8.0),
]


def test_compare__other_horizons_and_windows_are_scored_on_common_rows_and_steps(
    tmp_path: Path, picture: dict[str, Any]
) -> None:
    # Errors on 01-04 and 01-05 at step 1: 0 and 2, -1 and 1.
    one, two = publish(tmp_path, "one", ONE), publish(tmp_path, "two", TWO)
    comparison = compare([one, two], output=tmp_path / "elsewhere")
    assert (comparison.rows, comparison.unit) == (2, "m")
    assert [
        (row.run, row.model, *(row.values[name] for name in ("mse", "rmse", "mae")))
        for row in comparison.scores
    ] == [
        (two.name, "network", 1.0, 1.0, 1.0),
        (one.name, "network", 2.0, pytest.approx(2**0.5), 1.0),
    ]
    days = ["2020-01-04T00:00:00.000000", "2020-01-05T00:00:00.000000"]
    assert curves(picture) == [
        ("actual", days, [2.0, 3.0]),
        ("two: MSE 1.000", days, [1.0, 4.0]),
        ("one: MSE 2.000", days, [2.0, 5.0]),
    ]
    title = "2 runs on the same test rows, step 1 of each forecast"
    assert (picture["title"], picture["ylabel"], picture["xlabel"]) == (title, "y (m)", "time")
    assert comparison.note == "step 1 of each forecast"


def test_compare__publishes_a_folder_with_table_picture_and_numbers(tmp_path: Path) -> None:
    one, two = publish(tmp_path, "one", ONE), publish(tmp_path, "two", TWO)
    comparison = compare([one, two], output=tmp_path / "compared")
    assert comparison.folder == tmp_path / "compared"
    assert {path.name for path in comparison.folder.iterdir()} == {
        "compare.json",
        "compare.md",
        "compare.png",
        "manifest.sha256",
    }
    assert json.loads((comparison.folder / "compare.json").read_text()) == {
        "unit": "m",
        "rows": 2,
        "note": "step 1 of each forecast",
        "rank_by": "test",
        "scores": [row.to_json() for row in comparison.scores],
        "runs": [facts.to_json() for facts in comparison.runs],
    }
    table = (comparison.folder / "compare.md").read_text().splitlines()[:8]
    title, _, headings, rule, *rows, _, better = table
    assert title == "2 test rows that all runs forecast, in m (step 1 of each forecast)"
    assert headings.startswith("| run | MSE | RMSE | MAE |")
    assert rule.count("|") == headings.count("|")
    assert better.startswith("Lower is better; for bias,")
    assert [row.split(" | ")[:4] for row in rows] == [
        [f"| {two.name}", "1.000", "1.000", "1.000"],
        [f"| {one.name}", "2.000", "1.414", "1.000"],
    ]
    assert (comparison.folder / "compare.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert finished(tmp_path) == [one, two]


def test_compare__has_every_metric_of_values_alone(tmp_path: Path) -> None:
    comparison = compare(
        [publish(tmp_path, name, ONE) for name in ("one", "two")], output=tmp_path / "compared"
    )
    names = [name for name, metric in METRICS.items() if metric.needs_values_only]
    assert {"mse", "rmse", "mae"} < set(names)
    (row, _) = json.loads((comparison.folder / "compare.json").read_text())["scores"]
    assert list(row) == ["run", "model", *names, "validation", "against_first"]
    headings = (comparison.folder / "compare.md").read_text().splitlines()[2]
    facts = ["validation RMSE", "against the first run", "seed", "parameters", "seconds"]
    assert headings == f"| {' | '.join(['run', *map(heading, names), *facts])} |"
    assert comparison.table(complete=False)[0] == ["run", "MSE", "RMSE", "MAE", *facts]


def test_compare__without_a_unit_names_none(tmp_path: Path, picture: dict[str, Any]) -> None:
    comparison = compare(
        [publish(tmp_path, name, ONE, unit="") for name in ("one", "two")], output=tmp_path / "compared"
    )
    assert (comparison.folder / "compare.md").read_text().startswith("4 test rows that all runs forecast\n")
    assert picture["ylabel"] == "y"


def test_compare__three_runs_are_scored_on_their_common_rows(tmp_path: Path) -> None:
    runs = [publish(tmp_path, "a", ONE), publish(tmp_path, "b", ONE[:3]), publish(tmp_path, "c", ONE[2:])]
    comparison = compare(runs, output=tmp_path / "compared")
    assert comparison.rows == 1
    assert [row.values["mse"] for row in comparison.scores] == [4.0, 4.0, 4.0]


def test_compare__rows_are_in_the_order_of_numbers_not_of_text(
    tmp_path: Path, picture: dict[str, Any]
) -> None:
    rows: Rows = [(time, 1, float(time), 1.0) for time in ("100", "9.5", "10", "-2")]
    compare(
        [publish(tmp_path, "one", rows), publish(tmp_path, "two", rows[::-1])], output=tmp_path / "compared"
    )
    assert list(picture["actual"].time) == list(picture["actual"].value) == [-2.0, 9.5, 10.0, 100.0]


@pytest.mark.parametrize(
    ("data", "time", "xlabel"),
    [
        (SINE, "7", "x"),
        ("{kind: csv, path: x.csv, target: y, time: year}", "7", "year"),
        ("{kind: csv, path: x.csv, target: y}", "7", "row"),
        ("{kind: csv, path: x.csv, target: y, time: year}", "1949-01-01", "time"),
    ],
)
def test_compare_picture__names_the_time_axis_after_the_data(
    tmp_path: Path, picture: dict[str, Any], data: str, time: str, xlabel: str
) -> None:
    rows: Rows = [(time, 1, 2.0, 3.0)]
    compare(
        [publish(tmp_path, name, rows, data=data) for name in ("one", "two")], output=tmp_path / "compared"
    )
    assert picture["xlabel"] == xlabel


def test_compare_picture__runs_of_one_experiment_are_labelled_by_folder(
    tmp_path: Path, picture: dict[str, Any]
) -> None:
    runs = [publish(tmp_path, "same", ONE), publish(tmp_path / "other", "same", TWO)]
    runs[1] = Run(runs[1].folder.rename(tmp_path / "20200101-000000-same"))
    compare(runs, output=tmp_path / "compared")
    assert [line.label for line in picture["runs"]] == [
        "20200101-000000-same: MSE 1.000",
        f"{runs[0].name}: MSE 2.000",
    ]


def test_compare_picture__shows_one_target_one_series_and_one_step(
    tmp_path: Path, picture: dict[str, Any]
) -> None:
    more = [f"{series},0,{step},{time},{target},1.0,2.0" for series, step, time, target in
            (("t", 1, 7, "a"), ("s", 2, 8, "a"), ("s", 1, 8, "a"), ("s", 1, 7, "b"), ("s", 1, 7, "a"))]  # fmt: skip
    comparison = compare(
        [publish(tmp_path, name, more) for name in ("one", "two")], output=tmp_path / "compared"
    )
    assert comparison.rows == 5
    assert picture["ylabel"] == "a (m)"
    assert curves(picture)[0] == ("actual", ["7.0", "8.0"], [1.0, 1.0])
    assert (
        picture["title"]
        == "2 runs on the same test rows, a (1 of 2 targets), s (1 of 2 series), step 1 of each forecast"
    )
    assert comparison.note == ""  # all that the runs have is compared, though not all of it drawn


def test_compare_picture__shows_the_first_target_of_the_first_run(
    tmp_path: Path, picture: dict[str, Any]
) -> None:
    rows = [f"s,0,1,7,{target},1.0,2.0" for target in "ba"]
    compare([publish(tmp_path, name, rows) for name in ("one", "two")], output=tmp_path / "compared")
    assert picture["ylabel"] == "b (m)"


def test_compare__scores_and_draws_the_best_baseline_of_each_run(
    tmp_path: Path, picture: dict[str, Any]
) -> None:
    # Errors on days 8 and 9: the networks 2 and 0, 3 and 3; the line they share 1 and -1, the last value -2 and 4.
    one: Rows = [("7", 1, 5.0, 5.0, 99.0), ("8", 1, 1.0, 3.0, 2.0), ("9", 1, 2.0, 2.0, 1.0)]
    two: Rows = [("8", 1, 1.0, 4.0, 2.0), ("9", 1, 2.0, 5.0, 1.0)]
    three: Rows = [("8", 1, 1.0, 1.0, -1.0), ("9", 1, 2.0, 2.0, 6.0)]
    runs = [publish(tmp_path, "one", one, baseline="line"), publish(tmp_path, "two", two, baseline="line")]
    runs.append(publish(tmp_path, "three", three, baseline="last value"))
    comparison = compare(runs, output=tmp_path / "compared")
    assert [(row.run[16:], row.model, row.values["mse"]) for row in comparison.scores] == [
        ("three", "network", 0.0),
        ("one", "line", 1.0),
        ("one", "network", 2.0),
        ("two", "network", 9.0),
        ("three", "last value", 10.0),
    ]
    assert comparison.names[1::3] == ["line (baseline)", "last value (baseline)"]
    labels = ["three: MSE 0.0000", "line (baseline): MSE 1.000", "one: MSE 2.000", "two: MSE 9.000"]
    assert [line.label for line in picture["runs"]] == labels


def test_compare__different_baselines_of_one_name_are_named_with_their_runs(tmp_path: Path) -> None:
    runs = [
        publish(tmp_path, name, [("7", 1, 1.0, 1.0, more)], baseline="line")
        for name, more in (("a", 2.0), ("b", 3.0))
    ]
    comparison = compare(runs, output=tmp_path / "compared")
    assert comparison.names[2:] == [f"line (baseline of {run.name})" for run in runs]
    assert (
        f"| line (baseline of {runs[1].name}) | 4.000 | 2.000 | 2.000 |"
        in (comparison.folder / "compare.md").read_text()
    )


def test_compare__several_targets_count_in_their_standard_deviations(tmp_path: Path) -> None:
    # Standard deviations 1 and 1,000; c never changes and counts as it is. Errors 1, 1,000 and 2, each in both rows.
    values = {"a": (1.0, 3.0, 1.0), "b": (1000.0, 3000.0, 1000.0), "c": (5.0, 5.0, 2.0)}
    rows = [
        f"s,0,1,{day},{target},{own[place]},{own[place] + own[2]}"
        for target, own in values.items()
        for place, day in enumerate((7, 8))
    ]
    comparison = compare(
        [publish(tmp_path, name, rows) for name in ("one", "two")], output=tmp_path / "compared"
    )
    assert comparison.unit == "standard deviations of each target"
    assert [(row.values["mse"], row.values["mae"]) for row in comparison.scores] == [
        (2.0, pytest.approx(4 / 3))
    ] * 2


@pytest.mark.parametrize(
    ("horizon", "drawn"),
    [
        (1, [str(float(time)) for time in range(10, 130)]),  # the last 120
        (
            50,
            [str(float(first + step)) for first in (27, 78, 129) for step in range(50)],
        ),  # three whole forecasts, the last one and those before it, begun at another phase each
        (2, [str(float(first + step)) for first in range(3, 130, 3) for step in range(2)]),
    ],
)
def test_compare_picture__shows_the_last_forecasts_that_do_not_overlap(
    tmp_path: Path, picture: dict[str, Any], horizon: int, drawn: list[str]
) -> None:
    rows = [(str(time + step), step, 1.0, 2.0) for time in range(129) for step in range(1, horizon + 1)]
    compare([publish(tmp_path, name, rows) for name in ("one", "two")], output=tmp_path / "compared")
    assert curves(picture)[0][1] == drawn
    assert picture["title"].endswith(
        f"rows, {horizon} steps, one forecast every {horizon + 1} rows" if horizon > 1 else "rows"
    )


@pytest.mark.filterwarnings("error")
def test_compare__a_target_too_large_to_be_squared_has_no_score(tmp_path: Path) -> None:
    rows = [
        f"s,0,1,{day},{target},{size * day},0.0"
        for target, size in (("a", 1.0), ("b", 1e200))
        for day in (7, 8)
    ]
    comparison = compare(
        [publish(tmp_path, name, rows) for name in ("one", "two")], output=tmp_path / "compared"
    )
    assert [row.values["mse"] for row in comparison.scores] == [None, None]


def test_compare_picture__shows_the_best_of_many_runs(tmp_path: Path, picture: dict[str, Any]) -> None:
    runs = [publish(tmp_path, f"run{size}", [("7", 1, 0.0, float(size))]) for size in (5, 3, 1, 2, 4)]
    compare(runs, output=tmp_path / "compared")
    assert [line.label[:4] for line in picture["runs"]] == ["run1", "run2", "run3", "run4"]
    assert picture["title"] == "the best 4 of 5 runs on the same test rows"


def test_compare__a_run_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    one, two = publish(tmp_path, "one", ONE), publish(tmp_path, "two", ONE)
    assert [row.run for row in compare([one, one, two]).scores] == [one.name, two.name]


@pytest.mark.filterwarnings("error")
def test_compare__errors_that_are_not_finite_have_no_score_and_come_last(tmp_path: Path) -> None:
    huge, one = (
        publish(tmp_path, "huge", [("7", 1, 1.0, 1e200)]),
        publish(tmp_path, "one", [("7", 1, 1.0, 3.0)]),
    )
    assert [(row.run, row.values["rmse"]) for row in compare([huge, one]).scores] == [
        (one.name, 2.0),
        (huge.name, None),
    ]


def test_compare__runs_of_one_folder_name_and_two_units_are_refused(tmp_path: Path) -> None:
    one, two = publish(tmp_path, "one", ONE), publish(tmp_path, "two", ONE, unit="km")
    (tmp_path / "other").mkdir()
    moved = two.folder.rename(tmp_path / "other" / one.name)
    assert "different units (one in m, one in km)" in refused(one, Run(moved))


# --- refusals


def test_compare__fewer_than_two_different_runs_are_refused(tmp_path: Path) -> None:
    one = publish(tmp_path, "one", ONE)
    (tmp_path / "link").symlink_to(one.folder)
    assert refused() == refused(one)
    assert "two different finished runs" in refused(one)
    assert "both names mean run one;" in refused(one, one)
    assert "both names mean run" in refused(one, Run(tmp_path / "link"))
    assert "all names mean run" in refused(one, one, one)


def test_compare__different_units_are_refused(tmp_path: Path) -> None:
    runs = [
        publish(tmp_path, name, ONE, unit=unit) for name, unit in (("one", "m"), ("two", ""), ("three", "m"))
    ]
    assert "different units (one in m, two in no unit, three in m)" in refused(*runs)


@pytest.mark.parametrize(
    ("rows", "who"),
    [
        ([("2020-01-07", 1, 1.0, 1.0)], "s,y"),
        ([("2020-01-03", 2, 1.0, 1.0)], "s,y"),
        (ONE, "other,y"),
        (ONE, "s,other"),
    ],
    ids=["time", "step", "series", "target"],
)
def test_compare__runs_without_a_common_row_are_refused(tmp_path: Path, rows: Rows, who: str) -> None:
    runs = publish(tmp_path, "one", ONE), publish(tmp_path, "two", rows, who=who)
    differences = " (targets y / other)" if who == "s,other" else ""
    assert refused(*runs).startswith(f"one, two: no test row in common{differences};")


def test_compare__runs_without_a_common_row_name_the_files_that_differ(tmp_path: Path) -> None:
    data = "{kind: csv, path: x.csv, target: y}"
    runs = publish(tmp_path, "one", ONE), publish(tmp_path, "two", [("7", 1, 1.0, 1.0)], data=data)
    assert "no test row in common (data sine / x.csv); compare" in refused(*runs)


def test_compare__leaves_out_masked_actual_values(tmp_path: Path) -> None:
    runs = [publish(tmp_path, name, [*ONE[:3], (*ONE[3][:2], float("nan"), 5.0)]) for name in ("one", "two")]
    assert compare(runs, output=tmp_path / "compared").rows == 3


@pytest.mark.parametrize(
    ("actual", "same"), [(3.0, True), (3.0 + 1e-12, True), (3.0001, False), (-3.0, False)]
)
def test_compare__runs_of_different_data_are_refused(tmp_path: Path, actual: float, same: bool) -> None:
    first, second = publish(tmp_path, "one", ONE), publish(tmp_path, "two", ONE)
    third = publish(tmp_path, "three", [*ONE[:2], ("2020-01-05", 1, actual, 5.0), ONE[3]])
    if same:
        assert compare([first, second, third], output=tmp_path / "compared").rows == 4
    else:
        assert "one and three have different actual values" in refused(first, second, third)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("s,0,first,2020-01-04,y,1.0,2.0", "invalid literal for int() with base 10: 'first'"),
        ("s,0,1,2020-01-04,y,1.0,two", "could not convert string to float: 'two'"),
        ("s,0,1,2020-01-04,y,,2.0", "could not convert string to float: ''"),
        ("s,0,1,2020-01-04,y,1.0,nan", "'nan' is not a finite number"),
        ("s,0,1,2020-01-04,y,inf,2.0", "'inf' is not a finite number"),
        ("s,0,1,2020-01-04,y,1.0,1e400", "'1e400' is not a finite number"),
        ("s,0,1,yesterday,y,1.0,2.0", 'Error parsing datetime string "yesterday" at position 0'),
    ],
)
def test_compare__a_damaged_row_is_refused_whether_or_not_the_other_run_has_it(
    tmp_path: Path, row: str, reason: str
) -> None:
    damaged = [publish(tmp_path, name, [row, "s,0,1,2020-01-03,y,1.0,7.0"]) for name in ("one", "two")]
    texts = {refused(*damaged), refused(publish(tmp_path, "whole", ONE), damaged[0])}
    assert len(texts) == 1
    text = texts.pop()
    assert text.startswith(f"one/forecast.csv: a row cannot be read ({reason});")
    assert "damaged" in text


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (run_files.REPORT, None, "No such file or directory"),
        (run_files.REPORT, "{", "Expecting property name"),
        (run_files.FORECAST, None, "No such file or directory"),
        (run_files.FORECAST, "a,b\n1,2\n", f"columns must be {HEADER.replace(',', ', ')}"),
        (run_files.FORECAST, f"{HEADER}\n", f"columns must be {HEADER.replace(',', ', ')}"),
    ],
)
def test_compare__a_damaged_run_is_refused_by_name(
    tmp_path: Path, name: str, content: str | None, reason: str
) -> None:
    runs = publish(tmp_path, "one", ONE), publish(tmp_path, "two", ONE)
    (runs[1].folder / name).unlink()
    if content is not None:
        (runs[1].folder / name).write_text(content)
    text = refused(*runs)
    assert text.startswith(f"two/{name}: cannot be read ({reason}")
    assert "damaged" in text


# --- validation, facts and significance


def report_of(**validation: float | None) -> dict[str, Any]:
    """A report with the validation RMSE of each model; the network's other scores are those of its own test rows."""
    rows = [("validation", model.replace("_", " "), "rmse", value) for model, value in validation.items()]
    rows += [
        ("test", "network", name, value) for name, value in (("mase", 0.5), ("wql_0.1", 0.25), ("mape", None))
    ]
    fields = {"units": "data", "series": "s", "target": None, "step": None}
    keys = ("split", "model", "metric", "value")
    extra = dict(zip(keys, ("validation", "network", "rmse", 99.0), strict=True))
    others = [
        {**extra, **fields, "step": 1},
        {**extra, **fields, "units": "scaled"},
        {**extra, **fields, "target": "y"},
    ]
    return {
        "targets": ["y"],
        "scores": [*({**dict(zip(keys, row, strict=True)), **fields} for row in rows), *others],
    }


def test_compare__ranks_by_validation_unless_test_is_asked_for(tmp_path: Path) -> None:
    # On the common test rows one is better, MSE 0 against 4; on their validation rows two.
    one = publish(
        tmp_path, "one", [("7", 1, 1.0, 1.0, 2.0)], baseline="line", report=report_of(network=3.0, line=4.0)
    )
    two = publish(
        tmp_path, "two", [("7", 1, 1.0, 3.0, 2.0)], baseline="line", report=report_of(network=2.0, line=4.0)
    )
    before = sorted(tmp_path.rglob("*"))
    ranked = compare([one, two])
    assert sorted(tmp_path.rglob("*")) == before
    assert ranked.folder is None
    assert ranked.to_json()["folder"] is None
    assert [(row.run[16:], row.model, row.validation, row.values["mse"]) for row in ranked.scores] == [
        ("two", "network", 2.0, 4.0),
        ("one", "network", 3.0, 0.0),
        ("one", "line", 4.0, 1.0),
    ]
    assert "ranked by validation RMSE" in ranked.notes[0]
    by_test = compare([one, two], rank_by="test")
    assert [row.values["mse"] for row in by_test.scores] == [0.0, 1.0, 4.0]
    assert by_test.rank_by == "test"


def test_compare__without_validation_rows_ranks_by_test_and_says_so(tmp_path: Path) -> None:
    one = publish(tmp_path, "one", [("7", 1, 1.0, 1.0)], report=report_of(network=3.0))
    two = publish(tmp_path, "two", [("7", 1, 1.0, 3.0)])
    ranked = compare([two, one])
    assert [row.run for row in ranked.scores] == [one.name, two.name]
    assert ranked.notes[0] == f"ranked by test RMSE: {two.name} has no validation score"
    with pytest.raises(RunError, match=f"{two.name} has no validation score.*--rank-by test"):
        compare([one, two], rank_by="validation")


def test_compare__shows_seed_parameters_seconds_and_all_metrics_of_the_reports(tmp_path: Path) -> None:
    info = {"seed": 7, "parameters": 2651, "epochs": 5, "phases": {"train": {"seconds": 1.5}}}
    one = publish(tmp_path, "one", ONE, report=report_of(network=3.0), **info)
    two = publish(tmp_path, "two", TWO, report=report_of(network=4.0), phases=3, seed="x")
    comparison = compare([one, two], output=tmp_path / "compared")
    first, second = comparison.table(complete=True)[1]
    assert first[-3:] == ["7", "2,651", "1.500"]
    assert second[-3:] == ["–", "–", "–"]
    text = (tmp_path / "compared/compare.md").read_text()
    assert "| run | RMSE | MASE | wQL 0.1 | MAPE % |" in text
    assert f"| {one.name}, validation | 3.000 | – | – | – |" in text
    assert f"| {one.name}, test | – | 0.5000 | 0.2500 | – |" in text
    # Two of the four rows of each are common.
    assert any("2" in note and f"{one.name} has 4" in note for note in comparison.notes)
    assert comparison.to_json()["runs"][0] == {  # type: ignore[index,call-overload]  # JSON
        "run": one.name,
        "seed": 7,
        "parameters": 2651,
        "epochs": 5,
        "seconds": 1.5,
        "rows": 4,
        "report_scores": {
            "validation": {"rmse": 3.0},
            "test": {"mase": 0.5, "wql_0.1": 0.25, "mape": None},
        },
    }


def test_compare__tests_the_difference_to_the_first(tmp_path: Path) -> None:
    # Errors 1 in the first; in the others always 2, 1 and now and then more or less, the same, and too few rows.
    def rows(errors: Sequence[float]) -> list[str]:
        return [f"s,{time},1,{time + 1},y,0.0,{error}" for time, error in enumerate(errors)]

    noise = [1.0 + (0.01, -0.012, 0.008, -0.005)[time * 7 % 4] for time in range(60)]
    runs = [
        publish(tmp_path, name, rows(errors))
        for name, errors in (
            ("first", [1.0] * 60),
            ("worse", [2.0, 2.5] * 30),
            ("noisy", noise),
            ("same", [-1.0] * 60),
        )
    ]
    against = {row.run[16:]: row.against_first for row in compare(runs, rank_by="test").scores}
    assert list(against) == ["first", "same", "noisy", "worse"]
    assert against == {"first": "", "same": "none", "noisy": "could be chance", "worse": "significant"}
    few = [publish(tmp_path, f"few-{name}", rows([error] * 5)) for name, error in (("a", 1.0), ("b", 2.0))]
    short = compare(few)
    assert [row.against_first for row in short.scores] == ["", "not tested"]
    assert "have 5 origin times, and the test needs 15" in short.notes[-1]


def test_compare__matches_rows_of_different_files_by_date(tmp_path: Path) -> None:
    one = publish(tmp_path, "one", ONE, data="{kind: csv, path: old.csv, target: y}")
    grown: Rows = [*ONE[2:], ("2020-01-07", 1, 5.0, 5.0)]
    two = publish(tmp_path, "two", grown, data="{kind: csv, path: grown.csv, target: y}")
    comparison = compare([one, two])
    assert comparison.rows == 2
    assert f"{one.name} has 4, {two.name} has 3" in " ".join(comparison.notes)


def test_compare_command__writes_a_folder_only_when_asked(rnnfc: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        publish(tmp_path / "runs", name, ONE)
    before = sorted(tmp_path.rglob("*"))
    arguments = ("compare", "one", "two", "--outputs", tmp_path / "runs")
    done = rnnfc(*arguments)
    assert (done.code, sorted(tmp_path.rglob("*"))) == (0, before)
    assert "4 test rows that all runs forecast" in done.out
    done = rnnfc(*arguments, "--output", tmp_path / "compared")
    assert (done.code, (tmp_path / "compared/compare.png").exists()) == (0, True)
    assert str(tmp_path / "compared") in done.out
    again = rnnfc(*arguments, "--output", tmp_path / "compared")
    assert (again.code, "already exists" in again.err) == (2, True)
    assert rnnfc(*arguments, "--rank-by", "validation").code == 2

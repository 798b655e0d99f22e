"""Rows that go on where a run's data ended must have its step, however few they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_panel, train_run
from sealing import seal

from rnnfc.config.load import from_yaml
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.file import load_file
from rnnfc.errors import ConfigError, DataError
from rnnfc.workflows import fresh_rows
from rnnfc.workflows.fresh_rows import fresh

_HOUR = 3_600_000_000
HOURLY, DAILY = Frequency(unit="microsecond", size=_HOUR), Frequency(unit="microsecond", size=24 * _HOUR)
MONTHLY, MONTH_ENDS = Frequency(unit="month", size=1), Frequency(unit="month_end", size=1)
HALVES, ROWS = Frequency(unit="number", size=0.5), Frequency(unit="rows", size=1)


def read(folder: Path, *times: str, frequency: Frequency | None, missing: str = "error") -> Panel:
    path = folder / "new.csv"
    path.write_text("t,v\n" + "".join(f"{time},{row}\n" for row, time in enumerate(times, 1)))
    spec = CsvSpec.model_validate(
        {"kind": "csv", "path": str(path), "time": "t", "target": "v", "missing": missing}
    )
    return load_file(spec, frequency=frequency)


@pytest.mark.parametrize(
    ("times", "frequency"),
    [
        (["2020-02-01"], MONTHLY),
        (["2020-02-29"], MONTH_ENDS),
        (["2020-02-28", "2020-02-29", "2020-03-01"], DAILY),
        (["2020-01-31", "2020-02-29"], MONTH_ENDS),
        (["1.5", "2"], HALVES),
        (["3"], HALVES),
        (["2020-02-28", "2020-03-06"], ROWS),
    ],
)
def test_fresh__reads_few_rows_at_the_step_of_the_run(
    tmp_path: Path, times: list[str], frequency: Frequency
) -> None:
    panel = read(tmp_path, *times, frequency=frequency)
    assert panel.values[:, 0].tolist() == list(range(1, len(times) + 1))
    assert panel.frequency == frequency


def test_fresh__fills_a_gap_at_the_step_of_the_run(
    tmp_path: Path,
) -> None:
    panel = read(tmp_path, "2020-01-01", "2020-01-02", "2020-01-05", frequency=DAILY, missing="ffill")
    assert panel.values[:, 0].tolist() == [1, 2, 2, 2, 3]
    with pytest.raises(
        DataError, match=r"new\.csv:4: missing rows between 2020-01-02 and 2020-01-05 \(2 missing"
    ):
        read(tmp_path, "2020-01-01", "2020-01-02", "2020-01-05", frequency=DAILY)


@pytest.mark.parametrize(
    ("times", "frequency", "text"),
    [
        (
            ["2020-01-01T00", "2020-01-01T01"],
            DAILY,
            "new.csv: the rows are hourly, those of the run's data are daily;",
        ),
        (
            ["2020-01-01", "2020-01-02"],
            HOURLY,
            "new.csv: the rows are daily, those of the run's data are hourly",
        ),
        (
            ["2020-01-01", "2020-01-02", "2020-01-03"],
            MONTHLY,
            "the rows are daily, those of the run's data are monthly",
        ),
        (
            ["2020-01-31", "2020-04-30"],
            MONTH_ENDS,
            "the rows are quarterly, those of the run's data are monthly",
        ),
        (["1", "2"], HALVES, "the rows are every 1, those of the run's data are every 0.5"),
        (
            ["1", "2"],
            DAILY,
            "new.csv:2: the times are numbers, those of the run's data are dates;",
        ),
        (["2020-01-01"], HALVES, "new.csv:2: the times are dates, those of the run's data are numbers"),
        (
            ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-03T07", "2020-01-04"],
            DAILY,
            "new.csv:5: 2020-01-03T07:00 is not on the grid",
        ),
    ],
)
def test_fresh__refuses_rows_at_another_step(
    tmp_path: Path, times: list[str], frequency: Frequency, text: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, *times, frequency=frequency)
    assert text in str(caught.value)


def test_fresh__refuses_a_file_without_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"new\.csv: 0 data rows; at least one is needed$"):
        read(tmp_path, frequency=DAILY)
    with pytest.raises(DataError, match=r"1 data row; at least two are needed, and window\.length"):
        read(tmp_path, "2020-01-01", frequency=None)


def test_future_times__continue_at_a_fractional_step() -> None:
    after = Frequency(unit="number", size=2.5).next_times(np.array([5]), steps=2)
    assert after is not None
    assert after.tolist() == [7.5, 10.0]


def test_fresh__refuses_month_ends_where_the_run_has_month_starts(tmp_path: Path) -> None:
    config = (
        "name: x\ndata: {kind: csv, path: new.csv, time: t, target: v}\nwindow: {length: 2, horizon: 1}\n"
        "split: {test: 2}\nmodel: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n"
    )
    experiment = from_yaml(config, source=str(tmp_path / "x.yaml"))
    run_panel = read(tmp_path, "2020-01-01", "2020-02-01", "2020-03-01", frequency=None)
    path = tmp_path / "new.csv"
    path.write_text("t,v\n2020-04-01,1\n2020-05-01,2\n")
    panel, _ = fresh(path, experiment, run_panel, transformed=False)
    assert panel.values[:, 0].tolist() == [1, 2]
    for months in (("2020-04-30", "2020-05-31"), ("2020-05-31", "2020-07-31")):
        path.write_text("t,v\n" + "".join(f"{day},1\n" for day in months))
        with pytest.raises(DataError, match="month"):
            fresh(path, experiment, run_panel, transformed=False)


def test_finished_run__is_not_asked_what_its_training_did_not_ask(
    tmp_path: Path, rnnfc: Callable[..., Any]
) -> None:
    """As of 0.1.0: whole numbers that look like dates were numbers, and a run can answer no question any more."""
    days = "".join(f"{20240901 + row},{row % 7}.5\n" for row in range(30))
    (tmp_path / "days.csv").write_text(f"t,v\n{days}")
    run = train_run(
        tmp_path,
        "name: x\ndata: {kind: csv, path: days.csv, time: t, target: v, time_format: number}\nwindow: {length: 3, horizon: 2}\n"
        "split: {test: 8}\nmodel: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n",
    )
    experiment = run / "experiment.yaml"
    text = experiment.read_text()
    assert text.count('"time_format": "number", ') == 1
    experiment.write_text(text.replace('"time_format": "number", ', ""))
    seal(run)
    for command in (["evaluate", run], ["predict", run, "--data", tmp_path / "days.csv"]):
        done = rnnfc(*command)
        assert done.code == 0, done.err


WEEK = (10, 20, 30, 40, 50, 60, 70)


def masked(
    folder: Path, values: list[str], *, missing: str = "mask", first_time: str | None = None
) -> tuple[list[float], list[str]]:
    """The last window of rows that end on 2020-03-29, filled by season, and the notes; the run's window is 7 -> 2."""
    config = (
        f"name: x\ndata: {{kind: csv, path: new.csv, time: t, target: v, missing: {missing}, season: 7}}\n"
        "window: {length: 7, horizon: 2}\nsplit: {test: 7}\nmodel: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1}\n"
    )
    experiment = from_yaml(config, source=str(folder / "x.yaml"))
    run_panel = read(folder, "2020-01-01", "2020-01-02", frequency=None)
    days = np.datetime64("2020-03-29") - np.arange(len(values))[::-1]
    path = folder / "new.csv"
    path.write_text("t,v\n" + "".join(f"{day},{value}\n" for day, value in zip(days, values, strict=True)))
    first = np.array([first_time], dtype="datetime64[us]") if first_time else None
    panel, notes = fresh(path, experiment, run_panel, transformed=False, first_times=first)
    return panel.values[:, 0].tolist(), notes


def test_fresh__fills_a_masked_value_from_its_season_or_asks_for_earlier_rows(tmp_path: Path) -> None:
    week, open_end = [str(value) for value in WEEK], [*map(str, WEEK[:-1]), ""]
    filled = list(map(float, WEEK)), []
    assert masked(tmp_path, [*week, *week, *week, *open_end]) == filled
    assert masked(tmp_path, [*week, *open_end]) == filled
    for rows in (open_end, ["70", *week[:2], "", *week[3:]], ["", *week[1:]]):
        with pytest.raises(
            DataError, match=r"series 'new': 1 missing values of v .* add earlier rows, at least 14"
        ):
            masked(tmp_path, rows)


def test_fresh__notes_a_masked_value_that_no_season_has(tmp_path: Path) -> None:
    closed = [*map(str, WEEK[:-1]), ""]
    values, notes = masked(tmp_path, closed * 4)
    assert values == [10, 20, 30, 40, 50, 60, 60]
    assert notes == ["filled with the last value, because no earlier season in the data has one: 1 of v"]


def test_filled__says_that_forecasts_begin_after_rows_without_a_target() -> None:
    def notes(*rows: int) -> list[str]:
        panel = make_panel([1, 2, 3], [4, 5, 6], filled=[(row, 0) for row in rows], missing="ffill")
        return fresh_rows._filled(panel)

    assert notes() == []
    assert len(notes(1, 5)) == 1
    assert notes(1, 4, 5)[1].startswith("the last rows have no target, and forecasts begin after them")


def test_fresh__asks_for_earlier_rows_until_the_fill_is_that_of_the_run(tmp_path: Path) -> None:
    week, closed = [str(value) for value in WEEK], [*map(str, WEEK[:-1]), ""]
    first_time = "2020-03-02"  # 28 rows
    filled = list(map(float, WEEK)), []
    assert masked(tmp_path, [*week, *week, *closed, *closed], first_time=first_time) == filled
    for rows, least in ((closed, 14), (closed * 2, 21), (closed * 3, 28)):
        with pytest.raises(DataError, match=f"add earlier rows, at least {least} in all"):
            masked(tmp_path, rows, first_time=first_time)
    values, notes = masked(tmp_path, closed * 4, first_time=first_time)  # all rows of the run: its own fill
    assert (values[-1], len(notes)) == (60, 1)


@pytest.mark.parametrize("missing", ["interpolate", "ffill", "seasonal"])
def test_fresh__fills_as_from_all_rows_or_asks_for_earlier_ones(tmp_path: Path, missing: str) -> None:
    week = [str(value) for value in WEEK]
    for hole in range(7):
        last = [*week[:hole], "", *week[hole + 1 :]]
        try:
            expected = masked(tmp_path, [*week, *week, *week, *last], missing=missing)
        except DataError:
            assert (missing, hole) == ("interpolate", 6)  # no later value, however many rows there are
            continue
        if hole == 0 or missing == "seasonal":
            with pytest.raises(DataError, match="add earlier rows, at least"):
                masked(tmp_path, last, missing=missing)
        else:
            assert masked(tmp_path, last, missing=missing) == expected


def test_fresh__asks_for_a_value_where_none_stands_earlier(tmp_path: Path) -> None:
    rows = [*[""] * 9, *["5"] * 5]
    with pytest.raises(DataError, match="add earlier rows, until one has a value of v"):
        masked(tmp_path, rows, first_time="2020-01-01")
    values, notes = masked(tmp_path, rows, first_time="2020-03-16")  # none is earlier
    assert (values, len(notes)) == ([5] * 7, 1)


SHOPS = (
    "name: x\ndata: {kind: long, path: new.csv, series: s, time: t, target: v, missing: mask, season: 2}\n"
    "window: {length: 2, horizon: 1}\nsplit: {test: 2}\nmodel: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1}\n"
)


def shops(
    folder: Path, rows: str, *series: str, first: tuple[str, str, str]
) -> tuple[dict[str, list[float]], list[str]]:
    """The last window of the shops a, b and c of a monthly run, whose data begins at `first`, and the notes."""
    experiment = from_yaml(SHOPS, source=str(folder / "x.yaml"))
    ends = np.array(["2020-03-01", "2020-04-01"] * 3, dtype="datetime64[us]")
    run_panel = make_panel([1, 2], [1, 2], [1, 2], names=("a", "b", "c"), time=ends, frequency=MONTHLY)
    path = folder / "new.csv"
    path.write_text(f"s,t,v\n{rows}")
    first_times = np.array(first, dtype="datetime64[us]")
    panel, notes = fresh(
        path, experiment, run_panel, series=series, transformed=False, first_times=first_times
    )
    windows = [panel.values[slice(*panel.bounds[place:][:2]), 0].tolist() for place in range(3)]
    return {name: values for name, values in zip(panel.series, windows, strict=True) if values}, notes


OTHERS = "a,2020-05-31,1\na,2020-06-30,2\nb,2020-05-01,3\nb,2020-06-01,4\nc,2020-05-01,\nc,2020-06-01,6\n"


def test_fresh__checks_the_selected_series_alone(tmp_path: Path) -> None:
    first = ("2020-01-01",) * 3
    assert shops(tmp_path, OTHERS, "b", first=first) == ({"b": [3, 4]}, [])
    with pytest.raises(DataError, match="series 'a' ends at 2020-06-30"):
        shops(tmp_path, OTHERS, "a", "b", first=first)
    with pytest.raises(DataError, match="series 'c': 1 missing values of v"):
        shops(tmp_path, OTHERS, "b", "c", first=first)
    with pytest.raises(ConfigError, match="series d: unknown series"):
        shops(tmp_path, OTHERS, "d", first=first)
    with pytest.raises(DataError, match="series c: data has too few rows of it"):
        shops(tmp_path, "b,2020-05-01,3\nb,2020-06-01,4\n", "b", "c", first=first)
    # A series that the run does not have is not in the way.
    assert shops(tmp_path, OTHERS + "d,2020-06-01,1\n", "b", first=first)[0] == {"b": [3, 4]}


def test_fresh__notes_what_it_left_out_of_the_selected_series(tmp_path: Path) -> None:
    rows = "b,2020-05-01,3\nb,2020-06-01,4\na,2020-06-01,4\n"
    assert shops(tmp_path, rows, first=("2020-01-01",) * 3)[1] == [
        "left out, with fewer than window.length=2 rows: a"
    ]
    assert shops(tmp_path, rows, "b", first=("2020-01-01",) * 3)[1] == []
    # b began in May 2020: no earlier season has the value.
    rows = "b,2020-05-01,3\nb,2020-06-01,\na,2020-05-01,4\na,2020-06-01,5\n"
    values, notes = shops(tmp_path, rows, first=("2020-01-01", "2020-05-01", "2020-01-01"))
    assert (values, len(notes)) == ({"a": [4, 5], "b": [3, 3]}, 1)
    assert shops(tmp_path, rows, "b", first=("2020-01-01", "2020-05-01", "2020-01-01")) == (
        {"b": [3, 3]},
        notes,
    )
    # b began in January, of which other series have rows here.
    rows = "a,2020-01-01,4\na,2020-02-01,5\n" + rows
    with pytest.raises(DataError, match="series 'b': 1 missing values of v"):
        shops(tmp_path, rows.replace("a,2020-05-01,4\na,2020-06-01,5\n", ""), first=("2020-01-01",) * 3)


def test_fresh__of_numbered_rows_is_whole_with_as_many_rows_as_the_run(tmp_path: Path) -> None:
    config = SHOPS.replace("kind: long", "kind: csv").replace("series: s, time: t, ", "")
    experiment = from_yaml(config, source=str(tmp_path / "x.yaml"))
    # The run had 6 rows, of which it keeps the last window.
    run_panel = make_panel([5, 6], names=("new",), time=np.array([4, 5]))
    path = tmp_path / "new.csv"

    def read(values: str) -> tuple[list[float], list[str]]:
        path.write_text("v\n" + values.replace(",", "\n") + "\n")
        panel, notes = fresh(path, experiment, run_panel, transformed=False)
        return panel.values[:, 0].tolist(), notes

    with pytest.raises(DataError, match="add earlier rows, at least 6 in all"):
        read("3,NA,3,NA")
    values, notes = read("3,NA,3,NA,3,NA")
    assert (values, len(notes)) == ([3, 3], 1)

"""forecast.csv: times, values with all their bits, quantiles and baselines, and names that no spreadsheet evaluates."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_forecast, make_panel

from rnnfc.data.panel import Panel
from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs.forecast_csv import cell, read_forecast, write_forecast


def written(forecast: Forecast, panel: Panel, **baselines: npt.NDArray[np.float64]) -> str:
    file = io.StringIO()
    write_forecast(forecast, panel, file, baselines=baselines)
    return file.getvalue()


def two_windows(time: npt.NDArray[Any], point: list[float], actual: list[float] | None) -> str:
    """forecast.csv of two windows of one step, one of each of two series of two rows."""
    panel = make_panel([0.0, 0.0], [0.0, 0.0], names=('a, "b"', "c"), channels=("y",), time=time)
    forecast = make_forecast(
        np.array(point).reshape(2, 1, 1),
        None if actual is None else np.array(actual).reshape(2, 1, 1),
        series=[0, 1],
        time=time[[1, 3], None],
        origin_time=time[[0, 2]],
    )
    return written(forecast, panel)


HOURS = [f"2020-01-01T{clock}" for clock in ("00:00", "09:30", "12:00", "23:59")]
SECONDS = ["2020-01-01T00:00:00", "2020-01-01T09:30:07", "2020-01-02T00:00:00", "2020-01-02T00:00:01"]
PARTS = [f"2020-01-01T09:30:07.{part}" for part in ("000000", "000001", "500000", "999999")]
DAYS = ["2020-01-01", "2020-01-02", "2020-01-05", "2020-02-01"]


@pytest.mark.parametrize(
    ("time", "texts"),
    [
        *((np.array(texts, dtype="datetime64[us]"), texts) for texts in (HOURS, SECONDS, PARTS, DAYS)),
        (np.array([7, 8, 9, 10]), ["7", "8", "9", "10"]),
        (np.array([0.0, 0.1, 0.2, 0.30000000000000004]), ["0", "0.1", "0.2", "0.30000000000000004"]),
    ],
)
def test_forecast_csv__keeps_times_in_one_shape_and_the_bits_of_values(
    time: npt.NDArray[Any], texts: list[str]
) -> None:
    point, actual = [1 / 3, -5e-324], [1e300, float(np.nextafter(2.0, 3.0))]
    rows = read_forecast(two_windows(time, point, actual))
    assert [row["series"] for row in rows] == ['a, "b"', "c"]
    assert [row["origin_time"] for row in rows] == texts[::2]
    assert [row["time"] for row in rows] == texts[1::2]
    assert [(row["step"], row["target"]) for row in rows] == [("1", "y"), ("1", "y")]
    assert [(float(row["forecast"]), float(row["actual"])) for row in rows] == list(
        zip(point, actual, strict=True)
    )


def test_forecast_csv__has_nan_for_actual_values_past_the_end() -> None:
    rows = read_forecast(two_windows(np.arange(4), [1.0, 2.0], None))
    assert [(row["actual"], row["forecast"]) for row in rows] == [("nan", "1.0"), ("nan", "2.0")]


def test_forecast_csv__has_a_row_for_each_step_and_target_and_a_column_for_each_level_and_baseline() -> None:
    panel = make_panel(np.zeros((4, 3)), targets=2, channels=("a", "b", "input"), names=("s",))
    point = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    forecast = make_forecast(point, point + 0.5, time=np.array([[2, 3]]), origin_time=np.array([1]))
    assert written(forecast, panel) == (
        "series,origin_time,step,time,target,actual,forecast\n"
        "s,1,1,2,a,1.5,1.0\ns,1,1,2,b,2.5,2.0\ns,1,2,3,a,3.5,3.0\ns,1,2,3,b,4.5,4.0\n"
    )
    quantiles = replace(forecast, levels=(0.025, 0.5), quantiles=np.stack([point - 1, point], axis=-1))
    text = written(quantiles, panel, **{"last value": point + 6})
    assert text.splitlines()[:3] == [
        "series,origin_time,step,time,target,actual,forecast,q0.025,q0.5,last value",
        "s,1,1,2,a,1.5,1.0,0.0,1.0,7.0",
        "s,1,1,2,b,2.5,2.0,1.0,2.0,8.0",
    ]
    rows = read_forecast(text)
    assert [row["q0.025"] for row in rows] == ["0.0", "1.0", "2.0", "3.0"]
    assert [row["last value"] for row in rows] == ["7.0", "8.0", "9.0", "10.0"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "＝1", "'=1", "''"])
def test_forecast_csv__quotes_names_that_a_spreadsheet_would_evaluate(tmp_path: Path, name: str) -> None:
    panel = make_panel([0.0, 0.0], names=(name,), channels=(name,))
    path = tmp_path / "forecast.csv"
    path.write_text(written(make_forecast([[[0.0]]], [[[0.0]]]), panel), encoding="utf-8", newline="")
    with path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))[1]
    assert (cells[0], cells[4]) == (f"'{name}", f"'{name}")
    (row,) = read_forecast(path.read_text(encoding="utf-8"))
    assert (row["series"], row["target"]) == (name, name)


@pytest.mark.parametrize("name", ["sales", "a=b", "1+1", " =1", ""])
def test_cell__leaves_other_names_unchanged(name: str) -> None:
    assert cell(name) == name


@pytest.mark.parametrize(
    ("name", "text"), [("\r=1", r"\u000d=1"), ("\t@", r"\u0009@"), ("a\n\x1b", r"a\n\u001b")]
)
def test_cell__escapes_control_characters(name: str, text: str) -> None:
    assert cell(name) == text

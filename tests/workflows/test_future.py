"""predict with future covariates: time features and columns from a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rnnfc as rnnfc_api
from rnnfc.cli import main, report_output
from rnnfc.runs.run import Run
from rnnfc.workflows import predict

DAYS = [
    str(day) for day in np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-03-11"))
]  # 70, 60 of them in the run


def rows(first: int, end: int, *columns: str) -> str:
    lines = [",".join(("day", *columns))]
    for place in range(first, end):
        values = {"y": np.sin(place / 3) + place % 4 / 8, "price": place % 4}
        lines.append(",".join((DAYS[place], *(f"{values[name]:.4f}" for name in columns))))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("ahead")
    (home / "d.csv").write_text(rows(0, 60, "y", "price"))
    (home / "c.yaml").write_text(
        "name: c\nseed: 3\nsplit: {test: 12}\ntrain: {epochs: 1}\nwindow: {length: 6, horizon: 3}\n"
        "data: {kind: csv, path: d.csv, time: day, target: y, known: price, calendar: [weekday]}\n"
        "model: {kind: stacked, cell: GRU, units: [4]}\n"
    )
    with pytest.raises(SystemExit):
        main(["train", str(home / "c.yaml"), "--outputs", str(home / "out")])
    return home


def forecast(rnnfc: Callable[..., Any], folder: Path, *options: object) -> Any:
    return rnnfc("predict", "--outputs", folder / "out", "--json", *map(str, options))


def values(done: Any) -> list[float]:
    assert done.code == 0, done.err
    return [row["value"]["y"] for row in json.loads(done.out)["forecast"]]


def test_future_covariates__are_found_by_time_and_both_runtimes_agree(
    folder: Path, rnnfc: Callable[..., Any]
) -> None:
    future = folder / "f.csv"
    future.write_text(rows(58, 70, "price"))
    first = values(forecast(rnnfc, folder, "--future", future))
    assert len(first) == 3
    assert values(forecast(rnnfc, folder, "--future", future, "--runtime", "keras")) == pytest.approx(
        first, abs=1e-5
    )
    seven = values(
        forecast(rnnfc, folder, "--future", future, "--steps", 7)
    )  # three times the network: 9 rows, forecasts fed back
    assert seven[:3] == first
    assert len(seven) == 7
    future.write_text(rows(58, 70, "price").replace("2024-03-02,1.0000", "2024-03-02,3.0000"))
    assert abs(values(forecast(rnnfc, folder, "--future", future))[0] - first[0]) > 1e-6


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            None,
            "error: future is missing; the network needs price of the 3 rows that it forecasts: pass them, "
            "on the command line with --future FILE",
        ),
        (
            "missing.csv",
            "missing.csv: no such file; the network needs price of the 3 rows that it forecasts: name a CSV file with them",
        ),
        (
            (60, 62),
            "d has 2 of the 3 rows after 2024-02-29 for which the network needs price; add the missing rows",
        ),
    ],
)
def test_future_covariates__name_missing_rows(
    folder: Path, rnnfc: Callable[..., Any], source: Any, text: str
) -> None:
    path = folder / (source if isinstance(source, str) else "g.csv")
    if isinstance(source, tuple):
        path.write_text(rows(*source, "price"))
    done = forecast(rnnfc, folder, *(() if source is None else ("--future", path)))
    assert done.code == 2
    assert done.err.endswith(f"{text}\n")


@pytest.mark.parametrize(
    "row", ["2024-03-02,", "2024-03-02,nan", ""], ids=["empty cell", "no number", "absent row"]
)
def test_future_covariates__with_a_missing_value_are_refused(
    folder: Path, rnnfc: Callable[..., Any], row: str
) -> None:
    path = folder / "gap.csv"
    path.write_text(rows(60, 64, "price").replace("2024-03-02,1.0000\n", f"{row}\n" if row else ""))
    done = forecast(rnnfc, folder, "--future", path)
    text = f"--future {path}: d has 2 of the 3 rows after 2024-02-29 for which the network needs price; add the missing rows"
    assert (done.code, done.err) == (2, f"error: {text}\n")


def test_future_covariates__are_checked_before_the_network_is_opened(
    folder: Path, rnnfc: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "open_network", lambda *_, **__: pytest.fail("the network was opened"))
    done = forecast(rnnfc, folder, "--runtime", "keras")
    assert (done.code, "future is missing; the network needs price" in done.err) == (2, True)


def test_future_covariates__outside_the_training_range_are_noted(
    folder: Path, rnnfc: Callable[..., Any]
) -> None:
    future = folder / "h.csv"
    future.write_text(rows(60, 63, "price").replace("2024-03-02,1.0000", "2024-03-02,9.0000"))
    result = json.loads(forecast(rnnfc, folder, "--future", future).out)
    assert [
        (one["column"], one["low"], one["high"], one["trained_high"]) for one in result["out_of_range"]
    ] == [("price", 0, 9, 3)]
    assert result["notes"] == [
        "price runs from 0.0000 to 9.000 in the last window and future covariates; training saw 0.0000 to 3.000, "
        "so the network extrapolates"
    ]
    future.write_text(rows(60, 63, "price"))
    assert json.loads(forecast(rnnfc, folder, "--future", future).out)["out_of_range"] == []


def test_train__suggests_the_future_option_for_known_columns(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = (folder / "out").iterdir()
    report_output.show_saved(Run.open(run))
    assert capsys.readouterr().out.endswith(f"next        rnnfc predict {run} --last-window --future FILE\n")


def open_rows(first: int, end: int, *, observed: int) -> str:
    """Rows with y and price; from `observed` on without y."""
    lines = rows(first, end, "y", "price").splitlines()
    open_end = [
        ",".join((line.split(",")[0], "", line.split(",")[2])) for line in lines[1 + observed - first :]
    ]
    return "\n".join([*lines[: 1 + observed - first], *open_end, ""])


@pytest.fixture(scope="module")
def open_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of `folder`, trained on a file with seven more rows, whose y is empty."""
    home = tmp_path_factory.mktemp("open")
    (home / "c.yaml").write_text((folder / "c.yaml").read_text())
    (home / "d.csv").write_text(open_rows(0, 67, observed=60))
    with pytest.raises(SystemExit):
        main(["train", str(home / "c.yaml"), "--outputs", str(home / "out")])
    return home


def test_rows_to_be_forecast__are_not_trained_on_and_are_forecast(
    folder: Path, open_folder: Path, rnnfc: Callable[..., Any]
) -> None:
    future = folder / "open.csv"
    future.write_text(rows(60, 67, "price"))
    expected = json.loads(forecast(rnnfc, folder, "--future", future).out)["forecast"]
    done = forecast(rnnfc, open_folder)
    assert json.loads(done.out)["forecast"] == expected
    assert expected[0]["time"] == "2024-03-01"
    assert (
        "7 rows to be forecast, more than window.horizon=3; --steps 6 forecasts 6"
        in json.loads(done.out)["notes"][0]
    )
    six = values(forecast(rnnfc, open_folder, "--steps", 6))
    assert six == values(forecast(rnnfc, folder, "--steps", 6, "--future", future))
    short = forecast(rnnfc, open_folder, "--steps", 9)
    assert (short.code, "data: d has 7 of the 9 rows after 2024-02-29" in short.err) == (2, True)
    assert rnnfc("evaluate", "--outputs", open_folder / "out").code == 0
    whole = (folder / "d.csv").read_text()
    (folder / "d.csv").write_text(open_rows(0, 60, observed=55))
    done = rnnfc("evaluate", "--outputs", folder / "out")
    (folder / "d.csv").write_text(whole)
    assert (done.code, "rows after 2024-02-24 have no target" in done.err) == (2, True)


def test_train__suggests_no_future_file_where_the_data_has_the_rows(
    open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = (open_folder / "out").iterdir()
    report_output.show_saved(Run.open(run))
    assert capsys.readouterr().out.endswith("--last-window\n")


def test_rows_to_be_forecast__in_new_rows_and_frames(folder: Path, rnnfc: Callable[..., Any]) -> None:
    fresh = folder / "fresh.csv"
    fresh.write_text(open_rows(50, 70, observed=63))
    done = forecast(rnnfc, folder, "--data", fresh)
    future = folder / "fresh_future.csv"
    future.write_text(rows(63, 66, "price"))
    observed = folder / "observed.csv"
    observed.write_text(rows(50, 63, "y", "price"))
    expected = values(forecast(rnnfc, folder, "--data", observed, "--future", future))
    assert values(done) == expected
    assert json.loads(done.out)["forecast"][0]["time"] == "2024-03-04"
    (run,) = (folder / "out").iterdir()
    frame = pd.read_csv(fresh)
    assert rnnfc_api.open_run(run).predict(data=frame)["forecast"].tolist() == expected
    text = fresh.read_text().splitlines()
    fresh.write_text(
        "\n".join([*text[:-6], "2024-03-05,,", *text[-5:], ""])
    )  # the price of one of these rows is missing
    done = forecast(rnnfc, folder, "--data", fresh)
    assert (done.code, "data: d has 2 of the 3 rows after 2024-03-03" in done.err) == (2, True)


def test_export__with_known_columns_is_checked_on_random_windows(
    folder: Path, rnnfc: Callable[..., Any]
) -> None:
    (folder / "d.csv").rename(folder / "gone.csv")
    done = rnnfc("export", "--outputs", folder / "out", "--format", "onnx", "--to", folder / "m.onnx")
    (folder / "gone.csv").rename(folder / "d.csv")
    assert done.code == 0, done.err
    assert "(64 windows: last window and drawn from the trained range)" in done.out + done.err


def test_future_covariates__are_refused_if_the_run_has_none(
    small_run: Path, rnnfc: Callable[..., Any], folder: Path
) -> None:
    done = rnnfc("predict", small_run, "--future", folder / "d.csv")
    assert done.code == 2
    assert (
        done.err == f"error: --future {folder / 'd.csv'}: this run has no data.known columns; leave it out\n"
    )

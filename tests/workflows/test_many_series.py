"""A run of many series: each has its last window, its times, its scale and its place in every command."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sealing import seal

from rnnfc.cli import main
from rnnfc.runs.run import Run

Command = Callable[..., Any]


def row(name: str, day: int, size: float) -> str:
    when = np.datetime64("2021-01-01") + np.timedelta64(day, "D")
    return f"{name},{when},{size * (2 + day % 7):g},{size * (1 + day % 5):g}\n"


# Twelve shops of 30 days and more, each sells ten times as much as the one before; and one whose sales never change.
NAMES = [f"shop {letter}" for letter in "ABCDEFGHIJKL"]
LENGTHS = dict(zip(NAMES, range(30, 42), strict=True))
SIZES = dict(zip(NAMES, 10.0 ** np.arange(-3, 9), strict=True))
HEADER = "shop,day,sold,returned\n"


def rows_of(name: str) -> list[str]:
    return [row(name, day, SIZES[name]) for day in range(LENGTHS[name])]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: window 3 -> 2, both columns targets, scaled shop by shop; its data is gone."""
    folder = tmp_path_factory.mktemp("shops")
    flat = [f"shop M,2021-01-{day:02d},5,{day % 3}\n" for day in range(1, 31)]
    (folder / "shops.csv").write_text(
        HEADER + "".join(line for name in NAMES for line in rows_of(name)) + "".join(flat)
    )
    (folder / "shops.yaml").write_text(
        "name: shops\nseed: 3\nscale: standard\n"
        "data: {kind: long, path: shops.csv, series: shop, time: day, target: [sold, returned], unit: boxes}\n"
        "window: {length: 3, horizon: 2}\nsplit: {test: 8}\n"
        "model: {kind: scratch, units: 4}\ntrain: {epochs: 2, batch_size: 8}\n"
    )
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "shops.yaml"), "--outputs", str(folder / "out")])
    assert stopped.value.code in (0, None)
    (folder / "shops.csv").unlink()
    (run,) = (folder / "out").iterdir()
    return run


def forecast(done: Any) -> dict[tuple[str, int], dict[str, Any]]:
    assert done.code == 0, done.err
    return {(one["series"], one["step"]): one for one in json.loads(done.out)["forecast"]}


def test_predict__continues_each_series_at_its_own_end_and_scale(rnnfc: Command, shops: Path) -> None:
    done = rnnfc("predict", shops, "--json")
    forecasts = forecast(done)
    assert list(forecasts) == [(name, step) for name in [*NAMES, "shop M"] for step in (1, 2)]
    assert forecasts["shop A", 1]["time"] == "2021-01-31"
    assert forecasts["shop L", 2]["time"] == "2021-02-12"
    assert json.loads(done.out)["last_time"]["shop B"] == "2021-01-31"
    for name, size in SIZES.items():
        assert 0.5 * size < forecasts[name, 1]["value"]["sold"] < 10 * size
    assert forecasts["shop M", 1]["value"]["sold"] == pytest.approx(5, abs=2)  # constant: centred, scale 1
    own = forecast(rnnfc("predict", shops, "--json", "--series", "shop K", "--series", "shop C"))
    assert own == {
        key: forecasts[key] for key in [("shop C", 1), ("shop C", 2), ("shop K", 1), ("shop K", 2)]
    }


def test_train__saves_the_last_window_of_each_series(shops: Path) -> None:
    last = Run.open(shops).last_window(length=3)
    assert last.bounds.tolist() == list(range(0, 40, 3))
    assert last.values[3:6, 0] == pytest.approx(
        [SIZES["shop B"] * value for value in (2, 3, 4)]
    )  # days 28 to 30


def test_predict__feeds_back_forecasts_series_by_series(rnnfc: Command, shops: Path) -> None:
    whole = forecast(rnnfc("predict", shops, "--json", "--steps", "5"))
    assert len(whole) == 13 * 5
    for name in ("shop A", "shop L"):
        own = forecast(rnnfc("predict", shops, "--json", "--steps", "5", "--series", name))
        for key, one in own.items():
            assert one["value"] == pytest.approx(whole[key]["value"], rel=1e-6)
    assert whole["shop A", 5]["value"] != whole["shop A", 3]["value"]


def test_predict__takes_new_rows_of_some_series_in_any_order(
    rnnfc: Command, shops: Path, tmp_path: Path
) -> None:
    forecasts = forecast(rnnfc("predict", shops, "--json"))
    path = tmp_path / "fresh.csv"
    path.write_text(
        HEADER
        + "".join(
            [
                *rows_of("shop J")[-4:],
                *rows_of("shop D")[-3:],
                *rows_of("shop B")[-2:],
            ]
        )
    )
    done = rnnfc("predict", shops, "--json", "--data", path)
    assert forecast(done) == {key: one for key, one in forecasts.items() if key[0] in ("shop D", "shop J")}
    assert json.loads(done.out)["notes"] == ["left out, with fewer than window.length=3 rows: shop B"]
    done = rnnfc("predict", shops, "--data", path, "--series", "shop B")
    assert (done.code, done.err) == (
        2,
        "error: series shop B: data has too few rows of it for a window; add rows\n",
    )


def test_predict__refuses_unknown_series_and_lists_known_ones(
    rnnfc: Command, shops: Path, tmp_path: Path
) -> None:
    done = rnnfc("predict", shops, "--series", "shop Z")
    text = "series shop Z: unknown series; did you mean 'shop M'? name a series"
    assert (done.code, text[:60] in done.err, "did you mean 'shop" in done.err) == (2, True, True)
    done = rnnfc("predict", shops, "--series", "9999")
    assert done.err == (
        "error: series 9999: unknown series; there are: shop A, shop B, shop C, shop D, shop E and 8 more; "
        "name a series of the run\n"
    )
    path = tmp_path / "fresh.csv"
    path.write_text(HEADER + "".join(row("0000", day, 1.0) for day in range(9)))
    done = rnnfc("predict", shops, "--data", path)
    assert (done.code, f"{path}: 0000: unknown series; there are: shop A" in done.err) == (
        2,
        True,
    )


def test_predict__prints_the_first_series_and_steps(rnnfc: Command, shops: Path) -> None:
    done = rnnfc("predict", shops, "--steps", "9")
    heading, *lines = done.out.splitlines()
    assert heading.split("  ")[0] == "series"
    assert heading.split() == [
        "series",
        "from",
        "step",
        "1",
        "(boxes)",
        "step",
        "2",
        "step",
        "3",
        "step",
        "4",
        "step",
        "5",
        "…",
        "step",
        "9",
    ]
    assert len(lines) == 20  # two targets of ten series
    assert lines[1].startswith("shop A, returned  2021-01-31")
    assert "more        3 series; --series NAME shows one, --output FILE writes all\n" in done.err
    done = rnnfc("predict", shops, "--series", "shop C")
    assert done.out.splitlines()[0].split() == ["time", "step", "sold", "(boxes)", "returned", "(boxes)"]
    assert "more" not in done.err


def test_predict__writes_a_row_for_each_series_step_and_target(
    rnnfc: Command, shops: Path, tmp_path: Path
) -> None:
    forecasts = forecast(rnnfc("predict", shops, "--json", "--output", tmp_path / "f.csv"))
    rows = list(csv.DictReader((tmp_path / "f.csv").read_text().splitlines()))
    assert len(rows) == 13 * 2 * 2
    for one in rows:
        assert float(one["forecast"]) == forecasts[one["series"], int(one["step"])]["value"][one["target"]]


def test_predict__notes_the_training_range_once_a_column(rnnfc: Command, shops: Path, tmp_path: Path) -> None:
    path = tmp_path / "fresh.csv"
    high = [
        f"{name},2021-03-{day:02d},{90 * SIZES[name]:g},{SIZES[name]:g}\n"
        for name in NAMES[3:5]
        for day in (1, 2, 3)
    ]
    path.write_text(HEADER + "".join([*high, *rows_of("shop J")[-3:]]))
    result = json.loads(rnnfc("predict", shops, "--json", "--data", path).out)
    assert [(one["series"], one["column"], one["high"]) for one in result["out_of_range"]] == [
        ("shop D", "sold", 90),
        ("shop E", "sold", 900),
    ]
    assert result["notes"] == [
        "sold of shop D runs from 90.00 to 90.00 in the last window; training saw 2.000 to 8.000 "
        "(2 of 3 series leave their range), so the network extrapolates"
    ]


def test_predict__refuses_a_scaler_with_fewer_series(rnnfc: Command, shops: Path, tmp_path: Path) -> None:
    opened, scaler = Run.open(shops), json.loads((shops / "scaler.json").read_text())
    assert len(scaler["center"]) == 13
    assert opened.scaler(channels=2, series=13).scale[12, 0] == 1
    for changed, text in (
        ({"center": scaler["center"][1:]}, "must have the same shape"),
        (
            {name: scaler[name][1:] for name in ("center", "scale", "low", "high")},
            "finite numbers for 2 columns of 13 series",
        ),
        ({"power": [[0.5]]}, "powers from 0 to 2 are needed"),
        ({"power": [[-1.0, 0.0]] * 13}, "powers from 0 to 2 are needed"),
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for path in shops.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "scaler.json").write_text(json.dumps(scaler | changed))
        seal(folder)
        done = rnnfc("predict", folder)
        assert (done.code, text in done.err) == (2, True), done.err


def test_export__of_many_series_is_checked_on_a_window_of_each(
    rnnfc: Command, shops: Path, tmp_path: Path
) -> None:
    done = rnnfc("export", shops, "--format", "onnx", "--to", tmp_path / "m.onnx", "--json")
    assert done.code == 0, done.err
    card = json.loads(done.out)
    assert card["input"]["series_names"] == [*NAMES, "shop M"]
    assert card["parity"]["windows"] == 63 + 13
    assert card["trained_range"]["sold"] == [0.002, 8e8]


def test_check__counts_constant_series(rnnfc: Command, tmp_path: Path) -> None:
    days = np.arange("2021-01-01", "2021-01-21", dtype="datetime64[D]")
    lines = [
        f"{name},{day},{5 if name == 'B' else place}\n" for name in "ABC" for place, day in enumerate(days)
    ]
    (tmp_path / "t.csv").write_text("shop,day,sold\n" + "".join(lines))
    (tmp_path / "t.yaml").write_text(
        "name: t\ndata: {kind: long, path: t.csv, series: shop, time: day, target: sold}\nwindow: {length: 2}\nsplit: {test: 5}\n"
        "model: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n"
    )
    text = "60 rows of 3 series, daily, 2021-01-01 to 2021-01-20, 1 series with a constant column (centred, not scaled)"
    assert text in rnnfc("check", tmp_path / "t.yaml").out
    assert "constant column" not in rnnfc("check", tmp_path / "t.yaml", "--set", "scale={by: all}").out


def test_predict__skips_the_series_that_training_skipped(rnnfc: Command, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lengths = {"A": 12, "B": 9, "C": 14}  # 5 to test on, 2 + 3 of a window
    path.write_text(
        HEADER + "".join(row(name, day, 1.0) for name, days in lengths.items() for day in range(days))
    )
    (tmp_path / "t.yaml").write_text(
        f"name: t\ndata: {{kind: long, path: {path}, series: shop, time: day, target: sold, short: skip}}\nsplit: {{test: 5}}\n"
        "window: {length: 3, horizon: 2}\nmodel: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n"
    )
    done = rnnfc("train", tmp_path / "t.yaml", "--outputs", tmp_path / "out")
    assert done.code == 0, done.err
    (run,) = (tmp_path / "out").iterdir()
    own = forecast(rnnfc("predict", run, "--json"))
    done = rnnfc("predict", run, "--json", "--data", path)
    assert list(forecast(done)) == list(own) == [("A", 1), ("A", 2), ("C", 1), ("C", 2)]
    assert json.loads(done.out)["notes"] == [
        "left out, not in the run, with fewer than the 10 rows that training needs: B"
    ]
    for rows, text in (
        (
            {"A": 3, "B": 10},
            f"{path}: B: unknown series; there are: A, C; remove its rows, or train with it",
        ),
        (
            {"B": 9},
            f"{path}: B: unknown series; there are: A, C; remove its rows, or train with it",
        ),
        ({"A": 2, "B": 9}, f"{path}: 2 rows, window.length=3 needs 3; add earlier rows"),
    ):
        path.write_text(
            HEADER + "".join(row(name, day, 1.0) for name, days in rows.items() for day in range(days))
        )
        done = rnnfc("predict", run, "--data", path)
        assert (done.code, done.err) == (2, f"error: {text}\n")


def test_predict__refuses_new_rows_that_the_transform_cannot_take(rnnfc: Command, tmp_path: Path) -> None:
    lines = [row(name, day, 1.0) for name in ("A", "B") for day in range(20)]
    (tmp_path / "t.csv").write_text(HEADER + "".join(lines))
    (tmp_path / "t.yaml").write_text(
        "name: t\ndata: {kind: long, path: t.csv, series: shop, time: day, target: sold}\nwindow: {length: 2}\nsplit: {test: 5}\n"
        "scale: {transform: box_cox}\nmodel: {kind: stacked, cell: SimpleRNN, units: [2]}\ntrain: {epochs: 1}\n"
    )
    done = rnnfc("train", tmp_path / "t.yaml", "--outputs", tmp_path / "out")
    assert done.code == 0, done.err
    (tmp_path / "t.csv").write_text(HEADER + "B,2021-01-01,3,0\nB,2021-01-02,0,0\n")
    done = rnnfc("predict", "t", "--outputs", tmp_path / "out", "--data", tmp_path / "t.csv")
    assert (
        done.code,
        "B: sold is 0 at 2021-01-02, scale.transform: box_cox needs values above 0" in done.err,
    ) == (2, True)
    (tmp_path / "t.csv").write_text(HEADER + "".join(lines).replace("B,2021-01-02,3,", "B,2021-01-02,0,"))
    done = rnnfc("check", tmp_path / "t.yaml")
    assert (
        done.code,
        "B: sold is 0 at 2021-01-02, scale.transform: box_cox needs values above 0" in done.err,
    ) == (2, True)

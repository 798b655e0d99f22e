"""Forecasts from fresh rows, into files, and what is said of values that training never saw."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_experiment, make_panel
from sealing import seal

from rnnfc.cli import main
from rnnfc.data.frequency import Frequency
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.runs.run import Run
from rnnfc.workflows import predict as workflow
from rnnfc.workflows.predict import WRITERS, FutureForecast, OutOfRange

Command = Callable[..., Any]
HEADER = "day,other,=sold,price\n"
# Of 40 days from 2021-01-01 on: sold 0 to 6, price 0 to 4.
ROWS = [
    f"{np.datetime64('2021-01-01') + np.timedelta64(day, 'D')},x,{day % 7},{day % 5}\n" for day in range(40)
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on ROWS: window 3 -> 2, target =sold, input price, missing rows carried forward."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.csv").write_text(HEADER + "".join(ROWS))
    (folder / "shop.yaml").write_text(
        "name: shop\ndata: {kind: csv, path: shop.csv, time: day, target: '=sold', inputs: price, missing: ffill, unit: boxes}\n"
        "window: {length: 3, horizon: 2}\nsplit: {test: 8}\n"
        "model: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1, batch_size: 8}\n"
    )
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "shop.yaml"), "--outputs", str(folder / "out")])
    assert stopped.value.code in (0, None)
    (folder / "shop.csv").unlink()
    (run,) = (folder / "out").iterdir()
    return run


def fresh(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "fresh.csv"
    path.write_text(header + "".join(rows))
    return path


def values(done: Any) -> list[float]:
    assert done.code == 0, done.err
    return [row["value"]["=sold"] for row in json.loads(done.out)["forecast"]]


def test_predict__from_the_last_rows_equals_the_run(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    own = values(rnnfc("predict", shop, "--json"))
    for rows in (ROWS[-3:], ROWS[-9:]):  # exactly one window; more
        assert values(rnnfc("predict", shop, "--json", "--data", fresh(tmp_path, *rows))) == own
    days = ("2030-05-30", "2030-05-31", "2030-06-01")
    moved = fresh(tmp_path, *(f"{day}{row[10:]}" for day, row in zip(days, ROWS[-3:], strict=True)))
    done = rnnfc("predict", shop, "--json", "--data", moved)
    assert values(done) == own
    assert [row["time"] for row in json.loads(done.out)["forecast"]] == ["2030-06-02", "2030-06-03"]
    assert values(rnnfc("predict", shop, "--json", "--data", moved, "--runtime", "keras")) == pytest.approx(
        own, abs=6e-5
    )


def test_predict__depends_on_new_rows(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    own = values(rnnfc("predict", shop, "--json"))
    assert values(rnnfc("predict", shop, "--json", "--data", fresh(tmp_path, *ROWS[-4:-1]))) != own
    cells = [row.strip().split(",") for row in ROWS[-3:]]
    moved = [f"{price},{sold},{day}\n" for day, _, sold, price in cells]
    columns_moved = fresh(tmp_path, *moved, header="price,=sold,day\n")
    assert values(rnnfc("predict", shop, "--json", "--data", columns_moved)) == own


def test_predict__fills_gaps_from_rows_before_the_window(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    gaps = fresh(
        tmp_path, "2021-03-01,x,4,1\n", "2021-03-02,x,,2\n", "2021-03-04,x,,3\n", "2021-03-05,x,,0\n"
    )
    full = "2021-03-03,x,4,2\n", "2021-03-04,x,4,3\n", "2021-03-05,x,4,0\n"
    found = values(rnnfc("predict", shop, "--json", "--data", gaps))
    assert found == values(rnnfc("predict", shop, "--json", "--data", fresh(tmp_path, *full)))


@pytest.mark.parametrize(
    ("rows", "header", "text"),
    [
        (ROWS[:2], HEADER, "fresh.csv: 2 rows, window.length=3 needs 3; add earlier rows"),
        ([], HEADER, "fresh.csv: 0 data rows; at least one is needed"),
        (ROWS[:3], "day,other,sold,price\n", "fresh.csv:1: no column '=sold'; did you mean 'sold'?"),
        ([*ROWS[:3], "2021-01-04,x,many,1\n"], HEADER, "fresh.csv:5: =sold: 'many' is not a number"),
        ([*ROWS[:3], "2021-01-04,x,1\n"], HEADER, "fresh.csv:5: 3 fields, the header has 4"),
        (
            [ROWS[1], ROWS[0], ROWS[2]],
            HEADER,
            "fresh.csv:3: times are not sorted: 2021-01-01 comes after 2021-01-02",
        ),
        (
            [f"2021-01-01T0{hour},x,1,1\n" for hour in range(4)],
            HEADER,
            "the rows are hourly, those of the run's data are daily",
        ),
    ],
)
def test_predict__checks_new_rows_like_training_data(
    rnnfc: Command, shop: Path, tmp_path: Path, rows: list[str], header: str, text: str
) -> None:
    done = rnnfc("predict", shop, "--data", fresh(tmp_path, *rows, header=header))
    assert (done.code, done.out) == (2, "")
    assert text in done.err


def test_predict__needs_an_existing_file_and_a_run_with_columns(
    rnnfc: Command, shop: Path, small_run: Path, tmp_path: Path
) -> None:
    done = rnnfc("predict", shop, "--data", "nowhere.csv")
    assert (done.code, done.err) == (
        2,
        "error: --data nowhere.csv: no such file; name a CSV file with the columns of the run's data\n",
    )
    done = rnnfc("predict", small_run, "--data", fresh(tmp_path, *ROWS))
    assert done.code == 2
    assert "the data of this run is not from a file, but from data.kind: sine; leave it out" in done.err


def test_predict__from_new_rows_imports_no_tensorflow(shop: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom rnnfc.cli import main\ntry:\n    main(sys.argv[1:])\n"
        "finally:\n    assert not {'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "    assert 'pandas' in sys.modules\n"
    )
    arguments = [sys.executable, "-c", script, "predict", str(shop), "--data", str(fresh(tmp_path, *ROWS))]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_predict__reports_inputs_outside_the_training_range(
    rnnfc: Command, shop: Path, tmp_path: Path
) -> None:
    rows = fresh(tmp_path, "2021-03-01,x,4,1\n", "2021-03-02,x,-9.5,2\n", "2021-03-03,x,12,3\n")
    result = json.loads(rnnfc("predict", shop, "--json", "--data", rows).out)
    expected = {
        "series": "shop",
        "column": "=sold",
        "low": -9.5,
        "high": 12.0,
        "trained_low": 0.0,
        "trained_high": 6.0,
    }
    assert result["out_of_range"] == [expected]
    (note,) = result["notes"]
    assert note.startswith(
        "=sold runs from -9.500 to 12.00 in the last window; training saw 0.0000 to 6.000, so the network extr"
    )
    assert json.loads(rnnfc("predict", shop, "--json").out)["out_of_range"] == []


def test_predict__writes_csv_without_formulas(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    printed = json.loads(rnnfc("predict", shop, "--json", "--output", tmp_path / "f.csv").out)
    rows = list(csv.reader((tmp_path / "f.csv").read_text().splitlines()))
    assert rows[0] == ["series", "time", "step", "target", "forecast"]
    assert [row[:4] for row in rows[1:]] == [
        ["shop", "2021-02-10", "1", "'=sold"],
        ["shop", "2021-02-11", "2", "'=sold"],
    ]
    assert [float(row[4]) for row in rows[1:]] == [row["value"]["=sold"] for row in printed["forecast"]]


def test_predict__writes_the_json_that_it_prints(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    done = rnnfc("predict", shop, "--json", "--output", tmp_path / "f.json")
    assert (tmp_path / "f.json").read_text() == done.out
    done = rnnfc("predict", shop, "--output", tmp_path / "g.json")
    assert done.err.splitlines()[-1] == f"written     {tmp_path / 'g.json'}"
    assert len(done.out.splitlines()) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"f.json", "g.json"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.xlsx", "f.xlsx: unknown file format; the name must end with .csv or .json"),
        ("taken.csv", "taken.csv: already exists"),
        ("no/f.csv", "no does not exist"),
    ],
)
def test_predict__refuses_an_impossible_output_before_any_work(
    rnnfc: Command, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setattr(workflow, "predict", pytest.fail)
    (tmp_path / "taken.csv").write_text("mine")
    done = rnnfc("predict", shop, "--output", tmp_path / name)
    assert (done.code, text in done.err) == (2, True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def future(**changes: Any) -> FutureForecast:
    fields: dict[str, Any] = {
        "run": Run(Path("r")),
        "series": ("+1",),
        "targets": ("@a", "\tb", "c-"),
        "unit": "",
        "last_time": np.array([4]),
        "time": None,
        "offset": "",
        "value": np.array([[[1.5, -2.0, 0.1], [3.0, 4.0, 5.0]]]),
        "out_of_range": [],
        "notes": [],
    }
    return FutureForecast(**fields | changes)


def test_future_forecast__quotes_formulas_but_not_numbers() -> None:
    rows = list(csv.reader(future().to_csv().splitlines()))[1:]
    assert rows[:3] == [
        ["'+1", "", "1", "'@a", "1.5"],
        ["'+1", "", "1", r"\u0009b", "-2.0"],
        ["'+1", "", "1", "c-", "0.1"],
    ]
    assert rows[5] == ["'+1", "", "2", "c-", "5.0"]


def test_future_forecast__writes_every_value_in_each_format() -> None:
    forecast = future(
        out_of_range=[
            OutOfRange(series="s", column="c-", low=0.0, high=9.0, trained_low=1.0, trained_high=2.0)
        ]
    )
    texts = {ending: write(forecast) for ending, write in WRITERS.items()}
    assert set(texts) == {".csv", ".json"}
    for text in texts.values():
        assert all(number in text for number in ("1.5", "-2.0", "0.1", "3.0", "4.0", "5.0"))
    assert json.loads(texts[".json"])["out_of_range"][0]["trained_high"] == 2.0


def test_future_forecast__writes_a_folder_name_that_is_not_unicode(tmp_path: Path) -> None:
    workflow.save(future(run=Run(Path("r\udce9"))), tmp_path / "f.json")
    assert json.loads((tmp_path / "f.json").read_text())["run"] == "r?"


def test_predict__needs_one_row_for_a_window_of_one(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shop, tmp_path / "one"))
    edited = (folder / "experiment.yaml").read_text().replace('"length": 3', '"length": 1')
    (folder / "experiment.yaml").write_text(edited)
    opened = Run(folder)
    with np.load(folder / "last_window.npz") as arrays:
        arrays_before = {name: arrays[name] for name in arrays.files}
    cut = {name: arrays_before[name][-1:] for name in ("values", "time", "filled")}
    np.savez(folder / "last_window.npz", **arrays_before | cut | {"bounds": np.array([0, 1])})
    seal(folder)
    assert opened.last_window(length=1).frequency == Frequency(unit="microsecond", size=86_400_000_000)
    done = rnnfc(
        "predict", folder, "--runtime", "keras", "--json", "--data", fresh(tmp_path, "2024-02-29,x,3,2\n")
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["forecast"][0]["time"] == "2024-03-01"


class Doubling:
    """Forecasts twice the newest row, then four times it."""

    def outputs(self, windows: Windows) -> Any:
        last = windows.inputs()[:, -1:, :]
        return {"forecast": np.concatenate([2 * last, 4 * last], axis=1)}


def test_forecast__feeds_back_several_targets() -> None:
    panel = make_panel([[5, 7], [6, 8], [1, -10]], targets=2, names="s", channels="ab")
    value, quantiles, fed_back = workflow._forecast(
        Doubling(), panel, np.zeros((1, 6, 0)), horizon=2, steps=5
    )
    assert value.tolist() == [[[2, -20], [4, -40], [8, -80], [16, -160], [32, -320]]]
    assert quantiles is None
    assert fed_back.tolist() == value[:, :4].tolist()
    scaler = Scaler(
        method="none",
        center=np.zeros((1, 2)),
        scale=np.ones((1, 2)),
        low=np.array([[0, -99]]),
        high=np.array([[9, 99]]),
    )
    found = workflow._out_of_range(panel, scaler, fed_back, np.zeros((1, 6, 0)))
    assert found == [
        OutOfRange(series="s", column="a", low=1.0, high=16.0, trained_low=0.0, trained_high=9.0),
        OutOfRange(series="s", column="b", low=-160.0, high=8.0, trained_low=-99.0, trained_high=99.0),
    ]


def test_predict__keeps_the_utc_offset() -> None:
    times = {"last_time": np.array(["2013-12-31T22:00"], dtype="datetime64[us]"), "offset": "+10:00"}
    ahead = future(
        **times,
        series=("s",),
        time=np.array([["2013-12-31T23:00", "2014-01-01T00:00"]], dtype="datetime64[us]"),
    )
    assert ahead.labels(0) == ["2013-12-31T23:00+10:00", "2014-01-01T00:00+10:00"]
    assert ahead.to_csv().splitlines()[4].startswith("s,2014-01-01T00:00+10:00,2,")
    assert ahead.to_json()["last_time"] == {"s": "2013-12-31T22:00+10:00"}


def test_predict__refuses_new_rows_at_another_utc_offset(rnnfc: Callable[..., Any], tmp_path: Path) -> None:
    def write(name: str, zone: str) -> Path:
        rows = [f"2020-01-{day:02}T00:00{zone},{day % 3}\n" for day in range(1, 13)]
        (tmp_path / name).write_text("day,sold\n" + "".join(rows))
        return tmp_path / name

    write("sold.csv", "+10:00")
    (tmp_path / "x.yaml").write_text(
        "name: x\ndata: {kind: csv, path: sold.csv, time: day, target: sold}\nwindow: {length: 3}\nsplit: {test: 3}\n"
        "model: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n"
    )
    assert rnnfc("train", tmp_path / "x.yaml", "--outputs", tmp_path / "outputs").code == 0
    (run,) = (tmp_path / "outputs").iterdir()
    assert "2020-01-13T00:00+10:00" in rnnfc("predict", run).out
    assert (
        (run / "forecast.csv")
        .read_text()
        .splitlines()[1]
        .startswith("sold,2020-01-09T00:00+10:00,1,2020-01-10T00:00+10:00,")
    )
    assert rnnfc("predict", run, "--data", write("same.csv", "+10:00")).code == 0
    fresh = write("fresh.csv", "")
    done = rnnfc("predict", run, "--data", fresh)
    assert (done.code, done.err) == (
        2,
        f"error: {fresh}: the times have no UTC offset, those of the run's data have the UTC offset +10:00; "
        "use the same in both\n",
    )


# --- what lies behind the last window


def test_predict__notes_filled_values_by_column(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    gaps = [*ROWS[-4:-2], ROWS[-2].rpartition(",")[0] + ",\n", f"{ROWS[-1][:10]},x,,\n"]
    done = rnnfc("predict", shop, "--json", "--data", fresh(tmp_path, *gaps))
    text = "missing values of the last window that were filled (ffill): 1 of =sold, 2 of price"
    assert json.loads(done.out)["notes"] == [text]
    earlier = [f"{ROWS[-4][:10]},x,5,\n", *ROWS[-3:]]  # the gap lies before the window
    before = fresh(tmp_path, *ROWS[-6:-4], *earlier)
    assert json.loads(rnnfc("predict", shop, "--json", "--data", before).out)["notes"] == []


def test_predict__notes_a_data_file_that_has_grown(rnnfc: Command, shop: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(shop, tmp_path / "run")
    path = tmp_path / "my shop.csv"
    text = (moved / "experiment.yaml").read_text()
    (moved / "experiment.yaml").write_text(text.replace(str(shop.parent.parent / "shop.csv"), str(path)))
    seal(moved)

    def notes(*options: Any) -> list[str]:
        return list(json.loads(rnnfc("predict", moved, "--json", *options).out)["notes"])

    assert notes() == []  # the file is gone
    path.write_text(HEADER + "".join(ROWS))
    assert notes() == []
    path.write_text(HEADER + "".join(ROWS) + "2021-02-10,x,5,1\n")
    text = f"the run's data file has grown since training; forecast from its newest rows: --data '{path}'"
    assert notes() == [text]
    (series,) = {row["series"] for row in json.loads(rnnfc("predict", moved, "--json").out)["forecast"]}
    assert notes("--series", series) == [text]
    assert notes("--data", path) == []
    info = json.loads((moved / "run.json").read_text())
    del info["data_bytes"]  # a run of an older version
    (moved / "run.json").write_text(json.dumps(info))
    seal(moved)
    assert notes() == []


@pytest.mark.parametrize(
    ("high", "trained_high", "expected"),
    [(101.1, 101.0, 0.1 / 91), (110.0, 101.0, 9 / 91), (10.5, 10.0, np.inf)],
)
def test_out_of_range__excess_is_a_share_of_the_training_range(
    high: float, trained_high: float, expected: float
) -> None:
    column = workflow.OutOfRange(
        series="a", column="y", low=10.0, high=high, trained_low=10.0, trained_high=trained_high
    )
    assert column.excess == pytest.approx(expected)


def test_predict__notes_series_that_an_embedding_never_saw(tmp_path: Path) -> None:
    """As of 0.1.0, which trained such runs; rnnfc refuses them."""
    model = "{kind: stacked, cell: GRU, units: [2], series_embedding: 2}"

    def notes(ledger: object, **keys: object) -> list[str]:
        (tmp_path / "report.json").write_text(json.dumps({"ledger": ledger}))
        return workflow._untrained(Run(tmp_path), make_experiment(**keys))

    (note,) = notes({"series": 30, "window_series": {"train": 28, "test": 30}}, model=model)
    assert note.startswith("2 of 30 series had no training window")
    assert "model.series_embedding" in note
    assert notes({"series": 30, "window_series": {"train": 30}}, model=model) == []
    assert notes({"series": 30, "window_series": {"train": 28}}) == []
    for damaged in (
        None,
        [],
        {"series": "30", "window_series": {"train": 28}},
        {"series": 3, "window_series": 2},
    ):
        assert notes(damaged, model=model) == []

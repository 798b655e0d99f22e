"""A run of three series: series.csv by hand from forecast.csv, evaluated again, and every forecast as Parquet."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories import train_run

import rnnfc
from rnnfc.runs.run import Run
from rnnfc.workflows import score

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A NumPy network on 3 shops; forecast.csv is a sample."""
    folder = tmp_path_factory.mktemp("shops")
    rows = [
        f"{shop},2024-{1 + day // 28:02d}-{1 + day % 28:02d},{size * (3 + day % 5 + day / 20):g}"
        for shop, size in (("=a", 1.0), ("b", 10.0), ("c", 0.1))
        for day in range(80)
    ]
    (folder / "shops.csv").write_text("shop,day,sold\n" + "\n".join(rows) + "\n")
    text = (
        "name: shops\nscale: standard\nreport: {forecasts: all}\n"
        f"data: {{kind: long, path: {folder}/shops.csv, series: shop, time: day, target: sold, frequency: rows}}\n"
        "window: {length: 5, horizon: 2}\nsplit: {test: 18}\n"
        "model: {kind: scratch, units: 3}\ntrain: {epochs: 2, batch_size: 8}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "_MOST_ROWS", 40)
        return train_run(folder, text)


def read(run: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((run / name).read_text())))


def test_series_csv__has_the_scores_of_every_forecast(shops: Path) -> None:
    forecasts = pd.read_parquet(shops / "forecast.parquet")
    rows = read(shops, "series.csv")
    report = json.loads((shops / "report.json").read_text())
    baseline = report["series"]["baseline"]
    for row in rows:
        own = forecasts[forecasts["series"] == row["series"].removeprefix("'")]
        assert (int(row["windows"]), int(row["values"])) == (17, len(own))
        if not len(own):
            assert {row[name] for name in row if name not in ("series", "target", "windows", "values")} == {
                ""
            }
            continue
        rmse = (((own["forecast"] - own["actual"]) ** 2).mean()) ** 0.5
        other = (((own[baseline] - own["actual"]) ** 2).mean()) ** 0.5
        assert float(row["rmse"]) == pytest.approx(rmse)
        assert float(row["mae"]) == pytest.approx((own["forecast"] - own["actual"]).abs().mean())
        assert float(row[f"rmse_{baseline.replace(' ', '_')}"]) == pytest.approx(other)
        assert float(row["skill"]) == pytest.approx(1 - rmse / other)
    assert [row["series"] for row in rows] == ["b", "'=a", "c"]
    assert report["series"] | {"worst": 0} == {
        "rows": 3,
        "scored": 3,
        "ranking": "rmse",
        "baseline": baseline,
        "worst": 0,
        "lower": report["series"]["lower"],
        "higher": 3 - report["series"]["lower"],
    }
    text = (shops / "report.md").read_text()
    assert "## Test rows by series, the highest RMSE first" in text
    assert "All scores are in series.csv." in text
    assert "| =a | 17 | " in text


def test_series_scores__of_the_python_api_are_those_of_the_file(shops: Path, small_run: Path) -> None:
    frame = rnnfc.Run(shops).series_scores
    rows = read(shops, "series.csv")
    assert list(frame) == list(rows[0])
    assert list(frame["series"]) == ["b", "=a", "c"]
    assert list(frame["rmse"]) == [float(row["rmse"]) for row in rows]
    assert frame["windows"].dtype == np.int64
    with pytest.raises(rnnfc.RunError, match="one series"):
        _ = rnnfc.Run(small_run).series_scores


def test_forecast_parquet__has_every_window_and_forecast_csv_says_which(shops: Path) -> None:
    forecasts, sample = pd.read_parquet(shops / "forecast.parquet"), read(shops, "forecast.csv")
    assert list(forecasts)[:7] == ["series", "origin_time", "step", "time", "target", "actual", "forecast"]
    assert list(forecasts)[7:] == list(sample[0])[7:]
    assert len(forecasts) == 3 * 17 * 2
    notes = json.loads((shops / "report.json").read_text())["notes"]
    (note,) = [note for note in notes if note.startswith("forecast.csv")]
    assert f"a sample of {len(sample) // 2} of the 51 test windows" in note
    assert "every 5th row of a series" in note
    assert "last one of each series" in note
    by_key = {(row.series, str(row.time)[:10], row.step): row.forecast for row in forecasts.itertuples()}
    for row in sample:
        key = row["series"].removeprefix("'"), row["time"], int(row["step"])
        assert by_key[key] == float(row["forecast"])
    assert {"series.csv", "forecast.parquet"} < {
        line.split()[1] for line in (shops / "manifest.sha256").read_text().splitlines()
    }


def test_evaluate__compares_the_scores_of_each_series(rnnfc: Command, shops: Path) -> None:
    assert rnnfc("evaluate", shops).code == 0
    text = (shops / "series.csv").read_text()
    lines = text.splitlines()
    cells = lines[1].split(",")
    place = lines[0].split(",").index("mae")
    cells[place] = str(float(cells[place]) * 1.001)
    changed = "\n".join([lines[0], ",".join(cells), *lines[2:], ""])
    for content, code, says in (
        (changed, 1, "mae of series b"),
        (text.replace("b,sold", "d,sold"), 2, "series.csv: its series or columns"),
        (text.replace("skill", "skull"), 2, "series.csv: its series or columns"),
        ("series\n", 2, "series.csv: cannot be read"),
    ):
        replace(shops, "series.csv", content)
        done = rnnfc("evaluate", shops, "--json")
        assert (done.code, says in done.out + done.err) == (code, True), done.err
    replace(shops, "series.csv", text)


def replace(run: Path, name: str, content: str) -> None:
    """Write a file and its SHA-256."""
    old = hashlib.sha256((run / name).read_bytes()).hexdigest()
    (run / name).write_text(content)
    manifest = run / "manifest.sha256"
    manifest.write_text(manifest.read_text().replace(old, hashlib.sha256(content.encode()).hexdigest()))


def test_evaluate__of_a_run_without_the_file_compares_the_others(rnnfc: Command, shops: Path) -> None:
    manifest = shops / "manifest.sha256"
    text, series = manifest.read_text(), (shops / "series.csv").read_text()
    manifest.write_text("".join(line for line in text.splitlines(keepends=True) if "series.csv" not in line))
    (shops / "series.csv").unlink()
    try:
        assert Run.open(shops).series_scores() is None
        assert rnnfc("evaluate", shops).code == 0
    finally:
        (shops / "series.csv").write_text(series)
        manifest.write_text(text)


def test_parquet__is_refused_before_training_without_pyarrow(
    rnnfc: Command, shops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    done = rnnfc("check", shops.parent.parent / "config.yaml")
    assert (done.code, "rnnfc[parquet]" in done.err) == (2, True)

"""Many series with gaps, from the command line: trained, scored on what is known, evaluated again."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnfc.runs.run import Run

# 40 hours of one shop, and 25 of another that opens later; what is missing: two cells, and three rows of the second.
NORTH, SOUTH = range(40), [hour for hour in range(12, 40) if hour not in (33, 34, 35)]
CONFIG = """
name: shops
data: {kind: long, path: shops.csv, series: shop, time: hour, target: sold, missing: mask, season: 4, calendar: [hour]}
window: {length: 6, horizon: 2}
split: {validation: 6, test: 8}
scale: none
model: {kind: stacked, cell: GRU, units: [3]}
train: {epochs: 2, batch_size: 8}
"""


def row(shop: str, hour: int) -> str:
    sold = "" if (shop, hour) in (("north", 5), ("south", 38)) else hour % 4 + 0.1 * hour
    return f"{shop},2020-03-{1 + hour // 24:02}T{hour % 24:02}:00,{sold}\n"


def test_long_data__mask_keeps_observed_values(rnnfc: Callable[..., Any], tmp_path: Path) -> None:
    rows = [row("north", hour) for hour in NORTH] + [row("south", hour) for hour in SOUTH]
    (tmp_path / "shops.csv").write_text(
        "shop,hour,sold\n" + "".join(sorted(rows, key=lambda text: text.split(",")[1]))
    )
    (tmp_path / "x.yaml").write_text(CONFIG)
    done = rnnfc("train", tmp_path / "x.yaml", "--outputs", tmp_path / "outputs", "--json")
    assert done.code == 0, done.err
    (report,) = json.loads(done.out)["runs"]
    # Seven windows of each shop; of the south's hours 32 to 39, four are missing: 33-34 and 34-35 have no window.
    ledger = report["ledger"]
    assert (ledger["rows"], ledger["series"], ledger["filled_values"]) == (68, 2, 5)
    assert ledger["windows"]["test"] == 7 + 5
    # 14 of the north; of the south hours 32, 36, 36 37, 37 and 39
    assert ledger["scored_test_values"] == 14 + 6
    (run,) = (tmp_path / "outputs").iterdir()
    with (run / "forecast.csv").open() as file:
        masked = [(row["series"], row["time"][-5:]) for row in csv.DictReader(file) if row["actual"] == "nan"]
    assert masked == [("south", "09:00"), ("south", "11:00"), ("south", "14:00"), ("south", "14:00")]
    assert Run.open(run).last_window(length=6).calendar == ("hour",)
    done = rnnfc("evaluate", run)
    assert (done.code, "the same scores as training (largest difference 0.0e+00)" in done.out) == (0, True)


def test_long_data__counts_series_without_a_window_in_a_split(
    rnnfc: Callable[..., Any], tmp_path: Path
) -> None:
    lengths = {"a": 40, "b": 40, "c": 8}
    rows = [
        f"{name},{step},{(step * step) % 7}\n" for name, length in lengths.items() for step in range(length)
    ]
    (tmp_path / "long.csv").write_text("id,t,y\n" + "".join(rows))
    (tmp_path / "x.yaml").write_text(
        "name: x\ndata: {kind: long, path: long.csv, series: id, time: t, target: y}\nwindow: {length: 6, horizon: 2}\n"
        "split: {test: 0.2}\nmodel: {kind: scratch, units: 2}\ntrain: {epochs: 1}\n"
    )
    shown = rnnfc("check", tmp_path / "x.yaml").out
    assert "test        14 windows (of 2 of the 3 series), targets" in shown
    assert rnnfc("train", tmp_path / "x.yaml", "--outputs", tmp_path / "outputs").code == 0
    (report,) = tmp_path.glob("outputs/*/report.md")
    assert "test 14 (of 2 of the 3 series)" in report.read_text()

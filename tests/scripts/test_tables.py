"""The presets of configs/tables train on small made series of their kind, and scripts/tables.py prints what came out."""

from pathlib import Path

import numpy as np
import pytest
import tables
from tables import TABLES, Cell, markdown, run_cell

TINY = ("train.epochs=2", "model.width=8")


def hourly(seed: int, rows: int) -> np.ndarray:
    """A day and a week, a slow drift and noise; positive."""
    time = np.arange(rows)
    waves = 3 * np.sin(2 * np.pi * time / 24 + seed) + np.sin(2 * np.pi * time / 168)
    return 20 + waves + 0.002 * time + np.random.default_rng(seed).normal(0, 0.3, rows)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files named like the published ones, with made series."""
    hours = np.datetime64("2020-01-01T00", "h") + np.arange(900).astype("timedelta64[h]")
    loads = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    columns = np.stack([hourly(seed, 900) for seed in range(7)], axis=1)
    rows = [",".join([str(hour), *map(repr, row.tolist())]) for hour, row in zip(hours, columns, strict=True)]
    (tmp_path / "ETTh1.csv").write_text("\n".join([f"date,{','.join(loads)}", *rows]))
    demand = [f"{hour},{row[0]!r}" for hour, row in zip(hours, columns.tolist(), strict=True)]
    (tmp_path / "vic_electricity_hourly.csv").write_text("\n".join(["date,demand_mwh", *demand]))
    for part, steps in (("train", slice(0, 452)), ("test", slice(452, 500))):
        long = [
            f"H{series},{step + 1},{hourly(series, 500)[step]:.4f}"
            for series in (1, 2)
            for step in range(500)[steps]
        ]
        (tmp_path / f"m4_hourly_{part}.csv").write_text("\n".join(["unique_id,ds,y", *long]))
    monkeypatch.setattr(tables, "RUNS", tmp_path / "runs")
    return tmp_path


ETT = (
    "window.length=48",
    "window.stride=8",
    "split={train: 500, validation: 150, test: 150, rows_from: start}",
    "model.segment=12",
    "model.linear.length=36",
)


@pytest.mark.parametrize(
    ("name", "horizon", "more", "best"),
    [
        ("ETTh1", 96, ETT, 0.8),  # the last value scores above 1
        ("M4-Hourly", 48, ("window.stride=16",), 15.0),
        ("vic_electricity", 24, ("window.stride=8",), 2.0),
        ("airline", 12, ("model.units=[4]",), 60.0),
    ],
)
def test_tables__a_preset_trains_and_its_table_has_the_scores(
    data: Path, name: str, horizon: int, more: tuple[str, ...], best: float
) -> None:
    tables.join_m4(data, data / "m4_hourly.csv")
    tiny = TINY if name != "airline" else ("train.epochs=2",)
    row = run_cell(Cell(table=name, horizon=horizon, seed=3, data=str(data), overrides=(*tiny, *more)))
    assert (row["table"], row["horizon"], row["seed"]) == (name, horizon, 3)
    assert len(row["scores"]) == len(TABLES[name].scores)
    assert 0 < row["scores"][0] < best
    again = {**row, "seed": 4, "scores": [score + 0.5 for score in row["scores"]]}
    lines = markdown([row, again]).splitlines()
    assert lines[0].startswith(f"| {name}, ")
    (ours,) = [line for line in lines if line.startswith("| **rnnfc**, seeds 3, 4 |")]
    middle = row["scores"][0] + 0.25
    assert (f"{middle:.3f}".lstrip("0") if middle < 1 else f"{middle:.4g}") in ours
    assert "± .354" in ours  # the standard deviation of two scores 0.5 apart
    assert all(f"| {row} |" in "\n".join(lines) for row in TABLES[name].published)


def test_tables__a_second_call_trains_nothing_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = {
        "table": "airline",
        "horizon": 12,
        "seed": 1,
        "scores": [13.0, 16.25, 0.44],
        "minutes": 0.2,
        "network_share": None,
    }
    (data / "tables.json").write_text(tables.json.dumps([done]))
    monkeypatch.setattr(tables, "DONE", data / "tables.json")
    monkeypatch.setattr("sys.argv", ["tables.py", "airline", "--seeds", "1"])
    tables.main()
    assert "| **rnnfc**, seed 1 | 13/16.25/.440 |" in capsys.readouterr().out

"""A trained network is published although a file beside it, for other tools or to look at, could not be made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnfc.numpy_rnn.engine import NumpyNetwork
from rnnfc.workflows import train as train_module

Command = Callable[..., Any]
CONFIG = """\
name: shop
seed: 3
data: {kind: csv, path: rows.csv, target: sold}
window: {length: 3, horizon: 1}
split: {train: 12, validation: 4, test: 5}
scale: minmax
model: {kind: scratch, units: 2}
train: {epochs: 2, batch_size: 4}
"""


def broken(*_: object, **__: object) -> bytes:
    raise ValueError("no such operator")


def train(rnnfc: Command, folder: Path) -> tuple[Any, Path]:
    folder.mkdir()
    (folder / "shop.yaml").write_text(CONFIG)
    (folder / "rows.csv").write_text("sold\n" + "".join(f"{row % 5 + row}\n" for row in range(21)))
    done = rnnfc("train", folder / "shop.yaml", "--outputs", folder / "outputs")
    (run,) = (folder / "outputs").iterdir()
    return done, run


def test_train__publishes_a_network_that_no_file_for_other_tools_can_hold(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, complete = train(rnnfc, tmp_path / "whole")
    assert (whole.code, json.loads((complete / "run.json").read_text())["not_written"]) == (0, {})
    with monkeypatch.context() as patch:
        patch.setattr(NumpyNetwork, "to_onnx", broken)
        done, run = train(rnnfc, tmp_path / "part")
    assert done.code == 1
    assert "model.onnx (no such operator)" in done.err
    assert not (run / "model.onnx").exists()
    assert json.loads((run / "run.json").read_text())["not_written"] == {"model.onnx": "no such operator"}
    assert (run / "weights.npz").read_bytes() == (complete / "weights.npz").read_bytes()

    (expected,) = json.loads(rnnfc("predict", complete, "--json", "--last-window").out)["forecast"]
    shown = rnnfc("predict", run, "--json", "--last-window")
    assert shown.code == 0
    (row,) = json.loads(shown.out)["forecast"]
    assert row["value"]["sold"] == pytest.approx(expected["value"]["sold"], abs=1e-4)
    assert [
        note for note in json.loads(shown.out)["notes"] if "model.onnx" in note and "no such operator" in note
    ]
    assert rnnfc("evaluate", run).code == 0


def test_train__publishes_a_network_whose_picture_cannot_be_drawn(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "forecast_picture", broken)
    done, run = train(rnnfc, tmp_path / "run")
    assert done.code == 1
    assert "forecast.png (no such operator)" in done.err
    assert not (run / "forecast.png").exists()
    assert (run / "loss.png").exists()
    assert rnnfc("evaluate", run).code == 0

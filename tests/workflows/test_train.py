"""What a training run may know: its training rows, and of the rest only what it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

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


def trained(rnnfc: Command, folder: Path, sold: list[float]) -> dict[str, Any]:
    """Scaler, weights and losses of a run on these 21 rows."""
    folder.mkdir()
    (folder / "shop.yaml").write_text(CONFIG)
    (folder / "rows.csv").write_text("sold\n" + "".join(f"{value!r}\n" for value in sold))
    done = rnnfc("train", folder / "shop.yaml", "--outputs", folder / "outputs")
    assert done.code == 0, done.err
    (run,) = (folder / "outputs").iterdir()
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return {
        "scaler": json.loads((run / "scaler.json").read_text()),
        "weights": {name: array.tobytes() for name, array in np.load(run / "weights.npz").items()},
        "losses": [row["loss"] for row in history],
        "validation": [row["validation_loss"] for row in history],
    }


def test_train__rows_after_training_change_validation_losses_only(rnnfc: Command, tmp_path: Path) -> None:
    sold = [float(row % 5 + row) for row in range(21)]
    plain = trained(rnnfc, tmp_path / "plain", sold)
    # The training rows are 0 to 11: from 0 to 9 % 5 + 9.
    assert (plain["scaler"]["center"], plain["scaler"]["scale"]) == ([[0.0]], [[13.0]])
    tested = trained(rnnfc, tmp_path / "tested", [*sold[:16], *(value + 100 for value in sold[16:])])
    assert tested == plain
    both = trained(rnnfc, tmp_path / "both", [*sold[:12], *(value - 100 for value in sold[12:])])
    assert both["validation"] != plain["validation"]
    assert {**both, "validation": None} == {**plain, "validation": None}

"""Numbers that are none: a training that diverges ends in its step, and nothing that is written or shown holds one."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfc.runs.run import Run
from rnnfc.workflows.prepare import Prepared

Command = Callable[..., Any]
NUMPY = "{kind: scratch, units: 3}"
KERAS = "{kind: stacked, cell: %s, units: [3], activation: linear}"
TRAIN = "{epochs: 4, batch_size: 8}"
NOT_A_NUMBER = re.compile(r"\b(nan|inf|infinity)\b", re.IGNORECASE)
SINE = np.sin(np.arange(60) / 3)


def config(
    folder: Path, values: Any = SINE, *, model: str = NUMPY, scale: str = "minmax", train: str = TRAIN
) -> Path:
    """An experiment on 60 `values`: 36 for training, 12 each for validation and test."""
    rows = "".join(f"{row},{value!r}\n" for row, value in enumerate(map(float, values)))
    (folder / "x.csv").write_text("row,y\n" + rows)
    path = folder / "x.yaml"
    path.write_text(
        "name: x\nseed: 3\ndata: {kind: csv, path: x.csv, time: row, target: y, season: 4}\n"
        f"window: {{length: 4, horizon: 2}}\nsplit: {{train: 0.6, validation: 0.2, test: 0.2}}\n"
        f"scale: {scale}\nmodel: {model}\ntrain: {train}\n"
    )
    return path


# --- divergence


FAST = "{epochs: 400, batch_size: 4, optimizer: sgd, learning_rate: 10.0, loss: mse}"


@pytest.mark.parametrize(
    ("recipe", "model"),
    [
        ("numpy", NUMPY),
        ("graph", KERAS % "SimpleRNN"),
        ("sharded_loop", KERAS % "LSTM"),
        ("xla_loop", KERAS % "GRU"),
        ("xla_unrolled", KERAS % "SimpleRNN"),
    ],
)
def test_train__a_loss_that_is_not_finite_ends_it_in_that_step(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, model: str
) -> None:
    chosen = Prepared.recipe.fget  # type: ignore[attr-defined]  # a property has it
    shards = 2 if recipe == "sharded_loop" else 1
    monkeypatch.setattr(
        Prepared, "recipe", property(lambda self: replace(chosen(self), name=recipe, shards=shards))
    )
    # The square of a row of 1e23 is no float32; a float64 takes a few epochs more.
    values = np.concatenate([SINE[:33], [-1e35 if recipe == "numpy" else -1e23], SINE[34:]])
    path = config(tmp_path, values, model=model, scale="none", train=FAST)
    done = rnnfc("train", path, "--outputs", tmp_path / "out")
    assert (done.code, done.out) == (1, "")
    epoch = "1[0-9]" if recipe == "numpy" else "1"
    (error,) = [line for line in done.err.splitlines() if line.startswith("error")]
    assert re.search(rf"loss is not finite in epoch {epoch}, step [1-8] ", error)
    assert all(remedy in error for remedy in ("train.learning_rate", "train.clip", "minmax or standard"))
    assert list((tmp_path / "out").glob("[!.]*")) == []
    assert not NOT_A_NUMBER.search(done.err)


@pytest.mark.parametrize("model", [NUMPY, KERAS % "GRU"])
def test_train__a_validation_loss_that_is_not_finite_ends_it(
    rnnfc: Command, tmp_path: Path, model: str
) -> None:
    values = SINE.copy()
    values[40] = 1e200 if model == NUMPY else 1e30  # a validation row; its square overflows
    done = rnnfc("train", config(tmp_path, values, model=model, scale="none"), "--outputs", tmp_path / "out")
    assert (done.code, done.out) == (1, "")
    assert "validation loss is not finite" in done.err
    assert "epoch 1 " in done.err


def test_train__the_last_finite_weights_are_kept_as_a_checkpoint(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rnnfc.numpy_rnn import network as rnn

    step, count = rnn.train_step, 0

    def diverging(*arguments: Any, **options: Any) -> float:
        nonlocal count
        count += 1
        return float("nan") if count == 13 else step(*arguments, **options)

    monkeypatch.setattr(rnn, "train_step", diverging)
    done = rnnfc("train", config(tmp_path), "--outputs", tmp_path / "out")
    assert (done.code, done.out) == (1, "")
    assert (
        "the loss is not finite in epoch 4, step 1 " in done.err
    )  # 31 windows in batches of 8: 4 steps an epoch
    (folder,) = (tmp_path / "out").iterdir()
    assert f"kept        epoch 3 of 4 in {folder}\n" in done.err
    arrays = Run(folder).checkpoint()
    assert arrays is not None
    assert all(np.isfinite(array).all() for name, array in arrays.items() if "weights" in name)
    assert rnnfc("predict", "--outputs", tmp_path / "out").code == 2


# --- nothing that is written or shown


CONSTANT_TEST = np.concatenate([SINE[:47], np.full(13, 0.5)])
SEASONAL = np.tile([0.0, 1.0, 0.0, -1.0], 15)
HUGE_TEST = np.concatenate([SINE[:55], [1e200], SINE[56:]])


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (CONSTANT_TEST, "minmax"),
        (SEASONAL, "standard"),
        (np.full(60, 3.0), "none"),
        (np.zeros(60), "none"),
        (HUGE_TEST, "none"),
        (HUGE_TEST, "minmax"),
        (SINE * 1e160, "minmax"),
        (SINE * 1e-200, "minmax"),
        (np.arange(60.0), "minmax"),
    ],
    ids=[
        "constant test",
        "seasonal",
        "constant",
        "zeros",
        "huge test",
        "huge test scaled",
        "huge",
        "tiny",
        "straight",
    ],
)
def test_results__show_no_nan_and_no_infinity(
    rnnfc: Command, tmp_path: Path, values: Any, scale: str
) -> None:
    outputs = tmp_path / "out"
    path = config(tmp_path, values, scale=scale)
    done = rnnfc("train", path, "--outputs", outputs)
    assert done.code == 0, done.err
    (folder,) = outputs.iterdir()
    shown = {"train": done.out + done.err}
    for command in ("evaluate", "predict"):
        for options in ([], ["--json"]):
            again = rnnfc(command, folder, *options)
            assert again.code == 0, again.err
            shown[f"{command} {options}"] = again.out + again.err
    shown |= {
        file.name: file.read_text()
        for file in folder.iterdir()
        if file.suffix in (".json", ".md", ".jsonl", ".csv")
    }
    assert {"report.md", "report.json", "history.jsonl", "forecast.csv", "run.json", "scaler.json"} <= set(
        shown
    )
    assert {name: found[0] for name, text in shown.items() if (found := NOT_A_NUMBER.search(text))} == {}
    json.loads(shown["report.json"], parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("factor", "scale", "ranges"),
    [
        (1e160, "standard", "from 1e-150 to 1e+150"),
        (1e-160, "standard", "from 1e-150 to 1e+150"),
        (1.7e308, "minmax", "from 1e-300 to 1e+300"),
        (1e-305, "minmax", "from 1e-300 to 1e+300"),
    ],
)
def test_scaler__a_range_beyond_float_arithmetic_is_refused(
    rnnfc: Command, tmp_path: Path, factor: float, scale: str, ranges: str
) -> None:
    for command in ("check", "train"):
        done = rnnfc(
            command,
            config(tmp_path, SINE * factor, scale=scale),
            *(["--outputs", tmp_path / "out"] * (command == "train")),
        )
        assert (done.code, done.out) == (2, "")
        assert f"scale: {scale}" in done.err
        assert ranges in done.err
        assert "x: y " in done.err
    assert not (tmp_path / "out").exists()

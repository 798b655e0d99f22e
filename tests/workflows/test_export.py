"""`rnnfc export`: new files only, held to the run's own forecasts, with a card that describes them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sealing import seal

from rnnfc.cli import main
from rnnfc.export import keras as keras_format
from rnnfc.extensions import EXPORT_FORMATS, load_record
from rnnfc.runs.run import Run
from rnnfc.workflows import export as workflow
from rnnfc.workflows.export import CARD

ROOT = Path(__file__).parents[2]
Command = Callable[..., Any]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def without_data(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the run whose data cannot be read any more."""
    folder = Path(shutil.copytree(small_run, tmp_path / "runs" / "gone"))
    text = (folder / "experiment.yaml").read_text()
    start, rest = text.split("data: ", 1)
    (folder / "experiment.yaml").write_text(
        f"{start}data: {{kind: csv, path: gone.csv, target: sine}}\n{rest.split(chr(10), 1)[1]}"
    )
    seal(folder)
    return folder


@pytest.fixture(scope="module", params=["Keras", "NumPy"])
def trained(
    request: pytest.FixtureRequest, small_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small run, and one like it of the other engine."""
    if request.param == "Keras":
        return small_run
    outputs, changes = tmp_path_factory.mktemp("numpy"), ("model={kind: scratch, units: 5}", "train.epochs=2")
    options = [word for change in changes for word in ("--set", change)]
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(ROOT / "configs/sine.yaml"), *options, "--outputs", str(outputs)])
    assert stopped.value.code in (0, None)
    (folder,) = outputs.iterdir()
    return folder


@pytest.mark.parametrize("kind", EXPORT_FORMATS)
def test_export__matches_its_card(rnnfc: Command, trained: Path, tmp_path: Path, kind: str) -> None:
    record = load_record(EXPORT_FORMATS, kind)
    to = tmp_path / f"m{record.suffix}"
    done = rnnfc("export", trained, "--format", kind, "--to", to)
    assert done.code == 0, done.err
    assert done.err == f"run         {trained}\n"
    card_path = to / CARD if kind == "savedmodel" else tmp_path / f"{to.name}.json"
    written, check = done.out.splitlines()
    assert written == f"written     {to}   {card_path}"
    assert check.endswith(" of the data's range (200 test windows)")
    card = json.loads(card_path.read_text())
    assert (card["format"], card["dtype"]) == (kind, "float32" if kind == "litert" else "float64")
    assert card["input"] == {"window": ["n", 10, 1], "channels": ["sine"]}
    assert card["output"] == {"forecast": ["n", 1, 1], "targets": ["sine"], "unit": ""}
    assert (card["run"], card["experiment"], card["rows"]) == (trained.name, "sine", "every 0.1001")
    assert card["trained_range"]["sine"] == pytest.approx([-1, 1], abs=1e-4)
    assert card["parity"]["largest_difference"] <= 1e-6
    assert card["parity"]["windows"] == 200
    assert {"python", "rnnfc", "keras", "onnx"} <= set(card["versions"])
    files = sorted(path for path in to.rglob("*") if path.is_file() and path != card_path) or [to]
    assert card["sha256"] == {
        path.relative_to(to).as_posix() if path != to else to.name: hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in files
    }
    window = Run.open(trained).last_window(length=10).values[None]
    expected = json.loads(rnnfc("predict", trained, "--json").out)["forecast"][0]["value"]["sine"]
    outputs = record.read(to, ())({"window": window})
    np.testing.assert_allclose(outputs["forecast"], [[[expected]]], atol=1e-6)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = rnnfc("export", trained, "--format", kind, "--to", to)
    assert (again.code, again.out) == (2, "")
    assert again.err.endswith(f"error: {to}: already exists and is left unchanged; choose another name\n")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("changed", [False, True], ids=["gone", "changed"])
def test_export__without_data_is_checked_on_random_windows(
    rnnfc: Command, small_run: Path, tmp_path: Path, changed: bool
) -> None:
    folder = without_data(small_run, tmp_path)
    if changed:
        text = (small_run / "experiment.yaml").read_text()
        (folder / "experiment.yaml").write_text(text.replace('"noise": 0.0', '"noise": 0.1'))
        seal(folder)
    done = rnnfc("export", folder, "--format", "keras", "--to", tmp_path / "m.keras", "--json")
    assert done.code == 0, done.err
    card = json.loads(done.out)
    assert card == json.loads((tmp_path / "m.keras.json").read_text())
    assert (card["parity"]["windows"], card["parity"]["of"]) == (
        64,
        "last window and drawn from the trained range",
    )


def test_random_windows__lie_in_the_training_range_and_end_with_the_last_window(
    small_run: Path, tmp_path: Path
) -> None:
    run = Run.open(without_data(small_run, tmp_path))
    last, scaler = run.last_window(length=10), run.scaler(channels=1)
    windows = workflow._random_windows(run.experiment(), last, scaler)
    x = windows.inputs()
    assert x.shape == (64, 10, 1)
    np.testing.assert_array_equal(x[-1], last.values)
    assert x.min() >= scaler.low[0, 0]
    assert x.max() <= scaler.high[0, 0]
    assert len(np.unique(x)) == 640


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("onnx", "m.keras", "m.keras: a file of the format onnx ends with .onnx; name it m.onnx"),
        ("litert", "m", "m: a file of the format litert ends with .tflite; name it m.tflite"),
        (
            "savedmodel",
            "m.onnx",
            "m.onnx: the format savedmodel is a folder, but .onnx is a file; name it m",
        ),
        ("onnx", "taken.onnx", "taken.onnx.json: already exists"),
        ("savedmodel", ".", "already exists"),
        ("keras", "no/m.keras", "/no does not exist"),
        ("pmml", "m.pmml", "Invalid value for '--format'"),
    ],
)
def test_export__refuses_an_impossible_path_before_any_work(
    rnnfc: Command,
    small_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
    text: str,
) -> None:
    monkeypatch.setattr(Run, "experiment", pytest.fail)
    (tmp_path / "taken.onnx.json").write_text("mine")
    done = rnnfc("export", small_run, "--format", kind, "--to", tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert text in done.err
    assert names(tmp_path) == {"taken.onnx.json"}


def test_export__writes_no_network_with_other_forecasts(
    rnnfc: Command, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "to").mkdir()
    right = load_record(EXPORT_FORMATS, "keras")

    def read(path: Path, levels: tuple[float, ...]) -> Any:
        return lambda window: {name: array + 3e-5 for name, array in right.read(path, levels)(window).items()}

    monkeypatch.setattr(keras_format, "EXPORT_FORMAT", replace(right, read=read))
    done = rnnfc("export", small_run, "--format", "keras", "--to", tmp_path / "to/m.keras")
    assert done.code == 1
    assert (
        "the exported keras model's forecasts differ from the network's by 1.5e-05 of the data's range; the limit is 1e-05"
        in done.err
    )
    assert names(tmp_path / "to") == set()


def test_export__refuses_weights_that_differ_from_the_onnx_file(
    rnnfc: Command, small_run: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(small_run, tmp_path / "runs" / "mixed"))
    with np.load(folder / "weights.npz") as arrays:
        mixed = {name: arrays[name] * 1.01 for name in arrays.files}
    np.savez(folder / "weights.npz", **mixed)
    seal(folder)
    done = rnnfc("export", folder, "--format", "keras", "--to", tmp_path / "m.keras")
    assert (done.code, names(tmp_path)) == (2, {"runs"})
    assert (
        "mixed: model.onnx and weights.npz hold different networks; the run is damaged, train it again"
        in done.err
    )

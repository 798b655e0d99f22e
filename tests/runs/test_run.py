"""Reading a run folder: each file as it should be, and damaged in every way that its reader looks for."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_experiment

from rnnfc.config.load import to_yaml
from rnnfc.data.scaler import Scaler
from rnnfc.errors import RunError
from rnnfc.runs import run
from rnnfc.runs.forecast_csv import COLUMNS
from rnnfc.runs.run import Run
from rnnfc.runs.writer import MANIFEST, RunWriter

EXPERIMENT = to_yaml(make_experiment(split="{test: 0.2}"))


def refusal(read: Callable[[], object], path: Path) -> str:
    """The reason in the one sentence about a damaged file."""
    with pytest.raises(RunError) as caught:
        read()
    text, start, end = str(caught.value), f"{path}: cannot be read (", "); the run is damaged, train it again"
    assert text.startswith(start)
    assert text.endswith(end)
    assert "\n" not in text
    return text.removeprefix(start).removesuffix(end)


# --- opening, and the manifest


@pytest.fixture
def opened(tmp_path: Path) -> Run:
    """A finished run of two files."""
    with RunWriter(tmp_path, "tiny") as draft:
        draft.write_json(run.INFO, {"status": "done"})
        draft.write(run.REPORT_TEXT, "good\n")
    return Run.open(draft.folder)


def test_open__refuses_a_folder_without_run_json(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        Run.open(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: not a run folder (no run.json)")


@pytest.mark.parametrize("info", [{"status": "running"}, {"status": "failed"}, {"name": "tiny"}])
def test_open__refuses_an_unfinished_run_and_says_how_to_resume_it(
    tmp_path: Path, info: dict[str, str]
) -> None:
    with RunWriter(tmp_path, "tiny") as draft:
        draft.write_json(run.INFO, info)
    for with_manifest in (True, False):
        if not with_manifest:
            (draft.folder / MANIFEST).unlink()
        with pytest.raises(RunError) as caught:
            Run.open(draft.folder)
        assert str(caught.value).startswith(f"{draft.folder}: this run is not finished")
        assert str(caught.value).endswith(f"rnnfc train --resume {draft.folder}")


def test_open__needs_a_manifest(opened: Run) -> None:
    (opened.folder / MANIFEST).unlink()
    reason = refusal(lambda: Run.open(opened.folder), opened.folder / MANIFEST)
    assert reason == "No such file or directory"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (run.REPORT_TEXT, "good\n "),
        (run.INFO, '{\n  "status": "done"\n}\n '),
        (run.INFO, '{"status": "running"}'),  # compared with the manifest before it is read
    ],
)
def test_open__refuses_a_run_with_one_changed_file(opened: Run, name: str, content: str) -> None:
    (opened.folder / name).write_text(content)
    assert "SHA-256" in refusal(lambda: Run.open(opened.folder), opened.folder / name)


def test_refuse_damage__names_a_file_that_is_missing_or_not_plain(opened: Run) -> None:
    path = opened.folder / run.REPORT_TEXT
    path.unlink()
    assert refusal(opened.verify_files, path) == "No such file or directory"
    path.symlink_to("/etc/passwd")
    assert "a link" in refusal(opened.verify_files, path)


@pytest.mark.parametrize(
    ("line", "name", "reason"),
    [
        (f"{'0' * 64}  ../{run.INFO}\n", MANIFEST, "it lists a path"),
        (f"{'0' * 64}  /etc/passwd\n", MANIFEST, "it lists a path"),
        (f"{'0' * 64}  nul\0\n", "nul\0", "embedded null"),
        (f"{'0' * 64}  {'n' * 300}\n", "n" * 300, "File name too long"),
        ("x\n", "", "not a plain file"),
        ("x", MANIFEST, "SHA-256"),
    ],
    ids=["path", "absolute", "nul", "long", "short", "half a line"],
)
def test_refuse_damage__refuses_a_line_that_no_manifest_has(
    opened: Run, line: str, name: str, reason: str
) -> None:
    with (opened.folder / MANIFEST).open("a") as file:
        file.write(line)
    assert reason in refusal(opened.verify_files, opened.folder / name)


def test_refuse_damage__refuses_an_unlisted_file_of_the_contract(opened: Run) -> None:
    (opened.folder / "notes.txt").write_text("mine")  # of no meaning to rnnfc
    assert Run.open(opened.folder) == opened
    (opened.folder / run.WEIGHTS).write_bytes(b"mine")
    reason = refusal(lambda: Run.open(opened.folder), opened.folder / MANIFEST)
    assert "weights.npz is not listed" in reason


# --- files as they should be


def test_run__reads_back_experiment_scaler_report_and_info(tmp_path: Path) -> None:
    experiment, third = make_experiment(), np.array([[1 / 3, 5e-324]])
    scaler = Scaler(method="standard", center=third, scale=third * 3, low=-third, high=third * 1e300)
    with RunWriter(tmp_path, "tiny") as draft:
        draft.write(run.EXPERIMENT, to_yaml(experiment))
        draft.write_json(run.SCALER, scaler.to_json())
        draft.write_json(run.REPORT, {"verdict": "good"})
        draft.write_json(run.INFO, {"status": "done", "seed": 7})
    opened = Run.open(draft.folder)
    assert opened.experiment() == experiment
    assert opened.info() == {"status": "done", "seed": 7}
    assert opened.report() == {"verdict": "good"}
    read = opened.scaler(channels=2)
    assert read.method == "standard"
    for name in ("center", "scale", "low", "high"):
        assert getattr(read, name).tobytes() == getattr(scaler, name).tobytes()


def test_weights__keep_names_types_and_bits(tmp_path: Path) -> None:
    arrays = {
        "layer/kernel": np.float32([[0.1, -0.0], [np.inf, 1e-45]]),
        "count": np.array(3),
        "none": np.empty((0, 2)),
    }
    with RunWriter(tmp_path, "tiny") as draft:
        draft.write_arrays(run.WEIGHTS, arrays)
    read = Run(draft.folder).weights()
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == array.tobytes()


def test_checkpoint__is_none_before_the_first(tmp_path: Path) -> None:
    assert Run(tmp_path).checkpoint() is None
    np.savez(tmp_path / run.CHECKPOINT, a=np.arange(3))
    read = Run(tmp_path).checkpoint()
    assert read is not None
    assert {name: array.tolist() for name, array in read.items()} == {"a": [0, 1, 2]}


def test_history__is_one_mapping_an_epoch(tmp_path: Path) -> None:
    (tmp_path / run.HISTORY).write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": null}\n')
    assert Run(tmp_path).history() == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None}]


def test_scores__are_keyed_by_everything_but_the_value(tmp_path: Path) -> None:
    rows = [
        {"model": "LSTM", "split": "test", "value": 0.5},
        {"model": "drift", "value": None, "split": "test"},
    ]
    (tmp_path / run.REPORT).write_text(json.dumps({"scores": rows}))
    assert Run(tmp_path).scores() == {("LSTM", "test"): 0.5, ("drift", "test"): None}


def test_experiment__takes_overrides_and_is_refused_under_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / run.EXPERIMENT).write_text(EXPERIMENT)
    assert Run(tmp_path).experiment().train.epochs == 4
    assert Run(tmp_path).experiment(["train.epochs=9"]).train.epochs == 9
    reason = refusal(lambda: Run(tmp_path).experiment(["train.epochs=0"]), tmp_path / run.EXPERIMENT)
    assert "--set train.epochs=0: train.epochs: got 0" in reason


def test_onnx__is_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / run.ONNX
    path.write_bytes(b"\x00onnx")
    assert Run(tmp_path).onnx() == b"\x00onnx"
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "a link" in refusal(Run(tmp_path).onnx, path)


@pytest.mark.parametrize("power", [[[0.0]], [[1.5]], [[2.0]], [[0.5, 1.5]]])
def test_scaler__has_powers_of_all_targets_or_of_each(tmp_path: Path, power: list[list[float]]) -> None:
    plain = {name: [[0.0, 0.0]] for name in ("center", "low", "high")} | {"scale": [[1.0, 1.0]]}
    (tmp_path / run.SCALER).write_text(json.dumps({"method": "none", **plain, "power": power}))
    read = Run(tmp_path).scaler(channels=2).power
    assert read is not None
    assert read.tolist() == power


# --- damaged files


def npz(**arrays: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


READERS: dict[str, Callable[[Run], Any]] = {
    run.INFO: Run.info,
    run.REPORT: Run.scores,
    run.EXPERIMENT: Run.experiment,
    run.SCALER: lambda opened: opened.scaler(channels=1),
    run.WEIGHTS: Run.weights,
    run.LAST_WINDOW: lambda opened: opened.last_window(length=3),
    run.HISTORY: Run.history,
    run.FORECAST: Run.forecast_rows,
}
ARRAYS = npz(a=np.arange(3.0), b=np.ones((2, 2), np.float32))
NAMES = {"series": np.array(["s"]), "channels": np.array(["a"])}
HEADER = ",".join(COLUMNS)
HUGE = "1" + "0" * 400
PLAIN_SCALE = '"center": [[0]], "scale": [[1]], "low": [[0]], "high": [[1]]'
TEXT_SCALE = PLAIN_SCALE.replace("0", '"x"', 1)
DAMAGE = [
    (run.INFO, '{"status": "do', "Unterminated string"),
    (run.INFO, "", "Expecting value"),
    (run.INFO, "[1, 2]", "an object is needed"),
    (run.INFO, b'{"status": "\xff"}', "can't decode byte 0xff"),
    (run.INFO, "[" * 100_000, "recursion"),
    (run.REPORT, "null", "an object is needed"),
    (run.REPORT, "{}", "'scores' is missing"),
    (run.REPORT, '{"scores": [1]}', "scores must be a list"),
    (run.REPORT, '{"scores": [{"model": "a"}]}', "'value' is missing"),
    (run.REPORT, '{"scores": [{"model": [], "value": 1}]}', "unhashable type: 'list'"),
    (run.REPORT, '{"scores": [{"model": "a", "value": 1e999}]}', "a score is not a finite number"),
    (run.REPORT, '{"scores": [{"model": "a", "value": "1"}]}', "a score is not a finite number"),
    (run.REPORT, f'{{"scores": [{{"model": "a", "value": {HUGE}}}]}}', "int too large to convert to float"),
    (run.EXPERIMENT, EXPERIMENT.replace("GRU", "GRV"), "model.cell"),
    (run.EXPERIMENT, EXPERIMENT.rpartition("}")[0], "not valid YAML"),
    (run.EXPERIMENT, "", "experiment.yaml"),
    (run.EXPERIMENT, b"\xff", "can't decode byte 0xff"),
    (run.SCALER, "{}", "'center'"),
    (run.SCALER, f"{{{PLAIN_SCALE}}}", "'method'"),
    (run.SCALER, f'{{"method": "minmax", {TEXT_SCALE}}}', "could not convert"),
    (run.SCALER, f'{{"method": "none", "center": [[{HUGE}]]}}', ""),
    *(
        (run.SCALER, f'{{"method": "none", {PLAIN_SCALE}, "power": {power}}}', "powers from 0 to 2")
        for power in ("[[-0.1]]", "[[2.1]]", "[[0, 1]]", "[[1], [1]]", "[1]")
    ),
    (run.WEIGHTS, "", "not a zip file"),
    (run.WEIGHTS, "weights", "not a zip file"),
    (run.WEIGHTS, ARRAYS[:-30], "not a zip file"),
    (run.WEIGHTS, ARRAYS.replace(b"NUMPY", b"NUMPX", 1), "Bad CRC-32 for file 'a.npy'"),
    (run.WEIGHTS, npz(a=np.array([{1: 2}], dtype=object)), "not a plain array file"),
    (run.WEIGHTS, npy(np.ones(3)), "not a zip file"),
    (run.LAST_WINDOW, ARRAYS, "'plain'"),
    (run.LAST_WINDOW, npz(plain=np.array("{")), "Expecting property name"),
    (run.LAST_WINDOW, npz(**NAMES, plain=np.array("[]")), "list indices"),
    (run.LAST_WINDOW, npz(**NAMES, plain=np.array('{"frequency": {"units": 1}}')), "argument 'units'"),
    (run.HISTORY, "[1]\n", "each line must be an epoch"),
    (run.HISTORY, '{"epoch": 1}\n{"loss": 0.5}\n', "each line must be an epoch"),
    (run.HISTORY, '{"epoch": "1"}\n', "each line must be an epoch"),
    (run.HISTORY, '{"epoch"\n', "Expecting ':' delimiter: line 1 column 9 (char 8)"),
    (run.HISTORY, "[" * 100_000, "recursion"),
    *(
        (run.FORECAST, text, f"columns must be {', '.join(COLUMNS)}")
        for text in (
            "",
            "series,step\na,1\n",
            "a,b,c,d,e,f,g\n1,2,3,4,5,6,7\n",
            f"{HEADER}\n1,2,3,4,5,6,7,8\n",
            f"{HEADER}\n1,2,3,4,5,6\n",
            f"{HEADER}\n1,2,3,4,5,6,7\n1,2,3,4,5,6,7,8\n",
        )
    ),
    (run.FORECAST, f'{HEADER}\n"' + "x" * 200_000, "field larger than field limit"),
    *((name, None, "No such file or directory") for name in READERS),
]


@pytest.mark.parametrize(
    ("name", "content", "reason"), DAMAGE, ids=[f"{case[0]}-{number}" for number, case in enumerate(DAMAGE)]
)
def test_run__names_a_damaged_file(
    tmp_path: Path, name: str, content: bytes | str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    assert reason in refusal(lambda: READERS[name](Run(tmp_path)), tmp_path / name)


@pytest.mark.parametrize(
    "changed",
    [
        {"center": [[0.0]], "scale": [[1.0]], "low": [[0.0]], "high": [[1.0]]},
        {name: [0.0, 1.0] for name in ("center", "scale", "low", "high")},
        {"scale": [[1.0, 0.0]]},
        *({name: [[1e999, 1.0]]} for name in ("center", "scale", "low", "high")),
    ],
)
def test_scaler__of_other_columns_or_without_finite_numbers_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    path, low, high = tmp_path / run.SCALER, [[0.0, 1.0]], [[1.0, 3.0]]
    good = {"method": "minmax", "center": low, "scale": [[1.0, 2.0]], "low": low, "high": high}
    path.write_text(json.dumps(good))
    assert Run(tmp_path).scaler(channels=2).scale.tolist() == [[1.0, 2.0]]
    path.write_text(json.dumps(good | changed).replace("Infinity", "1e999"))
    assert "finite numbers for 2 columns" in refusal(lambda: Run(tmp_path).scaler(channels=2), path)


def test_run__cuts_a_reason_at_300_characters_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / run.SCALER
    path.write_text(json.dumps({"center": [["x \n y" * 200]], "method": "none"}))
    assert len(refusal(lambda: Run(tmp_path).scaler(channels=1), path)) == 300


def test_weights__with_a_flipped_bit_are_refused_or_hold_the_same_numbers(tmp_path: Path) -> None:
    refused = 0
    for place in range(len(ARRAYS)):
        for bit in (0, 6):  # e.g. encrypted, of a later version
            damaged = bytearray(ARRAYS)
            damaged[place] ^= 1 << bit
            (tmp_path / run.WEIGHTS).write_bytes(damaged)
            try:
                arrays = Run(tmp_path).weights()
            except RunError:
                refused += 1
            else:  # the flip is in a date, a name or the number of arrays
                assert all(array.tolist() in ([0, 1, 2], [[1, 1], [1, 1]]) for array in arrays.values())
    assert refused > len(ARRAYS) / 2


class Bomb:
    """Unpickling it creates a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", [run.WEIGHTS, run.LAST_WINDOW])
def test_run__unpickles_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(npz(values=np.array([Bomb(tmp_path / "bomb")], dtype=object)))
    reason = refusal(lambda: READERS[name](Run(tmp_path)), tmp_path / name)
    assert "not a plain array file" in reason
    assert not (tmp_path / "bomb").exists()

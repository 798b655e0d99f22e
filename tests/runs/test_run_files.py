"""The files of a run folder, each as it should be and changed in every way that its reader looks for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_panel

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.errors import RunError
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.runs.writer import MANIFEST, RunWriter, manifest

TRAIN_AGAIN = "the run is damaged, train it again"


def refused(folder: Path, name: str, reason: str) -> str:
    """The one sentence about a damaged file."""
    return f"{folder / name}: cannot be read ({reason}); {TRAIN_AGAIN}"


# --- the manifest


@pytest.fixture
def opened(tmp_path: Path) -> Run:
    """A finished run of two files."""
    with RunWriter(tmp_path, "tiny") as draft:
        draft.write_json(run.INFO, {"status": "done"})
        draft.write(run.REPORT_TEXT, "good\n")
    return Run.open(draft.folder)


def test_a_run_from_before_there_was_a_manifest_is_damaged(opened: Run) -> None:
    (opened.folder / MANIFEST).unlink()
    with pytest.raises(RunError) as caught:
        Run.open(opened.folder)
    assert str(caught.value) == refused(opened.folder, MANIFEST, "No such file or directory")


@pytest.mark.parametrize("name", [run.REPORT_TEXT, run.INFO])
def test_the_file_that_is_not_what_was_written_is_named(opened: Run, name: str) -> None:
    (opened.folder / name).write_bytes((opened.folder / name).read_bytes() + b" ")
    with pytest.raises(RunError) as caught:
        Run.open(opened.folder)
    assert str(caught.value) == refused(
        opened.folder, name, "it is not what manifest.sha256 says was written"
    )


def test_a_file_that_is_gone_or_is_no_file_is_named(opened: Run) -> None:
    path = opened.folder / run.REPORT_TEXT
    path.unlink()
    with pytest.raises(RunError) as caught:
        opened.refuse_damage()
    assert str(caught.value) == refused(opened.folder, run.REPORT_TEXT, "No such file or directory")
    path.symlink_to("/etc/passwd")
    with pytest.raises(
        RunError, match=r"report\.md: cannot be read \(it is a link, a folder or a device, not a plain file\)"
    ):
        opened.refuse_damage()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{'0' * 64}  ../{run.INFO}\n", "manifest.sha256: cannot be read (it lists a path)"),
        (f"{'0' * 64}  /etc/passwd\n", "manifest.sha256: cannot be read (it lists a path)"),
        (f"{'0' * 64}  nul\0\n", "nul\0: cannot be read (embedded null"),
        (f"{'0' * 64}  {'n' * 300}\n", "n: cannot be read (File name too long)"),
        ("x\n", "cannot be read (it is a link, a folder or a device, not a plain file)"),
        ("x", "manifest.sha256: cannot be read (it is not what manifest.sha256 says was written)"),
    ],
    ids=["path", "absolute", "nul", "long", "short", "half a line"],
)
def test_a_line_that_the_manifest_cannot_have_is_refused(opened: Run, line: str, reason: str) -> None:
    with (opened.folder / MANIFEST).open("a") as file:
        file.write(line)
    with pytest.raises(RunError) as caught:
        opened.refuse_damage()
    assert reason in str(caught.value)
    assert str(caught.value).endswith(TRAIN_AGAIN)


def test_a_file_of_the_contract_that_the_manifest_does_not_list_is_refused(opened: Run) -> None:
    (opened.folder / "notes.txt").write_text("mine")  # no file of the contract: nobody reads it
    assert Run.open(opened.folder) == opened
    (opened.folder / run.WEIGHTS).write_bytes(b"mine")
    with pytest.raises(RunError) as caught:
        Run.open(opened.folder)
    assert str(caught.value) == refused(opened.folder, MANIFEST, "it does not list weights.npz")


def test_damage_is_told_before_run_json_is_believed(opened: Run) -> None:
    (opened.folder / run.INFO).write_text('{"status": "running"}')
    with pytest.raises(RunError, match=r"run\.json: cannot be read \(it is not what manifest"):
        Run.open(opened.folder)


def test_an_unfinished_run_needs_no_manifest_to_be_told_as_one(tmp_path: Path) -> None:
    (tmp_path / run.INFO).write_text('{"status": "running"}')
    with pytest.raises(RunError, match="this run is not finished; go on with: rnnfc train --resume"):
        Run.open(tmp_path)


def test_a_reason_is_cut_at_300_characters_and_stands_on_one_line(tmp_path: Path) -> None:
    (tmp_path / run.SCALER).write_text(json.dumps({"center": [["x \n y" * 200]], "method": "none"}))
    with pytest.raises(RunError) as caught:
        Run(tmp_path).scaler(channels=1)
    reason = (
        str(caught.value)
        .removeprefix(f"{tmp_path / run.SCALER}: cannot be read (")
        .removesuffix(f"); {TRAIN_AGAIN}")
    )
    assert len(reason) == 300
    assert "\n" not in reason


# --- text


EXPERIMENT = (
    "name: tiny\ndata: {kind: sine, points: 40, stop: 9.0}\nwindow: {length: 5, horizon: 2}\n"
    "split: {test: 0.2}\nmodel: {kind: scratch, units: 3}\ntrain: {epochs: 4}\n"
)


def test_an_experiment_is_read_with_overrides_and_told_by_its_file(tmp_path: Path) -> None:
    (tmp_path / run.EXPERIMENT).write_text(EXPERIMENT)
    assert Run(tmp_path).experiment().train.epochs == 4
    assert Run(tmp_path).experiment(["train.epochs=9"]).train.epochs == 9
    with pytest.raises(
        RunError, match=r"experiment\.yaml: cannot be read \(--set train\.epochs=0: train\.epochs: got 0"
    ):
        Run(tmp_path).experiment(["train.epochs=0"])


def test_model_onnx_is_its_bytes(tmp_path: Path) -> None:
    (tmp_path / run.ONNX).write_bytes(b"\x00onnx")
    assert Run(tmp_path).onnx() == b"\x00onnx"
    (tmp_path / run.ONNX).unlink()
    (tmp_path / run.ONNX).symlink_to("/etc/passwd")
    with pytest.raises(RunError) as caught:
        Run(tmp_path).onnx()
    assert str(caught.value) == refused(
        tmp_path, run.ONNX, "it is a link, a folder or a device, not a plain file"
    )


def test_a_checkpoint_is_read_where_there_is_one(tmp_path: Path) -> None:
    assert Run(tmp_path).checkpoint() is None
    np.savez(tmp_path / run.CHECKPOINT, a=np.arange(3))
    read = Run(tmp_path).checkpoint()
    assert read is not None
    assert {name: array.tolist() for name, array in read.items()} == {"a": [0, 1, 2]}


def test_history_is_one_mapping_an_epoch(tmp_path: Path) -> None:
    (tmp_path / run.HISTORY).write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": null}\n')
    assert Run(tmp_path).history() == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]\n", "each line is an epoch"),
        ('{"epoch": 1}\n{"loss": 0.5}\n', "each line is an epoch"),
        ('{"epoch": "1"}\n', "each line is an epoch"),
        ('{"epoch"\n', "Expecting ':' delimiter: line 1 column 9 (char 8)"),
    ],
)
def test_a_line_of_history_that_is_no_epoch_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / run.HISTORY).write_text(text)
    with pytest.raises(RunError) as caught:
        Run(tmp_path).history()
    assert str(caught.value) == refused(tmp_path, run.HISTORY, reason)


def test_history_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / run.HISTORY).write_text("[" * 100_000)
    with pytest.raises(RunError, match="recursion"):
        Run(tmp_path).history()


def test_scores_are_found_by_all_that_tells_them_apart(tmp_path: Path) -> None:
    rows = [
        {"model": "LSTM", "split": "test", "value": 0.5},
        {"model": "drift", "value": None, "split": "test"},
    ]
    (tmp_path / run.REPORT).write_text(json.dumps({"scores": rows}))
    assert Run(tmp_path).scores() == {("LSTM", "test"): 0.5, ("drift", "test"): None}


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("{}", "'scores' is missing"),
        ('{"scores": [{"model": "a"}]}', "'value' is missing"),
        ('{"scores": [1]}', "'int' object is not"),
        ('{"scores": [{"model": [], "value": 1}]}', "unhashable type: 'list'"),
        ('{"scores": [{"model": "a", "value": 1e999}]}', "a score is not a finite number"),
        ('{"scores": [{"model": "a", "value": "1"}]}', "a score is not a finite number"),
        ('{"scores": [{"model": "a", "value": 1%s}]}' % ("0" * 400), "int too large to convert to float"),
    ],
)
def test_a_report_without_proper_scores_is_refused(tmp_path: Path, report: str, reason: str) -> None:
    (tmp_path / run.REPORT).write_text(report)
    with pytest.raises(RunError) as caught:
        Run(tmp_path).scores()
    assert str(caught.value).startswith(f"{tmp_path / run.REPORT}: cannot be read ({reason}")


# --- the scaler and the last window


@pytest.mark.parametrize(
    "changed",
    [
        {"center": [[0.0]], "scale": [[1.0]], "low": [[0.0]], "high": [[1.0]]},
        {name: [0.0, 1.0] for name in ("center", "scale", "low", "high")},
        {"scale": [[1.0, 0.0]]},
        *({name: [[1e999, 1.0]]} for name in ("center", "scale", "low", "high")),
    ],
)
def test_a_scaler_of_other_columns_or_without_finite_numbers_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    good = {
        "method": "minmax",
        "center": [[0.0, 1.0]],
        "scale": [[1.0, 2.0]],
        "low": [[0.0, 1.0]],
        "high": [[1.0, 3.0]],
    }
    (tmp_path / run.SCALER).write_text(json.dumps(good))
    assert Run(tmp_path).scaler(channels=2).scale.tolist() == [[1.0, 2.0]]
    (tmp_path / run.SCALER).write_text(json.dumps(good | changed).replace("Infinity", "1e999"))
    with pytest.raises(RunError) as caught:
        Run(tmp_path).scaler(channels=2)
    assert str(caught.value) == refused(tmp_path, run.SCALER, "finite numbers for 2 columns are needed")


def test_a_number_that_no_float_holds_is_refused(tmp_path: Path) -> None:
    (tmp_path / run.SCALER).write_text('{"method": "none", "center": [[1%s]]}' % ("0" * 400))
    with pytest.raises(RunError, match=r"scaler\.json: cannot be read"):
        Run(tmp_path).scaler(channels=1)


def last_panel(**changed: Any) -> Panel:
    """Three rows of two columns."""
    good = make_panel(
        [[1, 2], [3, 4], [5, 6]],
        time=np.array([7, 8, 9]),
        channels=("a", "b"),
        frequency=Frequency(unit="number", size=0.5),
    )
    return replace(good, **changed)


def read_again(panel: Panel, folder: Path) -> Panel:
    np.savez(folder / run.LAST_WINDOW, **run.panel_to_arrays(panel))
    return Run(folder).last_window(length=3)


DAYS = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[us]")
SHAPE, ENDS, FINITE = (
    "3 rows of 2 columns are needed",
    "its series do not lie end to end",
    "a time or a value is not finite",
)
PRINTABLE = "a name is not on one line of visible characters"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"num_targets": 2},
        {"num_known": 1},
        {"time": DAYS, "frequency": Frequency(unit="microsecond", size=86_400e6)},
        {"frequency": Frequency(unit="rows", size=1.0), "time": DAYS},
        {"frequency": Frequency(unit="number", size=2.0**62)},
    ],
)
def test_a_panel_that_this_tool_writes_is_read(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert read_again(last_panel(**changed), tmp_path).fingerprint() == last_panel(**changed).fingerprint()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"num_targets": 0}, "of 2 columns it forecasts 0"),
        ({"num_targets": 3}, "of 2 columns it forecasts 3"),
        ({"num_targets": True}, "of 2 columns it forecasts True"),
        ({"num_targets": 1.0}, "of 2 columns it forecasts 1.0"),
        ({"num_known": -1}, "of 2 columns it knows -1 of the future"),
        ({"num_known": 2}, "of 2 columns it knows 2 of the future"),
        ({"num_known": True}, "of 2 columns it knows True of the future"),
        ({"num_known": 1, "calendar": ("hour",)}, "of 2 columns it knows 1 of the future"),
        ({"num_known": 0, "calendar": ("moon",)}, "of 2 columns it knows 0 of the future"),
        ({"channels": ("a", "b\nc")}, PRINTABLE),
        ({"unit": "\x1b[31m"}, PRINTABLE),
        ({"values": np.ones((2, 2))}, SHAPE),
        ({"values": np.ones((3, 2), dtype=np.int64)}, SHAPE),
        ({"filled": np.zeros((3, 1), dtype=np.bool_)}, SHAPE),
        ({"filled": np.zeros((3, 2))}, SHAPE),
        ({"time": np.arange(4)}, SHAPE),
        ({"time": np.array(["a", "b", "c"])}, SHAPE),
        ({"time": np.arange(3), "frequency": Frequency(unit="microsecond", size=1.0)}, SHAPE),
        ({"bounds": np.array([0, 1, 3])}, SHAPE),
        ({"bounds": np.array([0, 3, 3]), "series": ("north", "south")}, SHAPE),
        ({"bounds": np.array([0.0, 3.0])}, SHAPE),
        ({"bounds": np.array([1, 3])}, ENDS),
        ({"bounds": np.array([1, 4])}, ENDS),
        ({"bounds": np.array([0, 2])}, ENDS),
        ({"time": np.array([0.0, np.nan, 2.0])}, FINITE),
        ({"time": np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[us]")}, FINITE),
        ({"values": np.array([[1.0, 2.0], [3.0, np.inf], [5.0, 6.0]])}, FINITE),
        # no such unit: a damaged file, not a type
        ({"frequency": Frequency(unit="second", size=1.0)}, "there is no step of time of 1.0 'second'"),  # type: ignore[arg-type]
        ({"frequency": Frequency(unit="number", size=0.0)}, "there is no step of time of 0.0 'number'"),
        (
            {"frequency": Frequency(unit="number", size=2.0**63)},
            "there is no step of time of 9.223372036854776e+18 'number'",
        ),
        (
            {"frequency": Frequency(unit="month", size=1.5), "time": DAYS},
            "there is no step of time of 1.5 'month'",
        ),
    ],
)
def test_a_panel_that_this_tool_would_not_write_is_refused(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RunError) as caught:
        read_again(last_panel(**changed), tmp_path)
    assert str(caught.value) == refused(tmp_path, run.LAST_WINDOW, reason)


def test_the_manifest_is_what_sha256sum_writes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert (
        manifest(tmp_path, ["a"]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n"
    )

"""The outputs folder: finished and unfinished runs, and the run that a name means."""

import json
from pathlib import Path
from typing import Any

import pytest

from rnnfc.errors import RunError
from rnnfc.runs import run
from rnnfc.runs.find import find, finished, unfinished
from rnnfc.runs.run import Run
from rnnfc.runs.writer import MANIFEST, RunWriter


def publish(outputs: Path, name: str, *, folder: str | None = None, **info: Any) -> Path:
    """A finished run in a folder called `folder`, or by the experiment's name."""
    with RunWriter(outputs, name) as draft:
        draft.write_json(run.INFO, {"status": "done", "name": name, "finished": name, **info})
    return draft.folder.rename(outputs / (folder or name))


def test_finished__skips_everything_that_is_not_a_finished_run(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    assert finished(outputs) == []
    good = publish(outputs, "good")
    (outputs / "notes.txt").write_text("mine")
    (outputs / "empty").mkdir()
    (outputs / "run.json").write_text('{"status": "done"}')
    hidden = outputs / ".20261120-141500-tiny.0123456789ab"
    hidden.mkdir()
    (hidden / run.INFO).write_text('{"status": "done"}')
    (outputs / "odd" / run.INFO).mkdir(parents=True)
    with RunWriter(outputs, "compare") as draft:
        draft.write_json(run.COMPARE, {"status": "done"})
    for name, content in (
        ("cut", b'{"status": "do'),
        ("list", b'["done"]'),
        ("deep", b"[" * 100_000),
        ("bytes", b"\xff"),
    ):
        with RunWriter(outputs, name) as draft:
            draft.write(run.INFO, content)
    publish(outputs, "failed", status="failed")
    assert finished(outputs) == [Run(good)]


def test_finished__is_ordered_by_time_then_by_name(tmp_path: Path) -> None:
    ends = {"a": "14:17:00+00:00", "b": "14:16:00.5+00:00", "c": "14:16:00+00:00", "d": "14:17:00+00:00"}
    for name, end in ends.items():
        publish(tmp_path, name, finished=f"2026-11-20T{end}")
    assert [run.name for run in finished(tmp_path)] == ["c", "b", "a", "d"]
    assert find(tmp_path, None).name == "d"


def test_unfinished__lists_runs_that_can_be_resumed_newest_last(tmp_path: Path) -> None:
    for name, started, status in (
        ("a", "2026-02-01", "running"),
        ("b", "2026-03-01", "done"),
        ("c", "2026-04-01", "failed"),
    ):
        folder = tmp_path / f".20260101-000000-{name}.0123456789ab"
        folder.mkdir()
        (folder / run.INFO).write_text(json.dumps({"status": status, "started": started, "name": name}))
    (tmp_path / ".cut").mkdir()
    (tmp_path / ".cut" / run.INFO).write_text('{"status": "run')
    assert [run.info()["name"] for run in unfinished(tmp_path)] == ["a", "b"]
    assert unfinished(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("lstm", "20261120-141500-lstm-2"),
        ("lstm-64", "20261120-141500-lstm-64"),
        ("gru.v1", "20261120-141500-gru.v1"),
        ("20261120-141500-lstm", "20261120-141500-lstm"),
        (None, "20261120-141500-lstm-64"),
    ],
)
def test_find__takes_a_folder_name_or_the_newest_run_of_an_experiment(
    tmp_path: Path, name: str | None, folder: str
) -> None:
    publish_four(tmp_path)
    assert find(tmp_path, name) == Run(tmp_path / folder)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lstm-2", "did you mean 'lstm'?"),
        ("gruxv1", "did you mean 'gru.v1'?"),
        ("n" * 300, "there are: gru.v1, lstm, lstm-64"),
        ("nul\0", "there are: gru.v1, lstm, lstm-64"),
    ],
)
def test_find__suggests_experiments_for_an_unknown_name(tmp_path: Path, name: str, hint: str) -> None:
    publish_four(tmp_path)
    with pytest.raises(RunError) as caught:
        find(tmp_path, name)
    assert f"no finished run {name!r}" in str(caught.value)
    assert str(caught.value).endswith(hint)


def publish_four(outputs: Path) -> None:
    """Two runs of lstm in one second, and a run of lstm-64 that must not be mistaken for one."""
    folders = {"gru.v1": "gru.v1", "lstm": "lstm", "lstm-2": "lstm", "lstm-64": "lstm-64"}
    for minute, (folder, name) in enumerate(folders.items()):
        end = f"2026-11-20T14:2{minute}:00+00:00"
        publish(outputs, name, folder=f"20261120-141500-{folder}", finished=end)


def test_find__names_the_last_five_experiments(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cow", "dog", "emu", "fox", "gnu"):
        publish(tmp_path, name)
    with pytest.raises(RunError, match=r"'quagga'; there are: cow, dog, emu, fox, gnu$"):
        find(tmp_path, "quagga")


def test_find__takes_the_path_of_a_run_folder_anywhere(tmp_path: Path) -> None:
    folder = publish(tmp_path / "outputs", "tiny")
    assert find(tmp_path / "elsewhere", str(folder)) == Run(folder)


def test_find__refuses_a_folder_that_is_not_a_run(tmp_path: Path) -> None:
    with RunWriter(tmp_path, "compare") as draft:
        draft.write_json(run.COMPARE, {})
    with pytest.raises(RunError, match=r"-compare: not a run folder \(no run\.json\)"):
        find(tmp_path, str(draft.folder))
    with pytest.raises(RunError, match=r"no finished run '.*-compare'; train one"):
        find(tmp_path, draft.folder.name)


@pytest.mark.parametrize("name", [None, "sine"])
def test_find__says_how_to_train_the_first_run(tmp_path: Path, name: str | None) -> None:
    with pytest.raises(RunError, match=r"no finished run.*rnnfc train configs/sine.yaml"):
        find(tmp_path, name)


def test_find__refuses_a_damaged_newest_run_instead_of_using_an_older_one(tmp_path: Path) -> None:
    for name in ("a", "b", "b2", "c"):
        publish(tmp_path, name)
    (tmp_path / "b2/run.json").write_text("{")
    assert find(tmp_path, None).name == "c"  # an older damaged run does not matter
    (tmp_path / "c/run.json").write_text("{")
    with pytest.raises(RunError, match=r"(b2|c)/run\.json: cannot be read"):
        find(tmp_path, None)
    assert find(tmp_path, "b").name == "b"
    for name in ("b2", "c"):
        (tmp_path / name / MANIFEST).unlink()  # not a folder of ours
    assert find(tmp_path, None).name == "b"
    (tmp_path / "a/run.json").write_text("{")
    (tmp_path / "b/run.json").write_text("{")
    with pytest.raises(RunError, match=r"[ab]/run\.json: cannot be read"):
        find(tmp_path, None)

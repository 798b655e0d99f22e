"""Everything that a command leaves is on the disk under a hidden name before it gets its own, and the name before it is told."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnfc.runs import writer as draft

CONFIG = """\
name: tiny
seed: 3
data: {kind: sine, points: 60, stop: 15.0}
window: {length: 4, horizon: 2}
split: {train: 0.6, validation: 0.2, test: 0.2}
model: {kind: scratch, units: 3}
train: {epochs: 2, batch_size: 8}
"""
Event = tuple[Any, ...]
Command = Callable[..., Any]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What is synced, with its size and time of change then, and what gets a name, in order."""
    found: list[Event] = []
    sync = os.fsync

    def recorded_sync(handle: int) -> None:
        sync(handle)
        found.append(("sync", *state(os.fstat(handle))))

    def recorded(call: Callable[..., Any], *, named: int) -> Callable[..., Any]:
        def moved(*paths: Path) -> Any:
            found.append(("name", paths[named].stat().st_ino))
            return call(*paths)

        return moved

    monkeypatch.setattr(draft.os, "fsync", recorded_sync)
    for name, named in (("rename", 0), ("replace", 0), ("hardlink_to", 1)):
        monkeypatch.setattr(Path, name, recorded(getattr(Path, name), named=named))
    return found


def state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def not_durable(folder: Path, events: list[Event]) -> list[str]:
    """What under `folder` got a name before it was on the disk as it is now, or whose name is not there for sure."""
    synced, wrong = [event[:2] for event in events], []
    last = {
        event: place for place, event in enumerate(events)
    }  # an inode may have been another file's before
    for path in sorted(folder.rglob("*")):
        lineage = [
            path,
            *(above for above in path.parents if above.is_relative_to(folder) and above != folder),
        ]
        named = [(one, last[event]) for one in lineage if (event := ("name", one.stat().st_ino)) in last]
        before = named[0][1] if named else 0
        content = path.is_dir() or ("sync", *state(path.stat())) in events[:before]
        entry = (
            not path.is_dir() or (path, before) in named or ("sync", path.stat().st_ino) in synced[:before]
        )
        names = all(("sync", one.parent.stat().st_ino) in synced[place:] for one, place in named)
        if not (named and content and entry and names):
            wrong.append(path.relative_to(folder).as_posix())
    return wrong


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(CONFIG)
    return path


def test_commands__fsync_rename_and_fsync_the_folder_of_each_file(
    rnnfc: Command, config: Path, tmp_path: Path, events: list[Event]
) -> None:
    (runs := tmp_path / "runs").mkdir()
    (files := tmp_path / "files").mkdir()
    assert rnnfc("train", config, "--outputs", runs).code == 0
    assert not_durable(runs, events) == []
    assert len(list(runs.rglob("*"))) == 14
    assert rnnfc("predict", "--outputs", runs, "--output", files / "f.csv").code == 0
    assert rnnfc("predict", "--outputs", runs, "--output", files / "f.json").code == 0
    assert rnnfc("export", "--outputs", runs, "--format", "onnx", "--to", files / "n.onnx").code == 0
    assert not_durable(files, events) == []
    assert sorted(path.name for path in files.iterdir()) == ["f.csv", "f.json", "n.onnx", "n.onnx.json"]


def test_export__fsyncs_every_file_of_a_folder(
    rnnfc: Command, small_run: Path, tmp_path: Path, events: list[Event]
) -> None:
    assert rnnfc("export", small_run, "--format", "savedmodel", "--to", tmp_path / "served").code == 0
    assert not_durable(tmp_path, events) == []
    assert {"served/card.json", "served/variables/variables.index"} <= {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")
    }


def test_init__fsyncs_the_config(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[Event]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rnnfc("init", "mine").code == 0
    assert [event[0] for event in events] == ["sync", "name", "sync"]
    assert not_durable(tmp_path, events) == []


def test_durable_events__include_writes_without_fsync(tmp_path: Path, events: list[Event]) -> None:
    (tmp_path / "in_place").write_text("1")
    with draft.atomic_write(tmp_path / "changed", tmp_path / "good") as places:
        for place in places:
            place.write_text("1")
    (tmp_path / "changed").write_text("22")
    (tmp_path / "unsynced.new").write_text("3")
    (tmp_path / "unsynced.new").rename(tmp_path / "unsynced")
    assert not_durable(tmp_path, events) == ["changed", "in_place", "unsynced"]
    del events[-2:]  # the name of the last, and the sync of the folder
    assert not_durable(tmp_path, events) == ["changed", "good", "in_place", "unsynced"]

"""Atomic writes: a run folder, or files that the user names, appear complete or not at all."""

import datetime as dt
import errno
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnnfc.errors import ConfigError, OutputError, RunError
from rnnfc.runs import run, writer
from rnnfc.runs.find import finished
from rnnfc.runs.writer import MANIFEST, RunWriter, is_locked, manifest, new_files


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every path below `folder`, with the bytes of files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def publish(outputs: Path, name: str = "tiny") -> Path:
    with RunWriter(outputs, name) as draft:
        draft.write_json(run.INFO, {"status": "done", "name": name})
    return draft.folder


def write(*paths: Path, fill: Callable[..., object]) -> None:
    with new_files(*paths) as places:
        fill(*places)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """A folder for runs that does not exist yet."""
    return tmp_path / "some" / "outputs"


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands at 14:15:00 UTC on 2026-11-20, 9:15 local time."""

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Clock":
            return cls(2026, 11, 20, 14 if tz is dt.UTC else 9, 15, tzinfo=tz)

    monkeypatch.setattr(writer, "dt", SimpleNamespace(datetime=Clock, UTC=dt.UTC))


# --- run folders


@pytest.mark.usefixtures("one_second")
def test_run_writer__publishes_a_complete_folder_under_its_utc_name(outputs: Path) -> None:
    with RunWriter(outputs, "tiny") as draft:
        draft.write_json(run.INFO, {"status": "done"})
        draft.write(run.REPORT_TEXT, "good é\n")
        (hidden,) = outputs.iterdir()
        assert re.fullmatch(r"\.20261120-141500-tiny\.[0-9a-f]{12}", hidden.name)
        assert finished(outputs) == []
    assert draft.folder == outputs / "20261120-141500-tiny"
    assert contents(outputs) == {
        "20261120-141500-tiny": None,
        "20261120-141500-tiny/run.json": b'{\n  "status": "done"\n}\n',
        "20261120-141500-tiny/report.md": b"good \xc3\xa9\n",
        "20261120-141500-tiny/manifest.sha256": (
            b"11794b47e07124bfa4944ba43cde4ba791bc559a3ff5f877efbf115a089bfa20  report.md\n"
            b"2f1922043d4f22bf7a3b9e5c117fa15ddffd6abe1d63c762f606eefff5e50571  run.json\n"
        ),
    }


@pytest.mark.usefixtures("one_second")
def test_run_writer__numbers_runs_of_one_name_in_the_same_second(outputs: Path) -> None:
    with RunWriter(outputs, "tiny") as outer, RunWriter(outputs, "tiny") as inner:
        outer.write("who", "outer")
        inner.write("who", "inner")
    third = publish(outputs)
    names = [folder.name for folder in (inner.folder, outer.folder, third)]
    assert names == [f"20261120-141500-tiny{tail}" for tail in ("", "-2", "-3")]
    assert {path.name for path in outputs.iterdir()} == set(names)
    assert ((inner.folder / "who").read_text(), (outer.folder / "who").read_text()) == ("inner", "outer")


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), SystemExit(143)], ids=lambda error: type(error).__name__
)
def test_run_writer__removes_the_folder_of_a_block_that_fails(outputs: Path, error: BaseException) -> None:
    publish(outputs, "earlier")
    before = contents(outputs)
    with pytest.raises(type(error)) as caught, RunWriter(outputs, "tiny") as draft:  # noqa: PT012  it fails at the end
        draft.write("half", "of it")
        raise error
    assert caught.value is error
    assert contents(outputs) == before


def test_run_writer__fsyncs_each_file_before_its_rename_and_the_folder_after(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is renamed was fsynced before under its temporary name, and its folder is fsynced afterwards."""
    pending: set[Path] = set()  # renamed, but the folder is not fsynced yet
    synced: dict[Path, int | None] = {}
    sizes: dict[str, int] = {}
    sync, replace, rename = os.fsync, Path.replace, Path.rename

    def record_sync(handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        synced[path] = path.stat().st_size if path.is_file() else None
        pending.difference_update({moved for moved in pending if moved.parent == path})
        sync(handle)

    def record_replace(path: Path, target: Path) -> Path:
        assert not pending
        size = synced[path]
        assert size == path.stat().st_size
        sizes[target.name] = size or 0
        pending.add(target)
        return replace(path, target)

    def record_rename(path: Path, target: Path) -> Path:
        assert not pending
        pending.add(target)
        return rename(path, target)

    monkeypatch.setattr(writer.os, "fsync", record_sync)
    monkeypatch.setattr(Path, "replace", record_replace)
    monkeypatch.setattr(Path, "rename", record_rename)
    with RunWriter(outputs, "tiny") as draft:
        draft.write("a", "12345")
        draft.write_with("b.y", lambda path: path.write_bytes(b"123"))
        draft.write_json("c", {})
        draft.write_rows("d", [{"x": 1}])
        draft.write_arrays(".e", {"x": np.zeros(7)})
    assert not pending
    assert sizes == {"a": 5, "b.y": 3, "c": 3, "d": 9, ".e": 312, MANIFEST: 4 * 68 + 2}
    # .e was a working file.
    assert sorted(path.name for path in draft.folder.iterdir()) == ["a", "b.y", "c", "d", MANIFEST]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("method", ["write_json", "write_rows"])
def test_run_writer__refuses_numbers_that_json_does_not_have(
    outputs: Path, method: str, number: float
) -> None:
    with (
        pytest.raises(ValueError, match="not JSON compliant"),
        RunWriter(outputs, "tiny") as draft,
    ):
        getattr(draft, method)("x", [{"loss": number}])
    assert contents(outputs) == {}


def test_run_writer__writes_json_lines_and_unicode(outputs: Path) -> None:
    with RunWriter(outputs, "tiny") as draft:
        draft.write_rows("rows", ({"epoch": epoch, "loss": loss} for epoch, loss in ((1, 0.5), (2, None))))
        draft.write_json("text", {"unit": "°C"})
    assert (draft.folder / "rows").read_text() == '{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": null}\n'
    assert (draft.folder / "text").read_text(encoding="utf-8") == '{\n  "unit": "°C"\n}\n'


@pytest.mark.parametrize(
    ("place", "number", "remedy"),
    [
        ((Path, "write_bytes"), errno.ENOSPC, "free some space"),
        ((writer.os, "fsync"), errno.EIO, "make it writable"),
        ((Path, "rename"), errno.EACCES, "make it writable"),
        ((Path, "mkdir"), errno.EROFS, "make it writable"),
        ((Path, "mkdir"), errno.EACCES, "make it writable"),
    ],
    ids=["full disk", "failing disk", "no rename", "read-only disk", "no permission"],
)
def test_run_writer__reports_a_disk_error_and_leaves_earlier_runs_unchanged(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], number: int, remedy: str
) -> None:
    publish(outputs, "earlier")
    before = contents(outputs)
    with monkeypatch.context() as patch:
        patch.setattr(*place, failing(number))
        with pytest.raises(OutputError) as caught, RunWriter(outputs, "tiny") as draft:
            draft.write("half", "of it")
    for text in (f"{outputs}: ", os.strerror(number), remedy, "--outputs"):
        assert text in str(caught.value)
    assert caught.value.exit_code == 1
    assert contents(outputs) == before


def test_run_writer__reports_a_disk_that_fills_up_in_a_save_function(outputs: Path) -> None:
    with pytest.raises(OutputError, match="No space left on device"), RunWriter(outputs, "tiny") as draft:
        draft.write_with(run.MODEL, failing(errno.ENOSPC))
    assert contents(outputs) == {}


@pytest.mark.parametrize(
    ("tail", "error", "reason"),
    [
        ("file/runs", OutputError, "Not a directory"),
        ("n" * 300, OutputError, "File name too long"),
        ("file", ConfigError, "a file, not a folder"),
    ],
)
def test_run_writer__refuses_outputs_that_cannot_be_a_folder(
    tmp_path: Path, tail: str, error: type[Exception], reason: str
) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(error) as caught:
        RunWriter(tmp_path / tail, "tiny").__enter__()
    assert f"{tmp_path / tail}: " in str(caught.value)
    assert reason in str(caught.value)
    assert "--outputs" in str(caught.value)
    assert contents(tmp_path) == {"file": b"precious"}


def test_run_writer__lets_a_broken_pipe_of_the_progress_pass(outputs: Path) -> None:
    """E.g. `rnnfc train x.yaml 2>&1 | head -1`: not a disk error."""
    with pytest.raises(BrokenPipeError), RunWriter(outputs, "tiny"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    assert contents(outputs) == {}


def test_run_writer__gives_up_after_a_thousand_names(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", failing(errno.ENOTEMPTY))
    with pytest.raises(OutputError, match=r"-tiny-999: .* try again$"):
        publish(outputs)
    assert contents(outputs) == {}


def test_run_writer__locks_its_folder_against_other_processes(tmp_path: Path) -> None:
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ValueError, match="stop"), RunWriter(tmp_path, "tiny") as draft:  # noqa: PT012  it fails at the end
        draft.keep = True
        assert is_locked(draft.folder) is True
        assert (draft.folder / ".lock").stat().st_mode & 0o777 == 0o600
        with pytest.raises(RunError) as caught, RunWriter(tmp_path, "other", unfinished=draft.folder):
            pass
        raise ValueError("stop")
    assert str(caught.value).startswith(f"{draft.folder}: another process is training this run")
    assert is_locked(draft.folder) is False
    assert is_locked(tmp_path / "nowhere") is False
    assert len(os.listdir("/proc/self/fd")) == handles


@pytest.mark.parametrize("has_manifest", [True, False])
def test_run_writer__continues_an_unfinished_folder_without_its_manifest(
    tmp_path: Path, has_manifest: bool
) -> None:
    hidden = tmp_path / ".20261120-141500-tiny.0123456789ab"
    hidden.mkdir()
    (hidden / "before").write_text("1")
    if has_manifest:
        (hidden / MANIFEST).write_text("of files that will change\n")
    with RunWriter(tmp_path / "elsewhere", "tiny", unfinished=hidden) as draft:
        assert draft.keep
        assert not (hidden / MANIFEST).exists()
        draft.write("after", "2")
    assert not draft.keep
    assert draft.folder.parent == tmp_path
    assert sorted(path.name for path in draft.folder.iterdir()) == ["after", "before", MANIFEST]
    assert [path.name for path in tmp_path.iterdir()] == [draft.folder.name]


def test_manifest__has_the_format_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert manifest(tmp_path, ["a"]) == f"{empty}  a\n"


# --- files that the user names


def test_new_files__appear_when_the_block_ends(tmp_path: Path) -> None:
    with new_files(tmp_path / "a.csv", tmp_path / "b") as (file, folder):
        assert file.suffix == ".csv"  # Keras needs it
        file.write_text("1")
        (folder / "deep").mkdir(parents=True)
        (folder / "deep/c").write_text("2")
        assert not (tmp_path / "a.csv").exists()
    assert contents(tmp_path) == {"a.csv": b"1", "b": None, "b/deep": None, "b/deep/c": b"2"}


def test_new_files__are_fsynced_before_they_get_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    link = Path.hardlink_to

    def link_synced(path: Path, target: Path) -> None:
        assert synced == [target.stat().st_ino]
        link(path, target)

    monkeypatch.setattr(writer.os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    monkeypatch.setattr(Path, "hardlink_to", link_synced)
    write(tmp_path / "a", fill=lambda place: place.write_text("1"))
    assert synced[-1] == tmp_path.stat().st_ino


def test_new_files__refuse_an_existing_name_and_a_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "b").symlink_to("nowhere")
    with pytest.raises(ConfigError, match="b: already exists"):
        write(tmp_path / "a", tmp_path / "b", fill=pytest.fail)
    with pytest.raises(ConfigError, match=r"/c does not exist"):
        writer.refuse_existing(tmp_path / "c" / "d")
    assert list(contents(tmp_path)) == ["b"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_new_files__leave_what_another_process_created_meanwhile(tmp_path: Path, kind: str) -> None:
    late = tmp_path / "late"

    def fill(first: Path, second: Path) -> None:
        first.write_text("1")
        if kind == "file":
            second.write_text("2")
            late.write_text("theirs")
        else:
            second.mkdir()
            (second / "x").write_text("2")
            late.mkdir()
            (late / "theirs").write_text("theirs")

    with pytest.raises(ConfigError, match="late: already exists"):
        write(tmp_path / "a", late, fill=fill)
    assert sorted(contents(tmp_path)) == (["late"] if kind == "file" else ["late", "late/theirs"])


@pytest.mark.parametrize("place", [(writer.os, "fsync"), (Path, "rename")])
def test_new_files__report_a_disk_error_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    def fill(file: Path, folder: Path) -> None:
        file.write_text("1")
        folder.mkdir()

    monkeypatch.setattr(*place, failing(errno.EIO))
    with pytest.raises(OutputError, match=r"a: could not be written \(Input/output error\)") as caught:
        write(tmp_path / "a", tmp_path / "b", fill=fill)
    assert caught.value.exit_code == 1
    assert contents(tmp_path) == {}


def test_new_files__need_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", failing(errno.EPERM))
    write(tmp_path / "a", fill=lambda place: place.write_text("1"))
    assert contents(tmp_path) == {"a": b"1"}


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_new_files__leave_nothing_if_the_block_fails(tmp_path: Path, error: BaseException) -> None:
    def fill(place: Path) -> None:
        place.write_text("half")
        raise error

    with pytest.raises(type(error)):
        write(tmp_path / "a", fill=fill)
    assert contents(tmp_path) == {}

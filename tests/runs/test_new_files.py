"""Files of the user's choice: new ones only, all of them or none, atomic_write."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnfc.errors import ConfigError, OutputError
from rnnfc.runs import writer as draft
from rnnfc.runs.writer import new_files


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def failing(number: int) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def write(*paths: Path, fill: Callable[..., object]) -> None:
    with new_files(*paths) as places:
        fill(*places)


def test_files_and_folders_appear_when_the_block_ends(tmp_path: Path) -> None:
    with new_files(tmp_path / "a.csv", tmp_path / "b") as (file, folder):
        assert file.suffix == ".csv"  # which Keras asks for
        file.write_text("1")
        (folder / "deep").mkdir(parents=True)
        (folder / "deep/c").write_text("2")
        assert not (tmp_path / "a.csv").exists()
    assert names(tmp_path) == ["a.csv", "b", "b/deep", "b/deep/c"]
    assert ((tmp_path / "a.csv").read_text(), (tmp_path / "b/deep/c").read_text()) == ("1", "2")


def test_every_part_is_synced_before_it_gets_its_name_and_the_folder_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[int] = []
    link = Path.hardlink_to
    monkeypatch.setattr(draft.os, "fsync", lambda handle: events.append(os.fstat(handle).st_ino))
    monkeypatch.setattr(Path, "hardlink_to", lambda path, target: (events.append(0), link(path, target)))
    write(tmp_path / "a", fill=lambda place: place.write_text("1"))
    assert events == [(tmp_path / "a").stat().st_ino, 0, tmp_path.stat().st_ino]


def test_what_lies_there_is_left_and_nothing_is_begun(tmp_path: Path) -> None:
    (tmp_path / "b").symlink_to("nowhere")
    with pytest.raises(ConfigError, match="b: exists already and is left as it is; choose another name"):
        write(tmp_path / "a", tmp_path / "b", fill=pytest.fail)
    with pytest.raises(ConfigError, match=r"there is no folder .*/c to write it in; make the folder first"):
        draft.refuse_existing(tmp_path / "c" / "d")
    assert names(tmp_path) == ["b"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_who_comes_first_in_the_meantime_keeps_the_name(tmp_path: Path, kind: str) -> None:
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

    with pytest.raises(ConfigError, match="late: exists already"):
        write(tmp_path / "a", late, fill=fill)
    assert names(tmp_path) == (["late"] if kind == "file" else ["late", "late/theirs"])


@pytest.mark.parametrize("place", [(draft.os, "fsync"), (Path, "rename")])
def test_what_the_system_refuses_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    monkeypatch.setattr(*place, failing(errno.EIO))
    told = r"a: could not be written \(Input/output error\); make it writable; nothing is left behind"
    with pytest.raises(OutputError, match=told) as caught:
        write(
            tmp_path / "a", tmp_path / "b", fill=lambda file, folder: (file.write_text("1"), folder.mkdir())
        )
    assert caught.value.exit_code == 1
    assert names(tmp_path) == []


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", failing(errno.EPERM))
    write(tmp_path / "a", fill=lambda place: place.write_text("1"))
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_what_breaks_off_the_block_goes_on_and_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fill(place: Path) -> None:
        place.write_text("half")
        raise error

    with pytest.raises(type(error)):
        write(tmp_path / "a", fill=fill)
    assert names(tmp_path) == []

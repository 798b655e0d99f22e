"""Which runs an outputs folder holds, and drafts that are being written, left behind and continued."""

import json
import os
from pathlib import Path

import pytest

from rnnfc.errors import RunError
from rnnfc.runs import run
from rnnfc.runs.find import find, unfinished
from rnnfc.runs.writer import MANIFEST, RunWriter, is_locked


def publish(outputs: Path, name: str) -> Path:
    """A finished run; its folder is called by the name alone, so that runs have an order."""
    with RunWriter(outputs, name) as draft:
        draft.write_json(run.INFO, {"status": "done", "name": name, "finished": name})
    return draft.folder.rename(outputs / name)


def test_unfinished_runs_are_those_that_can_go_on_the_newest_last(tmp_path: Path) -> None:
    for name, started, status in (
        ("a", "2026-02-01", "running"),
        ("b", "2026-03-01", "done"),
        ("c", "2026-04-01", "failed"),
    ):
        folder = tmp_path / f".20260101-000000-{name}.0123456789ab"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"status": status, "started": started, "name": name}))
    (tmp_path / ".cut").mkdir()
    (tmp_path / ".cut/run.json").write_text('{"status": "run')
    assert [run.info()["name"] for run in unfinished(tmp_path)] == ["a", "b"]
    assert unfinished(tmp_path / "nowhere") == []


def test_a_newer_run_that_cannot_be_read_is_told_and_no_older_one_answers_in_its_place(
    tmp_path: Path,
) -> None:
    for name in ("a", "b", "b2", "c"):
        publish(tmp_path, name)
    (tmp_path / "b2/run.json").write_text("{")
    assert find(tmp_path, None).name == "c"  # an older one is nobody's business
    (tmp_path / "c/run.json").write_text("{")
    with pytest.raises(RunError, match=r"(b2|c)/run\.json: cannot be read"):
        find(tmp_path, None)
    assert find(tmp_path, "b").name == "b"  # which was asked for
    for name in ("b2", "c"):
        (tmp_path / name / MANIFEST).unlink()  # no folder of ours
    assert find(tmp_path, None).name == "b"


def test_a_run_that_cannot_be_read_is_told_where_there_is_no_other(tmp_path: Path) -> None:
    (publish(tmp_path, "a") / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"a/run\.json: cannot be read"):
        find(tmp_path, None)


def test_the_last_five_experiments_are_named_where_there_is_none_of_that_name(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cow", "dog", "emu", "fox", "gnu"):
        publish(tmp_path, name)
    with pytest.raises(RunError) as caught:
        find(tmp_path, "quagga")
    assert str(caught.value) == f"{tmp_path}: no finished run 'quagga'; there are: cow, dog, emu, fox, gnu"


# --- drafts


def test_a_draft_is_open_to_one_process_at_a_time_and_to_another_afterwards(tmp_path: Path) -> None:
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ValueError, match="broken off"), RunWriter(tmp_path, "tiny") as draft:  # noqa: PT012  what happens until then
        draft.kept = True
        assert is_locked(draft.folder) is True
        assert (draft.folder / ".lock").stat().st_mode & 0o777 == 0o600
        with pytest.raises(RunError) as caught, RunWriter(tmp_path, "other", unfinished=draft.folder):
            pass
        raise ValueError("broken off")
    assert (
        str(caught.value)
        == f"{draft.folder}: another process is training this run; let it end, or end it first"
    )
    assert is_locked(draft.folder) is False
    assert is_locked(tmp_path / "nowhere") is False
    assert len(os.listdir("/proc/self/fd")) == handles


@pytest.mark.parametrize("vouched", [True, False])
def test_a_draft_that_goes_on_has_no_manifest_until_it_is_published(tmp_path: Path, vouched: bool) -> None:
    hidden = tmp_path / ".20261120-141500-tiny.0123456789ab"
    hidden.mkdir()
    (hidden / "before").write_text("1")
    if vouched:
        (hidden / MANIFEST).write_text("of files that are about to change\n")
    with RunWriter(tmp_path / "elsewhere", "tiny", unfinished=hidden) as draft:
        assert draft.kept
        assert not (hidden / MANIFEST).exists()
        draft.write("after", "2")
    assert not draft.kept
    assert draft.folder.parent == tmp_path
    assert sorted(path.name for path in draft.folder.iterdir()) == ["after", "before", MANIFEST]
    assert [path.name for path in tmp_path.iterdir()] == [draft.folder.name]

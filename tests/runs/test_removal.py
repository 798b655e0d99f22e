"""rnnfc remove: whole runs, nothing of somebody else, nothing half."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnfc.errors import RunError
from rnnfc.runs import removal, run
from rnnfc.runs.find import finished, unfinished
from rnnfc.runs.tags import read_tags, write_tag
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.list import list_runs

Command = Callable[..., Any]
NAME = "20260101-000000-sales"


def publish(outputs: Path, folder: str = NAME) -> Path:
    with RunWriter(outputs, folder) as writer:
        writer.write_json(run.INFO, {"status": "done", "name": folder[16:], "finished": folder})
        writer.write("extra.bin", b"of the manifest")
    return writer.folder.rename(outputs / folder)


def refused(outputs: Path, *names: str | Path, force: bool = False) -> str:
    before = sorted(outputs.rglob("*"))
    with pytest.raises(RunError) as caught:
        removal.find_removable(outputs, [str(name) for name in names], force=force)
    assert sorted(outputs.rglob("*")) == before
    return str(caught.value)


@pytest.mark.parametrize("how", ["name", "path", "experiment"])
def test_remove__a_finished_run(rnnfc: Command, tmp_path: Path, how: str) -> None:
    folder = publish(tmp_path)
    name = {"name": NAME, "path": str(folder), "experiment": "sales"}[how]
    other = publish(tmp_path, "20260101-000000-other")
    done = rnnfc("remove", name, "--yes", "--outputs", tmp_path)
    assert (done.code, done.err.split()) == (0, ["removed", str(folder)])
    assert sorted(tmp_path.iterdir()) == [other]


def test_remove__an_unfinished_run_and_a_comparison(rnnfc: Command, tmp_path: Path) -> None:
    hidden = tmp_path / ".20260101-000000-sales.0123456789ab"
    hidden.mkdir()
    for name in (run.INFO, ".checkpoint.npz", ".lock", run.EXPERIMENT):
        (hidden / name).write_text('{"status": "running"}')
    with RunWriter(tmp_path, "compare") as writer:
        writer.write_json(run.COMPARE, {})
    assert rnnfc("remove", hidden.name, writer.folder, "--yes", "--outputs", tmp_path).code == 0
    assert list(tmp_path.iterdir()) == []


def test_remove__asks(rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = publish(tmp_path)
    for answer, code in (("", 2), ("n\n", 1), ("\n", 1), ("yes\n", 0)):
        assert folder.exists()
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        done = rnnfc("remove", NAME, "--outputs", tmp_path)
        assert done.code == code
        assert str(folder) in done.err
        assert ("--yes" in done.err) == (answer == "")
    assert not folder.exists()


def test_remove__refuses_what_is_not_ours(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    folder = publish(outputs)
    (outputs / "mine").mkdir()
    (outputs / "mine/photo.png").touch()
    assert "not a run folder" in refused(outputs, "mine")
    (outputs / "file").touch()
    assert "not a run folder" in refused(outputs, "file")
    elsewhere = publish(tmp_path / "there", "20260101-000000-there")
    assert "--outputs" in refused(outputs, elsewhere)
    assert "--outputs" in refused(outputs, f"../there/{elsewhere.name}")
    (outputs / "link").symlink_to(elsewhere)
    assert "a link" in refused(outputs, "link")
    assert "--outputs" in refused(outputs, ".")
    assert "no run 'none'" in refused(outputs, "none")
    assert "no run 'a\\x00b'" in refused(outputs, "a\0b")
    publish(outputs, "20260102-000000-sales")
    assert f"2 runs in {outputs}; name one: {NAME}" in refused(outputs, "sales")
    # All or nothing: the first name is right.
    assert "no run 'none'" in refused(outputs, NAME, "none")
    (folder / "next.csv").touch()
    assert "holds next.csv" in refused(outputs, NAME)
    (folder / "next.csv").unlink()
    (folder / "sub").mkdir()
    assert "holds sub" in refused(outputs, NAME)
    (folder / "sub").rmdir()
    (folder / "report.md").symlink_to(elsewhere / run.INFO)
    assert "holds report.md" in refused(outputs, NAME)


def test_remove__a_tagged_run_needs_force(rnnfc: Command, tmp_path: Path) -> None:
    folder = publish(tmp_path)
    write_tag(tmp_path, "production", NAME)
    assert "rnnfc tag production --delete, or add --force" in refused(tmp_path, NAME)
    assert f"'production' is a tag of the run {NAME}" in refused(tmp_path, "production", force=True)
    assert rnnfc("remove", NAME, "--yes", "--force", "--outputs", tmp_path).code == 0
    assert not folder.exists()
    assert read_tags(tmp_path) == {}


def test_remove__a_run_that_is_being_written_is_refused(rnnfc: Command, tmp_path: Path) -> None:
    with RunWriter(tmp_path, "sales") as writer:
        writer.write_json(run.INFO, {"status": "running", "name": "sales"})
        done = rnnfc("remove", writer.folder.name, "--yes", "--outputs", tmp_path)
        assert (done.code, "another process is writing" in done.err) == (2, True)
        assert (writer.folder / run.INFO).exists()


def test_remove__that_is_interrupted_leaves_no_run_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish(tmp_path), publish(tmp_path, "20260102-000000-sales")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(removal.shutil, "rmtree", stop)  # type: ignore[attr-defined]  # the module's import
        with pytest.raises(KeyboardInterrupt):
            removal.remove(tmp_path, first)
    assert not first.exists()
    assert len(list(tmp_path.iterdir())) == 2
    assert [each.folder for each in finished(tmp_path)] == [second]
    assert unfinished(tmp_path) == []
    assert [entry.folder for entry in list_runs(tmp_path)] == [second]
    removal.remove(tmp_path, second)
    assert list(tmp_path.iterdir()) == []


def test_remove__a_damaged_run(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    (folder / run.INFO).write_bytes(b"{")
    (folder / "extra.bin").unlink()
    assert removal.find_removable(tmp_path, [NAME], force=False) == [folder]

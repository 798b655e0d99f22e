"""Tags: small files that name a run, written whole or not at all."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnfc.errors import ConfigError, RunError
from rnnfc.runs import run
from rnnfc.runs.find import find, finished
from rnnfc.runs.tags import read_tag, read_tags, remove_tag, write_tag
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.tag import refuse_tag_names, tag_run

Command = Callable[..., Any]


def publish(outputs: Path, name: str, folder: str) -> Path:
    with RunWriter(outputs, name) as writer:
        writer.write_json(run.INFO, {"status": "done", "name": name, "finished": folder})
    return writer.folder.rename(outputs / folder)


def test_tag__pins_its_run_when_a_newer_one_is_trained(tmp_path: Path) -> None:
    first = publish(tmp_path, "sales", "20260101-000000-sales")
    assert tag_run("sales", "production", outputs=tmp_path).run.folder == first
    second = publish(tmp_path, "sales", "20260102-000000-sales")
    assert find(tmp_path, "production").folder == first
    assert find(tmp_path, "sales").folder == find(tmp_path, None).folder == second
    assert tag_run("sales", "production", outputs=tmp_path).previous == first.name
    assert find(tmp_path, "production").folder == second
    assert tag_run("production", "live", outputs=tmp_path).run.folder == second
    assert read_tags(tmp_path) == {"live": second.name, "production": second.name}
    assert len(finished(tmp_path)) == 2
    remove_tag(tmp_path, "live")
    assert read_tag(tmp_path, "live") is None


def test_tag__whose_run_is_gone_says_so(tmp_path: Path) -> None:
    folder = publish(tmp_path, "sales", "20260101-000000-sales")
    tag_run(str(folder), "production", outputs=tmp_path)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"'production', 20260101-000000-sales, is gone.*--delete"):
        find(tmp_path, "production")


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("sales", "name of an experiment"),
        ("20260101-000000-sales", "name of a folder"),
        ("mine", "mine.yaml"),
        ("airline", "configs/airline.yaml"),
        ("", "letters, digits"),
        ("../out", "letters, digits"),
        (".hidden", "letters, digits"),
        ("a b", "letters, digits"),
        ("x" * 65, "letters, digits"),
    ],
)
def test_tag__of_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    publish(Path("outputs"), "sales", "20260101-000000-sales")
    Path("configs").mkdir()
    for path in (Path("mine.yaml"), Path("configs/airline.yaml")):
        path.touch()
    with pytest.raises(ConfigError, match=says):
        tag_run("sales", tag, outputs=Path("outputs"))
    assert read_tags(Path("outputs")) == {}


def test_tag__is_not_the_name_of_a_new_experiment(tmp_path: Path) -> None:
    publish(tmp_path, "sales", "20260101-000000-sales")
    refuse_tag_names(["production"], outputs=tmp_path)
    tag_run("sales", "production", outputs=tmp_path)
    with pytest.raises(ConfigError, match="'production' is a tag of the run 20260101-000000-sales"):
        refuse_tag_names(["other", "production"], outputs=tmp_path)


def test_tag__of_a_run_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path / "there", "sales", "20260101-000000-sales")
    with pytest.raises(RunError, match=f"--outputs {tmp_path / 'there'}"):
        tag_run(str(folder), "production", outputs=tmp_path / "here")


@pytest.mark.parametrize("content", [b"", b"../../away\n", b"\xff\n", b"two\nlines\n"])
def test_tag__that_is_damaged_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    write_tag(tmp_path, "production", "20260101-000000-sales")
    (tmp_path / ".tags/production").write_bytes(content)
    with pytest.raises(RunError, match=r"\.tags/production: the tag cannot be read.*--delete"):
        find(tmp_path, "production")
    remove_tag(tmp_path, "production")


def test_tag__is_whole_while_others_change_it(tmp_path: Path) -> None:
    runs = [f"20260101-00000{number}-sales" for number in range(4)]
    write_tag(tmp_path, "production", runs[0])

    def change(run: str) -> None:
        for _ in range(10):
            write_tag(tmp_path, "production", run)

    threads = [threading.Thread(target=change, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert read_tag(tmp_path, "production") in runs
        assert set(read_tags(tmp_path)) == {"production"}  # no temporary file is taken for a tag
    assert [path.name for path in (tmp_path / ".tags").iterdir()] == ["production"]


def test_tag_command__sets_lists_and_deletes(rnnfc: Command, tmp_path: Path) -> None:
    publish(tmp_path, "sales", "20260101-000000-sales")
    at = ("--outputs", tmp_path)
    assert "none in" in rnnfc("tag", *at).err
    assert rnnfc("tag", "sales", "production", *at).out.split() == [
        *("tag", "run", "production", "20260101-000000-sales")
    ]
    assert rnnfc("tag", "--json", *at).out == '{\n  "production": "20260101-000000-sales"\n}\n'
    for arguments, says in (
        (["sales"], "RUN TAG"),
        (["a", "b", "c"], "RUN TAG"),
        (["--delete"], "TAG --delete"),
        (["other", "--delete"], "no tag 'other'; there are: production"),
        (["gone", "live"], "no finished run 'gone'"),
    ):
        outcome = rnnfc("tag", *arguments, *at)
        assert outcome.code == 2
        assert says in outcome.err
    assert rnnfc("tag", "production", "--delete", *at).code == 0
    assert read_tags(tmp_path) == {}

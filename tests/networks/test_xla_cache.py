"""The cache of compiled programs: the same bits with and without it; damaged files and unsafe folders are not used."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnfc.networks import xla_cache

CONFIG = """
name: kept
seed: 3
data: {kind: sine, points: 60, step: 0.1}
window: {length: 4}
split: {test: 10}
model: {kind: stacked, cell: SimpleRNN, units: [3]}
train: {epochs: 40, batch_size: 1}
"""


def train(tmp_path: Path, name: str, **environment: str) -> dict[str, bytes] | None:
    """Weights and forecasts of a training in its own process, with no further output; None if it failed."""
    (tmp_path / "kept.yaml").write_text(CONFIG)
    command = [
        sys.executable,
        "-m",
        "rnnfc",
        "train",
        str(tmp_path / "kept.yaml"),
        "--outputs",
        str(tmp_path / name),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )
    if done.returncode:
        return None
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["data", "windows", "training"], (
        done.stderr
    )
    (folder,) = (tmp_path / name).iterdir()
    assert b'"name": "xla_unrolled"' in (folder / "run.json").read_bytes()  # a recipe that compiles
    return {name: (folder / name).read_bytes() for name in ("weights.npz", "forecast.csv")}


def test_xla_cache__a_second_training_loads_the_program_and_has_the_same_bits(tmp_path: Path) -> None:
    home = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    without = train(tmp_path, "without", **home)
    assert without is not None
    assert not (tmp_path / "cache/rnnfc").exists()  # tests/conftest.py has it off
    assert train(tmp_path, "first", RNNFC_XLA_CACHE="on", **home) == without
    (folder,) = (tmp_path / "cache/rnnfc").iterdir()
    (program,) = folder.iterdir()  # the folder of the process is deleted
    content, (digest, _, name) = program.read_bytes(), program.name.partition("-")
    assert hashlib.sha256(content).hexdigest() == digest
    assert train(tmp_path, "second", RNNFC_XLA_CACHE="on", **home) == without

    program.write_bytes(content[:1000])  # deleted, and the program compiled again
    assert train(tmp_path, "third", RNNFC_XLA_CACHE="on", **home) == without
    (program,) = folder.iterdir()
    assert program.name.endswith(name)
    assert program.stat().st_size > 1000

    program.unlink()
    (folder / shared_name(name, content[:1000])).write_bytes(
        content[:1000]
    )  # undamaged by its name: TensorFlow does read the file
    assert train(tmp_path, "fourth", RNNFC_XLA_CACHE="on", **home) is None


def shared_name(name: str, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}-{name}"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder, with the cache switched on and no folder in use."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(xla_cache.CACHE_VARIABLE, "on")
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setattr(xla_cache, "_folders", [])
    monkeypatch.setattr(xla_cache.atexit, "register", lambda *_: None)
    return tmp_path / "cache"


def own_folder() -> Path | None:
    """The folder that TensorFlow would use."""
    with xla_cache.use_process_folder():
        flags = os.environ.get("TF_XLA_FLAGS", "")
    assert "TF_XLA_FLAGS" not in os.environ
    return Path(flags.partition("=")[2]) if flags else None


@pytest.mark.usefixtures("cache")
def test_process_folder__links_undamaged_files_and_shares_new_ones() -> None:
    own = own_folder()
    assert own is not None
    assert not xla_cache.has_programs()
    common = own.parent
    assert (
        own.stat().st_mode & 0o777
        == common.stat().st_mode & 0o777
        == common.parent.stat().st_mode & 0o777
        == 0o700
    )
    (own / "a.pb").write_bytes(b"program a")
    xla_cache.share_programs()
    xla_cache.share_programs()
    assert {path.name for path in common.iterdir()} == {own.name, shared_name("a.pb", b"program a")}

    (common / shared_name("b.pb", b"program b")).write_bytes(b"progr")  # truncated
    (common / "unknown").write_bytes(b"")
    (common / shared_name("c.pb", b"c")).symlink_to(own / "a.pb")
    (common / "stray").mkdir()
    xla_cache._folders.clear()
    other = own_folder()
    assert other is not None
    assert {path.name: path.read_bytes() for path in other.iterdir()} == {"a.pb": b"program a"}
    assert xla_cache.has_programs()
    assert {path.name for path in common.iterdir()} == {
        own.name,
        other.name,
        shared_name("a.pb", b"program a"),
        "stray",
    }


@pytest.mark.usefixtures("cache")
def test_process_folder__deletes_old_programs_and_folders_of_killed_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = own_folder()
    assert own is not None
    for age, name in enumerate(("new.pb", "older.pb", "oldest.pb")):
        path = own.parent / shared_name(name, name.encode())
        path.write_bytes(name.encode())
        os.utime(path, (1e9 - age, 1e9 - age))
    os.utime(own, (1e9, 1e9))
    monkeypatch.setattr(xla_cache, "_MAX_FILES", 2)
    xla_cache._folders.clear()
    other = own_folder()
    assert other is not None
    assert {path.name for path in other.iterdir()} == {"new.pb", "older.pb"}
    assert not own.exists()
    assert not (own.parent / shared_name("oldest.pb", b"oldest.pb")).exists()


@pytest.mark.usefixtures("cache")
def test_process_folder__deletes_unused_folders_of_other_versions() -> None:
    own = own_folder()
    assert own is not None
    common, day = own.parent, 86_400
    for name, age in (("xla-used", 59 * day), ("xla-unused", 61 * day), ("mine", 61 * day)):
        (common.parent / name).mkdir()
        os.utime(common.parent / name, (time.time() - age,) * 2)
    os.utime(common, (1e9, 1e9))
    xla_cache._folders.clear()
    own_folder()
    assert {path.name for path in common.parent.iterdir()} == {common.name, "xla-used", "mine"}


def group_writable(cache: Path) -> None:
    (cache / "rnnfc").mkdir(parents=True)
    (cache / "rnnfc").chmod(0o770)


def symlink(cache: Path) -> None:
    cache.mkdir()
    (cache / "elsewhere").mkdir(mode=0o700)
    (cache / "rnnfc").symlink_to(cache / "elsewhere")


def regular_file(cache: Path) -> None:
    cache.write_text("")


@pytest.mark.parametrize("prepare", [group_writable, symlink, regular_file])
def test_process_folder__is_not_in_a_folder_that_others_can_write_to(
    cache: Path, prepare: Callable[[Path], None]
) -> None:
    prepare(cache)
    assert own_folder() is None
    xla_cache.share_programs()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (xla_cache.CACHE_VARIABLE, "off"),
        ("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=mine"),
        ("XDG_CACHE_HOME", "relative"),
    ],
)
def test_process_folder__respects_the_settings_of_the_user(
    cache: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.chdir(cache.parent)
    monkeypatch.setenv(name, value)
    before = os.environ.get("TF_XLA_FLAGS")
    with xla_cache.use_process_folder():
        assert os.environ.get("TF_XLA_FLAGS") == before
    assert os.environ.get("TF_XLA_FLAGS") == before
    assert not cache.exists()


@pytest.mark.usefixtures("cache")
def test_process_folder__is_not_used_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla_cache, "_MIN_FREE_BYTES", 2**80)
    assert own_folder() is None


@pytest.mark.usefixtures("cache")
def test_process_folder__is_not_in_a_folder_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla_cache.os, "getuid", lambda: 12_345)
    assert own_folder() is None

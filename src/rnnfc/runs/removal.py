"""Remove run folders, finished and unfinished, and nothing that rnnfc did not write."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from rnnfc.errors import OutputError, RunError
from rnnfc.runs import untrusted
from rnnfc.runs.find import finished
from rnnfc.runs.run import COMPARE, EXPLAIN, FILES, INFO, REMOVED
from rnnfc.runs.tags import read_tag, read_tags, remove_tag
from rnnfc.runs.writer import MANIFEST, with_lock

# One of these makes a folder one of ours.
_MARKS = (INFO, COMPARE, EXPLAIN)


def find_removable(outputs: Path, names: Sequence[str], *, force: bool) -> list[Path]:
    """The folders in `outputs` that `names` mean: of runs, of comparisons and of gradients, each once.

    Args:
        names: folders, their names, or an experiment's name where it has a single run.
        force: remove tagged runs, too.
    Raises:
        RunError: one of them is not a folder that rnnfc wrote, holds other files, or has a tag; says which.
    """
    folders = list(dict.fromkeys(_find(outputs, name) for name in names))
    for folder in folders:
        _refuse_foreign(folder)
        tags = [tag for tag, run in read_tags(outputs).items() if run == folder.name]
        if tags and not force:
            raise RunError(
                f"{folder}: has the tag {', '.join(tags)}; remove it first: rnnfc tag {' '.join(tags)} --delete, or add --force"
            )
    return folders


def remove(outputs: Path, folder: Path) -> None:
    """Remove a folder of `find_removable`, and its tags; it vanishes as a whole, even if this is interrupted.

    Raises:
        RunError: another process is writing it.
        OutputError: the system refused.
    """
    hidden = folder.with_name(f"{REMOVED}{uuid.uuid4().hex[:12]}")
    try:
        with with_lock(folder):
            folder.rename(hidden)  # a folder that is there is whole
        for tag, run in read_tags(outputs).items():
            if run == folder.name:
                remove_tag(outputs, tag)
        # With what an interrupted removal has left.
        for path in outputs.glob(f"{REMOVED}*"):
            shutil.rmtree(path, ignore_errors=path != hidden)
    except OSError as error:
        raise OutputError(
            f"{folder}: could not be removed ({error.strerror or error}); make it writable"
        ) from error


def _find(outputs: Path, name: str) -> Path:
    tagged = read_tag(outputs, name)
    if tagged is not None:
        raise RunError(
            f"{name!r} is a tag of the run {tagged}; name the run, or remove the tag: rnnfc tag {name} --delete"
        )
    for path in (Path(name), outputs / name):
        if _is_entry(path):
            return _refuse_elsewhere(path, outputs)
    runs = [run.folder for run in finished(outputs) if run.info().get("name") == name]
    if len(runs) > 1:
        listed = ", ".join(folder.name for folder in runs[-5:])
        raise RunError(f"{name!r} has {len(runs):,} runs in {outputs}; name one: {listed}")
    if not runs:
        raise RunError(f"{outputs}: no run {name!r}; 'rnnfc list' shows their names")
    return runs[0]


def _is_entry(path: Path) -> bool:
    with contextlib.suppress(ValueError):  # an impossible file name
        return os.path.lexists(path)
    return False


def _refuse_elsewhere(path: Path, outputs: Path) -> Path:
    """The same folder, as an entry of `outputs`.

    Raises:
        RunError: a link, a file, or a folder elsewhere.
    """
    if path.is_symlink() or not path.is_dir():
        raise RunError(f"{path}: a link or a file, not a run folder; it is left unchanged")
    folder = path.resolve()
    if folder.parent != outputs.resolve():
        raise RunError(f"{path}: not in {outputs}; name its folder with --outputs {path.parent}")
    return outputs / folder.name


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder that rnnfc did not write, and one with files of somebody else."""
    names = {entry.name for entry in os.scandir(folder)}
    if not names & set(_MARKS):
        raise RunError(f"{folder}: not a run folder (no {INFO}); it is left unchanged")
    try:
        lines = untrusted.read_bytes(folder / MANIFEST).decode().splitlines()
    except (OSError, ValueError):  # an unfinished or a damaged run
        lines = []
    known = {MANIFEST, *FILES, *(line[66:] for line in lines)}
    foreign = sorted(
        entry.name
        for entry in os.scandir(folder)
        if not entry.is_file(follow_symlinks=False) or not (entry.name in known or entry.name.startswith("."))
    )
    if foreign:
        raise RunError(f"{folder}: holds {foreign[0]}, which rnnfc did not write; move it elsewhere first")

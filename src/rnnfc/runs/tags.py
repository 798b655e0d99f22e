"""Tags: names that pin a run of an outputs folder; each is a small file in `.tags` that holds the run folder's name."""

import os
import re
from pathlib import Path

from rnnfc.errors import ConfigError, OutputError, RunError
from rnnfc.runs import untrusted
from rnnfc.runs.writer import atomic_write

_FOLDER = ".tags"
# As the names of experiments.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_tag(outputs: Path, tag: str) -> str | None:
    """Name of the run folder that a tag means; None where there is no such tag.

    Raises:
        RunError: its file cannot be read.
    """
    if not _NAME.fullmatch(tag):
        return None
    path = outputs / _FOLDER / tag
    try:
        name = untrusted.read_bytes(path).decode().removesuffix("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error), tag) from error
    if not _NAME.fullmatch(name):
        raise _damaged(path, "not the name of a run folder", tag)
    return name


def read_tags(outputs: Path) -> dict[str, str]:
    """Names of all tags, in their order, and of the run folders that they mean.

    Raises:
        RunError: a file cannot be read.
    """
    try:
        names = sorted(os.listdir(outputs / _FOLDER))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    tags = {name: read_tag(outputs, name) for name in names}
    return {name: run for name, run in tags.items() if run is not None}  # deleted in the meantime


def refuse_invalid_tag(tag: str) -> None:
    """Refuse what is no name for a tag.

    Raises:
        ConfigError: says which characters a name may have.
    """
    if not _NAME.fullmatch(tag):
        raise ConfigError(
            f"tag {tag!r}: use up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit"
        )


def write_tag(outputs: Path, tag: str, run: str) -> None:
    """Let `tag` mean the run folder `run`, whatever it meant before.

    Raises:
        ConfigError: no name for a tag.
        OutputError: it could not be written.
    """
    refuse_invalid_tag(tag)
    path = outputs / _FOLDER / tag
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path, replace=True) as (place,):
            place.write_text(f"{run}\n", encoding="utf-8")
    except OSError as error:
        raise _not_changed(path, error) from error


def remove_tag(outputs: Path, tag: str) -> None:
    """Delete a tag; its run stays.

    Raises:
        RunError: there is no such tag.
        OutputError: it could not be deleted.
    """
    path = outputs / _FOLDER / tag
    try:
        if not _NAME.fullmatch(tag):
            raise FileNotFoundError
        path.unlink()
    except FileNotFoundError:
        known = ", ".join(read_tags(outputs))
        hint = f"there are: {known}" if known else "there is none"
        raise RunError(f"{outputs}: no tag {tag!r}; {hint}") from None
    except OSError as error:
        raise _not_changed(path, error) from error


def _damaged(path: Path, reason: str, tag: str) -> RunError:
    return RunError(
        f"{path}: the tag cannot be read ({reason}); delete it with: rnnfc tag {tag} --delete, and tag the run again"
    )


def _not_changed(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: the tag could not be changed ({error.strerror or error}); make it writable")

"""`atomic_write`: the one durable write of files; a RunWriter: a folder of them that appears whole or not at all."""

import contextlib
import datetime as dt
import errno
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc.errors import ConfigError, OutputError, RunError

MANIFEST = "manifest.sha256"
# Locked by the process that writes the draft; the kernel lets go of it whatever ends the process.
_LOCK = ".lock"


class RunWriter:
    """A folder that is being written under a hidden name; it appears under its own name, whole, when the block ends well.

    Where the block fails nothing is left, unless `kept` was set. Files with hidden names are working files: they go when the
    folder appears. While it is open no other process can continue it.

    Args:
        unfinished: continue this hidden folder of an earlier process instead of starting a new one.
    """

    def __init__(self, outputs: Path, name: str, *, unfinished: Path | None = None) -> None:
        self._outputs = unfinished.parent if unfinished else outputs
        self._hidden = (
            unfinished or outputs / f".{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}-{name}.{uuid.uuid4().hex[:12]}"
        )
        self._continues = unfinished is not None
        self._lock = -1
        self.folder = self._hidden
        self.kept = False

    def __enter__(self) -> Self:
        try:
            if not self._continues:
                self._outputs.mkdir(parents=True, exist_ok=True)
                self._hidden.mkdir()
            self._lock = os.open(self._hidden / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileExistsError:
            raise ConfigError(
                f"--outputs {self._outputs}: a file, not a folder; name a folder for the runs"
            ) from None
        except BlockingIOError:
            os.close(self._lock)
            raise RunError(
                f"{self._hidden}: another process is training this run; let it end, or end it first"
            ) from None
        except OSError as error:
            raise self._refused(error) from error
        self.kept = self._continues
        if self._continues:  # its files are about to change
            (self._hidden / MANIFEST).unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as failure:
            error = failure
        finally:
            os.close(self._lock)
            if not self.kept:
                shutil.rmtree(self._hidden, ignore_errors=True)
        # A broken pipe is the reader of the progress, who has gone: no file of ours is a pipe.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise self._refused(error) from error

    def write(self, name: str, content: bytes | str) -> None:
        """One whole file, on disk when this returns."""
        data = content.encode() if isinstance(content, str) else content
        self.write_with(name, lambda place: place.write_bytes(data))

    def write_with(self, name: str, save: Callable[[Path], object]) -> None:
        """One file that `save` writes to the path it is given, on disk when this returns."""
        with atomic_write(self._hidden / name, replace=True) as (place,):
            save(place)

    def write_json(self, name: str, value: Any) -> None:
        """A JSON file, see `json_text`."""
        self.write(name, json_text(value))

    def write_arrays(self, name: str, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """An .npz file of plain arrays."""

        def save(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub has the option allow_pickle among the names

        self.write_with(name, save)

    def write_rows(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """A JSON Lines file, one line a row."""
        self.write(name, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))

    def _publish(self) -> None:
        names = sorted(path.name for path in self._hidden.iterdir() if not path.name.startswith("."))
        self.write(MANIFEST, manifest(self._hidden, names))
        name = self._hidden.name.removeprefix(".").rpartition(".")[0]
        for attempt in range(1, 1000):
            folder = self._outputs / (name if attempt == 1 else f"{name}-{attempt}")
            try:
                self._hidden.rename(folder)  # onto a folder that holds something this fails, whoever made it
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                self.folder, self.kept = folder, False
                _sync(self._outputs)
                # Only now: until the rename is on disk, a run that is killed here goes on from its checkpoint.
                with contextlib.suppress(OSError):
                    for path in folder.glob(".*"):
                        path.unlink(missing_ok=True)
                return
        raise OutputError(f"{folder}: a thousand runs of this name in one second; try again")

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._outputs}: the run could not be written ({error.strerror or error}); {_mend(error)}, or name another "
            "folder with --outputs; earlier runs are untouched"
        )


def json_text(value: Any) -> str:
    """The text of a JSON file of plain values; NaN and infinity are refused (ValueError), for they are no JSON."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _mend(error: OSError) -> str:
    return (
        "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "make it writable"
    )


def is_locked(folder: Path) -> bool:
    """Whether a process is writing this draft just now."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY)
    except OSError:  # it has got its name in the meantime, or its process died before it locked it
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def manifest(folder: Path, names: Iterable[str]) -> str:
    """The SHA-256 of files in `folder`, as `sha256sum` writes and checks them."""
    return "".join(f"{sha256(folder / name)}  {name}\n" for name in names)


def sha256(path: Path) -> str:
    """The checksum of a file, read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def atomic_write(*paths: Path, replace: bool = False) -> Iterator[list[Path]]:
    """Hidden places to write to, for files or folders in one folder; when the block ends well all have their names, on disk.

    Where it does not, `paths` are what they were before, and nothing is left of the places.

    Args:
        replace: a single path may be taken, by a file that gives way to the new one at once; else it keeps its name.
    Raises:
        OSError: what the system refused.
    """
    places = [path.with_name(f".{uuid.uuid4().hex}{path.suffix}") for path in paths]
    made: list[Path] = []
    try:
        yield places
        for place, path in zip(places, paths, strict=True):
            for part in (*place.rglob("*"), place):
                _sync(part)
            if replace:
                place.replace(path)
            else:
                _move_to_new(place, path)
                made.append(path)
        _sync(paths[0].parent)
    except BaseException:
        for path in made:
            _remove(path)
        raise
    finally:
        for place in places:
            _remove(place)


@contextlib.contextmanager
def new_files(*paths: Path) -> Iterator[list[Path]]:
    """As `atomic_write`, for files and folders that the user names: new ones only.

    Raises:
        ConfigError: something lies at one of `paths`, which is left as it is, or their folder is not there.
        OutputError: they could not be written.
    """
    refuse_existing(*paths)
    try:
        with atomic_write(*paths) as places:
            yield places
    except OSError as error:
        refuse_existing(*paths)  # who came first in the meantime keeps the name
        raise OutputError(
            f"{paths[0]}: could not be written ({error.strerror or error}); {_mend(error)}; nothing is left behind"
        ) from error


def refuse_existing(*paths: Path) -> None:
    """Refuse to write where something lies already, or where there is no folder to write in.

    Raises:
        ConfigError: one of `paths` is such a place.
    """
    for path in paths:
        if os.path.lexists(path):
            raise ConfigError(f"{path}: exists already and is left as it is; choose another name")
        if not path.parent.is_dir():
            raise ConfigError(
                f"{path}: there is no folder {path.parent} to write it in; make the folder first"
            )


def _move_to_new(place: Path, path: Path) -> None:
    """Give `place` the name `path` where nothing has that name; it may keep its own as well."""
    if place.is_dir():
        place.rename(path)  # onto a folder that holds something this fails
        return
    try:
        path.hardlink_to(place)  # unlike a rename this fails where a file has come in the meantime
    except FileExistsError:
        raise
    except OSError:  # not every file system has hard links
        place.rename(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Atomic, durable writes: `atomic_write` for files, `RunWriter` for a run folder (staged, fsynced, renamed)."""

import contextlib
import datetime as dt
import errno
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from rnnfc.errors import ConfigError, OutputError, RunError
from rnnfc.plain import Array

MANIFEST = "manifest.sha256"
# Locked by the writing process; the kernel releases it however that process ends.
_LOCK = ".lock"


class RunWriter:
    """Write a run folder atomically: it is staged under a hidden name and renamed when the block ends without an error.

    If the block fails, the hidden folder is removed, unless `keep` was set. Files with hidden names are working files and
    are removed when the folder is published. A lock keeps other processes from continuing the same run.

    `folder`: the hidden folder, after the block the published one.

    Args:
        unfinished: continue this hidden folder of an earlier process instead of creating a new one.
    """

    def __init__(self, outputs: Path, name: str, *, unfinished: Path | None = None) -> None:
        self._outputs = unfinished.parent if unfinished else outputs
        self._hidden = (
            unfinished or outputs / f".{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}-{name}.{uuid.uuid4().hex[:12]}"
        )
        self._continues = unfinished is not None
        self._lock = -1
        self.folder = self._hidden
        self.keep = False

    def __enter__(self) -> Self:
        try:
            if not self._continues:
                self._outputs.mkdir(parents=True, exist_ok=True)
                self._hidden.mkdir()
            self._lock = os.open(self._hidden / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileExistsError:
            raise ConfigError(
                f"--outputs {self._outputs}: a file, not a folder; name a folder for the run folders"
            ) from None
        except BlockingIOError:
            os.close(self._lock)
            raise RunError(
                f"{self._hidden}: another process is training this run; wait for it, or stop it first"
            ) from None
        except OSError as error:
            raise self._refused(error) from error
        self.keep = self._continues
        if self._continues:  # its files will change
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
            if not self.keep:
                shutil.rmtree(self._hidden, ignore_errors=True)
        # A broken pipe comes from the progress output, whose reader has ended: no file of a run is a pipe.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise self._refused(error) from error

    def write(self, name: str, content: bytes | str) -> None:
        """Write a file; it is on disk when this returns."""
        data = content.encode() if isinstance(content, str) else content
        self.write_with(name, lambda place: place.write_bytes(data))

    def write_with(self, name: str, save: Callable[[Path], object]) -> None:
        """Write a file by `save(path)`; it is on disk when this returns."""
        with atomic_write(self._hidden / name, replace=True) as (place,):
            save(place)

    def write_json(self, name: str, value: object) -> None:
        """Write a JSON file, see `json_text`."""
        self.write(name, json_text(value))

    def write_arrays(self, name: str, arrays: Mapping[str, Array]) -> None:
        """Write an .npz file of plain arrays."""

        def save(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes an array for allow_pickle

        self.write_with(name, save)

    def write_rows(self, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Write a JSON Lines file, one line a row."""
        self.write(name, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))

    def _publish(self) -> None:
        names = sorted(path.name for path in self._hidden.iterdir() if not path.name.startswith("."))
        self.write(MANIFEST, manifest(self._hidden, names))
        name = self._hidden.name.removeprefix(".").rpartition(".")[0]
        for attempt in range(1, 1000):
            folder = self._outputs / (name if attempt == 1 else f"{name}-{attempt}")
            try:
                self._hidden.rename(folder)  # fails if a folder of that name holds something
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                self.folder, self.keep = folder, False
                _sync(self._outputs)
                # Not earlier: a run that is killed before the rename is on disk continues from its checkpoint.
                with contextlib.suppress(OSError):
                    for path in folder.glob(".*"):
                        path.unlink(missing_ok=True)
                return
        raise OutputError(f"{folder}: a thousand runs of this name in one second; try again")

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._outputs}: the run could not be written ({error.strerror or error}); {_remedy(error)}, or choose another "
            "folder with --outputs; earlier runs are untouched"
        )


def json_text(value: object) -> str:
    """The text of a JSON file. Raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _remedy(error: OSError) -> str:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "free some space" if is_full else "make it writable"


def is_locked(folder: Path) -> bool:
    """Whether a process is writing this hidden folder."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY)
    except OSError:  # published in the meantime, or its process died before it locked the folder
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextlib.contextmanager
def with_lock(folder: Path) -> Iterator[None]:
    """Keep other processes from writing this folder; a published one has no lock.

    Raises:
        RunError: a process is writing it.
    """
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RunError(
            f"{folder}: another process is writing this run now; wait for it, or stop it first"
        ) from None
    finally:
        os.close(lock)


def manifest(folder: Path, names: Iterable[str]) -> str:
    """The SHA-256 of files in `folder`, in the format of `sha256sum`."""
    return "".join(f"{sha256(folder / name)}  {name}\n" for name in names)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def atomic_write(*paths: Path, replace: bool = False) -> Iterator[list[Path]]:
    """Temporary paths to write files or folders to, which are fsynced and renamed to `paths` when the block ends.

    If the block fails, `paths` are unchanged and the temporary files are removed. All `paths` are in one folder.

    Args:
        replace: replace an existing file at the single path; otherwise an existing file is an error.
    Raises:
        OSError: the system refused to write.
    """
    places = [path.with_name(f".{uuid.uuid4().hex}{path.suffix}") for path in paths]
    written: list[Path] = []
    try:
        yield places
        for place, path in zip(places, paths, strict=True):
            for part in (*place.rglob("*"), place):
                _sync(part)
            if replace:
                place.replace(path)
            else:
                _move_to_new(place, path)
                written.append(path)
        _sync(paths[0].parent)
    except BaseException:
        for path in written:
            _remove(path)
        raise
    finally:
        for place in places:
            _remove(place)


@contextlib.contextmanager
def new_files(*paths: Path) -> Iterator[list[Path]]:
    """As `atomic_write`, for new files and folders that the user names.

    Raises:
        ConfigError: one of `paths` exists (it is left unchanged), or their folder does not.
        OutputError: they could not be written.
    """
    refuse_existing(*paths)
    try:
        with atomic_write(*paths) as places:
            yield places
    except OSError as error:
        refuse_existing(*paths)  # created by another process in the meantime
        raise OutputError(
            f"{paths[0]}: could not be written ({error.strerror or error}); {_remedy(error)}; nothing is left behind"
        ) from error


def refuse_existing(*paths: Path) -> None:
    """Refuse paths that exist, or whose folder does not.

    Raises:
        ConfigError: names the first such path.
    """
    for path in paths:
        if os.path.lexists(path):
            raise ConfigError(f"{path}: already exists and is left unchanged; choose another name")
        if not path.parent.is_dir():
            raise ConfigError(f"{path}: the folder {path.parent} does not exist; create it first")


def _move_to_new(place: Path, path: Path) -> None:
    """Rename `place` to a new `path`; a file may keep its old name as well."""
    if place.is_dir():
        place.rename(path)  # fails if a folder of that name holds something
        return
    try:
        path.hardlink_to(place)  # unlike a rename, fails if the file exists
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

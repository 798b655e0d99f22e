"""Draft: the one way to publish a folder durably, whole or not at all; `write_file`: the one durable write of a file."""

import datetime as dt
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc.errors import ConfigError, OutputError, RunError

MANIFEST = "manifest.sha256"
_STAMP = "%Y%m%d-%H%M%S"


class Draft:
    """A folder that is being written under a hidden name; it appears under its own name, whole, when the block ends well.

    Where the block fails nothing is left, unless `kept` was set. Files with hidden names are working files: they go when the
    folder appears. While it is open no other process can continue it.

    Args:
        unfinished: continue this hidden folder of an earlier process instead of starting a new one.
    """

    def __init__(self, outputs: Path, name: str, *, unfinished: Path | None = None) -> None:
        self._outputs = unfinished.parent if unfinished else outputs
        self._hidden = unfinished or outputs / f".{dt.datetime.now(dt.UTC).strftime(_STAMP)}-{name}.{uuid.uuid4().hex[:12]}"
        self._continues = unfinished is not None
        self._lock = -1
        self.folder = self._hidden
        self.kept = False

    def __enter__(self) -> Self:
        try:
            if not self._continues:
                self._outputs.mkdir(parents=True, exist_ok=True)
                self._hidden.mkdir()
            self._lock = os.open(self._hidden, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileExistsError:
            raise ConfigError(f"--outputs {self._outputs}: a file, not a folder; name a folder for the runs") from None
        except BlockingIOError:
            os.close(self._lock)
            raise RunError(f"{self._hidden}: another process is training this run; let it end, or end it first") from None
        except OSError as error:
            raise self._refused(error) from error
        self.kept = self._continues
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
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
        self.write_with(name, writer(content))

    def write_with(self, name: str, save: Callable[[Path], object]) -> None:
        """One file that `save` writes to the path it is given, on disk when this returns."""
        write_file(self._hidden / name, save)

    def write_json(self, name: str, value: Any) -> None:
        """A JSON file; NaN and infinity are refused, for they are no JSON."""
        self.write(name, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")

    def write_arrays(self, name: str, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """An .npz file of plain arrays."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        self.write(name, buffer.getvalue())

    def write_rows(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """A JSON Lines file, one line a row."""
        self.write(name, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))

    def _publish(self) -> None:
        names = sorted(path.name for path in self._hidden.iterdir() if not path.name.startswith("."))
        self.write(MANIFEST, manifest(self._hidden, [name for name in names if name != MANIFEST]))
        name = self._hidden.name.removeprefix(".").rpartition(".")[0]
        for attempt in range(1, 1000):
            self.folder = self._outputs / (name if attempt == 1 else f"{name}-{attempt}")
            try:
                self._hidden.rename(self.folder)  # onto a folder that holds something this fails, whoever made it
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                _sync(self._outputs)
                # Only now: until the rename is on disk, a run that is killed here goes on from its checkpoint.
                for path in self.folder.glob(".*"):
                    path.unlink(missing_ok=True)
                return
        raise OutputError(f"{self.folder}: a thousand runs of this name in one second; try again")

    def _refused(self, error: OSError) -> OutputError:
        mend = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "make it writable"
        return OutputError(
            f"{self._outputs}: the run could not be written ({error.strerror or error}); {mend}, or name another "
            "folder with --outputs; earlier runs are untouched"
        )


def is_open(folder: Path) -> bool:
    """Whether a process is writing this draft just now."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def write_file(path: Path, save: Callable[[Path], object]) -> None:
    """`path` as `save` writes it, on disk when this returns; until then it is what it was before, whatever happens.

    Args:
        save: given a path beside `path` that ends like it.
    """
    hidden = path.with_name(f".{uuid.uuid4().hex[:12]}-{path.name}")
    try:
        save(hidden)
        _sync(hidden)
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)
    _sync(path.parent)


def writer(content: bytes | str) -> Callable[[Path], object]:
    """What writes `content` to the path it is given."""
    data = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(data)


def manifest(folder: Path, names: Iterable[str]) -> str:
    """The SHA-256 of files in `folder`, as `sha256sum` writes and checks them."""
    return "".join(f"{_sha256(folder / name)}  {name}\n" for name in names)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Draft: the one way to publish a folder durably, whole or not at all."""

import datetime as dt
import errno
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

from rnnfc.errors import ConfigError, OutputError

_STAMP = "%Y%m%d-%H%M%S"


class Draft:
    """A folder that is being written under a hidden name; it appears under its own name, whole, when the block ends well."""

    def __init__(self, outputs: Path, name: str) -> None:
        self._outputs = outputs
        self._name = f"{dt.datetime.now(dt.UTC).strftime(_STAMP)}-{name}"
        self._hidden = outputs / f".{self._name}.{uuid.uuid4().hex[:12]}"
        self.folder = self._hidden

    def __enter__(self) -> Self:
        try:
            self._outputs.mkdir(parents=True, exist_ok=True)
            self._hidden.mkdir()
        except FileExistsError:
            raise ConfigError(f"--outputs {self._outputs}: a file, not a folder; name a folder for the runs") from None
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as failure:
            error = failure
        finally:
            shutil.rmtree(self._hidden, ignore_errors=True)
        # A broken pipe is the reader of the progress, who has gone: no file of ours is a pipe.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise self._refused(error) from error

    def write(self, name: str, content: bytes | str) -> None:
        """One whole file, on disk when this returns."""
        data = content.encode() if isinstance(content, str) else content
        self.write_with(name, lambda path: path.write_bytes(data))

    def write_with(self, name: str, save: Callable[[Path], object]) -> None:
        """One file that `save` writes to the path it is given, on disk when this returns."""
        path = self._hidden / name
        save(path)
        _sync(path)

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
        _sync(self._hidden)
        for attempt in range(1, 1000):
            self.folder = self._outputs / (self._name if attempt == 1 else f"{self._name}-{attempt}")
            try:
                self._hidden.rename(self.folder)  # onto a folder that holds something this fails, whoever made it
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                _sync(self._outputs)
                return
        raise OutputError(f"{self.folder}: a thousand runs of this name in one second; try again")

    def _refused(self, error: OSError) -> OutputError:
        mend = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable"
        return OutputError(
            f"{self._outputs}: the run could not be written ({error.strerror or error}); {mend}, or name another "
            "folder with --outputs; earlier runs are untouched"
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Checkpoints: the last whole epoch of a training that is under way, as plain arrays in its hidden folder."""

import json
import time
from dataclasses import asdict
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from rnnfc.runs.writer import RunWriter

CHECKPOINT = ".checkpoint.npz"
# At most so often, when epochs are short; longer epochs are written one by one.
_EVERY_S = 2.0

Arrays = dict[str, npt.NDArray[Any]]


class Trainable(Protocol):
    """A training state that goes to and from plain arrays without losing a bit."""

    def arrays(self) -> Arrays:
        """A copy of everything that training changes."""

    def load(self, arrays: Arrays) -> None:
        """Become the state that `arrays` was taken from."""


class Checkpoints:
    """Takes a copy after every epoch and writes the newest: every few seconds, and when the block ends, however it ends.

    `epoch` is that of the newest on disk, 0 before the first.
    """

    def __init__(self, draft: RunWriter) -> None:
        self.draft = draft
        self.epoch = 0
        self._taken: tuple[list[Any], Arrays] | None = None
        self._due = time.monotonic() + _EVERY_S

    def take(self, state: Trainable, history: list[Any]) -> None:
        """Note a whole epoch. `history`: one dataclass a row, of numbers and None."""
        self._taken = history[:], state.arrays()
        if time.monotonic() >= self._due:
            self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write()
        except OSError:
            if error is None:
                raise  # else the first error is the one to tell

    def _write(self) -> None:
        if self._taken is not None:
            began, (history, state) = time.monotonic(), self._taken
            rows = json.dumps(
                [asdict(row) for row in history]
            )  # Python writes a float so that the same bits are read
            arrays = {"history": np.array(rows), **{f"state/{name}": array for name, array in state.items()}}
            self.draft.write_arrays(CHECKPOINT, arrays)
            self.draft.kept, self.epoch, self._taken = True, len(history), None
            # A large state takes long to write: at most a tenth of the time goes there.
            self._due = began + max(_EVERY_S, 10 * (time.monotonic() - began))


def rows_of(arrays: Arrays) -> list[dict[str, Any]]:
    """The history in a checkpoint, one mapping an epoch."""
    return list(json.loads(str(arrays["history"])))


def state_of(arrays: Arrays) -> Arrays:
    """The part of a checkpoint that `Trainable.load` takes."""
    return {name.removeprefix("state/"): array for name, array in arrays.items() if name.startswith("state/")}

"""Checkpoints: the state after the last complete epoch, as plain arrays in the hidden folder of the run."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from rnnfc.plain import Array, JsonObject
from rnnfc.runs.writer import RunWriter

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHECKPOINT = ".checkpoint.npz"
# The shortest time between two checkpoints; longer epochs are written one by one.
_EVERY_S = 2.0

Arrays = dict[str, Array]


class Trainable(Protocol):
    """A training state that is saved to and restored from plain arrays bit for bit."""

    def arrays(self) -> Arrays:
        """A copy of everything that training changes."""

    def load(self, arrays: Arrays) -> None:
        """Restore the state that `arrays` returned."""


class Checkpoints:
    """Copy the state after every epoch; write the newest copy every few seconds, and when the block ends or fails.

    `epoch`: that of the newest checkpoint on disk, 0 before the first.
    """

    def __init__(self, writer: RunWriter) -> None:
        self.writer = writer
        self.epoch = 0
        self._copy: tuple[list[DataclassInstance], Arrays] | None = None
        self._due = time.monotonic() + _EVERY_S

    def take(self, state: Trainable, history: "Sequence[DataclassInstance]") -> None:
        """Copy the state after an epoch. `history`: one dataclass an epoch, of numbers and None."""
        self._copy = [*history], state.arrays()
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
                raise  # else the first error is raised

    def _write(self) -> None:
        if self._copy is not None:
            start, (history, state) = time.monotonic(), self._copy
            rows = json.dumps([asdict(row) for row in history])  # floats are read back bit for bit
            arrays = {"history": np.array(rows), **{f"state/{name}": array for name, array in state.items()}}
            self.writer.write_arrays(CHECKPOINT, arrays)
            self.writer.keep, self.epoch, self._copy = True, len(history), None
            # A large state takes long to write: at most a tenth of the time is spent on it.
            self._due = start + max(_EVERY_S, 10 * (time.monotonic() - start))


def checkpoint_history(arrays: Mapping[str, Array]) -> list[JsonObject]:
    """The history in a checkpoint, one mapping an epoch."""
    return list(json.loads(str(arrays["history"])))


def checkpoint_state(arrays: Mapping[str, Array]) -> Arrays:
    """The part of a checkpoint that `Trainable.load` takes."""
    return {name.removeprefix("state/"): array for name, array in arrays.items() if name.startswith("state/")}

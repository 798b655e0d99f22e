"""Phases: what each part of a training cost, for run.json."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Phase:
    """One phase: how long it took, how many rows went through it, and the most memory that was in use until its end.

    rows: rows of the data; in training windows, once an epoch; None for a phase that handles none.
    peak_bytes: the largest resident memory of the process so far, so it never falls from phase to phase; None where the
        system does not tell.
    """

    seconds: float = 0.0
    rows: int | None = None
    peak_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, rows a second among them."""
        speed = None if self.rows is None else round(self.rows / max(self.seconds, 1e-6))
        return {
            "seconds": round(self.seconds, 3),
            "rows": self.rows,
            "rows_per_second": speed,
            "peak_bytes": self.peak_bytes,
        }


@dataclass
class Phases:
    """The phases by name, in the order of their first use."""

    done: dict[str, Phase] = field(default_factory=dict)

    @contextlib.contextmanager
    def __call__(self, name: str, *, rows: int | None = None) -> Iterator[Phase]:
        """Measures what runs inside; `rows` may be told there too."""
        phase, began = Phase(rows=rows), time.perf_counter()
        yield phase
        phase.seconds, phase.peak_bytes = time.perf_counter() - began, peak_bytes()
        self.done[name] = phase

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Plain values by phase."""
        return {name: phase.to_json() for name, phase in self.done.items()}


def peak_bytes() -> int | None:
    """The largest resident memory that this process has had (getrusage's ru_maxrss); None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

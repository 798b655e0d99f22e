"""Time, rows and memory of each phase of a training, for run.json."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rnnfc.plain import JsonObject


@dataclass
class Phase:
    """One phase: its duration, how many rows it processed, and the peak memory until its end.

    rows: rows of the data; in training windows times epochs; None for a phase that processes none.
    peak_bytes: the largest resident memory of the process so far, so it never falls from phase to phase; None on Windows.
    """

    seconds: float = 0.0
    rows: int | None = None
    peak_bytes: int | None = None

    def to_json(self) -> JsonObject:
        """Plain values, with the rows per second."""
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

    finished: dict[str, Phase] = field(default_factory=dict)

    @contextlib.contextmanager
    def __call__(self, name: str, *, rows: int | None = None) -> Iterator[Phase]:
        """Measure the block; it may set `rows` itself. A block that fails is not recorded."""
        phase, start = Phase(rows=rows), time.perf_counter()
        yield phase
        phase.seconds, phase.peak_bytes = time.perf_counter() - start, peak_bytes()
        self.finished[name] = phase

    def to_json(self) -> JsonObject:
        """Plain values by phase."""
        return {name: phase.to_json() for name, phase in self.finished.items()}


def peak_bytes() -> int | None:
    """The largest resident memory that this process has had (getrusage's ru_maxrss); None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

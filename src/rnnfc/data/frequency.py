"""The distance between two rows: inferred from a time axis, named for people, continued past the end."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

# datetime64[us], int64 or float64
Times = npt.NDArray[Any]

_SECOND = 1_000_000  # times are datetime64[us]
_MONTH_NAMES = {1: "monthly", 3: "quarterly", 12: "yearly"}
_UNITS = (("day", 86_400 * _SECOND), ("hour", 3_600 * _SECOND), ("minute", 60 * _SECOND), ("second", _SECOND), ("microsecond", 1))
_NAMES = {"day": "daily", "hour": "hourly", "minute": "every minute", "second": "every second"}
# Times typed as decimals (0.1, 0.2, ...) are equally spaced up to rounding.
_NUMBER_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Frequency:
    """`size` units from one row to the next; `rows` means that the distance in time is not known (trading days)."""

    unit: Literal["month", "month_end", "microsecond", "number", "rows"]
    size: float

    def __str__(self) -> str:
        if self.unit in ("month", "month_end"):
            return _MONTH_NAMES.get(int(self.size), f"every {self.size:g} months")
        if self.unit == "microsecond":
            name, length = next((name, length) for name, length in _UNITS if self.size % length == 0)
            count = int(self.size // length)
            return _NAMES.get(name, f"every {name}") if count == 1 else f"every {count} {name}s"
        return "row by row" if self.unit == "rows" else f"every {self.size:g}"

    def after(self, last: Times, *, steps: int) -> Times | None:
        """The times [steps] of the rows after `last` (an array with one time); None where times past the end are not known."""
        count = np.arange(1, steps + 1)
        end = last[-1]
        if self.unit == "rows":
            return None
        if self.unit == "number":
            return np.asarray(end + count * (int(self.size) if last.dtype.kind == "i" else self.size))
        if self.unit == "microsecond":
            return np.asarray(end + count * np.timedelta64(int(self.size), "us"))
        month = end.astype("datetime64[M]")
        months = month + count * int(self.size)
        if self.unit == "month_end":
            return np.asarray(_next_month(months) - (_next_month(month) - end))
        return np.asarray(months.astype("datetime64[us]") + (end - month))

    def positions(self, times: Times) -> npt.NDArray[np.float64]:
        """Steps from the first time to each, [row]; whole numbers on a regular axis, gaps as jumps."""
        if self.unit in ("month", "month_end"):
            months = times.astype("datetime64[M]").astype(np.int64)
            return np.asarray((months - months[0]) / self.size)
        distance = (times - times[0]).astype(np.int64) if times.dtype.kind == "M" else times - times[0]
        return np.asarray(distance / self.size, dtype=np.float64)

    @classmethod
    def infer(cls, times: Times) -> Self:
        """The commonest distance between neighbours, in months where the day of the month stays (the last, or one up to 28).

        Args:
            times: strictly increasing, at least two.
        """
        if times.dtype.kind != "M":
            size = _commonest(np.round(np.diff(times), 9))
            return cls(unit="number", size=float(size))
        months = times.astype("datetime64[M]")
        if len(np.unique(months)) == len(months):
            unit: Literal["month", "month_end"] | None = None
            if len(np.unique(times - months)) == 1:
                unit = "month"
            elif len(np.unique(_next_month(months) - times)) == 1:
                unit = "month_end"
            if unit is not None:
                return cls(unit=unit, size=float(_commonest(np.diff(months).astype(np.int64))))
        return cls(unit="microsecond", size=float(_commonest(np.diff(times).astype(np.int64))))


def is_whole(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether each position lies on the grid, [row]."""
    return np.abs(positions - np.round(positions)) <= _NUMBER_TOLERANCE * np.maximum(1.0, np.abs(positions))


def _next_month(months: Any) -> Any:
    return (months.astype("datetime64[M]") + 1).astype("datetime64[us]")


def _commonest(distances: npt.NDArray[Any]) -> float:
    values, counts = np.unique(distances, return_counts=True)
    return float(values[np.argmax(counts)])

"""Frequency: the step from one row to the next, inferred from a time axis and continued past its end."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

# One time, and an array of times: datetime64[us], int64 or float64.
Time: TypeAlias = np.datetime64 | np.integer | np.floating
Times = npt.NDArray[Any]

_SECOND = 1_000_000  # times are datetime64[us]
_MONTH_NAMES = {1: "monthly", 3: "quarterly", 12: "yearly"}
_UNITS = (
    ("day", 86_400 * _SECOND),
    ("hour", 3_600 * _SECOND),
    ("minute", 60 * _SECOND),
    ("second", _SECOND),
    ("microsecond", 1),
)
_NAMES = {"day": "daily", "hour": "hourly", "minute": "every minute", "second": "every second"}
# Times written as decimals (0.1, 0.2, ...) are equally spaced up to rounding: the error of one step, and of all steps together.
_STEP_ERROR, _LARGEST_DRIFT = 1e-6, 0.25
_LARGEST_POSITION = 2.0**53  # beyond it neighbouring rows are the same float64
_LARGEST_DISTANCE = 2**63 - 1  # of two whole numbers; the difference of an int64 overflows beyond it
_PART_ROWS = 2**16  # fit into a processor's cache
_DAY = np.timedelta64(1, "D")
_SHORTEST_MONTH = 28 * _DAY
_LONGEST_MONTH, _HALF_MONTH = 31 * _DAY, 14 * _DAY


@dataclass(frozen=True, kw_only=True)
class Frequency:
    """`size` units from one row to the next; unit `rows`: the times are irregular (trading days), each row is one step.

    Business days are Monday to Friday, whatever the holidays.
    """

    unit: Literal["month", "month_end", "business_day", "microsecond", "number", "rows"]
    size: float

    def __str__(self) -> str:
        if self.unit in ("month", "month_end"):
            return _MONTH_NAMES.get(int(self.size), f"every {self.size:g} months")
        if self.unit == "microsecond":
            name, length = next((name, length) for name, length in _UNITS if self.size % length == 0)
            if length == 1 and self.size > _SECOND:
                return f"every {Decimal(int(self.size)) / _SECOND:f} seconds"
            count = int(self.size // length)
            return _NAMES.get(name, f"every {name}") if count == 1 else f"every {count} {name}s"
        if self.unit == "business_day":
            return "business days"
        return "spacing ignored" if self.unit == "rows" else f"every {self.size:g}"

    @property
    def has_dates(self) -> bool:
        """Whether it is of dates; rows have no step."""
        return self.unit in ("month", "month_end", "business_day", "microsecond")

    @property
    def is_daily(self) -> bool:
        """Whether it is one day."""
        return self.unit == "microsecond" and self.size == _DAY / np.timedelta64(1, "us")

    def next_times(self, last: Times, *, steps: int) -> Times | None:
        """The times [steps] after `last`, an array with one time; None for unit `rows`, whose next times are unknown."""
        count = np.arange(1, steps + 1)
        end = last[-1]
        if self.unit == "rows":
            return None
        if self.unit == "number":
            is_whole = last.dtype.kind == "i" and float(self.size).is_integer()
            return np.asarray(end + count * (int(self.size) if is_whole else self.size))
        if self.unit == "microsecond":
            return np.asarray(end + count * np.timedelta64(int(self.size), "us"))
        if self.unit == "business_day":
            day = end.astype("datetime64[D]")
            return np.asarray(
                np.busday_offset(day, count, roll="preceding").astype("datetime64[us]") + (end - day)
            )
        month = end.astype("datetime64[M]")
        months = month + count * np.timedelta64(int(self.size), "M")
        if self.unit == "month_end":
            return np.asarray(_next_month(months) - (_next_month(month) - end))
        # In a month without a 30th, the 30th becomes the last day.
        return np.asarray(
            np.minimum(
                months.astype("datetime64[us]") + (end - month),
                _next_month(months) - _DAY + (end - month) % _DAY,
            )
        )

    def find_irregular_row(self, times: Times) -> int | None:
        """The first row that is not a whole number of steps after the first row, or is on the same step as the row before it."""
        if self.unit in ("number", "microsecond") and _constant_step(times) == self.size:
            return None
        previous = -1.0
        for start in range(0, len(times), _PART_ROWS):
            steps, on_grid = self.steps(times[start : start + _PART_ROWS], first=times[0])
            on_grid[0] &= steps[0] > previous
            on_grid[1:] &= steps[1:] > steps[:-1]
            if not on_grid.all():
                return start + int(np.argmin(on_grid))
            previous = steps[-1]
        return None

    def steps(self, times: Times, *, first: Time) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Whole steps from `first` to each time, [row], and whether the time is on the grid, up to rounding, [row]."""
        positions = self.positions(times, first=first)
        whole, drift = np.round(positions), np.zeros(1)
        if self.unit == "number":  # decimals are rounded, so their steps drift; dates are exact
            drift = np.maximum(
                _STEP_ERROR * np.maximum(1.0, np.abs(positions)),
                _rounding(np.append(first, times)) / self.size,
            )
        on_grid = np.abs(positions - whole) <= np.minimum(drift, _LARGEST_DRIFT)
        return whole, on_grid & (np.abs(positions) < _LARGEST_POSITION)

    def has_month_convention(self, times: Times, *, reference: Time | None = None) -> bool:
        """Whether dated rows stand where this frequency expects them in a month: at month ends, or on one day of the month.

        Steps count months alone, so month ends would pass for month starts and be continued by the other rule. True for
        frequencies that are not in months.

        Args:
            reference: a time that shows the convention: of the same series, e.g. its last row at training, or of another one
                where this frequency is of month ends; None: `times` alone.
        """
        if self.unit not in ("month", "month_end") or times.dtype.kind != "M":
            return True
        months = times.astype("datetime64[M]")
        if self.unit == "month_end":
            to_end = _next_month(months) - times
            expected = (
                to_end[0] if reference is None else _next_month(reference.astype("datetime64[M]")) - reference
            )
            return bool((to_end == expected).all() and expected < _HALF_MONTH)
        is_last_day = _next_month(months) - times <= _DAY
        if reference is None:
            into_month = np.unique(times - months)
            # The 29th and the 30th, where they are last days, are month ends: the same day of other months is none.
            is_end = is_last_day.all() and _SHORTEST_MONTH <= into_month[0] < _LONGEST_MONTH - _DAY
            return len(into_month) == 1 and not is_end
        into_month = reference - reference.astype("datetime64[M]")
        return bool(
            ((times - months == into_month) | (is_last_day & (into_month >= _SHORTEST_MONTH - _DAY))).all()
        )

    def positions(self, times: Times, *, first: Time | None = None) -> npt.NDArray[np.float64]:
        """Steps from `first` (None: the first time) to each time, [row]; whole numbers on a regular axis, gaps are jumps."""
        start = times[:1] if first is None else np.asarray(first)
        if self.unit in ("month", "month_end"):
            months = times.astype("datetime64[M]").astype(np.int64)
            return np.asarray((months - start.astype("datetime64[M]").astype(np.int64)) / self.size)
        if self.unit == "business_day":
            days, start_day = times.astype("datetime64[D]"), start.astype("datetime64[D]")
            # Weekends and other times of day lie between the steps.
            between = 0.5 * ~np.is_busday(days) + ((times - days) - (start - start_day)) / _DAY
            return np.asarray(np.busday_count(start_day, days) + between)
        distance = (times - start).astype(np.int64) if times.dtype.kind == "M" else times - start
        return np.asarray(distance / self.size, dtype=np.float64)

    @classmethod
    def infer(cls, times: Times) -> Self:
        """The most common distance between neighbours; in months if every row has the same day of the month, up to the 28th, or
        as many days to its end, fewer than 14.

        Args:
            times: strictly increasing, at least two.
        """
        if times.dtype.kind == "f":
            distances = np.diff(times)
            # The median reorders the distances, which does not matter.
            digits = 9 - int(np.floor(np.log10(np.median(distances, overwrite_input=True))))
            return cls(unit="number", size=_refined(_most_common(np.round(distances, max(digits, 0))), times))
        step = _constant_step(times)
        if times.dtype.kind == "i":
            return cls(unit="number", size=step or _most_common(np.diff(times)))
        if step and step < _SHORTEST_MONTH.astype("timedelta64[us]").astype(np.int64):
            return cls(unit="microsecond", size=step)
        months = times.astype("datetime64[M]")
        unit = _month_unit(times, months) if (np.diff(months) > np.timedelta64(0, "M")).all() else None
        if unit is None:
            return cls(unit="microsecond", size=_most_common(np.diff(times).astype(np.int64)))
        return cls(unit=unit, size=_most_common(np.diff(months).astype(np.int64)))


def _rounding(times: Times) -> float:
    """The largest rounding error in the distance of two float64 times, which ascend."""
    return 0.0 if times.dtype.kind == "i" else 4 * float(np.spacing(np.abs(times[[0, -1]]).max()))


def _refined(size: float, times: Times) -> float:
    """`size`, a single rounded distance, replaced by the mean over all steps if both agree up to rounding."""
    rounding, span = _rounding(times), float(times[-1] - times[0])
    steps = round(span / size)
    if abs(steps * size - span) <= rounding or abs(span / steps - size) > _STEP_ERROR * size + rounding:
        return size
    digits = int(-np.log10(rounding / steps))
    return float(np.round(span / steps, digits)) if digits > 0 else span / steps


def _month_unit(times: Times, months: Times) -> Literal["month", "month_end"] | None:
    days, days_to_end = np.unique(times - months), np.unique(_next_month(months) - times)
    if len(days) == 1 and (days[0] < _SHORTEST_MONTH or days_to_end.max() > _DAY):
        return "month"
    return "month_end" if len(days_to_end) == 1 and days_to_end[0] < _HALF_MONTH else None


def _next_month(months: Times) -> Times:
    return (months.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[us]")


def _constant_step(times: Times) -> float | None:
    """The distance from each row to the next, in microseconds or as the numbers are; None unless all are equal bit by bit."""
    numbers = times.view(np.int64) if times.dtype.kind == "M" else times
    if len(numbers) < 2 or int(numbers[-1]) - int(numbers[0]) > _LARGEST_DISTANCE:
        return None
    step = numbers[1] - numbers[0]
    parts = (
        np.diff(numbers[start : start + _PART_ROWS + 1]) for start in range(0, len(numbers) - 1, _PART_ROWS)
    )
    return float(step) if all((part == step).all() for part in parts) else None


def _most_common(distances: Times) -> float:
    if distances.min() == distances.max():  # true for most axes, and saves sorting millions of rows
        return float(distances[0])
    values, counts = np.unique(distances, return_counts=True)
    return float(values[np.argmax(counts)])

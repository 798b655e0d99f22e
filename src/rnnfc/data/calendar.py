"""CALENDAR: where a time stands in its day, week, month or year, as the sine and cosine of its way round the circle."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times

Floats = npt.NDArray[np.float64]

_MONDAY = np.datetime64("1970-01-05", "D")


def _share(time: Times, unit: Literal["h", "D", "M", "Y"]) -> Floats:
    """How much of the `unit` that each time stands in has gone by, from 0 to below 1."""
    first = time.astype(f"datetime64[{unit}]")
    length = (first + np.timedelta64(1, unit)).astype(time.dtype) - first.astype(time.dtype)
    return np.asarray((time - first.astype(time.dtype)) / length)


# The way round the circle by name, from datetime64[us][row] to [row]; weeks begin on Monday, a month is one of twelve.
CALENDAR: dict[str, Callable[[Times], Floats]] = {
    "minute": lambda time: _share(time, "h"),
    "hour": lambda time: _share(time, "D"),
    "weekday": lambda time: (time.astype("datetime64[D]") - _MONDAY).astype(np.int64) % 7 / 7,
    "day": lambda time: _share(time, "M"),
    "day_of_year": lambda time: _share(time, "Y"),
    "month": lambda time: time.astype("datetime64[M]").astype(np.int64) % 12 / 12,
}


def names(features: tuple[str, ...]) -> tuple[str, ...]:
    """The channels of `features`: two each."""
    return tuple(f"{feature} {part}" for feature in features for part in ("sin", "cos"))


def values(time: Times, features: tuple[str, ...]) -> Floats:
    """[row, channel] from -1 to 1, channels as in `names`, for datetime64 [row]."""
    turns = [2 * np.pi * CALENDAR[feature](time) for feature in features]
    return np.column_stack([part(turn) for turn in turns for part in (np.sin, np.cos)])

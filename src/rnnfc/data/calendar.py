"""TIME_FEATURES: the position of a time within its hour, day, week, month or year, as sine and cosine."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.data.time_zone import to_local

_MONDAY = np.datetime64("1970-01-05", "D")


def _elapsed(time: Times, unit: Literal["h", "D", "M", "Y"]) -> Floats:
    """The share of the current `unit` that has elapsed at each time, from 0 to below 1."""
    start = time.astype(f"datetime64[{unit}]")
    length = (start + np.timedelta64(1, unit)).astype(time.dtype) - start.astype(time.dtype)
    return np.asarray((time - start.astype(time.dtype)) / length)


# Phase from 0 to below 1, datetime64[us][row] -> [row]; a week begins on Monday, a month is one of twelve.
TIME_FEATURES: dict[str, Callable[[Times], Floats]] = {
    "minute": lambda time: _elapsed(time, "h"),
    "hour": lambda time: _elapsed(time, "D"),
    "weekday": lambda time: (time.astype("datetime64[D]") - _MONDAY).astype(np.int64) % 7 / 7,
    "day": lambda time: _elapsed(time, "M"),
    "day_of_year": lambda time: _elapsed(time, "Y"),
    "month": lambda time: time.astype("datetime64[M]").astype(np.int64) % 12 / 12,
}


def feature_names(features: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the channels: two for each feature."""
    return tuple(f"{feature} {part}" for feature in features for part in ("sin", "cos"))


def encode_times(time: Times, features: tuple[str, ...], *, zone: str = "") -> Floats:
    """[row, channel] from -1 to 1, channels as in `feature_names`, for datetime64 [row].

    Args:
        zone: time zone whose clock counts, where `time` is in UTC; empty: `time` is by the clock that counts.
    """
    if zone:
        time = to_local(time, zone)
    angles = [2 * np.pi * TIME_FEATURES[feature](time) for feature in features]
    return np.column_stack([part(angle) for angle in angles for part in (np.sin, np.cos)])

"""Weekends, and where local clocks change: a guess for messages, without a time zone."""

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times

_SATURDAY, _SUNDAY, _MONDAY = 5, 6, np.datetime64("1970-01-05", "D")
# Daylight saving time begins and ends in these months, from Europe to Chile and New Zealand, at these hours.
_MONTHS, _LAST_HOUR = (3, 4, 9, 10, 11), 3
HOUR = np.timedelta64(1, "h")


def is_weekend(times: Times) -> npt.NDArray[np.bool_]:
    """Whether each date is a Saturday or a Sunday, [row]."""
    return _weekday(times) >= _SATURDAY


def is_clock_change(times: Times) -> npt.NDArray[np.bool_]:
    """Whether each date is in a Sunday night on which daylight saving time may begin or end somewhere, [row]."""
    if times.dtype.kind != "M":
        return np.zeros(times.shape, dtype=np.bool_)
    month = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    is_night = times - times.astype("datetime64[D]") <= _LAST_HOUR * HOUR
    return np.asarray((_weekday(times) == _SUNDAY) & np.isin(month, _MONTHS) & is_night)


def _weekday(times: Times) -> npt.NDArray[np.int64]:
    return np.asarray((times.astype("datetime64[D]") - _MONDAY).astype(np.int64) % 7)

"""What times look like that do not ascend: sorting does not help where a clock goes back or a column holds half of the time."""

import numpy as np

from rnnfc.data.clock_change import HOUR, is_clock_change
from rnnfc.data.frequency import Times

# Fewer rows do not show that each time stands on several of them.
_MIN_ROWS = 4


def clock_hint(time: Times, row: int, *, is_local: bool) -> str | None:
    """What to do where a clock goes back or a year stands among months; None: neither is the case.

    Args:
        row: the first that is not after the one before it.
        is_local: whether times are those of a clock, without a UTC offset.
    """
    is_night = is_local and bool(is_clock_change(time[row : row + 1]).all())
    if is_night and time[row - 1] - time[row] < HOUR and np.median(np.diff(time)) <= HOUR:
        return (
            "clocks go back there at the end of daylight saving time: set data.time_zone, e.g. Europe/Madrid, or write the times "
            "in UTC"
        )
    if time.dtype.kind == "i" and time[row] == time[row - 1] // 100:
        return f"{time[row]} looks like a year among months, such as a total: remove these rows"
    return None


def shared_times_hint(time: Times, row: int, *, has_series: bool) -> str | None:
    """What to do where many rows share their times, so that sorting does not help; None: they do not.

    Args:
        row: the first that is not after the one before it.
        has_series: whether a column names the series.
    """
    num_times = len(np.unique(time))
    are_shared = 2 * num_times <= len(time) if time[row] == time[row - 1] else num_times < len(time)
    if len(time) < _MIN_ROWS or not are_shared:
        return None
    series = "" if has_series else ", or set data.kind: long and data.series if it names a series"
    times = "time" if num_times == 1 else "times"
    return (
        f"{len(time):,} rows share {num_times:,} {times}: if another column has the rest of the time, such as the hour, list "
        f"both in data.time{series}; or keep rows of one kind"
    )

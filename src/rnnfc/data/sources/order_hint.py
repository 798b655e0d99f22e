"""What times look like that do not ascend: sorting does not help where a clock goes back or a column holds half of the time."""

import numpy as np

from rnnfc.data.clock_change import HOUR, is_clock_change
from rnnfc.data.frequency import Times

# Fewer rows do not show that each time stands on several of them.
_MIN_ROWS = 4


def order_hint(time: Times, row: int, *, has_series: bool) -> str | None:
    """What to do where times look like more than rows in a wrong order or a repeated row; None: they do not.

    Args:
        row: the first that is not after the one before it.
        has_series: whether a column names the series.
    """
    if (
        is_clock_change(time[row : row + 1]).all()
        and time[row - 1] - time[row] < HOUR
        and np.median(np.diff(time)) <= HOUR
    ):
        return "clocks go back there at the end of daylight saving time: write the times in UTC"
    if time.dtype.kind == "i" and time[row] == time[row - 1] // 100:
        return f"{time[row]} looks like a year among months, such as a total: remove these rows"
    num_times = len(np.unique(time))
    is_doubled = 2 * num_times <= len(time) if time[row] == time[row - 1] else num_times < len(time)
    if len(time) < _MIN_ROWS or not is_doubled:
        return None
    series = "" if has_series else ", or set data.kind: long and data.series if it names a series"
    times = "time" if num_times == 1 else "times"
    return (
        f"{len(time):,} rows share {num_times:,} {times}: if another column has the rest of the time, such as the hour, write "
        f"both in one{series}; or keep rows of one kind"
    )

"""Years that a time format may have read otherwise than they were meant, for a note."""

import numpy as np

from rnnfc.data.frequency import Times
from rnnfc.data.panel import format_time

# A year ahead may be rows to be forecast; a wrong century is 100 years ahead.
_AHEAD = np.timedelta64(366, "D")
_DEFAULT_YEAR = np.datetime64("1900", "Y")


def note_years(times: Times, time_format: str | None, *, date: np.datetime64) -> tuple[str, ...]:
    """A note on years of two digits that lie in the future, and on a format without a year.

    Args:
        times: [row]. time_format: strptime format of dates; None: they are ISO 8601, or numbers. date: today.
    """
    if time_format is None or times.dtype.kind != "M":
        return ()
    if "%y" in time_format and times.max() > date + _AHEAD:
        return (
            f"{format_time(times.max())} lies in the future: %y of data.time_format reads 00 to 68 as 2000 to 2068, 69 to 99 as "
            "1969 to 1999; write years with four digits",
        )
    if (times.astype("datetime64[Y]") == _DEFAULT_YEAR).all() and "%Y" not in time_format:
        return (
            f"data.time_format {time_format!r} has no year, so all times are in 1900; write times with a year",
        )
    return ()

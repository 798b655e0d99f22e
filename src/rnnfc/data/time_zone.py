"""Local clocks of a time zone and instants in UTC; a local hour in autumn is there twice, one in spring is not there."""

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times


def to_local(instants: Times, zone: str) -> Times:
    """The times on the clock of `zone`, datetime64[us]."""
    import pandas as pd

    local = pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return local.to_numpy(dtype="datetime64[us]")


def to_instants(local: Times, zone: str) -> tuple[Times, npt.NDArray[np.bool_]]:
    """The instants of times on the clock of `zone`, datetime64[us] in UTC, and which of them the clock leaves out.

    An hour that the clock has twice is told apart by the order of the rows: it is the first until the times go back.

    02:00, 02:30, 02:00, 02:30, 03:00 of 2024-10-27 in Madrid are 00:00, 00:30, 01:00, 01:30, 02:00 in UTC.

    Args:
        local: [row], ascending or descending but for that hour.
    """
    import pandas as pd

    is_descending = len(local) > 1 and local[-1] < local[0]
    clock = pd.DatetimeIndex(local[::-1] if is_descending else local)
    is_summer = np.ones(len(local), dtype=np.bool_)
    doubtful = clock.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    rows = np.flatnonzero(doubtful)
    times = clock.to_numpy()
    for first, end in _runs(rows):
        back = np.flatnonzero(times[first + 1 : end] <= times[first : end - 1])
        if len(back):
            is_summer[first + 1 + back[0] : end] = False
    zoned = clock.tz_localize(zone, ambiguous=is_summer, nonexistent="NaT")
    left_out = np.asarray(zoned.isna())
    instants = zoned.tz_convert("UTC").tz_localize(None).to_numpy(dtype="datetime64[us]")
    return (instants[::-1], left_out[::-1]) if is_descending else (instants, left_out)


def _runs(rows: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """First and end of each run of consecutive rows."""
    if not len(rows):
        return []
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts]

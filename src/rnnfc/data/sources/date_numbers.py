"""Whole numbers that are dates without separators, such as 202409, 20240901 or 202409010830."""

import numpy as np

from rnnfc.data.frequency import Times

# Digits of the number, and the strptime format that reads it.
_FORMATS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
# Seconds since 1970 are numbers of ten digits too; those of this century begin below 1900.
_YEARS = (1900, 2199)
# Of hours, minutes and seconds.
_CLOCK = (24, 60, 60)


def find_date_format(times: Times) -> str | None:
    """The strptime format by which every number is a date of the years 1900 to 2199; None if one of them is not.

    find_date_format([202411, 202412, 202501]) is "%Y%m"; of [202411, 202412, 202413] it is None.

    Args:
        times: [row], at least one.
    """
    if times.dtype.kind not in "if" or not (times >= 0).all():
        return None
    digits = len(f"{times.max():.0f}")
    if digits not in _FORMATS or len(f"{times.min():.0f}") != digits:
        return None
    numbers = times.astype(np.int64)
    if not (numbers == times).all():
        return None
    year, month = numbers // 10 ** (digits - 4), numbers // 10 ** (digits - 6) % 100
    is_date = (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (month <= 12)
    if digits > 6 and is_date.all():
        first = (year * 12 + month - 1 - 1970 * 12).astype("datetime64[M]")
        day = numbers // 10 ** (digits - 8) % 100
        is_date = (day >= 1) & ((first.astype("datetime64[D]") + day - 1).astype("datetime64[M]") == first)
        for place, limit in zip(range(10, digits + 1, 2), _CLOCK, strict=False):
            is_date &= numbers // 10 ** (digits - place) % 100 < limit
    return _FORMATS[digits] if is_date.all() else None

"""Numbers in a time column that are dates: their unit, and the dates."""

import numpy as np

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.data.sources.columns import TimeUnit
from rnnfc.data.sources.origin import Origin
from rnnfc.errors import DataError

UNIT_NAMES: dict[TimeUnit, str] = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "excel_days": "days as Excel does",
    "years": "years",
}
# Microseconds of a unit.
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_EXCEL_START = np.datetime64("1899-12-30", "us")  # day 0: Excel counts a 29 February 1900, which was none
# Digits of a number that is likely to count a part of a second since 1970, and its unit.
_DIGITS: dict[int, TimeUnit] = {10: "s", 13: "ms", 16: "us", 19: "ns"}
_FIRST_YEAR, _LAST_YEAR = 1990, 2040
# Excel counts the days of 1954 to 2064.
_EXCEL_DAYS = (20_000, 60_000)


def from_unit(numbers: Times, unit: TimeUnit, origin: Origin) -> tuple[Times, str]:
    """Dates from numbers with a unit, datetime64[us][row], and their UTC offset, which is empty where none is known.

    Raises:
        DataError: a number is beyond the years 1000 to 8999.
    """
    values = numbers.astype(np.float64)
    if unit == "years":
        return _from_years(values, origin), ""
    if unit == "excel_days":
        # The fraction of a day is rounded to the second: 45292.0416667 is one o'clock.
        micros, start = np.round(values * 86_400) * 1_000_000, _EXCEL_START
    else:
        start = np.datetime64("1970-01-01", "us")
        if numbers.dtype.kind == "i":
            micros = numbers // 1000 if unit == "ns" else numbers.astype(np.float64) * _UNITS[unit]
        else:
            micros = np.round(values / 1000 if unit == "ns" else values * _UNITS[unit])
    wrong = np.flatnonzero(~(np.abs(micros.astype(np.float64)) < 2.2e17))  # the years 1000 to 8999
    if len(wrong):
        row = wrong[0]
        raise DataError(
            f"{origin.locate(row)}: the time {numbers[row]:g} with data.time_unit: {unit} is not in the years 1000 to 8999; "
            "correct the row, or change time_unit"
        )
    return np.asarray(start + micros.astype(np.int64).astype("timedelta64[us]")), (
        "" if unit == "excel_days" else "+00:00"
    )


def _from_years(values: Floats, origin: Origin) -> Times:
    """Years with decimals as months, quarters or years, by the step from row to row, or as days."""
    wrong = np.flatnonzero(~((values >= 1000) & (values < 9000)))
    if len(wrong):
        raise DataError(
            f"{origin.locate(wrong[0])}: the time {values[wrong[0]]:g} is no year from 1000 to 8999; correct the row, or change "
            "data.time_unit"
        )
    steps = np.diff(values) if len(values) > 1 else np.ones(1)
    per_year = round(1 / max(float(np.median(np.abs(steps))), 1e-3))
    year = np.floor(values)
    if per_year in (1, 2, 4, 12):
        # 1990.0833 begins February, 1990.042 is the middle of January.
        places = (values - year) * per_year
        near_start = np.abs(places - np.round(places)) < 0.1
        place = np.where(near_start, np.round(places), np.floor(places)).astype(np.int64)
        months = (year.astype(np.int64) - 1970) * 12 + place * (12 // per_year)
        return np.asarray(months.astype("datetime64[M]").astype("datetime64[us]"))
    first = (year.astype(np.int64) - 1970).astype("datetime64[Y]")
    length = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    day = np.floor((values - year) * length + 1e-6 + 0.01).astype(np.int64)
    return np.asarray((first.astype("datetime64[D]") + day).astype("datetime64[us]"))


def find_unit(times: Times) -> TimeUnit | None:
    """The unit that numbers in a time column are likely to have; None if they are no likely dates."""
    if times.dtype.kind not in "if" or not len(times):
        return None
    low, high = float(times.min()), float(times.max())
    digits = len(f"{high:.0f}")
    if low > 0 and digits in _DIGITS and len(f"{low:.0f}") == digits:
        years = [1970 + edge / 10 ** (digits - 10) / 31_556_952 for edge in (low, high)]
        return _DIGITS[digits] if years[0] >= _FIRST_YEAR and years[1] < _LAST_YEAR else None
    return "excel_days" if _EXCEL_DAYS[0] <= low and high <= _EXCEL_DAYS[1] else None

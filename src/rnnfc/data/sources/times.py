"""Cells as times: dates, or numbers; the first cell that is neither is named with its place."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times
from rnnfc.data.panel import FIRST_DATE, LAST_DATE
from rnnfc.data.sources.columns import NUMBER, ColumnsSpec, FileSpec, TimeUnit
from rnnfc.data.sources.csv_text import MAX_FOOTER
from rnnfc.data.sources.date_numbers import is_digits, padded_width
from rnnfc.data.sources.numbers import as_numbers, as_text
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.time_columns import read_periods
from rnnfc.data.sources.units import from_unit
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Largest number in a time column, nanoseconds since 1970 at most; the distance of two whole numbers below the second is exact.
_LARGEST_TIME, _LARGEST_WHOLE_TIME = 2.0**63, 2**62
# The UTC offset at the end of a time of day.
_OFFSET = r"[T ]\d.*?(Z|[+-]\d\d(?::?\d\d)?)$"
# 24:00, the end of a day.
_MIDNIGHT = r"(?<=[T ])24(?=:00(?::00)?$)"
# Common date formats to propose, and the number of cells that are tried.
_DAYS = (
    *(
        order.replace(" ", mark)
        for mark in "./-"
        for order in ("%d %m %Y", "%m %d %Y", "%d %m %y", "%m %d %y", "%y %m %d")
    ),
    *(
        order.replace(" ", mark)
        for mark in " -"
        for order in ("%d %b %Y", "%d %b %y", "%d %B %Y", "%b %Y", "%b %y", "%B %Y")
    ),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MAX_TRIED = 1000


def plain_times(column: "pd.Series") -> Times | None:
    """datetime64[us][row], or numbers; None if a cell is neither, or the column has to be read as text."""
    if column.dtype.kind == "i":
        is_small = column.min() >= -_LARGEST_WHOLE_TIME and column.max() <= _LARGEST_WHOLE_TIME
        return column.to_numpy() if is_small else None
    if column.dtype.kind == "f":
        return column.to_numpy() if (column.abs() < _LARGEST_TIME).all() else None
    if column.dtype.kind != "M" or column.dt.tz is not None or column.isna().any():
        return None
    dates = column.to_numpy(dtype="datetime64[us]")
    return dates if dates.min() >= FIRST_DATE and dates.max() < LAST_DATE else None


def as_whole_numbers(numbers: npt.NDArray[np.float64]) -> Times:
    """As int64 if that loses nothing."""
    is_exact = np.abs(numbers).max() < 2**53 and (numbers == np.round(numbers)).all()
    return numbers.astype(np.int64) if is_exact else numbers


def read_times(
    column: "pd.Series", spec: ColumnsSpec, origin: Origin, *, is_typed: bool
) -> tuple[Times, str]:
    """The times [row] in a column, and their UTC offset, which is empty where none is known."""
    if column.dtype.kind == "M":
        return _dates(column, origin)
    if spec.time_unit is not None:
        return _from_unit(column, spec.time_unit, spec, origin)
    # A format reads whole numbers such as 20240131 as dates.
    if is_typed and spec.date_format is None:
        times = plain_times(column)
        if times is not None:
            return times, ""
    text, offset = _without_offset(as_text(column), spec, origin)
    if spec.date_format is not None:
        text = _complete_digits(text, spec.date_format)
    is_midnight = text.str.contains(_MIDNIGHT, regex=True).to_numpy(dtype=bool)
    if not is_midnight.any():
        return _times(text, spec, origin), offset
    times = _times(text.str.replace(_MIDNIGHT, "00", regex=True), spec, origin)
    return times + is_midnight * np.timedelta64(1, "D") if times.dtype.kind == "M" else times, offset


def _from_unit(column: "pd.Series", unit: TimeUnit, spec: ColumnsSpec, origin: Origin) -> tuple[Times, str]:
    """Dates from the numbers of a time column, and their UTC offset."""
    is_number = column.dtype.kind in "iuf"
    numbers = column if is_number else as_numbers(as_text(column), spec)
    wrong = np.flatnonzero(numbers.isna().to_numpy())
    if len(wrong):
        row = wrong[0]
        if column.isna().iloc[row] or column.iloc[row] == "":
            raise _missing_time(column, row, origin)
        raise DataError(
            f"{origin.locate(row)}: {column.name}: {column.iloc[row]!r} is not a number; correct the row, or remove "
            "data.time_unit"
        )
    return from_unit(numbers.to_numpy(), unit, origin)


def _complete_digits(column: "pd.Series", time_format: str) -> "pd.Series":
    """Times of digits alone as `time_format` has them: 90101.0 is 090101 with %y%m%d. Other times stay as they are."""
    if not is_digits(time_format):
        return column
    whole = column.str.replace(r"(?<=\d)\.0+$", "", regex=True)
    return whole.str.zfill(padded_width(time_format)).where(whole != "", "")


def _dates(column: "pd.Series", origin: Origin) -> tuple[Times, str]:
    """The local times of a column of dates, and their UTC offset; empty where they have no time zone.

    Raises:
        DataError: a time is missing or out of range, or the offsets of a time zone differ.
    """
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise _missing_time(column, missing[0], origin)
    zoned = column.dt.tz is not None
    local = (column.dt.tz_localize(None) if zoned else column).to_numpy(dtype="datetime64[us]")
    _refuse_out_of_range(column, local, origin)
    if not zoned:
        return local, ""
    offsets = local - column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    first = _offset_text(offsets[0])
    differs = np.flatnonzero(offsets != offsets[0])
    if len(differs):
        row = differs[0]
        raise DataError(
            f"{origin.locate(row)}: {column.name}: {str(column.iloc[row])!r} has {_offset_text(offsets[row])}, the first row "
            f"has {first}. With daylight saving time, local hours are not equally spaced; convert the times to UTC (pandas: "
            '.dt.tz_convert("UTC")), or keep only the local dates of daily rows (.dt.tz_localize(None))'
        )
    return local, first


def _offset_text(offset: np.timedelta64) -> str:
    """A UTC offset such as +10:00, in whole minutes."""
    minutes = int(offset / np.timedelta64(1, "m"))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _missing_time(column: "pd.Series", row: np.intp, origin: Origin) -> DataError:
    return DataError(f"{origin.locate(row)}: {column.name}: missing time; add it, or remove the row")


def _without_offset(column: "pd.Series", spec: ColumnsSpec, origin: Origin) -> "tuple[pd.Series, str]":
    """The local times, and the UTC offset that all of them have, if the first has one."""
    offsets = column.str.extract(_OFFSET, expand=False).fillna("")
    first = offsets.iloc[0]
    differs = np.flatnonzero((offsets != first).to_numpy())
    if spec.date_format is not None or not (first or len(differs)):
        return column, ""
    if len(differs):
        missing = np.flatnonzero((column == "").to_numpy())
        if len(missing):
            raise _missing_time(column, missing[0], origin)
        row = differs[0]
        raise DataError(
            f"{origin.locate(row)}: {column.name}: {column.iloc[row]!r} has {offsets.iloc[row] or 'no UTC offset'}, "
            f"the first row has {first or 'none'}; write all times with one UTC offset. "
            "With daylight saving time, local hours are not equally spaced"
        )
    digits = "+0000" if first == "Z" else first.replace(":", "").ljust(5, "0")
    return column.str.slice(stop=-len(first)), f"{digits[:3]}:{digits[3:]}"


def _times(column: "pd.Series", spec: ColumnsSpec, origin: Origin) -> Times:
    """datetime64[us][row], or numbers where the cells are numbers (1, 2, 3 or 0.1, 0.2, 0.3)."""
    import pandas as pd

    numbers = np.full(len(column), np.nan)
    if spec.date_format is None:
        periods = read_periods(column, origin)
        if periods is not None:
            _refuse_out_of_range(column, periods, origin)
            return periods
        parsed = as_numbers(column, spec)
        if parsed.dtype.kind == "i" and parsed.between(-_LARGEST_WHOLE_TIME, _LARGEST_WHOLE_TIME).all():
            return parsed.to_numpy()
        numbers = parsed.to_numpy(dtype=np.float64)
        is_number = np.abs(numbers) < _LARGEST_TIME
        if is_number.all():
            return as_whole_numbers(numbers)
        if spec.time_format == NUMBER:
            row = np.argmin(is_number)
            raise DataError(
                f"{origin.locate(row)}: {column.name}: {column.iloc[row]!r} is not a number; correct the row, or change "
                f"data.time_format: {NUMBER}"
            )
    try:
        times = pd.to_datetime(column, format=spec.date_format or "ISO8601", errors="coerce")
        has_offset = times.dtype.kind != "M" or getattr(times.dt, "tz", None) is not None
    except ValueError:  # some rows with a UTC offset, some without; or an invalid format
        has_offset = spec.date_format is None or "%z" in spec.date_format
        if not has_offset:
            raise DataError(
                f"{origin.name}: data.time_format {spec.date_format!r} is not a strptime format; "
                "use one such as '%d/%m/%Y %H:%M'"
            ) from None
    if has_offset:
        raise DataError(
            f"{origin.locate(0)}: {column.name}: data.time_format cannot read a UTC offset; write ISO 8601 times and remove "
            "time_format"
        )
    _refuse_no_time(column, times, numbers, spec, origin)
    dates = times.to_numpy(dtype="datetime64[us]")
    _refuse_out_of_range(column, dates, origin)
    return dates


def _refuse_out_of_range(column: "pd.Series", dates: Times, origin: Origin) -> None:
    out_of_range = np.flatnonzero((dates < FIRST_DATE) | (dates >= LAST_DATE))
    if len(out_of_range):
        row = out_of_range[0]
        raise DataError(
            f"{origin.locate(row)}: {column.name}: {str(column.iloc[row])!r} is not in the years 1000 to 8999; correct the row"
        )


def _refuse_no_time(
    column: "pd.Series",
    times: "pd.Series",
    numbers: npt.NDArray[np.float64],
    spec: ColumnsSpec,
    origin: Origin,
) -> None:
    """Refuse the first cell of `column` that is not a time; `numbers` are its cells as numbers, NaN where they are none."""
    wrong = times.isna().to_numpy()
    if not wrong.any():
        return
    is_number = np.abs(numbers) < _LARGEST_TIME
    if spec.date_format:
        expected, hint = (
            f"in the format {spec.date_format!r}",
            "correct the row or change data.time_format",
        )
    elif is_number.mean() > 0.5:  # a column of numbers with a fault, not of dates
        wrong, expected, hint = ~is_number, "a number, and most of the times are numbers", "correct the row"
    else:
        expected = "an ISO 8601 time such as 2020-01-31 or 2020-01-31T09:30"
        hint = (
            f"set data.time_format{_likely_formats(column[:_MAX_TRIED])}"
            if wrong[0]
            else "correct the row (the rows before it are ISO 8601)"
        )
    row = np.flatnonzero(wrong)[0]
    if column.iloc[row] == "":
        raise _missing_time(column, row, origin)
    num_last = len(column) - int(row)
    if isinstance(spec, FileSpec) and wrong[row:].all() and num_last <= MAX_FOOTER and num_last <= row:
        hint = (
            f"set data.skip_footer: {num_last + spec.skip_footer} if the rows end above this line, or {hint}"
        )
    raise DataError(f"{origin.locate(row)}: {column.name}: {column.iloc[row]!r} is not {expected}; {hint}")


def _likely_formats(cells: "pd.Series") -> str:
    import pandas as pd

    formats = [f"{day}{clock}" for clock in _CLOCKS for day in _DAYS]
    likely = [text for text in formats if pd.to_datetime(cells, format=text, errors="coerce").notna().all()]
    return f": {' or '.join(map(repr, likely))}" if likely else ", e.g. '%d/%m/%Y'"

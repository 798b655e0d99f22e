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
_OFFSET = r"[T ]\d.*?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$"
_ENDS_WITH_OFFSET = r"[T ]\d.*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$"
_UTC_NAMES = ("Z", "UTC", "GMT")
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
    text, date_format = as_text(column), spec.date_format
    if date_format is not None and date_format.endswith("%z"):
        local_format = date_format.removesuffix("%z").rstrip()
        return _times_with_offset(text, spec.model_copy(update={"time_format": local_format}), origin)
    if date_format is not None:
        return _local_times(_complete_digits(text, date_format), spec, origin), ""
    if text.str.contains(_ENDS_WITH_OFFSET, regex=True).any():
        return _times_with_offset(text, spec, origin)
    return _local_times(text, spec, origin), ""


def _local_times(text: "pd.Series", spec: ColumnsSpec, origin: Origin) -> Times:
    """The times without UTC offset in text; 24:00 is midnight of the next day."""
    is_midnight = text.str.contains(_MIDNIGHT, regex=True).to_numpy(dtype=bool)
    if not is_midnight.any():
        return _times(text, spec, origin)
    times = _times(text.str.replace(_MIDNIGHT, "00", regex=True), spec, origin)
    return times + is_midnight * np.timedelta64(1, "D") if times.dtype.kind == "M" else times


def _times_with_offset(text: "pd.Series", spec: ColumnsSpec, origin: Origin) -> tuple[Times, str]:
    """The times in text that ends with a UTC offset, see `_at_one_offset`.

    Raises:
        DataError: a row has no offset.
    """
    offsets = text.str.extract(_OFFSET, expand=False)
    without = np.flatnonzero(offsets.isna().to_numpy())
    if len(without):
        missing = np.flatnonzero((text == "").to_numpy())
        if len(missing):
            raise _missing_time(text, missing[0], origin)
        first, others = offsets.iloc[0], np.flatnonzero(offsets.notna().to_numpy())
        row = without[0] if isinstance(first, str) else (others[0] if len(others) else 0)
        one, other = (
            each if isinstance(each, str) else "no UTC offset" for each in (offsets.iloc[row], first)
        )
        raise DataError(
            f"{origin.locate(row)}: {text.name}: {text.iloc[row]!r} has {one}, the first row has "
            f"{other.replace('no UTC offset', 'none')}; write all times with one UTC offset, or all without"
        )
    lengths = offsets.str.len().to_numpy()
    if (lengths == lengths[0]).all():
        local_text = text.str.slice(stop=-int(lengths[0]))
    else:
        local_text = text.str.replace(r"(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$", "", regex=True)
    local = _local_times(local_text.str.rstrip(), spec, origin)
    if local.dtype.kind != "M":
        raise DataError(f"{origin.locate(0)}: {text.name}: {text.iloc[0]!r} is no time; correct the row")
    minutes = offsets.map({name: _offset_minutes(name) for name in offsets.unique()}).to_numpy(np.int64)
    return _at_one_offset(local, local - minutes * np.timedelta64(1, "m"))


def _offset_minutes(offset: str) -> int:
    """A UTC offset such as -03:30 in minutes."""
    if offset in _UTC_NAMES:
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return (-1 if offset[0] == "-" else 1) * (60 * int(digits[:2]) + int(digits[2:]))


def _at_one_offset(local: Times, instants: Times) -> tuple[Times, str]:
    """Local times, and their UTC offset where it is one; where it changes, instants in UTC, or the dates of whole days.

    Args:
        local, instants: the same times, [row], by the clock and in UTC.
    """
    offsets = local - instants
    if (offsets == offsets[0]).all():
        return local, _offset_text(offsets[0])
    # The days of a zone with daylight saving time begin at two offsets, and are one day apart all the same.
    return (local, "") if (local == local.astype("datetime64[D]")).all() else (instants, "+00:00")


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
    """The times of a column of dates, and their UTC offset, see `_at_one_offset`; empty where they have no time zone.

    Raises:
        DataError: a time is missing or out of range.
    """
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise _missing_time(column, missing[0], origin)
    zoned = column.dt.tz is not None
    local = (column.dt.tz_localize(None) if zoned else column).to_numpy(dtype="datetime64[us]")
    _refuse_out_of_range(column, local, origin)
    if not zoned:
        return local, ""
    instants = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return _at_one_offset(local, instants)


def _offset_text(offset: np.timedelta64) -> str:
    """A UTC offset such as +10:00, in whole minutes."""
    minutes = int(offset / np.timedelta64(1, "m"))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _missing_time(column: "pd.Series", row: np.intp, origin: Origin) -> DataError:
    return DataError(f"{origin.locate(row)}: {column.name}: missing time; add it, or remove the row")


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

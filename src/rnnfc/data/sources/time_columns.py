"""Times in several columns, and in text that names a period: one column of dates or of text."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times
from rnnfc.data.sources.columns import ColumnsSpec, TimeParts
from rnnfc.data.sources.numbers import as_numbers
from rnnfc.data.sources.origin import Origin
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Parts of a time, the least and the largest number of each.
_RANGES = {
    "year": (1000, 8999),
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 59),
    "second": (0, 59),
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Names of a column with the time of day.
_CLOCK_NAMES = (
    "time",
    "hour",
    "clock",
    "uhrzeit",
    "zeit",
    "hora",
    "heure",
    "ora",
    "tijd",
    "time of day",
    "hr",
    "hh",
    "hhmm",
)
# Periods in text: the pattern, what it is called, an example, and months in one (0: a week).
_PERIODS = (
    (r"(?P<year>\d{4})[- :.]?[Qq](?P<part>[1-4])", "a quarter such as 1990-Q1", 3),
    (r"[Qq](?P<part>[1-4])[- /]?(?P<year>\d{4})", "a quarter such as Q1 1990", 3),
    (r"(?P<year>\d{4})[- ]?[Mm](?P<part>1[0-2]|0?[1-9])", "a month such as 2026-M02", 1),
    (r"(?P<year>\d{4})-?[Ss](?P<part>[12])", "half a year such as 2026-S1", 6),
    (r"(?P<year>\d{4})[- ]?[Ww](?P<part>\d{1,2})", "an ISO week such as 2026-W05", 0),
)


def join_columns(frame: "pd.DataFrame", spec: ColumnsSpec, origin: Origin) -> "pd.Series":
    """The times of `spec` as one column: joined text, dates from their parts, or the column as it is."""
    import pandas as pd

    if isinstance(spec.time, TimeParts):
        return pd.Series(_from_parts(frame, spec.time, spec, origin), name=spec.time_column)
    columns = [frame[name] for name in spec.time_names]
    if len(columns) == 1:
        return columns[0]
    joined, *others = (column.astype("str").where(column.notna(), "").str.strip() for column in columns)
    for cells in others:
        joined = joined + " " + cells
    joined = joined.str.strip()
    joined.name = spec.time_column
    return joined


def find_parts(columns: tuple[str, ...], spec: ColumnsSpec) -> str:
    """What data.time could be, by the names of other columns; empty if no name is that of a part of a time."""
    if not isinstance(spec.time, str):
        return ""
    by_name = {name.casefold().strip(): name for name in columns}
    parts = {part: by_name[part] for part in _RANGES if part in by_name}
    if "year" in parts and len(parts) > 1:
        return f"{{{', '.join(f'{part}: {column}' for part, column in parts.items())}}}"
    clock = next((name for word, name in by_name.items() if word in _CLOCK_NAMES and name != spec.time), None)
    return f"[{spec.time}, {clock}]" if clock is not None else ""


def _from_parts(frame: "pd.DataFrame", parts: TimeParts, spec: ColumnsSpec, origin: Origin) -> Times:
    """datetime64[us][row] from columns of years, months, days and so on."""
    values = {part: _part(frame[column], part, spec, origin) for part, column in parts.columns.items()}
    zero = np.zeros(len(frame), dtype=np.int64)
    month = values.get("month", 3 * values.get("quarter", zero + 1) - 2)
    start = ((values["year"] - 1970) * 12 + month - 1).astype("datetime64[M]")
    date = start.astype("datetime64[D]") + (values.get("day", zero + 1) - 1)
    wrong = date.astype("datetime64[M]") != start
    if "day_of_year" in values:
        date = start.astype("datetime64[D]") + (values["day_of_year"] - 1)
        wrong = date.astype("datetime64[Y]") != start.astype("datetime64[Y]")
    if "week" in values:
        date, wrong = _mondays(values["year"], values["week"])
    clock = sum(
        values.get(part, zero) * unit for part, unit in (("hour", 3600), ("minute", 60), ("second", 1))
    )
    wrong |= clock > 86_400
    if wrong.any():
        row = int(np.argmax(wrong))
        cells = ", ".join(f"{part} {column[row]}" for part, column in values.items())
        raise DataError(f"{origin.locate(row)}: {cells} is no time; correct the row")
    return np.asarray(date.astype("datetime64[us]") + clock * np.timedelta64(1, "s"))


def _part(column: "pd.Series", part: str, spec: ColumnsSpec, origin: Origin) -> npt.NDArray[np.int64]:
    """The whole numbers of one part of the times."""
    numbers = column if column.dtype.kind in "iuf" else as_numbers(column.astype("str"), spec)
    values = numbers.to_numpy(dtype=np.float64)
    if part == "month" and np.isnan(values).any():
        names = column.astype("str").str.strip().str[:3].str.lower()
        named = names.map({name: place for place, name in enumerate(_MONTHS, start=1)}).to_numpy(np.float64)
        values = np.where(np.isnan(values), named, values)
    low, high = _RANGES[part]
    wrong = np.flatnonzero(~((values >= low) & (values <= high) & (values == np.round(values))))
    if len(wrong):
        row = wrong[0]
        cell = column.iloc[row]
        raise DataError(
            f"{origin.locate(row)}: {column.name}: {str(cell)!r} is not a whole number from {low} to {high}, as data.time.{part} "
            "needs; correct the row, or change data.time"
        )
    return values.astype(np.int64)


def _mondays(
    years: npt.NDArray[np.int64], weeks: npt.NDArray[np.int64]
) -> tuple[Times, npt.NDArray[np.bool_]]:
    """The Monday of each ISO week, datetime64[D], and whether the year has no such week."""
    fourth = np.array([f"{year}-01-04" for year in years.tolist()], dtype="datetime64[D]")  # always in week 1
    monday = fourth - (fourth.astype(np.int64) + 3) % 7 + 7 * (weeks - 1)
    thursday_year = (monday + 3).astype("datetime64[Y]").astype(np.int64) + 1970
    return monday, np.asarray((thursday_year != years) | (weeks < 1))


def read_periods(column: "pd.Series", origin: Origin) -> Times | None:
    """The first day of each quarter, month or ISO week in text, datetime64[us][row]; None if the first cell is none.

    Raises:
        DataError: a later cell is none, with its place.
    """
    import pandas as pd

    for pattern, name, months in _PERIODS:
        if not pd.Series(column.iloc[:1]).str.strip().str.fullmatch(pattern).all():
            continue
        parts = column.str.strip().str.extract(f"^{pattern}$")
        years, numbers = (
            pd.to_numeric(parts[part]).fillna(1970).to_numpy(np.int64) for part in ("year", "part")
        )
        wrong = parts["year"].isna().to_numpy()
        if months:
            date = ((years - 1970) * 12 + months * (numbers - 1)).astype("datetime64[M]")
        else:
            date, is_no_week = _mondays(years, np.where(wrong, 1, numbers))
            wrong = wrong | is_no_week
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"{origin.locate(row)}: {column.name}: {column.iloc[row]!r} is not {name}; correct the row (the rows before it "
                "are)"
            )
        return np.asarray(date.astype("datetime64[us]"))
    return None

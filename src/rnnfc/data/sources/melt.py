"""A wide table, a column for each time, and several targets as series: made long, a row for each series and time."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times
from rnnfc.data.sources.columns import ColumnsSpec
from rnnfc.data.sources.numbers import read_numbers
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.selection import join_series
from rnnfc.data.sources.times import read_times
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_STEP_NAME = re.compile(r"(\D*?)0*(\d+)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def melt_columns(
    frame: "pd.DataFrame", spec: ColumnsSpec, columns: tuple[str, ...], origin: Origin, *, is_typed: bool
) -> "tuple[pd.DataFrame, Origin]":
    """A frame with the columns time, series and value of a wide one, and where its rows come from.

    Cells without a value before the first and after the last value of a series are no rows.

    Args:
        columns: those that are times.
        is_typed: as in `cells.table_from_frame`.
    Raises:
        DataError: a value is no number, the name of a column no time, or no cell has a value.
    """
    import pandas as pd

    values = np.column_stack([read_numbers(frame[name], spec, origin, is_typed=is_typed) for name in columns])
    if spec.time is None:
        time = np.tile(_column_times(columns, spec, origin), len(frame))
    else:
        time = _times_in_rows(frame, columns, spec, origin, is_typed=is_typed).ravel()
    rows = np.repeat(np.arange(len(frame)), len(columns))
    long = pd.DataFrame({"time": time, "value": values.ravel()})
    if spec.series_columns:
        names = join_series(frame, spec.series_columns)
        long["series"] = names.to_numpy()[rows]
        groups, _ = pd.factorize(names.astype("str").where(names.notna(), ""))
    else:
        groups = np.zeros(len(frame), dtype=np.int64)
    has_value = long["value"].notna()
    if not has_value.any():
        raise DataError(f"{origin.name}: no cell has a value in the columns {columns[0]} to {columns[-1]}")
    edges = long["time"][has_value].groupby(groups[rows][has_value]).agg(["min", "max"])
    edges = edges.reindex(groups[rows])
    is_row = (long["time"].to_numpy() >= edges["min"].to_numpy()) & (
        long["time"].to_numpy() <= edges["max"].to_numpy()
    )
    is_row = np.asarray(is_row, dtype=np.bool_)
    numbers = np.asarray(origin.numbers)[rows[is_row]]
    return long[is_row].reset_index(drop=True), replace(origin, numbers=numbers)


def _column_times(columns: tuple[str, ...], spec: ColumnsSpec, origin: Origin) -> Times:
    """The time that the name of each column is: a step such as d_12, or a date."""
    import pandas as pd

    steps = [_STEP_NAME.fullmatch(name.strip()) for name in columns]
    prefixes = {step[1] for step in steps if step}
    if all(steps) and len(prefixes) == 1 and prefixes != {""}:
        return np.array([int(step[2]) for step in steps if step])
    names = pd.Series([name.strip() for name in columns], name="column")
    header = replace(origin, numbers=[_header_number(origin)] * len(columns))
    time, _ = read_times(names, spec, header, is_typed=False)
    return time


def _header_number(origin: Origin) -> int:
    return max(1, int(origin.numbers[0]) - 1) if origin.unit == "line" else 0


def _times_in_rows(
    frame: "pd.DataFrame", columns: tuple[str, ...], spec: ColumnsSpec, origin: Origin, *, is_typed: bool
) -> Times:
    """The time of each cell, [row, column]: rows are years or days, columns months, quarters or hours."""
    from rnnfc.data.sources.time_columns import join_columns

    start, _ = read_times(join_columns(frame, spec, origin), spec, origin, is_typed=is_typed)
    unit, places = _places(columns)
    if unit is None:
        raise DataError(
            f"{origin.name}: with data.time, the columns must be the months, quarters or hours of a row, and they are "
            f"{', '.join(columns[:6])}; name them in data.time_columns, or remove data.time"
        )
    if unit == "h":
        if start.dtype.kind != "M":
            raise DataError(f"{origin.name}: hours need a date in each row; set data.time to its column")
        return np.asarray(start[:, None] + places * np.timedelta64(1, "h"))
    if start.dtype.kind == "M":
        months = start.astype("datetime64[Y]").astype("datetime64[M]")
    else:
        wrong = np.flatnonzero(~((start >= 1000) & (start < 9000) & (start == np.round(start))))
        if len(wrong):
            raise DataError(
                f"{origin.locate(wrong[0])}: {spec.time_names[0]}: {start[wrong[0]]:g} is no year; correct the row"
            )
        months = ((start.astype(np.int64) - 1970) * 12).astype("datetime64[M]")
    return np.asarray((months[:, None] + places * np.timedelta64(1, "M")).astype("datetime64[us]"))


def _places(columns: tuple[str, ...]) -> tuple[str | None, npt.NDArray[np.int64]]:
    """The unit of the columns, M or h, and the place of each in a year or day; None where they are neither."""
    words = [name.strip().casefold() for name in columns]
    if all(word[:3] in _MONTHS for word in words):
        return "M", np.array([_MONTHS.index(word[:3]) for word in words])
    digits = [re.sub(r"\D", "", word.removesuffix(":00")) for word in words]
    if not all(digits):
        return None, np.arange(0)
    places = np.array([int(digit) for digit in digits])
    first, last = int(places.min()), int(places.max())
    if {*places.tolist()} != {*range(first, last + 1)}:
        return None, places
    if (first, last) in ((0, 23), (1, 24)):
        return "h", places
    if (first, last) == (1, 12):
        return "M", places - 1
    return ("M", 3 * (places - 1)) if (first, last) == (1, 4) else (None, places)

"""Panel: the rows of one or many series, one series after the other, with their time axis."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Frequency, Time, Times

# Larger whole numbers are not exact as float64.
_LARGEST_EXACT = 2**53

# First date, and the end of dates: what matplotlib can plot, margins included.
FIRST_DATE, LAST_DATE = np.datetime64("1000-01-01", "us"), np.datetime64("9000-01-01", "us")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows of one or many series, finite and equally spaced.

    values: f64[row, channel], in data units.
    time: [row], datetime64[us], int64 or float64; dates are local time at `offset` from UTC, where that is known.
    bounds: i64[series + 1]; series s owns rows [bounds[s], bounds[s + 1]).
    channels: names, in the order targets, past covariates, future covariates, time features.
    num_targets: number of targets.
    num_known: number of future covariates and channels of time features together.
    calendar: the time features, two channels each, see `data.calendar`; they are not scaled.
    filled: bool[row, channel], True where the source had no value and `missing` filled it.
    left_out: number of series of the source that are not here.
    later: number of rows of the source that come after these and are not here.
    future: the rows of the source after these, which are to be forecast: complete future covariates as channels, finite, not
        without gaps. Its series may be more than those here. None where there are no such rows.
    """

    values: Floats
    time: Times
    bounds: npt.NDArray[np.int64]
    series: tuple[str, ...]
    channels: tuple[str, ...]
    num_targets: int
    frequency: Frequency
    filled: npt.NDArray[np.bool_]
    missing: str = "error"
    unit: str = ""
    left_out: int = 0
    later: int = 0
    num_known: int = 0
    calendar: tuple[str, ...] = ()
    offset: str = ""
    future: "Panel | None" = None
    notes: tuple[str, ...] = ()
    zone: str = ""

    @property
    def num_rows(self) -> int:
        """Rows of all series together."""
        return len(self.values)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the channels that are forecast."""
        return self.channels[: self.num_targets]

    def with_values(self, values: Floats) -> Self:
        """The same rows with other values, e.g. scaled ones."""
        return replace(self, values=values)

    @property
    def step(self) -> str:
        """Frequency and UTC offset for people: hourly, or hourly at UTC+10:00."""
        return f"{self.frequency}{f' at UTC{self.offset}' if self.offset else ''}"

    @property
    def span(self) -> tuple[Time, Time]:
        """First and last time of all series together."""
        return self.time[self.bounds[:-1]].min(), self.time[self.bounds[1:] - 1].max()

    def tail(self, rows: int) -> Self:
        """The last `rows` rows of every series; none may be shorter."""
        part = (self.bounds[1:, None] + np.arange(-rows, 0)).ravel()
        return self.select_rows(part, bounds=rows * np.arange(len(self.bounds)))

    def truncate_to(self, last: Self) -> Self:
        """The series of `last`, each up to its last row there.

        All rows, if a series of `last` is missing, or one panel has dates and the other numbers.
        """
        names = {*last.series}
        common = (
            self
            if self.series == last.series
            else self.select_series(np.array([name in names for name in self.series]))
        )
        if common.series != last.series or (self.time.dtype.kind == "M") != (last.time.dtype.kind == "M"):
            return self
        selected = common.time <= np.repeat(last.time[last.bounds[1:] - 1], np.diff(common.bounds))
        bounds = np.concatenate([[0], np.cumsum(selected)[common.bounds[1:] - 1]])
        later = self.num_rows - int(selected.sum())
        return common.select_rows(selected, bounds=bounds, left_out=self.left_out, later=later)

    def select_rows(self, part: npt.NDArray[np.integer | np.bool_] | slice, **changed: Any) -> Self:
        """Some rows; `changed` are the fields that differ, at least the new `bounds`."""
        return replace(
            self, values=self.values[part], time=self.time[part], filled=self.filled[part], **changed
        )

    def select_series(self, selected: npt.NDArray[np.bool_]) -> Self:
        """The series that are selected[series]."""
        lengths = np.diff(self.bounds)
        bounds = np.concatenate([[0], np.cumsum(lengths[selected])])
        left_out = self.left_out + int((~selected).sum())
        names = tuple(name for name, is_in in zip(self.series, selected, strict=True) if is_in)
        return self.select_rows(np.repeat(selected, lengths), bounds=bounds, series=names, left_out=left_out)

    def observed(self, rows: slice, columns: slice = slice(None)) -> Floats:
        """values[row, channel] of some rows, NaN where `missing` filled them; a copy only if there are such values."""
        filled = self.filled[rows, columns]
        return (
            np.where(filled, np.nan, self.values[rows, columns])
            if filled.any()
            else self.values[rows, columns]
        )

    def fingerprint(self) -> str:
        """SHA-256 of values, times, bounds and names: equal only for the same data."""
        digest = hashlib.sha256(
            repr(
                (self.series, self.channels, self.num_targets, self.values.shape, self.time.dtype.str)
            ).encode()
            + self.offset.encode()
        )
        for array in (self.values, self.time, self.bounds, self.filled):
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()


def parse_times(texts: Sequence[str]) -> Times:
    """Times from `format_time_exact`, [row]: datetime64[us] without offset, float64, or int64 beyond its exact range."""
    try:
        numbers = np.array([float(text) for text in texts])
        if (
            len(numbers)
            and np.abs(numbers).max() >= _LARGEST_EXACT
            and all(text.lstrip("-").isdigit() for text in texts)
        ):
            return np.array([int(text) for text in texts], dtype=np.int64)
        return numbers
    except ValueError:
        return np.array([re.sub(r"[+-]\d\d:\d\d$", "", text) for text in texts], dtype="datetime64[us]")


def format_time_exact(time: Time, offset: str = "") -> str:
    """One time as text that reads back to the same time, for files; with a UTC offset 2014-01-01T00:00+10:00."""
    text = format_time(time)
    if offset:
        return f"{text}{'' if 'T' in text else 'T00:00'}{offset}"
    return text if isinstance(time, np.datetime64) or float(text) == float(time) else repr(float(time))


def format_times(times: Times, offset: str = "") -> list[str]:
    """`format_time_exact` of each time of a column [row], all in one shape: a day without a clock stands beside such days alone.

    Readers such as pandas leave a column as text if some of its times have a clock and others have none.
    """
    if times.dtype.kind != "M":
        return [format_time_exact(time) for time in times]
    units: tuple[Literal["D", "m", "s", "us"], ...] = ("D", "m", "s", "us")
    unit = next(
        unit for unit in units[bool(offset) :] if (times == times.astype(f"datetime64[{unit}]")).all()
    )
    return [f"{text}{offset}" for text in np.datetime_as_string(times, unit=unit)]


def format_time(time: Time | float) -> str:
    """One time as short text: 1949-01-01, 2015-02-17T09:30, 17, 99.8999."""
    if isinstance(time, np.datetime64):
        text = str(time.astype("datetime64[us]"))
        for tail in (".000000", ":00", "T00:00"):
            text = text.removesuffix(tail)
        return text
    if isinstance(time, np.integer):
        return str(time)
    number = float(time)
    return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_EXACT else f"{number:.10g}"

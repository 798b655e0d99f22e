"""Panel: the rows of one or many series end to end, with their time axis."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Frequency, Times

# Beyond it a float64 is not exact, and its digits are noise.
_LARGEST_COUNT = 2**53

# Dates from the first to before the last: what pictures can be drawn of, margins included.
FIRST_DATE, LAST_DATE = np.datetime64("1000-01-01", "us"), np.datetime64("9000-01-01", "us")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows of one or many series, finite and equally spaced.

    values: f64[row, channel], in data units.
    time: [row], datetime64[us], int64 or float64; dates as on the clock at `offset` from UTC, where that is known.
    bounds: i64[series + 1]; series s owns rows [bounds[s], bounds[s + 1]).
    channels: names; first the targets, last what is known of the future too, at its end the calendar.
    num_targets: how many channels, from the first, are forecast.
    num_known: how many channels, from the last, have future values that are known.
    calendar: the features in the last of them, two channels each, see `data.calendar`; no scaler changes them.
    filled: bool[row, channel], True where the source had no value and `missing` filled it.
    left_out: how many series of the source are not here.
    later: how many rows of the source are not here, which come after these.
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
        """From one row to the next, and on which clock: hourly, or hourly at UTC+10:00."""
        return f"{self.frequency}{f' at UTC{self.offset}' if self.offset else ''}"

    @property
    def span(self) -> tuple[Any, Any]:
        """First and last time of all series together."""
        return self.time[self.bounds[:-1]].min(), self.time[self.bounds[1:] - 1].max()

    def tail(self, rows: int) -> Self:
        """The last `rows` rows of every series, none of which is shorter."""
        part = (self.bounds[1:, None] + np.arange(-rows, 0)).ravel()
        return self.rows(part, bounds=rows * np.arange(len(self.bounds)))

    def until(self, last: Self) -> Self:
        """The rows of each series of `last` up to its last one; all of them where one of these is missing, or clocks differ."""
        names = {*last.series}
        known = (
            self
            if self.series == last.series
            else self.only(np.array([name in names for name in self.series]))
        )
        if known.series != last.series or (self.time.dtype.kind == "M") != (last.time.dtype.kind == "M"):
            return self
        kept = known.time <= np.repeat(last.time[last.bounds[1:] - 1], np.diff(known.bounds))
        bounds = np.concatenate([[0], np.cumsum(kept)[known.bounds[1:] - 1]])
        return known.rows(kept, bounds=bounds, left_out=self.left_out, later=self.num_rows - int(kept.sum()))

    def rows(self, part: npt.NDArray[Any] | slice, **changed: Any) -> Self:
        """Some rows, with the `bounds` that they have."""
        return replace(
            self, values=self.values[part], time=self.time[part], filled=self.filled[part], **changed
        )

    def only(self, kept: npt.NDArray[np.bool_]) -> Self:
        """The series that are kept[series]."""
        lengths = np.diff(self.bounds)
        bounds, left_out = np.concatenate([[0], np.cumsum(lengths[kept])]), self.left_out + int((~kept).sum())
        names = tuple(name for name, stays in zip(self.series, kept, strict=True) if stays)
        return self.rows(np.repeat(kept, lengths), bounds=bounds, series=names, left_out=left_out)

    def known(self, rows: slice, columns: slice = slice(None)) -> Floats:
        """values[row, channel] of some rows, NaN where `missing` filled them; not a copy where it filled none."""
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
    """Times from `format_time_exact`, [row]: datetime64[us] without offset, float64, or int64 where that is too coarse."""
    try:
        numbers = np.array([float(text) for text in texts])
        if (
            len(numbers)
            and np.abs(numbers).max() >= _LARGEST_COUNT
            and all(text.lstrip("-").isdigit() for text in texts)
        ):
            return np.array([int(text) for text in texts], dtype=np.int64)
        return numbers
    except ValueError:
        return np.array([re.sub(r"[+-]\d\d:\d\d$", "", text) for text in texts], dtype="datetime64[us]")


def format_time_exact(time: np.datetime64 | np.int64 | np.float64, offset: str = "") -> str:
    """One time as text that reads back to the same time, for files; with its UTC offset 2014-01-01T00:00+10:00."""
    text = format_time(time)
    if offset:
        return f"{text}{'' if 'T' in text else 'T00:00'}{offset}"
    return text if isinstance(time, np.datetime64) or float(text) == float(time) else repr(float(time))


def format_time(time: np.datetime64 | np.int64 | np.float64 | float) -> str:
    """One time as text, no longer than needed: 1949-01-01, 2015-02-17T09:30, 17, 99.8999."""
    if isinstance(time, np.datetime64):
        text = str(time.astype("datetime64[us]"))
        for tail in (".000000", ":00", "T00:00"):
            text = text.removesuffix(tail)
        return text
    if isinstance(time, np.integer):
        return str(time)
    number = float(time)
    return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_COUNT else f"{number:.10g}"

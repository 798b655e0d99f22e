"""Missing values and absent rows: refused, or filled under the policy that the config names."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Floats, exact_clock
from rnnfc.errors import DataError

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows as they stand in a file: values f64[row, channel] with NaN for empty cells, strictly increasing times."""

    values: Floats
    time: Times
    frequency: Frequency
    where: Callable[[int], str]


def close(table: Table, *, policy: str, channels: tuple[str, ...]) -> tuple[Floats, Times, Mask]:
    """Values, times and the mask filled[row, channel] of the complete rows.

    Raises:
        DataError: something is missing and `policy` is `error`, nothing stands before (ffill) or around (interpolate) it, or
            more rows are absent than present.
    """
    row_of = _grid(table)
    num_rows = int(row_of[-1]) + 1
    if policy == "error":
        _refuse_missing(table, row_of, channels)
    if num_rows > 2 * len(row_of):
        raise DataError(
            f"{table.where(0)}: {num_rows - len(row_of):,} rows are absent and {len(row_of):,} present at the step "
            f"{table.frequency}; cut the file to the part that is covered, or set data.frequency: rows"
        )
    if num_rows == len(row_of):
        values = table.values.copy() if np.isnan(table.values).any() else table.values
    else:
        values = np.full((num_rows, table.values.shape[1]), np.nan)
        values[row_of] = table.values
    filled = np.isnan(values)
    for channel, name in enumerate(channels):
        _fill(values[:, channel], filled[:, channel], policy, name=name, table=table)
    return values, _full_time(table, row_of, num_rows), filled


def _grid(table: Table) -> npt.NDArray[np.int64]:
    if table.frequency.unit == "rows":
        return np.arange(len(table.time))
    (last,) = np.rint(table.frequency.positions(table.time[-1:], first=table.time[0]))
    if last == len(table.time) - 1:  # no two rows share a step, so none is absent
        return np.arange(len(table.time))
    positions = table.frequency.positions(table.time)
    return np.rint(positions, out=positions).astype(np.int64)


def _full_time(table: Table, row_of: npt.NDArray[np.int64], num_rows: int) -> Times:
    rest = None if num_rows == len(row_of) else table.frequency.after(table.time[:1], steps=num_rows - 1)
    if rest is None:
        return table.time
    full = np.concatenate([table.time[:1], rest])
    full[row_of] = table.time
    return full


def _refuse_missing(table: Table, row_of: npt.NDArray[np.int64], channels: tuple[str, ...]) -> None:
    if row_of[-1] >= len(row_of):
        absent = np.flatnonzero(np.diff(row_of) > 1)
        row = int(absent[0]) + 1
        count = int(row_of[-1]) + 1 - len(row_of)
        raise DataError(
            f"{table.where(row)}: between {exact_clock(table.time[row - 1])} and {exact_clock(table.time[row])} "
            f"rows are absent ({count:,} in all at the step {table.frequency}); set data.missing: interpolate or ffill "
            "to fill them, or data.frequency: rows to take each row as one step"
        )
    empty = np.argwhere(np.isnan(table.values))
    if len(empty):
        row, channel = map(int, empty[0])
        raise DataError(
            f"{table.where(row)}: {channels[channel]}: the value is missing ({len(empty):,} in all); "
            "set data.missing: interpolate or ffill, or mend the file"
        )


def _fill(column: Floats, missing: Mask, policy: str, *, name: str, table: Table) -> None:
    """Fill `column` [row] in place where `missing`."""
    if not missing.any():
        return
    known = np.flatnonzero(~missing)
    if not len(known):
        raise DataError(f"{table.where(0)}: {name}: the column has no value at all; leave it out")
    if known[0] > 0:
        raise DataError(
            f"{table.where(0)}: {name}: the first {known[0]:,} values are missing and nothing before them can fill them; "
            "cut these rows"
        )
    if policy != "ffill" and known[-1] < len(column) - 1:
        raise DataError(
            f"{table.where(-1)}: {name}: the last {len(column) - 1 - known[-1]:,} values are missing, nothing after them to "
            "interpolate to; cut these rows or set data.missing: ffill"
        )
    column[missing] = _between(column, known, np.flatnonzero(missing), policy)


def refill(values: Floats, filled: Mask, *, policy: str, bounds: npt.NDArray[np.int64]) -> Floats:
    """values[row, channel] with what was `filled` made anew from the known values of the same series, as `close` does."""
    made = values.copy()
    for first, end in itertools.pairwise(bounds):
        for channel in range(values.shape[1]):
            column, missing = made[first:end, channel], filled[first:end, channel]
            column[missing] = _between(column, np.flatnonzero(~missing), np.flatnonzero(missing), policy)
    return made


def _between(column: Floats, known: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], policy: str) -> Floats:
    """What `policy` puts into `rows` of `column`, given its `known` rows."""
    if policy == "ffill":
        return np.asarray(column[known[np.searchsorted(known, rows, side="right") - 1]])
    return np.interp(rows, known, column[known])

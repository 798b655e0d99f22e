"""Missing values and absent rows: refused, or filled under the policy that the config names."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Floats, format_time_exact
from rnnfc.errors import DataError

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows as they stand in a file: values f64[row, channel] with NaN for empty cells, strictly increasing times."""

    values: Floats
    time: Times
    frequency: Frequency
    where: Callable[[int], str]


def close(
    table: Table, *, policy: str, channels: tuple[str, ...], season: int | None = None
) -> tuple[Floats, Times, Mask]:
    """Values, times and the mask filled[row, channel] of the complete rows.

    Raises:
        DataError: something is missing and `policy` is `error`, nothing stands where it is filled from, or more rows are
            absent than present.
    """
    row_of = _grid(table)
    values, time = (table.values, table.time) if row_of is None else _spread(table, row_of, policy)
    filled = np.isnan(values)
    if row_of is None and filled.any():
        if policy == "error":
            _refuse_empty(table, filled, channels)
        values = values.copy()
    for channel, name in enumerate(channels):
        if filled[:, channel].any():
            values[:, channel] = fill(values[:, channel], filled[:, channel], policy=policy, season=season)
            _refuse_unfilled(values[:, channel], filled[:, channel], policy, name=name, table=table)
    return values, time, filled


def _grid(table: Table) -> npt.NDArray[np.int64] | None:
    """The place of each row among all that there should be; None where none is absent."""
    if table.frequency.unit == "rows":
        return None
    (last,) = np.rint(table.frequency.positions(table.time[-1:], first=table.time[0]))
    if last == len(table.time) - 1:  # no two rows share a step
        return None
    positions = table.frequency.positions(table.time)
    return np.rint(positions, out=positions).astype(np.int64)


def _spread(table: Table, row_of: npt.NDArray[np.int64], policy: str) -> tuple[Floats, Times]:
    """Values and times of all rows, NaN in those that are absent.

    Raises:
        DataError: `policy` is `error`, or more rows are absent than present.
    """
    num_rows = int(row_of[-1]) + 1
    if policy == "error":
        row = int(np.argmax(np.diff(row_of) > 1)) + 1
        raise DataError(
            f"{table.where(row)}: between {format_time_exact(table.time[row - 1])} and {format_time_exact(table.time[row])} "
            f"rows are absent ({num_rows - len(row_of):,} in all at the step {table.frequency}); set data.missing: "
            "interpolate, ffill, seasonal or mask to fill them, or data.frequency: rows to take each row as one step"
        )
    if num_rows > 2 * len(row_of):
        raise DataError(
            f"{table.where(0)}: {num_rows - len(row_of):,} rows are absent and {len(row_of):,} present at the step "
            f"{table.frequency}; cut the file to the part that is covered, or set data.frequency: rows"
        )
    values = np.full((num_rows, table.values.shape[1]), np.nan)
    values[row_of] = table.values
    rest = cast("Times", table.frequency.after(table.time[:1], steps=num_rows - 1))  # there is a grid
    time = np.concatenate([table.time[:1], rest])
    time[row_of] = table.time
    return values, time


def _refuse_empty(table: Table, empty: Mask, channels: tuple[str, ...]) -> None:
    row, channel = np.argwhere(empty)[0]
    raise DataError(
        f"{table.where(row)}: {channels[channel]}: the value is missing ({np.count_nonzero(empty):,} in all); "
        "set data.missing: interpolate, ffill, seasonal or mask, or mend the file"
    )


def fill(column: Floats, missing: Mask, *, policy: str, season: int | None) -> Floats:
    """`column` [row] with what `policy` puts where it is `missing`; NaN where it has nothing to put there."""
    rows, known = np.arange(len(column)), np.flatnonzero(~missing)
    if policy == "interpolate":
        made = np.interp(rows, known, column[known], left=np.nan, right=np.nan) if len(known) else np.nan
        return np.where(missing, made, column)
    made = _earlier(column, missing, season=season if policy in ("seasonal", "mask") and season else 1)
    if policy == "mask":
        made = np.where(np.isnan(made), _earlier(column, missing, season=1), made)
        made[: known[0] if len(known) else 0] = column[known[:1]]  # which no window sees
    return made


def _earlier(column: Floats, missing: Mask, *, season: int) -> Floats:
    """The newest known value of each row that lies a whole number of seasons before it; NaN where there is none."""
    source = np.where(missing, -1, np.arange(len(column)))
    source = np.append(source, np.full(-len(column) % season, -1)).reshape(-1, season)
    source = np.maximum.accumulate(source, axis=0).ravel()[: len(column)]
    return np.where(source < 0, np.nan, column[source])


def _refuse_unfilled(column: Floats, missing: Mask, policy: str, *, name: str, table: Table) -> None:
    left = np.flatnonzero(np.isnan(column))
    if not len(left):
        return
    if missing.all():
        row, why = 0, "the column has no value at all; leave it out"
    elif left[0] == 0 and policy != "seasonal":
        row, why = (
            0,
            f"the first {np.argmin(missing):,} values are missing and nothing before them can fill them; cut these rows",
        )
    elif policy == "seasonal":
        why = f"{len(left):,} values of the first season are missing and no season before it can fill them"
        row, why = 0, f"{why}; cut these rows or set data.missing: mask"
    else:
        why = f"the last {len(left):,} values are missing, nothing after them to interpolate to"
        row, why = -1, f"{why}; cut these rows or set data.missing: ffill"
    raise DataError(f"{table.where(row)}: {name}: {why}")


def refill(
    values: Floats, filled: Mask, *, policy: str, season: int | None, bounds: npt.NDArray[np.int64]
) -> Floats:
    """values[row, channel] with what was `filled` made anew from the known values of the same series, as `close` does."""
    made = values.copy()
    for first, end in itertools.pairwise(bounds):
        for channel in np.flatnonzero(filled[first:end].any(axis=0)):
            made[first:end, channel] = fill(
                made[first:end, channel], filled[first:end, channel], policy=policy, season=season
            )
    return made

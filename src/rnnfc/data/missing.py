"""Missing values and missing rows: refused, or filled by the policy `data.missing`."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from rnnfc.data.clock_change import HOUR, is_clock_change, is_weekend
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Floats, format_time_exact
from rnnfc.errors import DataError

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of one series as the source has them.

    values: f64[row, channel], NaN where a value is missing. time: [row], strictly increasing.
    locate: the place of a row in the source, for messages. offset: of the times from UTC, or empty.
    """

    values: Floats
    time: Times
    frequency: Frequency
    locate: Callable[[int], str]
    offset: str = ""


def fill_gaps(
    rows: Rows, *, policy: str, channels: tuple[str, ...], season: int | None = None
) -> tuple[Floats, Times, Mask]:
    """Values and times of every row on the grid, and the mask filled[row, channel] of the imputed values.

    Raises:
        DataError: something is missing and `policy` is `error`; there is no earlier (or, to interpolate, later) value to fill
            from; or more rows are missing than present.
    """
    positions = _grid_positions(rows)
    values, time = (rows.values, rows.time) if positions is None else _reindex(rows, positions, policy)
    filled = np.isnan(values)
    if positions is None and filled.any():
        if policy == "error":
            _refuse_missing_value(rows, filled, channels)
        values = values.copy()
    for channel, name in enumerate(channels):
        if filled[:, channel].any():
            values[:, channel] = impute(values[:, channel], filled[:, channel], policy=policy, season=season)
            _refuse_unfilled(
                values[:, channel], filled[:, channel], policy, name=name, rows=rows, season=season
            )
    return values, time, filled


def _grid_positions(rows: Rows) -> npt.NDArray[np.int64] | None:
    """The position of each row on the grid of all rows, [row]; None where no row is missing."""
    if rows.frequency.unit == "rows":
        return None
    (last,) = np.rint(rows.frequency.positions(rows.time[-1:], first=rows.time[0]))
    if last == len(rows.time) - 1:  # no two rows share a position
        return None
    positions = rows.frequency.positions(rows.time)
    return np.rint(positions, out=positions).astype(np.int64)


def _reindex(rows: Rows, positions: npt.NDArray[np.int64], policy: str) -> tuple[Floats, Times]:
    """Values and times of all rows on the grid, NaN in the missing ones.

    Raises:
        DataError: `policy` is `error`, or more rows are missing than present.
    """
    num_rows = int(positions[-1]) + 1
    num_missing = num_rows - len(positions)
    if policy == "error":
        row = int(np.argmax(np.diff(positions) > 1)) + 1
        raise DataError(
            f"{rows.locate(row)}: missing rows between {format_time_exact(rows.time[row - 1])} and "
            f"{format_time_exact(rows.time[row])} ({num_missing:,} missing in all, spacing: {rows.frequency}); "
            f"{_remedy(rows, row)}"
        )
    if num_rows > 2 * len(positions):
        raise DataError(
            f"{rows.locate(0)}: {num_missing:,} missing rows and only {len(positions):,} present at the step "
            f"{rows.frequency}; keep the part of the data that is covered, or set data.frequency: rows"
        )
    values = np.full((num_rows, rows.values.shape[1]), np.nan)
    values[positions] = rows.values
    grid = cast(
        "Times", rows.frequency.next_times(rows.time[:1], steps=num_rows - 1)
    )  # never None: there is a grid
    time = np.concatenate([rows.time[:1], grid])
    time[positions] = rows.time
    return values, time


def _remedy(rows: Rows, row: int) -> str:
    """What to do about missing rows, the first before `row`."""
    as_steps, filled = (
        "data.frequency: rows to take each row as one step",
        "data.missing: interpolate, ffill, seasonal or mask to fill them",
    )
    before, after = rows.time[row - 1 : row + 1]
    may_change = not rows.offset and is_clock_change(rows.time[row : row + 1]).all()
    if may_change and after - before <= 2 * HOUR:
        return (
            "clocks go forward there at the beginning of daylight saving time: set data.time_zone, e.g. Europe/Madrid, write the "
            f"times in UTC, or set {filled}"
        )
    if rows.frequency.is_daily and not is_weekend(rows.time).any():
        return f"no row is on a weekend: set {as_steps} (or business_days, for dated forecasts), or {filled}"
    return f"set {filled}, or {as_steps}"


def impute(column: Floats, missing: Mask, *, policy: str, season: int | None) -> Floats:
    """`column` [row] with the values of `policy` where `missing`; NaN where there is no value to fill from."""
    rows, present = np.arange(len(column)), np.flatnonzero(~missing)
    if policy == "interpolate":
        filled = (
            np.interp(rows, present, column[present], left=np.nan, right=np.nan) if len(present) else np.nan
        )
        return np.where(missing, filled, column)
    imputed = _last_present(
        column, missing, season=season if policy in ("seasonal", "mask") and season else 1
    )
    if policy == "mask":
        imputed = np.where(np.isnan(imputed), _last_present(column, missing, season=1), imputed)
        # Leading gaps take the first value; no window contains these rows.
        imputed[: present[0] if len(present) else 0] = column[present[:1]]
    return imputed


def _last_present(column: Floats, missing: Mask, *, season: int) -> Floats:
    """The newest present value a whole number of seasons before each row (or in it), [row]; NaN where there is none."""
    source = source_rows(missing, season=season)
    return np.where(source < 0, np.nan, column[source])


def source_rows(missing: Mask, *, season: int) -> npt.NDArray[np.int64]:
    """The newest present row a whole number of seasons before each row, or the row itself, [row]; -1 where there is none."""
    source = np.where(missing, -1, np.arange(len(missing)))
    # [row] -> [period, row of the season]: earlier seasons of a row stand above it.
    source = np.append(source, np.full(-len(missing) % season, -1)).reshape(-1, season)
    return np.maximum.accumulate(source, axis=0).ravel()[: len(missing)]


def update_filled(
    values: Floats, filled: Mask, *, policy: str, season: int | None, bounds: npt.NDArray[np.int64]
) -> Floats:
    """values[row, channel] with the `filled` ones imputed again from the present values of their series, as `fill_gaps` does."""
    imputed = values.copy()
    for first, end in itertools.pairwise(bounds):
        for channel in np.flatnonzero(filled[first:end].any(axis=0)):
            imputed[first:end, channel] = impute(
                imputed[first:end, channel], filled[first:end, channel], policy=policy, season=season
            )
    return imputed


def _refuse_missing_value(rows: Rows, missing: Mask, channels: tuple[str, ...]) -> None:
    row, channel = np.argwhere(missing)[0]
    hint = (
        ", or list what is known of rows to be forecast in data.known" if missing[row:, channel].all() else ""
    )
    raise DataError(
        f"{rows.locate(row)}: {channels[channel]}: missing value ({np.count_nonzero(missing):,} in all); "
        f"set data.missing: interpolate, ffill, seasonal or mask, or fill in the value{hint}"
    )


def _refuse_unfilled(
    column: Floats, missing: Mask, policy: str, *, name: str, rows: Rows, season: int | None
) -> None:
    unfilled = np.flatnonzero(np.isnan(column))
    if not len(unfilled):
        return
    if missing.all():
        row, text = 0, "the column has no values; remove it from the config, or add earlier rows with values"
    elif unfilled[0] == 0 and policy != "seasonal":
        row = 0
        text = (
            f"the first {np.argmin(missing):,} values are missing, with no earlier value to fill them from; remove these rows, "
            "or add earlier rows, at least one with a value"
        )
    elif policy == "seasonal":
        row = 0
        text = (
            f"{len(unfilled):,} missing values in the first season, with no earlier season to fill them from; remove these "
            f"rows, add earlier rows, at least {season or 1:,}, or set data.missing: mask"
        )
    else:
        row = -1
        text = (
            f"the last {len(unfilled):,} values are missing, with no later value to interpolate to; remove these rows or set "
            "data.missing: ffill, or list what is known of rows to be forecast in data.known"
        )
    raise DataError(f"{rows.locate(row)}: {name}: {text}")

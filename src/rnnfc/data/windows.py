"""Windows: integer origins into a panel, cut so that no target row belongs to two splits.

An origin o is the first target row: inputs are rows [o - length, o), targets [o, o + horizon), never across two series. A
window belongs to the split that owns all its target rows; its inputs may reach back into earlier splits.
"""

import datetime as dt
import itertools
import math
import sys
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import numpy.typing as npt

from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.frequency import Time, Times
from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.errors import DataError

Rows = npt.NDArray[np.int64]

# Windows are copied in batches of about this size, so that memory does not grow with their number.
_BATCH_BYTES = 8 * 2**20
# Training windows that are scored: more would take longer than a short training epoch, and hardly change the score. All
# validation and test windows are scored.
_MAX_SCORED, _MAX_SCORED_VALUES = 20_000, 4_000_000


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows of one split; values are copied only when a batch is read.

    origins: i32[window], rows of `panel`, ascending.
    """

    panel: Panel
    origins: npt.NDArray[np.int32]
    length: int
    horizon: int

    def __len__(self) -> int:
        return len(self.origins)

    def with_panel(self, panel: Panel) -> Self:
        """The same windows over the same rows with other values, e.g. scaled ones."""
        return replace(self, panel=panel)

    def crop(self) -> Self:
        """The same windows over views of the rows that they span; a series that begins earlier is cut."""
        first, end = int(self.origins.min()) - self.length, int(self.origins.max()) + self.horizon
        bounds = np.clip(self.panel.bounds, first, end) - first
        return replace(
            self,
            panel=self.panel.select_rows(slice(first, end), bounds=bounds),
            origins=self.origins - np.int32(first),
        )

    def batches(self, *, max_windows: int = sys.maxsize) -> Iterator[Self]:
        """The windows in their order, in batches whose inputs take a few MB, of at most `max_windows`."""
        row_bytes = 8 * len(self.panel.channels)
        step = min(max_windows, max(1, _BATCH_BYTES // (row_bytes * max(self.length, self.horizon))))
        return (
            replace(self, origins=self.origins[start : start + step]) for start in range(0, len(self), step)
        )

    def subsample(self, max_windows: int) -> Self:
        """At most `max_windows` of the windows, evenly spaced, with the first and the last."""
        if len(self) <= max_windows:
            return self
        index = np.linspace(0, len(self) - 1, max_windows).round().astype(np.int64)
        return replace(self, origins=self.origins[index])

    def sparse_index(self, max_windows: int) -> Rows:
        """Indices of about `max_windows` windows, and of the last one of each series.

        Their origins, counted from the start of the series, are the multiples of a power of 5. So of two such choices one
        contains the other, whatever the window, horizon or split, and every phase of a season of 4, 7, 12, 24 or 168 rows occurs.
        """
        stride, series = self.sparse_stride(max_windows), self.series
        last = np.diff(series, append=-1) != 0
        return np.flatnonzero(((self.origins - self.panel.bounds[series]) % stride == 0) | last)

    def sparse_stride(self, max_windows: int) -> int:
        """Rows from one window of `sparse_index` to the next; 1 where it has all of them."""
        stride = 1
        while len(self) > max_windows * stride:
            stride *= 5
        return stride

    def inputs(self, part: slice = slice(None)) -> Floats:
        """x[window, length, channel] of some windows."""
        return np.asarray(self.panel.values[self.origins[part, None] + np.arange(-self.length, 0)])

    def targets(self, part: slice = slice(None)) -> Floats:
        """y[window, horizon, target] of some windows."""
        return np.asarray(self.panel.values[self.target_rows[part], : self.panel.num_targets])

    def future_covariates(self) -> Floats:
        """Known values of the target rows, [window, horizon, known]: future covariates, then time features."""
        channels = slice(len(self.panel.channels) - self.panel.num_known, None)
        return np.asarray(self.panel.values[self.target_rows, channels])

    def actual(self) -> Floats:
        """y[window, horizon, target] for metrics: NaN where `missing: mask` filled the value."""
        if not self.is_masked:
            return self.targets()
        return np.where(self.panel.filled[self.target_rows, : self.panel.num_targets], np.nan, self.targets())

    @property
    def is_masked(self) -> bool:
        """Whether filled targets are excluded from loss and metrics (`missing: mask`), and there are some."""
        return self.panel.missing == "mask" and bool(self.panel.filled[:, : self.panel.num_targets].any())

    def without_masked_targets(self) -> Self:
        """The windows with no masked target; all windows if there is no such window."""
        is_complete = (
            _filled_targets(self.panel, self.origins, horizon=self.horizon) == 0
            if self.is_masked
            else np.zeros(0)
        )
        return replace(self, origins=self.origins[is_complete]) if is_complete.any() else self

    def loss_weights(self) -> npt.NDArray[np.float32]:
        """Weight of each value in the mean loss over all windows, [row, target]: 0 where masked, the same for all others."""
        targets = self.panel.num_targets
        num_values = len(self) * self.horizon * targets
        num_observed = num_values - int(_filled_targets(self.panel, self.origins, horizon=self.horizon).sum())
        return np.where(self.panel.filled[:, :targets], 0.0, num_values / num_observed).astype(np.float32)

    @property
    def target_rows(self) -> Rows:
        """Row of each target, [window, horizon]."""
        return self.origins[:, None].astype(np.int64) + np.arange(self.horizon)

    @property
    def series(self) -> Rows:
        """Index of each window's series, [window]."""
        # By the last input row: a window past the end of the data has no target row.
        return np.searchsorted(self.panel.bounds, self.origins - 1, side="right") - 1

    def num_phases(self, season: int) -> int:
        """At how many phases of the season windows begin; a series begins at phase 0."""
        return len(np.unique((self.origins - self.panel.bounds[self.series]) % season))

    @property
    def num_series(self) -> int:
        """Number of series with at least one window."""
        return len(np.unique(self.series))

    @property
    def target_time(self) -> Times:
        """Time of each target, [window, horizon]."""
        return self.panel.time[self.target_rows]

    @property
    def span(self) -> tuple[Time, Time]:
        """Time of the first and of the last target."""
        return self.panel.time[self.origins].min(), self.panel.time[self.origins + (self.horizon - 1)].max()

    @property
    def origin_time(self) -> Times:
        """Time of each window's last input row, [window]."""
        return self.panel.time[self.origins - 1]


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The windows of each split, and the training rows of each series: train_rows[series, 2], half-open.

    whole_train: every training window, on which baselines are fitted whatever the stride; None: `train` has all of them.
    """

    train: Windows
    validation: Windows | None
    test: Windows
    train_rows: Rows
    whole_train: Windows | None = None

    def __iter__(self) -> Iterator[tuple[str, Windows]]:
        yield "train", self.train
        if self.validation is not None:
            yield "validation", self.validation
        if len(self.test):
            yield "test", self.test

    def without_known(self) -> Self:
        """The same windows with future covariates as past ones: what is fitted to them reads no covariate of a target row."""

        def hide(windows: Windows) -> Windows:
            return replace(windows, panel=replace(windows.panel, num_known=0))

        return replace(
            self,
            train=hide(self.train),
            validation=self.validation and hide(self.validation),
            test=hide(self.test),
            whole_train=self.whole_train and hide(self.whole_train),
        )

    @property
    def scored(self) -> dict[str, Windows]:
        """The windows that are scored, by split: of training at most 20,000 and four million values, evenly spaced."""
        values = self.train.horizon * self.train.panel.num_targets
        return {
            **dict(self),
            "train": self.train.subsample(min(_MAX_SCORED, max(1, _MAX_SCORED_VALUES // values))),
        }


def cut_windows(
    panel: Panel,
    *,
    length: int,
    horizon: int,
    split: SplitSpec,
    stride: int = 1,
    season: int | None = None,
    fixed_stride: bool = False,
    is_final: bool = False,
) -> Splits:
    """The windows of every split: one in each `stride` rows of training, all of validation and test.

    No target is a filled value, and neither is the last input row: an interpolated value there would leak the target after it.
    With `missing: mask`, a window needs at least one observed target, and no row before the first value of a column.

    Args:
        season: rows per season; training windows begin at each of its phases. None: at rows drawn at random.
        fixed_stride: training windows begin `stride` rows apart, as in runs of earlier versions.
        is_final: all rows are training rows, whatever `split` says; there is no validation, and test has no windows.
    Raises:
        DataError: a split has too few rows for one window, or a date lies outside the data; with both numbers.
    """
    if is_final:
        rows = np.stack([panel.bounds[:-1], panel.bounds[1:]], axis=1)
        train = _cut_split(
            panel, rows, name="train", length=length, horizon=horizon, stride=stride, season=season or 1
        )
        return Splits(
            train=train, validation=None, test=replace(train, origins=train.origins[:0]), train_rows=rows
        )
    _refuse_dates_outside(panel, split)
    borders = np.array([_borders(panel, series, split) for series in range(len(panel.series))])  # [series, 4]
    cut = partial(_cut_split, panel, length=length, horizon=horizon)
    train = cut(borders[:, :2], name="train", stride=stride, season=season or 1, fixed_stride=fixed_stride)
    whole_train = cut(borders[:, :2], name="train") if stride > 1 and not fixed_stride else None
    return Splits(
        train=train,
        validation=cut(borders[:, 1:3], name="validation") if split.validation is not None else None,
        test=cut(borders[:, 2:], name="test"),
        train_rows=borders[:, :2],
        whole_train=whole_train,
    )


def cut_after(panel: Panel, first_rows: Rows, *, length: int, horizon: int) -> Windows:
    """The windows whose targets all lie at or after first_rows[series]; their inputs may reach back before.

    Raises:
        DataError: there is no such window.
    """
    ends = panel.bounds[1:]
    most = int((ends - first_rows).max())
    if most < horizon:
        raise DataError(
            f"at most {most:,} rows of a series are new, and a forecast of window.horizon={horizon:,} rows is scored on as many; "
            "add rows"
        )
    rows = np.stack([first_rows, ends], axis=1)
    return _cut_split(panel, rows, name="since", length=length, horizon=horizon)


def _cut_split(
    panel: Panel,
    rows: Rows,
    *,
    name: str,
    length: int,
    horizon: int,
    stride: int = 1,
    season: int = 1,
    fixed_stride: bool = False,
) -> Windows:
    """Windows whose targets lie in rows[series, 2], one in each block of `stride` origins."""
    first = np.maximum(rows[:, 0], _first_observed(panel) + length)
    last = rows[:, 1] - horizon
    origins = np.concatenate(
        [np.arange(start, end + 1, stride, dtype=np.int32) for start, end in zip(first, last, strict=True)]
    )
    if stride > 1 and not fixed_stride:
        series = np.searchsorted(panel.bounds, origins - 1, side="right") - 1
        sizes = np.minimum(stride, last[series] + 1 - origins)
        origins += _offsets(origins - panel.bounds[series], sizes, stride=stride, season=season).astype(
            np.int32
        )
    if not len(origins):
        _refuse_short(panel, rows, name=name, length=length, horizon=horizon)
    usable = origins[_is_usable(panel, origins, horizon=horizon)] if panel.filled.any() else origins
    if not len(usable):
        raise DataError(
            f"the {name} split has {len(origins):,} windows, and each has a missing value among its targets or in its last "
            f"input row; {'lower window.stride, ' if stride > 1 else ''}shorten window.horizon, or move the split to rows with "
            "fewer gaps"
        )
    return Windows(panel=panel, origins=usable, length=length, horizon=horizon)


def _offsets(starts: Rows, sizes: Rows, *, stride: int, season: int) -> Rows:
    """Which origin of each block is a window's, [block], so that `season` windows of a series begin at `season` phases.

    Fewer windows begin at as many phases, spread over the season. A stride of 5 and a season of 3 give phases 0, 2, 1, 0 ...; a
    stride of 4 and a season of 6 give 0, 4, 2, then 1, 5, 3.

    Args:
        starts: the first row of each block, counted from the start of its series.
        sizes: rows of each block: `stride`, or fewer in the last one of a series.
    """
    block: Rows = np.arange(len(starts))
    if stride < season:
        # Blocks begin at multiples of the divisor: at each phase of these once in `season / divisor` blocks; then they shift.
        divisor = math.gcd(stride, season)
        return np.minimum(_spread(divisor)[block // (season // divisor) % divisor], sizes - 1)
    phase = (_spread(season)[block % season] - starts) % season
    # One of the rows of this phase, at random: a longer season that the config does not name is met, too.
    num_rows = np.maximum(1, -(-(sizes - phase) // season))
    row = np.random.default_rng(0).integers(0, num_rows)
    return np.asarray(np.minimum(phase + season * row, sizes - 1))


def _spread(size: int) -> Rows:
    """The numbers below `size` in an order whose first few are far apart, whatever their number: 0, 3, 1, 4, 2 for 5.

    Source: ranks of the multiples of the golden ratio, modulo 1 (Knuth, The Art of Computer Programming 3, section 6.4).
    """
    return np.argsort(np.argsort(np.arange(size) * ((math.sqrt(5) - 1) / 2) % 1.0))


def _first_observed(panel: Panel) -> Rows:
    """The first row at which every column has had a value, [series]; later than the first row only with `missing: mask`."""
    if panel.missing != "mask":
        return panel.bounds[:-1]
    series = itertools.pairwise(panel.bounds)
    return np.array([first + panel.filled[first:end].argmin(axis=0).max() for first, end in series])


def _is_usable(panel: Panel, origins: npt.NDArray[np.int32], *, horizon: int) -> npt.NDArray[np.bool_]:
    """Whether no target and not the last input row is filled, [window]; with `mask`: whether a target is observed."""
    filled = _filled_targets(panel, origins, horizon=horizon)
    if panel.missing == "mask":
        return filled < horizon * panel.num_targets
    return np.asarray((filled == 0) & ~panel.filled[origins - 1].any(axis=1))


def _filled_targets(panel: Panel, origins: npt.NDArray[np.int32], *, horizon: int) -> Rows:
    """Number of filled targets of each window, [window]."""
    # [row + 1], filled values before each row
    num_before = np.concatenate([[0], np.cumsum(panel.filled[:, : panel.num_targets].sum(axis=1))])
    return np.asarray(num_before[origins + horizon] - num_before[origins])


def _refuse_short(panel: Panel, rows: Rows, *, name: str, length: int, horizon: int) -> None:
    num_rows = int((rows[:, 1] - rows[:, 0]).max())
    series = f"series {panel.series[0]!r}" if len(panel.series) == 1 else "every series"
    if name == "train":
        raise DataError(
            f"the train split of {series} has {num_rows:,} rows, window.length={length:,} + window.horizon={horizon:,} needs "
            f"{length + horizon:,}; shorten the window or give more rows to training"
        )
    raise DataError(
        f"the {name} split of {series} has {num_rows:,} rows, window.horizon={horizon:,} needs {horizon:,} after "
        f"window.length={length:,} earlier rows; shorten the horizon or give more rows to split.{name}"
    )


def _borders(panel: Panel, series: int, split: SplitSpec) -> list[int]:
    """First row of train, validation and test, and the end of test."""
    first, end = map(int, panel.bounds[series : series + 2])
    if isinstance(split.test, str):
        # The first rows at or after the dates; for a series that ends before a date, its end.
        dates = [_parse_date(date, zone=panel.zone) for date in (split.validation or split.test, split.test)]
        validation, test = first + np.searchsorted(panel.time[first:end], dates)
        return [first, int(validation), int(test), end]
    if isinstance(split.test, int):
        return _count_borders(panel, series, split)
    # Training and test round down; the rows between them are validation, or training if there is no validation.
    rows = end - first
    test = end - _num_rows(rows, split.test)
    if split.validation is None:
        return [first, test, test, end]
    train = split.train if split.train is not None else 1.0 - split.validation - split.test
    return [first, first + _num_rows(rows, train), test, end]


def _num_rows(rows: int, fraction: float) -> int:
    # Without the small term a rounded fraction such as 1 - 0.1 - 0.2 would lose a row.
    return int(rows * fraction + 1e-9)


def _count_borders(panel: Panel, series: int, split: SplitSpec) -> list[int]:
    first, end = map(int, panel.bounds[series : series + 2])
    stop = first + split.num_rows if split.rows_from == "start" else end
    test = stop - split.test
    validation = test - (split.validation or 0)
    start = first if split.train is None else validation - split.train
    if start < first or validation <= first or stop > end:
        parts = " + ".join(
            f"{part:,}" for part in (split.train, split.validation, split.test) if part is not None
        )
        raise DataError(
            f"split needs {parts} rows{'' if split.train else ' and at least one row to train on'}, series "
            f"{panel.series[series]!r} has {end - first:,}; lower the row counts"
        )
    return [start, validation, test, stop]


def _refuse_dates_outside(panel: Panel, split: SplitSpec) -> None:
    first, last = panel.span
    series = (
        f"series {panel.series[0]!r} runs"
        if len(panel.series) == 1
        else f"the {len(panel.series):,} series run"
    )
    for key, date in (("test", split.test), ("validation", split.validation)):
        if not isinstance(date, str):
            continue
        if panel.time.dtype.kind != "M":
            raise DataError(
                f"split.{key}: {date} is a date, and the times of the data are numbers; use fractions or row counts"
            )
        if not first < _parse_date(date, zone=panel.zone) <= last:
            raise DataError(
                f"split.{key}: no rows before {date}, or none from then on; {series} from {format_time_exact(first)} to "
                f"{format_time_exact(last)}. Choose a date after the first row and not after the last"
            )


def _parse_date(date: str, *, zone: str) -> np.datetime64:
    """The date, in UTC where it is by the clock of a `zone`."""
    parsed = dt.datetime.fromisoformat(date)
    if zone:
        parsed = parsed.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(parsed, "us")

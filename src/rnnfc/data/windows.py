"""Windows: integer origins into a panel, cut so that no target row belongs to two splits.

An origin o is the first target row: inputs are rows [o - length, o), targets [o, o + horizon), never across two series. A
window belongs to the split that owns all its target rows; its inputs may reach back into earlier splits.
"""

import datetime as dt
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.errors import DataError

Rows = npt.NDArray[np.int64]

# Whatever lays windows side by side does it in parts of about this size, so that memory does not grow with their length.
_PART_BYTES = 8 * 2**20
# Training windows that forecasts are scored on: more would take longer than the training of a short epoch, and hardly
# change the score. Validation and test are scored whole.
_MOST_SCORED, _MOST_SCORED_VALUES = 20_000, 4_000_000


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows of one split; nothing is copied until a batch is asked for.

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
        """The same windows over views of the rows that they span, for networks: a series that begins before them begins later."""
        first, end = int(self.origins.min()) - self.length, int(self.origins.max()) + self.horizon
        bounds = np.clip(self.panel.bounds, first, end) - first
        return replace(
            self,
            panel=self.panel.rows(slice(first, end), bounds=bounds),
            origins=self.origins - np.int32(first),
        )

    def parts(self, *, most: int = sys.maxsize) -> Iterator[Self]:
        """The windows in their order, so many at a time that their inputs are a few MB, and at most `most`."""
        row_bytes = 8 * len(self.panel.channels)
        step = min(most, max(1, _PART_BYTES // (row_bytes * max(self.length, self.horizon))))
        return (
            replace(self, origins=self.origins[start : start + step]) for start in range(0, len(self), step)
        )

    def spread(self, most: int) -> Self:
        """At most `most` of the windows, evenly spaced, the first and the last among them."""
        if len(self) <= most:
            return self
        return replace(
            self, origins=self.origins[np.linspace(0, len(self) - 1, most).round().astype(np.int64)]
        )

    def thin(self, most: int) -> Rows:
        """Places of about `most` windows at most, and of the last one of each series.

        Their origins are every row of the series that a power of 5 divides: of two such choices one holds the other, whatever the
        window, horizon or split, and no season of 4, 7, 12, 24 or 168 rows is met in some of its phases only.
        """
        stride = 1
        while len(self) > most * stride:
            stride *= 5
        series = self.series
        last = np.diff(series, append=-1) != 0
        return np.flatnonzero(((self.origins - self.panel.bounds[series]) % stride == 0) | last)

    def inputs(self, part: slice = slice(None)) -> Floats:
        """x[window, length, channel] of some windows."""
        return np.asarray(self.panel.values[self.origins[part, None] + np.arange(-self.length, 0)])

    def targets(self, part: slice = slice(None)) -> Floats:
        """y[window, horizon, target] of some windows."""
        return np.asarray(self.panel.values[self.target_rows[part], : self.panel.num_targets])

    def future(self) -> Floats:
        """[window, horizon, known]: what is known ahead of the rows of the targets."""
        known = slice(len(self.panel.channels) - self.panel.num_known, None)
        return np.asarray(self.panel.values[self.target_rows, known])

    def actual(self) -> Floats:
        """y[window, horizon, target] as it is scored: NaN where `missing: mask` filled it."""
        if not self.masked:
            return self.targets()
        return np.where(self.panel.filled[self.target_rows, : self.panel.num_targets], np.nan, self.targets())

    @property
    def masked(self) -> bool:
        """Whether targets may be among the values that `missing` filled; they count for nothing."""
        return self.panel.missing == "mask" and bool(self.panel.filled[:, : self.panel.num_targets].any())

    def complete(self) -> Self:
        """The windows with no masked target; all where there is no such window."""
        whole = (
            _filled_targets(self.panel, self.origins, horizon=self.horizon) == 0
            if self.masked
            else np.zeros(0)
        )
        return replace(self, origins=self.origins[whole]) if whole.any() else self

    def weights(self) -> npt.NDArray[np.float32]:
        """What each value counts for in a mean loss of all windows, [row, target]: nothing where masked, the others share."""
        targets = self.panel.num_targets
        values = len(self) * self.horizon * targets
        known = values - int(_filled_targets(self.panel, self.origins, horizon=self.horizon).sum())
        return np.where(self.panel.filled[:, :targets], 0.0, values / known).astype(np.float32)

    @property
    def target_rows(self) -> Rows:
        """Row of each target, [window, horizon]."""
        return self.origins[:, None].astype(np.int64) + np.arange(self.horizon)

    @property
    def series(self) -> Rows:
        """Index of each window's series, [window]."""
        # By the last input row: a window past the end of the data has no target row.
        return np.searchsorted(self.panel.bounds, self.origins - 1, side="right") - 1

    @property
    def num_series(self) -> int:
        """How many series have a window here."""
        return len(np.unique(self.series))

    @property
    def target_time(self) -> Times:
        """Time of each target, [window, horizon]."""
        return self.panel.time[self.target_rows]

    @property
    def span(self) -> tuple[Any, Any]:
        """Time of the first and of the last target."""
        return self.panel.time[self.origins].min(), self.panel.time[self.origins + (self.horizon - 1)].max()

    @property
    def origin_time(self) -> Times:
        """Time of each window's last input row, [window]."""
        return self.panel.time[self.origins - 1]


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The windows of each split, and the rows that each series gives to training: train_rows[series, 2], half-open."""

    train: Windows
    validation: Windows | None
    test: Windows
    train_rows: Rows

    def __iter__(self) -> Iterator[tuple[str, Windows]]:
        yield "train", self.train
        if self.validation is not None:
            yield "validation", self.validation
        yield "test", self.test

    @property
    def scored(self) -> dict[str, Windows]:
        """The windows that models are scored on, by split: of training at most 20,000 and four million values, evenly spaced."""
        values = self.train.horizon * self.train.panel.num_targets
        return {
            **dict(self),
            "train": self.train.spread(min(_MOST_SCORED, max(1, _MOST_SCORED_VALUES // values))),
        }


def cut_windows(panel: Panel, *, length: int, horizon: int, split: SplitSpec, stride: int = 1) -> Splits:
    """The windows of every split: every `stride`-th of training, all of the others.

    A row that `missing` filled is never a target, and never the last input row either: an interpolated value there would
    know the target after it. Where it masks, windows need one known target, and no row before the first value of a column.

    Raises:
        DataError: a split has too few rows for one window, or a border lies outside the data; with both numbers.
    """
    _refuse_dates_outside(panel, split)
    borders = np.array([_borders(panel, series, split) for series in range(len(panel.series))])  # [series, 4]
    parts: dict[str, Windows] = {}
    for index, name in enumerate(("train", "validation", "test")):
        if name != "validation" or split.validation is not None:
            rows, step = borders[:, index : index + 2], stride if name == "train" else 1
            parts[name] = _windows_of(panel, rows, name=name, length=length, horizon=horizon, stride=step)
    return Splits(
        train=parts["train"],
        validation=parts.get("validation"),
        test=parts["test"],
        train_rows=borders[:, :2],
    )


def _windows_of(panel: Panel, rows: Rows, *, name: str, length: int, horizon: int, stride: int) -> Windows:
    """Windows whose targets lie in rows[series, 2], from the first on in steps of `stride` rows."""
    first = np.maximum(rows[:, 0], _first_known(panel) + length)
    last = rows[:, 1] - horizon
    origins = np.concatenate(
        [np.arange(start, end + 1, stride, dtype=np.int32) for start, end in zip(first, last, strict=True)]
    )
    if not len(origins):
        _refuse_short(panel, rows, name=name, length=length, horizon=horizon)
    kept = origins[_usable(panel, origins, horizon=horizon)] if panel.filled.any() else origins
    if not len(kept):
        raise DataError(
            f"the {name} split has {len(origins):,} windows and all of them need a row that data.missing filled; "
            f"{'lower window.stride, ' if stride > 1 else ''}shorten window.horizon or give the split a part with fewer gaps"
        )
    return Windows(panel=panel, origins=kept, length=length, horizon=horizon)


def _first_known(panel: Panel) -> Rows:
    """The row from which on every column has had a value, [series]; only `mask` lets it be later than the first."""
    if panel.missing != "mask":
        return panel.bounds[:-1]
    series = itertools.pairwise(panel.bounds)
    return np.array([first + panel.filled[first:end].argmin(axis=0).max() for first, end in series])


def _usable(panel: Panel, origins: npt.NDArray[np.int32], *, horizon: int) -> npt.NDArray[np.bool_]:
    """Whether no target and not the last input row was filled, or a target is known where they are masked, [window]."""
    filled = _filled_targets(panel, origins, horizon=horizon)
    if panel.missing == "mask":
        return filled < horizon * panel.num_targets
    return np.asarray((filled == 0) & ~panel.filled[origins - 1].any(axis=1))


def _filled_targets(panel: Panel, origins: npt.NDArray[np.int32], *, horizon: int) -> Rows:
    """How many targets of each window were filled, [window]."""
    before = np.concatenate(
        [[0], np.cumsum(panel.filled[:, : panel.num_targets].sum(axis=1))]
    )  # filled values before each row
    return np.asarray(before[origins + horizon] - before[origins])


def _refuse_short(panel: Panel, rows: Rows, *, name: str, length: int, horizon: int) -> None:
    have = int((rows[:, 1] - rows[:, 0]).max())
    whose = f"series {panel.series[0]!r}" if len(panel.series) == 1 else "every series"
    if name == "train":
        raise DataError(
            f"the train split of {whose} has {have:,} rows, window.length={length:,} + window.horizon={horizon:,} needs "
            f"{length + horizon:,}; shorten the window or give more rows to training"
        )
    raise DataError(
        f"the {name} split of {whose} has {have:,} rows, window.horizon={horizon:,} needs {horizon:,} after "
        f"window.length={length:,} earlier rows; shorten the horizon or give more rows to split.{name}"
    )


def _borders(panel: Panel, series: int, split: SplitSpec) -> list[int]:
    """First row of train, validation and test, and the end of test."""
    first, end = map(int, panel.bounds[series : series + 2])
    if isinstance(split.test, str):
        # The first rows from the dates on; a series that ends before one has none, and gives its end.
        dates = [_moment(date) for date in (split.validation or split.test, split.test)]
        validation, test = first + np.searchsorted(panel.time[first:end], dates)
        return [first, int(validation), int(test), end]
    if isinstance(split.test, int):
        return _count_borders(panel, series, split)
    # Training and test round down, what is between them is validation; without validation it is training.
    rows = end - first
    test = end - _share(rows, split.test)
    if split.validation is None:
        return [first, test, test, end]
    train = split.train if split.train is not None else 1.0 - split.validation - split.test
    return [first, first + _share(rows, train), test, end]


def _share(rows: int, fraction: float) -> int:
    # The small sum keeps a fraction such as 1 - 0.1 - 0.2 from ending one row early.
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
            f"split asks for {parts} rows{'' if split.train else ' and something to train on'}, "
            f"series {panel.series[series]!r} has {end - first:,}; ask for fewer"
        )
    return [start, validation, test, stop]


def _refuse_dates_outside(panel: Panel, split: SplitSpec) -> None:
    first, last = panel.span
    whose = (
        f"series {panel.series[0]!r} runs"
        if len(panel.series) == 1
        else f"the {len(panel.series):,} series run"
    )
    for key, date in (("test", split.test), ("validation", split.validation)):
        if not isinstance(date, str):
            continue
        if panel.time.dtype.kind != "M":
            raise DataError(
                f"split.{key}: {date} is a date, and the data has no dates; use fractions or row counts"
            )
        if not first < _moment(date) <= last:
            raise DataError(
                f"split.{key}: {date} leaves no row before it or none from it on; {whose} from {format_time_exact(first)} to "
                f"{format_time_exact(last)}, choose a date after the first and up to the last"
            )


def _moment(date: str) -> np.datetime64:
    return np.datetime64(dt.datetime.fromisoformat(date), "us")

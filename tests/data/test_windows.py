from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_panel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnfc.config.split_spec import SplitSpec
from rnnfc.data import windows as windows_module
from rnnfc.data.frequency import Frequency
from rnnfc.data.missing import Rows, fill_gaps
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits, Windows, cut_windows
from rnnfc.errors import DataError

quick = settings(deadline=None, derandomize=True, max_examples=100)


def panel_of(
    *rows: int,
    channels: int = 3,
    targets: int = 2,
    filled: Sequence[tuple[int, int]] = (),
    dates: bool = True,
) -> Panel:
    """Series of so many rows: row r, channel c holds 10 r + c; daily from 2020-01-01, or numbered."""
    bounds = np.cumsum([0, *rows])
    values = 10.0 * np.arange(bounds[-1])[:, None] + np.arange(channels)
    return make_panel(
        values,
        bounds=bounds.tolist(),
        targets=targets,
        channels=("sold", "returned", "price"),
        filled=filled,
        daily=dates,
    )


def origins(splits: Splits) -> dict[str, list[int]]:
    return {name: windows.origins.tolist() for name, windows in splits}


def test_cut_windows__of_ten_rows_by_hand() -> None:
    splits = cut_windows(
        panel_of(10), length=3, horizon=2, split=SplitSpec(train=0.5, validation=0.2, test=0.3)
    )
    assert origins(splits) == {"train": [3], "validation": [5], "test": [7, 8]}
    assert splits.train_rows.tolist() == [[0, 5]]
    assert splits.train.origins.dtype == np.int32


# Column 2 has no value before row 2; target 0 has none in row 5, no target has one in rows 8 and 9.
MASKED = replace(
    panel_of(12, filled=[(0, 2), (1, 2), (5, 0), (8, 0), (8, 1), (9, 0), (9, 1)]), missing="mask"
)


def test_cut_windows__mask_keeps_windows_with_an_observed_target() -> None:
    splits = cut_windows(MASKED, length=2, horizon=2, split=SplitSpec(test=5))
    # From row 2 + length on; the window from row 8 on has no known target, the one from row 10 on a masked last input row.
    assert origins(splits) == {"train": [4, 5], "test": [7, 9, 10]}
    actual = splits.test.actual()
    assert actual[0, 0].tolist() == [70, 71]
    assert np.isnan(actual).tolist() == [
        [[False] * 2, [True] * 2],
        [[True] * 2, [False] * 2],
        [[False] * 2, [False] * 2],
    ]
    assert splits.test.without_masked_targets().origins.tolist() == [10]
    assert splits.train.without_masked_targets() is splits.train  # none is whole: all stay
    # 8 of 12 values are known, so each counts for 1.5.
    assert splits.test.loss_weights()[7:].tolist() == [[1.5, 1.5], [0, 0], [0, 0], [1.5, 1.5], [1.5, 1.5]]
    assert splits.test.loss_weights()[5].tolist() == [0, 1.5]


def test_windows__filled_inputs_are_not_masked() -> None:
    panel = replace(panel_of(12, filled=[(5, 2)]), missing="mask")
    assert not cut_windows(panel, length=2, horizon=2, split=SplitSpec(test=5)).test.is_masked
    assert cut_windows(MASKED, length=2, horizon=2, split=SplitSpec(test=5)).test.is_masked


def test_cut_windows__mask_begins_at_the_first_observed_row_of_each_series() -> None:
    panel = replace(panel_of(6, 7, filled=[(0, 2), (6, 0), (7, 0), (8, 0)]), missing="mask")
    # Rows 1 and 9 are the first in which every column has had a value.
    assert origins(cut_windows(panel, length=1, horizon=1, split=SplitSpec(test=1))) == {
        "train": [2, 3, 4, 10, 11],
        "test": [5, 12],
    }


def test_cut_windows__rows_from_start_counts_in_each_series() -> None:
    split = SplitSpec(train=4, validation=2, test=2, rows_from="start")
    splits = cut_windows(panel_of(10, 9), length=2, horizon=1, split=split)
    assert origins(splits) == {"train": [2, 3, 12, 13], "validation": [4, 5, 14, 15], "test": [6, 7, 16, 17]}
    assert splits.train_rows.tolist() == [[0, 4], [10, 14]]


def test_windows__without_mask_every_target_counts() -> None:
    splits = cut_windows(replace(MASKED, missing="ffill"), length=2, horizon=1, split=SplitSpec(test=5))
    assert origins(splits) == {"train": [3, 4], "test": [7, 11]}
    assert not splits.test.is_masked
    assert splits.test.actual().tolist() == splits.test.targets().tolist()
    assert splits.test.without_masked_targets() is splits.test


def test_cut_windows__mask_needs_an_observed_target() -> None:
    filled = np.zeros((8, 3), dtype=np.bool_)
    filled[6:, :2] = True
    with pytest.raises(DataError, match=r"the test split has 2 windows.*missing value"):
        cut_windows(
            replace(panel_of(8), filled=filled, missing="mask"), length=2, horizon=1, split=SplitSpec(test=2)
        )


@pytest.mark.parametrize(
    ("split", "south", "expected"),
    [
        # North has days 1 to 6, south (rows 6 to 8) three days from another one on: it ends before a border, or begins after it.
        (
            {"validation": "2020-01-04", "test": "2020-01-05"},
            1,
            {"train": [1, 2, 7, 8], "validation": [3], "test": [4, 5]},
        ),
        (
            {"validation": "2020-01-04", "test": "2020-01-05"},
            5,
            {"train": [1, 2], "validation": [3], "test": [4, 5, 7, 8]},
        ),
        ({"validation": 1, "test": 1}, 1, {"train": [1, 2, 3], "validation": [4, 7], "test": [5, 8]}),
        (
            {"train": 0.5, "validation": 0.25, "test": 0.25},
            1,
            {"train": [1, 2], "validation": [3, 4, 7, 8], "test": [5]},
        ),
    ],
)
def test_cut_windows__ragged_series_are_in_the_splits_they_reach(
    split: dict[str, Any], south: int, expected: dict[str, list[int]]
) -> None:
    panel = panel_of(6, 3)
    time = np.concatenate([panel.time[:6], panel.time[6:] + np.timedelta64(south - 1, "D")])
    assert (
        origins(cut_windows(replace(panel, time=time), length=1, horizon=1, split=SplitSpec(**split)))
        == expected
    )


def test_windows__have_inputs_targets_and_times() -> None:
    test = cut_windows(panel_of(10), length=4, horizon=3, split=SplitSpec(test=3)).test
    assert len(test) == 1
    # Rows 3 to 6, all of them training rows, then rows 7 to 9 of the two targets.
    assert test.inputs().tolist() == [[[30, 31, 32], [40, 41, 42], [50, 51, 52], [60, 61, 62]]]
    assert test.targets().tolist() == [[[70, 71], [80, 81], [90, 91]]]
    assert test.target_rows.tolist() == [[7, 8, 9]]
    assert test.origin_time.astype("datetime64[D]").astype(str).tolist() == ["2020-01-07"]
    assert test.target_time.astype("datetime64[D]").astype(str).tolist() == [
        ["2020-01-08", "2020-01-09", "2020-01-10"]
    ]


def test_windows__read_a_part() -> None:
    train = cut_windows(panel_of(9), length=2, horizon=1, split=SplitSpec(test=2)).train
    assert len(train) == 5
    assert train.inputs(slice(1, 4)).tolist() == train.inputs()[1:4].tolist()
    assert train.targets(slice(4, None)).tolist() == [[[60, 61]]]
    assert train.inputs(slice(1, 4)).shape == (3, 2, 3)


def test_windows__with_panel_keeps_the_rows() -> None:
    panel = panel_of(9)
    train = cut_windows(panel, length=2, horizon=1, split=SplitSpec(test=2)).train
    scaled = train.with_panel(panel.with_values(panel.values / 10))
    assert scaled.inputs().tolist() == (train.inputs() / 10).tolist()
    assert scaled.origins is train.origins


def test_windows__crop_keeps_the_windows_and_copies_nothing() -> None:
    # The series in the middle is too short for a window; a target of the last window is masked.
    panel = replace(panel_of(10, 3, 7, filled=[(19, 0)]), missing="mask", num_known=1)
    test = cut_windows(panel, length=3, horizon=2, split=SplitSpec(test=2)).test
    assert test.origins.tolist() == [8, 18]
    for windows, order in ((test, [3, 13]), (replace(test, origins=test.origins[::-1]), [13, 3])):
        near = windows.crop()
        assert near.panel.num_rows == 15, "rows 5 to 19"
        assert np.shares_memory(near.panel.values, panel.values)
        assert near.panel.bounds.tolist() == [0, 5, 8, 15]
        assert (near.origins.tolist(), near.origins.dtype) == (order, np.int32)
        assert near.series.tolist() == windows.series.tolist()
        for name in ("inputs", "targets", "future_covariates", "actual"):
            np.testing.assert_array_equal(getattr(near, name)(), getattr(windows, name)())
        assert near.target_time.tolist() == windows.target_time.tolist()
    assert np.isnan(test.actual()).sum() == 1
    assert test.future_covariates().shape == (2, 2, 1)


def test_windows__crop_past_the_end_keeps_the_inputs() -> None:
    panel = panel_of(4, 6)
    ahead = Windows(panel=panel, origins=np.array([10], dtype=np.int32), length=2, horizon=3)
    near = ahead.crop()
    assert near.panel.num_rows == 2
    assert near.inputs().tolist() == ahead.inputs().tolist() == [[[80, 81, 82], [90, 91, 92]]]
    assert near.series.tolist() == [1]


# split, then the origins of train, validation and test with length 1 and horizon 1, the training rows
BORDERS: list[tuple[dict[str, Any], list[int], list[int] | None, list[int], list[int]]] = [
    ({"test": 0.3}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"train": 0.7, "test": 0.3}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"validation": 0.2, "test": 0.3}, [1, 2, 3, 4], [5, 6], [7, 8, 9], [0, 5]),
    ({"train": 0.5, "validation": 0.2, "test": 0.3}, [1, 2, 3, 4], [5, 6], [7, 8, 9], [0, 5]),
    ({"train": 0.34, "validation": 0.33, "test": 0.33}, [1, 2], [3, 4, 5, 6], [7, 8, 9], [0, 3]),
    ({"train": 0.65, "test": 0.35}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"validation": 0.1, "test": 0.2}, [1, 2, 3, 4, 5, 6], [7], [8, 9], [0, 7]),
    ({"test": 3}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"train": 4, "test": 3}, [3, 4, 5, 6], None, [7, 8, 9], [3, 7]),
    ({"validation": 2, "test": 3}, [1, 2, 3, 4], [5, 6], [7, 8, 9], [0, 5]),
    ({"train": 4, "validation": 2, "test": 3}, [1, 2, 3, 4], [5, 6], [7, 8, 9], [1, 5]),
    ({"train": 7, "test": 3}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"test": "2020-01-08"}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"test": "2020-01-07T12:00"}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"test": "20200108"}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"test": "2020-W02-3"}, [1, 2, 3, 4, 5, 6], None, [7, 8, 9], [0, 7]),
    ({"validation": "2020-01-06", "test": "2020-01-08"}, [1, 2, 3, 4], [5, 6], [7, 8, 9], [0, 5]),
    ({"validation": "2020-01-09", "test": "2020-01-10"}, [1, 2, 3, 4, 5, 6, 7], [8], [9], [0, 8]),
]


@pytest.mark.parametrize(
    ("split", "train", "validation", "test", "train_rows"), BORDERS, ids=[str(case[0]) for case in BORDERS]
)
def test_cut_windows__borders_by_fraction_count_and_date(
    split: dict[str, Any],
    train: list[int],
    validation: list[int] | None,
    test: list[int],
    train_rows: list[int],
) -> None:
    splits = cut_windows(panel_of(10), length=1, horizon=1, split=SplitSpec(**split))
    expected = {"train": train, "validation": validation, "test": test}
    assert origins(splits) == {name: rows for name, rows in expected.items() if rows is not None}
    assert (splits.validation is None) == (validation is None)
    assert splits.train_rows.tolist() == [train_rows]


def test_cut_windows__rounding_of_a_fraction_loses_no_row() -> None:
    test = cut_windows(
        panel_of(100), length=1, horizon=1, split=SplitSpec(test=0.29)
    ).test  # 100 * 0.29 is 28.999999999999996
    assert len(test) == 29


def test_cut_windows__splits_each_series_and_crosses_none() -> None:
    splits = cut_windows(panel_of(10, 5, 6), length=2, horizon=1, split=SplitSpec(test=0.4))
    # Rows 0-9, 10-14 and 15-20; the last 4, 2 and 2 are tested.
    assert origins(splits) == {"train": [2, 3, 4, 5, 12, 17, 18], "test": [6, 7, 8, 9, 13, 14, 19, 20]}
    assert splits.train_rows.tolist() == [[0, 6], [10, 13], [15, 19]]
    assert splits.train.series.tolist() == [0, 0, 0, 0, 1, 2, 2]
    assert splits.test.series.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]


def test_cut_windows__skips_a_series_shorter_than_a_window() -> None:
    splits = cut_windows(panel_of(4, 10), length=3, horizon=2, split=SplitSpec(test=2))
    assert origins(splits) == {"train": [7, 8, 9, 10], "test": [12]}


def test_cut_windows__a_date_splits_each_series_at_its_own_row() -> None:
    splits = cut_windows(panel_of(4, 6), length=1, horizon=1, split=SplitSpec(test="2020-01-03"))
    assert origins(splits) == {"train": [1, 5], "test": [2, 3, 6, 7, 8, 9]}


def test_cut_windows__a_filled_row_is_no_target_and_no_last_input() -> None:
    panel = panel_of(14, channels=3, targets=2, filled=[(5, 1), (8, 2)])
    splits = cut_windows(panel, length=2, horizon=2, split=SplitSpec(test=3))
    # Of 2 to 9: row 5 is a target of 4 and 5 and the last input of 6; row 8, filled in an input only, is the last input of 9.
    assert origins(splits) == {"train": [2, 3, 7, 8], "test": [11, 12]}


SHORTER = "shorten the window or give more rows to training"


@pytest.mark.parametrize(
    ("rows", "length", "horizon", "split", "text"),
    [
        (
            [10],
            1500,
            1,
            {"test": 0.5},
            f"the train split of series 'north' has 5 rows, window.length=1,500 + window.horizon=1 needs 1,501; {SHORTER}",
        ),
        (
            [10, 8],
            4,
            3,
            {"test": 5},
            f"the train split of every series has 5 rows, window.length=4 + window.horizon=3 needs 7; {SHORTER}",
        ),
        (
            [10],
            2,
            3,
            {"test": 0.2},
            "the test split of series 'north' has 2 rows, window.horizon=3 needs 3 after window.length=2 earlier rows;",
        ),
        (
            [10, 8],
            2,
            3,
            {"test": 2},
            "the test split of every series has 2 rows, window.horizon=3 needs 3 after window.length=2 earlier rows;",
        ),
        (
            [10],
            1,
            2,
            {"validation": 1, "test": 4},
            "the validation split of series 'north' has 1 rows, window.horizon=2 needs 2 after window.length=1 earlier rows;",
        ),
        (
            [10],
            1,
            1,
            {"test": 0.05},
            "the test split of series 'north' has 0 rows, window.horizon=1 needs 1 after window.length=1 earlier rows;",
        ),
        (
            [10],
            1,
            1,
            {"train": 8, "test": 3},
            "split needs 8 + 3 rows, series 'north' has 10;",
        ),
        (
            [10],
            1,
            1,
            {"train": 4, "validation": 5, "test": 2000},
            "split needs 4 + 5 + 2,000 rows, series 'north' has 10;",
        ),
        (
            [10],
            1,
            1,
            {"test": 10},
            "split needs 10 rows and at least one row to train on, series 'north' has 10;",
        ),
        (
            [10, 4],
            1,
            1,
            {"validation": 2, "test": 2},
            "split needs 2 + 2 rows and at least one row to train on, series 'south' has 4;",
        ),
        (
            [10],
            1,
            1,
            {"test": "2019-12-31"},
            "split.test: no rows before 2019-12-31, or none from then on; "
            "series 'north' runs from 2020-01-01 to 2020-01-10.",
        ),
        (
            [10],
            1,
            1,
            {"validation": "2020-01-01", "test": "2020-01-08"},
            "split.validation: no rows before 2020-01-01, or none from then on; "
            "series 'north' runs from 2020-01-01 to 2020-01-10.",
        ),
        (
            [10, 4],
            1,
            1,
            {"test": "2020-01-11"},
            "split.test: no rows before 2020-01-11, or none from then on; "
            "the 2 series run from 2020-01-01 to 2020-01-10.",
        ),
    ],
)
def test_cut_windows__refuses_a_split_without_a_window(
    rows: list[int], length: int, horizon: int, split: dict[str, Any], text: str
) -> None:
    with pytest.raises(DataError) as caught:
        cut_windows(panel_of(*rows), length=length, horizon=horizon, split=SplitSpec(**split))
    assert str(caught.value).startswith(text)


def test_cut_windows__refuses_a_date_where_times_are_numbers() -> None:
    with pytest.raises(DataError, match=r"split\.test: 2020-01-05 is a date.*numbers"):
        cut_windows(panel_of(10, dates=False), length=1, horizon=1, split=SplitSpec(test="2020-01-05"))


def test_cut_windows__refuses_a_split_whose_windows_all_have_missing_values() -> None:
    with pytest.raises(
        DataError, match=r"the test split has 2 windows.*missing value.*; shorten window\.horizon"
    ):
        cut_windows(panel_of(10, filled=[(8, 0)]), length=2, horizon=2, split=SplitSpec(test=3))


shapes = st.fixed_dictionaries(
    {
        "rows": st.lists(st.integers(8, 14), min_size=1, max_size=3),
        "length": st.integers(1, 4),
        "horizon": st.integers(1, 3),
        "validation": st.none() | st.integers(1, 4),
        "test": st.integers(1, 4),
    }
)


def cut_shape(shape: dict[str, Any], filled: Sequence[tuple[int, int]] = ()) -> Splits:
    """The splits of a shape; shapes without windows are left out of the property."""
    total = sum(shape["rows"])
    panel = panel_of(*shape["rows"], filled=[(row % total, channel) for row, channel in filled])
    split = SplitSpec(validation=shape["validation"], test=shape["test"])
    try:
        return cut_windows(panel, length=shape["length"], horizon=shape["horizon"], split=split)
    except DataError:
        assume(False)
        raise


@quick
@given(shape=shapes, filled=st.lists(st.tuples(st.integers(0, 41), st.integers(0, 2)), max_size=4))
def test_cut_windows__finds_every_allowed_window_and_no_other(
    shape: dict[str, Any], filled: list[tuple[int, int]]
) -> None:
    splits = cut_shape(shape, filled)
    length, horizon, mask = shape["length"], shape["horizon"], splits.train.panel.filled
    allowed: dict[str, list[int]] = {name: [] for name, _ in splits}
    for first, end in zip(splits.train.panel.bounds[:-1], splits.train.panel.bounds[1:], strict=True):
        owner = ["train"] * (end - first - (shape["validation"] or 0) - shape["test"])
        owner += ["validation"] * (shape["validation"] or 0) + ["test"] * shape["test"]
        for origin in range(first + length, end - horizon + 1):
            owners = set(owner[origin - first : origin - first + horizon])
            needs_filled = mask[origin : origin + horizon, :2].any() or mask[origin - 1].any()
            if len(owners) == 1 and not needs_filled:
                allowed[owners.pop()].append(origin)
    assert origins(splits) == allowed


@quick
@given(shape=shapes)
def test_cut_windows__splits_never_share_target_rows(shape: dict[str, Any]) -> None:
    splits = cut_shape(shape)
    owned = [set(windows.target_rows.ravel().tolist()) for _, windows in splits]
    assert sum(map(len, owned)) == len(set.union(*owned))
    for series, (first, end) in enumerate(splits.train_rows):
        rows = splits.train.target_rows[splits.train.series == series]
        assert ((rows >= first) & (rows < end)).all()


@quick
@given(shape=shapes)
def test_windows__inputs_end_right_before_targets_in_the_same_series(shape: dict[str, Any]) -> None:
    for _, windows in cut_shape(shape):
        panel = windows.panel
        rows = (
            np.concatenate([windows.inputs()[:, :, 0], windows.targets()[:, :, 0]], axis=1) / 10
        )  # a value is 10 x its row
        assert (np.diff(rows, axis=1) == 1).all()
        assert (rows[:, windows.length] == windows.origins).all()
        assert (rows[:, 0] >= panel.bounds[windows.series]).all()
        assert (rows[:, -1] < panel.bounds[windows.series + 1]).all()


@quick
@given(shape=shapes, row=st.integers(0, 41))
def test_windows__ignore_rows_after_their_end(shape: dict[str, Any], row: int) -> None:
    splits = cut_shape(shape)
    row %= splits.train.panel.num_rows
    changed = splits.train.panel.values.copy()
    changed[row] = -1
    for _, windows in splits:
        other = windows.with_panel(windows.panel.with_values(changed))
        untouched = (windows.origins + windows.horizon <= row) | (windows.origins - windows.length > row)
        assert (windows.inputs() == other.inputs())[untouched].all()
        assert (windows.targets() == other.targets())[untouched].all()
        assert (windows.inputs() == other.inputs())[windows.origins <= row].all()


def filled_panel(values: npt.NDArray[np.float64], policy: str) -> Panel:
    axis = Frequency(unit="number", size=1)
    rows = Rows(values=values, time=np.arange(len(values)), frequency=axis, locate=str)
    complete, time, mask = fill_gaps(rows, policy=policy, channels=("sold", "returned", "price"))
    return replace(panel_of(len(values), dates=False), values=complete, time=time, filled=mask)


@quick
@given(
    empty=st.lists(st.tuples(st.integers(1, 18), st.integers(0, 2)), min_size=1, max_size=12),
    row=st.integers(0, 19),
    policy=st.sampled_from(["interpolate", "ffill"]),
)
def test_windows__filling_leaks_no_later_row(empty: list[tuple[int, int]], row: int, policy: str) -> None:
    values = np.arange(60.0).reshape(20, 3) ** 2
    values[tuple(np.transpose(empty))] = np.nan
    other = values.copy()
    other[row] += 1000.0
    panels = filled_panel(values, policy), filled_panel(other, policy)
    try:
        before, after = (cut_windows(panel, length=3, horizon=2, split=SplitSpec(test=8)) for panel in panels)
        scalers = [Scaler.fit(panel, before.train_rows, method="standard") for panel in panels]
    except DataError:
        assume(False)
    if row >= 12:
        assert scalers[0].to_json() == scalers[1].to_json()
    for one, two in ((before.train, after.train), (before.test, after.test)):
        early = one.origins <= row
        assert one.origins.tolist() == two.origins.tolist()
        assert one.inputs()[early].tolist() == two.inputs()[early].tolist()


def test_windows__future_covariates_are_the_last_channels_of_target_rows() -> None:
    panel = replace(panel_of(8), num_known=1)
    windows = Windows(panel=panel, origins=np.array([2, 5], dtype=np.int32), length=2, horizon=3)
    assert windows.future_covariates().tolist() == [[[22], [32], [42]], [[52], [62], [72]]]
    assert replace(windows, panel=panel_of(8)).future_covariates().shape == (2, 3, 0)


def test_windows__span_is_from_the_first_target_to_the_last() -> None:
    windows = cut_windows(panel_of(9, 7, dates=False), length=3, horizon=2, split=SplitSpec(test=4)).test
    assert windows.origins.tolist() == [5, 6, 7, 12, 13, 14]
    assert windows.span == (3, 8)


def test_windows__count_series_with_a_window() -> None:
    windows = cut_windows(panel_of(9, 4, 9), length=3, horizon=2, split=SplitSpec(test=2)).train
    assert (windows.num_series, len(np.unique(windows.series))) == (2, 2)
    assert {*windows.series.tolist()} == {0, 2}


def test_windows__past_the_end_have_inputs() -> None:
    panel = panel_of(4)
    ahead = Windows(panel=panel, origins=np.array([4], dtype=np.int32), length=2, horizon=3)
    assert ahead.inputs().tolist() == [[[20, 21, 22], [30, 31, 32]]]
    assert ahead.origin_time.tolist() == panel.time[3:].tolist()
    assert ahead.series.tolist() == [0]


def test_cut_windows__stride_thins_training_windows_only() -> None:
    panel = panel_of(20, 17, filled=[(8, 0)])
    split = SplitSpec(train=0.5, validation=0.2, test=0.3)
    whole, thin = (
        cut_windows(panel, length=2, horizon=1, split=split, stride=stride, fixed_stride=True)
        for stride in (1, 3)
    )
    assert whole.train.origins.tolist() == [2, 3, 4, 5, 6, 7, *range(22, 28)]
    assert thin.train.origins.tolist() == [2, 5, 22, 25]  # 8 holds a filled value
    assert thin.train_rows.tolist() == whole.train_rows.tolist()
    assert origins(thin) == {**origins(whole), "train": [2, 5, 22, 25]}
    complete = panel_of(20, 17)
    for fixed_stride in (True, False):  # one in each block of rows, whether it begins with the block or not
        far, near = (
            cut_windows(
                complete, length=2, horizon=1, split=split, stride=stride, fixed_stride=fixed_stride
            ).train.origins
            for stride in (1_000_000, 4)
        )
        assert (far // 20).tolist() == [0, 1]
        assert ((near - 2) // 4).tolist() == [0, 1, 5, 6]


def test_cut_windows__refuses_a_stride_that_leaves_missing_values_only() -> None:
    panel = panel_of(10, filled=[(2, 0)])
    with pytest.raises(
        DataError,
        match=r"the train split has 1 windows.*missing value.*; lower window\.stride, shorten ",
    ):
        cut_windows(panel, length=2, horizon=1, split=SplitSpec(test=2), stride=100, fixed_stride=True)
    with pytest.raises(DataError, match=r"missing value.*; lower window\.stride, shorten "):
        cut_windows(
            panel_of(5, filled=[(2, 0)]),
            length=2,
            horizon=1,
            split=SplitSpec(test=2),
            stride=2,
            fixed_stride=True,
        )


@pytest.mark.parametrize(
    ("most", "kept"),
    [
        # Rows of two series of 60 and 40 rows, from 3 on; the last window begins two rows before the end.
        (95, [*range(3, 59), *range(63, 99)]),
        (91, [*range(5, 59, 5), 58, *range(65, 99, 5), 98]),
        (18, [25, 50, 58, 85, 98]),
        (1, [58, 98]),
    ],
)
def test_thin__takes_every_5th_25th_125th_origin_and_the_last(most: int, kept: list[int]) -> None:
    values = np.zeros((100, 1))
    panel = replace(
        MASKED, values=values, time=np.arange(100), bounds=np.array([0, 60, 100]), series=("a", "b")
    )
    origins = np.array([*range(3, 59), *range(63, 99)], dtype=np.int32)
    windows = Windows(panel=panel, origins=origins, length=3, horizon=2)
    assert origins[windows.sparse_index(most)].tolist() == kept


def test_thin__of_two_choices_one_contains_the_other() -> None:
    panel = replace(MASKED, values=np.zeros((500, 1)), time=np.arange(500), bounds=np.array([0, 500]))

    def rows(first: int, horizon: int, most: int) -> set[int]:
        windows = Windows(
            panel=panel, origins=np.arange(first, 501 - horizon, dtype=np.int32), length=3, horizon=horizon
        )
        return set(windows.origins[windows.sparse_index(most)].tolist()) - {500 - horizon}

    few, many = rows(first=203, horizon=40, most=20), rows(first=101, horizon=7, most=100)
    assert few == set(range(225, 460, 25))
    assert few < many == set(range(105, 493, 5))


def test_subsample__is_evenly_spaced_from_the_first_to_the_last() -> None:
    train = cut_windows(panel_of(12), length=1, horizon=1, split=SplitSpec(test=1)).train
    assert train.origins.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert train.subsample(4).origins.tolist() == [1, 4, 7, 10]
    assert train.subsample(10) is train


def test_batches__are_all_windows_in_order_and_small(monkeypatch: pytest.MonkeyPatch) -> None:
    train = cut_windows(panel_of(13), length=5, horizon=2, split=SplitSpec(test=2)).train
    monkeypatch.setattr(
        windows_module, "_BATCH_BYTES", 3 * 5 * 3 * 8
    )  # three windows of five rows of three channels
    assert [part.origins.tolist() for part in train.batches()] == [[5, 6, 7], [8, 9]]
    assert [part.origins.tolist() for part in train.batches(max_windows=2)] == [[5, 6], [7, 8], [9]]
    monkeypatch.setattr(windows_module, "_BATCH_BYTES", 1)
    assert len(list(train.batches())) == 5


def test_splits__score_a_sample_of_training_and_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    splits = cut_windows(
        panel_of(20), length=1, horizon=1, split=SplitSpec(train=0.5, validation=0.2, test=0.3)
    )
    monkeypatch.setattr(windows_module, "_MAX_SCORED", 3)
    scored = {name: some.origins.tolist() for name, some in splits.scored.items()}
    assert scored == {**origins(splits), "train": [1, 5, 9]}
    assert list(scored) == ["train", "validation", "test"]
    values = splits.train.horizon * splits.train.panel.num_targets
    monkeypatch.setattr(windows_module, "_MAX_SCORED_VALUES", 3 * values - 1)
    assert splits.scored["train"].origins.tolist() == [1, 9]
    monkeypatch.setattr(windows_module, "_MAX_SCORED_VALUES", values - 1)
    assert len(splits.scored["train"]) == 1


@pytest.mark.parametrize(("length", "horizon"), [(4000, 1), (100, 4000)])
def test_batches__of_long_windows_have_few_of_them(length: int, horizon: int) -> None:
    train = cut_windows(panel_of(15_000), length=length, horizon=horizon, split=SplitSpec(test=4000)).train
    parts = list(train.batches(max_windows=1024))
    assert len(parts[0]) == 8 * 2**20 // (8 * 4000 * 3)
    assert sum(map(len, parts)) == len(train)


@pytest.mark.parametrize(
    ("stride", "season", "windows"),
    [
        (24, 24, 24),
        (48, 24, 24),
        (168, 24, 24),
        (12, 24, 24),
        (23, 24, 24),
        (7, 24, 24),
        (33, 24, 24),
        (24, 168, 168),
        (18, 12, 12),
    ],
)
def test_cut_windows__training_windows_meet_every_phase(stride: int, season: int, windows: int) -> None:
    rows = stride * windows
    splits = cut_windows(
        panel_of(3 + rows), length=2, horizon=1, split=SplitSpec(test=1), stride=stride, season=season
    )
    assert len(splits.train) == windows == len({*(splits.train.origins % season).tolist()})
    assert (splits.train.origins - 2).tolist() == sorted(splits.train.origins - 2)
    assert ((splits.train.origins - 2) // stride).tolist() == list(range(windows))
    assert splits.whole_train is not None
    assert splits.whole_train.origins.tolist() == list(range(2, 2 + rows))


def test_cut_windows__many_short_series_meet_every_phase_and_weekday() -> None:
    panel = make_panel(*[np.zeros(3 + 96)] * 60, names=[str(series) for series in range(60)])
    train = cut_windows(panel, length=2, horizon=1, split=SplitSpec(test=1), stride=24, season=24).train
    assert np.bincount((train.origins - panel.bounds[train.series]) % 24).tolist() == [10] * 24
    hourly = cut_windows(
        panel_of(3 + 168 * 90), length=2, horizon=1, split=SplitSpec(test=1), stride=168, season=24
    )
    assert len(np.unique(hourly.train.origins // 24 % 7)) == 7


def test_cut_windows__a_stride_of_one_or_a_regular_one_stays() -> None:
    panel, split = panel_of(60), SplitSpec(test=1)
    every = cut_windows(panel, length=2, horizon=1, split=split, stride=1, season=12)
    assert (every.train.origins.tolist(), every.whole_train) == (list(range(2, 59)), None)
    regular = cut_windows(panel, length=2, horizon=1, split=split, stride=12, season=12, fixed_stride=True)
    assert (regular.train.origins.tolist(), regular.whole_train) == ([2, 14, 26, 38, 50], None)


@pytest.mark.parametrize(
    ("stride", "season", "windows"), [(24, 24, 10), (8, 168, 63), (24, 168, 70), (48, 24, 6)]
)
def test_cut_windows__few_windows_are_spread_over_the_season(stride: int, season: int, windows: int) -> None:
    panel = panel_of(3 + stride * windows)
    train = cut_windows(
        panel, length=2, horizon=1, split=SplitSpec(test=1), stride=stride, season=season
    ).train
    assert train.num_phases(season) == windows
    hours = np.unique(train.origins % 24)
    assert np.diff([*hours, hours[0] + 24]).max() <= 6  # no quarter of the day is left out

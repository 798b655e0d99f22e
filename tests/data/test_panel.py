from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import make_panel

from rnnfc.data.panel import Panel, format_time, format_time_exact, parse_times


@pytest.fixture
def panel() -> Panel:
    """Two series of 2 and 3 rows, two channels."""
    return make_panel([[1, 10], [2, 20]], [[3, 30], [4, 40], [5, 50]])


def test_panel__counts_rows_and_names_targets(panel: Panel) -> None:
    assert panel.num_rows == 5
    assert panel.targets == ("sold",)


def test_panel__with_values_changes_nothing_else(panel: Panel) -> None:
    other = panel.with_values(panel.values + 1)
    assert other.values[0].tolist() == [2, 11]
    assert panel.values[0].tolist() == [1, 10]
    assert other.time is panel.time


def test_fingerprint__is_the_same_for_a_copy(panel: Panel) -> None:
    copy = replace(panel, values=np.asfortranarray(panel.values), time=panel.time.copy())
    assert copy.fingerprint() == panel.fingerprint()
    assert len(panel.fingerprint()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.array([[1.0, 10], [2, 20], [3, 30], [4, 40], [5, np.nextafter(50, 51)]])},
        {"values": np.array([[1.0, 10, 2, 20, 3], [30, 4, 40, 5, 50]])},
        {"time": np.array([0, 1, 0, 1, 3])},
        {"time": np.array([0, 1, 0, 1, 2]).astype("datetime64[us]")},
        {"bounds": np.array([0, 3, 5])},
        {"series": ("north", "west")},
        {"channels": ("sold", "cost")},
        {"num_targets": 2},
        {"filled": np.eye(5, 2, dtype=np.bool_)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_fingerprint__differs_for_other_data(panel: Panel, change: dict[str, object]) -> None:
    assert replace(panel, **change).fingerprint() != panel.fingerprint()


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("1949-01-01", "1949-01-01"),
        ("2015-02-17T09:30", "2015-02-17T09:30"),
        ("2015-02-17T10:00", "2015-02-17T10:00"),
        ("2015-02-17T00:00:30", "2015-02-17T00:00:30"),
        ("2015-02-17T00:00:00.25", "2015-02-17T00:00:00.250000"),
    ],
)
def test_format_time__writes_a_date_shortly(time: str, text: str) -> None:
    assert format_time(np.datetime64(time, "us")) == text
    assert format_time(np.datetime64(time)) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (np.int64(17), "17"),
        (np.int64(1577836800123), "1577836800123"),
        (np.int64(1577836800123456789), "1577836800123456789"),
        (17.0, "17"),
        (-0.5, "-0.5"),
        (np.float64(100 * 998 / 999), "99.8998999"),
        (0.1 + 0.2, "0.3"),
        (2.0**62, "4.611686018e+18"),
    ],
)
def test_format_time__writes_a_number_without_noise(time: float, text: str) -> None:
    assert format_time(time) == text


def test_parse_times__reads_back_exact_times() -> None:
    dates = np.array(
        ["2015-02-17T00:00", "2015-02-17T09:30", "2015-02-17T09:30:00.25"], dtype="datetime64[us]"
    )
    assert parse_times([format_time(date) for date in dates]).tolist() == dates.tolist()
    assert parse_times([format_time_exact(date, "-03:30") for date in dates]).tolist() == dates.tolist()
    nanoseconds = [1577836800123456789, -1577836800123456790]
    assert parse_times([format_time(count) for count in np.array(nanoseconds)]).tolist() == nanoseconds
    assert parse_times([format_time(count) for count in (-2, 17, 0.25)]).tolist() == [-2, 17, 0.25]


def test_observed__is_nan_where_filled_and_copies_only_then() -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]], filled=[(1, 0)])
    np.testing.assert_array_equal(panel.observed(slice(0, 2)), [[1, 2], [np.nan, 4]])
    np.testing.assert_array_equal(panel.observed(slice(1, 3), slice(0, 1)), [[np.nan], [5]])
    assert np.shares_memory(panel.observed(slice(1, 3), slice(1, 2)), panel.values)


def test_truncate_to__drops_and_counts_later_rows(panel: Panel) -> None:
    last = replace(panel.tail(1), time=np.array([0, 1]))
    early = panel.truncate_to(last)
    assert early.values.tolist() == [[1, 10], [3, 30], [4, 40]]
    assert (early.time.tolist(), early.bounds.tolist(), early.later) == ([0, 0, 1], [0, 1, 3], 2)
    assert panel.truncate_to(panel.tail(2)).fingerprint() == panel.fingerprint()
    assert panel.truncate_to(panel.tail(2)).later == 0


def test_truncate_to__drops_and_counts_new_series(panel: Panel) -> None:
    south = panel.select_series(np.array([False, True]))
    early = panel.truncate_to(replace(south.tail(1), time=np.array([1])))
    assert (early.series, early.values.tolist(), early.later, early.left_out) == (
        ("south",),
        [[3, 30], [4, 40]],
        3,
        0,
    )
    assert panel.truncate_to(south.tail(1)).fingerprint() == south.fingerprint()


@pytest.mark.parametrize(
    "last",
    [{"series": ("north", "west")}, {"time": np.array(["2020-01-01", "2020-01-01"], dtype="datetime64[us]")}],
)
def test_truncate_to__keeps_a_panel_of_other_series_or_times(panel: Panel, last: dict[str, Any]) -> None:
    assert panel.truncate_to(replace(panel.tail(1), **last)) is panel


def test_select_series__keeps_their_rows_and_counts_the_others(panel: Panel) -> None:
    south = panel.select_series(np.array([False, True]))
    assert (south.series, south.bounds.tolist(), south.left_out) == (("south",), [0, 3], 1)
    assert south.values.tolist() == [[3, 30], [4, 40], [5, 50]]
    assert south.select_series(np.array([True])).left_out == 1

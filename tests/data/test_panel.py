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


def test_a_panel_counts_the_rows_of_all_series_and_names_its_targets(panel: Panel) -> None:
    assert panel.num_rows == 5
    assert panel.targets == ("sold",)


def test_other_values_leave_the_panel_as_it_was(panel: Panel) -> None:
    other = panel.with_values(panel.values + 1)
    assert other.values[0].tolist() == [2, 11]
    assert panel.values[0].tolist() == [1, 10]
    assert other.time is panel.time


def test_a_copy_has_the_same_fingerprint(panel: Panel) -> None:
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
def test_any_other_data_have_another_fingerprint(panel: Panel, change: dict[str, object]) -> None:
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
def test_a_date_is_written_no_longer_than_needed(time: str, text: str) -> None:
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
def test_a_number_is_written_without_noise(time: float, text: str) -> None:
    assert format_time(time) == text


def test_written_times_are_read_back() -> None:
    dates = np.array(
        ["2015-02-17T00:00", "2015-02-17T09:30", "2015-02-17T09:30:00.25"], dtype="datetime64[us]"
    )
    assert parse_times([format_time(date) for date in dates]).tolist() == dates.tolist()
    assert parse_times([format_time_exact(date, "-03:30") for date in dates]).tolist() == dates.tolist()
    nanoseconds = [1577836800123456789, -1577836800123456790]
    assert parse_times([format_time(count) for count in np.array(nanoseconds)]).tolist() == nanoseconds
    assert parse_times([format_time(count) for count in (-2, 17, 0.25)]).tolist() == [-2, 17, 0.25]


def test_known_values_are_nan_where_filled_and_no_copy_where_nothing_was() -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]], filled=[(1, 0)])
    np.testing.assert_array_equal(panel.known(slice(0, 2)), [[1, 2], [np.nan, 4]])
    np.testing.assert_array_equal(panel.known(slice(1, 3), slice(0, 1)), [[np.nan], [5]])
    assert np.shares_memory(panel.known(slice(1, 3), slice(1, 2)), panel.values)


def test_rows_until_the_last_ones_of_each_series_leave_out_and_count_the_later_ones(panel: Panel) -> None:
    last = replace(panel.tail(1), time=np.array([0, 1]))
    early = panel.until(last)
    assert early.values.tolist() == [[1, 10], [3, 30], [4, 40]]
    assert (early.time.tolist(), early.bounds.tolist(), early.later) == ([0, 0, 1], [0, 1, 3], 2)
    assert panel.until(panel.tail(2)).fingerprint() == panel.fingerprint()
    assert panel.until(panel.tail(2)).later == 0


def test_series_that_have_come_since_are_left_out_and_their_rows_counted(panel: Panel) -> None:
    south = panel.only(np.array([False, True]))
    early = panel.until(replace(south.tail(1), time=np.array([1])))
    assert (early.series, early.values.tolist(), early.later, early.left_out) == (
        ("south",),
        [[3, 30], [4, 40]],
        3,
        0,
    )
    assert panel.until(south.tail(1)).fingerprint() == south.fingerprint()


@pytest.mark.parametrize(
    "last",
    [{"series": ("north", "west")}, {"time": np.array(["2020-01-01", "2020-01-01"], dtype="datetime64[us]")}],
)
def test_other_series_or_clocks_end_nothing(panel: Panel, last: dict[str, Any]) -> None:
    assert panel.until(replace(panel.tail(1), **last)) is panel


def test_chosen_series_keep_their_rows_and_the_others_are_counted(panel: Panel) -> None:
    south = panel.only(np.array([False, True]))
    assert (south.series, south.bounds.tolist(), south.left_out) == (("south",), [0, 3], 1)
    assert south.values.tolist() == [[3, 30], [4, 40], [5, 50]]
    assert south.only(np.array([True])).left_out == 1

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnfc.data.frequency import Frequency, Times

quick = settings(deadline=None, derandomize=True, max_examples=60)

# the name, the rows of a time axis, the two rows after them
DATES = [
    ("monthly", "2020-01-01 2020-02-01 2020-03-01", "2020-04-01 2020-05-01"),
    ("monthly", "2019-11-15T06:30 2019-12-15T06:30 2020-01-15T06:30", "2020-02-15T06:30 2020-03-15T06:30"),
    ("monthly", "2020-11-28 2020-12-28 2021-01-28", "2021-02-28 2021-03-28"),
    ("monthly", "2019-11-30 2019-12-31 2020-01-31", "2020-02-29 2020-03-31"),  # month-ends
    (
        "monthly",
        "2020-07-31 2020-08-31",
        "2020-09-30 2020-10-31",
    ),  # month-ends of months that are equally long
    (
        "monthly",
        "2019-11-28 2019-12-29 2020-01-29",
        "2020-02-27 2020-03-29",
    ),  # the day before the day before the end
    (
        "monthly",
        "2020-12-29T05:00 2021-01-29T05:00",
        "2021-02-28T05:00 2021-03-29T05:00",
    ),  # February has no 29th
    ("monthly", "2021-02-05 2021-03-05", "2021-04-05 2021-05-05"),  # four weeks apart
    ("monthly", "2021-01-31 2021-02-28", "2021-03-31 2021-04-30"),  # four weeks apart
    ("every 28 days", "2021-02-05 2021-03-05 2021-04-02", "2021-04-30 2021-05-28"),
    ("every 27 days", "2021-02-05 2021-03-04", "2021-03-31 2021-04-27"),
    ("every 2 months", "2019-12-01 2020-02-01 2020-04-01", "2020-06-01 2020-08-01"),
    ("quarterly", "2019-07-01 2019-10-01 2020-01-01", "2020-04-01 2020-07-01"),
    ("quarterly", "2019-06-30 2019-09-30 2019-12-31", "2020-03-31 2020-06-30"),
    ("quarterly", "2019-04-30 2019-07-30 2019-10-30", "2020-01-30 2020-04-30"),
    ("yearly", "2018-01-01 2019-01-01 2020-01-01", "2021-01-01 2022-01-01"),
    ("yearly", "2018-12-31 2019-12-31", "2020-12-31 2021-12-31"),
    ("yearly", "2018-02-28 2019-02-28 2020-02-29", "2021-02-28 2022-02-28"),
    ("daily", "2020-02-27 2020-02-28 2020-02-29", "2020-03-01 2020-03-02"),
    ("daily", "2020-01-31 2020-02-01", "2020-02-02 2020-02-03"),
    ("every 7 days", "2020-02-03 2020-02-10 2020-02-17", "2020-02-24 2020-03-02"),
    ("hourly", "2020-02-28T22:00 2020-02-28T23:00", "2020-02-29T00:00 2020-02-29T01:00"),
    ("every 15 minutes", "2020-01-01T23:15 2020-01-01T23:30", "2020-01-01T23:45 2020-01-02T00:00"),
    ("every minute", "2020-01-01T23:57 2020-01-01T23:58", "2020-01-01T23:59 2020-01-02T00:00"),
    (
        "every second",
        "2020-01-01T00:00:07.5 2020-01-01T00:00:08.5",
        "2020-01-01T00:00:09.5 2020-01-01T00:00:10.5",
    ),
    (
        "every 5.053 seconds",
        "2020-01-01T00:00:00 2020-01-01T00:00:05.053",
        "2020-01-01T00:00:10.106 2020-01-01T00:00:15.159",
    ),
    (
        "every 40000 microseconds",
        "2020-01-01T00:00:00 2020-01-01T00:00:00.04",
        "2020-01-01T00:00:00.08 2020-01-01T00:00:00.12",
    ),
]
NUMBERS: list[tuple[str, list[float], list[float]]] = [
    ("every 1", [0, 1, 2], [3, 4]),
    ("every 5", [1990, 1995, 2000], [2005, 2010]),
    ("every 0.1", [0.1, 0.2, 0.3, 0.4], [0.5, 0.6]),
    ("every 2.5", [-2.5, 0.0, 2.5], [5.0, 7.5]),
    ("every 1e-10", [0.0, 1e-10, 2e-10], [3e-10, 4e-10]),
    ("every 1.23457e-05", [0.0, 1.23456789e-5, 2.46913578e-5], [3.70370367e-5, 4.93827156e-5]),
    ("every 86400", [1577836800.0, 1577923200.0], [1578009600.0, 1578096000.0]),
]
AXES = [
    *(
        (name, np.array(rows.split(), dtype="datetime64[us]"), np.array(after.split(), "datetime64[us]"))
        for name, rows, after in DATES
    ),
    *((name, np.array(rows), np.array(after)) for name, rows, after in NUMBERS),
]


def dates(text: str) -> Times:
    return np.array(text.split(), dtype="datetime64[us]")


@pytest.mark.parametrize(("name", "rows", "after"), AXES)
def test_frequency__infers_names_and_continues_a_regular_axis(name: str, rows: Times, after: Times) -> None:
    frequency = Frequency.infer(rows)
    assert str(frequency) == name
    assert frequency.find_irregular_row(rows) is None
    assert frequency.positions(rows) == pytest.approx(np.arange(len(rows)), rel=1e-8)
    following = frequency.next_times(rows[-1:], steps=2)
    assert following is not None
    assert following.dtype == rows.dtype
    if rows.dtype.kind == "f":
        assert following == pytest.approx(after, rel=1e-8, abs=0)
    else:
        assert following.tolist() == after.tolist()


@pytest.mark.parametrize("unit", ["month", "month_end", "microsecond", "number"])
def test_after__of_zero_steps_is_empty(unit: str) -> None:
    last = np.array([7.0]) if unit == "number" else dates("2020-01-31")
    after = Frequency(unit=unit, size=1).next_times(last, steps=0)
    assert after is not None
    assert after.shape == (0,)


def test_after__is_none_for_irregular_rows() -> None:
    frequency = Frequency(unit="rows", size=1)
    assert str(frequency) == "spacing ignored"
    assert frequency.next_times(dates("2020-02-28"), steps=3) is None


def test_after__keeps_whole_numbers() -> None:
    after = Frequency(unit="number", size=2.0).next_times(np.array([2**53 - 5]), steps=2)
    assert after is not None
    assert after.dtype == np.int64
    assert after.tolist() == [2**53 - 3, 2**53 - 1]


@pytest.mark.parametrize(
    ("rows", "name", "positions"),
    [
        (dates("2020-01-01 2020-02-01 2020-03-01 2020-06-01"), "monthly", [0, 1, 2, 5]),
        (dates("2020-01-31 2020-02-29 2020-06-30 2020-07-31"), "monthly", [0, 1, 5, 6]),
        (dates("2020-01-01 2020-01-04 2020-01-05 2020-01-06"), "daily", [0, 3, 4, 5]),
        (np.array([1, 2, 3, 9]), "every 1", [0, 1, 2, 8]),
    ],
)
def test_positions__missing_rows_are_jumps(rows: Times, name: str, positions: list[int]) -> None:
    frequency = Frequency.infer(rows)
    assert str(frequency) == name
    assert frequency.positions(rows).tolist() == positions
    assert frequency.find_irregular_row(rows) is None


def test_infer__takes_the_shorter_of_two_equally_common_steps() -> None:
    assert Frequency.infer(np.array([0, 3, 5])).size == 2


@pytest.mark.parametrize(
    ("rows", "first_off"),
    [
        (np.array([0.0, 1.0, 2.0, 3.4, 4.0, 5.0]), 3),
        (np.array([0, 2, 4, 5, 6, 8]), 3),
        (dates("2020-01-01 2020-01-02 2020-01-03T12:00 2020-01-04 2020-01-05 2020-01-06"), 2),
        (dates("2020-01-01 2020-01-02 2020-01-03 2020-01-03T23:59:59.999999 2020-01-05"), 3),
        (dates("2020-01-05 2020-04-05 2020-07-05 2020-08-05"), 3),
    ],
)
def test_off_grid__finds_a_row_between_two_steps(rows: Times, first_off: int) -> None:
    assert Frequency.infer(rows).find_irregular_row(rows) == first_off


def test_off_grid__finds_rows_too_far_apart_to_count() -> None:
    rows = np.array([-(2**62), 0, 2**62])
    assert Frequency.infer(rows).find_irregular_row(rows) == 2


def test_off_grid__is_exact_for_dates_far_from_the_first_row() -> None:
    rows = np.datetime64("2020-01-01", "us") + np.arange(700_000) * np.timedelta64(1, "m")
    rows[600_000] += np.timedelta64(20, "s")
    assert Frequency.infer(rows).find_irregular_row(rows) == 600_000


def test_off_grid__finds_two_rows_on_one_step() -> None:
    rows = np.insert(np.arange(400_002, dtype=np.float64), 400_000, 399_999.8)
    assert Frequency.infer(rows).find_irregular_row(rows) == 400_001


def test_off_grid__allows_decimals_to_drift_by_their_rounding() -> None:
    thirds = np.array([0, 0.3333333, 0.6666667, 1.0])
    assert Frequency(unit="number", size=1 / 3).find_irregular_row(thirds) is None
    assert Frequency(unit="number", size=1 / 3).find_irregular_row(np.array([0, 0.3333, 0.6667, 1.0])) == 1


@pytest.mark.parametrize("rows", [5, 1_000, 200_000])
def test_infer__reads_unix_seconds_at_a_tenth(rows: int) -> None:
    times = np.array([round(1577836800 + 0.1 * row, 1) for row in range(rows)])
    frequency = Frequency.infer(times)
    assert frequency.size == pytest.approx(0.1, rel=1e-6 if rows == 5 else 1e-9)
    assert frequency.find_irregular_row(times) is None
    times[3] += 0.01
    assert frequency.find_irregular_row(times) == 3


def test_infer__is_exact_for_nanoseconds() -> None:
    times = np.array([1577836800123456789, 1577836800123456790, 1577836800123456792])
    assert Frequency.infer(times).positions(times).tolist() == [0, 1, 3]


def test_infer__ignores_a_last_row_off_the_grid() -> None:
    assert Frequency.infer(np.array([0.0, 1.0, 2.0, 3.4])).size == 1


def test_off_grid__finds_a_row_too_far_to_count_steps() -> None:
    rows = np.array([0.0, 1e-9, 2e-9, 2.0**62])
    assert Frequency.infer(rows).find_irregular_row(rows) == 3


@quick
@given(
    start=st.integers(-(10**15), 10**15),
    size=st.sampled_from(
        [1, 40_000, 10**6, 15 * 60 * 10**6, 3_600 * 10**6, 86_400 * 10**6, 7 * 86_400 * 10**6]
    ),
    known=st.integers(3, 6),
    steps=st.integers(1, 4),
)
def test_after__continues_any_equally_spaced_axis(start: int, size: int, known: int, steps: int) -> None:
    rows = (
        np.datetime64("2000-01-01", "us")
        + np.timedelta64(start, "us")
        + np.arange(known + steps) * np.timedelta64(size, "us")
    )
    frequency = Frequency.infer(rows[:known])
    assert frequency.find_irregular_row(rows) is None
    after = frequency.next_times(rows[known - 1 : known], steps=steps)
    assert after is not None
    assert after.tolist() == rows[known:].tolist()


@quick
@given(
    month=st.integers(0, 600),
    day=st.integers(0, 27),
    size=st.integers(1, 14),
    known=st.integers(2, 6),
    steps=st.integers(1, 4),
    at_end=st.booleans(),
)
def test_after__keeps_the_day_of_any_monthly_axis(
    month: int, day: int, size: int, known: int, steps: int, at_end: bool
) -> None:
    assume(
        not (at_end and size == 12 and month % 12 == 1)
    )  # three times 28 February may be the 28th or the last day
    months = np.datetime64(month, "M") + np.timedelta64(size, "M") * np.arange(known + steps)
    first = (months + np.timedelta64(1 if at_end else 0, "M")).astype("datetime64[D]")
    days = first + np.timedelta64(-1 if at_end else day, "D")
    rows = days.astype("datetime64[us]")
    frequency = Frequency.infer(rows[:known])
    assert frequency.size == size
    after = frequency.next_times(rows[known - 1 : known], steps=steps)
    assert after is not None
    assert after.tolist() == rows[known:].tolist()


def _dates(*texts: str) -> Times:
    return np.array(texts, dtype="datetime64[us]")


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (("2024-01-31", "2024-02-29", "2024-03-31"), ["2024-04-30", "2024-05-31", "2024-06-30"]),
        (("2023-12-28", "2024-01-28", "2024-02-28"), ["2024-03-28", "2024-04-28", "2024-05-28"]),
        (("2023-11-15", "2023-12-15", "2024-01-15"), ["2024-02-15", "2024-03-15", "2024-04-15"]),
        (("2024-01-29", "2024-02-27", "2024-03-29"), ["2024-04-28", "2024-05-29", "2024-06-28"]),  # 2 days before the end
        (("2023-06-30", "2023-09-30", "2023-12-31"), ["2024-03-31", "2024-06-30", "2024-09-30"]),
        (("2023-06-30", "2023-09-30"), ["2023-12-31", "2024-03-31", "2024-06-30"]),
        (("2023-07-01", "2023-10-01", "2024-01-01"), ["2024-04-01", "2024-07-01", "2024-10-01"]),
        (("2023-02-15", "2023-05-15", "2023-08-15"), ["2023-11-15", "2024-02-15", "2024-05-15"]),
        (("2022-12-31", "2023-06-30", "2023-12-31"), ["2024-06-30", "2024-12-31", "2025-06-30"]),
        (("2022-01-31", "2022-07-31", "2023-01-31"), ["2023-07-31", "2024-01-31", "2024-07-31"]),
        (("2022-07-01", "2023-01-01", "2023-07-01"), ["2024-01-01", "2024-07-01", "2025-01-01"]),
        (("2021-12-31", "2022-12-31", "2023-12-31"), ["2024-12-31", "2025-12-31", "2026-12-31"]),
        (("2022-02-28", "2023-02-28", "2024-02-29"), ["2025-02-28", "2026-02-28", "2027-02-28"]),
        (("2024-02-29", "2025-02-28", "2026-02-28"), ["2027-02-28", "2028-02-29", "2029-02-28"]),
        (("2016-02-29", "2020-02-29", "2024-02-29"), ["2028-02-29", "2032-02-29", "2036-02-29"]),
        (("2022-04-06", "2023-04-06", "2024-04-06"), ["2025-04-06", "2026-04-06", "2027-04-06"]),
        (("2020-12-14", "2020-12-21", "2020-12-28"), ["2021-01-04", "2021-01-11", "2021-01-18"]),  # 2020 has 53 weeks
        (("2024-02-26", "2024-02-27", "2024-02-28"), ["2024-02-29", "2024-03-01", "2024-03-02"]),
        (("2023-12-30", "2023-12-31"), ["2024-01-01", "2024-01-02", "2024-01-03"]),
        (("2024-10-26T22", "2024-10-26T23"), ["2024-10-27", "2024-10-27T01", "2024-10-27T02"]),
    ],
)  # fmt: skip
def test_infer__continues_past_the_end_of_a_month_or_a_year(
    times: tuple[str, ...], expected: list[str]
) -> None:
    rows = _dates(*times)
    frequency = Frequency.infer(rows)
    assert frequency.find_irregular_row(rows) is None
    after = frequency.next_times(rows[-1:], steps=3)
    assert after is not None
    assert after.tolist() == _dates(*expected).tolist()


@pytest.mark.parametrize(
    "times",
    [
        ("2024-07-31", "2024-08-30", "2024-09-30", "2024-10-31", "2024-11-29"),  # last working days
        ("2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-02"),
        ("2024-01-16", "2024-02-14", "2024-03-16", "2024-04-15"),  # 16 days before the end
        ("2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"),  # the 30th, or the end
    ],
)
def test_infer__other_days_of_the_month_are_on_no_grid(times: tuple[str, ...]) -> None:
    rows = _dates(*times)
    assert Frequency.infer(rows).find_irregular_row(rows) is not None


STARTS, ENDS = (
    _dates("2020-01-01", "2020-02-01", "2020-03-01"),
    _dates("2019-12-31", "2020-01-31", "2020-02-29"),
)
MONTH, MONTH_END = Frequency(unit="month", size=1), Frequency(unit="month_end", size=1)


@pytest.mark.parametrize(
    ("frequency", "times", "expected"),
    [
        (MONTH, STARTS, True),
        (MONTH, ENDS, False),
        (MONTH_END, ENDS, True),
        (MONTH_END, STARTS, False),
        (MONTH_END, _dates("2020-01-01", "2020-03-01"), False),  # both 31 days before the end
        (
            MONTH,
            _dates("2020-06-30", "2020-09-30"),
            False,
        ),  # the last day is 12-31, which the 30th does not lead to
        (MONTH, _dates("2020-02-29"), False),
        (MONTH, _dates("2022-02-28", "2023-02-28"), True),  # a day that every month has
        (MONTH, _dates("2018-12-31", "2019-12-31"), True),  # the 31st is the last day of every month
        (MONTH, _dates("2020-01-30", "2020-03-30"), True),
        (MONTH, STARTS + np.timedelta64(14, "D"), True),  # another day, on which it goes on
        (Frequency(unit="microsecond", size=1), ENDS, True),
        (Frequency(unit="number", size=1), np.array([1, 2]), True),
    ],
)
def test_has_month_convention__tells_month_starts_from_month_ends(
    frequency: Frequency, times: Times, expected: bool
) -> None:
    assert frequency.has_month_convention(times) is expected


@pytest.mark.parametrize(
    ("frequency", "time", "reference", "expected"),
    [
        (MONTH, "2020-06-01", "2020-03-01", True),
        (MONTH, "2020-05-31", "2020-03-01", False),
        (MONTH, "2020-06-30", "2020-03-31", True),  # June has no 31st
        (MONTH, "2021-02-28", "2021-01-30", True),
        (MONTH_END, "2020-06-30", "2020-02-29", True),
        (MONTH_END, "2020-07-01", "2020-02-29", False),
        (MONTH_END, "2020-06-29", "2020-02-29", False),  # the last working day, or another day before the end
        (MONTH_END, "2020-06-27", "2020-02-26", True),  # three days before the end
    ],
)
def test_has_month_convention__compares_new_rows_with_a_row_at_training(
    frequency: Frequency, time: str, reference: str, expected: bool
) -> None:
    (before,) = _dates(reference)
    assert frequency.has_month_convention(_dates(time), reference=before) is expected

import numpy as np
import numpy.typing as npt
import pytest

from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.missing import Rows, fill_gaps, update_filled
from rnnfc.errors import DataError

NAN = np.nan
CHANNELS = ("sold", "price", "rain")
LINES = (2, 3, 5, 9)  # line of each row in the file


def rows_of(
    values: list[list[float]],
    time: list[float] | Times | None = None,
    *,
    unit: str = "number",
    size: float = 1,
) -> Rows:
    times = np.arange(len(values)) if time is None else np.asarray(time)
    return Rows(
        values=np.array(values, dtype=np.float64),
        time=times,
        frequency=Frequency(unit=unit, size=size),
        locate=lambda row: f"sales.csv:{LINES[: len(values)][row]}",
    )


def filled_by(
    policy: str, values: list[list[float]], time: list[float] | None = None
) -> tuple[list[list[float]], npt.NDArray]:
    complete, _, filled = fill_gaps(rows_of(values, time), policy=policy, channels=CHANNELS[: len(values[0])])
    return complete.tolist(), filled


@pytest.mark.parametrize(
    ("policy", "complete"),
    [
        ("interpolate", [[1, 10, 7], [2, 16, 7], [3, 22, 7], [4, 28, 7]]),
        ("ffill", [[1, 10, 7], [1, 10, 7], [1, 22, 7], [4, 28, 7]]),
    ],
)
def test_fill_gaps__imputes_missing_values_channel_by_channel(
    policy: str, complete: list[list[float]]
) -> None:
    values = [[1, 10, 7], [NAN, NAN, 7], [NAN, 22, 7], [4, 28, 7]]
    read, filled = filled_by(policy, values)
    assert read == complete
    assert filled.tolist() == [[False] * 3, [True, True, False], [True, False, False], [False] * 3]


@pytest.mark.parametrize(
    ("policy", "complete"),
    [
        ("interpolate", [[1, 10], [3, 20], [5, 30], [7, 40], [9, 50]]),
        ("ffill", [[1, 10], [1, 10], [1, 10], [1, 40], [9, 50]]),
    ],
)
def test_fill_gaps__imputes_missing_rows_on_the_grid(policy: str, complete: list[list[float]]) -> None:
    values, time = [[1.0, 10.0], [NAN, 40.0], [9.0, 50.0]], [4.0, 5.5, 6.0]
    read, times, filled = fill_gaps(rows_of(values, time, size=0.5), policy=policy, channels=CHANNELS[:2])
    assert read.tolist() == complete
    assert times.tolist() == [4.0, 4.5, 5.0, 5.5, 6.0]
    assert filled.tolist() == [[False, False], [True, True], [True, True], [True, False], [False, False]]


def test_fill_gaps__gives_missing_months_their_times() -> None:
    times = np.array(["2020-01-31", "2020-02-29", "2020-06-30"], dtype="datetime64[us]")
    with_gap = rows_of([[1], [2], [6]], times, unit="month_end")
    values, full, _ = fill_gaps(with_gap, policy="interpolate", channels=CHANNELS[:1])
    assert values.tolist() == [[1], [2], [3], [4], [5], [6]]
    assert full.astype("datetime64[D]").astype(str).tolist() == [
        *("2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31", "2020-06-30"),
    ]


def test_fill_gaps__keeps_the_times_of_present_rows() -> None:
    times = [0.0, 0.3333333, 1.0]
    _, full, _ = fill_gaps(rows_of([[1], [2], [4]], times, size=1 / 3), policy="ffill", channels=CHANNELS[:1])
    assert full.tolist() == [0.0, 0.3333333, 2 / 3, 1.0]


@pytest.mark.parametrize("policy", ["error", "interpolate", "ffill"])
def test_fill_gaps__keeps_complete_rows(policy: str) -> None:
    complete = rows_of([[1, 10], [2, 20]], [3, 4])
    values, times, filled = fill_gaps(complete, policy=policy, channels=CHANNELS[:2])
    assert values.tolist() == [[1, 10], [2, 20]]
    assert times is complete.time
    assert not filled.any()


@pytest.mark.parametrize("policy", ["error", "interpolate", "ffill"])
def test_fill_gaps__with_rows_as_steps_no_row_is_missing(policy: str) -> None:
    times = np.array(["2020-01-03", "2020-01-06", "2020-03-01"], dtype="datetime64[us]")
    values, full, filled = fill_gaps(
        rows_of([[1], [2], [4]], times, unit="rows"), policy=policy, channels=CHANNELS[:1]
    )
    assert values.tolist() == [[1], [2], [4]]
    assert full is times
    assert not filled.any()


def test_fill_gaps__ffill_fills_trailing_gaps() -> None:
    complete, filled = filled_by("ffill", [[1, 10], [2, 20], [NAN, 30], [NAN, NAN]])
    assert complete == [[1, 10], [2, 20], [2, 30], [2, 30]]
    assert filled[:, 0].tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("policy", "values", "time", "begins", "remedy"),
    [
        (
            "error",
            [[1, 10], [2, NAN], [NAN, NAN]],
            None,
            "sales.csv:3: price: missing value (3 in all)",
            "data.missing: interpolate, ffill, seasonal or mask",
        ),
        (
            "error",
            [[1], [2], [3], [NAN]],
            [1, 2, 6, 9],
            "sales.csv:5: missing rows between 2 and 6 (5 missing in all, spacing: every 1)",
            "data.missing: interpolate, ffill, seasonal or mask to fill them, or data.frequency: rows",
        ),
        (
            "interpolate",
            [[1, NAN], [2, NAN], [3, 30]],
            None,
            "sales.csv:2: price: the first 2 values are missing",
            "remove these rows",
        ),
        ("ffill", [[1, NAN], [2, 20]], None, "sales.csv:2: price: the first 1 values", "remove these rows"),
        (
            "interpolate",
            [[1, 10], [NAN, 20], [NAN, NAN], [NAN, 40]],
            None,
            "sales.csv:9: sold: the last 3 values are missing",
            "data.missing: ffill",
        ),
        ("interpolate", [[1, NAN], [2, NAN]], None, "sales.csv:2: price: the column has no values", "remove"),
        ("ffill", [[1, NAN], [2, NAN]], None, "sales.csv:2: price: the column has no values", "remove"),
        (
            "seasonal",
            [[1], [NAN], [3], [4]],
            None,
            "sales.csv:2: sold: 1 missing values in the first season",
            "data.missing: mask",
        ),
        (
            "ffill",
            [[1], [2], [3]],
            [0, 1, 2000],
            "sales.csv:2: 1,998 missing rows and only 3 present",
            "data.frequency: rows",
        ),
    ],
)
def test_fill_gaps__refuses_gaps_that_no_value_can_fill(
    policy: str, values: list[list[float]], time: list[float] | None, begins: str, remedy: str
) -> None:
    with pytest.raises(DataError) as caught:
        fill_gaps(rows_of(values, time), policy=policy, channels=CHANNELS[: len(values[0])], season=2)
    assert str(caught.value).startswith(begins)
    assert remedy in str(caught.value)


def test_fill_gaps__fills_as_many_missing_rows_as_present_ones() -> None:
    complete, filled = filled_by("interpolate", [[0], [1], [5]], [0, 1, 5])
    assert complete == [[0], [1], [2], [3], [4], [5]]
    assert filled.sum() == 3


@pytest.mark.parametrize(
    ("policy", "season", "column", "complete"),
    [
        # The sixth takes the third's, the seventh the first's, over a filled fourth.
        ("seasonal", 3, [1, 2, 3, NAN, 5, NAN, NAN, NAN, 9], [1, 2, 3, 1, 5, 3, 1, 5, 9]),
        ("mask", 3, [1, 2, 3, NAN, 5, NAN, NAN, NAN, 9], [1, 2, 3, 1, 5, 3, 1, 5, 9]),
        ("mask", None, [1, 2, 3, NAN, 5, NAN, NAN], [1, 2, 3, 3, 5, 5, 5]),
        # No season before: the value before; nothing before: the first one, which no window sees.
        ("mask", 3, [NAN, 2, NAN, NAN, 5, NAN], [2, 2, 2, 2, 5, 5]),
    ],
)
def test_impute__takes_an_earlier_season_and_mask_else_the_row_before(
    policy: str, season: int | None, column: list[float], complete: list[float]
) -> None:
    values, _, filled = fill_gaps(
        rows_of([[value] for value in column]), policy=policy, channels=CHANNELS[:1], season=season
    )
    assert values.ravel().tolist() == complete
    assert filled.ravel().tolist() == np.isnan(column).tolist()
    again = update_filled(
        np.where(filled, -1.0, values),
        filled,
        policy=policy,
        season=season,
        bounds=np.array([0, len(column)]),
    )
    assert again.ravel().tolist() == complete

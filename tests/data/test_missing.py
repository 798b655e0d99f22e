import numpy as np
import numpy.typing as npt
import pytest

from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.missing import Table, close, refill
from rnnfc.errors import DataError

NAN = np.nan
CHANNELS = ("sold", "price", "rain")
LINES = (2, 3, 5, 9)  # line of each row in the file


def table(
    values: list[list[float]],
    time: list[float] | Times | None = None,
    *,
    unit: str = "number",
    size: float = 1,
) -> Table:
    times = np.arange(len(values)) if time is None else np.asarray(time)
    return Table(
        values=np.array(values, dtype=np.float64),
        time=times,
        frequency=Frequency(unit=unit, size=size),
        where=lambda row: f"sales.csv:{LINES[: len(values)][row]}",
    )


def filled_by(
    policy: str, values: list[list[float]], time: list[float] | None = None
) -> tuple[list[list[float]], npt.NDArray]:
    complete, _, filled = close(table(values, time), policy=policy, channels=CHANNELS[: len(values[0])])
    return complete.tolist(), filled


@pytest.mark.parametrize(
    ("policy", "complete"),
    [
        ("interpolate", [[1, 10, 7], [2, 16, 7], [3, 22, 7], [4, 28, 7]]),
        ("ffill", [[1, 10, 7], [1, 10, 7], [1, 22, 7], [4, 28, 7]]),
    ],
)
def test_empty_cells_are_filled_channel_by_channel(policy: str, complete: list[list[float]]) -> None:
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
def test_absent_rows_are_filled_at_their_place_on_the_grid(policy: str, complete: list[list[float]]) -> None:
    values, time = [[1.0, 10.0], [NAN, 40.0], [9.0, 50.0]], [4.0, 5.5, 6.0]
    read, times, filled = close(table(values, time, size=0.5), policy=policy, channels=CHANNELS[:2])
    assert read.tolist() == complete
    assert times.tolist() == [4.0, 4.5, 5.0, 5.5, 6.0]
    assert filled.tolist() == [[False, False], [True, True], [True, True], [True, False], [False, False]]


def test_absent_months_get_their_times() -> None:
    times = np.array(["2020-01-31", "2020-02-29", "2020-06-30"], dtype="datetime64[us]")
    with_gap = table([[1], [2], [6]], times, unit="month_end")
    values, full, _ = close(with_gap, policy="interpolate", channels=CHANNELS[:1])
    assert values.tolist() == [[1], [2], [3], [4], [5], [6]]
    assert full.astype("datetime64[D]").astype(str).tolist() == [
        *("2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31", "2020-06-30"),
    ]


def test_the_times_of_present_rows_stay_as_they_were_typed() -> None:
    times = [0.0, 0.3333333, 1.0]
    _, full, _ = close(table([[1], [2], [4]], times, size=1 / 3), policy="ffill", channels=CHANNELS[:1])
    assert full.tolist() == [0.0, 0.3333333, 2 / 3, 1.0]


@pytest.mark.parametrize("policy", ["error", "interpolate", "ffill"])
def test_complete_rows_stay_as_they_are(policy: str) -> None:
    whole = table([[1, 10], [2, 20]], [3, 4])
    values, times, filled = close(whole, policy=policy, channels=CHANNELS[:2])
    assert values.tolist() == [[1, 10], [2, 20]]
    assert times is whole.time
    assert not filled.any()


@pytest.mark.parametrize("policy", ["error", "interpolate", "ffill"])
def test_with_rows_as_steps_no_row_is_absent(policy: str) -> None:
    times = np.array(["2020-01-03", "2020-01-06", "2020-03-01"], dtype="datetime64[us]")
    values, full, filled = close(
        table([[1], [2], [4]], times, unit="rows"), policy=policy, channels=CHANNELS[:1]
    )
    assert values.tolist() == [[1], [2], [4]]
    assert full is times
    assert not filled.any()


def test_trailing_gaps_are_filled_forward() -> None:
    complete, filled = filled_by("ffill", [[1, 10], [2, 20], [NAN, 30], [NAN, NAN]])
    assert complete == [[1, 10], [2, 20], [2, 30], [2, 30]]
    assert filled[:, 0].tolist() == [False, False, True, True]


CUT = "cut these rows"
STEP = "set data.missing: interpolate, ffill, seasonal or mask to fill them, or data.frequency: rows to take each row as one step"


@pytest.mark.parametrize(
    ("policy", "values", "time", "text"),
    [
        (
            "error",
            [[1, 10], [2, NAN], [NAN, NAN]],
            None,
            "sales.csv:3: price: the value is missing (3 in all); "
            "set data.missing: interpolate, ffill, seasonal or mask, or mend the file",
        ),
        (
            "error",
            [[1], [2], [3], [NAN]],
            [1, 2, 6, 9],
            f"sales.csv:5: between 2 and 6 rows are absent (5 in all at the step every 1); {STEP}",
        ),
        (
            "interpolate",
            [[1, NAN], [2, NAN], [3, 30]],
            None,
            f"sales.csv:2: price: the first 2 values are missing and nothing before them can fill them; {CUT}",
        ),
        (
            "ffill",
            [[1, NAN], [2, 20]],
            None,
            f"sales.csv:2: price: the first 1 values are missing and nothing before them can fill them; {CUT}",
        ),
        (
            "interpolate",
            [[1, 10], [NAN, 20], [NAN, NAN], [NAN, 40]],
            None,
            "sales.csv:9: sold: the last 3 values are missing, nothing after them to interpolate to; "
            "cut these rows or set data.missing: ffill",
        ),
        (
            "interpolate",
            [[1, NAN], [2, NAN]],
            None,
            "sales.csv:2: price: the column has no value at all; leave it out",
        ),
        (
            "ffill",
            [[1, NAN], [2, NAN]],
            None,
            "sales.csv:2: price: the column has no value at all; leave it out",
        ),
        (
            "ffill",
            [[1], [2], [3]],
            [0, 1, 2000],
            "sales.csv:2: 1,998 rows are absent and 3 present at the step every 1; "
            "cut the file to the part that is covered, or set data.frequency: rows",
        ),
    ],
)
def test_what_cannot_be_filled_is_refused(
    policy: str, values: list[list[float]], time: list[float] | None, text: str
) -> None:
    with pytest.raises(DataError) as caught:
        close(table(values, time), policy=policy, channels=CHANNELS[: len(values[0])])
    assert str(caught.value) == text


def test_as_many_absent_rows_as_present_ones_are_filled() -> None:
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
def test_a_season_before_fills_and_where_there_is_none_a_mask_takes_the_row_before(
    policy: str, season: int | None, column: list[float], complete: list[float]
) -> None:
    values, _, filled = close(
        table([[value] for value in column]), policy=policy, channels=CHANNELS[:1], season=season
    )
    assert values.ravel().tolist() == complete
    assert filled.ravel().tolist() == np.isnan(column).tolist()
    made = refill(
        np.where(filled, -1.0, values),
        filled,
        policy=policy,
        season=season,
        bounds=np.array([0, len(column)]),
    )
    assert made.ravel().tolist() == complete


def test_a_season_that_does_not_stand_before_is_told() -> None:
    with pytest.raises(DataError) as caught:
        close(table([[1], [NAN], [3], [4]]), policy="seasonal", channels=CHANNELS[:1], season=2)
    assert str(caught.value) == (
        "sales.csv:2: sold: 1 values of the first season are missing and no season before it can fill them; "
        "cut these rows or set data.missing: mask"
    )

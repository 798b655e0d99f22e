"""Many series in one file, in long format."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel
from rnnfc.data.sources.frame import FrameSpec
from rnnfc.data.sources.long import LongSpec
from rnnfc.errors import DataError

SHOPS = """shop,day,sold,price
south,2020-01-03,5,1
north,2020-01-01,10,2
south,2020-01-04,6,1
north,2020-01-02,11,2
north,2020-01-03,12,3
south,2020-01-05,7,1
"""


def load(folder: Path, text: str, **keys: Any) -> Panel:
    path = folder / "shops.csv"
    path.write_text(text)
    return load_panel(
        LongSpec(
            **{"kind": "long", "path": str(path), "series": "shop", "time": "day", "target": "sold", **keys}
        )
    )


def refused(folder: Path, text: str, **keys: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, text, **keys)
    return str(caught.value).removeprefix(f"{folder}/")


def days(panel: Panel) -> list[str]:
    return panel.time.astype("datetime64[D]").astype(str).tolist()


def test_long__orders_interleaved_series_by_their_first_row(tmp_path: Path) -> None:
    panel = load(tmp_path, SHOPS, inputs="price")
    assert panel.series == ("south", "north")
    assert panel.bounds.tolist() == [0, 3, 6]
    assert panel.values.tolist() == [[5, 1], [6, 1], [7, 1], [10, 2], [11, 2], [12, 3]]
    assert days(panel) == ["2020-01-03", "2020-01-04", "2020-01-05", "2020-01-01", "2020-01-02", "2020-01-03"]
    assert (panel.channels, panel.targets, str(panel.frequency)) == (("sold", "price"), ("sold",), "daily")
    assert [str(moment)[:10] for moment in panel.span] == ["2020-01-01", "2020-01-05"]


def test_panel__tail_has_the_last_rows_of_every_series(tmp_path: Path) -> None:
    tail = load(tmp_path, SHOPS).tail(2)
    assert tail.values.tolist() == [[6], [7], [11], [12]]
    assert tail.bounds.tolist() == [0, 2, 4]
    assert days(tail) == ["2020-01-04", "2020-01-05", "2020-01-02", "2020-01-03"]


def test_long__reads_numbers_as_times_and_na_as_a_series_name(tmp_path: Path) -> None:
    panel = load(tmp_path, "shop,day,sold\nNA,1,5\n007,3,1\nNA,2,6\n007,4,2\nNA,3,7\n")
    assert panel.series == ("NA", "007")
    assert panel.time.tolist() == [1, 2, 3, 3, 4]
    assert panel.time.dtype == np.int64


def test_long__fills_gaps_within_each_series(tmp_path: Path) -> None:
    text = "shop,day,sold\na,1,5\nb,1,100\na,2,\nb,3,300\na,4,11\nb,4,\n"
    panel = load(tmp_path, text, missing="ffill")
    assert panel.bounds.tolist() == [0, 4, 8]
    assert panel.values.ravel().tolist() == [5, 5, 5, 11, 100, 100, 300, 300]
    assert panel.filled.ravel().tolist() == [False, True, True, False, False, True, False, True]
    assert panel.time.tolist() == [1, 2, 3, 4, 1, 2, 3, 4]


def test_long__a_series_of_one_row_has_the_step_of_the_others(tmp_path: Path) -> None:
    assert load(
        tmp_path, "shop,day,sold\na,2020-01-01,5\nb,2020-01-01,6\nb,2020-01-08,7\n"
    ).bounds.tolist() == [0, 1, 3]


def test_long__reads_trading_days_as_rows(tmp_path: Path) -> None:
    text = "shop,day,sold\na,2020-01-03,5\na,2020-01-06,6\nb,2020-01-02,1\nb,2020-01-03,2\n"
    panel = load(tmp_path, text, frequency="rows")
    assert panel.bounds.tolist() == [0, 2, 4]
    assert str(panel.frequency) == "spacing ignored"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "south,2020-01-04",
            "south,2020-01-03",
            "shops.csv:4: series 'south': duplicate timestamp 2020-01-03, first on line 2;",
        ),
        (
            "north,2020-01-02",
            "north,2019-01-02",
            "shops.csv:5: series 'north': times are not sorted: 2019-01-02 comes after 2020-01-01",
        ),
        (
            "north,2020-01-01",
            ",2020-01-01",
            "shops.csv:3: shop: '' is not a series name",
        ),
        (
            "north,2020-01-02,11",
            "north,2020-01-02,",
            "shops.csv:5: series 'north': sold: missing value (1 in all)",
        ),
        (
            "south,2020-01-05",
            "south,2020-01-06",
            "shops.csv:7: series 'south': missing rows between 2020-01-04 and 2020-01-06 (1 missing in all, spacing: daily)",
        ),
        (
            "south,2020-01-05,7",
            "south,2020-01-05,x",
            "shops.csv:7: sold: 'x' is not a number",
        ),
        ("shop,day", "store,day", "shops.csv:1: no column 'shop'; columns: store, day, sold, price"),
    ],
)
def test_long__names_the_line_and_series_of_a_fault(tmp_path: Path, old: str, new: str, text: str) -> None:
    assert refused(tmp_path, SHOPS.replace(old, new)).startswith(text)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            "a,2020-01-01,1\na,2020-01-02,1\na,2020-01-03,1\nb,2020-01-01,1\nb,2020-01-08,1\n",
            "shops.csv: the rows of series 'b' are every 7 days, those of series 'a' are daily;",
        ),
        (
            "b,2020-01-01T00:00,1\nb,2020-01-01T01:00,1\na,2020-01-01,1\na,2020-01-02,1\na,2020-01-03,1\n",
            "shops.csv: the rows of series 'b' are hourly, those of series 'a' are daily;",
        ),
        (
            "a,1,1\nb,1,1\n",
            "shops.csv: every series has one row;",
        ),
        (
            "a,2019-12-31,1\na,2020-01-31,1\na,2020-02-29,1\nb,2020-02-01,1\nb,2020-03-01,1\n",
            "shops.csv:5: series 'b': the dates are not at month ends, those of series 'a' are at month ends;",
        ),
        (
            "a,2019-12-31,1\na,2020-01-31,1\na,2020-02-29,1\nb,2020-02-20,1\n",
            "shops.csv:5: series 'b': the dates are not at month ends, those of series 'a' are at month ends;",
        ),
        (
            "a,2020-01-01,1\na,2020-02-01,1\na,2020-03-01,1\nb,2020-01-31,1\nb,2020-02-29,1\n",
            "shops.csv:5: series 'b': the dates are at month ends, or on different days of the month, those of series 'a' are",
        ),
        (
            "a,2019-09-30,1\na,2019-12-31,1\na,2020-03-31,1\nb,2020-01-01,1\nb,2020-04-01,1\n",
            "shops.csv:5: series 'b': the dates are not at month ends,",
        ),
        (
            "a,2019-10-01,1\na,2020-01-01,1\na,2020-04-01,1\nb,2019-06-30,1\nb,2019-09-30,1\n",
            "shops.csv:5: series 'b': the dates are at month ends, or on different days of the month, those of series 'a' are",
        ),
    ],
)
def test_long__refuses_series_of_different_steps(tmp_path: Path, rows: str, text: str) -> None:
    assert refused(tmp_path, f"shop,day,sold\n{rows}").startswith(text)


@pytest.mark.parametrize(
    ("times", "form"),
    [(("20240130", "20240131", "20240201"), "%Y%m%d"), (("20240928", "20240929", "20240930"), "%Y%m%d")],
)
def test_long__asks_about_numbers_that_look_like_dates(
    tmp_path: Path, times: tuple[str, ...], form: str
) -> None:
    text = "shop,day,sold\n" + "".join(f"a,{time},1\n" for time in times)
    message = refused(tmp_path, text)
    assert message.startswith("shops.csv:2: ")
    assert f"data.time_format: '{form}'" in message
    assert "data.time_format: number" in message


OPEN = """shop,day,sold,stock,price
a,2020-01-01,5,9,1
b,2020-01-01,7,9,2
a,2020-01-02,6,8,1
b,2020-01-02,,,3
a,2020-01-03,,,4
b,2020-01-03,,,
b,2020-01-04,,,5
"""


@pytest.mark.parametrize("policy", ["error", "interpolate", "ffill", "mask"])
def test_long__rows_with_future_covariates_alone_are_to_be_forecast(tmp_path: Path, policy: str) -> None:
    panel = load(tmp_path, OPEN, inputs="stock", known="price", missing=policy)
    assert panel.values.tolist() == [[5, 9, 1], [6, 8, 1], [7, 9, 2]]
    assert (panel.bounds.tolist(), panel.filled.any()) == ([0, 2, 3], False)
    future = panel.future
    assert future is not None
    assert (future.channels, future.bounds.tolist(), future.values.ravel().tolist()) == (
        ("price",),
        [0, 1, 3],
        [4, 3, 5],
    )
    assert days(future) == ["2020-01-03", "2020-01-02", "2020-01-04"]
    frame = pd.read_csv(io.StringIO(OPEN))
    frame.to_parquet(tmp_path / "shops.parquet")
    keys = {
        "series": "shop",
        "time": "day",
        "target": "sold",
        "inputs": "stock",
        "known": "price",
        "missing": policy,
    }
    read = [
        load_panel(LongSpec(kind="long", path=str(tmp_path / "shops.parquet"), **keys)),
        load_panel(FrameSpec(kind="frame", **keys), frame=frame),
    ]
    for other in read:
        assert other.future is not None
        assert (other.fingerprint(), other.future.fingerprint()) == (
            panel.fingerprint(),
            future.fingerprint(),
        )


def test_long__a_stock_of_the_last_row_is_no_future(tmp_path: Path) -> None:
    text = OPEN.replace("a,2020-01-03,,,4", "a,2020-01-03,,7,4")
    message = refused(tmp_path, text, inputs="stock", known="price")
    assert message.startswith("shops.csv:6: series 'a': sold: missing value (1 in all)")
    without = refused(tmp_path, OPEN.replace("7,9,2", ",,2"), inputs="stock", known="price")
    assert without == "shops.csv:3: series 'b': no row has a value of sold; remove these rows"


@pytest.mark.parametrize("policy", ["ffill", "seasonal", "mask"])
def test_long__says_that_rows_without_a_target_at_the_end_are_filled(tmp_path: Path, policy: str) -> None:
    def notes(*sold: str) -> tuple[str, ...]:
        rows = "".join(f"{name},2020-01-0{day},{value}\n" for name, values in zip("ab", sold, strict=True)
                       for day, value in enumerate(values.split(","), 1))  # fmt: skip
        return load(tmp_path, f"shop,day,sold\n{rows}", missing=policy, season=2).notes

    assert notes("1,2,3,4", "1,2,,4") == ()
    (one,) = notes("1,2,3,4", "1,2,3,")
    assert one.startswith(
        f"1 of 2 series end with rows that have no sold (up to 1): filled by data.missing: {policy}, and"
    )
    (two,) = notes("1,2,3,", "1,2,,")
    assert two.startswith("2 of 2 series end with rows that have no sold (up to 2): ")
    assert two.endswith("Remove these rows to forecast them")


def test_long__says_that_an_hour_of_a_clock_change_was_filled(tmp_path: Path) -> None:
    def notes(*times: str) -> tuple[str, ...]:
        rows = "".join(f"a,{time},{row}\n" for row, time in enumerate(times))
        return load(tmp_path, f"shop,day,sold\n{rows}", missing="interpolate").notes

    spring = ("2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T03:00", "2024-03-31T04:00")
    (note,) = notes(*spring)
    assert note.startswith("1 missing row, the first at 2024-03-31T02:00, may be")
    assert "daylight saving time" in note
    assert notes(*[time.replace("03-31", "03-30") for time in spring]) == ()
    assert notes("2024-03-30", "2024-04-01", "2024-04-02", "2024-04-03") == ()

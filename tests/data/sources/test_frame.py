"""Data frames of pandas, polars and pyarrow; the last two where they are installed."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.frame import FrameSpec, as_frame_spec
from rnnfc.data.sources.long import LongSpec
from rnnfc.data.sources.sine import SineSpec
from rnnfc.errors import ConfigError, DataError

Build = Callable[[dict[str, list[Any]]], Any]
DAYS = [dt.datetime(2020, 1, 30 + day) if day < 2 else dt.datetime(2020, 2, day - 1) for day in range(4)]


def polars_frame(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("polars").DataFrame(columns, strict=False)


def pyarrow_table(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


@pytest.fixture(params=[pd.DataFrame, polars_frame, pyarrow_table], ids=["pandas", "polars", "pyarrow"])
def build(request: pytest.FixtureRequest) -> Build:
    """A data frame of each library from columns of Python values."""
    return request.param


def load(frame: Any, **keys: Any) -> Panel:
    return load_panel(
        FrameSpec.model_validate({"kind": "frame", "time": "day", "target": "sold", **keys}), frame=frame
    )


def test_frame__reads_the_columns_of_the_spec(build: Build) -> None:
    frame = build({"note": ["x"] * 4, "price": [1, 2, 3, 4], "sold": [5.5, 6, None, 8], "day": DAYS})
    panel = load(frame, inputs="price", missing="interpolate", unit="kg")
    assert panel.values.tolist() == [[5.5, 1], [6, 2], [7, 3], [8, 4]]
    assert panel.filled[:, 0].tolist() == [False, False, True, False]
    assert panel.time.tolist() == DAYS
    assert (panel.time.dtype, str(panel.frequency), panel.unit) == (np.dtype("datetime64[us]"), "daily", "kg")
    assert (panel.series, panel.channels, panel.targets) == (("frame",), ("sold", "price"), ("sold",))


def test_frame__reads_many_series_in_long_format(build: Build) -> None:
    frame = build({"shop": ["b", "a", "b", "a"], "day": [1, 7, 2, 8], "sold": [1, None, 3, 4]})
    panel = load(frame, series="shop", missing="mask")
    assert (panel.series, panel.bounds.tolist()) == (("b", "a"), [0, 2, 4])
    assert panel.values.ravel().tolist() == [1, 3, 4, 4]
    assert panel.time.tolist() == [1, 2, 7, 8]


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ([dt.date(2020, 1, 31), dt.date(2020, 2, 1), dt.date(2020, 2, 2)], "daily"),
        (["2020-01-31T06:00", "2020-01-31T07:00", "2020-01-31T08:00"], "hourly"),
        ([3, 5, 7], "every 2"),
        ([0.5, 1.0, 1.5], "every 0.5"),
        (
            [dt.datetime(2020, 1, 31, hour, tzinfo=dt.UTC) for hour in (1, 2, 3)],
            "hourly at UTC+00:00",
        ),
    ],
)
def test_frame__reads_times_of_each_type(build: Build, times: list[Any], step: str) -> None:
    panel = load(build({"day": times, "sold": [1, 2, 3]}))
    assert panel.step == step
    assert panel.num_rows == 3


def test_frame__reads_decimals_as_numbers(build: Build) -> None:
    assert load(build({"day": [1, 2], "sold": [Decimal("1.5"), Decimal("2.5")]})).values.tolist() == [
        [1.5],
        [2.5],
    ]


def test_frame__reads_a_decimal_comma_in_text_only(build: Build) -> None:
    for sold in (["1,5", "2,5"], [1.5, 2.5], [Decimal("1.5"), Decimal("2.5")]):
        panel = load(build({"day": [1, 2], "sold": sold}), decimal=",", separator=";")
        assert panel.values.ravel().tolist() == [1.5, 2.5]
    with pytest.raises(DataError, match=r"'1,5' is not a number; .*data.decimal"):
        load(build({"day": [1, 2], "sold": ["1,5", "2,5"]}))


def test_frame__numbers_rows_from_zero_without_a_time_column(build: Build) -> None:
    assert load(build({"sold": [5, 6, 9]}), time=None).time.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"day": [1, 2], "solt": [1, 2]}, "DataFrame: no column 'sold'; did you mean 'solt'?"),
        ({"day": [3, 3], "sold": [1, 2]}, "DataFrame: index 1: duplicate timestamp 3, first on index 0;"),
        ({"day": [1, 2], "sold": [True, False]}, "DataFrame: index 0: sold: 'True' is not a number"),
        ({"day": [1, 2], "sold": [1, None]}, "DataFrame: index 1: sold: missing value"),
        ({"day": [DAYS[0], None], "sold": [1, 2]}, "DataFrame: index 1: day: missing time"),
        ({"day": [1.5, 2.5, None], "sold": [1, 2, 3]}, "DataFrame: index 2: day: missing time"),
        ({"day": ["2020-01-01T00:00Z", None], "sold": [1, 2]}, "DataFrame: index 1: day: missing time"),
        (
            {"day": [DAYS[0].replace(tzinfo=dt.UTC), None], "sold": [1, 2]},
            "DataFrame: index 1: day: missing time",
        ),
        (
            {"day": [1, 2], "sold": ["1", "NA"]},
            "DataFrame: index 1: sold: 'NA' is not a number; a missing value is null (None or NaN), not text",
        ),
        ({"day": [1], "sold": [1]}, "DataFrame: 1 data row"),
    ],
)
def test_frame__names_the_index_of_a_fault(build: Build, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        load(build(columns))
    assert str(caught.value).startswith(message)


def test_frame__keeps_a_fixed_offset_and_reads_instants_over_a_clock_change(build: Build) -> None:
    hours = pd.date_range("2020-10-04T00:00", periods=4, freq="h")  # summer time begins in Melbourne at 2:00

    def in_zone(zone: str) -> Panel:
        local = hours.tz_localize("UTC").tz_convert(zone) - pd.Timedelta(hours=10)
        if build is pd.DataFrame:
            return load(pd.DataFrame({"day": local, "sold": [5, 6, 9, 8]}))
        arrow = pytest.importorskip("pyarrow").table({"day": local, "sold": [5, 6, 9, 8]})
        return load(arrow if build is pyarrow_table else pytest.importorskip("polars").from_arrow(arrow))

    panel = in_zone("Australia/Brisbane")
    assert (panel.step, str(panel.time[3])) == ("hourly at UTC+10:00", "2020-10-04T03:00:00.000000")
    panel = in_zone("Australia/Melbourne")
    assert (panel.step, str(panel.time[3])) == ("hourly at UTC+00:00", "2020-10-03T17:00:00.000000")


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int8", "float32"])
def test_frame__reads_the_number_types_of_pandas(dtype: str) -> None:
    frame = pd.DataFrame({"day": [1, 2, 3], "sold": pd.array([5, 6, 7], dtype=dtype)})
    if dtype[0].isupper():
        frame.loc[1, "sold"] = pd.NA
    assert load(frame, missing="ffill").values.ravel().tolist() == [5, 5 if dtype[0].isupper() else 6, 7]


def test_frame__takes_a_named_index_of_pandas_for_a_column() -> None:
    frame = pd.DataFrame({"sold": [5, 6]}, index=pd.date_range("2020-01-01", periods=2, name="day"))
    assert str(load(frame).frequency) == "daily"
    levels = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["shop", "day"])
    assert load(pd.DataFrame({"sold": [5, 6, 7, 8]}, index=levels), series="shop").series == ("a", "b")
    assert frame.index.name == "day"


def test_frame__reads_categories_and_periods_of_pandas() -> None:
    frame = pd.DataFrame(
        {
            "shop": pd.Categorical(["a", "a"]),
            "day": pd.period_range("2020-01", periods=2, freq="M"),
            "sold": [5, 6],
        }
    )
    panel = load(frame, series="shop")
    assert (panel.series, str(panel.frequency)) == (("a",), "monthly")


def test_frame__reads_columns_of_pandas_that_are_named_by_numbers() -> None:
    assert load(pd.DataFrame([[1, 5], [2, 6]]), time="0", target="1").values.tolist() == [[5], [6]]


def test_frame__refuses_a_duplicate_column() -> None:
    frame = pd.DataFrame([[1, 5, 5], [2, 6, 6]], columns=["day", "sold", "sold"])
    table = pytest.importorskip("pyarrow").table([[1, 2], [5, 6], [5, 6]], names=[*frame.columns])
    for each in (frame, table):
        with pytest.raises(DataError, match=r"^DataFrame: duplicate column 'sold'; rename one$"):
            load(each)


def test_frame__refuses_columns_of_several_levels() -> None:
    frame = pd.DataFrame([[1, 5], [2, 6]], columns=pd.MultiIndex.from_tuples([("day", ""), ("sold", "kg")]))
    with pytest.raises(DataError, match=r"^DataFrame: .*MultiIndex.*'_'\.join"):
        load(frame)


@pytest.mark.parametrize("dtype", ["Int128", "UInt128"])
def test_frame__reads_whole_numbers_of_128_bits(dtype: str) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"day": [1, 2, 3], "sold": pl.Series([5, None, 7], dtype=getattr(pl, dtype))})
    assert load(frame, missing="ffill").values.ravel().tolist() == [5, 5, 7]


def test_frame__refuses_series_names_of_bytes(build: Build) -> None:
    with pytest.raises(DataError, match=r"^DataFrame: index 0: shop: b'a' is bytes.*decode"):
        load(build({"shop": [b"a", b"a"], "day": [1, 2], "sold": [5, 6]}), series="shop")


def test_frame__reads_dates_without_the_format_of_text(build: Build) -> None:
    for zone in (None, dt.UTC):
        times = [day.replace(tzinfo=zone) for day in DAYS]
        assert load(build({"day": times, "sold": [1, 2, 3, 4]}), time_format="%d.%m.%Y").time.tolist() == DAYS


def test_frame__reads_daily_rows_over_a_clock_change_as_dates() -> None:
    days = pd.date_range("2020-03-28", periods=3, tz="Europe/Berlin")
    panel = load(pd.DataFrame({"day": days, "sold": [5, 6, 9]}))
    assert (panel.step, str(panel.time[-1])[:10]) == ("daily", "2020-03-30")


def test_frame__converts_times_to_the_offset_of_a_run() -> None:
    hours = pd.date_range("2020-01-01T22:00", periods=3, freq="h", tz="UTC")
    spec = FrameSpec.model_validate(
        {"kind": "frame", "time": "day", "target": "sold", "calendar": ("hour", "weekday")}
    )
    panel, expected = (
        load_panel(spec, frame=pd.DataFrame({"day": day, "sold": [5, 6, 9]}), offset=offset)
        for day, offset in ((hours, "-03:30"), (hours.tz_convert("-03:30"), ""))
    )
    assert (panel.offset, str(panel.time[0])) == ("-03:30", "2020-01-01T18:30:00.000000")
    assert panel.fingerprint() == expected.fingerprint()


def test_frame__keeps_a_negative_offset_of_half_an_hour() -> None:
    hours = pd.date_range("2020-01-01", periods=3, freq="h", tz="-03:30")
    panel = load(pd.DataFrame({"day": hours, "sold": [5, 6, 9]}))
    assert (panel.offset, str(panel.time[0])) == ("-03:30", "2020-01-01T00:00:00.000000")


@pytest.mark.parametrize("value", [{"sold": [1, 2]}, [[1, 2]], np.zeros((2, 2)), pd.Series([1, 2])])
def test_frame__refuses_what_is_not_a_data_frame(value: Any) -> None:
    with pytest.raises(DataError, match=r"not a data frame.*pandas, polars.*pyarrow"):
        load(value)


def test_frame__without_a_frame_names_the_python_call() -> None:
    with pytest.raises(DataError, match=r"data.kind: frame.*rnnfc\.train\(experiment, data=frame\)"):
        load(None)


def test_as_frame_spec__has_the_columns_of_a_file_and_turns_back() -> None:
    keys = {
        "path": "/x.csv",
        "time": "day",
        "target": "sold",
        "known": "price",
        "season": 7,
        "missing": "mask",
        "separator": ";",
        "decimal": ",",
        "encoding": "cp1252",
    }
    csv = CsvSpec.model_validate({"kind": "csv", **keys})
    long = LongSpec.model_validate({"kind": "long", **keys, "series": "shop", "short": "skip"})
    for spec in (csv, long):
        frame_spec = as_frame_spec(spec)
        assert frame_spec.kind == "frame"
        assert frame_spec.in_file(Path(spec.path)) == spec
    assert as_frame_spec(as_frame_spec(long)) == as_frame_spec(long)


def test_as_frame_spec__refuses_a_source_without_columns() -> None:
    with pytest.raises(ConfigError, match=r"data.kind: sine has no columns.*kind: frame"):
        as_frame_spec(SineSpec(kind="sine", points=4, step=1.0))


def test_frame__asks_about_numbers_that_look_like_dates() -> None:
    frame = pd.DataFrame({"day": [202311, 202312], "sold": [5.0, 6.0]})
    with pytest.raises(DataError, match=r"data\.time_format: '%Y%m', or data\.time_format: number"):
        load(frame)
    assert load(frame, time_format="number").time.tolist() == [202311, 202312]
    assert load(frame, time_format="%Y%m").time.astype(str).tolist() == [
        "2023-11-01T00:00:00.000000",
        "2023-12-01T00:00:00.000000",
    ]

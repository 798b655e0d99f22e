"""Parquet files, with pyarrow where it is installed, else with a stand-in that returns the same columns."""

import datetime as dt
import importlib.util
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnfc.data.load import load_panel
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.long import LongSpec
from rnnfc.errors import DataError, MissingExtraError

Write = Callable[..., Path]
INSTALLED = importlib.util.find_spec("pyarrow") is not None


class ArrowError(Exception):
    """The stand-in for what pyarrow raises."""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes columns into a Parquet file; without pyarrow the file is empty, and its stand-in knows what it should hold."""

    def of(**columns: Any) -> Path:
        frame, path = pd.DataFrame(columns), tmp_path / "shops.parquet"
        if INSTALLED:
            frame.to_parquet(path)
            return path
        path.write_bytes(b"PAR1")
        # mypy knows an empty module, not what is put into it
        arrow, parquet = ModuleType("pyarrow"), ModuleType("pyarrow.parquet")
        arrow.ArrowException, arrow.parquet = ArrowError, parquet  # type: ignore[attr-defined]
        parquet.read_schema = lambda _: SimpleNamespace(names=list(frame))  # type: ignore[attr-defined]
        # without pandas' metadata, as asked for
        parquet.read_table = lambda _, columns: SimpleNamespace(  # type: ignore[attr-defined]
            to_pandas=lambda ignore_metadata: frame[columns] if ignore_metadata else None
        )
        monkeypatch.setitem(sys.modules, "pyarrow", arrow)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet)
        return path

    return of


def load(path: Path, **keys: Any) -> Any:
    return load_panel(
        LongSpec(
            **{"kind": "long", "path": str(path), "series": "shop", "time": "day", "target": "sold", **keys}
        )
    )


def test_parquet__reads_many_series_dates_and_missing_values(write: Write) -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-07", "2020-01-02", "2020-01-08", "2020-01-03"])
    panel = load(
        write(shop=["b", "a", "b", "a", "b"], day=days, sold=[0.1 + 0.2, 5, np.nan, 6, 7]), missing="ffill"
    )
    assert panel.series == ("b", "a")
    assert panel.values.ravel().tolist() == [0.30000000000000004, 0.30000000000000004, 7, 5, 6]
    assert panel.time.astype("datetime64[D]").astype(str).tolist() == [
        *("2020-01-01", "2020-01-02", "2020-01-03"),
        *("2020-01-07", "2020-01-08"),
    ]
    assert panel.time.dtype == np.dtype("datetime64[us]")


def test_parquet__reads_numbers_as_series_names_decimals_and_dates(write: Write) -> None:
    days = [dt.date(2020, 1, 1), dt.date(2020, 1, 2)]
    panel = load(write(shop=[7, 7], day=days, sold=[Decimal("1.5"), Decimal("2.5")]))
    assert (panel.series, panel.values.ravel().tolist(), str(panel.frequency)) == (
        ("7",),
        [1.5, 2.5],
        "daily",
    )


def test_parquet__keeps_a_fixed_offset_and_reads_instants_over_a_clock_change(write: Write) -> None:
    hours = pd.date_range("2020-10-04T00:00", periods=4, freq="h")  # summer time begins in Melbourne at 2:00
    panel = load(write(shop=["a"] * 4, day=hours.tz_localize("Australia/Brisbane"), sold=[5, 6, 9, 8]))
    assert (panel.offset, panel.step, str(panel.time[3])) == (
        "+10:00",
        "hourly at UTC+10:00",
        "2020-10-04T03:00:00.000000",
    )
    panel = load(
        write(
            shop=["a"] * 4,
            day=hours.tz_localize("UTC").tz_convert("Australia/Melbourne") - pd.Timedelta(hours=10),
            sold=[5, 6, 9, 8],
        )
    )
    assert (panel.step, str(panel.time[3])) == ("hourly at UTC+00:00", "2020-10-03T17:00:00.000000")


def test_parquet__reads_whole_numbers_by_time_format(write: Write) -> None:
    panel = load(
        write(shop=["a"] * 3, day=[20200131, 20200201, 20200202], sold=[5, 6, 9]), time_format="%Y%m%d"
    )
    assert (str(panel.frequency), str(panel.time[1])) == ("daily", "2020-02-01T00:00:00.000000")
    days = pd.to_datetime(["2020-01-31", "2020-02-01"])
    assert load(write(shop=["a"] * 2, day=days, sold=[5, 6]), time_format="%Y%m%d").time[1] == panel.time[1]


def test_parquet__reads_one_series_without_times(write: Write) -> None:
    panel = load_panel(CsvSpec(kind="csv", path=str(write(sold=[5, 6, 9])), target="sold"))
    assert (panel.series, panel.values.ravel().tolist(), panel.time.tolist()) == (
        ("shops",),
        [5, 6, 9],
        [0, 1, 2],
    )


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"shop": ["a", "a"], "day": [1, 2]}, "shops.parquet: no column 'sold'; columns: shop, day"),
        (
            {"shop": ["a", "a"], "day": [3, 3], "sold": [1, 2]},
            "shops.parquet: row 2: series 'a': duplicate timestamp 3, first on row 1;",
        ),
        (
            {"shop": ["a", None], "day": [1, 2], "sold": [1, 2]},
            "shops.parquet: row 2: shop: '' is not a series name",
        ),
        (
            {"shop": ["a", "a"], "day": [1, 2], "sold": [True, False]},
            "shops.parquet: row 1: sold: 'True' is not a number",
        ),
        (
            {"shop": ["a"], "day": [1], "sold": [1]},
            "shops.parquet: 1 data row;",
        ),
        (
            {"shop": ["a", "a"], "day": pd.to_datetime(["2020-01-01", None]), "sold": [1, 2]},
            "shops.parquet: row 2: day: missing time",
        ),
    ],
)
def test_parquet__names_the_row_of_a_fault(write: Write, columns: dict[str, Any], text: str) -> None:
    path = write(**columns)
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path.parent}/{text}")


def test_parquet__refuses_another_kind_of_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(shop=["a"])
    path.write_text("shop,day,sold\n")
    if not INSTALLED:

        def refuse(_: Any) -> None:
            raise ArrowError("Parquet magic bytes not found")

        monkeypatch.setattr(sys.modules["pyarrow.parquet"], "read_schema", refuse)
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: not a readable Parquet file (Parquet magic bytes not found")


def test_parquet__names_the_extra_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "shops.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(
        MissingExtraError, match=r"shops\.parquet: .*pip install 'rnnfc\[parquet\]'"
    ) as caught:
        load(path)
    assert caught.value.exit_code == 2

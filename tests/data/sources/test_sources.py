"""What holds for every source in `rnnfc.extensions.SOURCES`."""

from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from pydantic import ValidationError

from rnnfc.config.data_spec import DataSpec
from rnnfc.config.experiment import Experiment
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel
from rnnfc.data.sources.source import Source
from rnnfc.errors import ConfigError, DataError, RnnfcError
from rnnfc.extensions import SOURCES, load_record

# For each source the keys of a small panel; `data.csv` has the same rows as the data frame.
KEYS: dict[str, dict[str, Any]] = {
    "sine": {"points": 4, "step": 1.0},
    "csv": {"path": "data.csv", "time": "day", "target": "sold", "inputs": "price"},
    "long": {"path": "data.csv", "time": "day", "target": "sold", "inputs": "price", "series": "shop"},
    "wide": {"path": "data.csv", "series": "shop", "target": "sold"},
    "frame": {"time": "day", "target": "sold", "inputs": "price"},
}
ROWS = {
    "shop": ["a"] * 4,
    "day": pd.date_range("2020-01-30", periods=4),
    "sold": [5, 6, 9, 8],
    "price": [2.0] * 4,
}


def source_of(kind: str) -> Source[DataSpec]:
    return load_record(SOURCES, kind)


def load(kind: str, *, rows: dict[str, Any] = ROWS, **keys: Any) -> Panel:
    frame = pd.DataFrame(rows)
    if kind == "wide":
        frame = frame.pivot(index="shop", columns="day", values="sold").reset_index()
    frame.to_csv("data.csv", index=False)
    spec = source_of(kind).spec.model_validate({"kind": kind, **KEYS[kind], **keys})
    return load_panel(spec, frame=frame if spec.from_frame else None)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", SOURCES)
def test_source__is_the_group_of_keys_that_its_kind_names(kind: str) -> None:
    spec = source_of(kind).spec
    assert get_args(spec.model_fields["kind"].annotation) == (kind,)
    assert spec in get_args(Experiment.model_fields["data"].annotation)
    assert spec.__doc__
    assert [name for name in spec.model_fields if spec.model_fields[name].alias] == []


@pytest.mark.parametrize("kind", SOURCES)
def test_source__loads_a_panel_with_what_every_source_has(kind: str) -> None:
    panel = load(kind, unit="kg", season=2)
    assert (panel.num_rows, panel.bounds.tolist(), panel.unit, panel.num_targets) == (4, [0, 4], "kg", 1)
    assert panel.values.shape == (4, len(panel.channels)) == panel.filled.shape
    assert panel.frequency.find_irregular_row(panel.time) is None


@pytest.mark.parametrize("kind", SOURCES)
def test_source__refuses_unknown_keys_and_a_season_of_one_row(kind: str) -> None:
    for wrong in ({"colour": 1}, {"season": 1}):
        with pytest.raises(ValidationError):
            load(kind, **wrong)


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if kind != "wide"])
def test_source__says_whether_it_has_columns(kind: str) -> None:
    spec = source_of(kind).spec.model_validate({"kind": kind, **KEYS[kind]})
    if not spec.has_columns:
        assert (spec.covariates, spec.file, spec.series_column, spec.from_frame) == ({}, None, None, False)
        for use in (lambda: spec.in_file(Path("x.csv")), lambda: spec.only_targets(("price",))):
            with pytest.raises(ConfigError, match=f"data.kind: {kind} has no columns"):
                use()
        return
    assert (spec.covariates, spec.time_label) == ({"inputs": ("price",)}, "day")
    load(kind)
    panel = load_panel(spec.in_file(Path("data.csv")))
    assert panel.values.tolist() == [[5, 2], [6, 2], [9, 2], [8, 2]]
    only = load_panel(spec.only_targets(("price",)).in_file(Path("data.csv")), frequency=panel.frequency)
    assert (only.channels, only.missing, only.values.ravel().tolist()) == (("price",), "mask", [2] * 4)


WITH_COLUMNS = [
    kind
    for kind in SOURCES
    if "target" in source_of(kind).spec.model_fields and kind != "wide"  # its columns are times
]
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no such column": ({"sold": None}, "no column 'sold'"),
    "not a number": ({"sold": [5, 6, "many", 8]}, "sold: 'many' is not a number"),
    "a boolean": ({"sold": [True, False, True, False]}, "sold: 'True' is not a number"),
    "infinite": ({"price": [1, 2, float("inf"), 4]}, "price: infinite"),
    "missing": ({"price": [1, 2, None, 4]}, "price: missing value (1 in all)"),
    "duplicate timestamp": ({"day": [1, 2, 2, 3]}, "duplicate timestamp 2"),
    "not sorted": ({"day": [1, 3, 2, 4]}, "not sorted"),
    "missing rows": ({"day": [1, 2, 4, 5]}, "missing rows between 2 and 4"),
    "not a time": (
        {"day": ["2020-01-01", "2020-01-02", "soon", "2020-01-04"]},
        "day: 'soon' is not an ISO 8601 time",
    ),
    "one row": ({name: column[:1] for name, column in ROWS.items()}, "1 data row"),
}


@pytest.mark.parametrize("kind", WITH_COLUMNS)
@pytest.mark.parametrize(("changed", "words"), FAULTS.values(), ids=FAULTS)
def test_source_of_columns__refuses_a_fault_with_its_place(
    kind: str, changed: dict[str, Any], words: str
) -> None:
    rows = {name: column for name, column in {**ROWS, **changed}.items() if column is not None}
    with pytest.raises(DataError) as caught:
        load(kind, rows=rows)
    assert isinstance(caught.value, RnnfcError)
    assert words in str(caught.value)
    assert str(caught.value).startswith("DataFrame: " if kind == "frame" else "data.csv:")


@pytest.mark.parametrize("kind", WITH_COLUMNS)
def test_source_of_columns__has_the_same_panel_as_every_other(kind: str) -> None:
    rows = {**ROWS, "sold": [5, None, 9, 8]}
    panel = load(kind, rows=rows, missing="ffill", calendar=("weekday",), known="price", inputs=())
    expected = load("csv", rows=rows, missing="ffill", calendar=("weekday",), known="price", inputs=())
    for name in ("values", "time", "bounds", "filled"):
        assert getattr(panel, name).tolist() == getattr(expected, name).tolist()
    for name in ("channels", "num_targets", "num_known", "calendar", "frequency", "missing", "offset"):
        assert getattr(panel, name) == getattr(expected, name)


@pytest.mark.parametrize("kind", ["csv", "long", "frame", "parquet"])
@pytest.mark.parametrize("as_type", [int, float, str])
@pytest.mark.parametrize(
    ("numbers", "time_format", "expected"),
    [
        ([202311, 202312, 202401, 202402], "%Y%m", ["2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01"]),
        ([20231230, 20231231, 20240101, 20240102], "%Y%m%d", ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-02"]),
        ([91231, 100101, 100102, 100103], "%y%m%d", ["2009-12-31", "2010-01-01", "2010-01-02", "2010-01-03"]),
        ([31082024, 1092024, 2092024, 3092024], "%d%m%Y", ["2024-08-31", "2024-09-01", "2024-09-02", "2024-09-03"]),
        ([2024365, 2024366, 2025001, 2025002], "%Y%j", ["2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02"]),
        ([2311, 2312, 2401, 2402], "%y%m", ["2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01"]),
    ],
)  # fmt: skip
def test_source__reads_dates_that_are_numbers(
    kind: str, as_type: type, numbers: list[int], time_format: str, expected: list[str]
) -> None:
    times = [as_type(number) for number in numbers]
    rows = {**ROWS, "day": times}
    keys: dict[str, Any] = {}
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        pd.DataFrame(rows).to_parquet("data.parquet")
        kind, keys = "csv", {"path": "data.parquet"}
    with pytest.raises(DataError, match=f"data.time_format.*'{time_format}'"):
        load(kind, rows=rows, **keys)
    panel = load(kind, rows=rows, time_format=time_format, **keys)
    assert [str(time) for time in panel.time.astype("datetime64[D]")] == expected

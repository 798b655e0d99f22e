"""The fast reader of CSV files: it reads like the full reader, or leaves the file to it."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfc.data.sources import csv_fast, csv_text
from rnnfc.data.sources.cells import parse, table_from_text
from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.csv_fast import count_rows
from rnnfc.data.sources.long import LongSpec

EVEN: dict[str, tuple[bytes, int]] = {
    "three lines": (b"a,b\n1,2\n3,4", 3),
    "a line end at the end": (b"a,b\n1,2\n3,4\n", 3),
    "empty fields": (b"a,b\n,\n3,\n", 3),
    "one column": (b"a\n1\n2\n3", 4),
    "one line": (b"a,b,c", 1),
    "quotes around fields": (b'"a","b"\n"1",2\n3,""', 3),
    "separators within quotes": (b'a,b\n"1,5,6",2\n', 2),
    "doubled quotes": (b'a,b\n"1""",2\n"""",""""""\n', 3),
}
ODD: dict[str, bytes] = {
    "a field too many": b"a,b\n1,2\n3,4,5\n",
    "a field too few": b"a,b\n1\n3,4\n",
    "one too many and one too few": b"a,b\n1,2,3\n4\n",
    "a blank line": b"a,b\n\n3,4\n",
    "a blank line of one column": b"a\n\n3\n",
    "a blank first line": b"\na\n3\n",
    "a line end within quotes": b'a,b\n"1\n",2\n',
    "a quote that is not closed": b'a,b\n"1,2\n',
    "a quote within a field": b'a,b\n6" pipe,2" pipe\n',
    "text after a quoted field": b'a,b\n"1" or so,2\n',
    "a space before a quote": b'a,b\n1, "2"\n',
}


def width_of(text: bytes) -> int:
    return text.split(b"\n")[0].count(b",") + 1


@pytest.mark.parametrize(("text", "rows"), EVEN.values(), ids=EVEN)
def test_count_rows__counts_even_lines(text: bytes, rows: int) -> None:
    assert count_rows(text, ",", width=width_of(text)) == rows


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_count_rows__is_none_for_uneven_lines(text: bytes) -> None:
    assert count_rows(text, ",", width=width_of(text)) is None


@settings(deadline=None, derandomize=True, max_examples=500)
@given(
    text=st.text(alphabet='1,"\n ', min_size=1, max_size=16),
    separator=st.sampled_from([",", " "]),
    width=st.sampled_from([1, 2, 3]),
)
def test_count_rows__agrees_with_the_csv_grammar(text: str, separator: str, width: int) -> None:
    lines = count_rows(text.encode(), separator, width=width)
    if lines is None:
        return
    rows = list(
        csv.reader(
            io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=separator != " ", strict=True
        )
    )
    assert len(rows) == lines
    assert {len(row) for row in rows} == {width}


# --- cells


def spec_of(path: Path, content: bytes, **keys: Any) -> FileSpec:
    path.write_bytes(content)
    given = {"kind": "csv", "path": str(path), "target": "v", **keys}
    return (LongSpec if given["kind"] == "long" else CsvSpec).model_validate(given)


LONG = {"kind": "long", "series": "s", "time": "t"}
DAYS = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[us]")
# content, keys, values, times
PLAIN: dict[str, tuple[bytes, dict[str, Any], list[float], Any]] = {
    "no time": (b"v\n1\n2.5\n", {}, [1, 2.5], [0, 1]),
    "a missing value": (b"t,v\n7,\n8,2\n", {"time": "t"}, [np.nan, 2], [7, 8]),
    "dates": (b"t,v\n2020-01-01,1\n2020-01-02,2\n", {"time": "t"}, [1, 2], DAYS),
    "a format": (
        b"t,v\n01.01.2020,1\n02.01.2020,2\n",
        {"time": "t", "time_format": "%d.%m.%Y"},
        [1, 2],
        DAYS,
    ),
    "whole times, one with a point": (b"t,v\n7,1\n8.0,2\n", {"time": "t"}, [1, 2], [7, 8]),
    "a decimal comma": (
        b"t;v\n0,5;1,25\n1,5;-2\n",
        {"time": "t", "separator": ";", "decimal": ","},
        [1.25, -2],
        [0.5, 1.5],
    ),
    "quotes, spaces, another column": (b'"v", n\n"1", x\n 2,"y, z"\n', {}, [1, 2], [0, 1]),
    "Windows": (b"\xef\xbb\xbfv,n\r\n1,\xc3\xa9\r\n2,z\r\n\r\n", {}, [1, 2], [0, 1]),
    "latin-1": (b"v,n\n1,\xe9\n2,z", {"encoding": "latin-1"}, [1, 2], [0, 1]),
    "lines at the end": (b"v\n1\n2\n\n", {}, [1, 2], [0, 1]),
    "lines that become shorter": (
        b"v\n1.0000000000000000\n2\n3\n4\n5\n6\n7\n",
        {},
        [1, 2, 3, 4, 5, 6, 7],
        range(7),
    ),
    "series": (b"s,t,v\nb,1,1\nNA,1,2\nb,2,3\n", LONG, [1, 2, 3], [1, 1, 2]),
}


@pytest.mark.parametrize("chunk_bytes", [1, 8, 2**20])
@pytest.mark.parametrize(("content", "keys", "values", "times"), PLAIN.values(), ids=PLAIN)
def test_csv_fast__reads_plain_cells(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    keys: dict[str, Any],
    values: list[float],
    times: Any,
    chunk_bytes: int,
) -> None:
    monkeypatch.setattr(csv_fast, "_CHUNK_BYTES", chunk_bytes)
    table = csv_fast.read_table(spec_of(tmp_path / "x.csv", content, **keys))
    assert table is not None
    np.testing.assert_array_equal(table.values, np.array(values)[:, None])
    np.testing.assert_array_equal(table.time, times)
    path = tmp_path / "x.csv"
    assert (table.origin.locate(0), table.origin.locate(len(values) - 1)) == (
        f"{path}:2",
        f"{path}:{len(values) + 1}",
    )
    assert (table.names, [*table.series]) == ((("b", "NA"), [0, 1, 0]) if "series" in keys else (("x",), []))


TIMED = {"time": "t"}
NOT_PLAIN: dict[str, tuple[bytes, dict[str, Any]]] = {
    "text": (b"v\n1\nx\n", {}),
    "true": (b"v\n1\nTrue\n", {}),
    "all true": (b"v\nTrue\nTrue\n", {}),
    "infinity": (b"v\n1\ninf\n", {}),
    "too large": (b"v\n1\n1e400\n", {}),
    "no time": (b"t,v\n1,1\n,2\n", TIMED),
    "a date after numbers": (b"t,v\n1,1\n2020-01-01,2\n", TIMED),
    "a number after dates": (b"t,v\n2020-01-01,1\nx,2\n", TIMED),
    "an offset": (b"t,v\n2020-01-01T00:00Z,1\n2020-01-01T01:00Z,2\n", TIMED),
    "the year 999": (b"t,v\n0999-12-31,1\n1000-01-01,2\n", TIMED),
    "a time of 2**63": (b"t,v\n1,1\n9223372036854775808,2\n", TIMED),
    "a nameless series": (b"s,t,v\nb,1,1\n,1,2\n", LONG),
    "a field too many": (b"v,n\n1,2\n3,4,5\n", {}),
    "a field too many, then one too few": (b"t,v\n1,2,3\n4\n", TIMED),
    "a field too few, then one too many": (b"t,v\n1,2\n3\n4,5,6\n", TIMED),
    "a field too many, then an empty line": (b"t,v\n1,2\n3,4,5\n\n", TIMED),
    "a blank line": (b"v,n\n1,2\n\n3,4\n", {}),
    "text after a quoted field": (b'x,t,v\n"1" or so,1,2\n"1",3,4\n', TIMED),
    "a blank line before a number": (b"t,v\n1,2\n\n3,4\n", TIMED),
    "a column twice": (b"v,v\n1,2\n3,4\n", {}),
    "no such column": (b"x\n1\n2\n", {}),
    "a line end in a name": (b'"v\n",v\n1,2\n3,4\n', {}),
    "NUL": (b"v,n\n1,\0\n2,x\n", {}),
    "a lone carriage return": (b"v,n\n1,\r\n2,a\rb\n", {}),
    "not UTF-8": (b"v,n\n1,\xe9\n2,x\n", {}),
    "UTF-16": ("v\n1\n2\n".encode("utf-16"), {"encoding": "utf-16"}),
    "no row": (b"v\n", {}),
    "nothing": (b"", {}),
}


@pytest.mark.parametrize("chunk_bytes", [1, 2**20])
@pytest.mark.parametrize(("content", "keys"), NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_csv_fast__leaves_other_cells_to_the_full_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, keys: dict[str, Any], chunk_bytes: int
) -> None:
    monkeypatch.setattr(csv_fast, "_CHUNK_BYTES", chunk_bytes)
    assert csv_fast.read_table(spec_of(tmp_path / "x.csv", content, **keys)) is None


# text, its columns, whether the cheap test shows that lines are even
SURELY_EVEN: dict[str, tuple[bytes, str, bool]] = {
    "a number at the end": (b"1,2\n3,4\n", "tv", True),
    "no line end": (b"1,2\n3,4.5", "tv", True),
    "one column": (b"1\n2\n", "v", True),
    "an empty cell at the end": (b"1,2\n3,\n", "tv", False),
    "too short and too long": (b"1\n2,3,4\n", "tv", False),
    "too long": (b"1,2\n2,3,4\n", "tv", False),
    "text at the end": (b"1,2,x\n3,4,y\n", "tvn", False),
    "quotes": (b'"1",2\n3,4\n', "tv", False),
}


@pytest.mark.parametrize(("text", "columns", "is_even"), SURELY_EVEN.values(), ids=SURELY_EVEN)
def test_csv_fast__numbers_at_the_end_show_that_lines_are_even(
    tmp_path: Path, text: bytes, columns: str, is_even: bool
) -> None:
    spec = spec_of(tmp_path / "x.csv", b"", **(TIMED if "t" in columns else {}))
    frame = parse(text, spec, header=tuple(columns))
    assert csv_fast._is_surely_even(frame, text, spec, tuple(columns)) is is_even


def test_csv_fast__reads_a_file_that_grows_to_its_end() -> None:
    none = np.arange(0)
    rows = ([[0.0], [1.0]], [[2.0], [3.0], [4.0]])
    chunks = [csv_fast._Chunk(np.array(values), none, none, ()) for values in rows]
    whole = csv_fast._concatenate(iter(chunks), num_chunks=1)
    assert whole.values.tolist() == [[0], [1], [2], [3], [4]]
    assert whole.time.tolist() == [0, 1, 2, 3, 4]


CELLS = st.sampled_from(
    ["", "1", " 2", "-3.5", "1e2", "1e400", "NA", "True", "x", '"4"', '"5', "2020-01-01", "2020-01-02 03:04"]
)


@settings(deadline=None, derandomize=True, max_examples=800)
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=2, max_size=5),
    long=st.booleans(),
    chunk_bytes=st.sampled_from([1, 2**20]),
)
def test_csv_fast__reads_like_the_full_reader(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], long: bool, chunk_bytes: int
) -> None:
    content = "".join(f"{','.join(row)}\n" for row in [["t", "v", "s"][: len(rows[0])], *rows]).encode()
    keys = LONG if long else TIMED
    spec = spec_of(tmp_path_factory.getbasetemp() / "x.csv", content, **keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_fast, "_CHUNK_BYTES", chunk_bytes)
        fast = csv_fast.read_table(spec, min_rows=1)
    if fast is None:
        return
    full = table_from_text(csv_text.read_text(spec, min_rows=1), spec)
    assert (fast.origin.name, [*fast.origin.numbers]) == (full.origin.name, [*full.origin.numbers])
    for name in ("values", "time", "series"):
        left, right = getattr(fast, name), getattr(full, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    assert (fast.names, fast.offset) == (full.names, full.offset)

"""The quick look at a CSV file: what it accepts, the csv grammar reads alike; what is odd, it leaves to a closer look."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfc.data import csv_quick
from rnnfc.data.csv_quick import num_lines

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


@pytest.mark.parametrize("piece_bytes", [1, 5, 2**20])
@pytest.mark.parametrize(("content", "lines"), EVEN.values(), ids=EVEN)
def test_even_lines_are_counted(monkeypatch: pytest.MonkeyPatch, content: bytes, lines: int, piece_bytes: int) -> None:
    monkeypatch.setattr(csv_quick, "_PIECE_BYTES", piece_bytes)
    assert num_lines(content, ",") == lines


@pytest.mark.parametrize("piece_bytes", [1, 5, 2**20])
@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_is_odd_is_left_to_a_closer_look(monkeypatch: pytest.MonkeyPatch, content: bytes, piece_bytes: int) -> None:
    monkeypatch.setattr(csv_quick, "_PIECE_BYTES", piece_bytes)
    assert num_lines(content, ",") is None


@settings(deadline=None, derandomize=True, max_examples=500)
@given(content=st.text(alphabet='1,"\n ', min_size=1, max_size=16), separator=st.sampled_from([",", " "]))
def test_lines_that_are_counted_are_the_rows_of_the_csv_grammar(content: str, separator: str) -> None:
    lines = num_lines(content.encode(), separator)
    if lines is None:
        return
    rows = list(csv.reader(io.StringIO(content, newline=""), delimiter=separator, skipinitialspace=separator != " ", strict=True))
    assert len(rows) == lines
    assert {len(row) for row in rows} == {len(rows[0])}
    assert rows[0] != []

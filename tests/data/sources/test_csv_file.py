import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnfc.config.data_spec import CsvSpec
from rnnfc.data.panel import Panel
from rnnfc.data.sources.csv_file import load_csv
from rnnfc.errors import DataError

Load = Callable[..., Panel]
Refusal = Callable[..., str]

NUMBER = "a missing value is written as an empty cell or NA, N/A, NaN, nan, null"
THOUSANDS = "write it without thousands separators, or set data.decimal: ',' if the comma is the decimal mark"
INFINITE = "infinite, or too large for a float64; mend the cell or empty it"
FIELDS = "put quotes around a field that holds the separator, or mend the row"
FEW_ROWS = "at least two are needed, and window.length + window.horizon to train"
ISO = "an ISO 8601 time such as 2020-01-31 or 2020-01-31T09:30; mend the row, the ones before it are"
OFFSET = "write all times at one UTC offset: the hours of a clock that changes with the season are not equally spaced"
FORMAT_OFFSET = "a UTC offset is not read by data.time_format; write ISO 8601 times and leave it out"
FILL = "set data.missing: interpolate, ffill, seasonal or mask to fill them, or data.frequency: rows to take each row as one step"
FILL_OR_MEND = "set data.missing: interpolate, ffill, seasonal or mask, or mend the file"
EQUAL_STEPS = "resample the file to equal steps, or set data.frequency: rows to take each row as one step"
SEMICOLON = {"separator": ";", "decimal": ","}
NO_STRPTIME = "is not a strptime format; write one such as '%d/%m/%Y %H:%M'"


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "sales.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def spec_of(path: Path | str, **keys: Any) -> CsvSpec:
    return CsvSpec(**{"kind": "csv", "path": str(path), "time": "day", "target": "sold", **keys})


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The panel of a CSV file with the columns `day` and `sold`, unless `keys` of the spec say otherwise."""
    return lambda content, **keys: load_csv(spec_of(write(tmp_path, content), **keys))


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """The error's text for the content of sales.csv in the working folder."""
    monkeypatch.chdir(tmp_path)

    def refuse(content: str | bytes, **keys: Any) -> str:
        with pytest.raises(DataError) as caught:
            load_csv(spec_of(write(tmp_path, content), **keys))
        return str(caught.value)

    return refuse


# content, keys of the spec, the error
LAYOUT: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "one field too many": (
        "day,sold\n1,5\n2,6,9\n3,7\n",
        {},
        f"sales.csv:3: 3 fields where the header has 2; {FIELDS}",
    ),
    "one field too few": (
        "day,sold\n1,5\n2,6\n3\n",
        {},
        f"sales.csv:4: 1 field where the header has 2; {FIELDS}",
    ),
    "1,234 without quotes": (
        "day,sold\n1,1,234\n2,6\n",
        {},
        f"sales.csv:2: 3 fields where the header has 2; {FIELDS}",
    ),
    "a short row after a long quoted field": (
        'day,note,sold\n1,"rain,\n\nthen ""sun""",5\n2,6\n',
        {},
        f"sales.csv:5: 2 fields where the header has 3; {FIELDS}",
    ),
    "a field without end": (
        'day,note,sold\n1,fair,5\n2,"rain,6\n3,sun,7\n',
        {},
        "sales.csv:3: not valid CSV (unexpected end of data); check the quotes in this row",
    ),
    "text after a quoted field": (
        'day,note,sold\n1,fair,5\n2,"rain" or so,6\n',
        {},
        "sales.csv:3: not valid CSV (',' expected after '\"'); check the quotes in this row",
    ),
    "a blank line": (
        "day,sold\n1,5\n\n2,6\n",
        {},
        "sales.csv:3: a blank line between rows; remove it, or write NA if a value is missing",
    ),
    "a blank line, with quotes": (
        'day,sold\n1,"5"\n2,6\n\n3,7\n',
        {},
        "sales.csv:4: a blank line between rows; remove it, or write NA if a value is missing",
    ),
    "a missing value that leaves its line blank": (
        "sold\n5\n\n7\n",
        {"time": None},
        "sales.csv:3: a blank line between rows; remove it, or write NA if a value is missing",
    ),
    "a blank first line": (
        "\nday,sold\n1,5\n2,6\n",
        {},
        "sales.csv:1: a blank line between rows; remove it, or write NA if a value is missing",
    ),
    "nothing": ("", {}, "sales.csv: empty; a header row and at least two rows are needed"),
    "only white space": (" \r\n \n", {}, "sales.csv: empty; a header row and at least two rows are needed"),
    "header only": ("day,sold\n", {}, f"sales.csv: 0 data rows; {FEW_ROWS}"),
    "one row": ("day,sold\n1,5\n", {}, f"sales.csv: 1 data row; {FEW_ROWS}"),
    "one row on three lines": (
        'day,note,sold\n1, "a,5\nb\n2,c",6\n',
        {},
        f"sales.csv: 1 data row; {FEW_ROWS}",
    ),
    "NUL bytes": (
        b"day,sold\n1,5\n2,\0\n",
        {},
        "sales.csv: holds NUL bytes; is this a text file? Save it as CSV, or name its encoding with data.encoding",
    ),
    "a separator that is no ASCII character": (
        "day¦sold\n1¦5\n2¦6\n",
        {"separator": "¦"},
        "sales.csv: data.separator is '¦'; only an ASCII character can be one, such as ',', ';' or a tab",
    ),
}
HEADER: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "a column twice": (
        "day,sold,sold\n1,5,6\n2,6,7\n",
        {},
        "sales.csv:1: the column 'sold' stands in the header twice; rename one",
    ),
    "a typo": (
        "day,solt\n1,5\n2,6\n",
        {},
        "sales.csv:1: no column 'sold'; did you mean 'solt'? the header has: day, solt",
    ),
    "an unknown column": (
        "day,price\n1,5\n2,6\n",
        {},
        "sales.csv:1: no column 'sold'; the header has: day, price",
    ),
    "an unknown input": (
        "day,sold\n1,5\n2,6\n",
        {"inputs": "price"},
        "sales.csv:1: no column 'price'; the header has: day, sold",
    ),
    "an unknown time": (
        "date,sold\n1,5\n2,6\n",
        {},
        "sales.csv:1: no column 'day'; the header has: date, sold",
    ),
    "three typos": (
        "date,solt,prise\n1,5,8\n2,6,8\n",
        {"inputs": "price"},
        "sales.csv:1: no column 'sold'; did you mean 'solt'? the header has: date, solt, prise\n"
        "sales.csv:1: no column 'price'; did you mean 'prise'? the header has: date, solt, prise\n"
        "sales.csv:1: no column 'day'; the header has: date, solt, prise",
    ),
    "many columns": (
        "day,b,c,d,e,f,g,h,i,j,k,l,m\n" + "1,2,3,4,5,6,7,8,9,1,2,3,4\n" * 2,
        {},
        "sales.csv:1: no column 'sold'; the header has: day, b, c, d, e, f, g, h, i, j, k, l, ... (13 columns)",
    ),
    "a column between quotes and lines": (
        '"day","so\nld"\n1,5\n2,6\n',
        {},
        "sales.csv:1: no column 'sold'; did you mean 'so\\nld'? the header has: day, so\\nld",
    ),
    "semicolons": (
        "day;sold\n1;5\n2;6\n",
        {},
        "sales.csv:1: one column 'day;sold'; the separator looks like ';': set data.separator: ';'",
    ),
    "tabs": (
        "day\tsold\n1\t5\n2\t6\n",
        {},
        'sales.csv:1: one column \'day\\tsold\'; the separator looks like "\\t": set data.separator: "\\t"',
    ),
    "bars": (
        "day|sold\n1|5\n2|6\n",
        {},
        "sales.csv:1: one column 'day|sold'; the separator looks like '|': set data.separator: '|'",
    ),
    "commas": (
        "day,sold\n1,5\n2,6\n",
        {"separator": ";"},
        "sales.csv:1: one column 'day,sold'; the separator looks like ',': set data.separator: ','",
    ),
    "one column of another name": (
        "price\n5\n6\n",
        {"time": None},
        "sales.csv:1: no column 'sold'; the header has: price",
    ),
    "a name longer than csv reads": (
        f"day,sold,{'x' * 131_073}\n1,5,6\n2,6,7\n",
        {},
        "sales.csv:1: not a CSV header (field larger than field limit (131072)); write the names of the columns there",
    ),
}
CELLS: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "text": ("day,sold\n1,5\n2,many\n3,7\n", {}, f"sales.csv:3: sold: 'many' is not a number; {NUMBER}"),
    "text in an input": (
        "day,sold,price\n1,5,8\n2,6,cheap\n",
        {"inputs": "price"},
        f"sales.csv:3: price: 'cheap' is not a number; {NUMBER}",
    ),
    "thousands": (
        'day,sold\n1,5\n2,"1,234"\n',
        {},
        f"sales.csv:3: sold: '1,234' is not a number; {THOUSANDS}",
    ),
    "negative thousands": (
        'day,sold\n1,5\n2,"-1,234.5"\n',
        {},
        f"sales.csv:3: sold: '-1,234.5' is not a number; {THOUSANDS}",
    ),
    "words with a comma": (
        'day,sold\n1,5\n2,"a, b"\n',
        {},
        f"sales.csv:3: sold: 'a, b' is not a number; {NUMBER}",
    ),
    "a decimal comma": (
        "day;sold\n1;5,5\n2;6\n",
        {"separator": ";"},
        f"sales.csv:2: sold: '5,5' is not a number; {THOUSANDS}",
    ),
    "a decimal point among commas": (
        "day;sold\n1;5,5\n2;6.5\n",
        SEMICOLON,
        "sales.csv:3: sold: '6.5' is not a number; write it without thousands separators, "
        "or set data.decimal: '.' if the point is the decimal mark",
    ),
    "text among decimal commas": (
        "day;sold\n1;5,5\n2;many\n",
        SEMICOLON,
        f"sales.csv:3: sold: 'many' is not a number; {NUMBER}",
    ),
    "True and False": (
        "day,sold\n1,True\n2,False\n",
        {},
        f"sales.csv:2: sold: 'True' is not a number; {NUMBER}",
    ),
    "True among numbers": (
        "day,sold\n1,5\n2,TRUE\n",
        {},
        f"sales.csv:3: sold: 'TRUE' is not a number; {NUMBER}",
    ),
    "hexadecimal": ("day,sold\n1,5\n2,0x1F\n", {}, f"sales.csv:3: sold: '0x1F' is not a number; {NUMBER}"),
    "a word for missing that is not listed": (
        "day,sold\n1,5\n2,None\n",
        {},
        f"sales.csv:3: sold: 'None' is not a number; {NUMBER}",
    ),
    "infinity": ("day,sold\n1,5\n2,inf\n", {}, f"sales.csv:3: sold: {INFINITE}"),
    "minus infinity": ("day,sold\n1,5\n2,6\n3,-Infinity\n", {}, f"sales.csv:4: sold: {INFINITE}"),
    "1e400": ("day,sold\n1,1e400\n2,6\n", {}, f"sales.csv:2: sold: {INFINITE}"),
    "a whole number of 400 digits": (f"day,sold\n1,5\n2,{'9' * 400}\n", {}, f"sales.csv:3: sold: {INFINITE}"),
    "text after a long quoted field": (
        'day,note,sold\n1,"rain,\n\nthen ""sun""",5\n2,fair,many\n',
        {},
        f"sales.csv:5: sold: 'many' is not a number; {NUMBER}",
    ),
    "text after CR line ends": (
        "day,sold\r1,5\r2,many\r",
        {},
        f"sales.csv:3: sold: 'many' is not a number; {NUMBER}",
    ),
    "text after CRLF line ends": (
        "day,sold\r\n1,5\r\n2,many\r\n",
        {},
        f"sales.csv:3: sold: 'many' is not a number; {NUMBER}",
    ),
}
for _word in ("", " ", "NA", "N/A", "NaN", "nan", "null"):
    CELLS[f"missing, written as {_word!r}"] = (
        f"day,sold\n1,5\n2,{_word}\n3,7\n4,{_word}\n",
        {},
        f"sales.csv:3: sold: the value is missing (2 in all); {FILL_OR_MEND}",
    )
CELLS["missing, on a line of spaces"] = (
    "sold\n5\n  \n7\n",
    {"time": None},
    f"sales.csv:3: sold: the value is missing (1 in all); {FILL_OR_MEND}",
)
TIMES: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "a time twice": (
        "day,sold\n2020-01-01,5\n2020-01-02,6\n2020-01-02,7\n",
        {},
        "sales.csv:4: the time 2020-01-02 stands here again (first on line 3); keep one row for each time",
    ),
    "a time back": (
        "day,sold\n2020-01-01,5\n2020-01-03,6\n2020-01-02,7\n",
        {},
        "sales.csv:4: 2020-01-02 comes after 2020-01-03; sort the file by time, oldest first",
    ),
    "a time back, of 13 digits": (
        "day,sold\n1577836800123,5\n1577836800122,6\n",
        {},
        "sales.csv:3: 1577836800122 comes after 1577836800123; sort the file by time, oldest first",
    ),
    "a time twice, with rows as steps": (
        "day,sold\n1,5\n1,6\n2,7\n",
        {"frequency": "rows"},
        "sales.csv:3: the time 1 stands here again (first on line 2); keep one row for each time",
    ),
    "absent rows": (
        "day,sold\n2020-01-01,5\n2020-01-02,6\n2020-01-05,7\n2020-01-06,8\n2020-01-08,9\n",
        {},
        f"sales.csv:4: between 2020-01-02 and 2020-01-05 rows are absent (3 in all at the step daily); {FILL}",
    ),
    "a row between the steps": (
        "day,sold\n2020-01-01,5\n2020-01-02,6\n2020-01-02T12:00,7\n2020-01-03,8\n2020-01-04,9\n2020-01-05,9\n",
        {},
        f"sales.csv:4: 2020-01-02T12:00 does not fit the step of the other rows (daily); {EQUAL_STEPS}",
    ),
    "another format": (
        "day,sold\n2020-01-01,5\n02/01/2020,6\n",
        {},
        f"sales.csv:3: day: '02/01/2020' is not {ISO}",
    ),
    "another format than the one given": (
        "day,sold\n01/01/2020,5\n2020-01-02,6\n",
        {"time_format": "%d/%m/%Y"},
        "sales.csv:3: day: '2020-01-02' is not in the format '%d/%m/%Y'; mend the row or change data.time_format",
    ),
    "German dates": (
        "day,sold\n01.01.2020,5\n02.01.2020,6\n",
        {},
        f"sales.csv:2: day: '01.01.2020' is not {ISO.partition(';')[0]}; set data.time_format: '%d.%m.%Y'",
    ),
    "the day first": (
        "day,sold\n01/02/2020,5\n31/01/2020,6\n",
        {},
        f"sales.csv:2: day: '01/02/2020' is not {ISO.partition(';')[0]}; set data.time_format: '%d/%m/%Y'",
    ),
    "the month first": (
        "day,sold\n01/30/2020 09:30,5\n01/31/2020 09:30,6\n",
        {},
        f"sales.csv:2: day: '01/30/2020 09:30' is not {ISO.partition(';')[0]}; set data.time_format: '%m/%d/%Y %H:%M'",
    ),
    "the day or the month first": (
        "day,sold\n01/02/2020,5\n02/02/2020,6\n",
        {},
        f"sales.csv:2: day: '01/02/2020' is not {ISO.partition(';')[0]}; set data.time_format: '%d/%m/%Y' or '%m/%d/%Y'",
    ),
    "dates without marks": (
        "day,sold\n20240130,5\n20240131,6\n20240201,7\n",
        {},
        "sales.csv:4: 20240201 after 20240131: these look like dates and were read as numbers; set data.time_format: '%Y%m%d'",
    ),
    "monthly dates without marks": (
        "day,sold\n20231031,5\n20231130,6\n20231231,7\n20240131,8\n",
        {"missing": "ffill"},
        "sales.csv:4: 20231231 after 20231130: these look like dates and were read as numbers; set data.time_format: '%Y%m%d'",
    ),
    "numbers of eight digits with a gap": (
        "day,sold\n99999990,5\n99999991,6\n99999994,7\n",
        {},
        f"sales.csv:4: between 99999991 and 99999994 rows are absent (2 in all at the step every 1); {FILL}",
    ),
    "nanoseconds twice": (
        "day,sold\n1577836800123456789,5\n1577836800123456789,6\n",
        {},
        "sales.csv:3: the time 1577836800123456789 stands here again (first on line 2); keep one row for each time",
    ),
    "a time back by a little": (
        "day,sold\n1577836800.123457,5\n1577836800.123456,6\n",
        {},
        "sales.csv:3: 1577836800.123456 comes after 1577836800.123457; sort the file by time, oldest first",
    ),
    "a day that is not there": (
        "day,sold\n2020-02-28,5\n2020-02-30,6\n",
        {},
        f"sales.csv:3: day: '2020-02-30' is not {ISO}",
    ),
    "an empty time": ("day,sold\n2020-01-01,5\n,6\n", {}, f"sales.csv:3: day: '' is not {ISO}"),
    "an empty count": (
        "day,sold\n1,5\n,6\n3,7\n",
        {},
        "sales.csv:3: day: '' is not a number as most of the times are; mend the row",
    ),
    "an infinite count": (
        "day,sold\n1,5\n2,6\n3,7\ninf,8\n",
        {},
        "sales.csv:5: day: 'inf' is not a number as most of the times are; mend the row",
    ),
    "a count beyond all counting": (
        "day,sold\n1,5\n2,6\n3,7\n1e300,8\n",
        {"missing": "ffill"},
        "sales.csv:5: day: '1e300' is not a number as most of the times are; mend the row",
    ),
    "a format that is none": (
        "day,sold\n1,5\n2,6\n",
        {"time_format": "%Q"},
        f"sales.csv: data.time_format '%Q' {NO_STRPTIME}",
    ),
    "two UTC offsets": (
        "day,sold\n2020-03-28T00:00+01:00,5\n2020-03-29T00:00+02:00,6\n",
        {},
        f"sales.csv:3: day: '2020-03-29T00:00+02:00' has +02:00, the first row has +01:00; {OFFSET}",
    ),
    "an offset in one row": (
        "day,sold\n2020-03-28T00:00,5\n2020-03-29T00:00+02:00,6\n",
        {},
        f"sales.csv:3: day: '2020-03-29T00:00+02:00' has +02:00, the first row has none; {OFFSET}",
    ),
    "an offset in the format": (
        "day,sold\n28/03/2020 +0100,5\n29/03/2020 +0100,6\n",
        {"time_format": "%d/%m/%Y %z"},
        f"sales.csv:2: day: {FORMAT_OFFSET}",
    ),
    "two offsets in the format": (
        "day,sold\n28/03/2020 +0100,5\n29/03/2020 +0200,6\n",
        {"time_format": "%d/%m/%Y %z"},
        f"sales.csv:2: day: {FORMAT_OFFSET}",
    ),
}
ENCODINGS: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "UTF-16": (
        "day,sold\n1,5\n2,6\n".encode("utf-16"),
        {},
        "sales.csv: looks like UTF-16; set data.encoding: utf-16 or save it as UTF-8",
    ),
    "UTF-16, big end first": (
        b"\xfe\xff" + "day,sold\n1,5\n2,6\n".encode("utf-16-be"),
        {},
        "sales.csv: looks like UTF-16; set data.encoding: utf-16 or save it as UTF-8",
    ),
    "UTF-16 without its mark": (
        "day,sold\n1,5\n2,6\n".encode("utf-16-le"),
        {},
        "sales.csv: holds NUL bytes; is this a text file? Save it as CSV, or name its encoding with data.encoding",
    ),
    "latin-1": (
        "day,sold,city\n1,5,Bonn\n2,6,Köln\n".encode("latin-1"),
        {},
        "sales.csv:3: not utf-8 text; set data.encoding: latin-1 (or cp1252, utf-16)",
    ),
    "latin-1 with CR line ends": (
        "day,sold,city\r1,5,Bonn\r2,6,Köln\r".encode("latin-1"),
        {},
        "sales.csv:3: not utf-8 text; set data.encoding: latin-1 (or cp1252, utf-16)",
    ),
    "half a character of UTF-16": (
        "day,sold\r\n1,5\r\n2,6".encode("utf-16")[:-1],
        {"encoding": "utf-16"},
        "sales.csv:3: not utf-16 text; set data.encoding: latin-1 (or cp1252, utf-8)",
    ),
    "a byte that cp1252 has not": (
        b"day,sold,city\n1,5,\x81\n2,6,Bonn\n",
        {"encoding": "cp1252"},
        "sales.csv:2: not cp1252 text; set data.encoding: latin-1 (or utf-16, utf-8)",
    ),
}
FAULTS = {
    f"{group}: {fault}": case
    for group, table in (
        ("layout", LAYOUT),
        ("header", HEADER),
        ("cell", CELLS),
        ("time", TIMES),
        ("encoding", ENCODINGS),
    )
    for fault, case in table.items()
}


@pytest.mark.parametrize(("content", "keys", "text"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_refused_with_its_line_and_a_remedy(
    refusal: Refusal, content: str | bytes, keys: dict[str, Any], text: str
) -> None:
    assert refusal(content, **keys) == text


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_csv(spec_of(tmp_path / "sales.csv"))
    remedy = "write the new place into data.path or use --set data.path=FILE"
    assert (
        str(caught.value) == f"{tmp_path}/sales.csv: no such file, looked for at this absolute path; {remedy}"
    )


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_csv(spec_of(tmp_path))
    assert str(caught.value) == f"{tmp_path}: cannot be read (Is a directory); data.path must name a CSV file"


def test_a_file_below_the_working_folder_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    path = write(tmp_path / "here", "day,sold\n1,5\n2,x\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^here/sales\.csv:3: "):
        load_csv(spec_of(path))
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DataError, match=r"^sales\.csv:3: "):
        load_csv(spec_of(path))


def test_without_a_working_folder_a_file_is_read(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load("day,sold\n1,5\n2,6\n").num_rows == 2


# content, keys of the spec; all hold the days 1, 2 and the sales 5, 6.5
SPELLINGS: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "plain": ("day,sold\n1,5\n2,6.5\n", {}),
    "no line end at the end": ("day,sold\n1,5\n2,6.5", {}),
    "blank lines at the end": ("day,sold\n1,5\n2,6.5\n\n\r\n", {}),
    "CRLF": ("day,sold\r\n1,5\r\n2,6.5\r\n", {}),
    "CR": ("day,sold\r1,5\r2,6.5\r", {}),
    "a byte order mark": ("\ufeffday,sold\n1,5\n2,6.5\n", {}),
    "a byte order mark and quotes": ('\ufeff"day","sold"\n"1","5"\n"2","6.5"\n', {}),
    "spaces around cells": ("day, sold\n1, 5 \n 2,\t6.5\n", {}),
    "a space before a quote": ('day,sold,note\n1,5, "rain, then sun"\n2,6.5,fair\n', {}),
    "separators and line ends in quotes": ('day,note,sold\n1,"rain,\r\n""sun""",5\n2,"a\n\nb",6.5\n', {}),
    "a quote within a cell": ('day,note,sold\n1,6" pipe,5\n2,fair,6.5\n', {}),
    "an exponent and a sign": ("day,sold\n1,+50e-1\n2,0.65E1\n", {}),
    "other columns, one without a name": ("city,day,,sold\nBonn,1,x,5\nUlm,2,inf,6.5\n", {}),
    "semicolons and decimal commas": ("day;sold\n1;5,0\n2;6,5\n", SEMICOLON),
    "tabs": ("day\tsold\n1\t5\n2\t6.5\n", {"separator": "\t"}),
    "one space": ("day sold\n1 5\n2 6.5\n", {"separator": " "}),
    "UTF-16": ("day,sold,city\n1,5,Köln\n2,6.5,Bonn\n".encode("utf-16"), {"encoding": "utf-16"}),
    "latin-1": ("day,sold,city\n1,5,Köln\n2,6.5,Bonn\n".encode("latin-1"), {"encoding": "latin-1"}),
    "cp1252": ("day,sold,unit\n1,5,€\n2,6.5,€\n".encode("cp1252"), {"encoding": "cp1252"}),
}


@pytest.mark.parametrize(("content", "keys"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_spelling_of_the_same_table_is_read_alike(
    load: Load, content: str | bytes, keys: dict[str, Any]
) -> None:
    panel = load(content, **keys)
    assert panel.values.tolist() == [[5.0], [6.5]]
    assert panel.time.tolist() == [1, 2]
    assert panel.time.dtype == np.int64
    assert str(panel.frequency) == "every 1"


def test_a_whole_number_beyond_64_bits_is_the_nearest_float(load: Load) -> None:
    assert load(f"day,sold\n1,5\n2,1{'0' * 25}\n").values.tolist() == [[5.0], [1e25]]


def test_targets_come_first_then_inputs_in_the_order_of_the_spec(load: Load) -> None:
    panel = load("a,b,day,c\n1,2,7,3\n4,5,8,6\n", target=("c", "a"), inputs="b", missing="ffill", unit="kg")
    assert panel.values.tolist() == [[3, 1, 2], [6, 4, 5]]
    assert panel.channels == ("c", "a", "b")
    assert panel.targets == ("c", "a")
    assert panel.bounds.tolist() == [0, 2]
    assert panel.series == ("sales",)
    assert panel.filled.tolist() == [[False] * 3, [False] * 3]
    assert (panel.missing, panel.unit) == ("ffill", "kg")


def test_rows_without_a_time_column_are_counted_from_zero(load: Load) -> None:
    panel = load("sold\n5\n6\n8\n", time=None)
    assert panel.time.tolist() == [0, 1, 2]
    assert str(panel.frequency) == "every 1"


@pytest.mark.parametrize(
    ("times", "keys", "read", "frequency"),
    [
        (
            ["2020-01-31", "2020-02-29", "2020-03-31"],
            {},
            ["2020-01-31", "2020-02-29", "2020-03-31"],
            "monthly",
        ),
        (
            ["2020-01-01 00:15", "2020-01-01T00:30:00"],
            {},
            ["2020-01-01T00:15", "2020-01-01T00:30"],
            "every 15 minutes",
        ),
        (["03/02/2020", "04/02/2020"], {"time_format": "%d/%m/%Y"}, ["2020-02-03", "2020-02-04"], "daily"),
        (["20200203", "20200204"], {"time_format": "%Y%m%d"}, ["2020-02-03", "2020-02-04"], "daily"),
        (["2020-01-03", "2020-01-06"], {"frequency": "rows"}, ["2020-01-03", "2020-01-06"], "row by row"),
    ],
)
def test_times_are_dates(
    load: Load, times: list[str], keys: dict[str, Any], read: list[str], frequency: str
) -> None:
    panel = load("day,sold\n" + "".join(f"{time},5\n" for time in times), **keys)
    assert panel.time.dtype == "datetime64[us]"
    assert panel.time.tolist() == np.array(read, dtype="datetime64[us]").tolist()
    assert str(panel.frequency) == frequency


@pytest.mark.parametrize(
    ("times", "keys", "read"),
    [
        (["1990", "1995", "2000"], {}, [1990, 1995, 2000]),
        (["-0.5", "0", "0.5"], {}, [-0.5, 0.0, 0.5]),
        (["0,25", "0,5"], SEMICOLON, [0.25, 0.5]),
        (["9007199254740993", "9007199254740995"], {}, [2**53 + 1, 2**53 + 3]),  # not exact as float64
        (["1577836800123456789", "1577836801123456789"], {}, [1577836800123456789, 1577836801123456789]),
        (["-8000000000000000000", "8000000000000000000"], {}, [-8e18, 8e18]),
    ],
)
def test_times_may_be_numbers(load: Load, times: list[str], keys: dict[str, Any], read: list[float]) -> None:
    separator = keys.get("separator", ",")
    panel = load(f"day{separator}sold\n" + "".join(f"{time}{separator}5\n" for time in times), **keys)
    assert panel.time.tolist() == read
    assert panel.time.dtype.kind == ("i" if isinstance(read[0], int) else "f")


def test_absent_rows_and_empty_cells_are_filled_where_the_config_says_so(load: Load) -> None:
    panel = load(
        "day,sold,price\n2020-01-01,1,8\n2020-01-02,,8\n2020-01-05,7,2\n",
        inputs="price",
        missing="interpolate",
    )
    assert panel.values.tolist() == [[1, 8], [2.5, 8], [4, 6], [5.5, 4], [7, 2]]
    assert panel.filled.tolist() == [
        [False, False],
        [True, False],
        [True, True],
        [True, True],
        [False, False],
    ]
    assert (
        panel.time.tolist()
        == np.arange("2020-01-01", "2020-01-06", dtype="datetime64[D]").astype("datetime64[us]").tolist()
    )
    assert panel.missing == "interpolate"


def test_with_rows_as_steps_only_empty_cells_are_filled(load: Load) -> None:
    panel = load("day,sold\n2020-01-03,1\n2020-01-06,\n2020-01-07,3\n", frequency="rows", missing="ffill")
    assert panel.values.tolist() == [[1], [1], [3]]
    assert panel.filled.tolist() == [[False], [True], [False]]


wild = st.text(alphabet='12,;" \n\ra', max_size=14)
quoted = wild.map(lambda text: ' "' + text.replace('"', '""') + '"')


@settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(middle=wild | quoted, separator=st.sampled_from([",", ";", " "]))
def test_any_text_is_refused_or_read_as_the_csv_grammar_says(
    tmp_path: Path, middle: str, separator: str
) -> None:
    content = f"sold{separator}note\n5{separator}x\n6{separator}{middle}\n7{separator}y"
    outcome = panel_or_refusal(spec_of(write(tmp_path, content), time=None, separator=separator))
    if isinstance(outcome, str):
        assert outcome.startswith(f"{tmp_path}/sales.csv:")
        return
    text = io.StringIO(content.replace("\r\n", "\n").replace("\r", "\n"), newline="")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=separator != " ", strict=True)
    assert outcome.values[:, 0].tolist() == [float(row[0]) for row in list(reader)[1:]]


def panel_or_refusal(spec: CsvSpec) -> Panel | str:
    try:
        return load_csv(spec)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize(
    ("written", "offset"),
    [("Z", "+00:00"), ("+10:00", "+10:00"), ("-0330", "-03:30"), ("+10", "+10:00")],
)
def test_a_utc_offset_is_kept_beside_the_times_of_its_clock(
    tmp_path: Path, written: str, offset: str
) -> None:
    panel = load_csv(
        spec_of(write(tmp_path, f"day,sold\n2020-01-01T23:00{written},5\n2020-01-02 00:00{written},6\n"))
    )
    assert panel.time.astype(str).tolist() == ["2020-01-01T23:00:00.000000", "2020-01-02T00:00:00.000000"]
    assert (panel.offset, panel.step) == (offset, f"hourly at UTC{offset}")
    plain = load_csv(spec_of(write(tmp_path, "day,sold\n2020-01-01T23:00,5\n2020-01-02 00:00,6\n")))
    assert (plain.offset, plain.step) == ("", "hourly")
    assert plain.fingerprint() != panel.fingerprint()

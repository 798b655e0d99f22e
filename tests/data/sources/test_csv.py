import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnfc.data.panel import Panel
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.file import load_file
from rnnfc.errors import DataError

Load = Callable[..., Panel]
Refusal = Callable[..., str]

SEMICOLON = {"separator": ";", "decimal": ","}


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "sales.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def spec_of(path: Path | str, **keys: Any) -> CsvSpec:
    return CsvSpec(**{"kind": "csv", "path": str(path), "time": "day", "target": "sold", **keys})


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The panel of a CSV file with the columns `day` and `sold`, unless `keys` of the spec say otherwise."""
    return lambda content, **keys: load_file(spec_of(write(tmp_path, content), **keys))


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """The error's text for the content of sales.csv in the working folder."""
    monkeypatch.chdir(tmp_path)

    def refuse(content: str | bytes, **keys: Any) -> str:
        with pytest.raises(DataError) as caught:
            load_file(spec_of(write(tmp_path, content), **keys))
        return str(caught.value)

    return refuse


# content, keys of the spec, how the message begins, and key words of it
Fault = tuple[str | bytes, dict[str, Any], str, tuple[str, ...]]


def days(*times: str) -> str:
    return "day,sold\n" + "".join(f"{time},{5 + row}\n" for row, time in enumerate(times))


def sold(*cells: str) -> str:
    return "day,sold\n" + "".join(f"{1 + row},{cell}\n" for row, cell in enumerate(cells))


BLANK = ("blank line", "NA")
NO_COLUMN = "no column 'sold'"
LAYOUT: dict[str, Fault] = {
    "one field too many": (sold("5", "6,9", "7"), {}, "sales.csv:3: 3 fields", ("header has 2", "quotes")),
    "one field too few": ("day,sold\n1,5\n2,6\n3\n", {}, "sales.csv:4: 1 field,", ("header has 2",)),
    "1,234 without quotes": (sold("1,234", "6"), {}, "sales.csv:2: 3 fields", ("header has 2",)),
    "a short row after a long quoted field": (
        'day,note,sold\n1,"rain,\n\nthen ""sun""",5\n2,6\n',
        {},
        "sales.csv:5: 2 fields",
        ("header has 3",),
    ),
    "a field without end": (
        'day,note,sold\n1,fair,5\n2,"rain,6\n3,sun,7\n',
        {},
        "sales.csv:3: not valid CSV",
        ("quotes",),
    ),
    "text after a quoted field": (
        'day,note,sold\n1,fair,5\n2,"rain" or so,6\n',
        {},
        "sales.csv:3: not valid CSV",
        ("quotes",),
    ),
    "a blank line": ("day,sold\n1,5\n\n2,6\n", {}, "sales.csv:3: ", BLANK),
    "a blank line, with quotes": ('day,sold\n1,"5"\n2,6\n\n3,7\n', {}, "sales.csv:4: ", BLANK),
    "a missing value that leaves its line blank": ("sold\n5\n\n7\n", {"time": None}, "sales.csv:3: ", BLANK),
    "a blank first line": ("\nday,sold\n1,5\n2,6\n", {}, "sales.csv:1: ", BLANK),
    "nothing": ("", {}, "sales.csv: empty file", ("header",)),
    "only white space": (" \r\n \n", {}, "sales.csv: empty file", ("header",)),
    "header only": (sold(), {}, "sales.csv: 0 data rows;", ("at least two", "window.length")),
    "one row": (sold("5"), {}, "sales.csv: 1 data row;", ("at least two",)),
    "one row on three lines": ('day,note,sold\n1, "a,5\nb\n2,c",6\n', {}, "sales.csv: 1 data row;", ()),
    "NUL bytes": (b"day,sold\n1,5\n2,\0\n", {}, "sales.csv: ", ("NUL bytes", "data.encoding")),
    "a separator outside ASCII": (
        "day¦sold\n1¦5\n2¦6\n",
        {"separator": "¦"},
        "sales.csv: data.separator is '¦'",
        ("ASCII",),
    ),
}
HEADER: dict[str, Fault] = {
    "a column twice": (
        "day,sold,sold\n1,5,6\n2,6,7\n",
        {},
        "sales.csv:1: duplicate column 'sold'",
        ("rename",),
    ),
    "a typo": ("day,solt\n1,5\n2,6\n", {}, f"sales.csv:1: {NO_COLUMN}", ("did you mean 'solt'", "day, solt")),
    "an unknown column": ("day,price\n1,5\n2,6\n", {}, f"sales.csv:1: {NO_COLUMN}; columns: day, price", ()),
    "an unknown input": (
        sold("5", "6"),
        {"inputs": "price"},
        "sales.csv:1: no column 'price'",
        ("day, sold",),
    ),
    "an unknown time": ("date,sold\n1,5\n2,6\n", {}, "sales.csv:1: no column 'day'", ("date, sold",)),
    "three typos": (
        "date,solt,prise\n1,5,8\n2,6,8\n",
        {"inputs": "price"},
        f"sales.csv:1: {NO_COLUMN}; did you mean 'solt'?",
        (
            "\nsales.csv:1: no column 'price'; did you mean 'prise'?",
            "\nsales.csv:1: no column 'day'; columns",
        ),
    ),
    "many columns": (
        "day,b,c,d,e,f,g,h,i,j,k,l,m\n" + "1,2,3,4,5,6,7,8,9,1,2,3,4\n" * 2,
        {},
        f"sales.csv:1: {NO_COLUMN}",
        ("j, k, l, ... (13 columns)",),
    ),
    "a column between quotes and lines": (
        '"day","so\nld"\n1,5\n2,6\n',
        {},
        f"sales.csv:1: {NO_COLUMN}",
        ("did you mean 'so\\nld'", "day, so\\nld"),
    ),
    "semicolons": ("day;sold\n1;5\n2;6\n", {}, "sales.csv:1: ", ("set data.separator: ';'",)),
    "tabs": ("day\tsold\n1\t5\n2\t6\n", {}, "sales.csv:1: ", ('set data.separator: "\\t"',)),
    "bars": ("day|sold\n1|5\n2|6\n", {}, "sales.csv:1: ", ("set data.separator: '|'",)),
    "commas": (sold("5", "6"), {"separator": ";"}, "sales.csv:1: ", ("set data.separator: ','",)),
    "one column of another name": ("price\n5\n6\n", {"time": None}, f"sales.csv:1: {NO_COLUMN}", ("price",)),
    "a name longer than csv reads": (
        f"day,sold,{'x' * 131_073}\n1,5,6\n2,6,7\n",
        {},
        "sales.csv:1: not a CSV header",
        ("limit",),
    ),
}
NUMBER = ("is not a number", "missing value", "NA, N/A, NaN, nan, null")
THOUSANDS = ("is not a number", "thousands", "data.decimal: ','")
CELLS: dict[str, Fault] = {
    "text": (sold("5", "many", "7"), {}, "sales.csv:3: sold: 'many'", NUMBER),
    "text in an input": (
        "day,sold,price\n1,5,8\n2,6,cheap\n",
        {"inputs": "price"},
        "sales.csv:3: price: 'cheap'",
        NUMBER,
    ),
    "thousands": (sold("5", '"1,234"'), {}, "sales.csv:3: sold: '1,234'", THOUSANDS),
    "negative thousands": (sold("5", '"-1,234.5"'), {}, "sales.csv:3: sold: '-1,234.5'", THOUSANDS),
    "words with a comma": (sold("5", '"a, b"'), {}, "sales.csv:3: sold: 'a, b'", NUMBER),
    "a decimal comma": ("day;sold\n1;5,5\n2;6\n", {"separator": ";"}, "sales.csv:2: sold: '5,5'", THOUSANDS),
    "a decimal point among commas": (
        "day;sold\n1;5,5\n2;6.5\n",
        SEMICOLON,
        "sales.csv:3: sold: '6.5'",
        ("is not a number", "thousands", "data.decimal: '.'"),
    ),
    "text among decimal commas": (
        "day;sold\n1;5,5\n2;many\n",
        SEMICOLON,
        "sales.csv:3: sold: 'many'",
        NUMBER,
    ),
    "True and False": (sold("True", "False"), {}, "sales.csv:2: sold: 'True'", NUMBER),
    "True among numbers": (sold("5", "TRUE"), {}, "sales.csv:3: sold: 'TRUE'", NUMBER),
    "hexadecimal": (sold("5", "0x1F"), {}, "sales.csv:3: sold: '0x1F'", NUMBER),
    "an unknown word for missing": (
        sold("5", "n/e"),
        {},
        "sales.csv:3: sold: 'n/e'",
        (*NUMBER, "data.missing_values: ['n/e']"),
    ),
    "infinity": (sold("5", "inf"), {}, "sales.csv:3: sold: infinite", ("float64",)),
    "minus infinity": (sold("5", "6", "-Infinity"), {}, "sales.csv:4: sold: infinite", ("float64",)),
    "1e400": (sold("1e400", "6"), {}, "sales.csv:2: sold: infinite", ("float64",)),
    "a whole number of 400 digits": (sold("5", "9" * 400), {}, "sales.csv:3: sold: infinite", ("float64",)),
    "text after a long quoted field": (
        'day,note,sold\n1,"rain,\n\nthen ""sun""",5\n2,fair,many\n',
        {},
        "sales.csv:5: sold: 'many'",
        NUMBER,
    ),
    "text after CR line ends": ("day,sold\r1,5\r2,many\r", {}, "sales.csv:3: sold: 'many'", NUMBER),
    "text after CRLF line ends": ("day,sold\r\n1,5\r\n2,many\r\n", {}, "sales.csv:3: sold: 'many'", NUMBER),
    "missing, on a line of spaces": (
        "sold\n5\n  \n7\n",
        {"time": None},
        "sales.csv:3: sold: missing value (1 in all)",
        ("data.missing",),
    ),
    **{
        f"missing, written as {word!r}": (
            sold("5", word, "7", word),
            {},
            "sales.csv:3: sold: missing value (2 in all)",
            ("data.missing: interpolate, ffill, seasonal or mask",),
        )
        for word in ("", " ", "NA", "N/A", "NaN", "nan", "null")
    },
}
SORT = ("not sorted", "oldest first")
FORMAT = ("ISO 8601", "set data.time_format: ")
TIMES: dict[str, Fault] = {
    "a time twice": (
        days("2020-01-01", "2020-01-02", "2020-01-02"),
        {},
        "sales.csv:4: duplicate timestamp 2020-01-02, first on line 3;",
        ("one row",),
    ),
    "a time twice, with rows as steps": (
        days("1", "1", "2"),
        {"frequency": "rows"},
        "sales.csv:3: duplicate timestamp 1, first on line 2;",
        (),
    ),
    "nanoseconds twice": (
        days("1577836800123456789", "1577836800123456789"),
        {},
        "sales.csv:3: duplicate timestamp 1577836800123456789,",
        (),
    ),
    "a time back": (days("2020-01-01", "2020-01-03", "2020-01-02"), {}, "sales.csv:4: ", SORT),
    "a time back, of 13 digits": (days("1577836800123", "1577836800122"), {}, "sales.csv:3: ", SORT),
    "a time back by a little": (
        days("1577836800.123457", "1577836800.123456"),
        {},
        "sales.csv:3: ",
        (*SORT, "1577836800.123456 comes after 1577836800.123457"),
    ),
    "the hour that autumn has twice": (
        days(
            "2024-10-27T00:00", "2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T02:00", "2024-10-27T03:00"
        ),
        {},
        "sales.csv:5: duplicate timestamp 2024-10-27T02:00, first on line 4; ",
        ("daylight saving time", "in UTC"),
    ),
    "a clock that goes back": (
        days("2024-11-03T01:30", "2024-11-03T01:45", "2024-11-03T01:00", "2024-11-03T01:15"),
        {},
        "sales.csv:4: times are not sorted: 2024-11-03T01:00 comes after 2024-11-03T01:45; ",
        ("daylight saving time", "in UTC"),
    ),
    "no clock that goes back, in UTC": (
        days("2024-10-27T01:00Z", "2024-10-27T02:00Z", "2024-10-27T02:00Z"),
        {},
        "sales.csv:4: duplicate timestamp",
        ("keep one row per time",),
    ),
    "no clock that goes forward, in UTC": (
        days("2024-03-31T00:00Z", "2024-03-31T01:00Z", "2024-03-31T03:00Z", "2024-03-31T04:00Z"),
        {},
        "sales.csv:4: missing rows between 2024-03-31T01:00 and 2024-03-31T03:00 (1 missing in all, spacing: hourly); set data",
        (),
    ),
    "no clock that goes back": (
        days("2024-10-28T01:00", "2024-10-28T02:00", "2024-10-28T02:00"),
        {},
        "sales.csv:4: duplicate timestamp",
        ("keep one row per time",),
    ),
    "the time of day in another column": (
        days(*[day for day in ("2024-01-01", "2024-01-02") for _ in range(24)]),
        {},
        "sales.csv:3: duplicate timestamp 2024-01-01, first on line 2; 48 rows share 2 times: ",
        ("another column", "the hour", "data.kind: long"),
    ),
    "months that begin again": (
        days(*[str(month) for _ in range(2) for month in range(1, 13)]),
        {},
        "sales.csv:14: times are not sorted: 1 comes after 12; 24 rows share 12 times: ",
        ("another column", "data.kind: long"),
    ),
    "years, then months": (
        days("2019-01-01", "2020-01-01", "2019-01-01", "2019-02-01", "2019-03-01"),
        {},
        "sales.csv:4: times are not sorted: 2019-01-01 comes after 2020-01-01; 5 rows share 4 times: ",
        ("rows of one kind",),
    ),
    "a year after its months": (
        days("201511", "201512", "2015", "201601"),
        {},
        "sales.csv:4: times are not sorted: 2015 comes after 201512; ",
        ("a year among months", "remove these rows"),
    ),
    "blocks out of order": (
        days("2020-01-03", "2020-01-04", "2020-01-01", "2020-01-02"),
        {},
        "sales.csv:4: times are not sorted: ",
        SORT,
    ),
    "missing rows": (
        days("2020-01-01", "2020-01-02", "2020-01-05", "2020-01-06", "2020-01-08"),
        {},
        "sales.csv:4: missing rows between 2020-01-02 and 2020-01-05 (3 ",
        ("daily", "data.missing: interpolate, ffill, seasonal or mask", "data.frequency: rows"),
    ),
    "last working days of months": (
        days("2024-07-31", "2024-08-30", "2024-09-30", "2024-10-31", "2024-11-29"),
        {},
        "sales.csv:3: 2024-08-30: the rows are monthly, ",
        ("the first day of each month, or its last", "data.frequency: rows"),
    ),
    "weekends": (
        days("2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-11"),
        {},
        "sales.csv:4: missing rows between 2024-01-05 and 2024-01-08 (3 missing in all, spacing: daily); no row is on a weekend: "
        "set data.frequency: rows",
        ("or data.missing: interpolate, ffill, seasonal or mask",),
    ),
    "the hour that spring does not have": (
        days("2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T03:00", "2024-03-31T04:00"),
        {},
        "sales.csv:4: missing rows between 2024-03-31T01:00 and 2024-03-31T03:00 (1 ",
        ("daylight saving time", "in UTC", "data.missing"),
    ),
    "a row between the steps": (
        days("2020-01-01", "2020-01-02", "2020-01-02T12:00", "2020-01-03", "2020-01-04", "2020-01-05"),
        {},
        "sales.csv:4: 2020-01-02T12:00 ",
        ("step", "daily", "resample", "data.frequency: rows"),
    ),
    "another format": (days("2020-01-01", "02/01/2020"), {}, "sales.csv:3: day: '02/01/2020'", ("ISO 8601",)),
    "another format than the one in the spec": (
        days("01/01/2020", "2020-01-02"),
        {"time_format": "%d/%m/%Y"},
        "sales.csv:3: day: '2020-01-02'",
        ("format '%d/%m/%Y'", "data.time_format"),
    ),
    "German dates": (
        days("01.01.2020", "02.01.2020"),
        {},
        "sales.csv:2: day: '01.01.2020'",
        (*FORMAT, "'%d.%m.%Y'"),
    ),
    "the day first": (days("01/02/2020", "31/01/2020"), {}, "sales.csv:2: day: ", (*FORMAT, ": '%d/%m/%Y'")),
    "the month first": (
        days("01/30/2020 09:30", "01/31/2020 09:30"),
        {},
        "sales.csv:2: day: ",
        (*FORMAT, ": '%m/%d/%Y %H:%M'"),
    ),
    "the day or the month first": (
        days("01/02/2020", "02/02/2020"),
        {},
        "sales.csv:2: day: ",
        (*FORMAT, "'%d/%m/%Y' or '%m/%d/%Y'"),
    ),
    "a year of two digits": (
        days("30/01/20", "31/01/20"),
        {},
        "sales.csv:2: day: ",
        (*FORMAT, ": '%d/%m/%y'"),
    ),
    "the day, the month or the year first": (
        days("01-02-03", "02-02-03"),
        {},
        "sales.csv:2: day: ",
        (*FORMAT, ": '%d-%m-%y' or '%m-%d-%y' or '%y-%m-%d'"),
    ),
    "a month in words, and a clock of 12 hours": (
        days("31 Jan 2020 11:00 PM", "01 Feb 2020 12:00 AM"),
        {},
        "sales.csv:2: day: ",
        (*FORMAT, ": '%d %b %Y %I:%M %p'"),
    ),
    "months in words": (days("Jan-20", "Feb-20"), {}, "sales.csv:2: day: ", (*FORMAT, ": '%b-%y'")),
    "dates without marks": (
        days("20240130", "20240131", "20240201"),
        {},
        "sales.csv:2: ",
        ("look like dates", "data.time_format: '%Y%m%d'"),
    ),
    "monthly dates without marks": (
        days("20231031", "20231130", "20231231", "20240131"),
        {"missing": "ffill"},
        "sales.csv:2: ",
        ("look like dates", "data.time_format: '%Y%m%d'"),
    ),
    "weeks": (
        days("202451", "202452", "202501"),
        {},
        "sales.csv:2: ",
        ("years and weeks", "write them as 2024-W51", "data.time_format: number"),
    ),
    "quarters": (
        days("20243", "20244", "20251"),
        {},
        "sales.csv:2: ",
        ("years and quarters", "write them as 2024-Q3", "data.time_format: number"),
    ),
    "numbers of eight digits with a gap": (
        days("99999990", "99999991", "99999994"),
        {},
        "sales.csv:4: missing rows between 99999991 and 99999994 (2 ",
        ("every 1",),
    ),
    "a day that does not exist": (
        days("2020-02-28", "2020-02-30"),
        {},
        "sales.csv:3: day: '2020-02-30'",
        ("ISO 8601", "correct the row"),
    ),
    "an empty time": (days("2020-01-01", ""), {}, "sales.csv:3: day: missing time", ("remove the row",)),
    "an empty number": (days("1", "", "3"), {}, "sales.csv:3: day: missing time", ("remove the row",)),
    "an infinite number": (days("1", "2", "3", "inf"), {}, "sales.csv:5: day: 'inf'", ("is not a number",)),
    "a number beyond all counting": (
        days("1", "2", "3", "1e300"),
        {"missing": "ffill"},
        "sales.csv:5: day: '1e300'",
        ("is not a number",),
    ),
    "an invalid format": (
        days("1", "2"),
        {"time_format": "%Q"},
        "sales.csv: data.time_format '%Q'",
        ("strptime",),
    ),
    "an offset in one row": (
        days("2020-03-28T00:00", "2020-03-29T00:00+02:00"),
        {},
        "sales.csv:3: day: '2020-03-29T00:00+02:00' has +02:00,",
        ("has none", "one UTC offset"),
    ),
    "no offset, with one in the format": (
        days("28/03/2020 00:00 +0100", "29/03/2020 00:00"),
        {"time_format": "%d/%m/%Y %H:%M %z"},
        "sales.csv:3: day: '29/03/2020 00:00' has no UTC offset, the first row has +0100",
        ("one UTC offset",),
    ),
    "an offset in the middle of the format": (
        days("2020 +0100 03", "2020 +0100 04"),
        {"time_format": "%Y %z %m"},
        "sales.csv:2: day: data.time_format",
        ("UTC offset",),
    ),
}
ENCODINGS: dict[str, Fault] = {
    "UTF-16": (sold("5", "6").encode("utf-16"), {}, "sales.csv: ", ("UTF-16", "data.encoding: utf-16")),
    "UTF-16, big end first": (
        b"\xfe\xff" + sold("5", "6").encode("utf-16-be"),
        {},
        "sales.csv: ",
        ("UTF-16", "data.encoding: utf-16"),
    ),
    "UTF-16 without its mark": (
        sold("5", "6").encode("utf-16-le"),
        {},
        "sales.csv: ",
        ("NUL", "data.encoding"),
    ),
    "latin-1": (
        "day,sold,city\n1,5,Bonn\n2,6,Köln\n".encode("latin-1"),
        {},
        "sales.csv:3: not utf-8 text",
        ("data.encoding: latin-1", "cp1252, utf-16"),
    ),
    "latin-1 with CR line ends": (
        "day,sold,city\r1,5,Bonn\r2,6,Köln\r".encode("latin-1"),
        {},
        "sales.csv:3: not utf-8 text",
        ("data.encoding: latin-1",),
    ),
    "half a character of UTF-16": (
        "day,sold\r\n1,5\r\n2,6".encode("utf-16")[:-1],
        {"encoding": "utf-16"},
        "sales.csv:3: not utf-16 text",
        ("data.encoding: latin-1",),
    ),
    "a byte that cp1252 has not": (
        b"day,sold,city\n1,5,\x81\n2,6,Bonn\n",
        {"encoding": "cp1252"},
        "sales.csv:2: not cp1252 text",
        ("data.encoding: latin-1",),
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


@pytest.mark.parametrize(("content", "keys", "begins", "words"), FAULTS.values(), ids=FAULTS)
def test_csv__names_the_line_of_a_fault_and_a_remedy(
    refusal: Refusal, content: str | bytes, keys: dict[str, Any], begins: str, words: tuple[str, ...]
) -> None:
    message = refusal(content, **keys)
    assert message.startswith(begins)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("name", "words"), [("sales.csv", "no such file.*data.path"), ("", "Is a directory.*data.path")]
)
def test_csv__refuses_what_is_not_a_file(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=f"^{tmp_path / name}: .*{words}"):
        load_file(spec_of(tmp_path / name))


def test_csv__names_a_file_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    path = write(tmp_path / "here", "day,sold\n1,5\n2,x\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^here/sales\.csv:3: "):
        load_file(spec_of(path))
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DataError, match=r"^sales\.csv:3: "):
        load_file(spec_of(path))


def test_csv__is_read_from_a_deleted_working_folder(
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
def test_csv__reads_each_spelling_of_a_table_alike(
    load: Load, content: str | bytes, keys: dict[str, Any]
) -> None:
    panel = load(content, **keys)
    assert panel.values.tolist() == [[5.0], [6.5]]
    assert panel.time.tolist() == [1, 2]
    assert panel.time.dtype == np.int64
    assert str(panel.frequency) == "every 1"


def test_csv__reads_a_whole_number_beyond_64_bits_as_the_nearest_float(load: Load) -> None:
    assert load(f"day,sold\n1,5\n2,1{'0' * 25}\n").values.tolist() == [[5.0], [1e25]]


def test_csv__orders_targets_then_inputs_as_in_the_spec(load: Load) -> None:
    panel = load("a,b,day,c\n1,2,7,3\n4,5,8,6\n", target=("c", "a"), inputs="b", missing="ffill", unit="kg")
    assert panel.values.tolist() == [[3, 1, 2], [6, 4, 5]]
    assert panel.channels == ("c", "a", "b")
    assert panel.targets == ("c", "a")
    assert panel.bounds.tolist() == [0, 2]
    assert panel.series == ("sales",)
    assert panel.filled.tolist() == [[False] * 3, [False] * 3]
    assert (panel.missing, panel.unit) == ("ffill", "kg")


def test_csv__numbers_rows_from_zero_without_a_time_column(load: Load) -> None:
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
        (
            ["2020-01-03", "2020-01-06"],
            {"frequency": "rows"},
            ["2020-01-03", "2020-01-06"],
            "spacing ignored",
        ),
    ],
)
def test_csv__reads_dates(
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
def test_csv__reads_times_that_are_numbers(
    load: Load, times: list[str], keys: dict[str, Any], read: list[float]
) -> None:
    separator = keys.get("separator", ",")
    panel = load(f"day{separator}sold\n" + "".join(f"{time}{separator}5\n" for time in times), **keys)
    assert panel.time.tolist() == read
    assert panel.time.dtype.kind == ("i" if isinstance(read[0], int) else "f")


def test_csv__fills_missing_rows_and_values_by_the_policy(load: Load) -> None:
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


def test_csv__with_rows_as_steps_fills_values_only(load: Load) -> None:
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
def test_csv__any_text_is_refused_or_read_by_the_csv_grammar(
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
        return load_file(spec)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize(
    ("written", "offset"),
    [("Z", "+00:00"), ("+10:00", "+10:00"), ("-0330", "-03:30"), ("+10", "+10:00")],
)
def test_csv__keeps_a_utc_offset_and_local_times(tmp_path: Path, written: str, offset: str) -> None:
    panel = load_file(
        spec_of(write(tmp_path, f"day,sold\n2020-01-01T23:00{written},5\n2020-01-02 00:00{written},6\n"))
    )
    assert panel.time.astype(str).tolist() == ["2020-01-01T23:00:00.000000", "2020-01-02T00:00:00.000000"]
    assert (panel.offset, panel.step) == (offset, f"hourly at UTC{offset}")
    plain = load_file(spec_of(write(tmp_path, "day,sold\n2020-01-01T23:00,5\n2020-01-02 00:00,6\n")))
    assert (plain.offset, plain.step) == ("", "hourly")
    assert plain.fingerprint() != panel.fingerprint()

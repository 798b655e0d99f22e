"""Files as people have them: each kind is read as what it means, or refused with the line and the key that helps."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.frame import FrameSpec
from rnnfc.data.sources.long import LongSpec
from rnnfc.data.sources.wide import WideSpec
from rnnfc.errors import ConfigError, DataError

Load = Callable[..., Panel]

DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]


def rows_of(cells: list[str], *, separator: str = ",", header: str = "date,level") -> str:
    """A file with a day and a cell in each row."""
    lines = [f"{day}{separator}{cell}" for day, cell in zip(DAYS, cells, strict=False)]
    return "\n".join([header.replace(",", separator), *lines, ""])


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """The panel of a file with the columns `date` and `level`, unless keys say otherwise."""
    monkeypatch.chdir(tmp_path)

    def read(content: str | bytes, *, name: str = "x.csv", **changed: Any) -> Panel:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        keys = {"kind": "csv", "path": name, "time": "date", "target": "level", **changed}
        spec = {"csv": CsvSpec, "long": LongSpec, "wide": WideSpec}[keys["kind"]]
        return load_panel(
            spec.model_validate({key: value for key, value in keys.items() if value is not None})
        )

    return read


def refusal(load: Load, content: str | bytes, **keys: Any) -> str:
    with pytest.raises(DataError) as refused:
        load(content, **keys)
    return str(refused.value)


def levels(panel: Panel) -> list[float | None]:
    """The first channel; None where a value was missing."""
    pairs = zip(panel.values[:, 0].tolist(), panel.filled[:, 0].tolist(), strict=True)
    return [None if filled else value for value, filled in pairs]


# --- missing values

KNOWN = ["NA", "n/a", "Null", "NULL", "None", "#N/A", "-", "--", "<NA>", " - "]


@pytest.mark.parametrize("word", KNOWN)
def test_missing_values__are_known_words(load: Load, word: str) -> None:
    panel = load(rows_of(["1.5", word, "-2", word, "3"]), missing="mask")
    assert levels(panel) == [1.5, None, -2, None, 3]


def test_missing_values__are_words_and_numbers_of_the_key(load: Load) -> None:
    cells = ["1.5", ".", "n/e", "-200", "-200.0", "***", "-20"]
    panel = load(rows_of(cells), missing="mask", missing_values=(".", "n/e", "***", -200))
    assert levels(panel) == [1.5, None, None, None, None, None, -20]
    semicolons = rows_of(["1,5", "-200,0", ":", "4"], separator=";")
    marks = {"separator": ";", "decimal": ",", "missing_values": (":", "-200")}
    assert levels(load(semicolons, missing="mask", **marks)) == [1.5, None, None, 4]


def test_missing_values__hold_for_data_frames() -> None:
    frame = pd.DataFrame(
        {"date": pd.to_datetime(DAYS[:4]), "level": [1.0, -999.0, 3.0, 4.0], "text": ["1", "-", "n/e", "4"]}
    )
    keys = {"kind": "frame", "time": "date", "missing": "mask", "missing_values": (-999, "-", "n/e")}
    for target, expected in (("level", [1, None, 3, 4]), ("text", [1, None, None, 4])):
        panel = load_panel(FrameSpec.model_validate({**keys, "target": target}), frame=frame)
        assert levels(panel) == expected


def test_missing_values__are_proposed_for_the_words_of_a_column(load: Load) -> None:
    message = refusal(load, rows_of(["1", ".", "2", "n/e", "."]), missing="mask")
    assert message.startswith("x.csv:3: level: '.' is not a number")
    assert "data.missing_values: ['.', 'n/e']" in message


def outlier_notes(*numbers: float) -> tuple[str, ...]:
    from rnnfc.data.sources.outliers import note_outliers

    return note_outliers(np.array(numbers)[:, None], ("level",))


BENZENE = [11.9, 9.4, 9.0, 9.2, 6.5, 4.7, 3.6, 3.3, 2.3, 1.7, 1.3, 1.1]


@pytest.mark.parametrize("number", [-200.0, -99.0, -999.0, 9999.0, 500.0])
def test_outliers__that_recur_are_noted(number: float) -> None:
    (note,) = outlier_notes(*BENZENE, number, np.nan, number, number)
    assert f"{number:g} in 3 of 16 rows" in note
    assert f"data.missing_values: [{number:g}]" in note


def test_outliers__of_a_common_code_are_noted_once() -> None:
    (note,) = outlier_notes(*BENZENE, -999.0)
    assert "-999 in 1 of 13 rows, all other values are 1.1 to 11.9" in note


@pytest.mark.parametrize(
    "numbers",
    [
        [*BENZENE, 500.0],  # once
        [*BENZENE, 0.0, 0.0, 0.0, *BENZENE],  # near the others
        [0.0] * 20 + [5.0, 6.0, 7.0, 5.5, 5.6, 5.7, 5.8, 6.1, 6.2, 6.3, 6.4],  # rare events
        [0.0, 1.0, 1.0, 0.0, 0.0],  # a flag
        [-99.0, -150.0, 30.0, 20.0],  # within the range
        [2.0] * 4,
        [np.nan] * 4,
    ],
)
def test_outliers__of_other_values_are_not_noted(numbers: list[float]) -> None:
    assert outlier_notes(*numbers) == ()


def test_panel__has_the_notes_on_its_columns(load: Load) -> None:
    text = "date,level,gas\n" + "".join(
        f"{day},{row % 5 + 1},{-200 if row % 3 else row / 7}\n" for row, day in enumerate(DAYS)
    )
    (note,) = load(text, inputs="gas").notes
    assert "gas: -200 in 8 of 12 rows" in note


# --- content


def zipped(**files: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


PLAIN = rows_of(["1.5", "2", "-3"])
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "x.csv.gz": gzip.compress,
    "x.csv.bz2": bz2.compress,
    "x.csv.xz": lzma.compress,
    "x.csv.zip": lambda raw: zipped(**{"x.csv": raw}),
    "x.csv": gzip.compress,  # the ending does not matter
    "x.zip": lambda raw: zipped(**{"folder/x.csv": raw, "__MACOSX/x": "resource"}),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_content__is_decompressed(load: Load, name: str) -> None:
    panel = load(COMPRESSED[name](PLAIN.encode()), name=name)
    assert (levels(panel), panel.series) == ([1.5, 2, -3], ("x",))
    faulty = COMPRESSED[name](rows_of(["1.5", "x", "-3"]).encode())
    assert refusal(load, faulty, name=name).startswith(f"{name}:3: level: 'x' is not a number")


def test_content__is_decompressed_from_zstd(load: Load) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    raw = pyarrow.compress(PLAIN.encode(), codec="zstd", asbytes=True)
    assert levels(load(raw, name="x.csv.zst")) == [1.5, 2, -3]


def test_content__is_parquet_under_any_name(load: Load) -> None:
    pytest.importorskip("pyarrow")
    buffer = io.BytesIO()
    pd.DataFrame({"date": pd.to_datetime(DAYS[:3]), "level": [1.5, 2, -3]}).to_parquet(buffer)
    assert levels(load(buffer.getvalue())) == [1.5, 2, -3]


UNREAD: dict[str, tuple[bytes, str]] = {
    "a workbook": (zipped(**{"xl/workbook.xml": "<x/>"}), "an Excel workbook; save its sheet as CSV"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook"),
    "a spreadsheet": (zipped(**{"mimetype": "x", "content.xml": "<x/>"}), "an OpenDocument spreadsheet"),
    "two files": (
        zipped(**{"a.csv": "a", "b.csv": "b"}),
        "a zip archive with 2 files: a.csv, b.csv; extract the one",
    ),
    "an empty archive": (zipped(), "a zip archive with 0 files; extract"),
    "half of a file": (gzip.compress(PLAIN.encode())[:-9], "a damaged gzip file"),
    "a PDF document": (b"%PDF-1.7\n", "this is a PDF document"),
    "an HTML page": (b"\n <HTML><body>", "this is an HTML page"),
    "XML": (b"<?xml version='1.0'?>", "this is XML"),
    "JSON": (b'[\n  {"date": "2024-01-01"}]', "this is JSON, and CSV and Parquet files are read"),
    "JSON lines": (b'{"date": "2024-01-01", "level": 50.0}\n', "this is JSON"),
    "a database": (b"SQLite format 3\0", "this is an SQLite database"),
    "a tar archive": (gzip.compress(b"x" * 257 + b"ustar" + b"x" * 250), "this is a tar archive"),
}


@pytest.mark.parametrize(("content", "words"), UNREAD.values(), ids=UNREAD)
def test_content__of_another_format_is_named(load: Load, content: bytes, words: str) -> None:
    message = refusal(load, content)
    assert message.startswith("x.csv: ")
    assert words in message


def test_content__may_begin_with_a_bracket(load: Load) -> None:
    text = rows_of(["1.5", "2", "-3"], header="[date],[level]")
    assert levels(load(text, time="[date]", target="[level]")) == [1.5, 2, -3]


# --- lines that are no rows

# content after which the header and the rows of PLAIN stand, keys, and the line of the first row
TEXT = rows_of(["1.5", "2", "-3"])
BODY = TEXT.partition("\n")[2]
LAYOUTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "title lines": (f"Report\nRegion: nowhere\n\n{TEXT}", {"skip_rows": 3}, 5),
    "a blank line after title lines": (f"Report\nRegion: nowhere\n\n{TEXT}", {"skip_rows": 2}, 5),
    "comments": (f"# station 7, invented\n#\n{TEXT}", {"comment": "#"}, 4),
    "comments and a blank line": (f"% a\n\n{TEXT}", {"comment": "%"}, 4),
    "comments of two characters": (f"// a, b\n{TEXT}", {"comment": "//"}, 3),
    "a row of units": (f"date,level\nYYYY-MM-DD,m\n{BODY}", {"skip_rows_after_header": 1}, 3),
    "two rows of units": (f"date,level\n,m\n5s,9n\n{BODY}", {"skip_rows_after_header": 2}, 4),
    "no header": (BODY, {"columns": ("date", "level")}, 1),
    "no header, title lines": (f"Report\n{BODY}", {"columns": ("date", "level"), "skip_rows": 1}, 2),
    "a footer": (f"{TEXT}Total,0.5\nSource: invented\n", {"skip_footer": 2}, 2),
    "a footer after a blank line": (f"{TEXT}\nSource: invented, 2024\n\n", {"skip_footer": 1}, 2),
    "empty columns": (TEXT.replace("\n", ",,\n") + ",,,\n,,,\n", {}, 2),
    "separators at the end of rows": (
        f"date,level\n{BODY}".replace("\n", ",\n").replace("level,", "level"),
        {},
        2,
    ),
    "separators at the end of the header": (TEXT.replace("level", "level,,"), {}, 2),
    "a name twice that is not needed": (TEXT.replace("\n", ",a,x,a\n"), {}, 2),
    "CR CR LF": (TEXT.replace("\n", "\r\r\n"), {}, 2),
    "spaces around names": (TEXT.replace("date,level", " date , level "), {}, 2),
    "spaces": ("  " + TEXT.replace(",", "     ").replace("\n", "  \n  "), {"separator": "whitespace"}, 2),
    "tabs and spaces": (TEXT.replace(",", " \t "), {"separator": "whitespace"}, 2),
    "spaces, comments, no header": (
        "# a b\n" + BODY.replace(",", "  "),
        {"separator": "whitespace", "comment": "#", "columns": ("date", "level")},
        2,
    ),
}


@pytest.mark.parametrize(("content", "keys", "first"), LAYOUTS.values(), ids=LAYOUTS)
def test_lines__that_are_no_rows_are_left_out(
    load: Load, content: str, keys: dict[str, Any], first: int
) -> None:
    panel = load(content, **keys)
    assert (levels(panel), [str(time)[:10] for time in panel.time]) == ([1.5, 2, -3], DAYS[:3])
    assert load(content.replace("\n", "\r\n"), **keys).fingerprint() == panel.fingerprint()
    message = refusal(load, content.replace("-3", "many"), **keys)
    assert message.startswith(f"x.csv:{first + 2}: level: 'many' is not a number")


def test_lines__fewer_than_are_skipped_are_an_empty_file(load: Load) -> None:
    for keys in ({"skip_rows": 9}, {"skip_rows": 9, "comment": "#"}, {"skip_footer": 9}):
        assert refusal(load, TEXT, **keys).startswith("x.csv: empty file")


def test_split_rows__needs_no_names() -> None:
    from rnnfc.data.sources.csv_text import split_rows
    from rnnfc.data.sources.dialect import Dialect

    raw = b"# a\ndate;level\n-;m\n2024-01-01;1,5\nTotal;2\n"
    dialect = Dialect(separator=";", comment="#", skip_rows_after_header=1, skip_footer=1)
    text = split_rows(Path("x.csv"), raw, dialect)
    assert (text.header, text.content, text.origin.locate(0)) == (
        ("date", "level"),
        b"2024-01-01;1,5",
        "x.csv:4",
    )


def test_comments__may_stand_between_rows(load: Load) -> None:
    text = 'date,level\n2024-01-01,1\n# closed, "for repair\n2024-01-02,2\n2024-01-03,x\n'
    assert refusal(load, text, comment="#").startswith("x.csv:5: level: 'x'")
    assert levels(load(text.replace("x", "3"), comment="#")) == [1, 2, 3]


# content, keys, what the message begins with, and the key that helps
FOUR_MORE = BODY.replace("2024", "2025") + "2025-01-04,1\n"
ADVICE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "title lines": (
        f"Report\nRegion: nowhere\n\n{TEXT}",
        {},
        "x.csv:1: ",
        "on line 4: set data.skip_rows: 3",
    ),
    "comments": (f"# station 7\n{TEXT}", {}, "x.csv:1: ", "set data.comment: '#'"),
    "a comment between rows": (f"{TEXT}# end\n{FOUR_MORE}", {}, "x.csv:5: 1 field", "set data.comment: '#'"),
    "a row of units": (
        f"date,level\nYYYY-MM-DD,m\n{BODY}",
        {},
        "x.csv:2: level: 'm'",
        "set data.skip_rows_after_header: 1",
    ),
    "a row of units above words": (
        f"date,level\n,m\n{BODY}{FOUR_MORE}2024-02-01,n/e\n",
        {},
        "x.csv:2: level: 'm'",
        "set data.skip_rows_after_header: 1",
    ),
    "no header": (BODY, {}, "x.csv:1: ", "if the file has no header, name its columns with data.columns"),
    "a footer": (
        f"{TEXT}{FOUR_MORE}Source: invented\n",
        {},
        "x.csv:9: 1 field",
        "set data.skip_footer: 1",
    ),
    "a total": (
        f"{TEXT}Total,0.5\nSource: x\n",
        {"skip_footer": 1},
        "x.csv:5: date: 'Total'",
        "set data.skip_footer: 2",
    ),
    "spaces": (TEXT.replace(",", "    "), {}, "x.csv:1: ", "set data.separator: whitespace"),
    "several spaces": (
        TEXT.replace(",", "   ").replace("date   ", "date "),
        {"separator": " "},
        "x.csv:2: ",
        "set data.separator: whitespace",
    ),
    "two names for three cells": (
        BODY.replace("\n", ",5\n"),
        {"columns": ("date", "level")},
        "x.csv:1: 3 fields, data.columns has 2",
        "",
    ),
}


@pytest.mark.parametrize(("content", "keys", "begins", "words"), ADVICE.values(), ids=ADVICE)
def test_lines__that_are_no_rows_lead_to_the_key(
    load: Load, content: str, keys: dict[str, Any], begins: str, words: str
) -> None:
    message = refusal(load, content, **keys)
    assert message.startswith(begins)
    assert words in message


@pytest.mark.parametrize("cells", [["50", "51", "52"], ["50", "51", '"52"']])
def test_header__that_is_a_row_of_data_is_noted(load: Load, cells: list[str]) -> None:
    (note,) = load(rows_of(cells, header="2023-12-31,49.5"), time="2023-12-31", target="49.5").notes
    assert "2023-12-31, 49.5" in note
    assert "data.columns" in note
    assert load("0,1\n0,5\n1,6\n2,7\n", time="0", target="1").notes == ()


# --- numbers

SEMICOLON = {"separator": ";", "decimal": ","}
NUMBERS: dict[str, tuple[list[str], str, dict[str, Any], list[float]]] = {
    "commas": (['"1,200.5"', '"-1,234,567"', "12"], ",", {"thousands": ","}, [1200.5, -1234567, 12]),
    "points": (["1.200,5", "-1.234.567", "12"], ";", {**SEMICOLON, "thousands": "."}, [1200.5, -1234567, 12]),
    "spaces": (
        ["1 200,5", "-1\u00a0234\u202f567", "12"],
        ";",
        {**SEMICOLON, "thousands": " "},
        [1200.5, -1234567, 12],
    ),
    "apostrophes": (
        ["1'200.5", "-1\u2019234\u2019567", "12"],
        ",",
        {"thousands": "'"},
        [1200.5, -1234567, 12],
    ),
    "decimal commas between commas": (['"1,5"', '"-0,25"', "3"], ",", {"decimal": ","}, [1.5, -0.25, 3]),
    "signs": (["$1.5", "-$2", "$ -3"], ",", {"strip": "$"}, [1.5, -2, -3]),
    "flags": (["1.5*", "2 p", "3 %*"], ",", {"strip": ("*", "p", "%")}, [1.5, 2, 3]),
    "magnitudes": (
        ["1.234K", "$-2 M", "0.5B", "7"],
        ",",
        {"strip": ("$", "K", "M", "B")},
        [1234, -2e6, 5e8, 7],
    ),
    "magnitudes and decimal commas": (["1,234K", "2K"], ";", {**SEMICOLON, "strip": "K"}, [1234, 2000]),
    "signs and commas": (
        ['"$1,200.5"', '"$-1,000"', "NA"],
        ",",
        {"strip": "$", "thousands": ",", "missing": "mask"},
        [1200.5, -1000, None],
    ),
    "an exponent": (["1e3", "-2E-1", "3"], ",", {"thousands": ","}, [1000, -0.2, 3]),
}


@pytest.mark.parametrize(("cells", "separator", "keys", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers__are_read_in_their_format(
    load: Load, cells: list[str], separator: str, keys: dict[str, Any], expected: list[float]
) -> None:
    assert levels(load(rows_of(cells, separator=separator), **keys)) == expected


@pytest.mark.parametrize(
    "cell", ["1,2", "1,20", "12,34", "1234,567", "1,234,56", ",123", "1,,234", "1.234,567"]
)
def test_thousands__stand_before_each_three_digits(load: Load, cell: str) -> None:
    message = refusal(load, rows_of(["1", f'"{cell}"', "3"]), thousands=",")
    assert message.startswith(f"x.csv:3: level: '{cell}' is not a number")


# cells, keys, the advice
NUMBER_ADVICE: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "commas": (['"1,200.5"', "2"], {}, "set data.thousands: ','"),
    "points and commas": (['"1.200,5"', "2"], {}, "set data.thousands: '.' and data.decimal: ','"),
    "points": (["1.200,5", "2"], SEMICOLON, "set data.thousands: '.'"),
    "spaces": (["1 200", "2"], {}, 'set data.thousands: " "'),
    "signs": (["$1.5", "-$2"], {}, "set data.strip: ['$']"),
    "flags": (["1.5", "2*", "3 p"], {}, "set data.strip: ['*', 'p']"),
    "magnitudes": (["50.0K", "2M"], {}, "set data.strip: ['K', 'M'] (K, M and B multiply)"),
    "another flag": (["1.5*", "2 p"], {"strip": "*"}, "set data.strip: ['*', 'p']"),
}


@pytest.mark.parametrize(("cells", "keys", "words"), NUMBER_ADVICE.values(), ids=NUMBER_ADVICE)
def test_numbers__of_another_format_lead_to_the_key(
    load: Load, cells: list[str], keys: dict[str, Any], words: str
) -> None:
    separator = keys.get("separator", ",")
    message = refusal(load, rows_of(cells, separator=separator), **keys)
    assert "is not a number; " in message
    assert words in message


@pytest.mark.parametrize("end", ["", "x"])
def test_thousands__are_noted_where_three_digits_follow_each_point(load: Load, end: str) -> None:
    text = rows_of(["1.200", "13.050", "999", "1.001"], header=f"date,level{end}")
    (note,) = load(text, target=f"level{end}").notes
    assert "three digits follow each point, as in 1.200" in note
    assert "data.thousands: '.' and data.decimal: ','" in note
    for cells in (["1.200", "13.05", "1.001"], ["0.200", "1.300", "1.001"], ["1.200", "13.050", "1000"]):
        assert load(rows_of(cells)).notes == ()
    semicolons = rows_of(["1,200", "13,050", "1,001"], separator=";")
    assert "data.thousands: ',' and data.decimal: '.'" in load(semicolons, **SEMICOLON).notes[0]


def test_numbers__of_text_in_a_frame_are_read_in_their_format() -> None:
    frame = pd.DataFrame({"level": ["$1,200", "$2*"]})
    keys = {"kind": "frame", "target": "level", "thousands": ",", "strip": ("$", "*")}
    assert levels(load_panel(FrameSpec.model_validate(keys), frame=frame)) == [1200, 2]


# --- order

DESCENDING = "date,level\n" + "".join(f"{day},{row}\n" for row, day in reversed([*enumerate(DAYS)]))


def test_order__rows_that_descend_are_turned_round(load: Load) -> None:
    panel = load(DESCENDING)
    assert (levels(panel), str(panel.time[0])[:10]) == ([*range(12)], DAYS[0])
    assert panel.notes == ("the rows descend in time, so they were turned round",)
    assert load(DESCENDING, sort=True).notes == ()
    faulty = DESCENDING.replace("2024-01-07,6\n", "")
    assert refusal(load, faulty).startswith("x.csv:6: missing rows between 2024-01-06 and 2024-01-08 (1 ")


def test_order__each_series_is_turned_round(load: Load) -> None:
    text = "date,s,level\n" + "".join(
        f"{day},{s},{row}\n" for row, day in reversed([*enumerate(DAYS)]) for s in "ab"
    )
    panel = load(text, kind="long", series="s")
    assert (panel.series, levels(panel)) == (("a", "b"), [*range(12)] * 2)
    assert len(panel.notes) == 1


BLOCKS = "date,level\n" + "".join(f"{DAYS[row]},{row}\n" for row in (4, 5, 6, 0, 1, 2, 3, 7, 8))


def test_order__rows_in_blocks_are_sorted_where_the_key_says_so(load: Load) -> None:
    assert refusal(load, BLOCKS).startswith(
        "x.csv:5: times are not sorted: 2024-01-01 comes after 2024-01-07; set data.sort: true"
    )
    assert levels(load(BLOCKS, sort=True)) == [*range(9)]
    assert refusal(load, BLOCKS.replace("2024-01-03", "2024-01-02T05:00"), sort=True).startswith("x.csv:7: ")
    frame = pd.DataFrame({"date": [3, 1, 2], "level": [30, 10, 20]})
    keys = {"kind": "frame", "time": "date", "target": "level", "sort": True}
    assert levels(load_panel(FrameSpec.model_validate(keys), frame=frame)) == [10, 20, 30]


def test_order__of_two_frequencies_leads_to_a_selection(load: Load) -> None:
    times = [*range(2000, 2010), *(f"2000-{month:02}" for month in range(1, 13))]
    text = "date,level\n" + "".join(f"{time},1\n" for time in times)
    message = refusal(load, text)
    assert "x.csv:12: times are not sorted: 2000-01-01 comes after 2009-01-01" in message
    assert (
        "the rows before are yearly, the rows from here on monthly: select one kind with data.where"
        in message
    )


REPEATED = "date,level,x\n2024-01-01,1,a\n2024-01-02,2,b\n2024-01-02,2,b\n2024-01-03,,c\n2024-01-03,,c\n2024-01-04,4,d\n"


def test_repeated__identical_rows_are_left_out_with_a_note(load: Load) -> None:
    panel = load(REPEATED, missing="mask")
    assert levels(panel) == [1, 2, None, 4]
    assert panel.notes == ("2 rows were left out, because another row of that time is the same",)
    assert levels(load(REPEATED + "2024-01-01,1,a\n", missing="mask", sort=True)) == [1, 2, None, 4]


# A row of each time on days 1 and 3; on day 2 the values 2, 2, none, 4 and 5.
SEVERAL = (
    rows_of(["1"]) + "".join(f"2024-01-02,{cell}\n" for cell in ("2", "2", "", "4", "5")) + "2024-01-03,7\n"
)


@pytest.mark.parametrize(("repeated", "level"), [("first", 2), ("last", 5), ("mean", 11 / 3)])
def test_repeated__different_rows_become_one_by_the_key(load: Load, repeated: str, level: float) -> None:
    text = SEVERAL
    assert refusal(load, text, missing="mask").startswith(
        "x.csv:5: duplicate timestamp 2024-01-02, first on line 3;"
    )
    panel = load(text, missing="mask", repeated=repeated)
    assert levels(panel) == [1, level, 7]
    assert "3 rows have the time of another row and were " in panel.notes[1]


# --- times

HOURS = [(day, hour) for day in (1, 2) for hour in range(24)][:30]


def hourly(form: str, *, header: str = "date,time,level") -> str:
    """A file of 30 hours, `form` with day, hour and row."""
    lines = [form.format(day=day, hour=hour, row=row) for row, (day, hour) in enumerate(HOURS)]
    return "\n".join([header, *lines, ""])


TIMES: dict[str, tuple[str, dict[str, Any]]] = {
    "two columns": (hourly("2024-01-{day:02},{hour:02}:00,{row}"), {"time": ("date", "time")}),
    "two columns, a format": (
        hourly("{day:02}/01/2024,{hour:02}.00.00,{row}"),
        {"time": ("date", "time"), "time_format": "%d/%m/%Y %H.%M.%S"},
    ),
    "parts": (
        hourly("2024,1,{day},{hour},{row}", header="Y,M,D,H,level"),
        {"time": {"year": "Y", "month": "M", "day": "D", "hour": "H"}},
    ),
    "parts, a month in words": (
        hourly("2024,January,{day},{hour},{row}", header="Y,M,D,H,level"),
        {"time": {"year": "Y", "month": "M", "day": "D", "hour": "H"}},
    ),
    "parts, the day of the year": (
        hourly("2024,{day},{hour},{row}", header="Y,D,H,level"),
        {"time": {"year": "Y", "day_of_year": "D", "hour": "H"}},
    ),
}


@pytest.mark.parametrize(("content", "keys"), TIMES.values(), ids=TIMES)
def test_time__may_be_several_columns(load: Load, content: str, keys: dict[str, Any]) -> None:
    panel = load(content, **keys)
    assert (levels(panel), str(panel.frequency)) == ([*range(30)], "hourly")
    assert (str(panel.time[0])[:16], str(panel.time[-1])[:16]) == ("2024-01-01T00:00", "2024-01-02T05:00")


def test_time__of_several_columns_names_the_line_of_a_fault(load: Load) -> None:
    parts = {"year": "Y", "month": "M", "day": "D"}
    text = "Y,M,D,level\n2024,2,28,1\n2024,2,29,2\n2024,2,30,3\n"
    assert refusal(load, text, time=parts).startswith("x.csv:4: year 2024, month 2, day 30 is no time")
    assert refusal(load, text.replace("29", "x"), time=parts).startswith(
        "x.csv:3: D: 'x' is not a whole number from 1 to 31"
    )
    joined = "date,time,level\n2024-01-01,00:00,1\n2024-01-01,25:00,2\n"
    assert refusal(load, joined, time=("date", "time")).startswith(
        "x.csv:3: date time: '2024-01-01 25:00' is not an ISO"
    )


def test_time__hour_24_is_midnight_of_the_next_day(load: Load) -> None:
    parts = {"year": "Y", "month": "M", "day": "D", "hour": "H"}
    text = "Y,M,D,H,level\n" + "".join(f"2023,12,31,{hour},{hour}\n" for hour in range(1, 25))
    assert str(load(text, time=parts).time[-1])[:16] == "2024-01-01T00:00"
    for mark in ("", ":00"):
        text = "date,level\n" + "".join(f"2023-12-31 {hour:02}:00{mark},{hour}\n" for hour in range(1, 25))
        panel = load(text)
        assert (str(panel.time[-1])[:16], str(panel.frequency)) == ("2024-01-01T00:00", "hourly")


PERIODS: dict[str, tuple[list[str], list[str], str]] = {
    "quarters": (["1999-Q3", "1999-Q4", "2000-Q1"], ["1999-07", "1999-10", "2000-01"], "quarterly"),
    "quarters, a space": (["1999 Q3", "1999 Q4", "2000 Q1"], ["1999-07", "1999-10", "2000-01"], "quarterly"),
    "quarters of pandas": (["1999Q3", "1999Q4", "2000Q1"], ["1999-07", "1999-10", "2000-01"], "quarterly"),
    "quarters first": (["Q3 1999", "Q4 1999", "Q1 2000"], ["1999-07", "1999-10", "2000-01"], "quarterly"),
    "months": (["2026-M11", "2026-M12", "2027-M01"], ["2026-11", "2026-12", "2027-01"], "monthly"),
    "half years": (["2026-S1", "2026-S2", "2027-S1"], ["2026-01", "2026-07", "2027-01"], "every 6 months"),
    "weeks": (
        ["2020-W52", "2020-W53", "2021-W01"],
        ["2020-12-21", "2020-12-28", "2021-01-04"],
        "every 7 days",
    ),
    "weeks, a space": (
        ["2019 W01", "2019 W02", "2019 W03"],
        ["2018-12-31", "2019-01-07", "2019-01-14"],
        "every 7 days",
    ),
}


@pytest.mark.parametrize(("cells", "dates", "step"), PERIODS.values(), ids=PERIODS)
def test_periods__are_read_as_their_first_day(
    load: Load, cells: list[str], dates: list[str], step: str
) -> None:
    text = "date,level\n" + "".join(f"{cell},1\n" for cell in cells)
    panel = load(text)
    assert (panel.time == np.array(dates, dtype="datetime64[us]")).all()
    assert str(panel.frequency) == step
    assert refusal(load, text.replace(cells[2], "2021-W77")).startswith("x.csv:4: date: '2021-W77' is not ")


def test_periods__of_weeks_have_53_in_long_years_alone(load: Load) -> None:
    text = "date,level\n2021-W51,1\n2021-W52,1\n2021-W53,1\n"
    assert refusal(load, text).startswith("x.csv:4: date: '2021-W53' is not an ISO week")


START = 1704067200  # 2024-01-01
UNITS: dict[str, tuple[list[object], str, str]] = {
    "s": ([START, START + 3600, START + 7200], "2024-01-01T02:00", "hourly at UTC+00:00"),
    "ms": ([START * 1000 + 3600_000 * row for row in range(3)], "2024-01-01T02:00", "hourly at UTC+00:00"),
    "us": ([START * 10**6 + row for row in range(3)], "2024-01-01T00:00", "every microsecond at UTC+00:00"),
    "ns": ([(START + 60 * row) * 10**9 for row in range(3)], "2024-01-01T00:02", "every minute at UTC+00:00"),
    "excel_days": ([45292, 45293, 45294], "2024-01-03T00:00", "daily"),
    "years": (["1749.042", "1749.123", "1749.204"], "1749-03-01T00:00", "monthly"),
}


@pytest.mark.parametrize(("unit", "cells", "last", "step"), [(unit, *case) for unit, case in UNITS.items()])
def test_time_unit__makes_dates_of_numbers(
    load: Load, unit: str, cells: list[object], last: str, step: str
) -> None:
    text = "date,level\n" + "".join(f"{cell},1\n" for cell in cells)
    panel = load(text, time_unit=unit)
    assert (str(panel.time[-1])[:16], panel.step) == (last, step)
    frame = pd.DataFrame({"date": [float(cell) if unit == "years" else cell for cell in cells], "level": 1.0})
    keys = {"kind": "frame", "time": "date", "target": "level", "time_unit": unit}
    assert (load_panel(FrameSpec.model_validate(keys), frame=frame).time == panel.time).all()


def test_time_unit__of_years_with_decimals_is_found_by_the_step(load: Load) -> None:
    text = "date,level\n" + "".join(f"{2020 + month / 12:.4f},1\n" for month in range(24))
    panel = load(text, time_unit="years")
    assert (str(panel.time[-1])[:10], str(panel.frequency)) == ("2021-12-01", "monthly")
    days = "date,level\n" + "".join(f"{2020 + (day + 0.5) / 366:.3f},1\n" for day in range(366))
    panel = load(days, time_unit="years")
    assert (str(panel.time[-1])[:10], str(panel.frequency)) == ("2020-12-31", "daily")


def test_time_unit__is_for_numbers_in_one_column(load: Load) -> None:
    text = "date,level\n2024-01-01,1\n2024-01-02,2\n"
    assert refusal(load, text, time_unit="s").startswith("x.csv:2: date: '2024-01-01' is not a number")
    assert refusal(load, text, time_format="number").startswith("x.csv:2: date: '2024-01-01' is not a number")
    for time in (None, ("date", "level")):
        with pytest.raises(ValueError, match="time_unit needs one column"):
            load(text, time=time, time_unit="s", target="x")


def test_time_unit__of_excel_days_rounds_hours(load: Load) -> None:
    text = "date,level\n" + "".join(f"{45292 + hour / 24:.7f},1\n" for hour in range(30))
    assert load(text, time_unit="excel_days").step == "hourly"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_time_unit__is_noted_where_numbers_are_likely_dates(load: Load, unit: str) -> None:
    cells = UNITS[unit][0]
    (note,) = load("date,level\n" + "".join(f"{cell},1\n" for cell in cells)).notes
    assert f"data.time_unit: {unit}" in note
    message = refusal(load, "date,level\n" + "".join(f"{cell},1\n" for cell in cells), calendar=("hour",))
    assert f"set data.time_unit: {unit}" in message


def test_time__of_one_column_alone_leads_to_the_others(load: Load) -> None:
    message = refusal(load, hourly("2024-01-{day:02},{hour:02}:00,{row}"))
    assert message.startswith(
        "x.csv:3: duplicate timestamp 2024-01-01, first on line 2; set data.time: [date, time] if"
    )
    parts = hourly("2024,1,{day},{hour},{row}", header="year,month,day,hour,level")
    assert "set data.time: {year: year, month: month, day: day, hour: hour} if" in refusal(
        load, parts, time="year"
    )


# --- rows to select, series in several columns

MIXED = (
    "area,freq,date,level\n"
    + "".join(f"XX,A,{2000 + row},{row}\n" for row in range(5))
    + "".join(f"XX,M,2000-{month:02},{month}\n" for month in range(1, 13))
)


def test_where__selects_rows(load: Load) -> None:
    panel = load(MIXED, where={"freq": "M"})
    assert (levels(panel), str(panel.frequency)) == ([*range(1, 13)], "monthly")
    assert load(MIXED, where={"freq": ("Q", "A"), "area": "XX"}).num_rows == 5
    faulty = MIXED.replace("2000-07,7", "2000-07,x").replace("2004,4", "2004,y")
    assert refusal(load, faulty, where={"freq": "M"}).startswith("x.csv:13: level: 'x'")
    message = refusal(load, MIXED, where={"freq": "Q"})
    assert "data.where: no row has 'Q' in column 'freq', whose cells are 'A', 'M'" in message
    assert "no column 'frq'; did you mean 'freq'?" in refusal(load, MIXED, where={"frq": "M"})


def test_where__compares_numbers(load: Load) -> None:
    text = "station,date,level\n" + "".join(
        f"{station},{day},{day}\n" for day in (1, 2, 3) for station in ("7", "7.0", "8")
    )
    assert load(text, where={"station": 8}).num_rows == 3
    assert load(text, where={"station": "7"}).num_rows == 3
    frame = pd.DataFrame({"station": [7, 8, 7, 8], "date": [1, 1, 2, 2], "level": [1.0, 2, 3, 4]})
    keys = {"kind": "frame", "time": "date", "target": "level", "where": {"station": 7}}
    assert levels(load_panel(FrameSpec.model_validate(keys), frame=frame)) == [1, 3]


def test_series__may_be_several_columns(load: Load) -> None:
    text = "region,use,date,level\n" + "".join(
        f"{region},{use},{day},{day}\n" for day in (1, 2, 3) for region in ("N", "S") for use in ("a", "b")
    )
    panel = load(text, kind="long", series=("region", "use"))
    assert (panel.series, panel.num_rows) == (("N/a", "N/b", "S/a", "S/b"), 12)
    assert "x.csv:7: series 'N/b': duplicate timestamp" in refusal(
        load, text.replace("N,b,2,2", "N,b,1,2"), kind="long", series=("region", "use")
    )
    frame = pd.read_csv("x.csv")
    frame["date"] = [1] * 4 + [2] * 4 + [3] * 4
    keys = {"kind": "frame", "time": "date", "target": "level", "series": ("region", "use")}
    assert load_panel(FrameSpec.model_validate(keys), frame=frame).series == panel.series


# --- wide tables

WIDE = {"kind": "wide", "time": None, "target": "level"}
DATES = "region,lat,1/30/24,1/31/24,2/1/24\nN,1,5,6,7\nS,2,8,,9\n"


def test_wide__columns_are_dates(load: Load) -> None:
    panel = load(DATES, **WIDE, series="region", time_format="%m/%d/%y", time_columns="*/*/*", missing="mask")
    assert (panel.series, levels(panel)) == (("N", "S"), [5, 6, 7, 8, None, 9])
    assert (str(panel.frequency), str(panel.time[0])[:10]) == ("daily", "2024-01-30")
    iso = "region,2024-Q1,2024-Q2,2024-Q3\nN,1,2,3\n"
    assert (
        load(iso, **WIDE, series="region").num_rows,
        str(load(iso, **WIDE, series="region").frequency),
    ) == (3, "quarterly")
    assert load("a,b,2000,2001,2002\nN,x,1,2,3\nN,y,4,5,6\n", **WIDE, series=("a", "b")).series == (
        "N/x",
        "N/y",
    )


STEPS = "id,dept,d_1,d_2,d_3,d_4\nx,A,1,2,3,4\ny,A,,,5,6\nz,B,7,8,NA,\n"


def test_wide__columns_are_steps_and_series_are_ragged(load: Load) -> None:
    panel = load(STEPS, **WIDE, series="id")
    assert (panel.series, panel.bounds.tolist(), panel.time.tolist()) == (
        ("x", "y", "z"),
        [0, 4, 6, 8],
        [1, 2, 3, 4, 3, 4, 1, 2],
    )
    assert levels(panel) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert levels(load(STEPS, **WIDE, series="id", where={"dept": "B"})) == [7, 8]
    assert refusal(load, STEPS.replace(",6", ",six"), **WIDE, series="id").startswith(
        "x.csv:3: d_4: 'six' is not a number"
    )
    assert refusal(load, STEPS, **WIDE, series="store").startswith("x.csv:1: no column 'store'")
    assert "x.csv:3: series 'x': times are not sorted: 1 comes after 4" in refusal(
        load, STEPS.replace("y,A,,", "x,A,3,4"), **WIDE, series="id"
    )


def test_wide__rows_are_years(load: Load) -> None:
    names = "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"
    rows = ["1999," + ",".join(map(str, range(1, 13))), "2000," + ",".join(map(str, range(13, 23))) + ",,"]
    text = "\n".join([f"Year,{names}", *rows, ""])
    panel = load(text, **{**WIDE, "time": "Year"})
    assert (levels(panel), str(panel.frequency), str(panel.time[-1])[:10]) == (
        [*range(1, 23)],
        "monthly",
        "2000-10-01",
    )
    numbered = text.replace(names, ",".join(map(str, range(1, 13))))
    assert levels(load(numbered, **{**WIDE, "time": "Year"})) == [*range(1, 23)]
    quarters = "y,Q1,Q2,Q3,Q4\n1999,1,2,3,4\n2000,5,6,7,8\n"
    panel = load(quarters, **{**WIDE, "time": "y"})
    assert (str(panel.frequency), str(panel.time[-1])[:10]) == ("quarterly", "2000-10-01")


def test_wide__rows_are_days(load: Load) -> None:
    hours = ",".join(f"H{hour}" for hour in range(1, 25))
    text = f"date,{hours}\n2024-01-01,{','.join(map(str, range(1, 25)))}\n2024-01-02,{','.join(map(str, range(25, 49)))}\n"
    panel = load(text, **{**WIDE, "time": "date"})
    assert (levels(panel), str(panel.frequency)) == ([*range(1, 49)], "hourly")
    assert (str(panel.time[0])[:16], str(panel.time[-1])[:16]) == ("2024-01-01T01:00", "2024-01-03T00:00")
    text = text.replace(hours, ",".join(f"{hour:02}:00" for hour in range(24)))
    assert str(load(text, **{**WIDE, "time": "date"}).time[0])[:16] == "2024-01-01T00:00"


def test_wide__needs_columns_that_are_times(load: Load) -> None:
    assert "no column is a time by its name; set data.time_columns" in refusal(
        load, "id,a,b\nx,1,2\n", **WIDE, series="id"
    )


def test_wide__is_named_by_the_message(load: Load) -> None:
    for text in (DATES, STEPS, "id,2001,2002,2003\nx,1,2,3\ny,1,2,3\n"):
        assert "set data.kind: wide if the columns" in refusal(
            load, text, kind="long", series="id" if "id" in text else "region"
        )
    frame = pd.DataFrame({"id": ["x"], "d_1": [1]})
    with pytest.raises(ConfigError, match=r"pandas\.melt"):
        load_panel(WideSpec.model_validate({"kind": "wide", "path": "x.csv", "series": "id"}), frame=frame)


def test_series_from_columns__makes_each_target_a_series(load: Load) -> None:
    text = "date,a,b,x\n" + "".join(
        f"{day},{row},{'' if row < 3 else 2 * row},{-row}\n" for row, day in enumerate(DAYS[:6])
    )
    panel = load(text, target=("a", "b"), inputs="x", series_from="columns")
    assert (panel.series, panel.channels, panel.num_targets) == (("a", "b"), ("value", "x"), 1)
    assert panel.values.tolist() == [
        *([row, -row] for row in range(6)),
        *([2 * row, -row] for row in (3, 4, 5)),
    ]
    message = refusal(load, text.replace(",4,8,", ",4,,"), target=("a", "b"), series_from="columns")
    assert message.startswith("x.csv:6: series 'b': value: missing")
    frame = pd.read_csv("x.csv", parse_dates=["date"])
    keys = {
        "kind": "frame",
        "time": "date",
        "target": ("a", "b"),
        "series_from": "columns",
        "missing": "mask",
    }
    assert load_panel(FrameSpec.model_validate(keys), frame=frame).series == ("a", "b")


# --- UTC offsets


@pytest.mark.parametrize(
    ("times", "keys", "offset"),
    [
        ("{day:02}/01/2024 {hour:02}:00 +02:00", {"time_format": "%d/%m/%Y %H:%M %z"}, "+02:00"),
        ("{day:02}/01/2024 {hour:02}:00-0330", {"time_format": "%d/%m/%Y %H:%M%z"}, "-03:30"),
        ("2024-01-{day:02} {hour:02}:00:00 UTC", {}, "+00:00"),
        ("2024-01-{day:02}T{hour:02}:00 +02:00", {}, "+02:00"),
        ("2024-01-{day:02} {hour:02}:00 GMT", {}, "+00:00"),
    ],
)
def test_offset__is_read_after_any_time(load: Load, times: str, keys: dict[str, Any], offset: str) -> None:
    panel = load(hourly(f"{times},{{row}}", header="date,level"), **keys)
    assert (panel.step, str(panel.time[-1])[:16]) == (f"hourly at UTC{offset}", "2024-01-02T05:00")


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S%z", "%d.%m.%Y %H:%M %z"])
def test_offset__that_changes_makes_instants(load: Load, form: str) -> None:
    hours = pd.date_range("2024-10-26 22:00", periods=6, freq="h", tz="UTC").tz_convert("Europe/Madrid")
    text = "date,level\n" + "".join(f"{hour.strftime(form)},{row}\n" for row, hour in enumerate(hours))
    keys = {} if form.startswith("%Y") else {"time_format": form}
    panel = load(text, **keys)
    assert (panel.step, levels(panel)) == ("hourly at UTC+00:00", [*range(6)])
    assert (str(panel.time[0])[:16], str(panel.time[-1])[:16]) == ("2024-10-26T22:00", "2024-10-27T03:00")


def test_offset__that_changes_at_midnights_makes_days(load: Load) -> None:
    panel = load("date,level\n2020-03-28T00:00+01:00,1\n2020-03-29T00:00+01:00,2\n2020-03-30T00:00+02:00,3\n")
    assert (panel.step, str(panel.time[-1])[:10]) == ("daily", "2020-03-30")


# --- several files


def test_path__of_several_files_reads_their_rows_one_after_the_other(load: Load) -> None:
    for place, (first, end) in enumerate([(0, 5), (5, 9)]):
        rows = "".join(f"{DAYS[row]},{row}\n" for row in range(first, end))
        Path(f"part_{place}.csv").write_text(f"date,level\n{rows}", encoding="utf-8")
    for paths in (("part_0.csv", "part_1.csv"), "part_*.csv", ("part_[01].csv",)):
        panel = load("", path=paths)
        assert (levels(panel), panel.series) == ([*range(9)], ("part_0",))
    message = refusal(load, "", path=("part_1.csv", "part_0.csv"))
    assert message.startswith("part_0.csv:2: times are not sorted: 2024-01-01 comes after 2024-01-09")
    assert levels(load("", path=("part_1.csv", "part_0.csv"), sort=True)) == [*range(9)]
    text = Path("part_1.csv").read_text(encoding="utf-8")
    Path("part_1.csv").write_text(text.replace(",7", ",x"), encoding="utf-8")
    assert refusal(load, "", path="part_*.csv").startswith("part_1.csv:4: level: 'x' is not a number")
    Path("part_1.csv").write_text(text.replace("2024-01-06,5", "2024-01-05,5"), encoding="utf-8")
    assert "part_1.csv:2: duplicate timestamp 2024-01-05, first on line 6 of part_0.csv;" in refusal(
        load, "", path="part_*.csv"
    )
    assert refusal(load, "", path="other_*.csv").startswith("other_*.csv: no file has this pattern")


def test_path__of_several_files_joins_series_by_name(load: Load) -> None:
    for place, names in enumerate(("ab", "bc")):
        rows = "".join(f"{name},{day},{day}\n" for name in names for day in range(3 * place, 3 * place + 3))
        Path(f"part_{place}.csv").write_text(f"s,date,level\n{rows}", encoding="utf-8")
    panel = load("", path="part_*.csv", kind="long", series="s")
    assert (panel.series, panel.bounds.tolist()) == (("a", "b", "c"), [0, 3, 9, 12])


# --- time zones

MADRID = {"time_zone": "Europe/Madrid"}


def clock(start: str, rows: int, *, step: str = "h") -> list[str]:
    """Times on the clock of Madrid, from an instant in UTC."""
    instants = pd.date_range(start, periods=rows, freq=step, tz="UTC").tz_convert("Europe/Madrid")
    return [instant.strftime("%Y-%m-%d %H:%M") for instant in instants]


def at(times: list[str], *, header: str = "date,level") -> str:
    return "\n".join([header, *(f"{time},{row}" for row, time in enumerate(times)), ""])


@pytest.mark.parametrize(
    ("start", "step"), [("2024-03-30", "h"), ("2024-10-26", "h"), ("2024-10-26 20:00", "15min")]
)
@pytest.mark.parametrize("descending", [False, True])
def test_time_zone__rows_are_equally_spaced_in_utc(
    load: Load, start: str, step: str, *, descending: bool
) -> None:
    text = at(clock(start, 60, step=step))
    if descending:
        header, *rows = text.splitlines()
        text = "\n".join([header, *reversed(rows), ""])
    panel = load(text, **MADRID)
    assert (panel.time == pd.date_range(start, periods=60, freq=step).to_numpy("datetime64[us]")).all()
    assert (levels(panel), panel.offset, bool(panel.filled.any())) == ([*range(60)], "+00:00", False)


def test_time_zone__holds_for_each_series(load: Load) -> None:
    times = clock("2024-10-26 22:00", 8)
    rows = [f"{time},{s},{row}" for row, time in enumerate(times) for s in "ab"]
    panel = load("\n".join(["date,s,level", *rows, ""]), kind="long", series="s", **MADRID)
    assert (panel.bounds.tolist(), panel.step) == ([0, 8, 16], "hourly at UTC+00:00")


def test_time_zone__refuses_an_hour_that_the_clock_leaves_out(load: Load) -> None:
    text = "date,level\n2024-03-31 01:00,1\n2024-03-31 02:00,2\n2024-03-31 03:00,3\n"
    message = refusal(load, text, **MADRID)
    assert message.startswith("x.csv:3: the clock of Europe/Madrid leaves out 2024-03-31T02:00")
    assert "data.time_zone" in refusal(load, at(clock("2024-10-26 22:00", 8)))
    assert "data.time_zone" in load(at(clock("2024-03-30 22:00", 8)), missing="interpolate").notes[0]


def test_time_zone__leaves_days_as_dates(load: Load) -> None:
    panel = load("date,level\n2024-03-30,1\n2024-03-31,2\n2024-04-01,3\n", **MADRID)
    assert (panel.step, panel.zone) == ("daily", "")
    offsets = "date,level\n2024-03-30T00:00+01:00,1\n2024-03-31T00:00+01:00,2\n2024-04-01T00:00+02:00,3\n"
    assert load(offsets, **MADRID).step == "daily"


def test_time_zone__time_features_are_by_its_clock(load: Load) -> None:
    times = clock("2024-06-01", 48)
    panel, local = load(at(times), calendar=("hour",), **MADRID), load(at(times), calendar=("hour",))
    np.testing.assert_array_equal(panel.values, local.values)
    instants = at(
        [
            f"{time}+00:00"
            for time in pd.date_range("2024-06-01", periods=48, freq="h").strftime("%Y-%m-%dT%H:%M")
        ]
    )
    np.testing.assert_array_equal(load(instants, calendar=("hour",), **MADRID).values, local.values)


def test_time_zone__split_dates_are_by_its_clock(load: Load) -> None:
    from rnnfc.config.split_spec import SplitSpec
    from rnnfc.data.windows import cut_windows

    for keys in (MADRID, {}):
        panel = load(at(clock("2024-06-01", 96)), **keys)
        splits = cut_windows(panel, length=2, horizon=1, split=SplitSpec(test="2024-06-03"))
        assert splits.test.origins[0] == 46  # the clock begins at 2:00


def test_time_zone__is_one_that_exists() -> None:
    with pytest.raises(ValueError, match="did you mean 'Europe/Madrid'"):
        CsvSpec.model_validate(
            {"kind": "csv", "path": "x", "time": "t", "target": "y", "time_zone": "Europe/Madird"}
        )


# --- equal steps

SENSOR = "date,level,n\n" + "".join(
    f"2024-01-01T00:{minute:02}:{second:02},{level},1\n"
    for minute, second, level in [(0, 0, 1), (1, 30, 2), (1, 30, 4), (5, 6, 10), (9, 59, 20), (20, 0, 7)]
)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("mean", [7 / 3, 15, None, None, 7]),
        ("sum", [7, 30, None, None, 7]),
        ("last", [4, 20, None, None, 7]),
        ("first", [1, 10, None, None, 7]),
        ("count", [3, 2, 0, 0, 1]),
    ],
)
def test_resample__makes_one_row_of_those_of_a_step(
    load: Load, by: str, expected: list[float | None]
) -> None:
    panel = load(SENSOR, missing="mask", resample={"every": "5min", "by": by})
    assert (levels(panel), str(panel.frequency)) == (expected, "every 5 minutes")
    assert str(panel.time[-1])[:16] == "2024-01-01T00:20"


def test_resample__has_gaps_of_its_own(load: Load) -> None:
    message = refusal(load, SENSOR, resample={"every": "5min", "by": "mean"})
    assert message.startswith("x.csv:7: missing rows between 2024-01-01T00:05 and 2024-01-01T00:20 (2 ")
    assert "set data.resample: {every: STEP, by: mean}" in refusal(
        load, SENSOR.replace("2024-01-01T00:01:30,4,1\n", "")
    )
    times = [str(day)[:10] for day in pd.date_range("2024-01-01", periods=70)]
    for every, rows, step in (
        ("1month", 3, "monthly"),
        ("1w", 10, "every 7 days"),
        ("2d", 35, "every 2 days"),
    ):
        panel = load(at(times), resample={"every": every, "by": "sum"})
        assert (panel.num_rows, str(panel.frequency)) == (rows, step)


def test_resample__needs_dates_and_a_step(load: Load) -> None:
    assert "needs dates" in refusal(load, at(["1", "2"]), resample={"every": "1h", "by": "mean"})
    for every in ("0h", "5", "fortnight", "5 lightyears"):
        with pytest.raises(ValueError, match="must be a number and a unit"):
            load("", resample={"every": every, "by": "mean"})


# --- business days

WEEKDAYS = [str(day)[:10] for day in pd.bdate_range("2024-01-01", periods=15)]
BUSINESS = {"frequency": "business_days"}


def test_business_days__leave_out_weekends(load: Load) -> None:
    panel = load(at(WEEKDAYS), **BUSINESS)
    assert (panel.num_rows, str(panel.frequency), bool(panel.filled.any())) == (15, "business days", False)
    following = panel.frequency.next_times(panel.time[-1:], steps=6)
    assert following is not None
    assert [str(day)[:10] for day in following] == [
        *("2024-01-22", "2024-01-23", "2024-01-24", "2024-01-25", "2024-01-26", "2024-01-29")
    ]


def test_business_days__holidays_are_missing_rows(load: Load) -> None:
    text = at(WEEKDAYS).replace("2024-01-08,5\n", "")
    assert refusal(load, text, **BUSINESS).startswith(
        "x.csv:7: missing rows between 2024-01-05 and 2024-01-09 (1 "
    )
    panel = load(text, missing="ffill", **BUSINESS)
    assert (panel.num_rows, int(panel.filled.sum()), str(panel.time[5])[:10]) == (15, 1, "2024-01-08")
    assert "or business_days" in refusal(load, text)


def test_business_days__refuse_a_weekend_and_numbers(load: Load) -> None:
    message = refusal(load, at([*WEEKDAYS[:5], "2024-01-06", *WEEKDAYS[5:]]), **BUSINESS)
    assert message.startswith(
        "x.csv:7: 2024-01-06 is not on the grid of the other rows (step: business days)"
    )
    assert "needs dates" in refusal(load, at(["1", "2", "3"]), **BUSINESS)
    assert load(at([f"{day} 16:00" for day in WEEKDAYS]), **BUSINESS).num_rows == 15
    assert "not on the grid" in refusal(
        load, at([f"{day} 1{place % 2}:00" for place, day in enumerate(WEEKDAYS)]), **BUSINESS
    )


# --- one panel in many clothes

PLAIN_NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 3))


@st.composite
def clothes(draw: st.DrawFn) -> tuple[list[float | None], bytes, dict[str, Any]]:
    """Hourly values from 2024-01-01, None where one is missing; the content of a file with them; its keys."""
    values = draw(st.lists(st.none() | PLAIN_NUMBERS, min_size=4, max_size=30))
    values[0] = values[-1] = 1.5
    decimal = draw(st.sampled_from([".", ","]))
    thousands = draw(st.sampled_from([None, " ", "'", "," if decimal == "." else "."]))
    separator = draw(st.sampled_from([",", ";", "\t"]))
    sign, word = draw(st.sampled_from(["", "$"])), draw(st.sampled_from(["", "NA", "-", "n/e"]))
    layout = draw(st.sampled_from(["iso", "two", "parts", "epoch", "format"]))
    keys: dict[str, Any] = {
        "separator": separator,
        "decimal": decimal,
        "thousands": thousands,
        "missing": "mask",
    }
    keys |= {"strip": sign or None, "missing_values": ("n/e",), "time": "date"}

    def cell(value: float | None) -> str:
        if value is None:
            return word
        text = f"{value:,.3f}" if thousands else f"{value!r}"
        text = text.translate({ord(","): "\0", ord("."): decimal}).replace("\0", thousands or "")
        text = text if "e" not in text else f"{value:f}".replace(".", decimal)
        return f'"{sign}{text}"'

    rows = []
    for row, value in enumerate(values):
        day, hour = divmod(row, 24)
        times = {
            "iso": [f"2024-01-{day + 1:02}T{hour:02}:00"],
            "two": [f"2024-01-{day + 1:02}", f"{hour:02}:00"],
            "parts": ["2024", "1", str(day + 1), str(hour)],
            "epoch": [str((1704067200 + 3600 * row) * 1000)],
            "format": [f"{day + 1:02}.01.2024 {hour:02}h"],
        }[layout]
        rows.append(separator.join([*times, cell(value)]))
    header = {"two": ["date", "time"], "parts": ["Y", "M", "D", "H"]}.get(layout, ["date"])
    keys |= {
        "two": {"time": ("date", "time")},
        "parts": {"time": {"year": "Y", "month": "M", "day": "D", "hour": "H"}},
        "epoch": {"time_unit": "ms"},
        "format": {"time_format": "%d.%m.%Y %Hh"},
    }.get(layout, {})
    if draw(st.booleans()):
        rows.reverse()
    names = separator.join([*header, "level"])
    lines = [names, *rows]
    if draw(st.booleans()):
        keys["skip_rows_after_header"] = 1
        lines.insert(1, "a row of units")
    if draw(st.booleans()):
        keys["columns"] = (*header, "level")
        keys["skip_rows"] = lines.index(rows[0])
        keys.pop("skip_rows_after_header", None)
    elif draw(st.booleans()):
        keys["skip_rows"] = 2
        lines = ["A title", "", *lines]
    if draw(st.booleans()):
        keys["comment"] = "#"
        lines = [*lines, "# the end"]
    if draw(st.booleans()):
        keys["skip_footer"] = 1
        lines = [*lines, "Source: invented"]
    end = draw(st.sampled_from(["\n", "\r\n", "\r\r\n"]))
    content = (end.join(lines) + draw(st.sampled_from(["", end, end + end]))).encode()
    return values, draw(st.sampled_from([bytes, gzip.compress, bz2.compress]))(content), keys


@settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=clothes())
def test_file__in_any_clothes_is_the_same_panel(
    load: Load, case: tuple[list[float | None], bytes, dict[str, Any]]
) -> None:
    values, content, keys = case
    panel = load(content, **keys)
    assert levels(panel) == values
    assert (
        panel.time == np.datetime64("2024-01-01", "us") + np.arange(len(values)) * np.timedelta64(1, "h")
    ).all()

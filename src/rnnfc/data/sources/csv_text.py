"""A text file in memory: decoded, lines that are no rows left out, and every row checked to have as many cells as the header.

pandas shifts columns where a row has one cell too many, pads short rows and renames duplicate headers without a warning. Each
of these is refused here, with file and line.
"""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.content import display_path, read_bytes
from rnnfc.data.sources.dialect import WHITESPACE, Dialect
from rnnfc.data.sources.header import note_header, refuse_unknown_names
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.table import require_rows
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import _csv

_ENCODINGS = ("latin-1", "cp1252", "utf-16", "utf-8")
_NEWLINE = 10
_CHUNK_BYTES = 16 * 2**20
# How many lines at the end of a file a message takes for a footer.
MAX_FOOTER = 20
_COMMENT_MARKS = ("#", "%", "//")


@dataclass(frozen=True, kw_only=True)
class CsvText:
    """The rows of a text file as UTF-8 with \\n line ends, without header.

    header: the names of all columns.
    notes: what was read in a way that its author may not have meant.
    width: the largest number of cells in a row; cells beyond the header are empty.
    """

    origin: Origin
    header: tuple[str, ...]
    content: bytes
    width: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """Lines of a file, and the number of each there."""

    content: bytes
    numbers: Sequence[int] | npt.NDArray[np.int64]

    def skip(self, count: int) -> "_Lines":
        """Without the first `count` lines."""
        start = 0
        for _ in range(count):
            start = self.content.find(b"\n", start) + 1
            if not start:
                return _Lines(content=b"", numbers=self.numbers[-1:])
        return _Lines(content=self.content[start:], numbers=self.numbers[count:])


def read_text(spec: FileSpec, *, min_rows: int = 2) -> CsvText:
    """The file of `spec`, with the columns that it names and at least `min_rows` rows.

    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    path = display_path(spec)
    text = split_rows(path, read_bytes(path, spec), spec.dialect, spec=spec)
    require_rows(str(path), len(text.origin.numbers), min_rows=min_rows)
    return text


def split_rows(path: Path, raw: bytes, dialect: Dialect, *, spec: FileSpec | None = None) -> CsvText:
    """The rows of a text file in `dialect`, each with as many cells as the header.

    Args:
        path: for messages.
        spec: names the columns that the header must have; None: any header will do.
    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    lines = _row_lines(path, _decode(path, raw, dialect.encoding), dialect)
    if not lines.content or lines.content.isspace():
        raise DataError(f"{path}: empty file; a header row and at least two rows are needed")
    header, notes, location = dialect.names or (), tuple[str, ...](), f"{path}: data.columns"
    if dialect.names is None:
        header, count = _header(path, lines, dialect, required=spec.required_columns if spec else ())
        location, notes = f"{path}:{lines.numbers[0]}", note_header(header)
    if spec is not None:
        refuse_unknown_names(location, header, spec, lines.content, lines.numbers)
    if dialect.names is None:
        lines = lines.skip(count + dialect.skip_rows_after_header)
    num_fields, starts = _scan_rows(path, lines, dialect, header)
    return CsvText(
        origin=Origin(name=str(path), numbers=np.asarray(lines.numbers)[starts], columns=header),
        header=header,
        content=lines.content,
        width=num_fields,
        notes=notes,
    )


def _row_lines(path: Path, content: bytes, dialect: Dialect) -> _Lines:
    """The lines of header and rows."""
    if b"\0" in content:
        raise DataError(
            f"{path}: contains NUL bytes, so it is not a text file in this encoding; save it as CSV, or set "
            "data.encoding"
        )
    if not dialect.separator.isascii():  # pandas would switch to its slower parser, with other rules
        raise DataError(
            f"{path}: data.separator is {dialect.separator!r}; only an ASCII character is allowed, such as ',', ';' or a tab"
        )
    content = _normalize_line_ends(content)
    lines = _Lines(content=content, numbers=range(1, content.count(b"\n") + 2)).skip(dialect.skip_rows)
    if dialect.comment is not None or dialect.separator == WHITESPACE:
        lines = _without_comments(lines, dialect)
    if dialect.comment is not None or dialect.skip_rows:  # a blank line often ends what is before the header
        text = lines.content
        lines = lines.skip(text[: len(text) - len(text.lstrip())].count(b"\n"))
    content = drop_empty_rows(lines.content, dialect.delimiter)
    for _ in range(dialect.skip_footer):
        content = content[: max(0, content.rfind(b"\n"))]
    if dialect.skip_footer:
        content = drop_empty_rows(content, dialect.delimiter)
    return _Lines(content=content, numbers=lines.numbers)


def _without_comments(lines: _Lines, dialect: Dialect) -> _Lines:
    """Without lines that begin with the comment mark; cells between white space without spaces at the ends of a line."""
    parts = lines.content.split(b"\n")
    if dialect.separator == WHITESPACE:
        parts = [part.replace(b"\t", b" ").strip() for part in parts]
    mark = dialect.comment.encode() if dialect.comment is not None else None
    rows = [row for row, part in enumerate(parts) if mark is None or not part.lstrip().startswith(mark)]
    return _Lines(content=b"\n".join([parts[row] for row in rows]), numbers=np.asarray(lines.numbers)[rows])


def drop_empty_rows(content: bytes, separator: str) -> bytes:
    """`content` without the rows at its end that have no cell with text."""
    end, empty = len(content), f"{separator} \t\r".encode()
    while end:
        start = content.rfind(b"\n", 0, end) + 1
        if content[start:end].strip(empty):
            break
        end = max(0, start - 1)
    return content[:end]


def _decode(path: Path, raw: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path}: looks like UTF-16; set data.encoding: utf-16 or save it as UTF-8")
    try:
        return _to_utf8(raw, encoding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(encoding, errors="replace").encode()
        first, *others = (other for other in _ENCODINGS if other != encoding)
        raise DataError(
            f"{path}:{_normalize_line_ends(before).count(_NEWLINE) + 1}: not {encoding} text; "
            f"set data.encoding: {first} (or {', '.join(others)})"
        ) from None


def _to_utf8(raw: bytes, encoding: str) -> bytes:
    """`raw` in UTF-8: not a copy if it is UTF-8 already, and decoded in chunks where the encoding allows it.

    Raises:
        UnicodeDecodeError: it is not in `encoding`; its `start` counts from the beginning.
    """
    if encoding == "utf-16":
        return raw.decode(encoding).encode()
    if raw.isascii():
        return raw
    chunks = (raw[start : start + _CHUNK_BYTES] for start in range(0, len(raw), _CHUNK_BYTES))
    try:
        if encoding != "utf-8":  # a character is one byte
            return b"".join([chunk.decode(encoding).encode() for chunk in chunks])
        for _ in codecs.iterdecode(chunks, encoding):
            pass
    except UnicodeDecodeError:
        raw.decode(encoding)
    return raw


def _normalize_line_ends(content: bytes) -> bytes:
    """\\n for \\r\\n and \\r; and for \\r\\r\\n, of a file that Windows wrote in its text mode twice."""
    if b"\r" not in content:
        return content
    return content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _scan_rows(
    path: Path, lines: _Lines, dialect: Dialect, header: tuple[str, ...]
) -> tuple[int, npt.NDArray[np.int64]]:
    """The largest number of cells in a row, and the first line of every row as an index into `lines`.

    Cells beyond the header must be empty, cells of columns without a name may be absent.

    Raises:
        DataError: a row has another number of cells, or is no valid CSV.
    """
    # A quoted cell may contain separators and line ends, so this needs the real grammar, row by row.
    width, named = len(header), 1 + max((place for place, name in enumerate(header) if name), default=0)
    most, starts = 0, []
    reader = _reader(lines.content, dialect)
    start = 0
    try:
        for row in reader:
            if not row:
                raise DataError(
                    f"{path}:{lines.numbers[start]}: blank line between rows; remove it, or write NA if a value is missing"
                )
            if len(row) != width and not named <= len(row) <= width and any(row[width:] or row):
                raise _uneven(path, lines, start, row=row, dialect=dialect, width=width)
            most = max(most, len(row))
            starts.append(start)
            start = reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{path}:{lines.numbers[start]}: not valid CSV ({error}); check the quotes in this row"
        ) from None
    return most, np.array(starts, dtype=np.int64)


def _uneven(
    path: Path, lines: _Lines, start: int, *, row: list[str], dialect: Dialect, width: int
) -> DataError:
    """The error for a row with another number of cells than `width`."""
    remedy = "put quotes around a field that contains the separator, or correct the row"
    comment = next((mark for mark in _COMMENT_MARKS if row[0].startswith(mark)), None)
    rest = lines.content.count(b"\n") + 1 - start
    if comment is not None and dialect.comment is None:
        remedy = f"set data.comment: '{comment}' if the line is a comment, {remedy}"
    elif rest <= MAX_FOOTER and start > rest:
        remedy = (
            f"set data.skip_footer: {rest + dialect.skip_footer} if the rows end above this line, {remedy}"
        )
    elif dialect.separator == " " and "" in row:
        remedy = "set data.separator: whitespace if several spaces are one separator"
    source = "the header has" if dialect.names is None else "data.columns has"
    return DataError(
        f"{path}:{lines.numbers[start]}: {len(row)} field{'' if len(row) == 1 else 's'}, {source} {width}; {remedy}"
    )


def _header(
    path: Path, lines: _Lines, dialect: Dialect, *, required: Sequence[str]
) -> tuple[tuple[str, ...], int]:
    """The names of all columns, and the number of lines that they take."""
    number, reader = lines.numbers[0], _reader(lines.content, dialect)
    try:
        names = next(reader)
    except csv.Error as error:
        raise DataError(
            f"{path}:{number}: not a CSV header ({error}); the first line must be the names of the columns"
        ) from None
    if not names:
        raise DataError(
            f"{path}:{number}: blank line before the header; remove it, set data.skip_rows: 1, or write NA if it is a value"
        )
    return strip_names(names, required), reader.line_num


def strip_names(names: Sequence[str], required: Sequence[str]) -> tuple[str, ...]:
    """The names of a header without spaces at their ends, unless a `required` column has them."""
    return tuple(name if name in required else name.strip() for name in names)


def _reader(content: bytes, dialect: Dialect) -> "_csv.Reader":
    """The rows by the same grammar as in `cells.parse`: spaces after a separator are skipped."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=dialect.delimiter, skipinitialspace=dialect.skips_spaces, strict=True)

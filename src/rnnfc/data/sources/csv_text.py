"""A CSV file in memory: decoded, and every row checked to have as many fields as the header.

pandas shifts columns where a row has one field too many, pads short rows and renames duplicate headers without a warning. Each
of these is refused here, with file and line.
"""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.content import display_path, read_bytes
from rnnfc.data.sources.header import refuse_unknown_columns, shorten
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.table import require_rows
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import _csv

_OTHER_SEPARATORS = {";": "';'", "\t": '"\\t"', "|": "'|'", ",": "','"}
_ENCODINGS = ("latin-1", "cp1252", "utf-16", "utf-8")
_NEWLINE = 10
_CHUNK_BYTES = 16 * 2**20


@dataclass(frozen=True, kw_only=True)
class CsvText:
    """The rows of a CSV file as UTF-8 with \\n line ends, its header first."""

    origin: Origin
    content: bytes


def read_text(spec: FileSpec, *, min_rows: int = 2) -> CsvText:
    """The file of `spec`, with at least `min_rows` rows.

    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    path = display_path(spec)
    content = _decode(path, spec)
    if b"\0" in content:
        raise DataError(
            f"{path}: contains NUL bytes, so it is not a text file in this encoding; save it as CSV, or set "
            "data.encoding"
        )
    content = _normalize_line_ends(content)
    if content.endswith(b"\n\n"):
        content = content.rstrip(b"\n")
    if not content or content.isspace():
        raise DataError(f"{path}: empty file; a header row and at least two rows are needed")
    if not spec.separator.isascii():  # pandas would switch to its slower parser, with other rules
        raise DataError(
            f"{path}: data.separator is {spec.separator!r}; only an ASCII character is allowed, such as ',', ';' or a tab"
        )
    header = _header(path, content, spec)
    num_fields, lines = _scan_rows(path, content, spec)
    check_header(path, header, spec)
    uneven = np.flatnonzero(num_fields[1:] != len(header))
    if len(uneven):
        row = uneven[0] + 1
        raise DataError(
            f"{path}:{lines[row]}: {num_fields[row]} field{'' if num_fields[row] == 1 else 's'}, the header has {len(header)}; "
            "put quotes around a field that contains the separator, or correct the row"
        )
    require_rows(str(path), len(lines) - 1, min_rows=min_rows)
    return CsvText(origin=Origin(name=str(path), numbers=lines[1:]), content=content)


def _decode(path: Path, spec: FileSpec) -> bytes:
    raw = read_bytes(path, spec)
    if spec.encoding == "utf-8":
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path}: looks like UTF-16; set data.encoding: utf-16 or save it as UTF-8")
    try:
        return _to_utf8(raw, spec.encoding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(spec.encoding, errors="replace").encode()
        first, *others = (encoding for encoding in _ENCODINGS if encoding != spec.encoding)
        raise DataError(
            f"{path}:{_normalize_line_ends(before).count(_NEWLINE) + 1}: not {spec.encoding} text; "
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
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


def _scan_rows(path: Path, content: bytes, spec: FileSpec) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Number of fields and first line, from 1, of every row, the header's first."""
    # A quoted field may contain separators and line ends, so this needs the real grammar, row by row.
    num_fields: list[int] = []
    lines: list[int] = []
    reader = _reader(content.removesuffix(b"\n"), spec)
    start = 1
    try:
        for row in reader:
            if not row:
                raise DataError(
                    f"{path}:{start}: blank line between rows; remove it, or write NA if a value is missing"
                )
            num_fields.append(len(row))
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{start}: not valid CSV ({error}); check the quotes in this row") from None
    return np.array(num_fields), lines


def _header(path: Path, content: bytes, spec: FileSpec) -> tuple[str, ...]:
    try:
        return tuple(next(_reader(content, spec)))
    except csv.Error as error:
        raise DataError(
            f"{path}:1: not a CSV header ({error}); the first line must be the names of the columns"
        ) from None


def _reader(content: bytes, spec: FileSpec) -> "_csv.Reader":
    """The rows by the same grammar as in `cells.parse`: spaces after a separator are skipped."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=spec.separator, skipinitialspace=spec.separator != " ", strict=True)


def check_header(path: Path, header: tuple[str, ...], spec: FileSpec) -> None:
    """Refuse a header that lacks a column, has one twice, or has another separator than `spec`."""
    if len(header) == 1 and {*spec.columns} - {*header}:
        for separator, written in _OTHER_SEPARATORS.items():
            if separator in header[0] and separator != spec.separator:
                raise DataError(
                    f"{path}:1: one column {shorten(header[0])!r}; the separator looks like {written}: "
                    f"set data.separator: {written}"
                )
    refuse_unknown_columns(f"{path}:1", header, spec.columns)

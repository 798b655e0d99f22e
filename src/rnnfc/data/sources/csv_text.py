"""A CSV file in memory: decoded, and every row checked to have the header's number of fields, before pandas parses it.

pandas shifts columns where a row has one field too many, pads short rows and renames duplicate headers, all in silence; each of
these is refused here with file and line.
"""

import codecs
import contextlib
import csv
import difflib
import io
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from rnnfc import memory
from rnnfc.config.data_spec import FileSpec
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import _csv

_OTHER_SEPARATORS = {";": "';'", "\t": '"\\t"', "|": "'|'", ",": "','"}
_ENCODINGS = ("latin-1", "cp1252", "utf-16", "utf-8")
_NEWLINE = 10
_LONGEST_NAME = 80
# Columns that a misspelled name is compared with; each takes some microseconds.
_COMPARED = 1000
# A file takes at least so many times its size while it is read; measured: 2.5 to 3 for plain rows, 11 for odd ones.
_GROWTH = 3
_PIECE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Source:
    """A CSV file in memory: its name, UTF-8 bytes with \\n line ends, and the line, from 1, of every data row.

    A Parquet file has no text, and rows for lines. Of a file with many series also the part of one: its name and lines.
    """

    path: Path
    content: bytes
    header: tuple[str, ...]
    lines: Sequence[int] | npt.NDArray[np.int64]
    series: str | None = None
    place: Literal["line", "row"] = "line"

    def at(self, row: int | np.intp) -> str:
        place = ":" if self.place == "line" else ": row "
        return f"{self.path}{place}{self.lines[int(row)]}{f': series {self.series!r}' if self.series is not None else ''}"


def read(spec: FileSpec, *, fewest: int = 2) -> Source:
    """The file that `spec` names, of `fewest` rows or more.

    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    path = shown(spec)
    content = _decode(path, spec)
    if b"\0" in content:
        raise DataError(
            f"{path}: holds NUL bytes; is this a text file? Save it as CSV, or name its encoding with data.encoding"
        )
    content = _unix_ends(content)
    if content.endswith(b"\n\n"):
        content = content.rstrip(b"\n")
    if not content or content.isspace():
        raise DataError(f"{path}: empty; a header row and at least two rows are needed")
    if not spec.separator.isascii():  # pandas would change its parser for it
        raise DataError(
            f"{path}: data.separator is {spec.separator!r}; only an ASCII character can be one, such as ',', ';' or a tab"
        )
    header = _header(path, content, spec)
    fields, lines = _layout(path, content, spec)
    check_header(path, header, spec)
    wrong = np.flatnonzero(fields[1:] != len(header))
    if len(wrong):
        row = wrong[0] + 1
        raise DataError(
            f"{path}:{lines[row]}: {counted(fields[row], 'field')} where the header has {len(header)}; "
            "put quotes around a field that holds the separator, or mend the row"
        )
    refuse_few_rows(path, len(lines) - 1, fewest=fewest)
    return Source(path=path, content=content, header=header, lines=lines[1:])


def refuse_few_rows(path: Path, rows: int, *, fewest: int) -> None:
    """Refuse a file of less than `fewest` rows."""
    if rows < fewest:
        needed = (
            "at least one is needed"
            if fewest == 1
            else "at least two are needed, and window.length + window.horizon to train"
        )
        raise DataError(f"{path}: {counted(rows, 'data row')}; {needed}")


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shown(spec: FileSpec) -> Path:
    """Its path, relative to the working folder where it lies below it: what people typed, and short."""
    path = Path(spec.path)
    try:
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    except FileNotFoundError:  # the working folder is not there any more
        return path


@contextlib.contextmanager
def opened(path: Path, spec: FileSpec) -> "Iterator[io.BufferedReader]":
    """The file, which is small enough for the memory there is.

    Raises:
        DataError: it cannot be read.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            raise DataError(f"{path}: a pipe or a device, not a file; save the data as a file")
        memory.require(
            _GROWTH * about.st_size,
            f"{path}: reading {memory.format_bytes(about.st_size)}",
            hint="cut the file",
        )
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise DataError(
            f"{spec.path}: no such file, looked for at this absolute path; "
            "write the new place into data.path or use --set data.path=FILE"
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); data.path must name a CSV file"
        ) from None


def read_bytes(path: Path, spec: FileSpec) -> bytes:
    """All of the file, as `opened`."""
    with opened(path, spec) as file:
        return file.read()


def _decode(path: Path, spec: FileSpec) -> bytes:
    raw = read_bytes(path, spec)
    if spec.encoding == "utf-8":
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path}: looks like UTF-16; set data.encoding: utf-16 or save it as UTF-8")
    try:
        return _utf8(raw, spec.encoding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(spec.encoding, errors="replace").encode()
        first, *others = (encoding for encoding in _ENCODINGS if encoding != spec.encoding)
        raise DataError(
            f"{path}:{_unix_ends(before).count(_NEWLINE) + 1}: not {spec.encoding} text; "
            f"set data.encoding: {first} (or {', '.join(others)})"
        ) from None


def _utf8(raw: bytes, encoding: str) -> bytes:
    """`raw` in UTF-8: not a copy where it is that already, and seldom the whole text as a string.

    Raises:
        UnicodeDecodeError: it is not in `encoding`; its `start` counts from the beginning.
    """
    if encoding == "utf-16":
        return raw.decode(encoding).encode()
    if raw.isascii():
        return raw
    pieces = (raw[start : start + _PIECE_BYTES] for start in range(0, len(raw), _PIECE_BYTES))
    try:
        if encoding != "utf-8":  # a character is one byte
            return b"".join([piece.decode(encoding).encode() for piece in pieces])
        for _ in codecs.iterdecode(pieces, encoding):
            pass
    except UnicodeDecodeError:
        raw.decode(encoding)
    return raw


def _unix_ends(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


def _layout(path: Path, content: bytes, spec: FileSpec) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Number of fields and line, from 1, of every row, the header's first."""
    # A quoted field may hold separators and line ends, so this needs the real grammar, row by row.
    fields: list[int] = []
    lines: list[int] = []
    reader = _reader(content.removesuffix(b"\n"), spec)
    start = 1
    try:
        for row in reader:
            if not row:
                raise DataError(
                    f"{path}:{start}: a blank line between rows; remove it, or write NA if a value is missing"
                )
            fields.append(len(row))
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{start}: not valid CSV ({error}); check the quotes in this row") from None
    return np.array(fields), lines


def _header(path: Path, content: bytes, spec: FileSpec) -> tuple[str, ...]:
    try:
        return tuple(next(_reader(content, spec)))
    except csv.Error as error:
        raise DataError(
            f"{path}:1: not a CSV header ({error}); write the names of the columns there"
        ) from None


def _reader(content: bytes, spec: FileSpec) -> "_csv.Reader":
    """The rows by the grammar that pandas is told to use: spaces after a separator are skipped."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=spec.separator, skipinitialspace=spec.separator != " ", strict=True)


def check_header(path: Path, header: tuple[str, ...], spec: FileSpec) -> None:
    """Refuse a header that lacks a column, or has one twice."""
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise DataError(f"{path}:1: the column {_cut(twice[0])!r} stands in the header twice; rename one")
    unknown = sorted({*spec.columns} - {*header}, key=spec.columns.index)
    if unknown and len(header) == 1:
        for separator, written in _OTHER_SEPARATORS.items():
            if separator in header[0] and separator != spec.separator:
                raise DataError(
                    f"{path}:1: one column {_cut(header[0])!r}; the separator looks like {written}: set data.separator: {written}"
                )
    lines = []
    for name in unknown:
        near = difflib.get_close_matches(name, header[:_COMPARED], n=1)
        hint = f"did you mean {_cut(near[0])!r}? " if near else ""
        lines.append(f"{path}:1: no column {_cut(name)!r}; {hint}the header has: {_listed(header)}")
    if lines:
        raise DataError("\n".join(lines))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(_cut, names[:12])).replace("\n", "\\n")
    return f"{shown}, ... ({len(names)} columns)" if len(names) > 12 else shown


def _cut(name: str) -> str:
    """A name in an error, which is to stay a line that people can read."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"

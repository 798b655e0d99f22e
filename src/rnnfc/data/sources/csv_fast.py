"""The fast way through a CSV file without faults: chunks of whole lines, checked and parsed in parallel; no text is kept.

Whatever is not plain here need not be a fault: `csv_text` and `cells` then read the whole file again and name the fault.
"""

import csv
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.data.sources.cells import (
    ParseOptions,
    is_series_name,
    parse,
)
from rnnfc.data.sources.columns import NUMBER, FileSpec
from rnnfc.data.sources.content import display_path, open_file, series_name
from rnnfc.data.sources.csv_text import drop_empty_rows, strip_names
from rnnfc.data.sources.date_numbers import padded_width
from rnnfc.data.sources.dialect import WHITESPACE, Dialect
from rnnfc.data.sources.header import note_header
from rnnfc.data.sources.numbers import as_numbers, note_thousands, plain_numbers
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.selection import join_series
from rnnfc.data.sources.table import Table, require_rows
from rnnfc.data.sources.time_columns import join_columns
from rnnfc.data.sources.times import as_whole_numbers, plain_times
from rnnfc.data.sources.units import from_unit
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import io

    import pandas as pd

_NEWLINE, _QUOTE = ord("\n"), ord('"')
# Text that is parsed at once: pandas reuses its memory within a chunk, not across chunks; and chunks that are parsed in parallel.
_CHUNK_BYTES, _WORKERS = 2**23, min(4, os.cpu_count() or 1)
_SAMPLE_BYTES = 2**15  # of the first rows, which notes look at

Bytes = npt.NDArray[np.uint8]
Element = TypeVar("Element", bound=np.generic)


class _Chunk(NamedTuple):
    """The cells of some rows, as in Table; `time` is empty where there is no time column."""

    values: Floats
    time: Times
    series: npt.NDArray[np.int64]
    names: tuple[str, ...]


def read_table(spec: FileSpec, *, min_rows: int = 2) -> Table | None:
    """The cells of the file; None unless every line is a row and every cell a plain number, time or series name.

    Raises:
        DataError: the file cannot be read, or has less than `min_rows` rows.
    """
    path = display_path(spec)
    with open_file(path, spec) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas: a column has mixed types
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            header, options, first, line = _read_header(file, spec)
            parse_chunk = partial(_parse_chunk, spec=spec, header=header, options=options)
            chunks = _map_parallel(parse_chunk, _read_chunks(file, spec.separator))
            num_chunks = 1 + size // _CHUNK_BYTES
            values, time, series, names = _concatenate(chunks, num_chunks=num_chunks)
        except (ValueError, csv.Error):
            return None
    require_rows(str(path), len(values), min_rows=min_rows)
    origin, offset = Origin(name=str(path), numbers=range(line, line + len(values)), columns=header), ""
    if spec.time_unit is not None:
        if time.dtype.kind == "M":
            return None
        time, offset = from_unit(time, spec.time_unit, origin)
    return Table(
        origin=origin,
        values=values,
        time=time,
        offset=offset,
        series=series,
        names=names if spec.series_column else (series_name(path),),
        notes=(*(note_header(header) if spec.dialect.names is None else ()), *note_thousands(first, spec)),
    )


def _read_header(
    file: "io.BufferedReader", spec: FileSpec
) -> "tuple[tuple[str, ...], ParseOptions, pd.DataFrame, int]":
    """The names of all columns, the options of `parse` for times and names, the first rows as text, and the line of the first.

    Leaves `file` at the first row.

    Raises:
        ValueError, csv.Error: the header is not plain.
    """
    _refuse_not_plain(spec)
    dialect = spec.dialect
    for _ in range(dialect.skip_rows):
        file.readline()
    num_comments = _skip_comments(file, dialect)
    header = dialect.names or _parse_header(file.readline(), spec)
    if any(header.count(name) != 1 for name in spec.required_columns):
        raise ValueError("not a line with the names of the columns")
    for _ in range(dialect.skip_rows_after_header):
        file.readline()
    start = file.tell()
    lines = _to_utf8(file.read(_SAMPLE_BYTES) + file.readline(), spec)
    first = parse(drop_empty_rows(lines, spec.separator), spec, header=header, as_text=spec.required_columns)
    file.seek(start)
    options: ParseOptions = {"as_text": spec.series_columns}
    # The first time decides whether times are numbers or dates; several columns are joined as text.
    time = spec.time_names
    if isinstance(spec.time, tuple):
        options["as_text"] = (*spec.series_columns, *time)
    elif isinstance(spec.time, str) and (
        spec.date_format is not None or as_numbers(first[time[0]][:1], spec).isna().any()
    ):
        if spec.time_format == NUMBER:
            raise ValueError("a time is not a number")
        options["dates"] = time
        options["date_format"] = spec.date_format or "ISO8601"
    line = 1 + dialect.skip_rows + num_comments + (dialect.names is None) + dialect.skip_rows_after_header
    return header, options, first, line


def _skip_comments(file: "io.BufferedReader", dialect: Dialect) -> int:
    """The number of comments before the header; leaves `file` after them."""
    if dialect.comment is None:
        return 0
    count, start = 0, file.tell()
    mark = dialect.comment.encode()
    while file.readline().removeprefix(b"\xef\xbb\xbf").startswith(mark):
        count, start = count + 1, file.tell()
    file.seek(start)
    return count


def _refuse_not_plain(spec: FileSpec) -> None:
    """Leave a file to the full reader whose lines, times or numbers need more than `parse`.

    Raises:
        ValueError: they do.
    """
    dialect = spec.dialect
    if spec.encoding == "utf-16" or not dialect.separator.isascii() or dialect.separator == WHITESPACE:
        raise ValueError("a separator or line end is more than one byte")
    if dialect.skip_footer:
        raise ValueError("a line may be no row")
    if spec.where or spec.is_wide:
        raise ValueError("rows are selected, or columns are times")
    if not spec.number_format.is_plain or spec.decimal == spec.separator:
        raise ValueError("a number may be more than digits and a mark")
    if padded_width(spec.date_format or ""):
        raise ValueError("a time may lack a leading zero")


def _parse_header(line: bytes, spec: FileSpec) -> tuple[str, ...]:
    text = _to_utf8(line.removeprefix(b"\xef\xbb\xbf") if spec.encoding == "utf-8" else line, spec)
    if not text.strip():
        raise ValueError("a blank line")
    (names,) = csv.reader([text.decode()], delimiter=spec.separator, skipinitialspace=spec.separator != " ")
    if count_rows(text, spec.separator, width=len(names)) != 1:
        raise ValueError("not a row in one line")
    return strip_names(names, spec.required_columns)


def _read_chunks(file: "io.BufferedReader", separator: str) -> Iterator[bytes]:
    """The rest of the file in chunks of whole lines, without the empty rows at the end of the file."""
    while chunk := file.read(_CHUNK_BYTES):
        chunk += file.readline()
        if chunk := chunk if file.peek(1) else drop_empty_rows(chunk, separator).rstrip(b"\r\n"):
            yield chunk


def _map_parallel(parse_chunk: Callable[[bytes], _Chunk], chunks: Iterator[bytes]) -> Iterator[_Chunk]:
    """`parse_chunk` of each chunk, in order; few chunks are in memory at a time."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        pending = deque(pool.submit(parse_chunk, chunk) for chunk in islice(chunks, _WORKERS + 1))
        while pending:
            yield pending.popleft().result()
            pending.extend(pool.submit(parse_chunk, chunk) for chunk in islice(chunks, 1))


def _parse_chunk(chunk: bytes, *, spec: FileSpec, header: tuple[str, ...], options: ParseOptions) -> _Chunk:
    """The cells of a chunk.

    Raises:
        ValueError: they are not plain.
    """
    import pandas as pd

    text = _to_utf8(chunk, spec)
    if spec.comment is not None and f"\n{spec.comment}".encode() in b"\n" + text:
        raise ValueError("a comment between rows")
    frame = parse(text, spec, header=header, **options)
    is_even = _is_surely_even(frame, text, spec, header)
    if not is_even and count_rows(text, spec.separator, width=len(header)) != len(frame):
        raise ValueError("not a row in each line")
    values = plain_numbers(frame, spec)
    times = _chunk_times(frame, spec) if spec.time else np.arange(0)
    names_column = join_series(frame, spec.series_columns) if spec.series_columns else None
    series, labels = (np.arange(0), ()) if names_column is None else pd.factorize(names_column)
    names = tuple(str(name) for name in labels)
    if values is None or times is None or not all(map(is_series_name, names)):
        raise ValueError("a cell is not plain")
    return _Chunk(values, times, series, names)


def _chunk_times(frame: "pd.DataFrame", spec: FileSpec) -> Times | None:
    """The times of a chunk, in one column or several; None if one is not plain.

    Raises:
        ValueError: so it is, in text.
    """
    import pandas as pd

    if isinstance(spec.time, str):
        return plain_times(frame[spec.time])
    try:
        column = join_columns(frame, spec, Origin(name="", numbers=range(len(frame))))
    except DataError:  # the full reader names the line
        return None
    if isinstance(spec.time, tuple):
        column = pd.to_datetime(column, format=spec.date_format or "ISO8601")
    return plain_times(column)


def _concatenate(chunks: Iterator[_Chunk], *, num_chunks: int) -> _Chunk:
    """The cells of all chunks, about `num_chunks`; each is copied to its place as it comes: no column is in memory twice.

    Raises:
        ValueError: there are no rows.
    """
    values, time, series = np.empty((0, 0)), np.arange(0), np.arange(0)
    index: dict[str, int] = {}  # of each series, by name
    rows = 0
    for done, chunk in enumerate(chunks, start=1):
        series_of_name = np.array(
            [index.setdefault(name, len(index)) for name in chunk.names], dtype=np.int64
        )
        # Later lines may be shorter.
        capacity = rows + len(chunk.values) + max(0, num_chunks - done) * len(chunk.values) * 9 // 8
        values = _append(chunk.values, values, rows=rows, capacity=capacity)
        time = _append(chunk.time, time, rows=rows, capacity=capacity)
        series = _append(series_of_name[chunk.series], series, rows=rows, capacity=capacity)
        rows += len(chunk.values)
    if not rows:
        raise ValueError("no rows")
    times: Times = time[:rows] if len(time) else np.arange(rows)
    if len(time) and time.dtype.kind == "f":
        times = as_whole_numbers(times)
    return _Chunk(values[:rows], times, series[:rows], tuple(index))


def _append(
    part: npt.NDArray[Element], column: npt.NDArray[Element], *, rows: int, capacity: int
) -> npt.NDArray[Element]:
    """`column` with `part` after its first `rows`; a new array for `capacity` rows if it is too short or of another type."""
    if not len(part):  # the file has no such column
        return part
    end = rows + len(part)
    dtype = np.promote_types(column.dtype, part.dtype) if rows else part.dtype
    if not rows or end > len(column) or dtype != column.dtype:
        previous, column = column[:rows], np.empty((capacity, *part.shape[1:]), dtype=dtype)
        if rows:
            column[:rows] = previous
    column[rows:end] = part
    return column


def _is_surely_even(frame: "pd.DataFrame", text: bytes, spec: FileSpec, header: tuple[str, ...]) -> bool:
    """Whether each line is a row with all fields, by a cheap test that may miss some such texts.

    Without quotes pandas reads a row from each line. No row is too short if each ends with a number, and then none is too long
    if there are no more separators than that takes.
    """
    last = frame.get(header[-1]) if header.count(header[-1]) == 1 else None
    if last is None or last.dtype.kind not in "if" or last.hasnans or b'"' in text:
        return False
    separators = np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord(spec.separator))
    return bool(separators == len(frame) * (len(header) - 1))


def _to_utf8(raw: bytes, spec: FileSpec) -> bytes:
    """Whole lines in UTF-8, which end with \\n.

    Raises:
        ValueError: they are not text in the encoding of `spec`, or contain NUL or a lone carriage return.
    """
    text = raw if raw.isascii() else raw.decode(spec.encoding).encode()
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if b"\r" in text or b"\0" in text:
        raise ValueError("not lines of text")
    return text


def count_rows(text: bytes, separator: str, *, width: int) -> int | None:
    """The number of lines if each is one row of `width` fields; None if that is not certain.

    Args:
        text: not empty, with \\n line ends.
    """
    characters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((characters == ord(separator)) | (characters == _NEWLINE))
    if b'"' in text:
        within = _within_quotes(characters, ends, separator)
        if within is None:
            return None
        ends = ends[~within]
    is_last = characters[ends] == _NEWLINE
    if characters[-1] != _NEWLINE:  # the end of the text is the end of its last field
        ends, is_last = np.append(ends, len(text)), np.append(is_last, True)
    rows, rest = divmod(len(ends), width)
    has_blank = width == 1 and np.diff(ends, prepend=-1).min() == 1
    is_even = np.count_nonzero(is_last) == rows and is_last[width - 1 :: width].all()
    return rows if is_even and not rest and not has_blank else None


def _within_quotes(
    characters: Bytes, ends: npt.NDArray[np.intp], separator: str
) -> npt.NDArray[np.bool_] | None:
    """Which separators and line ends, at `ends`, are within quotes; None if a quote is not plain.

    Plain quotes enclose a whole field of one line, and are doubled within it.
    """
    quotes = np.flatnonzero(characters == _QUOTE)
    allowed = np.array([ord(separator), _NEWLINE, _QUOTE], dtype=np.uint8)
    padded = np.concatenate([[_NEWLINE], characters, [_NEWLINE]])
    opening, closing = quotes[::2], quotes[1::2]
    are_plain = np.isin(padded[opening], allowed).all() and np.isin(padded[closing + 2], allowed).all()
    within = np.asarray(np.searchsorted(quotes, ends) % 2 == 1)
    return (
        within
        if are_plain and len(quotes) % 2 == 0 and not (characters[ends[within]] == _NEWLINE).any()
        else None
    )

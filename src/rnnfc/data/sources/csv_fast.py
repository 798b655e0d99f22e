"""The quick way through a CSV file without faults: pieces of whole lines, checked and parsed side by side; no text is kept.

What is not plain here need not be a fault. `csv_text` and `csv_cells` then look at the whole file, and say what it is.
"""

import csv
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.data_spec import FileSpec, LongSpec
from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.data.sources import csv_text
from rnnfc.data.sources.csv_cells import Cells, as_numbers, is_name, parse, plain_numbers, plain_times, whole
from rnnfc.data.sources.csv_text import Source

if TYPE_CHECKING:
    import io

    import pandas as pd

_NEWLINE, _QUOTE = ord("\n"), ord('"')
# Text that is parsed at once: pandas uses its memory again within a piece, and not from one to the next; pieces side by side.
_PIECE_BYTES, _WORKERS = 2**23, min(4, os.cpu_count() or 1)

Bytes = npt.NDArray[np.uint8]
# values, times, the place of each row's series among the names, the names
_Rows = tuple[Floats, Times, npt.NDArray[np.int64], tuple[str, ...]]


def read(spec: FileSpec, *, fewest: int = 2) -> tuple[Source, Cells] | None:
    """Where the rows stand, and their cells; None where not every line is a row and every cell a plain number, time or name.

    Raises:
        DataError: the file cannot be read, or has less than `fewest` rows.
    """
    path = csv_text.shown(spec)
    with csv_text.opened(path, spec) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a column is not of one type
        try:
            header, options = _begin(file, spec)
            parts = _side_by_side(partial(_cells, spec=spec, header=header, options=options), _pieces(file))
            cells = _joined(parts, num_pieces=1 + os.fstat(file.fileno()).st_size // _PIECE_BYTES)
        except (ValueError, csv.Error):
            return None
    rows = len(cells.values)
    csv_text.refuse_few_rows(path, rows, fewest=fewest)
    return Source(path=path, content=b"", header=header, lines=range(2, rows + 2)), cells


def _begin(file: "io.BufferedReader", spec: FileSpec) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names of all columns, and how pandas is to read times: as numbers if the first is one; `file` then stands at its row.

    Raises:
        ValueError, csv.Error: they are not plain.
    """
    if spec.encoding == "utf-16" or not spec.separator.isascii():
        raise ValueError("not a byte for each separator and line end")
    line = file.readline()
    text = _utf8(line.removeprefix(b"\xef\xbb\xbf") if spec.encoding == "utf-8" else line, spec)
    (header,) = csv.reader([text.decode()], delimiter=spec.separator, skipinitialspace=spec.separator != " ")
    if {*spec.columns} - {*header} or num_rows(text, spec.separator, width=len(header)) != 1:
        raise ValueError("not a line of names")
    start = file.tell()
    first = parse(_utf8(file.readline(), spec), spec, names=tuple(header), dtype=str)
    file.seek(start)
    options: dict[str, Any] = {"dtype": {spec.series: str}} if isinstance(spec, LongSpec) else {}
    if spec.time and (spec.time_format is not None or as_numbers(first[spec.time], spec).isna().any()):
        options |= {"parse_dates": [spec.time], "date_format": spec.time_format or "ISO8601"}
    return tuple(header), options


def _pieces(file: "io.BufferedReader") -> Iterator[bytes]:
    """The rest of the file in pieces that end with a line, but for line ends at its end."""
    while piece := file.read(_PIECE_BYTES):
        piece += file.readline()
        if piece := piece if file.peek(1) else piece.rstrip(b"\r\n"):
            yield piece


def _side_by_side(work: Callable[[bytes], _Rows], pieces: Iterator[bytes]) -> Iterator[_Rows]:
    """What `work` makes of each piece, in their order; few pieces are in memory at a time."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting = deque(pool.submit(work, piece) for piece in islice(pieces, _WORKERS + 1))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(work, piece) for piece in islice(pieces, 1))


def _cells(piece: bytes, *, spec: FileSpec, header: tuple[str, ...], options: dict[str, Any]) -> _Rows:
    """The cells of a piece.

    Raises:
        ValueError: they are not plain.
    """
    import pandas as pd

    text = _utf8(piece, spec)
    frame = parse(text, spec, names=header, **options)
    if not _is_full(frame, text, spec, header) and num_rows(text, spec.separator, width=len(header)) != len(
        frame
    ):
        raise ValueError("not a row in each line")
    values = plain_numbers(frame, spec.numbers)
    times = plain_times(frame[spec.time]) if spec.time else np.arange(0)
    series, found = pd.factorize(frame[spec.series]) if isinstance(spec, LongSpec) else (np.arange(0), ())
    names = tuple(str(name) for name in found)
    if values is None or times is None or not all(map(is_name, names)):
        raise ValueError("a cell is not plain")
    return values, times, series, names


def _joined(pieces: Iterator[_Rows], *, num_pieces: int) -> Cells:
    """The cells of all pieces, about `num_pieces`, each put in its place as it comes: no column is in memory twice.

    Raises:
        ValueError: there are none.
    """
    columns: list[npt.NDArray[Any]] = []
    places: dict[str, int] = {}
    rows = 0
    for done, (values, times, series, names) in enumerate(pieces, start=1):
        numbers = np.array([places.setdefault(name, len(places)) for name in names], dtype=np.int64)
        parts = [values, times, numbers[series]]
        # Later lines may be shorter.
        room = rows + len(values) + max(0, num_pieces - done) * len(values) * 9 // 8
        columns = [
            _put(part, column, rows=rows, room=room)
            for part, column in zip(parts, columns or parts, strict=True)
        ]
        rows += len(values)
    if not rows:
        raise ValueError("no rows")
    cells, time, order = (column[:rows] for column in columns)
    return Cells(
        values=cells,
        time=np.arange(rows) if not len(time) else whole(time) if time.dtype.kind == "f" else time,
        series=order,
        names=tuple(places),
    )


def _put(part: npt.NDArray[Any], column: npt.NDArray[Any], *, rows: int, room: int) -> npt.NDArray[Any]:
    """`column` with `part` behind its first `rows`; where it is too short or of another type, anew with room for `room` rows."""
    if not len(part):  # a column that the file has not
        return part
    end, dtype = rows + len(part), np.promote_types(column.dtype, part.dtype)
    if not rows or end > len(column) or dtype != column.dtype:
        before, column = column[:rows], np.empty((room, *part.shape[1:]), dtype=dtype)
        column[:rows] = before
    column[rows:end] = part
    return column


def _is_full(frame: "pd.DataFrame", text: bytes, spec: FileSpec, header: tuple[str, ...]) -> bool:
    """Whether it is plain that each line is a row with a field for each name.

    Without quotes pandas makes a row of each line. None is too short where a number ends each, and none too long where there are
    no more separators than that takes.
    """
    last = frame.get(header[-1])
    if last is None or last.dtype.kind not in "if" or last.hasnans or b'"' in text:
        return False
    separators = np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord(spec.separator))
    return bool(separators == len(frame) * (len(header) - 1))


def _utf8(raw: bytes, spec: FileSpec) -> bytes:
    """Whole lines in UTF-8, which end with \\n.

    Raises:
        ValueError: they are not text in the encoding of `spec`, or hold what is no text.
    """
    text = raw if raw.isascii() else raw.decode(spec.encoding).encode()
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if b"\r" in text or b"\0" in text:
        raise ValueError("not text of lines")
    return text


def num_rows(text: bytes, separator: str, *, width: int) -> int | None:
    """How many lines there are, if each is one row of `width` fields; None where that is not certain.

    Args:
        text: not empty, with \\n line ends.
    """
    marked = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((marked == ord(separator)) | (marked == _NEWLINE))
    if b'"' in text:
        within = _within_quotes(marked, ends, separator)
        if within is None:
            return None
        ends = ends[~within]
    is_last = marked[ends] == _NEWLINE
    if marked[-1] != _NEWLINE:  # the end of the text is the end of its last field
        ends, is_last = np.append(ends, len(text)), np.append(is_last, True)
    rows, rest = divmod(len(ends), width)
    blank = width == 1 and np.diff(ends, prepend=-1).min() == 1
    even = np.count_nonzero(is_last) == rows and is_last[width - 1 :: width].all()
    return rows if even and not rest and not blank else None


def _within_quotes(marked: Bytes, ends: npt.NDArray[np.intp], separator: str) -> npt.NDArray[np.bool_] | None:
    """Which separators and line ends, at `ends`, stand within quotes; None if a quote is not plain.

    Plain are quotes around a whole field of one line, doubled within it.
    """
    quotes = np.flatnonzero(marked == _QUOTE)
    bounds = np.array([ord(separator), _NEWLINE, _QUOTE], dtype=np.uint8)
    around = np.concatenate([[_NEWLINE], marked, [_NEWLINE]])
    opening, closing = quotes[::2], quotes[1::2]
    plain = np.isin(around[opening], bounds).all() and np.isin(around[closing + 2], bounds).all()
    within = np.asarray(np.searchsorted(quotes, ends) % 2 == 1)
    return within if plain and len(quotes) % 2 == 0 and not (marked[ends[within]] == _NEWLINE).any() else None

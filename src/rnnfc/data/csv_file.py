"""CSV files, read with suspicion: pandas parses, but first every row must have the header's number of fields.

pandas shifts columns where a row has one field too many, pads short rows, renames duplicate headers and reads 1e400 as
infinity, all in silence; each of these is refused here with file and line.
"""

import csv
import difflib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.config.specs import CsvSpec
from rnnfc.data import gaps
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Panel, clock
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MISSING_WORDS = ("", "NA", "N/A", "NaN", "nan", "null")
_OTHER_SEPARATORS = {";": "';'", "\t": '"\\t"', "|": "'|'", ",": "','"}
_NEWLINE, _RETURN = 10, 13


@dataclass(frozen=True)
class _Source:
    """A CSV file in memory: its name, UTF-8 bytes with \\n line ends, and the line, from 1, of every data row."""

    path: Path
    content: bytes
    header: tuple[str, ...]
    lines: npt.NDArray[np.int64]

    def at(self, row: int | np.intp) -> str:
        return f"{self.path}:{self.lines[row]}"


def load_csv(spec: CsvSpec) -> Panel:
    """The rows of a CSV file, one series; channels are the targets, then the inputs.

    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    source = _open(spec)
    channels = (*spec.target, *spec.inputs)
    frame = _parse(source, spec, columns=channels)
    values = np.column_stack([_numbers(source, frame[name], spec) for name in channels])
    if spec.time is None:
        time: Times = np.arange(len(values))
        axis = Frequency(unit="number", size=1)
    else:
        time = _times(source, frame[spec.time], spec)
        _refuse_disorder(source, time)
        axis = Frequency(unit="rows", size=1) if spec.frequency == "rows" else _regular(source, time)
    table = gaps.Table(values=values, time=time, frequency=axis, where=source.at)
    values, time, filled = gaps.close(table, policy=spec.missing, channels=channels)
    return Panel(
        values=values,
        time=time,
        bounds=np.array([0, len(values)]),
        series=(source.path.stem,),
        channels=channels,
        num_targets=len(spec.target),
        frequency=axis,
        filled=filled,
        missing=spec.missing,
        unit=spec.unit,
    )


def _open(spec: CsvSpec) -> _Source:
    path = _short(Path(spec.path))
    content = _decode(path, spec)
    if b"\0" in content:
        raise DataError(f"{path}: holds NUL bytes; is this a text file? Save it as CSV, or name its encoding with data.encoding")
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")
    if not content.strip():
        raise DataError(f"{path}: empty; a header row and at least two rows are needed")
    fields, lines = _layout(path, content, spec)
    header = tuple(next(csv.reader([content.split(b"\n", 1)[0].decode()], delimiter=spec.separator)))
    _check_header(path, header, spec)
    wrong = np.flatnonzero(fields[1:] != len(header))
    if len(wrong):
        row = wrong[0] + 1
        raise DataError(
            f"{path}:{lines[row]}: {fields[row]} fields where the header has {len(header)}; "
            "put quotes around a field that holds the separator, or mend the row"
        )
    if len(fields) < 3:
        raise DataError(
            f"{path}: {len(fields) - 1} data rows; at least two are needed, and window.length + window.horizon to train"
        )
    return _Source(path=path, content=content, header=header, lines=lines[1:])


def _short(path: Path) -> Path:
    """Relative to the working folder where it lies below it: what people typed, and short."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _decode(path: Path, spec: CsvSpec) -> bytes:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; data.path is read from the config's folder") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); data.path must name a CSV file") from None
    if spec.encoding == "utf-8":
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path}: looks like UTF-16; set data.encoding: utf-16 or save it as UTF-8")
    try:
        text = raw.decode(spec.encoding)
    except UnicodeError as error:
        line = raw.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise DataError(f"{path}:{line}: not {spec.encoding} text; set data.encoding: latin-1 (or cp1252, utf-16)") from None
    return raw if spec.encoding == "utf-8" else text.encode()


def _layout(path: Path, content: bytes, spec: CsvSpec) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number of fields and line, from 1, of every row, the header's first."""
    if b'"' in content:
        fields, lines = _quoted_layout(path, content, spec)
    else:
        text = np.frombuffer(content, dtype=np.uint8)
        ends = np.append(np.flatnonzero(text == _NEWLINE), len(text))
        separators = np.flatnonzero(text == ord(spec.separator)) if ord(spec.separator) < 128 else np.array([], dtype=np.int64)
        fields = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
        fields[np.diff(ends, prepend=-1) == 1] = 0
        lines = np.arange(1, len(ends) + 1)
    blank = np.flatnonzero(fields == 0)
    if len(blank):
        raise DataError(f"{path}:{lines[blank[0]]}: a blank line between rows; remove it, or write NA if a value is missing")
    return fields, lines


def _quoted_layout(path: Path, content: bytes, spec: CsvSpec) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # A quoted field may hold separators and line ends, so this needs the real grammar, row by row.
    fields: list[int] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=spec.separator, strict=True)
    start = 1
    try:
        for row in reader:
            fields.append(len(row))
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{start}: not valid CSV ({error}); check the quotes in this row") from None
    return np.array(fields), np.array(lines)


def _check_header(path: Path, header: tuple[str, ...], spec: CsvSpec) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}:1: the column {twice[0]!r} stands in the header twice; rename one")
    wanted = [*spec.target, *spec.inputs, *([spec.time] if spec.time else [])]
    for name in (name for name in wanted if name not in header):
        if len(header) == 1:
            for separator, written in _OTHER_SEPARATORS.items():
                if separator in header[0] and separator != spec.separator:
                    raise DataError(
                        f"{path}:1: one column {header[0]!r}; the separator looks like {written}: set data.separator: {written}"
                    )
        near = difflib.get_close_matches(name, header, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise DataError(f"{path}:1: no column {name!r}; {hint}the header has: {_listed(header)}")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown}, ... ({len(names)} columns)" if len(names) > 12 else shown


def _parse(source: _Source, spec: CsvSpec, *, columns: tuple[str, ...]) -> "pd.DataFrame":
    import pandas as pd

    wanted = [*columns, *([spec.time] if spec.time else [])]
    kinds: dict[str, type] = {spec.time: str} if spec.time else {}
    return pd.read_csv(
        io.BytesIO(source.content),
        sep=spec.separator,
        decimal=spec.decimal,
        usecols=wanted,
        dtype=kinds,
        keep_default_na=False,
        na_values={name: list(MISSING_WORDS) for name in columns},
        skip_blank_lines=False,
        skipinitialspace=True,
        low_memory=False,
    )


def _numbers(source: _Source, column: "pd.Series", spec: CsvSpec) -> npt.NDArray[np.float64]:
    """f64[row], NaN where the cell is empty."""
    import pandas as pd

    if column.dtype.kind not in "iuf":
        # As text, True and False are no numbers either, although pandas would take them for 1 and 0.
        numbers = pd.to_numeric(column.astype("str").where(~column.isna()), errors="coerce")
        bad = np.flatnonzero((numbers.isna() & ~column.isna()).to_numpy())
        if len(bad):
            cell = str(column.iloc[bad[0]])
            raise DataError(f"{source.at(bad[0])}: {column.name}: {cell!r} is not a number; {_number_hint(cell, spec)}")
        column = numbers
    values = column.to_numpy(dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise DataError(
            f"{source.at(infinite[0])}: {column.name}: infinite, or too large for a float64; mend the cell or empty it"
        )
    return values


def _number_hint(cell: str, spec: CsvSpec) -> str:
    if "," in cell and spec.decimal == "." and cell.replace(",", "").replace(".", "").strip("+- ").isdigit():
        return "write it without thousands separators, or set data.decimal: ',' if the comma is the decimal point"
    return f"a missing value is written as an empty cell or {', '.join(MISSING_WORDS[1:])}"


def _times(source: _Source, column: "pd.Series", spec: CsvSpec) -> Times:
    """datetime64[us][row], or numbers where the column counts (1, 2, 3 or 0.1, 0.2, 0.3)."""
    import pandas as pd

    if spec.time_format is None:
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers.astype(np.int64) if (numbers == np.round(numbers)).all() and np.abs(numbers).max() < 2**53 else numbers
    try:
        times = pd.to_datetime(column, format=spec.time_format or "ISO8601", errors="coerce")
        has_offset = times.dtype.kind != "M" or getattr(times.dt, "tz", None) is not None
    except ValueError:  # some rows with a UTC offset, some without; or an impossible format
        has_offset = spec.time_format is None
        if not has_offset:
            raise DataError(f"{source.path}: data.time_format {spec.time_format!r} is not a strptime format") from None
    if has_offset:
        raise DataError(
            f"{source.at(0)}: {column.name}: times with a UTC offset are not read; write them in one time zone, without it"
        )
    bad = np.flatnonzero(times.isna().to_numpy())
    if len(bad):
        expected = (
            f"in the format {spec.time_format!r}"
            if spec.time_format
            else "an ISO 8601 time such as 2020-01-31 or 2020-01-31T09:30"
        )
        hint = "mend the row or change data.time_format" if spec.time_format else "set data.time_format, e.g. '%d/%m/%Y'"
        raise DataError(f"{source.at(bad[0])}: {column.name}: {column.iloc[bad[0]]!r} is not {expected}; {hint}")
    return times.to_numpy(dtype="datetime64[us]")


def _refuse_disorder(source: _Source, time: Times) -> None:
    order = np.diff(time)
    bad = np.flatnonzero(order <= order.dtype.type(0))
    if len(bad):
        row = bad[0] + 1
        if time[row] == time[row - 1]:
            raise DataError(
                f"{source.at(row)}: the time {clock(time[row])} stands here again (first on line {source.lines[row - 1]}); "
                "keep one row for each time"
            )
        raise DataError(
            f"{source.at(row)}: {clock(time[row])} comes after {clock(time[row - 1])}; sort the file by time, oldest first"
        )


def _regular(source: _Source, time: Times) -> Frequency:
    frequency = Frequency.infer(time)
    off = gaps.off_grid(frequency, time)
    if off is not None:
        raise DataError(
            f"{source.at(off)}: {clock(time[off])} does not fit the step of the other rows ({frequency}); "
            "resample the file to equal steps, or set data.frequency: rows to take each row as one step"
        )
    return frequency

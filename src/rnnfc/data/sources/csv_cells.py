"""The cells of a file as numbers, times and names of series, each odd one looked at.

pandas takes True for 1 and reads 1e400 as infinity, in silence; both are refused here with file and line.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.data_spec import FileSpec, LongSpec
from rnnfc.data.frequency import Times
from rnnfc.data.panel import FIRST_DATE, LAST_DATE, Floats
from rnnfc.data.sources.csv_text import Source
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MISSING_WORDS = ("", "NA", "N/A", "NaN", "nan", "null")
_MARKS = {".": "point", ",": "comma"}
# A time column that counts, in nanoseconds since 1970 at most; the distance of two whole numbers below the second still fits.
_LARGEST_TIME, _LARGEST_WHOLE_TIME = 2.0**63, 2**62
# The UTC offset that a time of day ends with.
_OFFSET = r"[T ]\d.*?(Z|[+-]\d\d(?::?\d\d)?)$"
# Dates as people write them, and how many cells are tried.
_DAYS, _CLOCKS, _TRIED = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"), ("", " %H:%M", " %H:%M:%S"), 1000


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The wanted columns of a file.

    values: f64[row, channel], NaN where a cell is empty. time: as on the clock there, row numbers where there is no such column.
    offset: from UTC, such as +10:00, or nothing. series: the place of each row's series among `names`, which are as they first
    appear; empty where the file has one series.
    """

    values: Floats
    time: Times
    series: npt.NDArray[np.int64]
    names: tuple[str, ...]
    offset: str = ""


def read(source: Source, spec: FileSpec, *, frame: "pd.DataFrame | None" = None) -> Cells:
    """Every cell, each odd one looked at.

    Args:
        frame: the columns of a file that is no text.
    Raises:
        DataError: the first cell that is no finite number, no time, or no name of a series, with its line.
    """
    # Numbers are times as they stand, unless data.time_format reads them.
    as_it_is = (
        frame is not None and spec.time and (spec.time_format is None or frame[spec.time].dtype.kind == "M")
    )
    if frame is None:
        frame = parse(
            source.content,
            spec,
            low_memory=False,
            dtype={name: str for name in spec.columns if name not in spec.numbers},
        )
    values = np.column_stack([_numbers(source, frame[name], spec) for name in spec.numbers])
    moments = plain_times(frame[spec.time]) if as_it_is else None
    time, offset = (moments, "") if moments is not None else _time_of(source, frame, spec)
    series, names = _series(source, frame[spec.series]) if isinstance(spec, LongSpec) else (np.arange(0), ())
    return Cells(values=values, time=time, offset=offset, series=series, names=names)


def _series(source: Source, column: "pd.Series") -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Index of each row's series, [row], and the names, as they first appear; a series may be called NA."""
    import pandas as pd

    series, names = pd.factorize(_texts(column))
    for place, name in enumerate(names):
        if not is_name(name):
            raise DataError(
                f"{source.at(np.argmax(series == place))}: {column.name}: {name!r} is no name of a series; "
                "write visible characters on one line"
            )
    return series, tuple(map(str, names))


def is_name(name: str) -> bool:
    """Whether a series may be called so."""
    return bool(name) and name.isprintable()


def plain_numbers(frame: "pd.DataFrame", columns: tuple[str, ...]) -> Floats | None:
    """f64[row, column], NaN where a cell is empty; None where a cell is not a plain finite number."""
    if any(frame[name].dtype.kind not in "iuf" for name in columns):
        return None
    values = np.column_stack([frame[name].to_numpy(dtype=np.float64) for name in columns])
    return None if np.isinf(values).any() else values


def plain_times(column: "pd.Series") -> Times | None:
    """datetime64[us][row], or numbers; None where a cell is neither, or the column needs a closer look."""
    if column.dtype.kind == "i":
        return (
            column.to_numpy()
            if column.min() >= -_LARGEST_WHOLE_TIME and column.max() <= _LARGEST_WHOLE_TIME
            else None
        )
    if column.dtype.kind == "f":
        return column.to_numpy() if (column.abs() < _LARGEST_TIME).all() else None
    if column.dtype.kind != "M" or column.dt.tz is not None or column.isna().any():
        return None
    dates = column.to_numpy(dtype="datetime64[us]")
    return dates if dates.min() >= FIRST_DATE and dates.max() < LAST_DATE else None


def whole(numbers: npt.NDArray[np.float64]) -> Times:
    """As int64 where that is the same."""
    same = np.abs(numbers).max() < 2**53 and (numbers == np.round(numbers)).all()
    return numbers.astype(np.int64) if same else numbers


def _time_of(source: Source, frame: "pd.DataFrame", spec: FileSpec) -> tuple[Times, str]:
    if spec.time is None:
        return np.arange(len(frame)), ""
    column, offset = _without_offset(source, _texts(frame[spec.time]), spec)
    return _times(source, column, spec), offset


def _without_offset(source: Source, column: "pd.Series", spec: FileSpec) -> "tuple[pd.Series, str]":
    """The times as on the clock, and the UTC offset that all of them have, if the first has one."""
    offsets = column.str.extract(_OFFSET, expand=False).fillna("")
    first = offsets.iloc[0]
    other = np.flatnonzero((offsets != first).to_numpy())
    if spec.time_format is not None or not (first or len(other)):
        return column, ""
    if len(other):
        given, cell = first or "none", column.iloc[other[0]]
        raise DataError(
            f"{source.at(other[0])}: {column.name}: {cell!r} has {offsets.iloc[other[0]] or 'no UTC offset'}, the first row has "
            f"{given}; write all times at one UTC offset: the hours of a clock that changes with the season are not equally "
            "spaced"
        )
    digits = "+0000" if first == "Z" else first.replace(":", "").ljust(5, "0")
    return column.str.slice(stop=-len(first)), f"{digits[:3]}:{digits[3:]}"


def _texts(column: "pd.Series") -> "pd.Series":
    return column.astype("str").where(column.notna(), "")


def parse(
    text: bytes, spec: FileSpec, *, names: tuple[str, ...] | None = None, **options: Any
) -> "pd.DataFrame":
    """The wanted columns: numbers, which may be missing, and those of times and series, whose cells stay.

    Args:
        names: of all columns, where the text begins with a row; without them its first line has them.
    Raises:
        ValueError: pandas cannot make one column of some cells.
    """
    import pandas as pd

    # A row's cells may begin with spaces, which pandas looks for in a slower way.
    spaces = spec.separator != " " and b" " in text
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(text),
        sep=spec.separator,
        decimal=spec.decimal,
        names=names,
        usecols=list(spec.columns),
        keep_default_na=False,
        na_values={name: list(MISSING_WORDS) for name in spec.numbers},
        skip_blank_lines=False,
        skipinitialspace=spaces,
        chunksize=None,
        **options,
    )
    return frame


def _numbers(source: Source, column: "pd.Series", spec: FileSpec) -> npt.NDArray[np.float64]:
    """f64[row], NaN where the cell is empty."""
    if column.dtype.kind not in "iuf":
        # As text, True and False are no numbers either, although pandas would take them for 1 and 0.
        numbers = as_numbers(column.astype("str").where(~column.isna()), spec)
        bad = np.flatnonzero((numbers.isna() & ~column.isna()).to_numpy())
        if len(bad):
            cell = str(column.iloc[bad[0]])
            raise DataError(
                f"{source.at(bad[0])}: {column.name}: {cell!r} is not a number; {_number_hint(cell, spec)}"
            )
        column = numbers
    values = column.to_numpy(dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise DataError(
            f"{source.at(infinite[0])}: {column.name}: infinite, or too large for a float64; mend the cell or empty it"
        )
    return values


def as_numbers(cells: "pd.Series", spec: FileSpec) -> "pd.Series":
    """The cells' numbers in the spelling of `data.decimal`; NaN where a cell is none."""
    import pandas as pd

    point_for_comma = str.maketrans(",.", ".,")
    return pd.to_numeric(
        cells.str.translate(point_for_comma) if spec.decimal == "," else cells, errors="coerce"
    )


def _number_hint(cell: str, spec: FileSpec) -> str:
    other = "," if spec.decimal == "." else "."
    if other in cell and cell.replace(",", "").replace(".", "").strip("+- ").isdigit():
        return f"write it without thousands separators, or set data.decimal: '{other}' if the {_MARKS[other]} is the decimal mark"
    return f"a missing value is written as an empty cell or {', '.join(MISSING_WORDS[1:])}"


def _times(source: Source, column: "pd.Series", spec: FileSpec) -> Times:
    """datetime64[us][row], or numbers where the column counts (1, 2, 3 or 0.1, 0.2, 0.3)."""
    import pandas as pd

    numbers = np.full(len(column), np.nan)
    if spec.time_format is None:
        read = as_numbers(column, spec)
        if read.dtype.kind == "i" and read.between(-_LARGEST_WHOLE_TIME, _LARGEST_WHOLE_TIME).all():
            return read.to_numpy()
        numbers = read.to_numpy(dtype=np.float64)
        if (np.abs(numbers) < _LARGEST_TIME).all():
            return whole(numbers)
    try:
        times = pd.to_datetime(column, format=spec.time_format or "ISO8601", errors="coerce")
        has_offset = times.dtype.kind != "M" or getattr(times.dt, "tz", None) is not None
    except ValueError:  # some rows with a UTC offset, some without; or an impossible format
        has_offset = spec.time_format is None or "%z" in spec.time_format
        if not has_offset:
            raise DataError(
                f"{source.path}: data.time_format {spec.time_format!r} is not a strptime format; "
                "write one such as '%d/%m/%Y %H:%M'"
            ) from None
    if has_offset:
        raise DataError(
            f"{source.at(0)}: {column.name}: a UTC offset is not read by data.time_format; write ISO 8601 times and leave it out"
        )
    _refuse_untimely(source, column, times, numbers, spec)
    dates = times.to_numpy(dtype="datetime64[us]")
    odd = np.flatnonzero((dates < FIRST_DATE) | (dates >= LAST_DATE))
    if len(odd):
        cell = column.iloc[odd[0]]
        raise DataError(
            f"{source.at(odd[0])}: {column.name}: {cell!r} is not of the years 1000 to 8999; mend the row"
        )
    return dates


def _refuse_untimely(
    source: Source, column: "pd.Series", times: "pd.Series", numbers: npt.NDArray[np.float64], spec: FileSpec
) -> None:
    bad = times.isna().to_numpy()
    if not bad.any():
        return
    counts = np.abs(numbers) < _LARGEST_TIME
    if spec.time_format:
        expected, hint = f"in the format {spec.time_format!r}", "mend the row or change data.time_format"
    elif counts.mean() > 0.5:  # not a column of dates, but of numbers with a fault
        bad, expected, hint = ~counts, "a number as most of the times are", "mend the row"
    else:
        expected = "an ISO 8601 time such as 2020-01-31 or 2020-01-31T09:30"
        hint = (
            f"set data.time_format{_likely_formats(column[:_TRIED])}"
            if bad[0]
            else "mend the row, the ones before it are"
        )
    row = np.flatnonzero(bad)[0]
    raise DataError(f"{source.at(row)}: {column.name}: {column.iloc[row]!r} is not {expected}; {hint}")


def _likely_formats(cells: "pd.Series") -> str:
    import pandas as pd

    formats = [f"'{day}{clock}'" for clock in _CLOCKS for day in _DAYS]
    likely = [
        text for text in formats if pd.to_datetime(cells, format=text[1:-1], errors="coerce").notna().all()
    ]
    return f": {' or '.join(likely)}" if likely else ", e.g. '%d/%m/%Y'"

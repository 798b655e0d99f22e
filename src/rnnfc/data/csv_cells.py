"""The cells of a CSV file as numbers and times: in one go where all are plain, else each odd one looked at.

pandas takes True for 1 and reads 1e400 as infinity, in silence; both are refused here with file and line.
"""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.data_spec import FileSpec, LongSpec
from rnnfc.data.csv_text import Source
from rnnfc.data.frequency import Times
from rnnfc.data.panel import FIRST_DATE, LAST_DATE, Floats
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MISSING_WORDS = ("", "NA", "N/A", "NaN", "nan", "null")
_MARKS = {".": "point", ",": "comma"}
# A time column that counts, in nanoseconds since 1970 at most; the distance of two whole numbers below the second still fits.
_LARGEST_TIME, _LARGEST_WHOLE_TIME = 2.0**63, 2**62
# The UTC offset that a time of day ends with.
_OFFSET = r"[T ]\d.*?(Z|[+-]\d\d(?::?\d\d)?)$"
# Rows that are parsed at once: their text takes ten times the room of their numbers.
_PART_ROWS = 2**18
# Dates as people write them, and how many cells are tried.
_DAYS, _CLOCKS, _TRIED = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"), ("", " %H:%M", " %H:%M:%S"), 1000


def read_cells(source: Source, spec: FileSpec) -> tuple[Floats, Times, str]:
    """values[row, channel] with NaN for empty cells, times, and their UTC offset such as +10:00, or nothing.

    Times are as on the clock there; row numbers where there is no time column.

    Raises:
        DataError: the first cell that is no finite number or no time, with its line.
    """
    frame = source.frame
    if frame is None:
        plain = _plain(source, spec)
        if plain is not None:
            return plain
        kinds = {spec.time: str} if spec.time else {}
        (frame,) = _parse(source, spec, columns=spec.numbers, others=(spec.time,), part_rows=len(source.lines), dtype=kinds)
    values = np.column_stack([_numbers(source, frame[name], spec) for name in spec.numbers])
    return (values, np.arange(len(frame)), "") if spec.time is None else (values, *_time_of(source, frame[spec.time], spec))


def read_series(source: Source, spec: LongSpec) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Index of each row's series, [row], and the names, as they first appear; a series may be called NA.

    Raises:
        DataError: the first cell that is empty, or no visible characters on one line.
    """
    import pandas as pd

    frame = source.frame
    if frame is None:
        (frame,) = _parse(source, spec, columns=(), others=(spec.series,), part_rows=len(source.lines), dtype=str)
    series, names = pd.factorize(_texts(frame[spec.series]))
    for place, name in enumerate(names):
        if not name or not name.isprintable():
            raise DataError(
                f"{source.at(np.argmax(series == place))}: {spec.series}: {name!r} is no name of a series; "
                "write visible characters on one line"
            )
    return series, tuple(map(str, names))


def _plain(source: Source, spec: FileSpec) -> tuple[Floats, Times, str] | None:
    """values[row, channel] and times without an offset, read in parts; None where a cell is not a plain finite number or time."""
    columns, others, options = spec.numbers, (spec.time,), _time_options(source, spec)
    values, times, row = np.empty((len(source.lines), len(columns))), [], 0
    try:
        for frame in _parse(source, spec, columns=columns, others=others, part_rows=_PART_ROWS, **options):
            if any(kind.kind not in "iuf" for kind in frame[list(columns)].dtypes):
                return None
            part = values[row : row + len(frame)]
            for place, name in enumerate(columns):
                part[:, place] = frame[name]
            row += len(frame)
            moments = _moments(frame[spec.time]) if spec.time else np.arange(0)
            if moments is None or np.isinf(part).any():
                return None
            times.append(moments)
    except ValueError:  # pandas cannot make one column of some times
        return None
    if row != len(values):
        return None
    if spec.time is None:
        return values, np.arange(row), ""
    if len({moments.dtype.kind == "M" for moments in times}) > 1:
        return None
    return values, np.concatenate(times), ""


def _time_options(source: Source, spec: FileSpec) -> dict[str, Any]:
    """How pandas is to read the time column: as numbers where the first is one, else as dates."""
    if spec.time is None:
        return {}
    first = next(iter(_parse(source, spec, columns=(), others=(spec.time,), part_rows=1, dtype=str)))
    if spec.time_format is None and _as_numbers(first[spec.time], spec).notna().all():
        return {}
    return {"parse_dates": [spec.time], "date_format": spec.time_format or "ISO8601"}


def _moments(column: "pd.Series") -> Times | None:
    """datetime64[us][row], or numbers, whole ones as int64; None where a cell is neither, or the column needs a closer look."""
    if column.dtype.kind == "i" and column.between(-_LARGEST_WHOLE_TIME, _LARGEST_WHOLE_TIME).all():
        return column.to_numpy()
    if column.dtype.kind in "if":
        numbers = column.to_numpy(dtype=np.float64)
        if not (np.abs(numbers) < _LARGEST_TIME).all():
            return None
        whole = np.abs(numbers).max() < 2**53 and (numbers == np.round(numbers)).all()
        return numbers.astype(np.int64) if whole else numbers
    if column.dtype.kind != "M" or column.dt.tz is not None or column.isna().any():
        return None
    dates = column.to_numpy(dtype="datetime64[us]")
    return dates if dates.min() >= FIRST_DATE and dates.max() < LAST_DATE else None


def _time_of(source: Source, column: "pd.Series", spec: FileSpec) -> tuple[Times, str]:
    """The times [row] and their offset; numbers of a Parquet file are times as they stand, unless data.time_format reads them."""
    moments = _moments(column) if spec.time_format is None or column.dtype.kind == "M" else None
    if moments is not None:
        return moments, ""
    texts, offset = _without_offset(source, _texts(column), spec)
    return _times(source, texts, spec), offset


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


def _parse(
    source: Source, spec: FileSpec, *, columns: tuple[str, ...], others: tuple[str | None, ...], part_rows: int, **options: Any
) -> "Iterable[pd.DataFrame]":
    """The wanted columns, so many rows at a time: `columns` of numbers, which may be missing, and `others`, whose cells stay."""
    import pandas as pd

    return pd.read_csv(
        io.BytesIO(source.content),
        sep=spec.separator,
        decimal=spec.decimal,
        usecols=[*columns, *(name for name in others if name is not None)],
        keep_default_na=False,
        na_values={name: list(MISSING_WORDS) for name in columns},
        skip_blank_lines=False,
        skipinitialspace=spec.separator != " ",
        low_memory=False,
        chunksize=part_rows,
        **options,
    )


def _numbers(source: Source, column: "pd.Series", spec: FileSpec) -> npt.NDArray[np.float64]:
    """f64[row], NaN where the cell is empty."""
    if column.dtype.kind not in "iuf":
        # As text, True and False are no numbers either, although pandas would take them for 1 and 0.
        numbers = _as_numbers(column.astype("str").where(~column.isna()), spec)
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


def _as_numbers(cells: "pd.Series", spec: FileSpec) -> "pd.Series":
    """The cells' numbers in the spelling of `data.decimal`; NaN where a cell is none."""
    import pandas as pd

    point_for_comma = str.maketrans(",.", ".,")
    return pd.to_numeric(cells.str.translate(point_for_comma) if spec.decimal == "," else cells, errors="coerce")


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
        read = _as_numbers(column, spec)
        moments = _moments(read)
        if moments is not None:
            return moments
        numbers = read.to_numpy(dtype=np.float64)
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
        raise DataError(f"{source.at(odd[0])}: {column.name}: {cell!r} is not of the years 1000 to 8999; mend the row")
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
        hint = f"set data.time_format{_likely_formats(column[:_TRIED])}" if bad[0] else "mend the row, the ones before it are"
    row = np.flatnonzero(bad)[0]
    raise DataError(f"{source.at(row)}: {column.name}: {column.iloc[row]!r} is not {expected}; {hint}")


def _likely_formats(cells: "pd.Series") -> str:
    import pandas as pd

    formats = [f"'{day}{clock}'" for clock in _CLOCKS for day in _DAYS]
    likely = [text for text in formats if pd.to_datetime(cells, format=text[1:-1], errors="coerce").notna().all()]
    return f": {' or '.join(likely)}" if likely else ", e.g. '%d/%m/%Y'"

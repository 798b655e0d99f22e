"""The cells of a data frame as numbers, times and series names; the first wrong cell is named with its place.

pandas reads True as 1 and 1e400 as infinity without a warning; both are refused here.
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from rnnfc.data.sources.columns import ColumnsSpec, FileSpec
from rnnfc.data.sources.content import series_name
from rnnfc.data.sources.csv_text import CsvText
from rnnfc.data.sources.dialect import WHITESPACE
from rnnfc.data.sources.melt import melt_columns
from rnnfc.data.sources.numbers import MISSING_WORDS, as_text, note_thousands, read_numbers
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.selection import join_series, select_rows
from rnnfc.data.sources.table import Table
from rnnfc.data.sources.time_columns import join_columns
from rnnfc.data.sources.times import read_times
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


# Rows that a note on numbers looks at.
_NUM_NOTED = 1000


class ParseOptions(TypedDict):
    """How `parse` reads columns.

    as_text: columns whose cells stay text.
    dates: columns whose cells are dates in `date_format`.
    """

    as_text: NotRequired[tuple[str, ...]]
    dates: NotRequired[tuple[str, ...]]
    date_format: NotRequired[str]


def table_from_text(text: CsvText, spec: FileSpec) -> Table:
    """The cells of a CSV file whose rows all have the header's number of fields.

    Raises:
        DataError: the first cell that is not a finite number, a time or a series name, with its line.
    """
    columns = (*spec.required_columns, *spec.value_columns(text.header))
    frame = parse(text.content, spec, header=text.header, width=text.width, columns=columns, as_text=columns)
    name = series_name(Path(text.origin.name))
    table = table_from_frame(frame, spec, text.origin, name=name, is_typed=False)
    return replace(table, notes=(*text.notes, *note_thousands(frame[:_NUM_NOTED], spec)))


def table_from_frame(
    frame: "pd.DataFrame", spec: ColumnsSpec, origin: Origin, *, name: str, is_typed: bool = True
) -> Table:
    """The columns of `spec` as a table.

    Args:
        name: of the series, where there is no column of series names.
        is_typed: whether numbers and dates in the time column are times as they are; False: its cells are text.
    Raises:
        DataError: the first cell that is not a finite number, a time or a series name, with its place.
    """
    frame, origin = select_rows(frame, spec, origin)
    wide = spec.value_columns([*frame.columns])
    if spec.is_wide and not wide:
        raise DataError(
            f"{origin.name}: no column is a time by its name; set data.time_columns, columns: {', '.join(origin.columns[:12])}"
        )
    if wide:
        return _table_from_wide(frame, spec, wide, origin, name=name, is_typed=is_typed)
    columns = [read_numbers(frame[name], spec, origin, is_typed=is_typed) for name in spec.numbers]
    values = np.column_stack(columns)
    time, offset = np.arange(len(frame)), ""
    if spec.has_times:
        time, offset = read_times(join_columns(frame, spec, origin), spec, origin, is_typed=is_typed)
    if spec.series_column is None:
        return Table(
            origin=origin, values=values, time=time, offset=offset, series=np.arange(0), names=(name,)
        )
    series, names = _series(join_series(frame, spec.series_columns), origin)
    return Table(origin=origin, values=values, time=time, offset=offset, series=series, names=names)


def _table_from_wide(
    frame: "pd.DataFrame",
    spec: ColumnsSpec,
    columns: tuple[str, ...],
    origin: Origin,
    *,
    name: str,
    is_typed: bool,
) -> Table:
    """The values of the `columns` of a wide table, a row for each."""
    long, origin = melt_columns(frame, spec, columns, origin, is_typed=is_typed)
    series: npt.NDArray[np.int64] = np.arange(0)
    names: tuple[str, ...] = (name,)
    if spec.series_columns:
        series, names = _series(long["series"], origin)
    values, time = long[["value"]].to_numpy(), long["time"].to_numpy()
    return Table(origin=origin, values=values, time=time, series=series, names=names)


def _series(column: "pd.Series", origin: Origin) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Index of each row's series, [row], and the names in the order of their first rows; NA is a name, too."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object:
        for row, cell in enumerate(column):
            if isinstance(cell, bytes):
                raise DataError(
                    f"{origin.locate(row)}: {column.name}: {cell!r} is bytes, not text; decode the series names"
                )
    series, names = pd.factorize(as_text(column))
    for index, name in enumerate(names):
        if not is_series_name(name):
            raise DataError(
                f"{origin.locate(np.argmax(series == index))}: {column.name}: {name!r} is not a series name; "
                "use visible characters on one line"
            )
    return series, tuple(map(str, names))


def is_series_name(name: str) -> bool:
    """Whether `name` is allowed as the name of a series."""
    return bool(name) and name.isprintable()


def parse(
    text: bytes,
    spec: FileSpec,
    *,
    header: tuple[str, ...],
    width: int | None = None,
    columns: tuple[str, ...] | None = None,
    **options: Unpack[ParseOptions],
) -> "pd.DataFrame":
    """The columns of `spec`: numbers, which may be missing; times and series names as they are.

    Args:
        text: rows without a header line.
        header: the names of all columns; those that `spec` does not need may be empty, or stand there twice.
        columns: those to read; None: those that `spec` must have.
        width: the largest number of cells in a row; None: that of `header`.
    Raises:
        ValueError: pandas cannot make one column of some cells.
    """
    import pandas as pd

    # Each column is read by its place, which is its name for pandas.
    places = {name: str(header.index(name)) for name in columns or spec.required_columns}
    separator = r"\s+" if spec.dialect.separator == WHITESPACE else spec.dialect.separator
    dates = [places[name] for name in options.get("dates", ())]
    frame = pd.read_csv(
        io.BytesIO(text),
        sep=separator,
        # pandas has no decimal mark that is the separator too, within quotes.
        decimal=spec.decimal if spec.decimal != spec.separator else ".",
        header=None,
        names=[str(place) for place in range(width or len(header))],
        usecols=[*places.values()],
        dtype={places[name]: str for name in options.get("as_text", ())},
        parse_dates=dates or None,
        date_format=options.get("date_format"),
        keep_default_na=False,
        na_values={
            places[name]: [*MISSING_WORDS, *spec.missing_words] for name in spec.numbers if name in places
        },
        skip_blank_lines=False,
        # Cells may begin with spaces, which pandas skips in a slower way.
        skipinitialspace=spec.dialect.skips_spaces and b" " in text,
    )
    by_place = {place: name for name, place in places.items()}
    frame.columns = [by_place[place] for place in frame.columns]
    return frame

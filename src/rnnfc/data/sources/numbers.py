"""Cells as numbers: NaN where a value is missing; the first cell that is neither is named with its place.

pandas reads True as 1 and 1e400 as infinity without a warning; both are refused here.
"""

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats
from rnnfc.data.sources.columns import ColumnsSpec, FormatSpec
from rnnfc.data.sources.origin import Origin
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Cells of text without a value: the words of pandas, and the dashes of spreadsheets and statistics offices.
_NAMED_WORDS = ("NA", "N/A", "NaN", "nan", "null")
MISSING_WORDS = (
    "",
    *_NAMED_WORDS,
    *("Null", "NULL", "None", "none", "n/a", "na", "#N/A", "#NA", "#N/A N/A", "<NA>", "-", "--"),
    *("-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
# Words that a message proposes for data.missing_values: if a column has more, it is another column.
_MAX_WORDS = 12
_MARK_NAMES = {".": "point", ",": "comma"}
# Columns of Python objects that are numbers, in the words of pandas.
_NUMBER_OBJECTS = ("decimal", "floating", "integer", "mixed-integer-float")


def read_numbers(
    column: "pd.Series", spec: ColumnsSpec, origin: Origin, *, is_typed: bool
) -> npt.NDArray[np.float64]:
    """f64[row], NaN where the value is missing.

    Args:
        is_typed: whether a missing value is none at all, as in a data frame; False: it may be one of `MISSING_WORDS`.
    Raises:
        DataError: the first cell that is neither a finite number nor missing, with its place.
    """
    import pandas as pd

    if column.dtype == object and pd.api.types.infer_dtype(column) in _NUMBER_OBJECTS:
        with contextlib.suppress(OverflowError):  # as text, it is infinite
            column = column.astype(np.float64)  # not as text, whose decimal mark may be a comma
    if column.dtype.kind not in "iuf":
        # As text, True and False are not numbers, although pandas would read them as 1 and 0.
        cells = column.astype("str")
        numbers = as_numbers(cells.where(column.notna()), spec)
        others = np.flatnonzero((numbers.isna() & column.notna()).to_numpy())
        words = {*spec.missing_words, *(() if is_typed else MISSING_WORDS)}
        wrong = others[~cells.iloc[others].str.strip().isin(words).to_numpy()]
        if len(wrong):
            cell = cells.iloc[wrong[0]]
            hint = _number_hint(cell, cells.iloc[wrong], spec, is_typed=is_typed)
            if not is_typed and [*wrong] == [0] and not any(map(str.isdigit, cell)):
                hint = f"set data.skip_rows_after_header: {_num_skipped(spec) + 1} if this is a row of units; {hint}"
            raise DataError(f"{origin.locate(wrong[0])}: {column.name}: {cell!r} is not a number; {hint}")
        column = numbers
    values = column.to_numpy(dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise DataError(
            f"{origin.locate(infinite[0])}: {column.name}: infinite, or too large for a float64; correct or empty the cell"
        )
    return without_missing(values, spec)


def plain_numbers(frame: "pd.DataFrame", spec: ColumnsSpec) -> Floats | None:
    """f64[row, column] of the columns of numbers, NaN where a value is missing; None if a cell is not a finite number."""
    if any(frame[name].dtype.kind not in "iuf" for name in spec.numbers):
        return None
    values = np.column_stack([frame[name].to_numpy(dtype=np.float64) for name in spec.numbers])
    return None if np.isinf(values).any() else without_missing(values, spec)


def without_missing(values: Floats, spec: ColumnsSpec) -> Floats:
    """`values` of any shape, NaN where they are one of the numbers in data.missing_values."""
    if not spec.missing_numbers:
        return values
    return np.where(np.isin(values, spec.missing_numbers), np.nan, values)


def as_numbers(cells: "pd.Series", spec: ColumnsSpec) -> "pd.Series":
    """The numbers in cells of text, with the decimal mark of `spec`; NaN where a cell is not a number."""
    import pandas as pd

    swap_marks = str.maketrans(",.", ".,")
    return pd.to_numeric(
        cells.str.translate(swap_marks) if spec.decimal_mark == "," else cells, errors="coerce"
    )


def _num_skipped(spec: ColumnsSpec) -> int:
    """The lines between header and first row that are left out."""
    return spec.skip_rows_after_header if isinstance(spec, FormatSpec) else 0


def _number_hint(cell: str, others: "pd.Series", spec: ColumnsSpec, *, is_typed: bool) -> str:
    """What to do about `cell`, the first of the cells that are no numbers, `others`."""
    other = "," if spec.decimal_mark == "." else "."
    if other in cell and cell.replace(",", "").replace(".", "").strip("+- ").isdigit():
        return f"remove thousands separators, or set data.decimal: '{other}' if the {_MARK_NAMES[other]} is the decimal mark"
    default = (
        "a missing value is null (None or NaN), not text"
        if is_typed
        else f"a missing value is an empty cell or {', '.join(_NAMED_WORDS)}"
    )
    words = others.str.strip().unique()
    if len(words) > _MAX_WORDS:
        return default
    listed = ", ".join(repr(str(word)) for word in words)
    return f"{default}, or one of data.missing_values: [{listed}]"

"""Cells as numbers: NaN where a value is missing; the first cell that is neither is named with its place.

pandas reads True as 1 and 1e400 as infinity without a warning; both are refused here.
"""

import contextlib
import re
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
# Marks of thousands that are no decimal mark, and the pattern of each.
_THOUSANDS = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]", "_": "_"}
# A number with signs around it.
_SIGNED = re.compile(r"([^\d+.,-]*)[+-]?([^\d+.,-]*)\d[\d.,]*([^\d.,]*)")
# Cells that a message looks at.
_MAX_TRIED = 1000
# Signs after a number that multiply it, and the exponent that does.
_MAGNITUDES = {"K": "e3", "k": "e3", "M": "e6", "B": "e9"}
# From this number of cells on, three digits behind each decimal mark are a pattern.
_MIN_MARKED = 3
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
            refused = cells.iloc[wrong]
            hint = _number_hint(cell, refused, spec, is_typed=is_typed)
            # A unit stands in the first row alone; a word for a missing value may stand there, too.
            if (
                not is_typed
                and wrong[0] == 0
                and (refused == cell).sum() == 1
                and not any(map(str.isdigit, cell))
            ):
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
    """The numbers in cells of text, by the number format of `spec`; NaN where a cell is not a number."""
    import pandas as pd

    form = spec.number_format
    if form.strip:
        signs = "|".join(re.escape(sign) for sign in form.strip if sign not in _MAGNITUDES) or "\\s"
        cells = cells.str.replace(rf"^(?:{signs}|\s)*([+-]?)(?:{signs}|\s)*", r"\1", regex=True)
        cells = cells.str.replace(rf"(?:{signs}|\s)+$", "", regex=True)
        for sign in {*form.strip} & {*_MAGNITUDES}:  # an exponent is exact, a product may not be
            cells = cells.str.replace(rf"([\d.,])\s*{sign}$", rf"\g<1>{_MAGNITUDES[sign]}", regex=True)
    if form.thousands is not None:
        mark, decimal = _THOUSANDS.get(form.thousands, re.escape(form.thousands)), re.escape(form.decimal)
        has_mark = cells.str.contains(mark, regex=True, na=False)
        # Marks anywhere else than before each three digits make a cell no number: 1,2 is not 12.
        grouped = cells.str.fullmatch(
            rf"\s*[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{decimal}\d*)?(?:e\d)?\s*", na=False
        )
        cells = cells.str.replace(mark, "", regex=True).where(~has_mark | grouped, "x")
    if form.decimal == ",":
        # A decimal point is not read then.
        cells = cells.str.translate(str.maketrans(",.", ".,"))
    return pd.to_numeric(cells, errors="coerce")


def note_thousands(frame: "pd.DataFrame", spec: ColumnsSpec) -> tuple[str, ...]:
    """A note for each column whose decimal marks may separate thousands: in 1.200 and 13.050 three digits follow each.

    Args:
        frame: cells of text, some rows of the source.
    """
    form, notes = spec.number_format, []
    if not form.is_plain:
        return ()
    for name in spec.value_columns([*frame.columns]) or spec.numbers:
        cells = frame[name].dropna().str.strip()
        marked = cells[cells.str.contains(form.decimal, regex=False)]
        grouped = marked.str.fullmatch(rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(form.decimal)}\d{{3}})+")
        if len(marked) >= _MIN_MARKED and grouped.all() and not cells.str.contains(r"\d{4}").any():
            other = "," if form.decimal == "." else "."
            notes.append(
                f"{name}: three digits follow each {_MARK_NAMES[form.decimal]}, as in {marked.iloc[0]}; if it separates "
                f"thousands, set data.thousands: '{form.decimal}' and data.decimal: '{other}'"
            )
    return tuple(notes)


def _num_skipped(spec: ColumnsSpec) -> int:
    """The lines between header and first row that are left out."""
    return spec.skip_rows_after_header if isinstance(spec, FormatSpec) else 0


def _number_hint(cell: str, others: "pd.Series", spec: ColumnsSpec, *, is_typed: bool) -> str:
    """What to do about `cell`, the first of the cells that are no numbers, `others`."""
    form = spec.number_format
    other = "," if form.decimal == "." else "."
    if other in cell and cell.replace(",", "").replace(".", "").strip("+- ").isdigit():
        decimal = f"data.decimal: '{other}' if the {_MARK_NAMES[other]} is the decimal mark"
        swapped = form.decimal in cell and cell.rindex(other) > cell.rindex(form.decimal)
        both = (
            f"data.thousands: '{form.decimal}' and data.decimal: '{other}'"
            if swapped
            else f"data.thousands: '{other}'"
        )
        return f"set {both} if these are thousands separators, or {decimal}"
    for mark, pattern in _THOUSANDS.items():
        if form.thousands is None and re.fullmatch(
            rf"[+-]?\d{{1,3}}(?:{pattern}\d{{3}})+(?:[.,]\d*)?", cell.strip()
        ):
            return f'set data.thousands: "{mark}" if these are thousands separators'
    default = (
        "a missing value is null (None or NaN), not text"
        if is_typed
        else f"a missing value is an empty cell or {', '.join(_NAMED_WORDS)}"
    )
    cells = [str(each) for each in others[:_MAX_TRIED].str.strip().unique()]
    parts = [match.groups() for each in cells if (match := _SIGNED.fullmatch(each))]
    signs = [sign.strip() for triple in parts for sign in triple if sign.strip()]
    words = [each for each in cells if not any(map(str.isdigit, each))]
    if words and len(words) <= _MAX_WORDS:
        default += f", or one of data.missing_values: [{', '.join(map(repr, words))}]"
    if signs and len({*signs}) <= _MAX_WORDS:
        listed = ", ".join(map(repr, dict.fromkeys([*form.strip, *signs])))
        multiply = " (K, M and B multiply)" if {*signs} & {*_MAGNITUDES} else ""
        default = f"set data.strip: [{listed}]{multiply} if these signs are no part of the number; {default}"
    return default


def as_text(column: "pd.Series") -> "pd.Series":
    """The cells as text, empty where they have no value."""
    return column.astype("str").where(column.notna(), "")

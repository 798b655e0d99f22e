"""The rows that data.where selects, and series whose name is in several columns."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.data.sources.columns import Cell, ColumnsSpec
from rnnfc.data.sources.origin import Origin
from rnnfc.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Values of a column that a message lists.
_MAX_LISTED = 8
_JOINT = "/"


def select_rows(frame: "pd.DataFrame", spec: ColumnsSpec, origin: Origin) -> "tuple[pd.DataFrame, Origin]":
    """The rows whose cells are those of `spec.where`, and where they come from.

    Raises:
        DataError: there are none.
    """
    for name, cells in (spec.where or {}).items():
        is_selected = _is_any(frame[name], cells)
        if not is_selected.any():
            listed = ", ".join(repr(str(cell)) for cell in frame[name].dropna().unique()[: _MAX_LISTED + 1])
            wanted = ", ".join(map(repr, cells))
            raise DataError(
                f"{origin.name}: data.where: no row has {wanted} in column {name!r}, whose cells are {listed}; correct where"
            )
        rows = np.flatnonzero(is_selected)
        frame = frame.iloc[rows].reset_index(drop=True)
        origin = replace(origin, numbers=np.asarray(origin.numbers)[rows])
    return frame, origin


def _is_any(column: "pd.Series", cells: tuple[Cell, ...]) -> npt.NDArray[np.bool_]:
    """Whether a cell is one of `cells`: the same text, or the same number."""
    import pandas as pd

    text = column.astype("str").str.strip()
    numbers = [cell for cell in cells if not isinstance(cell, str)]
    is_any = text.isin([str(cell) for cell in cells]).to_numpy(dtype=np.bool_)
    if numbers:
        is_any = is_any | pd.to_numeric(text, errors="coerce").isin(numbers).to_numpy(dtype=np.bool_)
    return np.asarray(is_any)


def join_series(frame: "pd.DataFrame", columns: tuple[str, ...]) -> "pd.Series":
    """The column with the name of each row's series; names in several columns are joined: North/Holiday."""
    if len(columns) == 1:
        return frame[columns[0]]
    parts = [frame[name].astype("str").where(frame[name].notna(), "").str.strip() for name in columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + _JOINT + part
    joined.name = _JOINT.join(columns)
    return joined

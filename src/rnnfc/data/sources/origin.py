"""Origin: where rows come from, for messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where rows come from, for messages.

    name: a file's path, or DataFrame.
    numbers: of the rows there: lines from 1 (the header is the first), rows from 1, or indices from 0, as `unit` says.
    series: the rows' series, where the source has several.
    columns: the names of all columns there, the unused ones too.
    """

    name: str
    numbers: Sequence[int] | npt.NDArray[np.int64]
    unit: Literal["line", "row", "index"] = "line"
    series: str | None = None
    columns: tuple[str, ...] = ()

    def locate(self, row: int | np.intp) -> str:
        """The place of a row: sales.csv:7, shops.parquet: row 6, DataFrame: index 5; then the series, if there are several."""
        place = ":" if self.unit == "line" else f": {self.unit} "
        series = f": series {self.series!r}" if self.series is not None else ""
        return f"{self.name}{place}{self.numbers[int(row)]}{series}"

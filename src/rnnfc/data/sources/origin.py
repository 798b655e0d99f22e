"""Origin: where rows come from, for messages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

_FILE_SIZE = 2**40  # no file has as many lines


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where rows come from, for messages.

    name: a file's path, or DataFrame.
    numbers: of the rows there: lines from 1 (the header is the first), rows from 1, or indices from 0, as `unit` says.
    series: the rows' series, where the source has several.
    columns: the names of all columns there, the unused ones too.
    files: of the rows, where there are several; `numbers` then count from `_FILE_SIZE` times the file's index.
    """

    name: str
    numbers: Sequence[int] | npt.NDArray[np.int64]
    unit: Literal["line", "row", "index"] = "line"
    series: str | None = None
    columns: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def locate(self, row: int | np.intp) -> str:
        """The place of a row: sales.csv:7, shops.parquet: row 6, DataFrame: index 5; then the series, if there are several."""
        place = ":" if self.unit == "line" else f": {self.unit} "
        series = f": series {self.series!r}" if self.series is not None else ""
        file, number = divmod(int(self.numbers[int(row)]), _FILE_SIZE)
        return f"{self.files[file] if self.files else self.name}{place}{number}{series}"

    def number(self, row: int | np.intp) -> str:
        """The place of a row without the file's name, if there is one file: line 7."""
        file, number = divmod(int(self.numbers[int(row)]), _FILE_SIZE)
        return f"{self.unit} {number}{f' of {self.files[file]}' if self.files else ''}"


def join_origins(origins: Sequence[Origin]) -> Origin:
    """Where rows of several files come from, one file after the other."""
    first, files = origins[0], tuple(origin.name for origin in origins)
    numbers = [np.asarray(origin.numbers) + place * _FILE_SIZE for place, origin in enumerate(origins)]
    name = f"{first.name} and {len(files) - 1} more"
    return replace(first, name=name, numbers=np.concatenate(numbers), files=files)

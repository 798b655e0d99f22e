"""wide: a column for each time and a row for each series, or a row for each year or day."""

import fnmatch
import re
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from rnnfc.config.spec import wrong
from rnnfc.data.sources.columns import FileSpec, Names, SeriesColumns
from rnnfc.data.sources.source import Source, load_file

# The name of a column that is a time: it has a digit, or begins like a month.
_TIME_NAME = re.compile(
    r".*\d.*|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?", re.IGNORECASE | re.DOTALL
)


class WideSpec(FileSpec):
    """A CSV or Parquet file in wide format: its columns are times, its rows are series.

    The names of the columns are dates, or steps such as d_1, d_2. With `time`, the rows are years or days, and the columns
    are months, quarters or hours in them.
    """

    kind: Literal["wide"]
    target: Names = Field(
        ("value",), min_length=1, max_length=1, description="name of the values, for reports"
    )
    series: SeriesColumns = Field(
        None,
        description="column with the name of each row's series, or a list of columns whose cells are joined",
    )
    time_columns: Names = Field(
        (),
        description="names or patterns (d_*) of the columns that are times; without it, those with a digit, and months",
    )
    short: Literal["error", "skip"] = Field(
        "error",
        description="series that are shorter than one window and the rows that split counts: refuse them, or leave them out",
    )

    @model_validator(mode="after")
    def _has_values_alone(self) -> Self:
        if self.inputs or self.known or self.series_from:
            raise wrong("a wide file has one value for each time; remove inputs, known and series_from")
        if self.time is None and self.series is None:
            raise wrong("rows are series or years; add series: COLUMN, or time: COLUMN")
        return self

    @property
    def has_times(self) -> bool:
        """Whether rows have times: the columns are times."""
        return True

    @property
    def is_wide(self) -> bool:
        """Whether columns are times."""
        return True

    @property
    def time_column(self) -> str:
        """The name of the time of each value."""
        return "time"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that say which series and year a row is."""
        return (*self.time_names, *self.series_columns)

    @property
    def series_columns(self) -> tuple[str, ...]:
        """The columns with the name of each row's series; empty where there is one series."""
        return (self.series,) if isinstance(self.series, str) else self.series or ()

    @property
    def skips_short_series(self) -> bool:
        """Whether series that are too short for one window are left out instead of refused."""
        return self.short == "skip"

    def value_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns of values, one for each time."""
        others = [name for name in names if name not in self.required_columns]
        if not self.time_columns:
            return tuple(name for name in others if _TIME_NAME.fullmatch(name.strip()))
        return tuple(
            name
            for name in others
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.time_columns)
        )


SOURCE = Source(spec=WideSpec, load=load_file)

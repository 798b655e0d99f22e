"""long: many series below each other in a CSV or Parquet file (long format)."""

from typing import Literal

from pydantic import Field

from rnnfc.data.sources.columns import Column, FileSpec
from rnnfc.data.sources.file import load_file
from rnnfc.data.sources.source import Source


class LongSpec(FileSpec):
    """A CSV or Parquet file in long format: a column names the series of each row.

    The series may be in any order and interleaved; each has its own first and last time.
    """

    kind: Literal["long"]
    series: Column = Field(description="column with the name of each row's series")
    time: Column = Field(description="column with the time of each row")
    short: Literal["error", "skip"] = Field(
        "error",
        description="series that are shorter than one window and the rows that split counts: refuse them, or leave them out",
    )

    @property
    def series_column(self) -> str:
        """Column with the name of each row's series."""
        return self.series

    @property
    def skips_short_series(self) -> bool:
        """Whether series that are too short for one window are left out instead of refused."""
        return self.short == "skip"


SOURCE = Source(spec=LongSpec, load=load_file)

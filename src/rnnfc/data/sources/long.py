"""long: many series below each other in a CSV or Parquet file (long format)."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rnnfc.config.spec import wrong
from rnnfc.data.sources.columns import FileSpec, SeriesColumns, TimeColumns
from rnnfc.data.sources.source import Source, load_file


class LongSpec(FileSpec):
    """A CSV or Parquet file in long format: a column names the series of each row.

    The series may be in any order and interleaved; each has its own first and last time.
    """

    kind: Literal["long"]
    series: SeriesColumns = Field(
        description="column with the name of each row's series, or a list of columns whose cells are joined"
    )
    time: TimeColumns = Field(
        description="column with the time of each row, a list of columns to join, or the columns of its parts"
    )
    short: Literal["error", "skip"] = Field(
        "error",
        description="series that are shorter than one window and the rows that split counts: refuse them, or leave them out",
    )

    @model_validator(mode="after")
    def _series_have_times(self) -> Self:
        if self.time is None or self.series is None:
            raise wrong(
                "many series need a time column and a column of series; add time: COLUMN and series: COLUMN"
            )
        return self

    @property
    def series_columns(self) -> tuple[str, ...]:
        """The columns with the name of each row's series."""
        return (self.series,) if isinstance(self.series, str) else self.series or ()

    @property
    def skips_short_series(self) -> bool:
        """Whether series that are too short for one window are left out instead of refused."""
        return self.short == "skip"


SOURCE = Source(spec=LongSpec, load=load_file)

"""frame: a data frame of pandas, polars or pyarrow that Python code hands over; converted with narwhals."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, Self

from pydantic import Field, model_validator

from rnnfc.config.data_spec import DataSpec
from rnnfc.config.spec import wrong
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources.columns import ColumnsSpec, FormatSpec, SeriesColumns
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.long import LongSpec
from rnnfc.data.sources.source import Source
from rnnfc.errors import ConfigError, DataError

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import pandas as pd
    from narwhals.typing import IntoSeries

# What messages call a data frame.
_NAME = "DataFrame"


class FrameSpec(FormatSpec):
    """A data frame of pandas, polars or pyarrow: one series, or many in long format.

    separator and encoding are those of CSV files with new rows; decimal is also that of numbers that are text in a frame.
    """

    kind: Literal["frame"]
    series: SeriesColumns = Field(
        None, description="column with the name of each row's series; without it there is one series"
    )
    short: Literal["error", "skip"] = Field(
        "error",
        description="series that are shorter than one window and the rows that split counts: refuse them, or leave them out",
    )

    @model_validator(mode="after")
    def _series_have_times(self) -> Self:
        if self.series is not None and self.time is None:
            raise wrong("series needs a time column; add time: COLUMN")
        return self

    @property
    def series_columns(self) -> tuple[str, ...]:
        """The columns with the name of each row's series; empty where there is one series."""
        return (self.series,) if isinstance(self.series, str) else self.series or ()

    @property
    def skips_short_series(self) -> bool:
        """Whether series that are too short for one window are left out instead of refused."""
        return self.short == "skip"

    @property
    def from_frame(self) -> bool:
        """Whether the rows come from a data frame that Python code hands over."""
        return True

    def in_file(self, path: Path) -> CsvSpec | LongSpec:
        """The same columns, read from the file at `path`."""
        keys = {**self.model_dump(exclude={"kind", "series", "short"}), "path": str(path.absolute())}
        if self.series is None:
            return CsvSpec.model_validate({**keys, "kind": "csv"})
        return LongSpec.model_validate({**keys, "kind": "long", "series": self.series, "short": self.short})


def as_frame_spec(spec: DataSpec) -> FrameSpec:
    """The same columns in a data frame, for an experiment whose config names another source.

    Raises:
        ConfigError: the source has no columns.
    """
    if isinstance(spec, FrameSpec):
        return spec
    if isinstance(spec, ColumnsSpec) and spec.is_wide:
        raise _wide_error(spec)
    if not isinstance(spec, ColumnsSpec):
        raise ConfigError(
            f"data.kind: {spec.kind} has no columns to find in a data frame; set data: {{kind: frame, time: COLUMN, "
            "target: COLUMN}"
        )
    series = spec.series_columns if len(spec.series_columns) > 1 else spec.series_column
    keys = {name: getattr(spec, name) for name in FormatSpec.model_fields if name in type(spec).model_fields}
    short = "skip" if spec.skips_short_series else "error"
    return FrameSpec.model_validate({**keys, "kind": "frame", "series": series, "short": short})


def _wide_error(spec: ColumnsSpec) -> ConfigError:
    return ConfigError(
        f"data.kind: {spec.kind} reads a file; make a long frame of it with pandas.melt, and set data.kind: frame"
    )


def load_frame(
    spec: ColumnsSpec, frame: object, frequency: Frequency | None = None, *, offset: str = ""
) -> Panel:
    """The rows of a data frame, checked like those of a file.

    Args:
        spec: names the columns; that of a file will do, too.
        frame: of pandas, polars or pyarrow, or whatever else narwhals reads eagerly. It is not changed. A named index of
            pandas is a column.
        frequency: the step that the rows must have; None: it is inferred.
        offset: UTC offset that times with another one are converted to, e.g. +10:00; empty: none is converted.
    Raises:
        DataError: the frame lacks a column, or a cell is wrong; rows are counted from 0.
    """
    from rnnfc.data.sources.cells import table_from_frame
    from rnnfc.data.sources.origin import Origin
    from rnnfc.data.sources.table import panel_from_table, require_rows

    if spec.is_wide:
        raise _wide_error(spec)
    columns = _read_columns(frame, spec)
    require_rows(_NAME, len(columns), min_rows=2 if frequency is None else 1)
    origin = Origin(name=_NAME, numbers=range(len(columns)), unit="index")
    table = table_from_frame(columns, spec, origin, name="frame")
    if offset and table.offset:
        table = replace(table, time=table.time + (_shift(offset) - _shift(table.offset)), offset=offset)
    return panel_from_table(table, spec, frequency)


def _shift(offset: str) -> "np.timedelta64":
    """A UTC offset such as -03:30 as a duration."""
    import numpy as np

    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return np.timedelta64(-minutes if offset[0] == "-" else minutes, "m")


def _read_columns(frame: object, spec: ColumnsSpec) -> "pd.DataFrame":
    """The columns of `spec` as a pandas frame of NumPy types."""
    import narwhals as nw
    import pandas as pd

    from rnnfc.data.sources.header import refuse_unknown_columns

    if isinstance(frame, pd.DataFrame):
        if isinstance(frame.columns, pd.MultiIndex):
            raise DataError(
                f"{_NAME}: the columns are a MultiIndex; name each by one text, e.g. "
                "frame.columns = frame.columns.map('_'.join)"
            )
        index = [
            name for name in frame.index.names if name in spec.required_columns and name not in frame.columns
        ]
        frame = (frame.reset_index(level=index) if index else frame).rename(columns=str)
        frame = frame.loc[
            :, ~frame.columns.duplicated(keep=False) | frame.columns.isin(spec.required_columns)
        ]
    try:
        table: object = nw.from_native(frame, eager_only=True, pass_through=True)
        names = table.columns if isinstance(table, nw.DataFrame) else []
    except nw.exceptions.DuplicateError:
        # pandas calls the names columns; pyarrow does so with the values.
        table, names = None, list(getattr(frame, "column_names", None) or getattr(frame, "columns", []))
        refuse_unknown_columns(_NAME, names, [name for name in names if names.count(name) > 1])
    if not isinstance(table, nw.DataFrame):
        raise DataError(
            f"data: a {type(frame).__module__.partition('.')[0]} {type(frame).__name__} is not a data frame that can be read; "
            "use one of pandas, polars (collect a LazyFrame first) or pyarrow"
        )
    refuse_unknown_columns(_NAME, names, spec.required_columns)
    return pd.DataFrame({name: _to_pandas(table[name]) for name in spec.required_columns})


def _to_pandas(column: "nw.Series[IntoSeries]") -> "pd.Series":
    """A column of NumPy type; times keep their time zone."""
    import narwhals as nw
    import pandas as pd

    if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone is not None:
        instants = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
        return pd.Series(pd.DatetimeIndex(instants, tz="UTC").tz_convert(column.dtype.time_zone))
    if column.dtype in (nw.Int128, nw.UInt128):  # NumPy has none
        column = column.cast(nw.Float64)
    return pd.Series(column.to_numpy())


def _refuse_without_frame(_: FrameSpec, __: Frequency | None) -> NoReturn:
    raise DataError(
        "data.kind: frame, and no data frame was given; pass one from Python: rnnfc.train(experiment, data=frame), or set "
        "data.kind: csv and data.path to read a file"
    )


SOURCE = Source(spec=FrameSpec, load=_refuse_without_frame)

"""The keys of sources whose rows come in named columns (ColumnsSpec), and of those in files (FileSpec)."""

import contextlib
import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from rnnfc.config.data_spec import DataSpec, Line
from rnnfc.config.spec import Distinct, Spec, shape_of, wrong
from rnnfc.data.sources.dialect import WHITESPACE, Dialect, NumberFormat


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _known_zone(zone: str) -> str:
    import zoneinfo

    if zone in zoneinfo.available_timezones():
        return zone
    near = difflib.get_close_matches(zone, zoneinfo.available_timezones(), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise wrong(f"got {zone!r}; {hint}write the name of a time zone such as Europe/Madrid or UTC")


def _known_step(step: str) -> str:
    if not re.fullmatch(r"([1-9]\d*)?\s*(s|min|h|d|w|month|quarter|year)", step):
        raise wrong(f"got {step!r}; must be a number and a unit such as 5min, 1h, 1d, 1w or 1month")
    return step


def _as_cells(value: object) -> object:
    return (value,) if isinstance(value, str | int | float) else value


# data.time_format of times that are plain numbers although they look like dates: 202401, 202402.
NUMBER = "number"

Column = Annotated[Line, Field(min_length=1)]
Names = Annotated[
    tuple[Column, ...], BeforeValidator(_as_tuple, json_schema_input_type=Column | tuple[Column, ...])
]


def _check_cell(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong("must be text or a number; write it in quotes")
    return value


Cell = Annotated[str | int | float, BeforeValidator(_check_cell, json_schema_input_type=str | int | float)]
Cells = Annotated[
    tuple[Cell, ...], BeforeValidator(_as_cells, json_schema_input_type=Cell | tuple[Cell, ...])
]


SeriesColumns = Annotated[
    Annotated[Column, Tag("text")]
    | Annotated[Distinct[Column], Field(min_length=1), Tag("list")]
    | Annotated[None, Tag("none")],
    Discriminator(shape_of),
]


class TimeParts(Spec):
    """Columns with the parts of a time: numbers, or the names of months."""

    year: Column = Field(description="column with the year")
    quarter: Column | None = Field(None, description="column with the quarter, 1 to 4")
    month: Column | None = Field(None, description="column with the month, 1 to 12 or its name")
    week: Column | None = Field(None, description="column with the ISO week, 1 to 53; the time is its Monday")
    day: Column | None = Field(None, description="column with the day of the month")
    day_of_year: Column | None = Field(None, description="column with the day of the year, 1 to 366")
    hour: Column | None = Field(
        None, description="column with the hour, 0 to 24; 24 is midnight of the next day"
    )
    minute: Column | None = Field(None, description="column with the minute")
    second: Column | None = Field(None, description="column with the second")

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        wholes = [name for name in ("quarter", "month", "week", "day_of_year") if getattr(self, name)]
        if len(wholes) > 1:
            raise wrong(f"{wholes[0]} and {wholes[1]} both divide the year; name one of them")
        if self.day and not self.month:
            raise wrong("day needs month; add month: COLUMN, or use day_of_year")
        if self.hour and not (self.day or self.day_of_year):
            raise wrong("hour needs day; add day: COLUMN")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """The column of each part, by the name of the part."""
        return {part: column for part, column in self.model_dump().items() if column is not None}


class ResampleSpec(Spec):
    """Rows at equal steps from rows at any times."""

    every: Annotated[str, AfterValidator(_known_step)] = Field(
        description="step: a number and s, min, h, d, w, month, quarter or year, e.g. 5min"
    )
    by: Literal["mean", "sum", "last", "first", "min", "max", "count"] = Field(
        description="what is taken of the rows of a step; a step without rows is a missing row"
    )


TimeColumns = Annotated[
    Annotated[Column, Tag("text")]
    | Annotated[Distinct[Column], Field(min_length=1), Tag("list")]
    | Annotated[TimeParts, Tag("group")]
    | Annotated[None, Tag("none")],
    Discriminator(shape_of),
]
# Of numbers in the time column: a part of a second since 1970, days as Excel counts them, or years with decimals.
TimeUnit = Literal["s", "ms", "us", "ns", "excel_days", "years"]


class ColumnsSpec(DataSpec):
    """Named columns: a time column or none, the columns to forecast, past and future covariates."""

    time: TimeColumns = Field(
        None,
        description="column with the time of each row, a list of columns to join such as [Date, Time], or the columns of its "
        "parts; without it rows are numbered",
    )
    time_format: str | None = Field(
        None,
        min_length=1,
        description="strptime format of the times, or number; without it ISO 8601 times or numbers that are no dates",
    )
    time_unit: TimeUnit | None = Field(
        None,
        description="of times that are numbers: parts of a second since 1970 UTC, days of Excel, or years",
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = Field(
        None, description="time zone of the clock, e.g. Europe/Madrid: rows are equally spaced in UTC"
    )
    target: Names = Field(min_length=1, description="column or list of columns to forecast")
    inputs: Names = Field(
        (), description="past covariates: columns that the network reads and does not forecast"
    )
    known: Names = Field(
        (), description="future covariates: inputs with known future values, such as planned prices"
    )
    calendar: Distinct[Literal["minute", "hour", "weekday", "day", "day_of_year", "month"]] = Field(
        (),
        description="time features: position within the hour, day, week, month or year, each as sine and cosine",
    )
    frequency: Literal["infer", "business_days", "rows"] = Field(
        "infer",
        description="infer: times are equally spaced; business_days: Monday to Friday, a holiday is a missing row; rows: "
        "each row is one step, whatever its time",
    )
    missing: Literal["error", "interpolate", "ffill", "seasonal", "mask"] = Field(
        "error",
        description="missing values and missing rows; mask: filled from one season or one row earlier, excluded from loss and "
        "metrics, and no window is dropped",
    )

    resample: ResampleSpec | None = Field(
        None, description="rows at equal steps from rows at any times: {every: 5min, by: mean}"
    )
    sort: bool = Field(False, description="sort the rows of each series by time")
    repeated: Literal["error", "first", "last", "mean"] = Field(
        "error", description="different rows of one time: refuse them, keep the first or last, or average"
    )
    series_from: Literal["columns"] | None = Field(
        None, description="columns: each target is a series of its own, one network for all"
    )
    where: dict[Column, Cells] | None = Field(
        None, description="rows to read, by a cell or a list of cells for each column: {element: TMAX}"
    )
    missing_values: Cells = Field(
        (), description="further words or numbers that stand for a missing value, such as ., n/e or -200"
    )

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        if both := sorted({*self.inputs} & {*self.known}):
            raise wrong(
                f"{both[0]!r} is in both data.inputs (past covariates) and data.known (future covariates); list it in "
                "data.known only: the network reads a known column in the rows of the window, too"
            )
        duplicates = sorted({name for name in self.key_columns if self.key_columns.count(name) > 1})
        if duplicates:
            raise wrong(f"duplicate column {duplicates[0]!r}; name each column once")
        if not self.has_times and (self.sort or self.resample or self.repeated != "error"):
            raise wrong("sort, repeated and resample need a time column; add time: COLUMN or remove them")
        if self.time_format and (self.time_unit or isinstance(self.time, TimeParts)):
            raise wrong("time_format is for times in text; remove it, or time_unit or the parts of time")
        if self.time_zone and not self.has_times:
            raise wrong("time_zone needs a time column; add time: COLUMN or remove it")
        if self.time_unit and not isinstance(self.time, str) and not (self.is_wide and self.time is None):
            raise wrong("time_unit needs one column of numbers; set time: COLUMN")
        if not self.has_times and (self.time_format or self.frequency != "infer" or self.calendar):
            raise wrong(
                "time_format, frequency and calendar need a time column; add time: COLUMN or remove them"
            )
        if self.series_from and self.known:
            raise wrong(
                "series_from: columns has no future covariates; remove known, or write the rows in long format"
            )
        if self.missing == "seasonal" and self.season is None:
            raise wrong(
                "missing: seasonal fills with the value one season earlier; add season, e.g. season: 24, or choose ffill"
            )
        return self

    @property
    def date_format(self) -> str | None:
        """The format of dates; None where they are ISO 8601 or the times are numbers."""
        return None if self.time_format == NUMBER else self.time_format

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of numbers, times and series; each has one of these meanings."""
        return (*self.numbers, *self.time_names, *self.series_columns)

    @property
    def series_columns(self) -> tuple[str, ...]:
        """The columns with the name of each row's series; empty where there is one series."""
        return ()

    @property
    def has_times(self) -> bool:
        """Whether rows have times; False: they are numbered."""
        return self.time is not None

    @property
    def is_wide(self) -> bool:
        """Whether columns are times; False: rows are."""
        return False

    def value_columns(self, _: Sequence[str]) -> tuple[str, ...]:
        """The columns of a wide table that are times; empty where rows have times."""
        return ()

    @property
    def series_column(self) -> str | None:
        """The name of `series_columns` together; None where there is one series."""
        return "/".join(self.series_columns) or None

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Every column that the source must have."""
        return (*self.key_columns, *(name for name in self.where or {} if name not in self.key_columns))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return (*self.target, *self.inputs, *self.known)

    @property
    def missing_words(self) -> tuple[str, ...]:
        """Cells of text that stand for a missing value, besides those known anyway."""
        return tuple(str(value).strip() for value in self.missing_values)

    @property
    def missing_numbers(self) -> tuple[float, ...]:
        """Numbers that stand for a missing value."""
        numbers = []
        for word in self.missing_words:
            with contextlib.suppress(ValueError):
                numbers.append(float(word))
        return tuple(numbers)

    @property
    def number_format(self) -> NumberFormat:
        """How numbers are written that are text."""
        return NumberFormat()

    @property
    def has_columns(self) -> bool:
        """Whether the rows come in named columns, so that other rows can be read from a file or a data frame."""
        return True

    @property
    def time_names(self) -> tuple[str, ...]:
        """The columns with the time of each row; empty where there are none."""
        if isinstance(self.time, TimeParts):
            return tuple(self.time.columns.values())
        return (self.time,) if isinstance(self.time, str) else self.time or ()

    @property
    def time_column(self) -> str | None:
        """The name of the time of each row, of several columns together; None where there is none."""
        return " ".join(self.time_names) or None

    @property
    def zone(self) -> str:
        """Time zone of the clock, where times are read as instants; empty where none is named."""
        return self.time_zone or ""

    @property
    def covariates(self) -> dict[str, tuple[str, ...]]:
        """What the network reads besides the targets, by key (inputs, known, calendar); keys without any are left out."""
        names = {"inputs": self.inputs, "known": self.known, "calendar": self.calendar}
        return {key: columns for key, columns in names.items() if columns}

    @property
    def is_masked(self) -> bool:
        """Whether missing values are excluded from loss and metrics."""
        return self.missing == "mask"

    def only_targets(self, columns: tuple[str, ...]) -> Self:
        """The same source with `columns` as its only columns of values, gaps allowed."""
        return self.model_copy(
            update={
                "target": columns,
                "inputs": (),
                "known": (),
                "calendar": (),
                "missing": "mask",
                "series_from": None,
            }
        )


def _as_tab(value: object) -> object:
    return "\t" if value == r"\t" else value


def _check_mark(mark: str) -> str:
    if mark not in (",", ".", " ", "'", "_"):
        raise wrong(
            f"got {mark!r}; allowed in quotes: a comma, a point, a space, an apostrophe or an underscore"
        )
    return mark


def _one_character(text: str) -> str:
    if len(text) != 1 and text != WHITESPACE:
        raise wrong(f"got {text!r}; must be one character, in quotes: ',' or ';' or '|'")
    return text


_Separator = Annotated[
    str, BeforeValidator(_as_tab, json_schema_input_type=str), AfterValidator(_one_character)
]


class FormatSpec(ColumnsSpec):
    """Columns and the format of the CSV files that have them."""

    separator: _Separator = Field(
        ",",
        description="character between two cells of a CSV file; whitespace: any number of spaces and tabs",
    )
    decimal: Literal[".", ","] = Field(".", description="decimal mark of its numbers")
    thousands: Annotated[str, AfterValidator(_check_mark)] | None = Field(
        None, description="mark between groups of three digits of its numbers; a space is a narrow space, too"
    )
    strip: Names = Field(
        (),
        description="signs around its numbers, e.g. ['$', '%', '*']; K, M and B after a number multiply it",
    )
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = Field("utf-8", description="of its text")
    skip_rows: int = Field(0, ge=0, description="lines before the header, blank ones too")
    comment: Line | None = Field(
        None, min_length=1, max_length=8, description="how lines begin that are comments, e.g. '#'"
    )
    columns: Distinct[Column] | None = Field(
        None, min_length=1, description="names of all columns, for a file without a header"
    )
    skip_rows_after_header: int = Field(
        0, ge=0, description="lines between the header and the first row, such as a row of units"
    )
    skip_footer: int = Field(0, ge=0, description="lines below the last row, such as a total or a source")

    @model_validator(mode="after")
    def _separator_is_usable(self) -> Self:
        if self.separator == '"' or not (self.separator.isprintable() or self.separator == "\t"):
            raise wrong(
                f"separator is {self.separator!r}, a quote or an invisible character; use one such as ',', ';' or a tab"
            )
        if self.thousands == self.decimal:
            raise wrong("thousands and decimal are the same character; choose different ones")
        return self

    @property
    def number_format(self) -> NumberFormat:
        """How numbers are written that are text."""
        return NumberFormat(decimal=self.decimal, thousands=self.thousands, strip=self.strip)

    @property
    def dialect(self) -> Dialect:
        """How the rows of a CSV file are written."""
        return Dialect(
            separator=self.separator,
            encoding=self.encoding,
            skip_rows=self.skip_rows,
            comment=self.comment,
            names=self.columns,
            skip_rows_after_header=self.skip_rows_after_header,
            skip_footer=self.skip_footer,
        )


_Path = Annotated[str, Field(min_length=1)]
_Paths = Annotated[
    Annotated[_Path, Tag("text")] | Annotated[Distinct[_Path], Field(min_length=1), Tag("list")],
    Discriminator(shape_of),
]


class FileSpec(FormatSpec):
    """A CSV file with one header row, or a Parquet file (*.parquet)."""

    path: _Paths = Field(
        description="file, or a list or pattern (load_*.csv) of files, read one after the other; a relative path starts at the "
        "config's folder"
    )

    @property
    def paths(self) -> tuple[str, ...]:
        """The files and patterns that the rows are read from."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def file(self) -> str | None:
        """Path of the file that the rows are read from; None where there are several."""
        return self.paths[0] if len(self.paths) == 1 else None

    def in_file(self, path: Path) -> Self:
        """The same columns, read from the file at `path`."""
        return self.model_copy(update={"path": str(path.absolute())})

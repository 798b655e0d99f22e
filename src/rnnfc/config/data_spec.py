"""Where the data comes from: one group of keys for each kind of source."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rnnfc.config.spec import MAX_SEED, Once, Spec, wrong


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise wrong(f"got {text!r}; visible characters on one line are needed here")
    return text


_Line = Annotated[str, AfterValidator(_one_line)]


class SineSpec(Spec):
    """sin(x) over `points` equally spaced x: from 0 to `stop`, or 0, `step`, 2 `step` and so on."""

    kind: Literal["sine"]
    points: int = Field(ge=2, le=1_000_000_000, description="rows")
    stop: float | None = Field(
        None, gt=0, le=1e9, description="last x, as in numpy.linspace(0, stop, points)"
    )
    step: float | None = Field(
        None, gt=0, le=1e6, description="distance between two x; 1 gives sin(0), sin(1), sin(2)"
    )
    noise: float = Field(0.0, ge=0, le=1e6, description="standard deviation of normal noise that is added")
    noise_seed: int = Field(0, ge=0, le=MAX_SEED)
    season: int | None = Field(
        None, ge=2, description="rows a season, for the seasonal naive baseline and MASE"
    )
    unit: _Line = Field("", max_length=32, description="unit of the targets, for reports and pictures")

    @model_validator(mode="after")
    def _one_spacing(self) -> Self:
        if (self.stop is None) == (self.step is None):
            raise wrong("give either stop (the last x) or step (the distance between two x), and not both")
        return self

    @property
    def spacing(self) -> float:
        """Distance between two neighbouring x."""
        return self.step if self.step is not None else (self.stop or 0.0) / (self.points - 1)


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_tab(value: Any) -> Any:
    return "\t" if value == r"\t" else value


_Character = Annotated[str, Field(min_length=1, max_length=1)]
_Separator = Annotated[
    _Character, BeforeValidator(_as_tab, json_schema_input_type=_Character | Literal[r"\t"])
]
_Column = Annotated[_Line, Field(min_length=1)]
_Columns = Annotated[
    tuple[_Column, ...], BeforeValidator(_as_tuple, json_schema_input_type=_Column | tuple[_Column, ...])
]


class FileSpec(Spec):
    """A CSV file with one header row, or a Parquet file (*.parquet).

    It has a time column or none, the columns to forecast and further input columns.
    """

    kind: str
    path: str = Field(min_length=1, description="file; a relative path is read from the config's folder")
    time: _Column | None = Field(
        None, description="column with the time of each row; without it rows are counted"
    )
    time_format: str | None = Field(
        None, min_length=1, description="strptime format of the times; ISO 8601 without it"
    )
    target: _Columns = Field(min_length=1, description="column or list of columns to forecast")
    inputs: _Columns = Field((), description="further columns that the network sees but does not forecast")
    known: _Columns = Field(
        (), description="inputs whose future values will be known, such as prices that are set ahead"
    )
    calendar: Once[Literal["minute", "hour", "weekday", "day", "day_of_year", "month"]] = Field(
        (),
        description="inputs from the time: where it stands in its hour, day, week, month or year, each as sine and cosine",
    )
    frequency: Literal["infer", "rows"] = Field(
        "infer",
        description="infer: times are equally spaced; rows: each row is one step, whatever its time (trading days)",
    )
    missing: Literal["error", "interpolate", "ffill", "seasonal", "mask"] = Field(
        "error",
        description="empty cells and absent rows; mask: filled from a season or a row before, and no window is lost for them",
    )
    separator: _Separator = ","
    decimal: Literal[".", ","] = "."
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = "utf-8"
    season: int | None = Field(
        None, ge=2, description="rows a season, for the seasonal naive baseline and MASE"
    )
    unit: _Line = Field("", max_length=32, description="unit of the targets, for reports and pictures")

    @model_validator(mode="after")
    def _columns_once(self) -> Self:
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise wrong(f"column {twice[0]!r} is named twice; name each column once")
        if self.time is None and (self.time_format or self.frequency == "rows" or self.calendar):
            raise wrong(
                "time_format, frequency and calendar need a time column; add time: COLUMN or leave them out"
            )
        if self.missing == "seasonal" and self.season is None:
            raise wrong(
                "missing: seasonal fills with the value a season earlier; add season, e.g. season: 24, or choose ffill"
            )
        if self.separator == '"' or not (self.separator.isprintable() or self.separator == "\t"):
            raise wrong(
                f"separator is {self.separator!r}, a quote or no visible character; use one such as ',', ';' or a tab"
            )
        if self.separator == self.decimal:
            raise wrong(
                "separator and decimal are the same character; a cell could not be told from a fraction"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*self.numbers, *([self.time] if self.time else []))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return (*self.target, *self.inputs, *self.known)


class CsvSpec(FileSpec):
    """A CSV file with the rows of one series."""

    kind: Literal["csv"]


class LongSpec(FileSpec):
    """A CSV file with the rows of many series below each other, in any order of the series; each begins and ends when it will."""

    kind: Literal["long"]
    series: _Column = Field(description="column with the name of each row's series")
    time: _Column = Field(description="column with the time of each row")
    short: Literal["error", "skip"] = Field(
        "error",
        description="what to do with series that are shorter than one window and the rows that split counts",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*super().columns, self.series)


DataSpec = Annotated[SineSpec | CsvSpec | LongSpec, Field(discriminator="kind")]

"""Every key of an experiment with its type, range and default; nothing below this layer checks or defaults again."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

MAX_SEED = 2**31 - 1
# Larger layers do not fit: one SimpleRNN layer of 16,384 units has 268 million recurrent weights, 1 GiB in float32.
MAX_UNITS = 16_384


class Spec(BaseModel):
    """A frozen group of keys: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def wrong(text: str, *, at: tuple[str, ...] = ()) -> PydanticCustomError:
    """The error for a rule of ours; braces in `text` stay as they are. `at`: the key to blame, below the validated group."""
    return PydanticCustomError("rule", "{text}", {"text": text, "at": at})


class SineSpec(Spec):
    """sin(x) over `points` equally spaced x: from 0 to `stop`, or 0, `step`, 2 `step` and so on."""

    kind: Literal["sine"]
    points: int = Field(ge=2, le=1_000_000_000, description="rows")
    stop: float | None = Field(None, gt=0, le=1e9, description="last x, as in numpy.linspace(0, stop, points)")
    step: float | None = Field(None, gt=0, le=1e6, description="distance between two x; 1 gives sin(0), sin(1), sin(2)")
    noise: float = Field(0.0, ge=0, le=1e6, description="standard deviation of normal noise that is added")
    noise_seed: int = Field(0, ge=0, le=MAX_SEED)
    season: int | None = Field(None, ge=2, description="rows a season, for the seasonal naive baseline and MASE")
    unit: str = Field("", max_length=32, description="unit of the targets, for reports and pictures")

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
_Separator = Annotated[_Character, BeforeValidator(_as_tab, json_schema_input_type=_Character | Literal[r"\t"])]
_Column = Annotated[str, Field(min_length=1)]
_Columns = Annotated[tuple[_Column, ...], BeforeValidator(_as_tuple, json_schema_input_type=_Column | tuple[_Column, ...])]


class CsvSpec(Spec):
    """A CSV file with one header row: a time column if there is one, the columns to forecast, further input columns."""

    kind: Literal["csv"]
    path: str = Field(min_length=1, description="file; a relative path is read from the config's folder")
    time: str | None = Field(None, min_length=1, description="column with the time of each row; without it rows are counted")
    time_format: str | None = Field(None, min_length=1, description="strptime format of the times; ISO 8601 without it")
    target: _Columns = Field(min_length=1, description="column or list of columns to forecast")
    inputs: _Columns = Field((), description="further columns that the network sees but does not forecast")
    frequency: Literal["infer", "rows"] = Field(
        "infer", description="infer: times are equally spaced; rows: each row is one step, whatever its time (trading days)"
    )
    missing: Literal["error", "interpolate", "ffill"] = Field("error", description="what to do with empty cells and absent rows")
    separator: _Separator = ","
    decimal: Literal[".", ","] = "."
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = "utf-8"
    season: int | None = Field(None, ge=2, description="rows a season, for the seasonal naive baseline and MASE")
    unit: str = Field("", max_length=32, description="unit of the targets, for reports and pictures")

    @model_validator(mode="after")
    def _columns_once(self) -> Self:
        columns = [*self.target, *self.inputs, *([self.time] if self.time else [])]
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise wrong(f"column {twice[0]!r} is named twice among time, target and inputs; name each column once")
        if self.time is None and (self.time_format or self.frequency == "rows"):
            raise wrong("time_format and frequency need a time column; add time: COLUMN or leave them out")
        if self.separator == '"' or not (self.separator.isprintable() or self.separator == "\t"):
            raise wrong(f"separator is {self.separator!r}, a quote or no visible character; use one such as ',', ';' or a tab")
        if self.separator == self.decimal:
            raise wrong("separator and decimal are the same character; a cell could not be told from a fraction")
        return self


DataSpec = Annotated[SineSpec | CsvSpec, Field(discriminator="kind")]


class WindowSpec(Spec):
    """How many rows the network sees (`length`) and how many it forecasts (`horizon`)."""

    length: int = Field(ge=1, le=1_000_000)
    horizon: int = Field(1, ge=1, le=100_000)
    normalize: Literal["none", "last"] = Field(
        "none", description="last: the network sees each window minus its last row and forecasts the change from it"
    )


def _border(value: Any) -> Any:
    text = "must be a fraction between 0 and 1, a number of rows from 1, or the date of its first target such as 1989-01-01"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong(text)
    if isinstance(value, str):
        try:
            parsed = dt.datetime.fromisoformat(value)
        except ValueError:
            raise wrong(text) from None
        if parsed.tzinfo is not None:
            raise wrong("a split date carries no UTC offset; write it as the time column does")
    elif (isinstance(value, float) and not 0 < value < 1) or (isinstance(value, int) and value < 1):
        raise wrong(text)
    return value


_BORDER_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "integer", "minimum": 1},
        {"type": "string", "examples": ["1989-01-01", "1989-01-01T06:00"]},
    ]
}
Border = Annotated[Any, BeforeValidator(_border), WithJsonSchema(_BORDER_SCHEMA)]


class SplitSpec(Spec):
    """Who owns which target rows, in time order: training, validation (optional), test.

    Fractions or row counts of each series, or the date of the first target row. `train` may be left out: it is what remains.
    """

    train: Border | None = Field(None, description="first part; without it everything before the others")
    validation: Border | None = Field(None, description="for early stopping and choices; optional")
    test: Border = Field(description="last part, used for the report only")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [part for part in (self.train, self.validation, self.test) if part is not None]
        if len({type(part) for part in given}) > 1:
            raise wrong("mixes fractions, row counts and dates; use one kind for all parts (or leave train out)")
        if isinstance(self.test, str):
            if self.train is not None:
                raise wrong("with dates, leave train out: it is everything before the first date")
            if self.validation is not None and _date(self.validation) >= _date(self.test):
                raise wrong(f"validation starts on {self.validation}, not before test on {self.test}; swap or move them")
        elif isinstance(self.test, float):
            total = sum(given)
            if self.train is not None and abs(total - 1) > 1e-9:
                raise wrong(f"the fractions add up to {total:g}; make them add up to 1 or leave train out")
            if self.train is None and total >= 1:
                raise wrong(f"validation and test add up to {total:g}, which leaves nothing to train on")
        return self


def _date(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


class StackedSpec(Spec):
    """Recurrent layers one above the other, then a dense layer with horizon x targets outputs."""

    kind: Literal["stacked"]
    cell: Literal["SimpleRNN", "LSTM", "GRU"]
    units: tuple[Annotated[int, Field(ge=1, le=MAX_UNITS)], ...] = Field(
        min_length=1, max_length=16, description="one number a layer"
    )
    activation: Literal["tanh", "relu", "sigmoid", "linear", "elu", "softsign"] = "tanh"
    dropout: float = Field(0.0, ge=0, lt=1, description="share of each layer's inputs that is dropped in training")
    recurrent_dropout: float = Field(0.0, ge=0, lt=1, description="share of each layer's state that is dropped in training")
    bidirectional: bool | tuple[bool, ...] = Field(False, description="for all layers, or a list with one entry a layer")

    @model_validator(mode="after")
    def _an_entry_a_layer(self) -> Self:
        if isinstance(self.bidirectional, tuple) and len(self.bidirectional) != len(self.units):
            raise wrong(f"bidirectional has {len(self.bidirectional)} entries for {len(self.units)} layers; give one a layer")
        return self

    @property
    def directions(self) -> tuple[int, ...]:
        """1 or 2 (bidirectional) for each layer."""
        flags = self.bidirectional if isinstance(self.bidirectional, tuple) else (self.bidirectional,) * len(self.units)
        return tuple(2 if flag else 1 for flag in flags)


class ConstantRate(Spec):
    """The same learning rate in every epoch."""

    kind: Literal["constant"]


class CosineRate(Spec):
    """From learning_rate in the first epoch down half a cosine to (almost) `final` times it in the last."""

    kind: Literal["cosine"]
    final: float = Field(0.0, ge=0, lt=1)


class StepRate(Spec):
    """Times `factor` after every `every` epochs."""

    kind: Literal["step"]
    every: int = Field(ge=1)
    factor: float = Field(0.5, gt=0, lt=1)


class PlateauRate(Spec):
    """Times `factor` whenever the validation loss has not improved for `patience` epochs."""

    kind: Literal["plateau"]
    patience: int = Field(ge=1)
    factor: float = Field(0.5, gt=0, lt=1)
    floor: float = Field(0.0, ge=0, description="the rate never falls below this")
    min_delta: float = Field(0.0, ge=0, description="a smaller improvement is none")


class ClipSpec(Spec):
    """Limit each gradient's values, each gradient's norm, or the norm of all gradients together."""

    by: Literal["value", "norm", "global_norm"]
    limit: float = Field(gt=0)


class EarlyStoppingSpec(Spec):
    """Stop when the validation loss has not improved by more than `min_delta` for `patience` epochs; keep the best weights."""

    patience: int = Field(ge=1)
    min_delta: float = Field(0.0, ge=0)


class TrainSpec(Spec):
    """Optimizer, loss and budget."""

    epochs: int = Field(ge=1, le=1_000_000)
    batch_size: int = Field(32, ge=1, le=1_000_000)
    shuffle: bool = Field(True, description="a new order in every epoch, the same for the same seed")
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    learning_rate: float = Field(0.001, gt=0, le=10)
    weight_decay: float | None = Field(None, ge=0, lt=1, description="adamw only; 0.004 without it")
    momentum: float | None = Field(None, ge=0, lt=1, description="sgd and rmsprop only")
    loss: Literal["mse", "mae", "huber"] = "mse"
    clip: ClipSpec | None = None
    schedule: Annotated[ConstantRate | CosineRate | StepRate | PlateauRate, Field(discriminator="kind")] = ConstantRate(
        kind="constant"
    )
    early_stopping: EarlyStoppingSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _decay_of_adamw(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("optimizer") == "adamw" and given.get("weight_decay") is None:
            return {**given, "weight_decay": 0.004}  # Keras' own
        return given

    @model_validator(mode="after")
    def _options_that_act(self) -> Self:
        if self.weight_decay is not None and self.optimizer != "adamw":
            raise wrong(f"weight_decay acts with adamw only, optimizer is {self.optimizer}; change one of them")
        if self.momentum is not None and self.optimizer not in ("sgd", "rmsprop"):
            raise wrong(f"momentum acts with sgd and rmsprop only, optimizer is {self.optimizer}; change one of them")
        return self


class Experiment(Spec):
    """One experiment: data, windows, split, scaling, network and training."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="part of the run folder's name")
    seed: int = Field(0, ge=0, le=MAX_SEED)
    data: DataSpec
    window: WindowSpec
    split: SplitSpec
    scale: Literal["none", "minmax", "standard"] = Field("minmax", description="fitted on training rows only")
    model: StackedSpec
    train: TrainSpec

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.split.validation is None:
            text = "watches the validation loss, and split.validation is not there; add it"
            if self.train.early_stopping:
                raise wrong(text, at=("train", "early_stopping"))
            if self.train.schedule.kind == "plateau":
                raise wrong(f"plateau {text}", at=("train", "schedule"))
        if self.data.season is not None and self.data.season > self.window.length:
            raise wrong(
                f"{self.data.season} is longer than window.length {self.window.length}, so the seasonal baseline "
                "cannot see one season; lengthen the window or leave season out",
                at=("data", "season"),
            )
        return self

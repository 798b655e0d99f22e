"""Every key of an experiment with its type, range and default; nothing below this layer checks or defaults again."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rnnfc.config.data_spec import DataSpec, SineSpec
from rnnfc.config.model_spec import ModelSpec, ScratchSpec, SegmentSpec, StackedSpec
from rnnfc.config.spec import MAX_SEED, Once, Spec, wrong
from rnnfc.config.train_spec import TrainSpec


class WindowSpec(Spec):
    """How many rows the network sees (`length`) and how many it forecasts (`horizon`)."""

    length: int = Field(ge=1, le=1_000_000)
    horizon: int = Field(1, ge=1, le=100_000)
    stride: int = Field(
        1, ge=1, le=1_000_000_000, description="rows from one training window to the next; validation and test use every window"
    )
    normalize: Literal["none", "last", "mean_std", "difference"] = Field(
        "none",
        description="what the network sees of a window. last: it minus its last row; mean_std: it minus its mean, divided by its "
        "standard deviation; difference: the changes from row to row. Forecasts are turned back",
    )


class ScaleSpec(Spec):
    """How values are brought to one size, fitted on training rows only; `scale: minmax` is short for `{method: minmax}`."""

    method: Literal["none", "minmax", "standard"] = "minmax"
    by: Literal["series", "all"] = Field(default="series", description="numbers for each series, or one for all of them")
    transform: Literal["none", "log", "box_cox"] = Field(
        default="none", description="of the targets, before the method; log is the natural one; both need values above 0"
    )

    @property
    def label(self) -> str:
        """Transform and method, for people; none where neither changes a value."""
        return ", ".join(part for part in (self.transform, self.method) if part != "none") or "none"


def _as_scale(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value


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
            raise wrong("a split date carries no UTC offset; write the time on the data's own clock")
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
    rows_from: Literal["start", "end"] = Field(
        "end", description="row counts only; start: the parts begin with the first row, and rows after them are left out"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [part for part in (self.train, self.validation, self.test) if part is not None]
        if len({type(part) for part in given}) > 1:
            raise wrong("mixes fractions, row counts and dates; use one kind for all parts (or leave train out)")
        if self.rows_from == "start" and (self.train is None or not isinstance(self.test, int)):
            raise wrong("rows_from: start counts the rows of every part; give train and test as row counts, or leave it out")
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

    @property
    def counted_rows(self) -> int:
        """The row counts of all parts together; 0 for fractions and dates."""
        return sum(part for part in (self.train, self.validation, self.test) if isinstance(part, int))


def _date(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


class Experiment(Spec):
    """One experiment: data, windows, split, scaling, network and training."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="part of the run folder's name")
    seed: int = Field(0, ge=0, le=MAX_SEED)
    data: DataSpec
    window: WindowSpec
    split: SplitSpec
    scale: Annotated[
        ScaleSpec, BeforeValidator(_as_scale, json_schema_input_type=ScaleSpec | Literal["none", "minmax", "standard"])
    ] = ScaleSpec()
    model: ModelSpec
    train: TrainSpec
    baselines: Once[Literal["ets", "theta"]] = Field(
        (), description="further forecasts that the report holds the network against; they need the extra stats"
    )

    @property
    def is_one_stack(self) -> bool:
        """Whether the network is recurrent layers one above the other, by itself, that read the window alone."""
        model, data = self.model, self.data
        if isinstance(model, ScratchSpec):
            return True
        ahead = getattr(data, "known", ()) or getattr(data, "calendar", ())
        more = model.linear or model.ensemble or model.series_embedding or ahead
        return isinstance(model, StackedSpec) and model.strategy == "direct" and not more

    @model_validator(mode="before")
    @classmethod
    def _loss_of_levels(cls, given: Any) -> Any:
        model, train = (given.get(key) if isinstance(given, dict) else None for key in ("model", "train"))
        if isinstance(model, dict) and model.get("levels") and isinstance(train, dict) and train.get("loss") is None:
            return {**given, "train": {**train, "loss": "pinball"}}
        return given

    @property
    def fewest_rows(self) -> int:
        """Rows that a series needs: those that the split counts, and one window, besides them where training is the rest."""
        window, counted = self.window.length + self.window.horizon, self.split.counted_rows
        return counted + window if self.split.train is None else max(counted, window)

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that are forecast, ascending, the median's among them; none where only points are."""
        return getattr(self.model, "levels", ())

    @model_validator(mode="after")
    def _loss_fits_levels(self) -> Self:
        if self.levels and self.train.loss != "pinball":
            text = f"model.levels are trained with pinball, not {self.train.loss}; write pinball or leave train.loss out"
            raise wrong(text, at=("train", "loss"))
        if self.train.loss == "pinball" and not self.levels:
            text = "pinball is the loss of quantiles; add model.levels, e.g. [0.1, 0.5, 0.9], or choose mse, mae or huber"
            raise wrong(text, at=("train", "loss"))
        return self

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

    @model_validator(mode="after")
    def _network_fits(self) -> Self:
        model, length = self.model, self.window.length
        if isinstance(model, ScratchSpec):
            return self
        if model.linear and (model.linear.length or 1) > length:
            text = f"{model.linear.length} is longer than window.length {length}; shorten it or leave it out"
            raise wrong(text, at=("model", "linear", "length"))
        if model.linear and model.linear.use == "blend" and self.split.validation is None:
            text = "blend chooses the network's share on validation windows, and split.validation is not there; add it"
            raise wrong(text, at=("model", "linear", "use"))
        if model.ensemble and self.train.clip and self.train.clip.by == "global_norm":
            text = "global_norm would clip the networks of an ensemble together; clip by norm or value"
            raise wrong(text, at=("train", "clip", "by"))
        if isinstance(model, SegmentSpec):
            if model.segment > length:
                text = f"{model.segment} is longer than window.length {length}; shorten it"
                raise wrong(text, at=("model", "segment"))
            for group, key in (("data", "inputs"), ("data", "known"), ("data", "calendar"), ("model", "series_embedding")):
                if getattr(getattr(self, group), key, None):
                    text = f"model.kind segment reads each target by itself and nothing further; leave {key} out"
                    raise wrong(text, at=(group, key))
        return self

    @model_validator(mode="after")
    def _scratch_network_can_read_it(self) -> Self:
        if isinstance(self.model, ScratchSpec) and not isinstance(self.data, SineSpec):
            if self.data.missing == "mask":
                text = "model.kind scratch counts every target in its loss, so mask is not for it; choose another"
                raise wrong(text, at=("data", "missing"))
            for key in ("known", "calendar"):
                if getattr(self.data, key):
                    raise wrong(f"model.kind scratch reads the window alone; leave {key} out", at=("data", key))
        return self

    @model_validator(mode="after")
    def _forecasts_can_be_fed_back(self) -> Self:
        model = self.model
        if not isinstance(model, StackedSpec) or model.strategy == "direct":
            return self
        if columns := getattr(self.data, "inputs", ()):
            text = f"recursive needs the next row of every column, and nobody forecasts or knows that of {', '.join(columns)}"
            raise wrong(f"{text}; leave data.inputs out, or choose direct", at=("model", "strategy"))
        if self.levels:
            text = "recursive feeds back medians, so of later steps nothing is known but those; leave it or model.levels out"
            raise wrong(text, at=("model", "strategy"))
        if model.linear:
            text = "recursive makes one step at a time and the linear map all of them; leave one of the two out"
            raise wrong(text, at=("model", "strategy"))
        return self

    @model_validator(mode="after")
    def _network_can_be_trained_so(self) -> Self:
        model, train, steps = self.model, self.train, self.train.bptt_steps
        if steps is not None and steps > self.window.length:
            raise wrong(
                f"{steps} is longer than window.length {self.window.length}, so it cuts nothing off; shorten it or leave it out",
                at=("train", "bptt_steps"),
            )
        if isinstance(model, ScratchSpec):
            for at, given, has in (
                (("train", "optimizer"), train.optimizer, ("adam", "sgd")),
                (("train", "loss"), train.loss, ("mse",)),
                (("window", "normalize"), self.window.normalize, ("none", "last")),
                (("scale", "transform"), self.scale.transform, ("none",)),
            ):
                if given not in has:
                    remedy = "choose one" if len(has) > 1 else "leave it out"
                    raise wrong(f"model.kind scratch has {' and '.join(has)}, not {given}; {remedy}", at=at)
            if train.momentum is not None:
                raise wrong("model.kind scratch has sgd without momentum; leave it out", at=("train", "momentum"))
        elif steps is not None:
            if not self.is_one_stack or not isinstance(model, StackedSpec):
                text = "acts with one stacked network that reads the window alone; leave it out, or what else the network has"
                raise wrong(text, at=("train", "bptt_steps"))
            if 2 in model.directions:
                text = "a bidirectional layer reads the window from its end too, where no earlier steps can be cut off"
                raise wrong(f"{text}; leave one of the two out", at=("train", "bptt_steps"))
            if model.dropout or model.recurrent_dropout:
                text = "dropout draws one mask for the whole window, which is read in two parts here"
                raise wrong(f"{text}; leave one of the two out", at=("train", "bptt_steps"))
        return self

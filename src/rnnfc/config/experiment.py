"""Every key of an experiment with its type, range and default; nothing below this layer checks or defaults again."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rnnfc.config.data_spec import DataSpec
from rnnfc.config.model_spec import ModelSpec, ScratchSpec, SegmentSpec, StackedSpec
from rnnfc.config.spec import MAX_SEED, Once, Spec, wrong
from rnnfc.config.train_spec import TrainSpec


class WindowSpec(Spec):
    """How many rows the network sees (`length`) and how many it forecasts (`horizon`)."""

    length: int = Field(ge=1, le=1_000_000)
    horizon: int = Field(1, ge=1, le=100_000)
    stride: int = Field(
        1,
        ge=1,
        le=1_000_000_000,
        description="rows from one training window to the next; validation and test use every window",
    )
    normalize: Literal["none", "last", "mean_std", "difference"] = Field(
        "none",
        description="what the network sees of a window. last: it minus its last row; mean_std: it minus its mean, divided by its "
        "standard deviation; difference: the changes from row to row. Forecasts are turned back",
    )


class ScaleSpec(Spec):
    """How values are brought to one size, fitted on training rows only; `scale: minmax` is short for `{method: minmax}`."""

    method: Literal["none", "minmax", "standard"] = "minmax"
    by: Literal["series", "all"] = Field(
        default="series", description="numbers for each series, or one for all of them"
    )
    transform: Literal["none", "log", "box_cox"] = Field(
        default="none",
        description="of the targets, before the method; log is the natural one; both need values above 0",
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
        "end",
        description="row counts only; start: the parts begin with the first row, and rows after them are left out",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [part for part in (self.train, self.validation, self.test) if part is not None]
        if len({type(part) for part in given}) > 1:
            raise wrong(
                "mixes fractions, row counts and dates; use one kind for all parts (or leave train out)"
            )
        if self.rows_from == "start" and (self.train is None or not isinstance(self.test, int)):
            raise wrong(
                "rows_from: start counts the rows of every part; give train and test as row counts, or leave it out"
            )
        if isinstance(self.test, str):
            if self.train is not None:
                raise wrong("with dates, leave train out: it is everything before the first date")
            starts = [dt.datetime.fromisoformat(date) for date in given]
            if len(starts) > 1 and starts[0] >= starts[1]:
                raise wrong(
                    f"validation starts on {self.validation}, not before test on {self.test}; swap or move them"
                )
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


# The key to blame and what is wrong with it, for each rule that a config breaks.
Broken = Iterator[tuple[str, str]]


class Experiment(Spec):
    """One experiment: data, windows, split, scaling, network and training."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="part of the run folder's name"
    )
    seed: int = Field(0, ge=0, le=MAX_SEED)
    data: DataSpec
    window: WindowSpec
    split: SplitSpec
    scale: Annotated[
        ScaleSpec,
        BeforeValidator(_as_scale, json_schema_input_type=ScaleSpec | Literal["none", "minmax", "standard"]),
    ] = ScaleSpec()
    model: ModelSpec
    train: TrainSpec
    baselines: Once[Literal["ets", "theta"]] = Field(
        (),
        description="further forecasts that the report holds the network against; they need the extra stats",
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
        if (
            isinstance(model, dict)
            and model.get("levels")
            and isinstance(train, dict)
            and train.get("loss") is None
        ):
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
    def _parts_fit_together(self) -> Self:
        for rules in (self._loss, self._watched, self._network, self._scratch, self._fed_back, self._bptt):
            for key, text in rules():
                raise wrong(text, at=tuple(key.split(".")))
        return self

    def _loss(self) -> Broken:
        loss, levels = self.train.loss, self.levels
        if levels and loss != "pinball":
            yield (
                "train.loss",
                f"model.levels are trained with pinball, not {loss}; write pinball or leave train.loss out",
            )
        if loss == "pinball" and not levels:
            text = "pinball is the loss of quantiles; add model.levels, e.g. [0.1, 0.5, 0.9], or choose mse, mae or huber"
            yield "train.loss", text

    def _watched(self) -> Broken:
        if self.split.validation is None:
            text = "watches the validation loss, and split.validation is not there; add it"
            if self.train.early_stopping:
                yield "train.early_stopping", text
            if self.train.schedule.kind == "plateau":
                yield "train.schedule", f"plateau {text}"
        if self.data.season is not None and self.data.season > self.window.length:
            text = "so the seasonal baseline cannot see one season; lengthen the window or leave season out"
            yield (
                "data.season",
                f"{self.data.season} is longer than window.length {self.window.length}, {text}",
            )

    def _network(self) -> Broken:
        model, length = self.model, self.window.length
        if isinstance(model, ScratchSpec):
            return
        if model.linear and (model.linear.length or 1) > length:
            text = f"{model.linear.length} is longer than window.length {length}; shorten it or leave it out"
            yield "model.linear.length", text
        if model.linear and model.linear.use == "blend" and self.split.validation is None:
            text = "blend chooses the network's share on validation windows, and split.validation is not there; add it"
            yield "model.linear.use", text
        if model.ensemble and self.train.clip and self.train.clip.by == "global_norm":
            yield (
                "train.clip.by",
                "global_norm would clip the networks of an ensemble together; clip by norm or value",
            )
        if isinstance(model, SegmentSpec):
            if model.segment > length:
                yield "model.segment", f"{model.segment} is longer than window.length {length}; shorten it"
            for group, key in (
                ("data", "inputs"),
                ("data", "known"),
                ("data", "calendar"),
                ("model", "series_embedding"),
            ):
                if getattr(getattr(self, group), key, None):
                    text = (
                        f"model.kind segment reads each target by itself and nothing further; leave {key} out"
                    )
                    yield f"{group}.{key}", text

    def _scratch(self) -> Broken:
        if not isinstance(self.model, ScratchSpec):
            return
        if getattr(self.data, "missing", None) == "mask":
            yield (
                "data.missing",
                "model.kind scratch counts every target in its loss, so mask is not for it; choose another",
            )
        for key in ("known", "calendar"):
            if getattr(self.data, key, ()):
                yield f"data.{key}", f"model.kind scratch reads the window alone; leave {key} out"
        for key, given, has in (
            ("train.optimizer", self.train.optimizer, ("adam", "sgd")),
            ("train.loss", self.train.loss, ("mse",)),
            ("window.normalize", self.window.normalize, ("none", "last")),
            ("scale.transform", self.scale.transform, ("none",)),
        ):
            if given not in has:
                remedy = "choose one" if len(has) > 1 else "leave it out"
                yield key, f"model.kind scratch has {' and '.join(has)}, not {given}; {remedy}"
        if self.train.momentum is not None:
            yield "train.momentum", "model.kind scratch has sgd without momentum; leave it out"

    def _fed_back(self) -> Broken:
        model = self.model
        if not isinstance(model, StackedSpec) or model.strategy == "direct":
            return
        if columns := getattr(self.data, "inputs", ()):
            text = f"recursive needs the next row of every column, and nobody forecasts or knows that of {', '.join(columns)}"
            yield "model.strategy", f"{text}; leave data.inputs out, or choose direct"
        if self.levels:
            text = "recursive feeds back medians, so of later steps nothing is known but those; leave it or model.levels out"
            yield "model.strategy", text
        if model.linear:
            text = (
                "recursive makes one step at a time and the linear map all of them; leave one of the two out"
            )
            yield "model.strategy", text

    def _bptt(self) -> Broken:
        model, steps, length = self.model, self.train.bptt_steps, self.window.length
        if steps is None:
            return
        if steps > length:
            text = f"{steps} is longer than window.length {length}, so it cuts nothing off; shorten it or leave it out"
            yield "train.bptt_steps", text
        if isinstance(model, ScratchSpec):
            return
        if not self.is_one_stack or not isinstance(model, StackedSpec):
            text = "acts with one stacked network that reads the window alone; leave it out, or what else the network has"
            yield "train.bptt_steps", text
        elif 2 in model.directions:
            text = "a bidirectional layer reads the window from its end too, where no earlier steps can be cut off"
            yield "train.bptt_steps", f"{text}; leave one of the two out"
        elif model.dropout or model.recurrent_dropout:
            text = "dropout draws one mask for the whole window, which is read in two parts here"
            yield "train.bptt_steps", f"{text}; leave one of the two out"

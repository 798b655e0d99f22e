"""Every key of an experiment with its type, range and default; nothing below this layer checks or defaults again."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rnnfc.config.data_spec import DataSpec
from rnnfc.config.model_spec import ModelSpec, ScratchSpec, SegmentSpec, StackedSpec
from rnnfc.config.scale_spec import ScaleSpec, as_scale
from rnnfc.config.spec import MAX_SEED, Once, Spec, wrong
from rnnfc.config.split_spec import SplitSpec
from rnnfc.config.train_spec import TrainSpec
from rnnfc.config.window_spec import WindowSpec

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
        BeforeValidator(as_scale, json_schema_input_type=ScaleSpec | Literal["none", "minmax", "standard"]),
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

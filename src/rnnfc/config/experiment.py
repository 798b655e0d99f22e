"""Experiment: every key with its type, range and default; no other package checks or defaults again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rnnfc.config.data_spec import DataSpec
from rnnfc.config.model_spec import ModelSpec
from rnnfc.config.network_spec import NetSpec
from rnnfc.config.report_spec import ReportSpec
from rnnfc.config.scale_spec import ScaleSpec, as_scale
from rnnfc.config.spec import MAX_SEED, Distinct, Spec, names_of, spec_of_kind, wrong
from rnnfc.config.split_spec import SplitSpec
from rnnfc.config.train_spec import QUANTILE_LOSSES, TrainSpec
from rnnfc.config.window_spec import WindowSpec
from rnnfc.extensions import FAMILIES, LOSSES, OPTIONAL_BASELINES, SOURCES, load_record

if TYPE_CHECKING:
    SourceSpec = DataSpec  # what the sources have in common
else:
    SourceSpec = spec_of_kind(SOURCES)

# For each broken rule the key to blame and what is wrong with it.
Broken = Iterator[tuple[str, str]]


class Experiment(Spec):
    """One experiment: data, windows, split, scaling, network and training."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="part of the run folder's name"
    )
    seed: int = Field(
        0, ge=0, le=MAX_SEED, description="of weights, order and dropout; the same seed gives the same bits"
    )
    data: SourceSpec = Field(description="where the rows come from, and what each column is")
    window: WindowSpec = Field(description="rows that the network reads and forecasts")
    split: SplitSpec = Field(description="rows of training, validation and test")
    scale: Annotated[
        ScaleSpec,
        BeforeValidator(as_scale, json_schema_input_type=ScaleSpec | Literal["none", "minmax", "standard"]),
    ] = Field(default=ScaleSpec(), description="transform and scaling of the values, fitted on training rows")
    model: ModelSpec = Field(description="the network")
    train: TrainSpec = Field(description="optimizer, loss and length of the training")
    baselines: Distinct[Annotated[str, names_of(OPTIONAL_BASELINES)]] = Field(
        (),
        description="further baselines for the report; they need the extra stats",
    )

    final: bool = Field(
        default=False,
        description="after training, fit the network again on all rows, for the epochs that validation chose; forecasts use it",
    )
    report: ReportSpec = Field(
        default=ReportSpec(), description="what a finished run writes beside its scores"
    )

    @property
    def net(self) -> NetSpec | None:
        """The parts that every Keras network can have; None for a network of another engine."""
        return self.model if isinstance(self.model, NetSpec) else None

    @property
    def is_one_stack(self) -> bool:
        """Whether the network is only stacked recurrent layers that read the window and nothing else."""
        net, data = self.net, self.data
        future = "known" in data.covariates or "calendar" in data.covariates
        has_parts = net is not None and (net.linear or net.ensemble or net.series_embedding or future)
        return self.model.is_stack and not has_parts

    @model_validator(mode="before")
    @classmethod
    def _loss_of_levels(cls, config: object) -> object:
        if not isinstance(config, dict):
            return config
        model, train = config.get("model"), config.get("train")
        has_levels = isinstance(model, dict) and bool(model.get("levels") or model.get("quantiles"))
        if has_levels and isinstance(train, dict) and train.get("loss") is None:
            return {**config, "train": {**train, "loss": QUANTILE_LOSSES[0]}}
        return config

    @property
    def min_rows(self) -> int:
        """Rows that a series needs: those that the split counts, plus one window where training is the rest."""
        window, split = self.window.length + self.window.horizon, self.split.num_rows
        return split + window if self.split.train is None else max(split, window)

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that are forecast, ascending, the median's among them; none where only points are."""
        return self.net.levels if self.net else ()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        for rules in (self._loss, self._watched, self._network, self._family, self._bptt):
            for key, text in rules():
                raise wrong(text, key=tuple(key.split(".")))
        return self

    def _loss(self) -> Broken:
        loss, levels = self.train.loss, self.levels
        if levels and loss not in QUANTILE_LOSSES:
            names = " or ".join(QUANTILE_LOSSES)
            text = f"model.levels are trained with {names}, not {loss}; use {names} or remove train.loss"
            yield "train.loss", text
        if loss in QUANTILE_LOSSES and not levels:
            *others, last = [name for name in LOSSES if name not in QUANTILE_LOSSES]
            remedy = f"add model.levels, e.g. [0.1, 0.5, 0.9], or choose {', '.join(others)} or {last}"
            text = f"{loss} is the loss of quantiles; {remedy}"
            yield "train.loss", text

    def _watched(self) -> Broken:
        if self.split.validation is None:
            text = "needs the validation loss; add split.validation"
            if self.train.early_stopping:
                yield "train.early_stopping", text
            if self.train.schedule.kind == "plateau":
                yield "train.schedule", f"plateau {text}"
        if self.data.season is not None and self.data.season > self.window.length:
            text = "so the seasonal baseline has no full season; lengthen the window or remove season"
            yield (
                "data.season",
                f"{self.data.season} is longer than window.length {self.window.length}, {text}",
            )

    def _network(self) -> Broken:
        net, length = self.net, self.window.length
        if net is None:
            return
        if net.linear and (net.linear.length or 1) > length:
            text = f"{net.linear.length} is longer than window.length {length}; shorten it or remove it"
            yield "model.linear.length", text
        if net.linear and net.linear.use == "blend" and self.split.validation is None:
            text = "blend fits the network's share on validation windows; add split.validation"
            yield "model.linear.use", text
        if net.ensemble and self.train.clip and self.train.clip.by == "global_norm":
            yield (
                "train.clip.by",
                "global_norm would clip all networks of the ensemble together; clip by norm or value",
            )

    def _family(self) -> Broken:
        yield from load_record(FAMILIES, self.model.kind).broken_rules(self, self.model)

    def _bptt(self) -> Broken:
        steps, length = self.train.bptt_steps, self.window.length
        if steps is None:
            return
        if steps > length:
            text = f"{steps} is longer than window.length {length}, so it has no effect; shorten or remove it"
            yield "train.bptt_steps", text
        if not self.is_one_stack:
            text = (
                "needs one stacked network without linear, ensemble, series_embedding, known and calendar; remove them or "
                "bptt_steps"
            )
            yield "train.bptt_steps", text

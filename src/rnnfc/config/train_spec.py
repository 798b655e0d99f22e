"""Training: optimizer, loss, schedule and budget."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rnnfc.config.spec import Spec, names_of, wrong
from rnnfc.extensions import LOSSES, OPTIMIZERS, load_record

# Losses that train the quantiles of model.levels; no other loss does.
QUANTILE_LOSSES = tuple(name for name in LOSSES if load_record(LOSSES, name).needs_levels)


class ConstantRate(Spec):
    """The same learning rate in every epoch."""

    kind: Literal["constant"]


class CosineRate(Spec):
    """From learning_rate in the first epoch down half a cosine to (almost) `final` times it in the last."""

    kind: Literal["cosine"]
    final: float = Field(
        0.0, ge=0, lt=1, description="share of learning_rate that the last epoch comes down to"
    )


class StepRate(Spec):
    """Times `factor` after every `every` epochs."""

    kind: Literal["step"]
    every: int = Field(ge=1, description="epochs between two steps")
    factor: float = Field(0.5, gt=0, lt=1, description="the rate is multiplied by it at each step")


class PlateauRate(Spec):
    """Times `factor` whenever the validation loss has not improved for `patience` epochs."""

    kind: Literal["plateau"]
    patience: int = Field(ge=1, description="epochs without improvement before the rate falls")
    factor: float = Field(0.5, gt=0, lt=1, description="the rate is multiplied by it")
    floor: float = Field(0.0, ge=0, description="the rate never falls below this")
    min_delta: float = Field(0.0, ge=0, description="a smaller improvement is none")


class ClipSpec(Spec):
    """Limit each gradient's values, each gradient's norm, or the norm of all gradients together."""

    by: Literal["value", "norm", "global_norm"] = Field(
        description="value: each number of a gradient; norm: the norm of each gradient; global_norm: that of all together"
    )
    limit: float = Field(gt=0, description="the largest size that is left as it is")


class EarlyStoppingSpec(Spec):
    """Stop when the validation loss has not improved by more than `min_delta` for `patience` epochs; keep the best weights."""

    patience: int = Field(ge=1, description="epochs without improvement before training stops")
    min_delta: float = Field(0.0, ge=0, description="a smaller improvement is none")


def _optimizers_with(option: str) -> str:
    return " and ".join(name for name in OPTIMIZERS if option in load_record(OPTIMIZERS, name).options)


class TrainSpec(Spec):
    """Optimizer, loss and budget."""

    epochs: int = Field(ge=1, le=1_000_000, description="times that training reads every window, at most")
    batch_size: int = Field(
        32, ge=1, le=1_000_000, description="windows in a minibatch, after each of which weights change"
    )
    shuffle: bool = Field(True, description="a new order in every epoch, the same for the same seed")
    optimizer: Annotated[str, names_of(OPTIMIZERS)] = Field(
        "adam", description="rule by which gradients change weights"
    )
    learning_rate: float = Field(0.001, gt=0, le=10, description="size of each change of the weights")
    weight_decay: float | None = Field(
        None, ge=0, lt=1, description=f"{_optimizers_with('weight_decay')} only; 0.004 without it"
    )
    momentum: float | None = Field(None, ge=0, lt=1, description=f"{_optimizers_with('momentum')} only")
    loss: Annotated[str, names_of(LOSSES)] = Field(
        "mse",
        description=f"what training minimizes; with model.levels {' or '.join(QUANTILE_LOSSES)}, the first without it",
    )
    clip: ClipSpec | None = Field(
        None, description="limit the gradients; they are left as they are without it"
    )
    bptt_steps: int | None = Field(
        None,
        ge=1,
        description="the gradient goes back through this many steps of the window; all of them without it",
    )
    schedule: Annotated[ConstantRate | CosineRate | StepRate | PlateauRate, Field(discriminator="kind")] = (
        Field(ConstantRate(kind="constant"), description="how the learning rate changes from epoch to epoch")
    )
    early_stopping: EarlyStoppingSpec | None = Field(
        None, description="stop when the validation loss stops improving; it needs split.validation"
    )

    @model_validator(mode="before")
    @classmethod
    def _options_of_the_optimizer(cls, config: object) -> object:
        if not isinstance(config, dict) or config.get("optimizer") not in OPTIMIZERS:
            return config
        options = load_record(OPTIMIZERS, config["optimizer"]).options.items()
        missing = {name: value for name, value in options if value is not None and config.get(name) is None}
        return {**config, **missing}

    @model_validator(mode="after")
    def _options_that_act(self) -> Self:
        for option in ("weight_decay", "momentum"):
            if (
                getattr(self, option) is not None
                and option not in load_record(OPTIMIZERS, self.optimizer).options
            ):
                raise wrong(
                    f"{option} acts with {_optimizers_with(option)} only, optimizer is {self.optimizer}; "
                    "change one of them"
                )
        return self

"""Training: optimizer, loss, schedule and budget."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rnnfc.config.spec import Spec, wrong


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
    loss: Literal["mse", "mae", "huber", "pinball"] = Field(
        "mse", description="pinball: with model.levels, and always there"
    )
    clip: ClipSpec | None = None
    bptt_steps: int | None = Field(
        None,
        ge=1,
        description="the gradient goes back through this many steps of the window; all of them without it",
    )
    schedule: Annotated[ConstantRate | CosineRate | StepRate | PlateauRate, Field(discriminator="kind")] = (
        ConstantRate(kind="constant")
    )
    early_stopping: EarlyStoppingSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _decay_of_adamw(cls, given: Any) -> Any:
        if (
            isinstance(given, dict)
            and given.get("optimizer") == "adamw"
            and given.get("weight_decay") is None
        ):
            return {**given, "weight_decay": 0.004}  # Keras' own
        return given

    @model_validator(mode="after")
    def _options_that_act(self) -> Self:
        if self.weight_decay is not None and self.optimizer != "adamw":
            raise wrong(
                f"weight_decay acts with adamw only, optimizer is {self.optimizer}; change one of them"
            )
        if self.momentum is not None and self.optimizer not in ("sgd", "rmsprop"):
            raise wrong(
                f"momentum acts with sgd and rmsprop only, optimizer is {self.optimizer}; change one of them"
            )
        return self

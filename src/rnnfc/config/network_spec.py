"""What the specs of model families share: the parts that every Keras network can have, and types of their keys."""

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from rnnfc.config.spec import Spec, names_of, wrong
from rnnfc.extensions import CELLS

# Larger layers do not fit: one SimpleRNN layer of 16,384 units has 268 million recurrent weights, 1 GiB in float32.
MAX_UNITS = 16_384
# The level of the point forecast.
MEDIAN = 0.5

CellName = Annotated[str, names_of(CELLS), Field(description="the recurrent unit")]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
# Keys of network specs that are rates of random draws in training.
_RANDOM = ("dropout", "recurrent_dropout", "teacher_forcing")


class LinearSpec(Spec):
    """A linear map beside the network, from each target's own window to its forecast; one for all targets."""

    use: Literal["path", "blend"] = Field(
        description="path: added to the network and trained with it; blend: mixed with the trained network, in the share that "
        "the validation windows choose"
    )
    length: int | None = Field(
        None, ge=1, description="newest rows of the window that it reads; all without it"
    )


class EnsembleSpec(Spec):
    """Networks that differ in their seed, trained side by side on the same minibatches; they forecast together."""

    seeds: int = Field(ge=2, le=64, description="networks")
    by: Literal["mean", "median"] = Field(
        "mean", description="of the networks' forecasts in scaled units, before scale.transform is undone"
    )


class FamilySpec(Spec):
    """The spec of any model family; each has a `kind`, the family's name in the YAML."""

    if TYPE_CHECKING:
        kind: str

    @property
    def label(self) -> str:
        """The network in a few words, for people."""
        raise NotImplementedError

    @property
    def is_stack(self) -> bool:
        """Whether the core is recurrent layers one above the other, which forecast all steps at once."""
        return False

    @property
    def is_recursive(self) -> bool:
        """Whether the network forecasts one step, and reads its forecasts for the next ones."""
        return False


class NetSpec(FamilySpec):
    """What every Keras network can have."""

    levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (),
        max_length=99,
        description="quantiles to forecast, e.g. [0.1, 0.5, 0.9], also called quantiles; the forecast itself is then the median; "
        "train.loss is then pinball or quantile_huber",
    )
    linear: LinearSpec | None = Field(None, description="a linear map beside the network")
    ensemble: EnsembleSpec | None = Field(None, description="several networks that forecast together")
    series_embedding: int | None = Field(
        None,
        ge=1,
        le=MAX_UNITS,
        description="numbers of each series that are learned and read beside every row; several series",
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_by_their_other_name(cls, config: object) -> object:
        if not isinstance(config, dict) or "quantiles" not in config:
            return config
        if "levels" in config:
            raise wrong("levels and quantiles are two names of one key; remove one of them")
        return {("levels" if key == "quantiles" else key): value for key, value in config.items()}

    @model_validator(mode="after")
    def _median_among_levels(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.levels)):
            raise wrong(f"levels {list(self.levels)} do not ascend; write {sorted(set(self.levels))}")
        if self.levels and MEDIAN not in self.levels:
            complete = sorted({*self.levels, MEDIAN})
            raise wrong(
                f"levels {list(self.levels)} leave out {MEDIAN}, the median, which is the forecast itself; write {complete}"
            )
        return self

    @property
    def num_outputs(self) -> int:
        """Numbers that are forecast of each step and target."""
        return max(1, len(self.levels))

    @property
    def num_members(self) -> int:
        """Networks that forecast together."""
        return self.ensemble.seeds if self.ensemble else 1

    @property
    def draws_in_training(self) -> bool:
        """Whether a training step draws random numbers, e.g. dropout masks."""
        return any(0 < getattr(self, name, 0) < 1 for name in _RANDOM)

    def without_draws(self) -> Self:
        """The same network with every random rate at 0."""
        return self.model_copy(update={name: 0.0 for name in _RANDOM if hasattr(self, name)})

    def _with_parts(self, core: str) -> str:
        together = f"{self.num_members} x {core}" if self.ensemble else core
        return f"{together} + linear map" if self.linear else together

"""The network: one group of keys for each kind of model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rnnfc.config.spec import Spec, wrong

# Larger layers do not fit: one SimpleRNN layer of 16,384 units has 268 million recurrent weights, 1 GiB in float32.
MAX_UNITS = 16_384


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
    def label(self) -> str:
        """Cell and units, for people."""
        return f"{self.cell} {' + '.join(map(str, self.units))}"

    @property
    def directions(self) -> tuple[int, ...]:
        """1 or 2 (bidirectional) for each layer."""
        flags = self.bidirectional if isinstance(self.bidirectional, tuple) else (self.bidirectional,) * len(self.units)
        return tuple(2 if flag else 1 for flag in flags)

    @property
    def width(self) -> int:
        """Units of all layers and directions."""
        return sum(directions * units for units, directions in zip(self.units, self.directions, strict=True))


class ScratchSpec(Spec):
    """One plain recurrent layer and a dense one, written out in NumPy and trained without TensorFlow."""

    kind: Literal["scratch"]
    units: int = Field(ge=1, le=MAX_UNITS)
    activation: Literal["tanh", "sigmoid"] = "tanh"

    @property
    def label(self) -> str:
        """Engine and units, for people."""
        return f"NumPy {self.activation} {self.units}"

    @property
    def width(self) -> int:
        """Units of all layers."""
        return self.units

    @property
    def as_stacked(self) -> StackedSpec:
        """The stacked network of the same equations and size."""
        same = {"kind": "stacked", "cell": "SimpleRNN", "units": (self.units,), "activation": self.activation}
        return StackedSpec.model_validate(same)


ModelSpec = Annotated[StackedSpec | ScratchSpec, Field(discriminator="kind")]

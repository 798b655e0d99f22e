"""The network: one group of keys for each kind of model."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rnnfc.config.spec import Spec, names_of, wrong
from rnnfc.extensions import CELLS

# Larger layers do not fit: one SimpleRNN layer of 16,384 units has 268 million recurrent weights, 1 GiB in float32.
MAX_UNITS = 16_384
# The level of the forecast itself.
MEDIAN = 0.5

CellName = Annotated[str, names_of(CELLS)]
_Dropout = Annotated[float, Field(ge=0, lt=1)]
_Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]


def _as_layers(value: Any) -> Any:
    return (value,) if type(value) is int else value


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
    by: Literal["mean", "median"] = "mean"


class NetSpec(Spec):
    """What every Keras network can have."""

    levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (),
        max_length=99,
        description="quantiles to forecast, e.g. [0.1, 0.5, 0.9]; the forecast itself is then the median, and the loss pinball",
    )
    linear: LinearSpec | None = None
    ensemble: EnsembleSpec | None = None
    series_embedding: int | None = Field(
        None,
        ge=1,
        le=MAX_UNITS,
        description="numbers of each series that are learned and read beside every row; several series",
    )

    @model_validator(mode="after")
    def _median_among_levels(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.levels)):
            raise wrong(f"levels {list(self.levels)} do not ascend; write {sorted(set(self.levels))}")
        if self.levels and MEDIAN not in self.levels:
            whole = sorted({*self.levels, MEDIAN})
            raise wrong(
                f"levels {list(self.levels)} leave out {MEDIAN}, the median, which is the forecast itself; write {whole}"
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

    def _described(self, core: str) -> str:
        together = f"{self.num_members} x {core}" if self.ensemble else core
        return f"{together} + linear map" if self.linear else together


class StackedSpec(NetSpec):
    """Recurrent layers one above the other, then a dense layer with horizon x targets outputs."""

    kind: Literal["stacked"]
    cell: CellName
    units: Annotated[
        tuple[_Units, ...], BeforeValidator(_as_layers, json_schema_input_type=_Units | tuple[_Units, ...])
    ] = Field(min_length=1, max_length=16, description="one number a layer; a single number is one layer")
    activation: Literal["tanh", "relu", "sigmoid", "linear", "elu", "softsign"] = "tanh"
    dropout: _Dropout = Field(0.0, description="share of each layer's inputs that is dropped in training")
    recurrent_dropout: _Dropout = Field(
        0.0, description="share of each layer's state that is dropped in training"
    )
    bidirectional: bool | tuple[bool, ...] = Field(
        False, description="for all layers, or a list with one entry a layer"
    )
    strategy: Literal["direct", "recursive"] = Field(
        "direct",
        description="direct: all steps of the horizon at once; recursive: a step at a time, the newest row of the window for "
        "the next, and trained on the first step alone",
    )

    @model_validator(mode="after")
    def _an_entry_a_layer(self) -> Self:
        if isinstance(self.bidirectional, tuple) and len(self.bidirectional) != len(self.units):
            raise wrong(
                f"bidirectional has {len(self.bidirectional)} entries for {len(self.units)} layers; give one a layer"
            )
        return self

    @property
    def label(self) -> str:
        """Cell and units, for people."""
        named = f"{self.cell} {' + '.join(map(str, self.units))}"
        return self._described(named if self.strategy == "direct" else f"{named}, recursive")

    @property
    def directions(self) -> tuple[int, ...]:
        """1 or 2 (bidirectional) for each layer."""
        flags = (
            self.bidirectional
            if isinstance(self.bidirectional, tuple)
            else (self.bidirectional,) * len(self.units)
        )
        return tuple(2 if flag else 1 for flag in flags)

    @property
    def width(self) -> int:
        """Units of all layers and directions."""
        return sum(directions * units for units, directions in zip(self.units, self.directions, strict=True))


class SegmentSpec(NetSpec):
    """A recurrent layer over segments of the window, for each target by itself; every output segment is one step of its own.

    Source: Lin et al., SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting, arXiv 2308.11200 (2023).
    """

    kind: Literal["segment"]
    cell: CellName
    segment: int = Field(ge=1, description="rows a segment")
    width: int = Field(
        ge=2, le=MAX_UNITS, multiple_of=2, description="units of the recurrent layer, size of an embedding"
    )
    dropout: _Dropout = Field(
        0.0, description="share of the state that is dropped, in training, before the last layer"
    )

    @property
    def label(self) -> str:
        """Cell, width and segment, for people."""
        return self._described(f"segment {self.cell} {self.width} (segments of {self.segment})")


class Seq2SeqSpec(NetSpec):
    """A recurrent layer reads the window; a cell of the same kind goes on from its state, a step of the horizon at a time."""

    kind: Literal["seq2seq"]
    cell: CellName
    units: int = Field(ge=1, le=MAX_UNITS, description="of the encoder and of the decoder")
    attention: Literal["none", "bahdanau", "luong"] = Field(
        "none",
        description="what each step reads of the whole window: bahdanau by additive scores, luong by multiplicative ones",
    )
    dropout: _Dropout = Field(
        0.0, description="share of what the encoder hands on that is dropped, in training"
    )
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of the steps that read, in training, the true value before them, not their own forecast; 0 with "
        "levels, for a step that reads the truth before it learns how sure one step is, which is not how sure the last one is",
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_of_a_whole_forecast(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("levels") and given.get("teacher_forcing") is None:
            return {**given, "teacher_forcing": 0.0}
        return given

    @property
    def label(self) -> str:
        """Cell, units and attention, for people."""
        return self._described(
            f"seq2seq {self.cell} {self.units}{'' if self.attention == 'none' else f', {self.attention}'}"
        )


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


ModelSpec = Annotated[StackedSpec | SegmentSpec | Seq2SeqSpec | ScratchSpec, Field(discriminator="kind")]

"""Cell: everything that the other packages need to know about a recurrent cell."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnfc.extensions import CELLS, load_record
from rnnfc.networks.cells.fused import Equations
from rnnfc.networks.cells.step_equations import StepEquations

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A recurrent cell. Its module imports neither Keras nor TensorFlow before `layer` or `step` is called.

    layer, step: build the Keras layer that runs over a sequence, and the Keras cell that does one step of it. Both take the
        number of units, then keyword arguments of Keras' recurrent layers; `kernel_seed` and `recurrent_seed` start the weights.
    states: the arrays [n, unit] that a step hands to the next one, in Keras' order; the first is also the output.
    gates: matrices [inputs, unit] that the inputs are multiplied by. LSTM: 4.
    has_recurrent_matrix: whether each gate also multiplies the state by a matrix [unit, unit].
    num_vectors: further weights, in vectors of one number per unit. LSTM: 4, the bias of each gate.
    activations_per_unit: numbers that training stores of each unit and step until the backward pass has read them.
    has_activation: whether the cell uses the layer's activation; `model.activation` is refused otherwise.
    equations: the equations of the fused recurrence, for cells that Keras has; None where training runs Keras' own loop.
    step_equations: the step of a cell that Keras does not have; `layer` and `step` are then `equation_layer(name)` and
        `equation_step(name)`.
    Raises:
        ValueError: both `equations` and `step_equations`.
    """

    layer: "Callable[..., keras.layers.RNN]"
    step: "Callable[..., keras.layers.Layer]"
    states: tuple[str, ...]
    gates: int
    has_recurrent_matrix: bool = True
    num_vectors: int
    activations_per_unit: int
    has_activation: bool = True
    equations: Equations | None = None
    step_equations: StepEquations | None = None

    def __post_init__(self) -> None:
        if self.equations and self.step_equations:
            raise ValueError(
                "a cell by step_equations trains with Keras' loop; the fused recurrence reads the weights of Keras' own cells, "
                "so leave equations out"
            )

    @property
    def has_recurrent_dropout(self) -> bool:
        """Whether `model.recurrent_dropout` acts: on the cells that Keras has. It is refused otherwise."""
        return self.step_equations is None

    def num_matrix_weights(self, *, inputs: int, units: int) -> int:
        """Weights in matrices: multiply-adds of one step in one window."""
        return self.gates * units * (inputs + units * self.has_recurrent_matrix)

    def num_parameters(self, *, inputs: int, units: int) -> int:
        """All weights."""
        return self.num_matrix_weights(inputs=inputs, units=units) + self.num_vectors * units


def find_cell(name: str) -> Cell:
    """The record of a cell by its name in the YAML."""
    cell: Cell = load_record(CELLS, name)
    return cell


def cell_of(layer: "keras.layers.RNN") -> Cell:
    """The record of a recurrent layer's cell; the layers that Keras has are named like their cells."""
    return find_cell(getattr(layer.cell, "cell_name", type(layer).__name__))

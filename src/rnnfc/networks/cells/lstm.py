"""LSTM, as Keras has it: input, forget, candidate and output gate.

Source: Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997); Gers et al., Learning to Forget, Neural
Computation 12 (2000).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnfc.networks.cells.cell import Cell
from rnnfc.networks.cells.fused import ACTIVATION, Equations, kernel_and_bias, sigmoid_derivative
from rnnfc.networks.cells.keras_layers import keras_layer

if TYPE_CHECKING:
    from rnnfc.networks.backend import tf
    from rnnfc.networks.cells.fused import ElementWise, Tensors


def _forward(
    activation: "ElementWise",
    derivative: "ElementWise",
    gates: "Sequence[tf.Tensor]",
    bypass: "Tensors",  # noqa: ARG001  of GRU alone
    states: "Tensors",
) -> "tuple[Tensors, Tensors, Tensors]":
    input_gate, forget, candidate, output_gate = gates
    memory = forget * states[1] + input_gate * candidate
    activated = activation(memory)
    derivatives = (
        candidate * sigmoid_derivative(input_gate),
        states[1] * sigmoid_derivative(forget),
        input_gate * derivative(candidate),
        activated * sigmoid_derivative(output_gate),
    )
    return derivatives, (output_gate * derivative(activated), forget), (output_gate * activated, memory)


def _backward(residuals: "Tensors", by_next: "Tensors") -> "tuple[Tensors, Tensors, Tensors]":
    hidden_by_memory, forget = residuals
    by_memory = by_next[1] + by_next[0] * hidden_by_memory
    return (by_memory, by_memory, by_memory, by_next[0]), (), (by_memory * forget,)


CELL = Cell(
    layer=keras_layer("LSTM"),
    step=keras_layer("LSTMCell"),
    states=("hidden", "cell"),
    gates=4,
    num_vectors=4,
    activations_per_unit=5,  # measured with 512 units: 9.6 with the two copies that `size.training_bytes` counts
    equations=Equations(
        gates=("sigmoid", "sigmoid", ACTIVATION, "sigmoid"),
        num_residuals=2,
        weights=kernel_and_bias,
        forward=_forward,
        backward=_backward,
    ),
)

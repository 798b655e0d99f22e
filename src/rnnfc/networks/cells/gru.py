"""GRU, as Keras has it (reset_after): update gate, reset gate and candidate, with a second bias in the recurrent half.

Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, EMNLP 2014.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnfc.networks.cells.cell import Cell
from rnnfc.networks.cells.fused import Equations, sigmoid_derivative
from rnnfc.networks.cells.keras_layers import keras_layer

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras, tf
    from rnnfc.networks.cells.fused import ElementWise, Tensors


def _weights(cell: "keras.layers.Layer") -> "Sequence[tf.Tensor]":
    """The candidate's inputs bypass the gates: they are added after its product by the state has been reset."""
    from rnnfc.networks.backend import tf

    both = 2 * cell.units
    gates = tf.cast(
        tf.range(3 * cell.units) < both, cell.kernel.dtype
    )  # 1 for update and reset, 0 for the candidate
    drive = tf.concat([cell.kernel * gates, (cell.bias[0] * gates + cell.bias[1])[None]], axis=0)
    return (
        tf.convert_to_tensor(cell.recurrent_kernel),
        drive,
        tf.concat([cell.kernel, cell.bias[:1]], axis=0)[:, both:],
    )


def _forward(
    activation: "ElementWise",
    derivative: "ElementWise",
    gates: "Sequence[tf.Tensor]",
    bypass: "Tensors",
    states: "Tensors",
) -> "tuple[Tensors, Tensors, Tensors]":
    update, reset, recurrent = gates
    candidate = activation(bypass[0] + reset * recurrent)
    by_candidate = (1 - update) * derivative(candidate)
    derivatives = (
        (states[0] - candidate) * sigmoid_derivative(update),
        by_candidate * recurrent * sigmoid_derivative(reset),
        by_candidate * reset,
    )
    return derivatives, (by_candidate, update), (update * states[0] + (1 - update) * candidate,)


def _backward(residuals: "Tensors", by_next: "Tensors") -> "tuple[Tensors, Tensors, Tensors]":
    by_candidate, update = residuals
    by_hidden = by_next[0]
    return (by_hidden, by_hidden, by_hidden), (by_hidden * by_candidate,), (by_hidden * update,)


CELL = Cell(
    layer=keras_layer("GRU"),
    step=keras_layer("GRUCell"),
    states=("hidden",),
    gates=3,
    num_vectors=6,
    activations_per_unit=5,  # measured with 512 units: 10.6 with the two copies that `size.training_bytes` counts
    equations=Equations(
        gates=("sigmoid", "sigmoid", "identity"),
        num_residuals=2,
        weights=_weights,
        forward=_forward,
        backward=_backward,
    ),
)

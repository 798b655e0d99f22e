"""Equations: a cell's forward and backward step for the fused recurrence in `rnnfc.training.compile`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras, tf

    Tensors = tuple[tf.Tensor, ...]
    ElementWise = Callable[[tf.Tensor], tf.Tensor]

# Of `Equations.gates`: the gate is activated by the layer's own activation.
ACTIVATION = "activation"


@dataclass(frozen=True, kw_only=True)
class Equations:
    """One step of a cell and its derivative, on arrays [n, unit] of one gate or state; n windows.

    The forward pass stores the activation derivatives, so that the backward pass does little at each step: XLA makes a kernel
    of each array, and a small kernel costs a microsecond whatever it computes.

    gates: the activation of each gate: "sigmoid", "identity", or ACTIVATION for the layer's own.
    num_residuals: arrays that the forward step stores besides the gates' derivatives. None where it stores nothing: a single
        gate, whose derivative follows from the state after it.
    weights: Keras cell -> W[unit, gates * unit]; D[inputs + 1, gates * unit], its last row the bias; and the weights of inputs
        that bypass the gates, [inputs + 1, unit] each.
    forward: (activation, its derivative, gates, bypassing inputs, states) -> derivative of each gate, residuals, next states.
    backward: (residuals, gradients of the next states) -> for each gate the factor that its derivative is multiplied by;
        gradients of the bypassing inputs; gradients of the states apart from what flows through W. These are of every state
        (GRU: its state also bypasses W), of all but the first (LSTM: the memory; the output flows through W alone), or none.
    """

    gates: tuple[str, ...]
    num_residuals: int | None
    weights: "Callable[[keras.layers.Layer], Sequence[tf.Tensor]]"
    forward: "Callable[[ElementWise, ElementWise, Sequence[tf.Tensor], Tensors, Tensors], tuple[Tensors, Tensors, Tensors]]"
    backward: "Callable[[Tensors, Tensors], tuple[Tensors, Tensors, Tensors]]"


def sigmoid_derivative(y: "tf.Tensor") -> "tf.Tensor":
    """The derivative of the sigmoid, by its value."""
    return y * (1 - y)


def kernel_and_bias(cell: "keras.layers.Layer") -> "Sequence[tf.Tensor]":
    """`Equations.weights` of a cell whose inputs all pass the gates."""
    from rnnfc.networks.backend import tf

    return tf.convert_to_tensor(cell.recurrent_kernel), tf.concat([cell.kernel, cell.bias[None]], axis=0)

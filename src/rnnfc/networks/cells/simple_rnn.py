"""SimpleRNN: h[t] = f(x[t] K + h[t-1] W + b)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnfc.networks.cells.cell import Cell
from rnnfc.networks.cells.fused import ACTIVATION, Equations, kernel_and_bias
from rnnfc.networks.cells.keras_layers import keras_layer

if TYPE_CHECKING:
    from rnnfc.networks.backend import tf
    from rnnfc.networks.cells.fused import ElementWise, Tensors


def _forward(
    activation: "ElementWise",  # noqa: ARG001  as of every cell
    derivative: "ElementWise",  # noqa: ARG001  as above
    gates: "Sequence[tf.Tensor]",
    bypass: "Tensors",  # noqa: ARG001  as above
    states: "Tensors",  # noqa: ARG001  as above
) -> "tuple[Tensors, Tensors, Tensors]":
    return (), (), tuple(gates)


def _backward(residuals: "Tensors", by_next: "Tensors") -> "tuple[Tensors, Tensors, Tensors]":  # noqa: ARG001  as above
    return by_next, (), ()


CELL = Cell(
    layer=keras_layer("SimpleRNN"),
    step=keras_layer("SimpleRNNCell"),
    states=("hidden",),
    gates=1,
    num_vectors=1,
    activations_per_unit=2,  # measured with 512 units: 3.6 with the two copies that `size.training_bytes` counts
    equations=Equations(
        gates=(ACTIVATION,),
        num_residuals=None,
        weights=kernel_and_bias,
        forward=_forward,
        backward=_backward,
    ),
)

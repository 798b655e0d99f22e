"""IndRNN: each unit reads its own state alone, times one recurrent weight.

    h[t] = f(x[t] K + u * h[t-1] + b)

The recurrent weights u start uniform in [-1, 1], where no state grows from step to step.

Source: Li et al., Independently Recurrent Neural Network (IndRNN): Building a Longer and Deeper RNN, CVPR 2018, equation 2.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rnnfc.networks.cells.cell import Cell
from rnnfc.networks.cells.step_equations import StepEquations, Weight, equation_layer, equation_step

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor


def _weights(inputs: int, units: int) -> dict[str, Weight]:
    return {
        "kernel": Weight((inputs, units), "glorot"),
        "recurrent": Weight((units,), "uniform"),
        "bias": Weight((units,)),
    }


def _next_states(
    x: "Tensor",
    states: "tuple[Tensor, ...]",
    weights: "Mapping[str, Tensor]",
    activation: "Callable[[Tensor], Tensor]",
) -> "tuple[Tensor, ...]":
    return (activation(x @ weights["kernel"] + weights["recurrent"] * states[0] + weights["bias"]),)


CELL = Cell(
    layer=equation_layer("IndRNN"),
    step=equation_step("IndRNN"),
    states=("hidden",),
    gates=1,
    has_recurrent_matrix=False,
    num_vectors=2,
    activations_per_unit=3,  # not measured: input of the activation, its value, state
    step_equations=StepEquations(weights=_weights, next_states=_next_states),
)

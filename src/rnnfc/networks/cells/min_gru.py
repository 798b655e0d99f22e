"""minGRU: a GRU whose gate and candidate read the input alone, not the state.

    z[t] = sigmoid(x[t] K_z + b_z)      c[t] = x[t] K_c + b_c      h[t] = (1 - z[t]) h[t-1] + z[t] c[t]

Nothing that the state is multiplied by depends on the state, so a parallel scan could compute all steps at once. This
implementation does not: it runs Keras' sequential loop.

Source: Feng et al., Were RNNs All We Needed?, arXiv 2410.01201 (2024), section 3.1 (without the log-space form of appendix B).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rnnfc.networks.cells.cell import Cell
from rnnfc.networks.cells.step_equations import StepEquations, Weight, equation_layer, equation_step

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor


def _weights(inputs: int, units: int) -> dict[str, Weight]:
    return {"kernel": Weight((inputs, 2 * units), "glorot"), "bias": Weight((2 * units,))}


def _next_states(
    x: "Tensor",
    states: "tuple[Tensor, ...]",
    weights: "Mapping[str, Tensor]",
    activation: "Callable[[Tensor], Tensor]",  # noqa: ARG001  minGRU has none
) -> "tuple[Tensor, ...]":
    from rnnfc.networks.backend import keras

    update, candidate = keras.ops.split(x @ weights["kernel"] + weights["bias"], 2, axis=-1)
    update = keras.ops.sigmoid(update)
    return ((1 - update) * states[0] + update * candidate,)


CELL = Cell(
    layer=equation_layer("minGRU"),
    step=equation_step("minGRU"),
    states=("hidden",),
    gates=2,
    has_recurrent_matrix=False,
    num_vectors=2,
    activations_per_unit=5,  # not measured: gate, candidate, their inputs, state
    has_activation=False,
    step_equations=StepEquations(weights=_weights, next_states=_next_states),
)

"""StepEquations: a cell that Keras does not have, as functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor, keras


@dataclass(frozen=True)
class Weight:
    """A weight before training.

    start: zeros; uniform in [-1, 1]; Glorot-uniform (Glorot & Bengio 2010), as input matrices of Keras' cells; or orthogonal
        (Saxe et al. 2014), as their recurrent matrices.
    """

    shape: tuple[int, ...]
    start: Literal["zeros", "uniform", "glorot", "orthogonal"] = "zeros"


@dataclass(frozen=True, kw_only=True)
class StepEquations:
    """One step of a cell.

    weights: (number of inputs, units) -> the weights by name.
    next_states: (x[n, input], states [n, unit], weights by name, the layer's activation) -> the states after the step.
    """

    weights: Callable[[int, int], Mapping[str, Weight]]
    next_states: "Callable[[Tensor, tuple[Tensor, ...], Mapping[str, Tensor], Callable[[Tensor], Tensor]], tuple[Tensor, ...]]"


def equation_step(cell_name: str) -> "Callable[..., keras.layers.Layer]":
    """`Cell.step` of the cell `cell_name`, which has `step_equations`."""

    def build(
        units: int,
        *,
        kernel_seed: int,
        recurrent_seed: int,  # noqa: ARG001  every weight's seed follows from kernel_seed
        activation: str = "tanh",
        seed: int = 0,  # noqa: ARG001  of dropout, which a step does not have
        name: str | None = None,
    ) -> "keras.layers.Layer":
        from rnnfc.networks.cells.equation_layers import EquationCell

        return EquationCell(
            units,
            cell_name=cell_name,
            seed=kernel_seed,
            activation=activation,
            name=name or f"{cell_name}_cell",
        )

    return build


def equation_layer(cell_name: str) -> "Callable[..., keras.layers.RNN]":
    """`Cell.layer` of the cell `cell_name`, which has `step_equations`."""
    step = equation_step(cell_name)

    def build(
        units: int,
        *,
        kernel_seed: int,
        recurrent_seed: int,
        activation: str = "tanh",
        recurrent_dropout: float = 0.0,  # noqa: ARG001  see `Cell.has_recurrent_dropout`
        **options: Any,
    ) -> "keras.layers.RNN":
        from rnnfc.networks.cells.equation_layers import EquationRNN

        cell = step(units, kernel_seed=kernel_seed, recurrent_seed=recurrent_seed, activation=activation)
        return EquationRNN(cell, **options)

    return build

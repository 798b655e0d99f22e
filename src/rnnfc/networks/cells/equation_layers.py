"""Keras layers for cells that Keras does not have, driven by the equations in the cell's record.

They are registered with Keras: a `.keras` file with one of them loads after `import rnnfc.networks.cells.equation_layers`.
"""

from typing import Any

from rnnfc.extensions import CELLS, load_record
from rnnfc.networks.backend import Tensor, keras
from rnnfc.networks.seeds import derive_seed

ops = keras.ops


@keras.saving.register_keras_serializable(package="rnnfc")
class EquationCell(keras.layers.Layer):  # type: ignore[misc]  # Keras is not typed
    """One step of the cell `cell_name`: (x[n, input], states) -> (the first of the next states, the next states)."""

    def __init__(
        self, units: int, *, cell_name: str, seed: int, activation: str = "tanh", **options: Any
    ) -> None:
        super().__init__(**options)
        record = load_record(CELLS, cell_name)
        self._equations = record.step_equations
        self.units, self.cell_name, self.seed = units, cell_name, seed
        self.activation = keras.activations.get(activation)
        self.state_size = [units for _ in record.states]
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the weights of the equations, by their names."""
        self._weights_by_name = {
            name: self.add_weight(
                shape=weight.shape,
                initializer=_initializer(weight.start, derive_seed(self.seed, place)),
                name=name,
            )
            for place, (name, weight) in enumerate(
                self._equations.weights(int(input_shape[-1] or 0), self.units).items()
            )
        }

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """See the class."""
        weights = {name: ops.convert_to_tensor(weight) for name, weight in self._weights_by_name.items()}
        after = list(self._equations.next_states(inputs, tuple(states), weights, self.activation))
        return after[0], after

    def get_initial_state(self, batch_size: Tensor | int) -> list[Tensor]:
        """Zeros for every state."""
        return [ops.zeros((batch_size, units), dtype=self.compute_dtype) for units in self.state_size]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {"units": self.units, "cell_name": self.cell_name, "seed": self.seed}
        return {**super().get_config(), **own, "activation": keras.activations.serialize(self.activation)}


@keras.saving.register_keras_serializable(package="rnnfc")
class EquationRNN(keras.layers.RNN):  # type: ignore[misc]  # Keras is not typed
    """A cell over a sequence, in Keras' own loop; in training it drops inputs, with one mask for all steps of a window."""

    def __init__(self, cell: EquationCell, *, dropout: float = 0.0, seed: int = 0, **options: Any) -> None:
        super().__init__(cell, **options)
        self.dropout, self.seed = dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed) if dropout else None

    def call(
        self,
        sequences: Tensor,
        initial_state: list[Tensor] | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """See `keras.layers.RNN`."""
        if training and self.dropout:
            shape = (ops.shape(sequences)[0], 1, sequences.shape[2])
            sequences = keras.random.dropout(
                sequences, self.dropout, noise_shape=shape, seed=self.seed_generator
            )
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "dropout": self.dropout, "seed": self.seed}


def _initializer(start: str, seed: int) -> keras.initializers.Initializer:
    if start == "glorot":
        return keras.initializers.GlorotUniform(seed=seed)
    if start == "orthogonal":
        return keras.initializers.Orthogonal(seed=seed)
    if start == "uniform":
        return keras.initializers.RandomUniform(-1.0, 1.0, seed=seed)
    return keras.initializers.Zeros()

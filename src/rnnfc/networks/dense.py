"""The dense family: one hidden layer on the flattened window, without recurrence; it shows whether recurrence pays."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rnnfc.config.network_spec import Dropout, NetSpec, Units
from rnnfc.networks.family import Family, Sizes, Work
from rnnfc.networks.seeds import derive_seed

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


class DenseSpec(NetSpec):
    """One hidden layer on the flattened window, then a dense layer with horizon x targets outputs."""

    kind: Literal["dense"]
    units: Units = Field(description="of the hidden layer")
    activation: Literal["tanh", "relu", "sigmoid", "linear", "elu", "softsign"] = Field(
        "relu", description="of the hidden layer"
    )
    dropout: Dropout = Field(
        0.0, description="share of the hidden layer's outputs that is dropped in training"
    )

    @property
    def label(self) -> str:
        """Units of the hidden layer."""
        return self._with_parts(f"dense {self.units}")


def build(
    spec: DenseSpec,
    sizes: Sizes,
    *,
    seed: int,
    unroll_for_export: bool = False,  # noqa: ARG001  there is no loop
) -> "keras.Model":
    """A Keras model: [n, length, channel] -> [n, horizon, target], or [n, horizon, target, level] with levels.

    With known channels it has a second input, `future` [n, horizon, known], which the hidden layer reads with the window.
    """
    from rnnfc.networks.backend import keras
    from rnnfc.networks.inputs import make_model
    from rnnfc.networks.parts.quantile_head import quantile_head

    def dense(units: int, name: str, *, role: int, activation: str | None = None) -> keras.layers.Dense:
        start = keras.initializers.GlorotUniform(seed=derive_seed(seed, role))
        return keras.layers.Dense(units, activation, kernel_initializer=start, name=name)

    inputs = {"window": keras.Input((sizes.length, sizes.channels), name="window")}
    x = keras.layers.Flatten(name="flat_window")(inputs["window"])
    if sizes.known:
        inputs["future"] = keras.Input((sizes.horizon, sizes.known), name="future")
        future = keras.layers.Flatten(name="flat_future")(inputs["future"])
        x = keras.layers.Concatenate(name="flat")([x, future])
    x = dense(spec.units, "hidden", role=0, activation=spec.activation)(x)
    x = keras.layers.Dropout(spec.dropout, seed=derive_seed(seed, 1), name="dropout")(x)
    x = dense(sizes.horizon * sizes.targets * spec.num_outputs, "output", role=2)(x)
    shape = (sizes.horizon, sizes.targets)
    if spec.levels:
        x = keras.layers.Reshape((*shape, spec.num_outputs), name="median_and_gaps")(x)
        return make_model(inputs, quantile_head(*shape, levels=spec.levels)(x), name="dense")
    return make_model(inputs, keras.layers.Reshape(shape, name="forecast")(x), name="dense")


def _num_inputs(sizes: Sizes) -> int:
    return sizes.length * sizes.channels + sizes.horizon * sizes.known


def _num_weights(spec: DenseSpec, sizes: Sizes) -> int:
    """Weights of both layers without biases."""
    return spec.units * (_num_inputs(sizes) + sizes.horizon * sizes.targets * spec.num_outputs)


def _num_parameters(spec: DenseSpec, sizes: Sizes) -> int:
    biases = spec.units + sizes.horizon * sizes.targets * spec.num_outputs
    return _num_weights(spec, sizes) + biases


def _num_activations(spec: DenseSpec, sizes: Sizes) -> int:
    return _num_inputs(sizes) + 2 * spec.units


def _work(spec: DenseSpec, sizes: Sizes) -> Work:
    weights = _num_weights(spec, sizes)
    return Work(layers=1, steps=1, rows=1, gates=1, units=spec.units, weights=weights)


FAMILY = Family(
    spec=DenseSpec,
    build=build,
    num_parameters=_num_parameters,
    num_activations=_num_activations,
    work=_work,
)

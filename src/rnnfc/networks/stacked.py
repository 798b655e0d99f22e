"""The stacked network: recurrent layers one above the other, then one dense layer for all steps and targets."""

from typing import Any

import numpy as np

from rnnfc.config.model_spec import StackedSpec
from rnnfc.networks.backend import keras
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.parts.quantile_head import quantile_head


def derive_seed(*path: int) -> int:
    """An independent seed for one use of randomness, e.g. (seed, layer, role): the same path, the same seed, anywhere."""
    return int(np.random.SeedSequence(path).generate_state(1)[0]) & 0x7FFF_FFFF


def build_stacked(
    spec: StackedSpec,
    *,
    length: int,
    channels: int,
    horizon: int,
    targets: int,
    seed: int,
    known: int = 0,
    **_: Any,
) -> Any:
    """A Keras Sequential: [n, length, channel] -> [n, horizon, target], or [n, horizon, target, level] with levels.

    With `known` channels that are known ahead it is a model of a second input, `future` [n, horizon, known], all of which the
    last layer reads beside the last state.

    Every initializer and dropout has a seed of its own, so nothing depends on Keras' or Python's global generators.
    """
    layers: list[Any] = [keras.Input((length, channels), name="window")]
    for index, directions in enumerate(spec.directions):
        forward = _recurrent(spec, index, seed=seed, direction=0)
        if directions == 1:
            layers.append(forward)
        else:
            # Left to itself, Bidirectional clones the layer together with its seeds: both directions would start equal.
            backward = _recurrent(spec, index, seed=seed, direction=1)
            layers.append(
                keras.layers.Bidirectional(
                    forward, backward_layer=backward, name=f"bidirectional_{index + 1}"
                )
            )
    start = keras.initializers.GlorotUniform(seed=derive_seed(seed, len(spec.units), 0))
    head = [keras.layers.Dense(horizon * targets * spec.num_outputs, kernel_initializer=start, name="output")]
    if spec.levels:
        head.append(keras.layers.Reshape((horizon, targets, len(spec.levels)), name="median_and_gaps"))
        head.append(quantile_head(horizon, targets, levels=spec.levels))
    else:
        head.append(keras.layers.Reshape((horizon, targets), name="forecast"))
    if not known:
        return keras.Sequential([*layers, *head], name="stacked")
    given = {"window": layers[0], "future": keras.Input((horizon, known), name="future")}
    state = keras.Sequential(layers, name="recurrent")(given["window"])
    read = keras.ops.concatenate([state, keras.ops.reshape(given["future"], (-1, horizon * known))], axis=-1)
    return keras.Model(given, keras.Sequential(head, name="head")(read), name="stacked")


def _recurrent(spec: StackedSpec, index: int, *, seed: int, direction: int) -> Any:
    kernel, recurrent, dropout = (derive_seed(seed, index, direction, role) for role in range(3))
    return find_cell(spec.cell).layer(
        spec.units[index],
        activation=spec.activation,
        dropout=spec.dropout,
        recurrent_dropout=spec.recurrent_dropout,
        return_sequences=index < len(spec.units) - 1,
        go_backwards=direction == 1,
        kernel_seed=kernel,
        recurrent_seed=recurrent,
        seed=dropout,
        name=f"{('forward', 'backward')[direction]}_{index + 1}",
    )

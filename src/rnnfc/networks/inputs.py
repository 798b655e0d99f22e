"""The named inputs of a network, handed from wrapper to wrapper: `window`, and whatever else it was built to read."""

from collections.abc import Mapping
from typing import Any

from rnnfc.networks.backend import keras
from rnnfc.networks.stacked import derive_seed
from rnnfc.networks.tensors import WINDOW

EMBEDDING = "series_embedding"


def of(net: Any) -> dict[str, Any]:
    """What `net` reads, by name; what is its only input is the window."""
    return {WINDOW: net.inputs[0]} if len(net.inputs) == 1 else {tensor.name: tensor for tensor in net.inputs}


def like(net: Any) -> dict[str, Any]:
    """New Keras inputs of the names and shapes that `net` reads."""
    return {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in of(net).items()
    }


def feed(net: Any, given: Mapping[str, Any], **options: Any) -> Any:
    """The forecast of `net` from what it reads of `given`; a network of one input is called with a tensor, as anybody would."""
    read = {name: given[name] for name in of(net)}
    return net(read[WINDOW] if len(read) == 1 else read, **options)


def model(inputs: Mapping[str, Any], made: Any, *, name: str) -> Any:
    """The Keras model from `inputs`, of which one by itself is no dictionary, to `made`."""
    return keras.Model(inputs[WINDOW] if len(inputs) == 1 else dict(inputs), made, name=name)


def with_series(core: Any, *, channels: int, series: int, size: int, seed: int) -> Any:
    """`core` on each window with further channels: `size` numbers of its series, learned and the same in every row."""
    length = of(core)["window"].shape[1]
    given = {**like(core), "window": keras.Input((length, channels), name="window")}
    given["series"] = keras.Input((), dtype="int32", name="series")
    start = keras.initializers.RandomUniform(-0.05, 0.05, seed=derive_seed(seed, 0, 5))  # Keras' own
    numbers = keras.layers.Embedding(series, size, start, name=EMBEDDING)(given["series"])
    rows = keras.ops.repeat(numbers[:, None], length, axis=1)
    return model(
        given,
        feed(core, {**given, "window": keras.ops.concatenate([given["window"], rows], axis=-1)}),
        name="of_series",
    )

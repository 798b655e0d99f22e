"""The series embedding: learned numbers for each series, as further channels of the window."""

from rnnfc.networks.backend import keras
from rnnfc.networks.inputs import call_model, make_model, new_inputs
from rnnfc.networks.seeds import derive_seed
from rnnfc.networks.tensors import SERIES, WINDOW

ops = keras.ops


def with_series_embedding(
    core: keras.Model, *, channels: int, series: int, size: int, seed: int
) -> keras.Model:
    """`core` [n, length, channel + size] on windows[n, length, channel] and the `size` numbers of their series.

    The numbers are the same in every row of a window.
    """
    inputs = new_inputs(core)
    length = inputs[WINDOW].shape[1]
    inputs[WINDOW] = keras.Input((length, channels), name=WINDOW)
    inputs[SERIES] = keras.Input((), dtype="int32", name=SERIES)
    start = keras.initializers.RandomUniform(-0.05, 0.05, seed=derive_seed(seed, 0, 5))  # Keras' own range
    embedding = keras.layers.Embedding(series, size, start, name="series_embedding")(inputs[SERIES])
    rows = ops.repeat(embedding[:, None], length, axis=1)
    window = ops.concatenate([inputs[WINDOW], rows], axis=-1)
    return make_model(inputs, call_model(core, {**inputs, WINDOW: window}), name="of_series")

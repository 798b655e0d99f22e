"""The named inputs of a Keras model, and the tensors that a compiled program gathers for them."""

from collections.abc import Mapping

import numpy as np

from rnnfc.data.panel import Panel
from rnnfc.networks.backend import Tensor, keras, tf
from rnnfc.networks.tensors import FUTURE, SERIES, WINDOW


def input_tensors(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """The input tensors of `model` by name; the only input of a model with one is the window."""
    if len(model.inputs) == 1:
        return {WINDOW: model.inputs[0]}
    return {tensor.name: tensor for tensor in model.inputs}


def new_inputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """New Keras inputs with the names, shapes and types of the inputs of `model`."""
    return {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in input_tensors(model).items()
    }


def call_model(model: keras.Model, tensors: Mapping[str, Tensor], **options: bool) -> Tensor:
    """The outputs of `model` for those of `tensors` that it reads.

    A model with one input is called with that tensor, as in plain Keras, any other one with a dictionary.

    Args:
        options: of the Keras call, e.g. `training`.
    """
    needed = {name: tensors[name] for name in input_tensors(model)}
    return model(needed[WINDOW] if len(needed) == 1 else needed, **options)


def make_model(
    inputs: Mapping[str, keras.KerasTensor], outputs: keras.KerasTensor, *, name: str
) -> keras.Model:
    """The Keras model from `inputs` to `outputs`; a single input is passed as a tensor, not as a dictionary."""
    return keras.Model(inputs[WINDOW] if len(inputs) == 1 else dict(inputs), outputs, name=name)


def panel_to_device(panel: Panel) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows of a scaled panel as f32[row, channel], and the series index of each row as i32[row]."""
    series = np.repeat(np.arange(len(panel.series), dtype=np.int32), np.diff(panel.bounds))
    return tf.constant(panel.values, tf.float32), tf.constant(series)


def gather_inputs(
    model: keras.Model, rows: tf.Tensor, series: tf.Tensor, origins: tf.Tensor, *, length: int
) -> dict[str, tf.Tensor]:
    """The tensors that `model` reads around each of origins[n], by name; for use inside a compiled program.

    True targets are left out: they are an input in training only.

    Args:
        rows, series: see `panel_to_device`.
    """
    shapes = {name: tensor.shape for name, tensor in input_tensors(model).items()}
    tensors = {WINDOW: tf.gather(rows, origins[:, None] + tf.range(-length, 0, dtype=tf.int32))}
    if FUTURE in shapes:
        _, horizon, num_known = shapes[FUTURE]
        future_rows = origins[:, None] + tf.range(horizon, dtype=tf.int32)
        tensors[FUTURE] = tf.gather(rows[:, -num_known:], future_rows)
    if SERIES in shapes:
        tensors[SERIES] = tf.gather(
            series, origins - 1
        )  # the series of the last input row, as in `Windows.series`
    return tensors

"""The segment network: one recurrent layer over segments of the window, each target by itself, all with the same weights."""

from typing import Any

import numpy as np

from rnnfc.config.model_spec import SegmentSpec
from rnnfc.networks.backend import keras
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.parts.quantile_head import quantile_head
from rnnfc.networks.stacked import derive_seed

ops = keras.ops


def build_segment(
    spec: SegmentSpec, *, length: int, channels: int, horizon: int, targets: int, seed: int, **_: Any
) -> Any:
    """A Keras model: [n, length, channel] -> [n, horizon, target], or [n, horizon, target, level] with levels.

    It reads the targets' channels only.

    The window is filled up with zeros before its first row, and the forecast cut after its last, to whole segments.

    Source: Lin et al., SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting, arXiv 2308.11200 (2023).
    """
    size, width, segments, steps = (
        spec.segment,
        spec.width,
        -(-length // spec.segment),
        -(-horizon // spec.segment),
    )
    kernel, recurrent, embedding, dropped, out = (derive_seed(seed, role) for role in range(5))
    cell = find_cell(spec.cell).layer(
        width,
        return_state=True,
        kernel_seed=kernel,
        recurrent_seed=recurrent,
        seed=dropped,  # which it does not use, and would draw
        name="recurrent",
    )
    embed = keras.layers.Dense(
        width, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed=embedding), name="embed"
    )
    outputs = size * spec.num_outputs
    read_out = keras.layers.Dense(
        outputs, kernel_initializer=keras.initializers.GlorotUniform(seed=out), name="output"
    )

    window = keras.Input((length, channels), name="window")
    x = ops.transpose(window[:, :, :targets], (0, 2, 1))  # [n, target, length]
    x = ops.pad(x, ((0, 0), (0, 0), (segments * size - length, 0)))
    _, *state = cell(
        embed(ops.reshape(x, (-1, segments, size)))
    )  # [n * target, segment, width] -> [n * target, width]
    # Each output segment goes one step on from the window's last state, on a query of its own.
    state = [ops.repeat(part, steps, axis=0) for part in state]
    after, *_ = cell(
        _queries(window, steps=steps, targets=targets, width=width, seed=seed), initial_state=state
    )
    made = read_out(
        keras.layers.Dropout(spec.dropout, seed=dropped, name="dropout")(after)
    )  # [n * target * step, outputs]
    if spec.levels:
        made = ops.reshape(made, (-1, targets, steps * size, len(spec.levels)))[:, :, :horizon]
        made = quantile_head(horizon, targets, levels=spec.levels)(ops.transpose(made, (0, 2, 1, 3)))
    else:
        made = ops.transpose(ops.reshape(made, (-1, targets, steps * size))[:, :, :horizon], (0, 2, 1))
    return keras.Model(window, made, name="segment")


def _queries(window: Any, *, steps: int, targets: int, width: int, seed: int) -> Any:
    """What the cell reads in an output segment, learned: [n * target * step, 1, width]; half tells the step, half the target."""

    def embedding(name: str, count: int, role: int) -> Any:
        start = keras.initializers.RandomNormal(stddev=1.0, seed=derive_seed(seed, role))
        # An embedding of 0, 1, 2 ..., which have to come from the input to be part of the model.
        every = ops.zeros_like(window[:1, 0, :1]) + np.arange(count, dtype=np.float32)
        return keras.layers.Embedding(count, width // 2, start, name=name)(every)

    step = ops.repeat(embedding("step", steps, 5)[:, None], targets, axis=1)
    target = ops.repeat(embedding("target", targets, 6)[:, :, None], steps, axis=2)
    one_each = ops.zeros_like(window[:, :1, :1])[:, :, :, None]  # [n, 1, 1, 1]
    return ops.reshape(one_each + ops.concatenate([step, target], axis=-1), (-1, 1, width))

"""The segment family: one recurrent layer over segments of the window, each target by itself, all with the same weights.

Source: Lin et al., SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting, arXiv 2308.11200 (2023).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from rnnfc.config.network_spec import MAX_UNITS, CellName, Dropout, NetSpec
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.family import Family, Sizes, Work
from rnnfc.networks.seeds import derive_seed

if TYPE_CHECKING:
    from rnnfc.config.experiment import Experiment
    from rnnfc.networks.backend import keras


class SegmentSpec(NetSpec):
    """A recurrent layer over segments of the window, for each target by itself; every output segment is one step of its own.

    Source: Lin et al., SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting, arXiv 2308.11200 (2023).
    """

    kind: Literal["segment"]
    cell: CellName
    segment: int = Field(ge=1, description="rows a segment")
    width: int = Field(
        ge=2, le=MAX_UNITS, multiple_of=2, description="units of the recurrent layer, size of an embedding"
    )
    dropout: Dropout = Field(
        0.0, description="share of the state that is dropped, in training, before the last layer"
    )

    @property
    def label(self) -> str:
        """Cell, width and segment."""
        return self._with_parts(f"segment {self.cell} {self.width} (segments of {self.segment})")

    def num_segments(self, rows: int) -> int:
        """Segments that `rows` are cut into, the incomplete one included."""
        return -(-rows // self.segment)


def build(
    spec: SegmentSpec,
    sizes: Sizes,
    *,
    seed: int,
    unroll_for_export: bool = False,  # noqa: ARG001  the steps of the horizon run in parallel
) -> "keras.Model":
    """A Keras model: [n, length, channel] -> [n, horizon, target], or [n, horizon, target, level] with levels.

    It reads the targets' channels only. The window is padded with zeros before its first row, and the forecast cut after its
    last, to whole segments.
    """
    from rnnfc.networks.backend import keras
    from rnnfc.networks.parts.quantile_head import quantile_head
    from rnnfc.networks.tensors import WINDOW

    ops, size, width = keras.ops, spec.segment, spec.width
    horizon, targets = sizes.horizon, sizes.targets
    segments, steps = spec.num_segments(sizes.length), spec.num_segments(horizon)
    kernel, recurrent, embedding, dropped, out = (derive_seed(seed, role) for role in range(5))
    cell = find_cell(spec.cell).layer(
        width,
        return_state=True,
        kernel_seed=kernel,
        recurrent_seed=recurrent,
        seed=dropped,  # of dropout that the layer does not have; Keras would draw one
        name="recurrent",
    )
    embed = keras.layers.Dense(
        width, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed=embedding), name="embed"
    )
    read_out = keras.layers.Dense(
        size * spec.num_outputs,
        kernel_initializer=keras.initializers.GlorotUniform(seed=out),
        name="output",
    )

    window = keras.Input((sizes.length, sizes.channels), name=WINDOW)
    x = ops.transpose(window[:, :, :targets], (0, 2, 1))  # [n, target, length]
    x = ops.pad(x, ((0, 0), (0, 0), (segments * size - sizes.length, 0)))
    _, *state = cell(
        embed(ops.reshape(x, (-1, segments, size)))
    )  # [n * target, segment, width] -> [n * target, width]
    # Each output segment goes one step on from the window's last state, on a query of its own.
    state = [ops.repeat(part, steps, axis=0) for part in state]
    hidden, *_ = cell(
        _queries(window, steps=steps, targets=targets, width=width, seed=seed), initial_state=state
    )
    outputs = read_out(
        keras.layers.Dropout(spec.dropout, seed=dropped, name="dropout")(hidden)
    )  # [n * target * step, outputs]
    if spec.levels:
        outputs = ops.reshape(outputs, (-1, targets, steps * size, len(spec.levels)))[:, :, :horizon]
        outputs = quantile_head(horizon, targets, levels=spec.levels)(ops.transpose(outputs, (0, 2, 1, 3)))
    else:
        outputs = ops.transpose(ops.reshape(outputs, (-1, targets, steps * size))[:, :, :horizon], (0, 2, 1))
    return keras.Model(window, outputs, name="segment")


def _queries(
    window: "keras.KerasTensor", *, steps: int, targets: int, width: int, seed: int
) -> "keras.KerasTensor":
    """The learned inputs of the output segments, [n * target * step, 1, width]; half stands for the step, half for the target."""
    from rnnfc.networks.backend import keras

    ops = keras.ops

    def embedding(name: str, count: int, role: int) -> keras.KerasTensor:
        start = keras.initializers.RandomNormal(stddev=1.0, seed=derive_seed(seed, role))
        # An embedding of 0, 1, 2 ..., which have to come from the input to be part of the model.
        indices = ops.zeros_like(window[:1, 0, :1]) + np.arange(count, dtype=np.float32)
        return keras.layers.Embedding(count, width // 2, start, name=name)(indices)

    step = ops.repeat(embedding("step", steps, 5)[:, None], targets, axis=1)
    target = ops.repeat(embedding("target", targets, 6)[:, :, None], steps, axis=2)
    per_window = ops.zeros_like(window[:, :1, :1])[:, :, :, None]  # [n, 1, 1, 1]
    return ops.reshape(per_window + ops.concatenate([step, target], axis=-1), (-1, 1, width))


def _num_parameters(spec: SegmentSpec, sizes: Sizes) -> int:
    embeddings = (spec.num_segments(sizes.horizon) + sizes.targets) * (spec.width // 2)
    dense = (spec.segment + 1) * spec.width + (spec.width + 1) * spec.segment * spec.num_outputs
    return embeddings + dense + find_cell(spec.cell).num_parameters(inputs=spec.width, units=spec.width)


def _num_steps(spec: SegmentSpec, sizes: Sizes) -> int:
    return spec.num_segments(sizes.length) + spec.num_segments(sizes.horizon)


def _num_activations(spec: SegmentSpec, sizes: Sizes) -> int:
    of_step = spec.width * (find_cell(spec.cell).activations_per_unit + 1)
    return sizes.targets * (sizes.length + _num_steps(spec, sizes) * of_step)


def _work(spec: SegmentSpec, sizes: Sizes) -> Work:
    cell = find_cell(spec.cell)
    return Work(
        layers=1,
        steps=spec.num_segments(sizes.length) + 1,  # the output segments run in parallel
        rows=_num_steps(spec, sizes),
        windows=sizes.targets,
        gates=cell.gates,
        units=spec.width,
        weights=cell.num_matrix_weights(inputs=spec.width, units=spec.width),
    )


def _broken_rules(experiment: "Experiment", spec: SegmentSpec) -> Iterator[tuple[str, str]]:
    length = experiment.window.length
    if spec.segment > length:
        yield "model.segment", f"{spec.segment} is longer than window.length {length}; shorten it"
    for group, key in (
        ("data", "inputs"),
        ("data", "known"),
        ("data", "calendar"),
        ("model", "series_embedding"),
    ):
        if getattr(getattr(experiment, group), key, None):
            text = f"model.kind segment reads each target by itself and nothing further; leave {key} out"
            yield f"{group}.{key}", text


FAMILY = Family(
    spec=SegmentSpec,
    build=build,
    num_parameters=_num_parameters,
    num_activations=_num_activations,
    work=_work,
    broken_rules=_broken_rules,
)

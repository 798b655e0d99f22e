"""The encoder-decoder family: a recurrent layer reads the window, a cell of the same kind goes on from its state step by step.

Sources: Sutskever et al., Sequence to Sequence Learning with Neural Networks, NeurIPS 2014; Bahdanau et al., Neural Machine
Translation by Jointly Learning to Align and Translate, ICLR 2015 (additive scores, read before the cell); Luong et al., Effective
Approaches to Attention-based Neural Machine Translation, EMNLP 2015 (multiplicative scores, "general", read after the cell).
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from rnnfc.config.network_spec import CellName, Dropout, NetSpec, Units
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.family import Family, Sizes, Work
from rnnfc.networks.seeds import derive_seed

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


class Seq2SeqSpec(NetSpec):
    """A recurrent layer reads the window; a cell of the same kind goes on from its state, a step of the horizon at a time."""

    kind: Literal["seq2seq"]
    cell: CellName
    units: Units = Field(description="of the encoder and of the decoder")
    attention: Literal["none", "bahdanau", "luong"] = Field(
        "none",
        description="what each step reads of the whole window: bahdanau by additive scores, luong by multiplicative ones",
    )
    dropout: Dropout = Field(
        0.0, description="share of what the encoder hands on that is dropped, in training"
    )
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of the steps that read, in training, the true value before them, not their own forecast; 0 with "
        "levels, for a step that reads the truth before it learns how sure one step is, which is not how sure the last one is",
    )

    @model_validator(mode="before")
    @classmethod
    def _no_teacher_forcing_with_levels(cls, keys: object) -> object:
        if isinstance(keys, dict) and keys.get("levels") and keys.get("teacher_forcing") is None:
            return {**keys, "teacher_forcing": 0.0}
        return keys

    @property
    def label(self) -> str:
        """Cell, units and attention."""
        attention = "" if self.attention == "none" else f", {self.attention}"
        return self._with_parts(f"seq2seq {self.cell} {self.units}{attention}")


def build(spec: Seq2SeqSpec, sizes: Sizes, *, seed: int, unroll_for_export: bool = False) -> "keras.Model":
    """A Keras model: window[n, length, channel], target[n, horizon or 0, target] ->
    [n, horizon, target (, level)].

    With true targets, in training, each step of the decoder reads the target of the step before; without, the forecast of the
    step before, of quantiles the median. The first step reads the window's last row either way. With known channels each step
    reads its own row of a further input, `future` [n, horizon, known].

    Args:
        unroll_for_export: without a loop and without the input `target`: forecasts only, from Keras' own layers.
    """
    from rnnfc.networks.backend import keras
    from rnnfc.networks.inputs import make_model
    from rnnfc.networks.parts.autoregressive import AutoregressiveLoop, LoopInputs, unroll_steps
    from rnnfc.networks.tensors import FUTURE, PREVIOUS, TARGET, WINDOW

    inputs = {WINDOW: keras.Input((sizes.length, sizes.channels), name=WINDOW)}
    if sizes.known:
        inputs[FUTURE] = keras.Input((sizes.horizon, sizes.known), name=FUTURE)
    if not unroll_for_export:
        inputs[TARGET] = keras.Input((None, sizes.targets), name=TARGET)
    encoded = _encoder(spec, sizes, seed=seed)(inputs[WINDOW])
    fixed = {name: encoded.pop(name) for name in ("memory", "keys") if name in encoded}
    step = _decoder_step(spec, sizes, seed=seed)
    start = {PREVIOUS: inputs[WINDOW][:, -1, : sizes.targets], **encoded}
    loop_inputs: LoopInputs = {"start": start, "fixed": fixed}
    if sizes.known:
        loop_inputs["future"] = inputs[FUTURE]
    if unroll_for_export:
        forecast = unroll_steps(step, loop_inputs, horizon=sizes.horizon)
    else:
        loop_inputs["target"] = inputs[TARGET]
        forecast = AutoregressiveLoop(
            step, horizon=sizes.horizon, teacher_forcing=spec.teacher_forcing, seed=derive_seed(seed, 0)
        )(loop_inputs)
    return make_model(inputs, forecast, name="seq2seq")


def _dense(units: int, name: str, *, seed: int, role: int, **options: Any) -> "keras.layers.Dense":
    from rnnfc.networks.backend import keras

    start = keras.initializers.GlorotUniform(seed=derive_seed(seed, role))
    return keras.layers.Dense(units, kernel_initializer=start, name=name, **options)


def _seeds(seed: int, role: int) -> dict[str, int]:
    """The seeds of a cell; the last one, of dropout that it does not have, would otherwise be drawn by Keras."""
    kernel, recurrent, unused = (derive_seed(seed, role, use) for use in range(3))
    return {"kernel_seed": kernel, "recurrent_seed": recurrent, "seed": unused}


def _encoder(spec: Seq2SeqSpec, sizes: Sizes, *, seed: int) -> "keras.Model":
    """window[n, length, channel] -> its states[n, unit] by name and, for attention, `memory` and `keys` [n, length, unit]."""
    from rnnfc.networks.backend import keras
    from rnnfc.networks.tensors import WINDOW

    window = keras.Input((sizes.length, sizes.channels), name=WINDOW)
    cell = find_cell(spec.cell)
    layer = cell.layer(
        spec.units, return_sequences=True, return_state=True, **_seeds(seed, 1), name="encoder"
    )
    memory, *state = (
        keras.layers.Dropout(spec.dropout, seed=derive_seed(seed, 2, place), name=f"dropout_{place + 1}")(
            part
        )
        for place, part in enumerate(layer(window))
    )
    outputs = dict(zip(cell.states, state, strict=True))
    if spec.attention != "none":
        keys = _dense(spec.units, "keys", seed=seed, role=3, use_bias=False)
        outputs |= {"memory": memory, "keys": keys(memory)}
    return keras.Model(window, outputs, name="read")


def _decoder_step(spec: Seq2SeqSpec, sizes: Sizes, *, seed: int) -> "keras.Model":
    """previous[n, target], the states and, for attention, memory and keys -> forecast[n, target (, level)] and new states."""
    from rnnfc.networks.backend import keras
    from rnnfc.networks.parts.quantile_head import median, quantile_head
    from rnnfc.networks.tensors import FORECAST, NEXT_FUTURE, PREVIOUS

    ops, cell, targets = keras.ops, find_cell(spec.cell), sizes.targets
    shapes: dict[str, tuple[int, ...]] = {
        PREVIOUS: (targets,),
        **dict.fromkeys(cell.states, (spec.units,)),
    }
    if sizes.known:
        shapes[NEXT_FUTURE] = (sizes.known,)
    if spec.attention != "none":
        shapes |= dict.fromkeys(("memory", "keys"), (sizes.length, spec.units))
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    state = [inputs[name] for name in cell.states]
    read = (
        ops.concatenate([inputs[PREVIOUS], inputs[NEXT_FUTURE]], axis=-1) if sizes.known else inputs[PREVIOUS]
    )
    decoder = cell.step(spec.units, **_seeds(seed, 4), name="decoder")
    if spec.attention == "bahdanau":
        query = _dense(spec.units, "query", seed=seed, role=5)(state[0])
        scores = _dense(1, "score", seed=seed, role=6, use_bias=False)(
            ops.tanh(query[:, None] + inputs["keys"])
        )
        context = _weighted_mean(inputs["memory"], scores)
        hidden, state = decoder(ops.concatenate([read, context], axis=-1), state)
        hidden = ops.concatenate([hidden, context], axis=-1)
    else:
        hidden, state = decoder(read, state)
    if spec.attention == "luong":
        context = _weighted_mean(inputs["memory"], ops.matmul(inputs["keys"], hidden[:, :, None]))
        attend = _dense(spec.units, "attend", seed=seed, role=7, activation="tanh", use_bias=False)
        hidden = attend(ops.concatenate([context, hidden], axis=-1))
    forecast = _dense(targets * spec.num_outputs, "output", seed=seed, role=8)(hidden)
    if spec.levels:
        forecast = quantile_head(targets, levels=spec.levels)(
            ops.reshape(forecast, (-1, targets, len(spec.levels)))
        )
    previous = median(forecast, spec.levels)
    outputs = {FORECAST: forecast, PREVIOUS: previous, **dict(zip(cell.states, state, strict=True))}
    return keras.Model(inputs, outputs, name="step")


def _weighted_mean(memory: "keras.KerasTensor", scores: "keras.KerasTensor") -> "keras.KerasTensor":
    """The mean of memory[n, length, unit] by the softmax of scores[n, length, 1]: [n, unit]."""
    from rnnfc.networks.backend import keras

    weights = keras.ops.softmax(
        scores[:, :, 0]
    )  # over the last axis: over another, XLA cannot compile its gradient in a loop
    return keras.ops.sum(weights[:, :, None] * memory, axis=1)


def _num_parameters(spec: Seq2SeqSpec, sizes: Sizes) -> int:
    cell, units, outputs = find_cell(spec.cell), spec.units, sizes.targets * spec.num_outputs
    read = sizes.targets + sizes.known
    encoder = cell.num_parameters(inputs=sizes.channels, units=units)
    if spec.attention == "none":
        return encoder + cell.num_parameters(inputs=read, units=units) + (units + 1) * outputs
    keys = units**2
    if spec.attention == "luong":
        decoder = cell.num_parameters(inputs=read, units=units) + 2 * units**2  # attend
        return encoder + keys + decoder + (units + 1) * outputs
    # The context is read by the cell and by the output layer; query and score.
    decoder = cell.num_parameters(inputs=read + units, units=units) + (units + 1) * units + units
    return encoder + keys + decoder + (2 * units + 1) * outputs


def _num_activations(spec: Seq2SeqSpec, sizes: Sizes) -> int:
    per_unit = find_cell(spec.cell).activations_per_unit
    attended = sizes.length * spec.units * {"none": 0, "luong": 1, "bahdanau": 2}[spec.attention]
    encoder = sizes.length * (sizes.channels + spec.units * per_unit)
    return encoder + sizes.horizon * (spec.units * (per_unit + 2) + attended)


def _work(spec: Seq2SeqSpec, sizes: Sizes) -> Work:
    cell, steps = (
        find_cell(spec.cell),
        sizes.length + sizes.horizon,
    )  # the decoder's steps after the encoder's
    return Work(
        layers=1,
        steps=steps,
        rows=steps,
        gates=cell.gates,
        units=spec.units,
        weights=cell.num_matrix_weights(inputs=spec.units, units=spec.units),
    )


FAMILY = Family(
    spec=Seq2SeqSpec,
    build=build,
    num_parameters=_num_parameters,
    num_activations=_num_activations,
    work=_work,
)

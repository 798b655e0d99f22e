"""The encoder-decoder: a recurrent layer reads the window, a cell of the same kind goes on from its state a step at a time.

Sources: Sutskever et al., Sequence to Sequence Learning with Neural Networks, NeurIPS 2014; Bahdanau et al., Neural Machine
Translation by Jointly Learning to Align and Translate, ICLR 2015 (additive scores, read before the cell); Luong et al., Effective
Approaches to Attention-based Neural Machine Translation, EMNLP 2015 (multiplicative scores, "general", read after the cell).
"""

from typing import Any

from rnnfc.config.model_spec import Seq2SeqSpec
from rnnfc.networks.backend import keras
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.inputs import make_model
from rnnfc.networks.parts.autoregressive import AutoregressiveLoop, LoopInputs, unroll_steps
from rnnfc.networks.parts.quantile_head import median, quantile_head
from rnnfc.networks.stacked import derive_seed

ops = keras.ops


def build_seq2seq(
    spec: Seq2SeqSpec,
    *,
    length: int,
    channels: int,
    horizon: int,
    targets: int,
    seed: int,
    known: int = 0,
    unroll_for_export: bool = False,
) -> Any:
    """A Keras model: window[n, length, channel], target[n, horizon or 0, target] ->
    [n, horizon, target (, level)].

    Where there are true targets, which is in training, each step of the decoder reads the one before its own; with none, the
    forecast before its own, of quantiles the median. The first step reads the window's last row either way. With `known` channels
    that are known ahead each step reads its own row of a further input, `future` [n, horizon, known].

    Args:
        unroll_for_export: without a loop and without the input `target`, for forecasts alone, of plain layers alone.
    """
    given = {"window": keras.Input((length, channels), name="window")}
    if known:
        given["future"] = keras.Input((horizon, known), name="future")
    if not unroll_for_export:
        given["target"] = keras.Input((None, targets), name="target")
    handed = _encoder(spec, length=length, channels=channels, seed=seed)(given["window"])
    fixed = {name: handed.pop(name) for name in ("memory", "keys") if name in handed}
    step = _decoder_step(spec, length=length, targets=targets, known=known, seed=seed)
    start = {"previous": given["window"][:, -1, :targets], **handed}
    told: LoopInputs = {"start": start, "fixed": fixed}
    if known:
        told["future"] = given["future"]
    if unroll_for_export:
        made = unroll_steps(step, told, horizon=horizon)
    else:
        told["target"] = given["target"]
        made = AutoregressiveLoop(
            step, horizon=horizon, teacher_forcing=spec.teacher_forcing, seed=derive_seed(seed, 0)
        )(told)
    return make_model(given, made, name="seq2seq")


def _dense(units: int, name: str, *, seed: int, role: int, **options: Any) -> Any:
    start = keras.initializers.GlorotUniform(seed=derive_seed(seed, role))
    return keras.layers.Dense(units, kernel_initializer=start, name=name, **options)


def _seeds(seed: int, role: int) -> dict[str, int]:
    """The seeds of a cell; the last one, of dropout that it does not have, would otherwise be drawn by Keras."""
    kernel, recurrent, unused = (derive_seed(seed, role, which) for which in range(3))
    return {"kernel_seed": kernel, "recurrent_seed": recurrent, "seed": unused}


def _encoder(spec: Seq2SeqSpec, *, length: int, channels: int, seed: int) -> Any:
    """window[n, length, channel] -> its states[n, unit] by name and, for attention, `memory` and `keys` [n, length, unit]."""
    window = keras.Input((length, channels), name="window")
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
    handed = dict(zip(cell.states, state, strict=True))
    if spec.attention != "none":
        keys = _dense(spec.units, "keys", seed=seed, role=3, use_bias=False)
        handed |= {"memory": memory, "keys": keys(memory)}
    return keras.Model(window, handed, name="read")


def _decoder_step(spec: Seq2SeqSpec, *, length: int, targets: int, known: int, seed: int) -> Any:
    """previous[n, target], the states and, for attention, what it looks at -> forecast[n, target (, level)] and new states."""
    record = find_cell(spec.cell)
    sizes: dict[str, tuple[int, ...]] = {
        "previous": (targets,),
        **dict.fromkeys(record.states, (spec.units,)),
    }
    if known:
        sizes["ahead"] = (known,)
    if spec.attention != "none":
        sizes |= dict.fromkeys(("memory", "keys"), (length, spec.units))
    given = {name: keras.Input(shape, name=name) for name, shape in sizes.items()}
    state = [given[name] for name in record.states]
    read = ops.concatenate([given["previous"], given["ahead"]], axis=-1) if known else given["previous"]
    cell = record.step(spec.units, **_seeds(seed, 4), name="decoder")
    if spec.attention == "bahdanau":
        query = _dense(spec.units, "query", seed=seed, role=5)(state[0])
        scores = _dense(1, "score", seed=seed, role=6, use_bias=False)(
            ops.tanh(query[:, None] + given["keys"])
        )
        context = _weighted(given["memory"], scores)
        hidden, state = cell(ops.concatenate([read, context], axis=-1), state)
        hidden = ops.concatenate([hidden, context], axis=-1)
    else:
        hidden, state = cell(read, state)
    if spec.attention == "luong":
        context = _weighted(given["memory"], ops.matmul(given["keys"], hidden[:, :, None]))
        attend = _dense(spec.units, "attend", seed=seed, role=7, activation="tanh", use_bias=False)
        hidden = attend(ops.concatenate([context, hidden], axis=-1))
    forecast = _dense(targets * spec.num_outputs, "output", seed=seed, role=8)(hidden)
    if spec.levels:
        forecast = quantile_head(targets, levels=spec.levels)(
            ops.reshape(forecast, (-1, targets, len(spec.levels)))
        )
    previous = median(forecast, spec.levels)
    handed = {"forecast": forecast, "previous": previous, **dict(zip(record.states, state, strict=True))}
    return keras.Model(given, handed, name="step")


def _weighted(memory: Any, scores: Any) -> Any:
    """The mean of memory[n, length, unit] by the softmax of scores[n, length, 1]: [n, unit]."""
    weights = ops.softmax(
        scores[:, :, 0]
    )  # over the last axis: over another, XLA cannot compile its gradient in a loop
    return ops.sum(weights[:, :, None] * memory, axis=1)

"""The recurrence of Keras' cells written out for training: the same numbers, with far less to do at each step back.

With a[t] = d[t] + s[t-1] W, where d[t] is what inputs and biases drive the gates with, Keras' loop adds s[t-1]' dL/da[t] to the
gradient of W at every step. Here a step back only keeps dL/da[t], and one product after the loop makes the sum over steps and
windows, as large as a matrix library likes it. The inputs' own products stand before the loop, so theirs follows likewise.

The layers stay Keras': weights, activations and all around the recurrence are theirs, see `written_out`. Time comes first in the
shapes: [T, n, H], with T steps, n windows, H units. Sources: those of the cells in Keras, and Werbos, see `models.scratch`.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rnnfc.models.backend import keras, tf

States = tuple[Any, ...]
# The slope of each activation, by its own value.
_SLOPES: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda y: 1 - y * y,
    "sigmoid": lambda y: y * (1 - y),
    "linear": tf.ones_like,
    "relu": lambda y: tf.cast(y > 0, y.dtype),
    "elu": lambda y: tf.where(y > 0, tf.ones_like(y), y + 1),
    "softsign": lambda y: (1 - tf.abs(y)) ** 2,
}
_sigmoid_slope = _SLOPES["sigmoid"]


@dataclass(frozen=True, kw_only=True)
class Equations:
    """One kind of cell; f is its activation, and every array of a step is [n, H] for each gate or state.

    told: the widths of what a step tells, in units.
    over: whether the first of it, as wide as d, is written over d, and the gradient by a over that. It saves arrays that XLA
        fills with zeros first: 5 to 11 % of the time of an LSTM of 128 units, nothing of a GRU's; a SimpleRNN is slower.
    drive: (cell, x) -> what does not depend on the state, for all steps at once; the first of it is d.
    step: (f, a, driven, states) -> what is told of the step; the last of it are the states after it.
    back: (f, its slope, told, states before, gradient by the states after) -> the gradient by a and whatever else was driven, and
        that by the states before without what came through W.
    """

    told: tuple[int, ...]
    over: bool = False
    drive: Callable[[Any, Any], States]
    step: Callable[[Any, Any, States, States], States]
    back: Callable[[Any, Any, States, States, States], tuple[States, States]]


def _drive_all_gates(cell: Any, x: Any) -> States:
    return (x @ cell.kernel + cell.bias,)


def _lstm_step(f: Any, a: Any, _: States, states: States) -> States:
    gates = tf.split(a, 4, axis=-1)
    into, forget, out = (tf.sigmoid(gates[place]) for place in (0, 1, 3))
    fresh = f(gates[2])
    memory = forget * states[1] + into * fresh
    return tf.concat((into, forget, fresh, out), axis=-1), out * f(memory), memory


def _lstm_back(f: Any, slope: Any, told: States, before: States, by_after: States) -> tuple[States, States]:
    into, forget, fresh, out = tf.split(told[0], 4, axis=-1)
    shown = f(told[2])
    by_memory = by_after[1] + by_after[0] * out * slope(shown)
    by_gates = (
        by_memory * fresh * _sigmoid_slope(into),
        by_memory * before[1] * _sigmoid_slope(forget),
        by_memory * into * slope(fresh),
        by_after[0] * shown * _sigmoid_slope(out),
    )
    return (tf.concat(by_gates, axis=-1),), (0.0, by_memory * forget)


def _gru_drive(cell: Any, x: Any) -> States:
    """The candidate's inputs come in once its product by the state has been reset (Keras' reset_after): they are driven apart."""
    driven, both = x @ cell.kernel + cell.bias[0], 2 * cell.units
    gates = tf.cast(tf.range(3 * cell.units) < both, driven.dtype)  # 1 for update and reset, 0 for the candidate
    return driven * gates + cell.bias[1], driven[..., both:]


def _gru_step(f: Any, a: Any, driven: States, states: States) -> States:
    update, reset, recalled = tf.split(a, 3, axis=-1)
    update, reset = tf.sigmoid(update), tf.sigmoid(reset)
    fresh = f(driven[1] + reset * recalled)
    return update, reset, recalled, fresh, update * states[0] + (1 - update) * fresh


def _gru_back(_: Any, slope: Any, told: States, before: States, by_after: States) -> tuple[States, States]:
    update, reset, recalled, fresh, _ = told
    by_fresh = by_after[0] * (1 - update) * slope(fresh)
    by_gates = (
        by_after[0] * (before[0] - fresh) * _sigmoid_slope(update),
        by_fresh * recalled * _sigmoid_slope(reset),
        by_fresh * reset,
    )
    return (tf.concat(by_gates, axis=-1), by_fresh), (by_after[0] * update,)


EQUATIONS = {
    "SimpleRNN": Equations(
        told=(1,),
        drive=_drive_all_gates,
        step=lambda f, a, _, __: (f(a),),
        back=lambda _, slope, told, __, by_after: ((by_after[0] * slope(told[0]),), (0.0,)),
    ),
    "LSTM": Equations(told=(4, 1, 1), over=True, drive=_drive_all_gates, step=_lstm_step, back=_lstm_back),
    "GRU": Equations(told=(1, 1, 1, 1, 1), drive=_gru_drive, step=_gru_step, back=_gru_back),
}


@contextlib.contextmanager
def written_out(layers: Sequence[Any], *, unroll: bool) -> Iterator[None]:
    """Recurrent layers without dropout trace as written here, as straight code or as a loop; the same before and after."""
    plain = [layer for layer in layers if not layer.dropout and not layer.recurrent_dropout]
    for layer in plain:
        layer.inner_loop = functools.partial(_inner_loop, layer, unroll=unroll)
    try:
        yield
    finally:
        for layer in plain:
            del layer.inner_loop


def _inner_loop(
    layer: Any,
    sequences: Any,
    initial_state: Any,
    mask: None,  # noqa: ARG001  Keras' arguments; no model here masks
    training: bool = False,  # noqa: ARG001  as above
    *,
    unroll: bool,
) -> tuple[Any, Any, list[Any]]:
    """As the layer's own: the last output[n, H], the outputs[n, T, H] (where it returns none, the last alone), the states."""
    x = tf.transpose(sequences, [1, 0, 2])
    if layer.go_backwards:
        x = tf.reverse(x, [0])
    start = tuple(tf.convert_to_tensor(state) for state in keras.tree.flatten(initial_state))
    driven = EQUATIONS[type(layer).__name__].drive(layer.cell, x)
    recurrence = _recurrence(layer, len(start), unroll=unroll)
    outputs, *last = recurrence(tf.convert_to_tensor(layer.cell.recurrent_kernel), *start, *driven)
    return last[0], tf.transpose(outputs, [1, 0, 2]) if layer.return_sequences else last[0][:, None], last


def _recurrence(layer: Any, num_states: int, *, unroll: bool) -> Any:
    """(W, states before the first step, driven[T, n, ...]) -> the outputs[T, n, H], the states after the last step."""
    equations, f = EQUATIONS[type(layer).__name__], layer.cell.activation
    slope, sequences = _SLOPES[f.__name__], layer.return_sequences

    def recurrence(kernel: Any, *arguments: Any) -> tuple[Any, Any]:
        start, driven = arguments[:num_states], arguments[num_states:]

        def step(states: States, driven: States) -> tuple[States, States]:
            told = equations.step(f, driven[0] + states[0] @ kernel, driven, states)
            return told[-num_states:], told

        num_over = int(equations.over)
        over = driven[:num_over]
        widths = [layer.cell.units * width for width in equations.told[num_over:]]
        last, told = _over_time(step, start, over, read=driven[num_over:], added=widths, unroll=unroll)
        after = told[-num_states:]

        def gradient(by_outputs: Any, *by_last: Any) -> tuple[Any, ...]:
            before = [tf.concat([first[None], rest[:-1]], axis=0) for first, rest in zip(start, after, strict=True)]
            # Outside the loop, inside which a product by a transposed matrix takes half as long again.
            transposed = tf.transpose(kernel)

            def step_back(by_after: States, read: States) -> tuple[States, States]:
                if sequences:
                    by_after, read = (by_after[0] + read[-1], *by_after[1:]), read[:-1]
                known, states = read[:-num_states], read[-num_states:]
                by_driven, by_before = equations.back(f, slope, known, states, by_after)
                return (by_before[0] + by_driven[0] @ transposed, *by_before[1:]), by_driven

            over, read = told[:num_over], (*told[num_over:], *before)
            read = (*read, by_outputs) if sequences else read
            widths = [each.shape[-1] for each in driven[num_over:]]
            by_start, by_driven = _over_time(step_back, by_last, over, read=read, added=widths, backwards=True, unroll=unroll)
            rows = [tf.reshape(each, [-1, each.shape[-1]]) for each in (before[0], by_driven[0])]  # [T * n, ...]
            return (tf.matmul(*rows, transpose_a=True), *by_start, *by_driven)

        return (after[0], *last), gradient

    return tf.custom_gradient(recurrence)


def _over_time(
    step: Callable[[States, States], tuple[States, States]],
    carry: States,
    over: Sequence[Any],
    *,
    read: Sequence[Any],
    added: Sequence[int],
    backwards: bool = False,
    unroll: bool,
) -> tuple[States, list[Any]]:
    """The carry after all steps, and what they told: over each of `over`[T, n, ...], then [T, n, width] for each added.

    `step` is (carry, what each of `over` and `read`[T, ...] has for the step) -> (carry, what it tells, [n, width] each).
    """
    length, n = (*over, *read)[0].shape[:2]
    if unroll:
        rows: dict[int, States] = {}
        for t in reversed(range(length)) if backwards else range(length):
            carry, rows[t] = step(carry, tuple(each[t] for each in (*over, *read)))
        return carry, [tf.stack(column) for column in zip(*(rows[t] for t in range(length)), strict=True)]

    def array(width: int) -> Any:
        return tf.TensorArray(carry[0].dtype, size=length, element_shape=[n, width], clear_after_read=False)

    arrays = [*(array(each.shape[-1]).unstack(each) for each in over), *map(array, added)]

    def one(count: Any, carry: States, now: States, arrays: list[Any]) -> tuple[Any, States, States, list[Any]]:
        t = length - 1 - count if backwards else count
        carry, told = step(carry, (*now, *(each[t] for each in read)))
        arrays = [array.write(t, each) for array, each in zip(arrays, told, strict=True)]
        # Read once this step is written: otherwise XLA copies the whole array to write into the copy.
        following = tf.clip_by_value(t - 1 if backwards else t + 1, 0, length - 1)
        return count + 1, carry, tuple(array.read(following) for array in arrays[: len(over)]), arrays

    start = (tf.constant(0), tuple(carry), tuple(each[-1 if backwards else 0] for each in over), arrays)
    _, carry, _, arrays = tf.while_loop(lambda count, *_: count < length, one, start, parallel_iterations=1)
    return carry, [array.stack() for array in arrays]

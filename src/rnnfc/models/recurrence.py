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

    drive: (cell, x) -> what does not depend on the state, for all steps at once; the first of it is d.
    step: (f, a, driven, states) -> the states after the step, and what else `back` has to know (`num_kept` arrays).
    back: (slope of f, kept, states before, states after, gradient by the states after) -> the gradient by a and whatever else was
        driven, and that by the states before without what came through W.
    """

    num_kept: int
    drive: Callable[[Any, Any], States]
    step: Callable[[Any, Any, States, States], tuple[States, States]]
    back: Callable[[Any, States, States, States, States], tuple[States, States]]


def _drive_all_gates(cell: Any, x: Any) -> States:
    return (x @ cell.kernel + cell.bias,)


def _simple_step(f: Any, a: Any, _: States, __: States) -> tuple[States, States]:
    return (f(a),), ()


def _simple_back(slope: Any, _: States, __: States, after: States, by_after: States) -> tuple[States, States]:
    return (by_after[0] * slope(after[0]),), (0.0,)


def _lstm_step(f: Any, a: Any, _: States, states: States) -> tuple[States, States]:
    gates = tf.split(a, 4, axis=-1)
    into, forget, out = (tf.sigmoid(gates[place]) for place in (0, 1, 3))
    fresh = f(gates[2])
    memory = forget * states[1] + into * fresh
    shown = f(memory)
    return (out * shown, memory), (into, forget, fresh, out, shown)


def _lstm_back(slope: Any, kept: States, before: States, _: States, by_after: States) -> tuple[States, States]:
    into, forget, fresh, out, shown = kept
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


def _gru_step(f: Any, a: Any, driven: States, states: States) -> tuple[States, States]:
    update, reset, recalled = tf.split(a, 3, axis=-1)
    update, reset = tf.sigmoid(update), tf.sigmoid(reset)
    fresh = f(driven[1] + reset * recalled)
    return (update * states[0] + (1 - update) * fresh,), (update, reset, recalled, fresh)


def _gru_back(slope: Any, kept: States, before: States, _: States, by_after: States) -> tuple[States, States]:
    update, reset, recalled, fresh = kept
    by_fresh = by_after[0] * (1 - update) * slope(fresh)
    by_gates = (
        by_after[0] * (before[0] - fresh) * _sigmoid_slope(update),
        by_fresh * recalled * _sigmoid_slope(reset),
        by_fresh * reset,
    )
    return (tf.concat(by_gates, axis=-1), by_fresh), (by_after[0] * update,)


EQUATIONS = {
    "SimpleRNN": Equations(num_kept=0, drive=_drive_all_gates, step=_simple_step, back=_simple_back),
    "LSTM": Equations(num_kept=5, drive=_drive_all_gates, step=_lstm_step, back=_lstm_back),
    "GRU": Equations(num_kept=4, drive=_gru_drive, step=_gru_step, back=_gru_back),
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
    widths = [layer.cell.units] * (num_states + equations.num_kept)

    def recurrence(kernel: Any, *arguments: Any) -> tuple[Any, Any]:
        start, driven = arguments[:num_states], arguments[num_states:]

        def step(states: States, driven: States) -> tuple[States, States]:
            after, kept = equations.step(f, driven[0] + states[0] @ kernel, driven, states)
            return after, (*after, *kept)

        last, told = _over_time(step, start, driven, widths=widths, backwards=False, unroll=unroll)
        after, kept = told[:num_states], told[num_states:]

        def gradient(by_outputs: Any, *by_last: Any) -> tuple[Any, ...]:
            before = [tf.concat([first[None], rest[:-1]], axis=0) for first, rest in zip(start, after, strict=True)]
            # Outside the loop, inside which a product by a transposed matrix takes half as long again.
            transposed = tf.transpose(kernel)

            def step_back(by_after: States, read: States) -> tuple[States, States]:
                if sequences:
                    by_after, read = (by_after[0] + read[-1], *by_after[1:]), read[:-1]
                known, states = read[: len(kept)], read[len(kept) :]
                by_driven, by_before = equations.back(slope, known, states[:num_states], states[num_states:], by_after)
                return (by_before[0] + by_driven[0] @ transposed, *by_before[1:]), by_driven

            read = (*kept, *before, *after, *([by_outputs] if sequences else []))
            gates = [each.shape[-1] for each in driven]
            by_start, by_driven = _over_time(step_back, by_last, read, widths=gates, backwards=True, unroll=unroll)
            rows = [tf.reshape(each, [-1, each.shape[-1]]) for each in (before[0], by_driven[0])]  # [T * n, ...]
            return (tf.matmul(*rows, transpose_a=True), *by_start, *by_driven)

        return (told[0], *last), gradient

    return tf.custom_gradient(recurrence)


def _over_time(
    step: Callable[[States, States], tuple[States, States]],
    carry: States,
    read: Sequence[Any],
    *,
    widths: Sequence[int],
    backwards: bool,
    unroll: bool,
) -> tuple[States, list[Any]]:
    """The carry after all steps, and what they told, [T, n, width] each.

    `step` is (carry, what each of `read`[T, ...] has for the step) -> (carry, what it tells, [n, width] each).
    """
    length, n = read[0].shape[:2]
    if unroll:
        rows: dict[int, States] = {}
        for t in reversed(range(length)) if backwards else range(length):
            carry, rows[t] = step(carry, tuple(each[t] for each in read))
        return carry, [tf.stack(column) for column in zip(*(rows[t] for t in range(length)), strict=True)]
    arrays = [tf.TensorArray(read[0].dtype, size=length, element_shape=[n, width]) for width in widths]

    def one(count: Any, carry: States, arrays: list[Any]) -> tuple[Any, States, list[Any]]:
        t = length - 1 - count if backwards else count
        carry, told = step(carry, tuple(each[t] for each in read))
        return count + 1, carry, [array.write(t, each) for array, each in zip(arrays, told, strict=True)]

    start = (tf.constant(0), tuple(carry), arrays)
    _, carry, arrays = tf.while_loop(lambda count, *_: count < length, one, start, parallel_iterations=1)
    return carry, [array.stack() for array in arrays]

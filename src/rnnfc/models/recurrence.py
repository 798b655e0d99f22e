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
    """One kind of cell; f is its activation, and every array of a step is [n, H], those of all gates [n, gates, H].

    A step forwards also tells the slopes that its step back multiplies by, which then has little to do. XLA makes a kernel of
    each array, and small ones cost a microsecond each whatever they hold.

    told: how many arrays a step tells after the first, [n, gates, H], from which the gradient by a is made.
    over: whether this first one is written over d, and the gradient by a over it. It saves an array that XLA fills with zeros
        first: 8 % of the time of an LSTM of 128 units; a GRU or a SimpleRNN is slower by as much.
    drive: (cell, x) -> what does not depend on the state, [T, n, gates * H] and more for all steps at once; the first of it is d.
    step: (f, its slope, a, what else is driven, states) -> what is told of the step, the states after it.
    back: (told, gradient by the states after) -> the gradient by a and whatever else was driven, and that by the states before
        without what comes through W: for each state, or for all but the first where there is none.
    """

    gates: int
    told: int
    over: bool = False
    drive: Callable[[Any, Any], States]
    step: Callable[[Any, Any, Any, States, States], tuple[States, States]]
    back: Callable[[States, States], tuple[States, States]]


def _affine(x: Any, kernel: Any, bias: Any) -> Any:
    # The bias by a product too: the gradient by it is one, for which XLA has faster code than for the sum over two axes.
    return x @ kernel + tf.ones([*x.shape[:2], 1]) @ bias[None]


def _drive_all_gates(cell: Any, x: Any) -> States:
    return (_affine(x, cell.kernel, cell.bias),)


def _side_by_side(*parts: Any) -> Any:
    """[n, H] of each gate -> [n, gates, H]; chosen from and not stacked: XLA computes and chooses in one kernel."""
    gate = tf.range(len(parts))[:, None]
    chosen = parts[-1][:, None]
    for place, part in enumerate(parts[:-1]):
        chosen = tf.where(gate == place, part[:, None], chosen)
    return chosen


def _simple_step(f: Any, slope: Any, a: Any, _: States, __: States) -> tuple[States, States]:
    state = f(a[:, 0])
    return (slope(state)[:, None],), (state,)


def _simple_back(told: States, by_after: States) -> tuple[States, States]:
    return (by_after[0][:, None] * told[0],), ()


def _lstm_step(f: Any, slope: Any, a: Any, _: States, states: States) -> tuple[States, States]:
    gates = tf.unstack(a, axis=1)
    into, forget, out = (tf.sigmoid(gates[place]) for place in (0, 1, 3))
    fresh = f(gates[2])
    memory = forget * states[1] + into * fresh
    shown = f(memory)
    told = _side_by_side(
        fresh * _sigmoid_slope(into), states[1] * _sigmoid_slope(forget), into * slope(fresh), shown * _sigmoid_slope(out)
    )
    return (told, out * slope(shown), forget), (out * shown, memory)


def _lstm_back(told: States, by_after: States) -> tuple[States, States]:
    by_a, by_shown, forget = told
    by_memory = by_after[1] + by_after[0] * by_shown
    return (_side_by_side(by_memory, by_memory, by_memory, by_after[0]) * by_a,), (by_memory * forget,)


def _gru_drive(cell: Any, x: Any) -> States:
    """The candidate's inputs come in once its product by the state has been reset (Keras' reset_after): they are driven apart."""
    both = 2 * cell.units
    gates = tf.cast(tf.range(3 * cell.units) < both, x.dtype)  # 1 for update and reset, 0 for the candidate
    d = _affine(x, cell.kernel * gates, cell.bias[0] * gates + cell.bias[1])
    return d, _affine(x, cell.kernel[:, both:], cell.bias[0, both:])


def _gru_step(f: Any, slope: Any, a: Any, driven: States, states: States) -> tuple[States, States]:
    update, reset, recalled = tf.unstack(a, axis=1)
    update, reset = tf.sigmoid(update), tf.sigmoid(reset)
    fresh = f(driven[0] + reset * recalled)
    by_fresh = (1 - update) * slope(fresh)
    told = _side_by_side(
        (states[0] - fresh) * _sigmoid_slope(update), by_fresh * recalled * _sigmoid_slope(reset), by_fresh * reset
    )
    return (told, by_fresh, update), (update * states[0] + (1 - update) * fresh,)


def _gru_back(told: States, by_after: States) -> tuple[States, States]:
    by_a, by_fresh, update = told
    by_state = by_after[0]
    return (by_state[:, None] * by_a, by_state * by_fresh), (by_state * update,)


EQUATIONS = {
    "SimpleRNN": Equations(gates=1, told=0, drive=_drive_all_gates, step=_simple_step, back=_simple_back),
    "LSTM": Equations(gates=4, told=2, over=True, drive=_drive_all_gates, step=_lstm_step, back=_lstm_back),
    "GRU": Equations(gates=3, told=2, drive=_gru_drive, step=_gru_step, back=_gru_back),
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
    # Zeros are no arguments: nothing is multiplied by them, and no gradient goes back to them.
    zeros, given = (start, ()) if all(map(_is_zero, start)) else ((), start)
    driven = EQUATIONS[type(layer).__name__].drive(layer.cell, x)
    recurrence = _recurrence(layer, zeros, len(start), unroll=unroll)
    outputs, *last = recurrence(tf.convert_to_tensor(layer.cell.recurrent_kernel), *given, *driven)
    return last[0], tf.transpose(outputs, [1, 0, 2]) if layer.return_sequences else last[0][:, None], last


def _is_zero(state: Any) -> bool:
    """Whether a state is known to be zero before anything runs."""
    known = tf.get_static_value(state)
    return known is not None and not known.any()


def _recurrence(layer: Any, zeros: States, num_states: int, *, unroll: bool) -> Any:
    """(W, states before the first step unless they are `zeros`, driven) -> outputs[T, n, H], states after the last step.

    The first step from zeros needs no product, neither forwards nor back: of a window of ten these are a tenth of all.
    """
    equations, f, units = EQUATIONS[type(layer).__name__], layer.cell.activation, layer.cell.units
    slope, sequences = _SLOPES[f.__name__], layer.return_sequences
    over_time = functools.partial(_over_time, over=equations.over, unroll=unroll)

    def recurrence(kernel: Any, *arguments: Any) -> tuple[Any, Any]:
        num_given = 0 if zeros else num_states
        start, (d, *driven) = zeros or arguments[:num_given], arguments[num_given:]
        length, n = d.shape[:2]

        def step(states: States, d: Any, t: Any) -> tuple[States, States]:
            a = d if states is zeros else d + tf.reshape(states[0] @ kernel, d.shape)
            told, after = equations.step(f, slope, a, tuple(each[t] for each in driven), states)
            return after, (*told, states[0])

        by_gate = tf.reshape(d, [length, n, equations.gates, units])
        last, (first, *told, before) = over_time(step, start, by_gate, added=[units] * (equations.told + 1))

        def gradient(by_outputs: Any, *by_last: Any) -> tuple[Any, ...]:
            # Outside the loop, inside which a product by a transposed matrix takes half as long again.
            transposed = tf.transpose(kernel)

            def by_states(by_a: Any, *beside: Any) -> States:
                through = tf.reshape(by_a, [n, -1]) @ transposed
                return (through + beside[0], *beside[1:]) if len(beside) == num_states else (through, *beside)

            def step_back(carry: States, first: Any, t: Any) -> tuple[States, States]:
                by_after = carry if carry is by_last else by_states(*carry)
                if sequences:
                    by_after = (by_after[0] + by_outputs[t], *by_after[1:])
                by_driven, by_before = equations.back((first, *(each[t] for each in told)), by_after)
                return (by_driven[0], *by_before), by_driven

            widths = [each.shape[-1] for each in driven]
            carry, (by_gate, *by_driven) = over_time(step_back, by_last, first, added=widths, backwards=True)
            rows = [tf.reshape(each, [length * n, -1]) for each in (before, by_gate)]
            by_start = () if zeros else by_states(*carry)
            return (tf.matmul(*rows, transpose_a=True), *by_start, tf.reshape(by_gate, d.shape), *by_driven)

        outputs = tf.concat([before[1:], last[0][None]], axis=0) if sequences else last[0][None]
        return (outputs, *last), gradient

    return tf.custom_gradient(recurrence)


def _over_time(
    step: Callable[[States, Any, Any], tuple[States, States]],
    carry: States,
    given: Any,
    *,
    added: Sequence[int],
    over: bool,
    backwards: bool = False,
    unroll: bool,
) -> tuple[States, list[Any]]:
    """The carry after all steps, and what they told: the first as `given`[T, n, gates, H], then [T, n, width] for each added.

    Args:
        step: (carry, what was given for the step, t) -> (carry, what it tells). The step that it begins with stands before the
            loop.
        over: the first that is told is written over what was given.
    """
    length = given.shape[0]
    begin, *others = reversed(range(length)) if backwards else range(length)
    carry, told = step(carry, given[begin], begin)
    if unroll:
        rows = {begin: told}
        for t in others:
            carry, rows[t] = step(carry, given[t], t)
        return carry, [tf.stack(column) for column in zip(*(rows[t] for t in range(length)), strict=True)]

    def array(*shape: int) -> Any:
        return tf.TensorArray(carry[0].dtype, size=length, element_shape=shape, clear_after_read=False)

    def written(t: Any, told: States, arrays: list[Any]) -> list[Any]:
        return [array.write(t, each) for array, each in zip(arrays, told, strict=True)]

    def following(t: Any, arrays: list[Any]) -> States:
        """What was given for the next step, read once this step is written: or XLA copies the array to write into the copy."""
        return (arrays[0].read(tf.clip_by_value(t - 1 if backwards else t + 1, 0, length - 1)),) if over else ()

    def one(count: Any, carry: States, now: States, arrays: list[Any]) -> tuple[Any, States, States, list[Any]]:
        t = length - 1 - count if backwards else count
        carry, told = step(carry, now[0] if over else given[t], t)
        arrays = written(t, told, arrays)
        return count + 1, carry, following(t, arrays), arrays

    first = array(*given.shape[1:])
    arrays = [first.unstack(given) if over else first, *(array(given.shape[1], width) for width in added)]
    arrays = written(begin, told, arrays)
    state = (tf.constant(1), carry, following(begin, arrays), arrays)
    _, carry, _, arrays = tf.while_loop(lambda count, *_: count < length, one, state, parallel_iterations=1)
    return carry, [array.stack() for array in arrays]

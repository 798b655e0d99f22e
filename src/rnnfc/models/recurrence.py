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
from typing import Any

from rnnfc.models.backend import keras, tf
from rnnfc.models.equations import EQUATIONS, SLOPES, Equations, States


def drops(layer: Any) -> bool:
    """Whether a recurrent layer, or its cell, draws what it drops."""
    return bool(layer.dropout or layer.recurrent_dropout)


@contextlib.contextmanager
def written_out(layers: Sequence[Any]) -> Iterator[None]:
    """Recurrent layers without dropout trace as written here; the same before and after."""
    plain = [layer for layer in layers if not drops(layer)]
    for layer in plain:
        layer.inner_loop = functools.partial(_inner_loop, layer)
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
) -> tuple[Any, Any, list[Any]]:
    """As the layer's own: the last output[n, H], the outputs[n, T, H] (where it returns none, the last alone), the states."""
    x = tf.transpose(sequences, [1, 0, 2])
    if layer.go_backwards:
        x = tf.reverse(x, [0])
    states = tuple(tf.convert_to_tensor(state) for state in keras.tree.flatten(initial_state))
    first = []
    # A window of one row is left whole: W would have no gradient.
    if x.shape[0] > 1 and all(map(_is_zero, states)):
        states = _first_step(layer, x[:1], states)
        first, x = [states[0][None]], x[1:]
    driven = EQUATIONS[type(layer).__name__].drive(layer.cell, x)
    outputs, *last = _recurrence(layer, len(states))(tf.convert_to_tensor(layer.cell.recurrent_kernel), *states, *driven)
    outputs = tf.transpose(tf.concat([*first, outputs], axis=0), [1, 0, 2]) if layer.return_sequences else last[0][:, None]
    return last[0], outputs, last


def _first_step(layer: Any, x: Any, zeros: States) -> States:
    """The states after a step from zeros over x[1, n, C]; it needs no product by W, neither forwards nor for any gradient."""
    equations, f = EQUATIONS[type(layer).__name__], layer.cell.activation
    d, *driven = (each[0] for each in equations.drive(layer.cell, x))
    a = tf.reshape(d, [-1, equations.gates, layer.cell.units])
    return equations.step(f, SLOPES[f.__name__], a, tuple(driven), zeros)[1]


def _is_zero(state: Any) -> bool:
    """Whether a state is known to be zero before anything runs."""
    known = tf.get_static_value(state)
    return known is not None and not known.any()


def _recurrence(layer: Any, num_states: int) -> Any:
    """(W, states before the first step, driven) -> outputs[T, n, H], states after the last step."""
    equations, f, units = EQUATIONS[type(layer).__name__], layer.cell.activation, layer.cell.units
    slope, sequences = SLOPES[f.__name__], layer.return_sequences

    def recurrence(kernel: Any, *arguments: Any) -> tuple[Any, Any]:
        start, (d, *driven) = arguments[:num_states], arguments[num_states:]
        length, n = d.shape[:2]
        d_by_gate = tf.reshape(d, [length, n, equations.gates, units])

        def step(states: States, over: States, t: Any) -> tuple[States, States]:
            d = over[0] if over else d_by_gate[t]
            a = d + tf.reshape(states[0] @ kernel, d.shape)
            told, after = equations.step(f, slope, a, tuple(each[t] for each in driven), states)
            return after, (*told, states[0])

        def first_told(t: Any) -> Any:
            # The last step, which is the first one back, is no turn of the loop: its number is no tensor.
            return told[0][t] if told else slope(last[0] if isinstance(t, int) else before[t + 1])[:, None]

        shapes = [*[d_by_gate.shape[1:], [n, units], [n, units]][: equations.told], [n, units]]
        over = (d_by_gate,) if equations.over else ()
        last, (*told, before) = _over_time(step, start, length=length, shapes=shapes, over=over)

        def gradient(by_outputs: Any, *by_last: Any) -> tuple[Any, ...]:
            by_outputs = by_outputs if sequences else None
            driving = [each.shape[1:] for each in (d_by_gate, *driven)]
            by_kernel, by_start, by_gate, *by_driven = _gradients(
                equations, kernel, told, before, by_outputs, by_last, first_told=first_told, shapes=driving
            )
            return (by_kernel, *by_start, tf.reshape(by_gate, d.shape), *by_driven)

        outputs = tf.concat([before[1:], last[0][None]], axis=0) if sequences else last[0][None]
        return (outputs, *last), gradient

    return tf.custom_gradient(recurrence)


def _gradients(
    equations: Equations,
    kernel: Any,
    told: Sequence[Any],
    before: Any,
    by_outputs: Any,
    by_last: States,
    *,
    first_told: Callable[[Any], Any],
    shapes: Sequence[Any],
) -> tuple[Any, ...]:
    """The gradients by W, by the states before the first step, by d[T, n, gates, H] and by all else that was driven.

    Args:
        told, before: what each step forwards told, and its hidden state before, [T, n, ...].
        by_outputs: the gradient by the outputs, [T, n, H], or None where there is none beside that by the last states.
        by_last: the gradient by the states after the last step.
        first_told: of a step, what the gradient by a is made from, [n, gates, H].
        shapes: of what drives a step.
    """
    length, n = before.shape[:2]
    # Outside the loop, inside which a product by a transposed matrix takes half as long again.
    transposed = tf.transpose(kernel)

    def by_states(by_a: Any, *beside: Any) -> States:
        through = tf.reshape(by_a, [n, -1]) @ transposed
        return (through + beside[0], *beside[1:]) if len(beside) == len(by_last) else (through, *beside)

    def step_back(carry: States, over: States, t: Any) -> tuple[States, States]:
        by_after = carry if carry is by_last else by_states(*carry)
        if by_outputs is not None:
            by_after = (by_after[0] + by_outputs[t], *by_after[1:])
        first = over[0] if over else first_told(t)
        by_driven, by_before = equations.back((first, *(each[t] for each in told[1:])), by_after)
        return (by_driven[0], *by_before), by_driven

    over = (told[0],) if equations.over else ()
    carry, by_driven = _over_time(step_back, by_last, length=length, shapes=shapes, over=over, backwards=True)
    rows = [tf.reshape(each, [length * n, -1]) for each in (before, by_driven[0])]
    return (tf.matmul(*rows, transpose_a=True), by_states(*carry), *by_driven)


def _over_time(
    step: Callable[[States, States, Any], tuple[States, States]],
    carry: States,
    *,
    length: int,
    shapes: Sequence[Any],
    over: States,
    backwards: bool = False,
) -> tuple[States, list[Any]]:
    """The carry after all steps, and what they told, [T, *shape] of each.

    Args:
        step: (carry, `over` at t, t) -> (carry, what it tells). The one that it begins with stands before the loop.
        over: an array that the first that is told is written over, or none.
    """

    def array(shape: Any) -> Any:
        return tf.TensorArray(carry[0].dtype, size=length, element_shape=shape, clear_after_read=False)

    def written(t: Any, told: States, arrays: list[Any]) -> list[Any]:
        return [array.write(t, each) for array, each in zip(arrays, told, strict=True)]

    def following(t: Any, arrays: list[Any]) -> States:
        """`over` at the next step, read once this step is written: or XLA copies the array to write into the copy."""
        return (arrays[0].read(tf.clip_by_value(t - 1 if backwards else t + 1, 0, length - 1)),) if over else ()

    def one(count: Any, carry: States, now: States, arrays: list[Any]) -> tuple[Any, States, States, list[Any]]:
        t = length - 1 - count if backwards else count
        carry, told = step(carry, now, t)
        arrays = written(t, told, arrays)
        return count + 1, carry, following(t, arrays), arrays

    begin = length - 1 if backwards else 0
    carry, told = step(carry, tuple(each[begin] for each in over), begin)
    first, *others = map(array, shapes)
    arrays = written(begin, told, [first.unstack(*over) if over else first, *others])
    state = (tf.constant(1), carry, following(begin, arrays), arrays)
    _, carry, _, arrays = tf.while_loop(lambda count, *_: count < length, one, state, parallel_iterations=1)
    return carry, [array.stack() for array in arrays]

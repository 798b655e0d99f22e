"""The recurrence of Keras' cells written out for training: the same numbers, with far less to do at each step back.

With z[t] = [s[t-1], x[t], 1] and A = [W, D], D = [K, b], a step's a[t] = z[t] A; Keras' loop adds z[t]' dL/da[t] to the gradients
of W, K and b at every step. Here a step back only keeps dL/da[t], and one product after the loop makes the sum over steps and
windows, as large as a matrix library likes it.

The layers stay Keras': weights, activations and all around the recurrence are theirs, see `written_out`. Time comes first in the
shapes: [T, n, H], with T steps, n windows, H units, or [T, H, n], see `models.layout`. Sources: those of the cells in Keras, and
Werbos, see `models.scratch`.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rnnfc.networks.backend import keras, tf
from rnnfc.networks.cells.cell import cell_of
from rnnfc.networks.cells.fused import ACTIVATION, Equations
from rnnfc.training.compile.derivatives import DERIVATIVES
from rnnfc.training.compile.layout import Layout, chosen

States = tuple[tf.Tensor, ...]


def drops(layer: Any) -> bool:
    """Whether a recurrent layer, or its cell, draws what it drops."""
    return bool(layer.dropout or layer.recurrent_dropout)


@contextlib.contextmanager
def written_out(layers: Sequence[Any]) -> Iterator[None]:
    """Recurrent layers without dropout trace as written here; the same before and after."""
    plain = [layer for layer in layers if cell_of(layer).equations and not drops(layer)]
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
    states = tuple(tf.convert_to_tensor(state) for state in keras.tree.flatten(initial_state))
    layout = chosen(states[0].shape[0], layer.cell.units)
    x = tf.transpose(sequences, [1, 0, 2])
    if layer.go_backwards:
        x = tf.reverse(x, [0])
    x = layout.laid(tf.concat([x, tf.ones_like(x[..., :1])], axis=2))
    laid = tuple(map(layout.laid, states))
    weights = _equations_of(layer).weights(layer.cell)
    first = []
    # A window of one row is left whole: W would have no gradient.
    if x.shape[0] > 1 and all(map(_is_zero, states)):
        laid = _first_step(layer, layout, x[0], weights[1:], laid)
        first, x = [laid[0][None]], x[1:]
    outputs, *last = _recurrence(layer, layout, len(states))(x, *weights, *laid)
    last = [layout.laid(state) for state in last]
    if layer.return_sequences:
        return last[0], tf.transpose(layout.laid(tf.concat([*first, outputs], axis=0)), [1, 0, 2]), last
    return last[0], last[0][:, None], last


def _first_step(layer: Any, layout: Layout, x: Any, weights: Sequence[Any], zeros: States) -> States:
    """The states after a step from zeros; it needs no product by W, neither forwards nor for any gradient.

    Args:
        x: [n, C + 1], the last of them 1.
        weights: D and what is apart.
    """
    equations, f = _equations_of(layer), layer.cell.activation
    a, *apart = (layout.product(x, layout.matrix(each)) for each in weights)
    activated = layout.activated(a, _gates(equations, f))
    return equations.forward(f, DERIVATIVES[f.__name__], activated, tuple(apart), zeros)[-1]


def _equations_of(layer: keras.layers.RNN) -> Equations:
    equations = cell_of(layer).equations
    assert equations is not None  # noqa: S101  see `written_out`
    return equations


def _gates(equations: Equations, f: Any) -> list[Any]:
    """The activation of each gate as a function, in a layer whose own is `f`."""
    functions = {"sigmoid": tf.sigmoid, "identity": tf.identity, ACTIVATION: f}
    return [functions[gate] for gate in equations.gates]


def _is_zero(state: Any) -> bool:
    """Whether a state is known to be zero before anything runs."""
    known = tf.get_static_value(state)
    return known is not None and not known.any()


def _recurrence(layer: Any, layout: Layout, num_states: int) -> Any:
    """(x[T, n, C + 1], W, D, what is apart, states before the first step) -> outputs[T, n, H], states after the last step."""
    equations, f, units = _equations_of(layer), layer.cell.activation, layer.cell.units
    gates, slope, sequences = _gates(equations, f), DERIVATIVES[f.__name__], layer.return_sequences

    def recurrence(x: Any, recurrent: Any, drive: Any, *arguments: Any) -> tuple[Any, Any]:
        apart, start = arguments[:-num_states], arguments[-num_states:]
        matrix, matrices_apart = layout.matrix(recurrent, drive), list(map(layout.matrix, apart))
        length, n = x.shape[0], start[0].shape[1 - layout.axis]
        of_gates, of_units = layout.shape(n, len(gates), units), layout.shape(n, units)

        def step(states: States, t: Any) -> tuple[States, States]:
            z = tf.concat([states[0], x[t]], axis=layout.axis)
            activated = layout.activated(layout.product(z, matrix), gates)
            driven = tuple(layout.product(x[t], each) for each in matrices_apart)
            slopes, beside, after = equations.forward(f, slope, activated, driven, states)
            return after, (*([layout.side_by_side(slopes)] if slopes else []), *beside, z)

        shapes = [] if equations.num_residuals is None else [of_gates, *[of_units] * equations.num_residuals]
        shapes.append(layout.shape(n, recurrent.shape[0] + drive.shape[0]))
        last, (*told, z) = _over_time(step, start, length=length, shapes=shapes)

        def slopes_after(t: Any) -> Any:
            # The last step, which is the first one back, is no turn of the loop: its number is no tensor.
            return layout.side_by_side(
                [slope(last[0] if isinstance(t, int) else layout.first(units, z[t + 1]))]
            )

        def gradient(by_outputs: Any, *by_last: Any) -> tuple[Any, ...]:
            by_outputs = by_outputs if sequences else None
            shapes = [of_gates, *[of_units for _ in apart]]
            by_start, by_a, *by_apart = _back(
                equations,
                layout,
                recurrent,
                told,
                by_outputs,
                by_last,
                length=length,
                slopes_after=slopes_after,
                shapes=shapes,
            )
            return (*_sums(layout, x, z, (drive, *apart), (layout.flat(by_a), *by_apart)), *by_start)

        outputs = (
            tf.concat([layout.first(units, z[1:]), last[0][None]], axis=0) if sequences else last[0][None]
        )
        return (outputs, *last), gradient

    return tf.custom_gradient(recurrence)


def _sums(
    layout: Layout, x: Any, z: Any, weights: Sequence[Any], by_driven: Sequence[Any]
) -> tuple[Any, ...]:
    """The gradients by x and by the weights, sums over steps and windows.

    Args:
        weights, by_driven: D and what is apart; the gradients by a and by what was driven apart.
    """
    by_x = tf.add_n(
        [
            layout.product(by, layout.matrix(tf.transpose(each)))
            for by, each in zip(by_driven, weights, strict=True)
        ]
    )
    sums = layout.sums(z, by_driven[0])
    units = sums.shape[0] - weights[0].shape[0]
    return (by_x, sums[:units], sums[units:], *(layout.sums(x, by) for by in by_driven[1:]))


def _back(
    equations: Equations,
    layout: Layout,
    recurrent: Any,
    told: Sequence[Any],
    by_outputs: Any,
    by_last: States,
    *,
    length: int,
    slopes_after: Callable[[Any], Any],
    shapes: Sequence[Any],
) -> tuple[Any, ...]:
    """The gradients by the states before the first step, by a[T, n, gates, H] and by what was driven apart.

    Args:
        told: of each step forwards, [T, n, ...].
        by_outputs: the gradient by the outputs, [T, n, H], or None where there is none beside that by the last states.
        by_last: the gradient by the states after the last step.
        slopes_after: of a step that told none.
        shapes: of what a step back tells.
    """
    # Outside the loop, inside which a product by a transposed matrix takes half as long again.
    transposed = layout.matrix(tf.transpose(recurrent))

    def by_states(by_a: Any, *beside: Any) -> States:
        through = layout.product(layout.flat(by_a), transposed)
        return (through + beside[0], *beside[1:]) if len(beside) == len(by_last) else (through, *beside)

    def step_back(carry: States, t: Any) -> tuple[States, States]:
        by_after = carry if carry is by_last else by_states(*carry)
        if by_outputs is not None:
            by_after = (by_after[0] + by_outputs[t], *by_after[1:])
        slopes = told[0][t] if told else slopes_after(t)
        by_gates, by_apart, by_before = equations.backward(tuple(each[t] for each in told[1:]), by_after)
        by_a = layout.side_by_side(by_gates) * slopes
        return (by_a, *by_before), (by_a, *by_apart)

    carry, by_driven = _over_time(step_back, by_last, length=length, shapes=shapes, backwards=True)
    return (by_states(*carry), *by_driven)


def _over_time(
    step: Callable[[States, Any], tuple[States, States]],
    carry: States,
    *,
    length: int,
    shapes: Sequence[Any],
    backwards: bool = False,
) -> tuple[States, list[Any]]:
    """The carry after all steps, and what they told, [T, *shape] of each.

    Args:
        step: (carry, t) -> (carry, what it tells). The one that it begins with stands before the loop.
    """

    def written(t: Any, told: States, arrays: list[Any]) -> list[Any]:
        return [array.write(t, each) for array, each in zip(arrays, told, strict=True)]

    def one(count: Any, carry: States, arrays: list[Any]) -> tuple[Any, States, list[Any]]:
        t = length - 1 - count if backwards else count
        carry, told = step(carry, t)
        return count + 1, carry, written(t, told, arrays)

    begin = length - 1 if backwards else 0
    carry, told = step(carry, begin)
    arrays = [tf.TensorArray(carry[0].dtype, size=length, element_shape=shape) for shape in shapes]
    state = (tf.constant(1), carry, written(begin, told, arrays))
    _, carry, arrays = tf.while_loop(lambda count, *_: count < length, one, state, parallel_iterations=1)
    return carry, [array.stack() for array in arrays]

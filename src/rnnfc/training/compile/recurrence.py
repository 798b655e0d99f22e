"""The fused recurrence: the numbers of Keras' recurrent layers, with a backward pass that does far less at each step.

With z[t] = [s[t-1], x[t], 1] and A = [W, D], D = [K, b], a step computes a[t] = z[t] A. The backward pass of Keras' loop adds
z[t]' dL/da[t] to the gradients of W, K and b at every step. Here it stores dL/da[t], and one matrix product after the loop
computes the sum over steps and windows.

The layers stay Keras': `fused_rnn` replaces only their inner loop. Time comes first in the shapes: [T, n, H], with T steps, n
windows, H units, or [T, H, n], see `layout`. Sources: those of the cells in Keras; Werbos, see `rnnfc.numpy_rnn.network`.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from rnnfc.networks.backend import keras, tf
from rnnfc.networks.cells.cell import cell_of
from rnnfc.networks.cells.fused import ACTIVATION, Equations
from rnnfc.training.compile.derivatives import DERIVATIVES
from rnnfc.training.compile.layout import Layout, choose_layout

Tensors = tuple[tf.Tensor, ...]
ElementWise = Callable[[tf.Tensor], tf.Tensor]
# The number of a step: an int outside a TensorFlow loop, a tensor inside.
Step: TypeAlias = int | tf.Tensor


def has_dropout(layer: keras.layers.Layer) -> bool:
    """Whether a recurrent layer, or its cell, draws dropout masks."""
    return bool(layer.dropout or layer.recurrent_dropout)


@contextlib.contextmanager
def fused_rnn(layers: Sequence[keras.layers.RNN]) -> Iterator[None]:
    """While they are traced, layers whose cell has equations, and no dropout, run the fused recurrence.

    Afterwards the layers are as before.
    """
    fused = [layer for layer in layers if cell_of(layer).equations and not has_dropout(layer)]
    for layer in fused:
        layer.inner_loop = functools.partial(_inner_loop, layer)
    try:
        yield
    finally:
        for layer in fused:
            del layer.inner_loop


def _inner_loop(
    layer: keras.layers.RNN,
    sequences: tf.Tensor,
    initial_state: Sequence[tf.Tensor],
    mask: None,  # noqa: ARG001  Keras' arguments; no model here masks
    training: bool = False,  # noqa: ARG001  as above
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """The results of Keras' own: the last output[n, H]; the outputs[n, T, H], or only the last one; the last states."""
    states = tuple(tf.convert_to_tensor(state) for state in keras.tree.flatten(initial_state))
    layout = choose_layout(states[0].shape[0], layer.cell.units)
    x = tf.transpose(sequences, [1, 0, 2])
    if layer.go_backwards:
        x = tf.reverse(x, [0])
    x = layout.convert(tf.concat([x, tf.ones_like(x[..., :1])], axis=2))
    start = tuple(map(layout.convert, states))
    weights = _equations_of(layer).weights(layer.cell)
    first_output = []
    # A window of one row has no separate first step: W would have no gradient.
    if x.shape[0] > 1 and all(map(_is_zero, states)):
        start = _first_step(layer, layout, x[0], weights[1:], start)
        first_output, x = [start[0][None]], x[1:]
    outputs, *last = _recurrence(layer, layout, len(states))(x, *weights, *start)
    last = [layout.convert(state) for state in last]
    if layer.return_sequences:
        outputs = layout.convert(tf.concat([*first_output, outputs], axis=0))
        return last[0], tf.transpose(outputs, [1, 0, 2]), last
    return last[0], last[0][:, None], last


def _first_step(
    layer: keras.layers.RNN, layout: Layout, x: tf.Tensor, weights: Sequence[tf.Tensor], zeros: Tensors
) -> Tensors:
    """The states after a step from zeros, which needs no product with W, neither forward nor for a gradient.

    Args:
        x: [n, C + 1], whose last column is 1.
        weights: D and those of bypassing inputs, see `Equations.weights`.
    """
    equations, f = _equations_of(layer), layer.cell.activation
    a, *bypassing = (layout.matmul(x, layout.join_rows(matrix)) for matrix in weights)
    activated = layout.activate(a, _gate_functions(equations, f))
    return equations.forward(f, DERIVATIVES[f.__name__], activated, tuple(bypassing), zeros)[-1]


def _equations_of(layer: keras.layers.RNN) -> Equations:
    equations = cell_of(layer).equations
    assert equations is not None  # noqa: S101  see `fused_rnn`
    return equations


def _gate_functions(equations: Equations, f: ElementWise) -> list[ElementWise]:
    """The activation of each gate, in a layer with the activation `f`."""
    functions = {"sigmoid": tf.sigmoid, "identity": tf.identity, ACTIVATION: f}
    return [functions[gate] for gate in equations.gates]


def _is_zero(state: tf.Tensor) -> bool:
    """Whether a state is known to be zero when the graph is traced."""
    value = tf.get_static_value(state)
    return value is not None and not value.any()


def _recurrence(layer: keras.layers.RNN, layout: Layout, num_states: int) -> Callable[..., Tensors]:
    """(x[T, n, C + 1], W, D, further weights, start states) -> (outputs[T, n, H] or [1, n, H], last states)."""
    equations, f, units = _equations_of(layer), layer.cell.activation, layer.cell.units
    gates, derivative = _gate_functions(equations, f), DERIVATIVES[f.__name__]
    return_sequences = layer.return_sequences

    def recurrence(
        x: tf.Tensor, recurrent: tf.Tensor, drive: tf.Tensor, *arguments: tf.Tensor
    ) -> tuple[Tensors, Callable[..., Tensors]]:
        bypassing, start = arguments[:-num_states], arguments[-num_states:]
        matrix, bypass_matrices = layout.join_rows(recurrent, drive), list(map(layout.join_rows, bypassing))
        length, n = x.shape[0], start[0].shape[1 - layout.unit_axis]
        gates_shape, state_shape = layout.shape(n, len(gates), units), layout.shape(n, units)

        def step(states: Tensors, t: Step) -> tuple[Tensors, Tensors]:
            z = tf.concat([states[0], x[t]], axis=layout.unit_axis)
            activated = layout.activate(layout.matmul(z, matrix), gates)
            bypassed = tuple(layout.matmul(x[t], weights) for weights in bypass_matrices)
            derivatives, residuals, after = equations.forward(f, derivative, activated, bypassed, states)
            stored = [layout.stack_gates(derivatives)] if derivatives else []
            return after, (*stored, *residuals, z)

        num_residuals = equations.num_residuals
        shapes = [] if num_residuals is None else [gates_shape, *[state_shape] * num_residuals]
        shapes.append(layout.shape(n, recurrent.shape[0] + drive.shape[0]))
        last, (*residuals, z) = _loop(step, start, length=length, shapes=shapes)

        def derivatives_after(t: Step) -> tf.Tensor:
            """For a single gate: its derivative follows from the state after step t, which is part of z[t + 1]."""
            # The backward loop begins with the last step outside the TensorFlow loop, where t is an int.
            state = last[0] if isinstance(t, int) else layout.first_units(units, z[t + 1])
            return layout.stack_gates([derivative(state)])

        def gradient(by_outputs: tf.Tensor, *by_last: tf.Tensor) -> Tensors:
            by_start, by_a, *by_bypassed = _backward(
                equations,
                layout,
                recurrent,
                residuals,
                by_outputs if return_sequences else None,
                by_last,
                length=length,
                derivatives_after=derivatives_after,
                shapes=[gates_shape, *[state_shape for _ in bypassing]],
            )
            by_products = (layout.merge_gates(by_a), *by_bypassed)
            return (*_input_and_weight_gradients(layout, x, z, (drive, *bypassing), by_products), *by_start)

        outputs = (
            tf.concat([layout.first_units(units, z[1:]), last[0][None]], axis=0)
            if return_sequences
            else last[0][None]
        )
        return (outputs, *last), gradient

    fused: Callable[..., Tensors] = tf.custom_gradient(recurrence)
    return fused


def _input_and_weight_gradients(
    layout: Layout,
    x: tf.Tensor,
    z: tf.Tensor,
    weights: Sequence[tf.Tensor],
    by_products: Sequence[tf.Tensor],
) -> Tensors:
    """The gradients by x, W, D and the weights of bypassing inputs; those by weights are sums over steps and windows.

    Args:
        weights: D and those of bypassing inputs.
        by_products: the gradients by a and by each product of x with the weights of bypassing inputs.
    """
    by_x = tf.add_n(
        [
            layout.matmul(by_product, layout.join_rows(tf.transpose(matrix)))
            for by_product, matrix in zip(by_products, weights, strict=True)
        ]
    )
    by_matrix = layout.weight_gradient(z, by_products[0])
    units = by_matrix.shape[0] - weights[0].shape[0]
    by_bypass = (layout.weight_gradient(x, by_product) for by_product in by_products[1:])
    return (by_x, by_matrix[:units], by_matrix[units:], *by_bypass)


def _backward(
    equations: Equations,
    layout: Layout,
    recurrent: tf.Tensor,
    residuals: Sequence[tf.Tensor],
    by_outputs: tf.Tensor | None,
    by_last: Tensors,
    *,
    length: int,
    derivatives_after: Callable[[Step], tf.Tensor],
    shapes: Sequence[list[int]],
) -> Tensors:
    """The gradients by the start states, by a[T, n, gates, H] and by the products of bypassing inputs.

    Args:
        residuals: what the forward steps stored, [T, n, ...]: the derivatives of the gates first.
        by_outputs: [T, n, H]; None where only the last states have a gradient.
        by_last: the gradient by the states after the last step.
        derivatives_after: the derivatives of the gates at a step for a cell that stores none.
        shapes: of the gradients by a and by the bypassing products at one step.
    """
    # Outside the loop, inside which a product by a transposed matrix takes half as long again.
    transposed = layout.join_rows(tf.transpose(recurrent))

    def by_states(by_a: tf.Tensor, *direct: tf.Tensor) -> Tensors:
        through = layout.matmul(layout.merge_gates(by_a), transposed)
        return (through + direct[0], *direct[1:]) if len(direct) == len(by_last) else (through, *direct)

    def step_back(carry: Tensors, t: Step) -> tuple[Tensors, Tensors]:
        by_after = carry if carry is by_last else by_states(*carry)
        if by_outputs is not None:
            by_after = (by_after[0] + by_outputs[t], *by_after[1:])
        derivatives = residuals[0][t] if residuals else derivatives_after(t)
        by_gates, by_bypassed, direct = equations.backward(
            tuple(array[t] for array in residuals[1:]), by_after
        )
        by_a = layout.stack_gates(by_gates) * derivatives
        return (by_a, *direct), (by_a, *by_bypassed)

    carry, by_products = _loop(step_back, by_last, length=length, shapes=shapes, backward=True)
    return (by_states(*carry), *by_products)


def _loop(
    step: Callable[[Tensors, Step], tuple[Tensors, Tensors]],
    carry: Tensors,
    *,
    length: int,
    shapes: Sequence[list[int]],
    backward: bool = False,
) -> tuple[Tensors, list[tf.Tensor]]:
    """The carry after all steps, and the arrays that the steps stored, [T, *shape] each.

    Args:
        step: (carry, t) -> (carry, arrays to store). The first step to run is outside the TensorFlow loop.
        shapes: of the arrays that one step stores.
    """

    def write(t: Step, values: Tensors, arrays: list[tf.TensorArray]) -> list[tf.TensorArray]:
        return [array.write(t, value) for array, value in zip(arrays, values, strict=True)]

    def body(
        count: tf.Tensor, carry: Tensors, arrays: list[tf.TensorArray]
    ) -> tuple[tf.Tensor, Tensors, list[tf.TensorArray]]:
        t = length - 1 - count if backward else count
        carry, values = step(carry, t)
        return count + 1, carry, write(t, values, arrays)

    first = length - 1 if backward else 0
    carry, values = step(carry, first)
    arrays = [tf.TensorArray(carry[0].dtype, size=length, element_shape=shape) for shape in shapes]
    state = (tf.constant(1), carry, write(first, values, arrays))
    _, carry, arrays = tf.while_loop(lambda count, *_: count < length, body, state, parallel_iterations=1)
    return carry, [array.stack() for array in arrays]

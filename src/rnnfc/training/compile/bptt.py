"""A stacked Keras network through time: gradients that stop after some steps, and how large they are at each earlier step."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.cells.cell import cell_of
from rnnfc.networks.net import Member


def forward(member: Member, x: Any, *, bptt_steps: int | None) -> Any:
    """The forecast in training of x[n, length, channel]; its gradient goes back through the last `bptt_steps` of the window.

    The earlier steps are run all the same, and their last state carried on as a constant. None is the whole window.
    """
    if bptt_steps is None or bptt_steps == x.shape[1]:
        return member.training_model(x, training=True)

    def in_two_parts(layer: Any, sequence: Any) -> Any:
        layer.return_state = True  # the layer in the saved model stays a plain one
        try:
            before, *state = layer(sequence[:, :-bptt_steps])
        finally:
            layer.return_state = False
        after = layer(sequence[:, -bptt_steps:], initial_state=[tf.stop_gradient(part) for part in state])
        return tf.concat([tf.stop_gradient(before), after], axis=1) if layer.return_sequences else after

    return _run(member, x, in_two_parts)


def state_gradients(member: Member, x: Any, y: Any, *, loss: Any) -> dict[str, Floats]:
    """norm[lag] of the gradient of the loss by each state of every recurrent layer, the mean over the windows.

    Lag 0 is the layer's last step. A backward layer counts in its own steps, from the window's end to its start. By a cell state
    is meant all that follows from it, the hidden state of its own step too.

    Args:
        x: [n, length, channel]; y: [n, horizon, target].
        loss: (y, forecast) -> [n, horizon].
    """
    states: dict[str, list[Any]] = {}
    labels = _labels(member.core)

    def step_by_step(layer: Any, sequence: Any) -> Any:
        steps = tf.unstack(sequence, axis=1)
        state, made = layer.cell.get_initial_state(batch_size=len(x)), []
        for step in reversed(steps) if layer.go_backwards else steps:
            out, state = layer.cell(step, state, training=False)
            made.append(out)
            for name, part in zip(cell_of(layer).states, state, strict=True):
                states.setdefault(f"{labels[id(layer)]}, {name} state", []).append(part)
        return tf.stack(made, axis=1) if layer.return_sequences else made[-1]

    with tf.GradientTape() as tape:
        # Each window's own loss: their sum lets no window weigh on another's gradient.
        total = tf.reduce_sum(tf.reduce_mean(loss(y, _run(member, x, step_by_step)), axis=1))
    gradients = tape.gradient(total, states, unconnected_gradients="zero")
    return {
        name: np.array(
            [np.linalg.norm(part.numpy().astype(np.float64), axis=-1).mean() for part in reversed(parts)]
        )
        for name, parts in gradients.items()
    }


def _labels(core: keras.Sequential) -> dict[int, str]:
    """`layer 2`, or `layer 1, backward`, by the id of each recurrent layer."""
    labels, number = {}, 0
    for layer in core.layers:
        if isinstance(layer, keras.layers.Bidirectional | keras.layers.RNN):
            number += 1
            labels[id(getattr(layer, "forward_layer", layer))] = f"layer {number}"
            labels[id(getattr(layer, "backward_layer", layer))] = f"layer {number}, backward"
            labels[id(layer)] = f"layer {number}"
    return labels


def _run(member: Member, x: Any, recurrent: Callable[[Any, Any], Any]) -> Any:
    """The forecast of `member`, with `recurrent(layer, sequence)` in place of each recurrent layer's call; no dropout."""
    model, core = member.training_model, member.core
    if model is core:
        return _run_stack(core, x, recurrent)
    return model._run_through_graph(
        x, lambda layer: (lambda inner, **_: _run_stack(core, inner, recurrent)) if layer is core else layer
    )


def _run_stack(core: keras.Sequential, x: Any, recurrent: Callable[[Any, Any], Any]) -> Any:
    for layer in core.layers:
        if isinstance(layer, keras.layers.Bidirectional):
            backward = recurrent(layer.backward_layer, x)
            if layer.return_sequences:
                backward = tf.reverse(backward, [1])
            x = tf.concat([recurrent(layer.forward_layer, x), backward], axis=-1)
        elif isinstance(layer, keras.layers.RNN):
            x = recurrent(layer, x)
        else:
            x = layer(x, training=False)
    return x

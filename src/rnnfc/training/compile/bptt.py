"""A stacked Keras network through time: truncated backpropagation, and the size of the gradient at each earlier step."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.cells.cell import cell_of
from rnnfc.networks.net import Member

# (layer, sequence[n, T, channel]) -> what the layer returns for the sequence.
RunLayer = Callable[[keras.layers.RNN, tf.Tensor], tf.Tensor]


def forward(member: Member, x: tf.Tensor, *, bptt_steps: int | None) -> tf.Tensor:
    """The forecast in training of x[n, length, channel]; its gradient goes back through the last `bptt_steps` of the window.

    The earlier steps run as well; the state after them enters the later ones as a constant. None is the whole window.
    """
    if bptt_steps is None or bptt_steps == x.shape[1]:
        return member.training_model(x, training=True)

    def run_in_two_parts(layer: keras.layers.RNN, sequence: tf.Tensor) -> tf.Tensor:
        layer.return_state = True
        try:
            early, *state = layer(sequence[:, :-bptt_steps])
        finally:
            layer.return_state = False  # as in the saved model
        late = layer(sequence[:, -bptt_steps:], initial_state=[tf.stop_gradient(part) for part in state])
        return tf.concat([tf.stop_gradient(early), late], axis=1) if layer.return_sequences else late

    return _run(member, x, run_in_two_parts)


def state_gradients(
    member: Member, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], *, loss: keras.losses.Loss
) -> dict[str, Floats]:
    """norm[lag] of the gradient of the loss by each state of every recurrent layer, averaged over the windows.

    Lag 0 is the layer's last step. A backward layer counts in its own steps, from the window's end to its start. The gradient by
    a cell state includes what flows through the hidden state of the same step.

    Args:
        x: [n, length, channel]; y: [n, horizon, target].
        loss: (y, forecast) -> [n, horizon].
    """
    states: dict[str, list[tf.Tensor]] = {}
    labels = _labels(member.core)

    def run_step_by_step(layer: keras.layers.RNN, sequence: tf.Tensor) -> tf.Tensor:
        steps = tf.unstack(sequence, axis=1)
        state, outputs = layer.cell.get_initial_state(batch_size=len(x)), []
        for step in reversed(steps) if layer.go_backwards else steps:
            output, state = layer.cell(step, state, training=False)
            outputs.append(output)
            for name, part in zip(cell_of(layer).states, state, strict=True):
                states.setdefault(f"{labels[id(layer)]}, {name} state", []).append(part)
        return tf.stack(outputs, axis=1) if layer.return_sequences else outputs[-1]

    with tf.GradientTape() as tape:
        # The sum over windows of each one's own loss: no window affects another's gradient.
        total = tf.reduce_sum(tf.reduce_mean(loss(y, _run(member, x, run_step_by_step)), axis=1))
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


def _run(member: Member, x: tf.Tensor, run_layer: RunLayer) -> tf.Tensor:
    """The forecast of `member`, with `run_layer` in place of the call of each recurrent layer; without dropout."""
    model, core = member.training_model, member.core
    if model is core:
        return _run_stack(core, x, run_layer)
    return model._run_through_graph(
        x, lambda layer: (lambda inner, **_: _run_stack(core, inner, run_layer)) if layer is core else layer
    )


def _run_stack(core: keras.Sequential, x: tf.Tensor, run_layer: RunLayer) -> tf.Tensor:
    for layer in core.layers:
        if isinstance(layer, keras.layers.Bidirectional):
            backward = run_layer(layer.backward_layer, x)
            if layer.return_sequences:
                backward = tf.reverse(backward, [1])
            x = tf.concat([run_layer(layer.forward_layer, x), backward], axis=-1)
        elif isinstance(layer, keras.layers.RNN):
            x = run_layer(layer, x)
        else:
            x = layer(x, training=False)
    return x

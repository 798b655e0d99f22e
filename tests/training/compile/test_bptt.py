"""Keras networks through time: truncated gradients are exact for every cell, and so are those by each state."""

from typing import Any

import numpy as np
import pytest
from run_training import run

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import cut_windows
from rnnfc.extensions import CELLS
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.build import build
from rnnfc.networks.net import Net
from rnnfc.networks.normalization import NORMALIZATIONS
from rnnfc.training.compile.bptt import forward, state_gradients
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.keras_engine import KerasEngine, KerasNetwork

# Batch 2, 6 steps, 3 channels, horizon 4, 2 targets.
N, T = 2, 6
MSE = keras.losses.MeanSquaredError(reduction=None)
SHAPES = [("[5]", "none"), ("[5, 3]", "none"), *(("[5, 3]", normalize) for normalize in NORMALIZATIONS)]


def experiment(
    cell: str, units: str = "[5]", normalize: str = "none", extra: str = "", train: str = "epochs: 1"
) -> Experiment:
    return from_yaml(
        f"name: t\nseed: 3\ndata: {{kind: sine, points: 40, step: 0.4}}\nsplit: {{test: 9}}\n"
        f"window: {{length: {T}, horizon: 4, normalize: {normalize}}}\n"
        f"model: {{kind: stacked, cell: {cell}, units: {units}{extra}}}\ntrain: {{{train}}}\n",
        source="test",
    )


def batch(channels: int = 3, targets: int = 2) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, T, channels)).astype(np.float32), rng.normal(size=(N, 4, targets)).astype(
        np.float32
    )


def step_major(net: Net, x: Any, *, steps: int) -> Any:
    """The forecast with a gradient of `steps` steps, written the other way round: all layers at one step, then the next step."""
    core, back = net.members[0].core, lambda forecast: forecast
    name = net.inference_model.name
    if name == "around_last":
        last = x[:, -1:]
        x, back = x - last, lambda forecast: forecast + last[..., :2]
    elif name == "around_mean":
        mean, spread = (
            x.mean(axis=1, keepdims=True),
            (x.var(axis=1, keepdims=True) + 1e-5) ** 0.5,
        )
        x, back = (x - mean) / spread, lambda forecast: forecast * spread[..., :2] + mean[..., :2]
    elif name == "of_differences":
        last = x[:, -1:, :2]
        x, back = np.diff(x, axis=1, prepend=x[:, :1]), lambda forecast: last + tf.cumsum(forecast, axis=1)
    cells = [layer.cell for layer in net.recurrent_layers]
    states = [cell.get_initial_state(batch_size=len(x)) for cell in cells]
    for t in range(T):
        if t == T - steps:
            states = [[tf.stop_gradient(part) for part in state] for state in states]
        given = x[:, t]
        for place, cell in enumerate(cells):
            given, states[place] = cell(given, states[place])
    return back(tf.reshape(core.get_layer("output")(given), (len(x), 4, -1)))


def gradients(net: Net, forecast: Any, y: Any) -> list[Any]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((forecast() - y) ** 2)
    return [gradient.numpy() for gradient in tape.gradient(loss, net.inference_model.trainable_variables)]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("units", "normalize"), SHAPES)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_forward__the_gradient_stops_after_bptt_steps(
    cell: str, units: str, normalize: str, steps: int
) -> None:
    net, (x, y) = build(experiment(cell, units, normalize), channels=3, targets=2), batch()
    np.testing.assert_allclose(
        forward(net.members[0], x, bptt_steps=steps), net.inference_model(x), atol=1e-6
    )
    ours = gradients(net, lambda: forward(net.members[0], x, bptt_steps=steps), y)
    expected = gradients(net, lambda: step_major(net, x, steps=steps), y)
    full = gradients(net, lambda: net.inference_model(x), y)
    for left, right in zip(ours, expected, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)
    assert any(np.abs(left - right).max() > 1e-4 for left, right in zip(ours, full, strict=True))
    assert not any(layer.return_state for layer in net.recurrent_layers), "the layers stay plain ones"


@pytest.mark.parametrize("steps", [T, None])
def test_forward__bptt_steps_of_the_whole_window_are_the_full_gradient(steps: int | None) -> None:
    net, (x, y) = build(experiment("LSTM", "[5, 3]"), channels=3, targets=2), batch()
    ours = gradients(net, lambda: forward(net.members[0], x, bptt_steps=steps), y)
    for left, right in zip(ours, gradients(net, lambda: step_major(net, x, steps=T), y), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("name", "shards"), [("xla_loop", 1), ("xla_unrolled", 1), ("graph", 1), ("sharded_loop", 2)]
)
def test_epoch__updates_by_the_truncated_gradient(cell: str, name: Any, shards: int) -> None:
    recipe = Recipe(name=name, shards=shards, reason="asked for")
    spec = experiment(
        cell, "[5, 3]", train="epochs: 1, batch_size: 1000, optimizer: sgd, learning_rate: 0.5, bptt_steps: 2"
    )
    panel = load_panel(spec.data)
    windows = cut_windows(panel, length=T, horizon=4, split=spec.split).train
    network = KerasEngine().build(spec, panel, Scaler.fit(panel, np.array([[0, 31]]), method="none"))
    net, x, y = network.net, windows.inputs().astype(np.float32), windows.targets().astype(np.float32)
    step = gradients(net, lambda: step_major(net, x, steps=2), y)
    before = [variable.numpy() for variable in net.inference_model.trainable_variables]
    run(network, spec, windows, recipe=recipe)
    for variable, start, gradient in zip(net.inference_model.trainable_variables, before, step, strict=True):
        np.testing.assert_allclose(variable.numpy(), start - 0.5 * gradient, atol=1e-5)


# --- gradients by the states


@pytest.mark.parametrize("cell", CELLS)
def test_state_gradients__equal_those_of_the_rest_of_the_window(cell: str) -> None:
    net, (x, y) = build(experiment(cell), channels=3, targets=2), batch()
    ours = state_gradients(net.members[0], x, y, loss=MSE)
    names = ["layer 1, hidden state", "layer 1, cell state"][: 2 if cell == "LSTM" else 1]
    assert list(ours) == names
    (layer,) = net.recurrent_layers
    for lag in range(T):
        layer.return_state = True
        _, *state = layer(x[:, : T - lag])
        layer.return_state = False
        with tf.GradientTape() as tape:
            tape.watch(state)
            end = layer(x[:, T - lag :], initial_state=state) if lag else state[0]
            forecast = tf.reshape(net.members[0].core.get_layer("output")(end), (N, 4, 2))
            total = tf.reduce_sum(tf.reduce_mean((forecast - y) ** 2, axis=[1, 2]))
        by_state = tape.gradient(total, state, unconnected_gradients="zero")
        if cell == "LSTM":  # h = o tanh(c) follows from c: dL/dc and dL/dh dh/dc
            hidden, memory = (part.numpy() for part in state)
            by_state[1] += by_state[0] * hidden / np.tanh(memory) * (1 - np.tanh(memory) ** 2)
        for name, gradient in zip(names, by_state, strict=True):
            expected = np.linalg.norm(gradient.numpy(), axis=1).mean()
            assert ours[name][lag] == pytest.approx(expected, rel=1e-4, abs=1e-9), (name, lag)


def test_state_gradients__every_layer_and_direction_has_its_own() -> None:
    spec = experiment("GRU", "[5, 3]", normalize="last", extra=", bidirectional: [true, false]")
    found = state_gradients(build(spec, channels=3, targets=2).members[0], *batch(), loss=MSE)
    assert set(found) == {"layer 1, hidden state", "layer 1, backward, hidden state", "layer 2, hidden state"}
    assert all(norm.shape == (T,) and (norm > 0).all() for norm in found.values())


def test_state_gradients__a_backward_layer_counts_in_its_own_steps() -> None:
    net, (x, y) = (
        build(experiment("SimpleRNN", extra=", bidirectional: true"), channels=3, targets=2),
        batch(),
    )
    forward_1, backward_1 = sorted(net.recurrent_layers, key=lambda layer: layer.go_backwards)
    backward_1.set_weights(forward_1.get_weights())
    dense = net.members[0].core.get_layer("output")
    kernel, bias = dense.get_weights()
    dense.set_weights([np.concatenate([kernel[:5], kernel[:5]]), bias])
    found = state_gradients(
        net.members[0], (x + x[:, ::-1]) / 2, y, loss=MSE
    )  # the same window from both ends
    np.testing.assert_allclose(
        found["layer 1, backward, hidden state"], found["layer 1, hidden state"], rtol=1e-5
    )


def test_state_gradients__do_not_depend_on_the_number_of_windows() -> None:
    net, (x, y) = build(experiment("SimpleRNN"), channels=3, targets=2), batch()
    once, twice = (
        state_gradients(net.members[0], np.repeat(x, n, axis=0), np.repeat(y, n, axis=0), loss=MSE)
        for n in (1, 2)
    )
    np.testing.assert_allclose(twice["layer 1, hidden state"], once["layer 1, hidden state"], rtol=1e-5)


def test_state_gradients__use_the_loss_of_the_experiment() -> None:
    spec = experiment("SimpleRNN")
    panel = load_panel(spec.data)
    net = build(spec, channels=1, targets=1)
    scaler = Scaler.fit(panel, np.array([[0, 31]]), method="none")
    windows = cut_windows(panel, length=T, horizon=4, split=spec.split).test

    def gradients(loss: str) -> dict[str, Any]:
        train = spec.train.model_copy(update={"loss": loss})
        return KerasNetwork(spec.model_copy(update={"train": train}), net, scaler).state_gradients(windows)

    mse, mae = gradients("mse"), gradients("mae")
    assert abs(mse["layer 1, hidden state"][0] / mae["layer 1, hidden state"][0] - 1) > 0.01

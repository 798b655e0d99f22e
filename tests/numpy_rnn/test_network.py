"""The NumPy network is exact: against its own definition by central differences, against TensorFlow, and by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnfc.config.train_spec import ClipSpec, TrainSpec
from rnnfc.networks.backend import keras, tf
from rnnfc.numpy_rnn import network as rnn
from rnnfc.numpy_rnn.network import ACTIVATIONS, OptimizerState, Weights

# Batch 2, 6 steps, 3 channels, 5 units, 4 outputs: no two axes can be taken for each other.
N, T, C, H, Q = 2, 6, 3, 5, 4
STEPS = [None, 1, 3, T, T + 7]


def case(seed: int = 0, *, spread: float = 0.5) -> tuple[Weights, Any, Any]:
    rng = np.random.default_rng(seed)
    shapes = ((C, H), (H, H), (H,), (H, Q), (Q,))
    return (
        Weights(*(spread * rng.normal(size=shape) for shape in shapes)),
        rng.normal(size=(N, T, C)),
        rng.normal(size=(N, Q)),
    )


def gradient(
    weights: Weights, x: Any, target: Any, *, activation: str, steps: int | None
) -> tuple[Weights, Any]:
    f = ACTIVATIONS[activation]
    s = rnn.states(weights, x, f.f)
    _, dy = rnn.mean_squared_error(rnn.output(weights, s), target)
    return rnn.backpropagate(weights, x, s, dy, derivative=f.derivative, steps=steps)


def logistic(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


DEFINED: dict[str, Callable[[Any], Any]] = {"tanh": np.tanh, "sigmoid": logistic}


def loss_from(weights: Weights, state: Any, x: Any, target: Any, *, activation: str) -> float:
    """The loss by its definition, window by window and step by step, from `state` [n, H] on."""
    losses = []
    for s, window, expected in zip(state, x, target, strict=True):
        for inputs in window:
            s = DEFINED[activation](weights.U.T @ inputs + weights.W.T @ s + weights.b)
        losses.append((weights.V.T @ s + weights.c - expected) ** 2)
    return float(np.mean(losses))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("steps", STEPS)
def test_backpropagate__equals_central_differences_full_and_truncated(
    activation: str, steps: int | None
) -> None:
    weights, x, target = case()
    ours, _ = gradient(weights, x, target, activation=activation, steps=steps)
    last = min(steps or T, T)
    carried = rnn.states(weights, x, ACTIVATIONS[activation].f)[T - last]  # a constant of the truncated loss
    for array, by_array in zip(weights, ours, strict=True):
        numeric, step = np.empty_like(array), 1e-5
        for place in np.ndindex(array.shape):
            original, sides = array[place], []
            for changed in (original + step, original - step):
                array[place] = changed
                sides.append(loss_from(weights, carried, x[:, T - last :], target, activation=activation))
            array[place], numeric[place] = original, (sides[0] - sides[1]) / (2 * step)
        assert np.linalg.norm(by_array - numeric) / np.linalg.norm(numeric) <= 1e-6


def test_backpropagate__truncation_changes_recurrent_gradients_alone() -> None:
    weights, x, target = case()
    full, cut = (gradient(weights, x, target, activation="tanh", steps=steps)[0] for steps in (None, 2))
    for letter in "UWb":
        assert np.abs(getattr(full, letter) - getattr(cut, letter)).max() > 1e-3
    for letter in "Vc":
        np.testing.assert_array_equal(getattr(full, letter), getattr(cut, letter))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("steps", STEPS)
def test_backpropagate__equals_tensorflow(activation: str, steps: int | None) -> None:
    weights, x, target = case()
    last = min(steps or T, T)
    variables = [tf.Variable(array) for array in weights]
    U, W, b, V, c = variables
    f = {"tanh": tf.tanh, "sigmoid": tf.sigmoid}[activation]
    by_step = []
    with tf.GradientTape() as tape:
        s = tf.zeros((N, H), tf.float64)
        for t in range(T):
            s = tf.stop_gradient(s) if t == T - last else s
            s = f(x[:, t] @ U + s @ W + b)
            by_step.append(s)
        loss = tf.reduce_mean((s @ V + c - target) ** 2)
    expected, by_state = tape.gradient(loss, [variables, by_step])
    ours, g = gradient(weights, x, target, activation=activation, steps=steps)
    for left, right in zip(ours, expected, strict=True):
        np.testing.assert_allclose(left, right.numpy(), rtol=1e-5, atol=1e-12)
    assert g.shape == (last, N, H)
    for lag in range(last):
        np.testing.assert_allclose(g[lag], by_state[T - 1 - lag].numpy(), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_output__equals_keras(activation: str) -> None:
    weights, x, _ = case()
    net = keras.Sequential(
        [keras.Input((T, C)), keras.layers.SimpleRNN(H, activation=activation), keras.layers.Dense(Q)]
    )
    net.set_weights(list(weights))
    ours = rnn.output(weights, rnn.states(weights, x, ACTIVATIONS[activation].f))
    np.testing.assert_allclose(ours, net(x.astype(np.float32)).numpy(), atol=1e-5)


def test_backpropagate__two_steps_of_one_unit_worked_by_hand() -> None:
    weights = Weights(*(np.array(value) for value in ([[2.0]], [[0.5]], [0.1], [[3.0]], [-1.0])))
    x, target = np.array([[[0.3], [-0.2]]]), np.array([[0.5]])
    first = np.tanh(0.3 * 2 + 0.1)
    second = np.tanh(-0.2 * 2 + first * 0.5 + 0.1)
    s = rnn.states(weights, x, np.tanh)
    np.testing.assert_allclose(s[:, 0, 0], [0.0, first, second], rtol=1e-12)
    loss, dy = rnn.mean_squared_error(rnn.output(weights, s), target)
    error = 3 * second - 1 - 0.5
    assert (loss, dy[0, 0]) == (pytest.approx(error**2), pytest.approx(2 * error))
    g2 = 2 * error * 3
    g1 = g2 * (1 - second**2) * 0.5
    da2, da1 = g2 * (1 - second**2), g1 * (1 - first**2)
    gradients, g = rnn.backpropagate(weights, x, s, dy, derivative=ACTIVATIONS["tanh"].derivative)
    np.testing.assert_allclose(g[:, 0, 0], [g2, g1], rtol=1e-12)
    expected = (0.3 * da1 - 0.2 * da2, first * da2, da1 + da2, 2 * error * second, 2 * error)
    np.testing.assert_allclose([array.item() for array in gradients], expected, rtol=1e-12)


def test_sigmoid__does_not_overflow() -> None:
    np.testing.assert_allclose(
        ACTIVATIONS["sigmoid"].f(np.array([-1e4, 0.0, 1.0, 1e4])), [0, 0.5, 1 / (1 + np.exp(-1)), 1]
    )


# --- clipping and optimizers


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("value", [3.0, -4.0, 0.0, 4.0, 0.5]),
        ("norm", [3.0, -4.0, 0.0, 4.0, 0.5]),
        ("global_norm", [0.75, -3.0, 0.0, 2.5, 0.125]),  # the limit is a quarter of the norm of all
    ],
)
def test_clip__limits_numbers_arrays_or_all_arrays_together(by: Any, expected: list[float]) -> None:
    last = 10.0 if by == "global_norm" else 4.0
    numbers = [3.0, -12.0, 0.0, last, 0.5]
    limit = 4.0 if by != "global_norm" else float(np.linalg.norm(numbers)) / 4
    clipped = rnn.clip(Weights(*(np.array([number]) for number in numbers)), ClipSpec(by=by, limit=limit))
    np.testing.assert_allclose(np.concatenate(clipped), expected, rtol=1e-12)


def test_clip__by_norm_keeps_the_direction_of_each_array() -> None:
    weights, _, _ = case()
    by_norm, by_value = (rnn.clip(weights, ClipSpec(by=by, limit=0.3)) for by in ("norm", "value"))  # type: ignore[arg-type]  # both are its literals
    for array, short, cut in zip(weights, by_norm, by_value, strict=True):
        assert np.linalg.norm(short) == pytest.approx(0.3)
        np.testing.assert_allclose(short / np.linalg.norm(short), array / np.linalg.norm(array))
        np.testing.assert_array_equal(cut, np.clip(array, -0.3, 0.3))
    assert rnn.clip(weights, None) is weights


@pytest.mark.parametrize("name", rnn.OPTIMIZERS)
def test_optimizer__five_updates_equal_those_of_keras(name: str) -> None:
    weights, _, _ = case()
    variables = [keras.Variable(array) for array in weights]
    theirs, state = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[name](0.02), OptimizerState()
    for seed in range(5):
        step = case(seed + 10, spread=0.1)[0]
        rnn.OPTIMIZERS[name](weights, step, state, rate=0.02)
        theirs.apply([tf.constant(array, tf.float32) for array in step], variables)
    assert state.count == 5
    for ours, variable in zip(weights, variables, strict=True):
        np.testing.assert_allclose(ours, variable.numpy(), atol=1e-5)


def test_initial__recurrent_weights_are_orthogonal_and_follow_from_the_seed() -> None:
    first, again, other = (rnn.initial(channels=3, units=5, outputs=4, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(first.W @ first.W.T, np.eye(5), atol=1e-12)
    assert [array.shape for array in first] == [(3, 5), (5, 5), (5,), (5, 4), (4,)]
    assert 0.5 < np.abs(first.U).max() / np.sqrt(6 / 8) <= 1
    for array, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(array, same)
    assert not np.array_equal(first.U, other.U)


def test_train_step__lowers_the_loss_of_its_batch() -> None:
    weights, x, target = case()
    spec = TrainSpec(epochs=1, optimizer="sgd", bptt_steps=3, clip=ClipSpec(by="norm", limit=1.0))
    losses = [
        rnn.train_step(weights, OptimizerState(), x, target, f=ACTIVATIONS["tanh"], spec=spec, rate=0.05)
        for _ in range(20)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.7 * losses[0]


# --- LSTM and GRU by their equations


def lstm(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """The last h[n, H]; gates in Keras' order: input, forget, candidate, output."""
    h = c = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = logistic(f) * c + logistic(i) * np.tanh(g)
        h = logistic(o) * np.tanh(c)
    return h


def gru(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """The last h[n, H]; gates in Keras' order: update, reset, candidate; the reset gate acts after the recurrent product."""
    h = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        xz, xr, xg = np.split(x[:, t] @ kernel + bias[0], 3, axis=1)
        hz, hr, hg = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = logistic(xz + hz), logistic(xr + hr)
        h = z * h + (1 - z) * np.tanh(xg + r * hg)
    return h


@pytest.mark.parametrize("weights", ["constant", "random"])
@pytest.mark.parametrize(("cell", "by_hand"), [("LSTM", lstm), ("GRU", gru)])
def test_keras_cells__lstm_and_gru_follow_their_equations(
    cell: str, by_hand: Callable[..., Any], weights: str
) -> None:
    layer, rng = getattr(keras.layers, cell)(H), np.random.default_rng(4)
    layer.build((None, T, C))
    arrays = [
        np.full(w.shape, 0.1) if weights == "constant" else rng.normal(size=w.shape)
        for w in layer.get_weights()
    ]
    layer.set_weights(arrays)
    x = rng.normal(size=(N, T, C))
    np.testing.assert_allclose(by_hand(x, *arrays), layer(x.astype(np.float32)).numpy(), atol=1e-5)

"""What training relies on in Keras and TensorFlow beyond their public API; an upgrade fails here first, by the hook's name."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnfc.networks.backend import keras, tf

SOURCE = Path(__file__).parents[2] / "src/rnnfc"
X = np.ones((2, 3, 1), np.float32)
CELLS = (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU)


def flatten_layers() -> None:
    inner = keras.Sequential([keras.Input((3, 1)), keras.layers.Bidirectional(keras.layers.GRU(2))])
    outer = keras.Sequential([inner, keras.layers.Dense(1)])
    kinds = [type(layer).__name__ for layer in outer._flatten_layers()]
    assert kinds.count("GRU") == 2
    assert kinds.count("GRUCell") == 2


def run_through_graph() -> None:
    inputs = keras.Input((3, 1))
    double, add = keras.layers.Rescaling(2.0), keras.layers.Rescaling(1.0, offset=1.0)
    model = keras.Model(inputs, add(double(inputs)))
    replaced = model._run_through_graph(
        tf.constant(X), lambda layer: (lambda x, **_: 5 * x) if layer is double else layer
    )
    np.testing.assert_array_equal(replaced, np.full(X.shape, 6.0))


def seed_generators() -> None:
    layer = keras.layers.Dropout(0.5, seed=1)
    (generator,) = layer._seed_generators
    ones, other = tf.ones((1, 64)), keras.Variable(np.array([7, 0], np.uint32))
    generator.state, original = other, generator.state
    before = original.numpy().copy()
    first = layer(ones, training=True)
    assert other.numpy()[1] == 1
    np.testing.assert_array_equal(original.numpy(), before)
    other.assign(np.array([7, 0], np.uint32))
    np.testing.assert_array_equal(layer(ones, training=True), first)


def inner_loop() -> None:
    for cell in CELLS:
        layer = cell(2, return_sequences=True)
        parameters = list(inspect.signature(layer.inner_loop).parameters)
        assert parameters == ["sequences", "initial_state", "mask", "training"]
        expected, calls, original = layer(X), [], layer.inner_loop

        def watched(
            *arguments: object,
            calls: list[object] = calls,
            original: Callable[..., object] = original,
            **options: object,
        ) -> object:
            calls.append(arguments)
            return original(*arguments, **options)

        layer.inner_loop = watched
        np.testing.assert_array_equal(layer(X), expected)
        assert len(calls) == 1


def stateless_dropout() -> None:
    assert "rng_alg" in inspect.signature(tf.nn.experimental.stateless_dropout).parameters
    assert "alg" in inspect.signature(tf.random.stateless_uniform).parameters
    calls, original = [], tf.nn.experimental.stateless_dropout
    tf.nn.experimental.stateless_dropout = lambda *arguments, **options: (
        calls.append(options) or original(*arguments, **options)
    )
    try:
        keras.layers.Dropout(0.5, seed=1)(tf.ones((1, 4)), training=True)
    finally:
        tf.nn.experimental.stateless_dropout = original
    assert len(calls) == 1


def stateless_uniform() -> None:
    calls, original = [], tf.random.stateless_uniform
    tf.random.stateless_uniform = lambda *arguments, **options: (
        calls.append(options) or original(*arguments, **options)
    )
    try:
        keras.random.uniform((3,), seed=keras.random.SeedGenerator(1))
    finally:
        tf.random.stateless_uniform = original
    assert len(calls) == 1


def switches_of_a_built_layer() -> None:
    layer = keras.layers.GRU(2)
    plain = layer(X)
    assert hasattr(layer, "use_cudnn")
    for name, value in (("unroll", True), ("use_cudnn", False)):
        setattr(layer, name, value)
        np.testing.assert_allclose(layer(X), plain, rtol=1e-6)
    layer.return_state = True
    output, state = layer(X)
    np.testing.assert_allclose(output, plain, rtol=1e-6)
    np.testing.assert_allclose(state, plain, rtol=1e-6)
    assert (layer.go_backwards, layer.return_sequences) == (False, False)


def weights_of_cells() -> None:
    for cell, gates in zip(CELLS, (1, 4, 3), strict=True):
        layer = cell(2)
        layer(X)
        assert layer.cell.kernel.shape == (1, 2 * gates)
        assert layer.cell.recurrent_kernel.shape == (2, 2 * gates)
        assert layer.cell.bias.shape == ((2, 6) if cell is keras.layers.GRU else (2 * gates,))
        assert (layer.cell.units, layer.cell.activation) == (2, keras.activations.tanh)
        assert layer.cell.activation.__name__ == "tanh"


def two_directions() -> None:
    backward = keras.layers.LSTM(2, go_backwards=True)
    layer = keras.layers.Bidirectional(keras.layers.LSTM(2), backward_layer=backward)
    assert layer(X).shape == (2, 4)
    assert layer.backward_layer is backward
    assert not layer.forward_layer.go_backwards


def optimizer_in_a_compiled_program() -> None:
    weight = keras.Variable(np.ones(2, np.float32))
    optimizer = keras.optimizers.Adam(0.5)
    optimizer.build([weight])
    optimizer.learning_rate = 0.25
    step = tf.function(lambda: optimizer.apply([tf.ones(2)], [weight]), jit_compile=True, autograph=False)
    step()
    np.testing.assert_allclose(weight.numpy(), [0.75, 0.75], atol=1e-5)
    state = [variable.numpy() for variable in [weight, *optimizer.variables]]
    step()
    expected = weight.numpy()
    for variable, value in zip([weight, *optimizer.variables], state, strict=True):
        variable.assign(value)
    step()
    np.testing.assert_array_equal(weight.numpy(), expected)


# Name of the hook -> its check.
HOOKS: dict[str, Callable[[], None]] = {
    "Model._flatten_layers": flatten_layers,
    "Model._run_through_graph": run_through_graph,
    "Layer._seed_generators": seed_generators,
    "RNN.inner_loop of an instance": inner_loop,
    "tf.nn.experimental.stateless_dropout": stateless_dropout,
    "tf.random.stateless_uniform": stateless_uniform,
    "RNN.unroll, use_cudnn, return_state of a built layer": switches_of_a_built_layer,
    "cell.kernel, recurrent_kernel, bias, activation": weights_of_cells,
    "Bidirectional.forward_layer, backward_layer": two_directions,
    "Optimizer.apply, learning_rate, variables": optimizer_in_a_compiled_program,
}


@pytest.mark.parametrize("hook", HOOKS)
def test_keras_hook__does_what_training_relies_on(hook: str) -> None:
    try:
        HOOKS[hook]()
    except Exception as error:
        version = f"Keras {keras.__version__}, TensorFlow {tf.__version__}"
        raise AssertionError(f"{version}: {hook} has changed; adapt networks/ and training/ to it") from error


def test_keras_hook__every_private_name_that_the_source_uses_is_checked() -> None:
    paths = [
        path
        for folder in ("networks", "training", "numpy_rnn", "export")
        for path in (SOURCE / folder).rglob("*.py")
    ]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    others = [
        node
        for node in nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls")
    ]
    names = {node.attr for node in others if node.attr.startswith("_") and not node.attr.endswith("__")}
    names -= {"_asdict", "_fields"}  # public methods of a NamedTuple
    assert names == {hook.partition(".")[2] for hook in HOOKS if "._" in hook}

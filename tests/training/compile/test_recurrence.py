"""The recurrence written out gives what Keras' cells give, forwards and back, and leaves the layers as they were."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pytest

from rnnfc.extensions import CELLS
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.stacked import StackedSpec
from rnnfc.training.compile.derivatives import DERIVATIVES
from rnnfc.training.compile.layout import Layout, choose_layout
from rnnfc.training.compile.recurrence import fused_rnn

ACTIVATIONS = get_args(StackedSpec.model_fields["activation"].annotation)
FUSED = [name for name in CELLS if find_cell(name).equations]
# Windows, steps, channels, units: all different.
N, T, C, H = 2, 5, 3, 4


@pytest.fixture(params=[False, True], ids=["rows", "columns"])
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows as rows and as columns."""
    monkeypatch.setattr(
        "rnnfc.training.compile.recurrence.choose_layout", lambda *_: Layout(columns=request.param)
    )


def layer_of(cell: str, **options: Any) -> Any:
    layer = find_cell(cell).layer(H, kernel_seed=1, recurrent_seed=2, seed=1, **options)
    layer.build((None, T, C))
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(size=array.shape) for array in layer.get_weights()])  # biases too
    return layer


def outputs_and_gradients(layer: Any, initial_state: Any = None) -> list[Any]:
    """All that the layer returns for some windows, and the gradient by them, by the states and by every weight."""
    rng = np.random.default_rng(5)
    x = tf.constant(rng.normal(size=(N, T, C)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([x, initial_state or []])
        made = keras.tree.flatten(layer(x, initial_state=initial_state))
        loss = tf.add_n([tf.reduce_sum(each * rng.normal(size=each.shape)) for each in made])
    return [
        *made,
        *keras.tree.flatten(tape.gradient(loss, [x, initial_state or [], layer.trainable_variables])),
    ]


def assert_same_fused(layer: Any, initial_state: Any = None, *, zero: Sequence[int] = ()) -> None:
    """`zero`: the weights, by place, by which the gradient is zero."""
    expected = outputs_and_gradients(layer, initial_state)
    with fused_rnn([layer]):
        made = outputs_and_gradients(layer, initial_state)
    assert "inner_loop" not in vars(layer)
    first_weight = len(made) - len(layer.trainable_variables)
    for place, (ours, theirs) in enumerate(zip(made, expected, strict=True)):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)
        assert (np.abs(theirs).max() > 1e-3) == (place - first_weight not in zero)


def test_fused_rnn__covers_the_cells_of_keras() -> None:
    assert FUSED == ["SimpleRNN", "LSTM", "GRU"]


def test_derivatives__every_activation_of_a_config_has_one() -> None:
    assert set(DERIVATIVES) == set(ACTIVATIONS)


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("cell", FUSED)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fused_rnn__outputs_and_gradients_equal_those_of_keras(cell: str, activation: str) -> None:
    assert_same_fused(layer_of(cell, activation=activation))


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("cell", FUSED)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("given", [False, True], ids=["from zeros", "from given states"])
def test_fused_rnn__states_sequences_and_backward_layers_equal_keras(
    cell: str, backwards: bool, given: bool
) -> None:
    layer = layer_of(cell, return_sequences=True, return_state=True, go_backwards=backwards)
    rng = np.random.default_rng(7)
    start = [
        tf.constant(rng.normal(size=(N, H)), tf.float32) for _ in layer.cell.get_initial_state(batch_size=N)
    ]
    assert_same_fused(layer, start if given else None)


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("cell", FUSED)
def test_fused_rnn__a_window_of_one_row_equals_keras(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "T", 1)
    layer = layer_of(cell)
    recurrent = [place for place, weight in enumerate(layer.weights) if "recurrent" in weight.path]
    assert_same_fused(layer, zero=recurrent)


@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout"])
def test_fused_rnn__leaves_layers_with_dropout_to_keras(option: str) -> None:
    layer = layer_of("GRU", **{option: 0.5})
    with fused_rnn([layer]):
        assert "inner_loop" not in vars(layer)


def test_choose_layout__columns_for_large_layers_or_full_registers() -> None:
    large = [(128, 512), (16, 512), (16, 513), (16, 511), (15, 512), (17, 512), (1, 512)]
    assert [choose_layout(n, units).columns for n, units in large] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    small = [(64, 50), (64, 63), (64, 64), (64, 65), (63, 50), (48, 50), (64, 48), (16, 8)]
    assert [choose_layout(n, units).columns for n, units in small] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
        True,
    ]

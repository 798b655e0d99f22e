"""The dense family by its definition."""

import numpy as np
import pytest

from rnnfc.networks.dense import FAMILY, DenseSpec
from rnnfc.networks.family import Sizes

SIZES = Sizes(length=3, horizon=2, channels=2, targets=1, known=1)


def test_dense__a_forecast_is_worked_by_hand() -> None:
    """Window 1 2 | 3 4 | 5 6 and future 7, 8: relu(1 + 2 - 3) = 0, and relu(7 + 8 - 10) = 5; outputs 2 * 0 + 5 + 1 and -5."""
    model = FAMILY.build(DenseSpec(kind="dense", units=2), SIZES, seed=1)
    hidden = np.zeros((8, 2))
    hidden[:2, 0] = 1
    hidden[6:, 1] = 1
    model.set_weights(
        [hidden, np.array([-3.0, -10.0]), np.array([[2.0, 0.0], [1.0, -1.0]]), np.array([1.0, 0.0])]
    )
    window = np.arange(1, 7, dtype=np.float32).reshape(1, 3, 2)
    future = np.array([[[7.0], [8.0]]], np.float32)
    forecast = model({"window": window, "future": future})
    np.testing.assert_array_equal(forecast, [[[6.0], [-5.0]]])


def test_dense__dropout_acts_on_the_hidden_layer_in_training_only() -> None:
    sizes = Sizes(length=3, horizon=2, channels=2, targets=1)
    model = FAMILY.build(DenseSpec(kind="dense", units=8, dropout=0.5), sizes, seed=1)
    window = np.ones((4, 3, 2), np.float32)
    np.testing.assert_array_equal(model(window), model(window))
    assert np.abs(model(window, training=True) - model(window)).max() > 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_dense__starting_weights_follow_from_the_seed(seed: int) -> None:
    first, again = (FAMILY.build(DenseSpec(kind="dense", units=4), SIZES, seed=each) for each in (1, seed))
    same = [np.array_equal(*pair) for pair in zip(first.get_weights(), again.get_weights(), strict=True)]
    assert same == [seed == 1, True, seed == 1, True]

"""The penalty of the linear map, by hand: of one row and one step, trained on 1 -> 1, the map is 1 / (1 + penalty)."""

import numpy as np
import pytest

from rnnfc.networks.backend import keras
from rnnfc.networks.parts import linear_skip as linear
from rnnfc.networks.parts.linear_skip import PENALTIES, LinearSkip, Pairs


def pairs(forecast: float) -> Pairs:
    """One window [1, 1, 1] that holds 1, and what comes after it."""
    return lambda: iter([(np.ones((1, 1, 1)), np.full((1, 1, 1), forecast))])


@pytest.mark.parametrize(
    ("validation", "penalty"),
    [
        (None, 1e-6),  # nothing to choose by
        (2.0, 1e-6),
        (1.0, 1e-6),
        (0.99905, 1e-3),  # between 1/1.001 = 0.99900 and 1/1.0001 = 0.99990
        (0.99, 1e-2),
        (0.9, 1e-1),  # of 1/1.1 = 0.909, 1/1.01 = 0.990 and 1/2
        (0.6, 1.0),
        (-3.0, 1.0),
    ],
)
def test_the_penalty_is_the_one_that_validation_likes_best(validation: float | None, penalty: float) -> None:
    assert penalty in PENALTIES
    net = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="linear")])
    skips = [LinearSkip(linear=net.layers[0], share=None)]
    linear.warm_start(
        skips,
        pairs=pairs(1.0),
        validation=None if validation is None else pairs(validation),
    )
    assert float(net.layers[0].kernel.numpy()[0, 0]) == pytest.approx(1 / (1 + penalty), abs=1e-7)


def test_a_network_without_a_linear_map_stays_as_it_is() -> None:
    net = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="output")])
    before = net.get_weights()
    linear.warm_start([], pairs=pairs(1.0), validation=None)
    assert [array.tolist() for array in net.get_weights()] == [array.tolist() for array in before]

"""The ridge penalty of the linear map, by hand: for one row and one step, trained on 1 -> 1, the map is 1 / (1 + penalty)."""

import numpy as np
import pytest

from rnnfc.networks.backend import keras
from rnnfc.networks.parts import linear_skip as linear
from rnnfc.networks.parts.linear_skip import PENALTIES, LinearSkip, Pairs


def pairs(forecast: float) -> Pairs:
    """One window [1, 1, 1] of the value 1, and its targets."""
    return lambda: iter([(np.ones((1, 1, 1)), np.full((1, 1, 1), forecast))])


@pytest.mark.parametrize(
    ("validation", "penalty"),
    [
        (None, 1e-6),  # no validation windows
        (2.0, 1e-6),
        (1.0, 1e-6),
        (0.99905, 1e-3),  # between 1/1.001 = 0.99900 and 1/1.0001 = 0.99990
        (0.99, 1e-2),
        (0.9, 1e-1),  # of 1/1.1 = 0.909, 1/1.01 = 0.990 and 1/2
        (0.6, 1.0),
        (-3.0, 1.0),
    ],
)
def test_warm_start__takes_the_penalty_with_the_least_validation_error(
    validation: float | None, penalty: float
) -> None:
    assert penalty in PENALTIES
    net = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="linear")])
    skips = [LinearSkip(linear=net.layers[0], share=None)]
    linear.warm_start(
        skips,
        pairs=pairs(1.0),
        validation=None if validation is None else pairs(validation),
    )
    assert float(net.layers[0].kernel.numpy()[0, 0]) == pytest.approx(1 / (1 + penalty), abs=1e-7)


def test_warm_start__does_nothing_without_a_linear_map() -> None:
    net = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="output")])
    before = net.get_weights()
    linear.warm_start([], pairs=pairs(1.0), validation=None)
    assert [array.tolist() for array in net.get_weights()] == [array.tolist() for array in before]

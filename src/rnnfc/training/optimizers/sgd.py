"""Stochastic gradient descent."""

from typing import TYPE_CHECKING

from rnnfc.training.optimizer import Optimizer

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


def build(**options: float) -> "keras.optimizers.Optimizer":
    """Keras' SGD."""
    from rnnfc.networks.backend import keras

    return keras.optimizers.SGD(**options)


OPTIMIZER = Optimizer(build=build, options={"momentum": None})

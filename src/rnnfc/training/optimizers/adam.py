"""Adam. Source: Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015."""

from typing import TYPE_CHECKING

from rnnfc.training.optimizer import Optimizer

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


def build(**options: float) -> "keras.optimizers.Optimizer":
    """Keras' Adam."""
    from rnnfc.networks.backend import keras

    return keras.optimizers.Adam(**options)


OPTIMIZER = Optimizer(build=build)

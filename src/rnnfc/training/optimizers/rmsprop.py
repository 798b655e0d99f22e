"""RMSprop. Source: Tieleman & Hinton, Lecture 6.5, Coursera: Neural Networks for Machine Learning, 2012."""

from typing import TYPE_CHECKING

from rnnfc.training.optimizer import Optimizer

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


def build(**options: float) -> "keras.optimizers.Optimizer":
    """Keras' RMSprop."""
    from rnnfc.networks.backend import keras

    return keras.optimizers.RMSprop(**options)


OPTIMIZER = Optimizer(build=build, options={"momentum": None})

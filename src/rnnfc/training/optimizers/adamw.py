"""Adam with decoupled weight decay. Source: Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019."""

from typing import TYPE_CHECKING

from rnnfc.training.optimizer import Optimizer

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


def build(**options: float) -> "keras.optimizers.Optimizer":
    """Keras' AdamW."""
    from rnnfc.networks.backend import keras

    return keras.optimizers.AdamW(**options)


# The value without the key is Keras' own.
OPTIMIZER = Optimizer(build=build, options={"weight_decay": 0.004})

"""Huber's loss: half the square of an error up to 1, beyond it the absolute error minus 1/2.

Source: Huber, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35 (1964).
"""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss, squared

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor


def huber(y: "Tensor", outputs: "Tensor", _levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]."""
    from rnnfc.networks.backend import keras

    return keras.losses.huber(y, outputs)


LOSS = Loss(function=huber, point_error=squared)

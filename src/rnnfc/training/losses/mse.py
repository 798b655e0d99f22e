"""Mean squared error."""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss, squared

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor


def mean_squared_error(y: "Tensor", outputs: "Tensor", _levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]."""
    from rnnfc.networks.backend import keras

    return keras.losses.mean_squared_error(y, outputs)


LOSS = Loss(function=mean_squared_error, point_error=squared)

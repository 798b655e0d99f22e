"""Mean absolute error."""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss, absolute

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor


def mean_absolute_error(y: "Tensor", outputs: "Tensor", _levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]."""
    from rnnfc.networks.backend import keras

    return keras.losses.mean_absolute_error(y, outputs)


LOSS = Loss(function=mean_absolute_error, point_error=absolute)

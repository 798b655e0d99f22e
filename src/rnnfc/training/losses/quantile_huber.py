"""The pinball loss with Huber's curve in place of the absolute error: its gradient goes to 0 with the error.

Source: Dabney et al., Distributional Reinforcement Learning with Quantile Regression, AAAI 2018, equation 10 with kappa = 1.
"""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss

if TYPE_CHECKING:
    from rnnfc.data.panel import Floats
    from rnnfc.networks.backend import Tensor


def quantile_huber(y: "Tensor", outputs: "Tensor", levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]: |level - (error < 0)| * huber(error), with error^2 / 2 up to an error of 1 and |error| - 1/2 beyond it."""
    import numpy as np

    from rnnfc.networks.backend import keras

    ops, level = keras.ops, np.array(levels, dtype=np.float32)
    error = y[..., None] - outputs
    size = ops.abs(error)
    huber = ops.where(size <= 1, error * error / 2, size - 0.5)
    return ops.mean(ops.where(error < 0, 1 - level, level) * huber, axis=(-2, -1))


def point_error(error: "Floats") -> "Floats":
    """Twice the loss of the median."""
    import numpy as np

    size = np.abs(error)
    return np.where(size <= 1, error * error / 2, size - 0.5)


LOSS = Loss(function=quantile_huber, point_error=point_error, needs_levels=True)

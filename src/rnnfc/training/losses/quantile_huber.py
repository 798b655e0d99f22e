"""The pinball loss with Huber's curve in place of the absolute error: its gradient goes to 0 with the error.

Source: Dabney et al., Implicit Quantile Networks for Distributional Reinforcement Learning, ICML 2018, equation 3.
"""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss

if TYPE_CHECKING:
    from rnnfc.data.panel import Floats
    from rnnfc.networks.backend import Tensor

# The error up to which the loss is quadratic, in scaled units. Scaled errors are mostly below 1, and a loss that is quadratic
# for all of them learns expectiles: with kappa = 1, about 25 % of the values were below the level 0.1.
_KAPPA = 0.01


def quantile_huber(y: "Tensor", outputs: "Tensor", levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]: |level - (error < 0)| * Huber, error^2 / (2 kappa) up to kappa, |error| - kappa / 2 beyond."""
    import numpy as np

    from rnnfc.networks.backend import keras

    ops, level = keras.ops, np.array(levels, dtype=np.float32)
    error = y[..., None] - outputs
    size = ops.abs(error)
    curve = ops.where(size <= _KAPPA, error * error / (2 * _KAPPA), size - _KAPPA / 2)
    return ops.mean(ops.where(error < 0, 1 - level, level) * curve, axis=(-2, -1))


def point_error(error: "Floats") -> "Floats":
    """Twice the loss of the median."""
    import numpy as np

    size = np.abs(error)
    return np.where(size <= _KAPPA, error * error / (2 * _KAPPA), size - _KAPPA / 2)


LOSS = Loss(function=quantile_huber, point_error=point_error, needs_levels=True)

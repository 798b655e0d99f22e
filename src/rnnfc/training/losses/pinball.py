"""The pinball loss of quantiles.

Source: Koenker & Bassett, Regression Quantiles, Econometrica 46 (1978), equation 3.1.
"""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss, absolute

if TYPE_CHECKING:
    from rnnfc.networks.backend import Tensor


def pinball(y: "Tensor", outputs: "Tensor", levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]: level * error for a forecast that is too low, (1 - level) * |error| for one that is too high."""
    import numpy as np

    from rnnfc.networks.backend import keras

    ops, level = keras.ops, np.array(levels, dtype=np.float32)
    error = y[..., None] - outputs
    return ops.mean(ops.maximum(level * error, (level - 1) * error), axis=(-2, -1))


LOSS = Loss(function=pinball, point_error=absolute, needs_levels=True)

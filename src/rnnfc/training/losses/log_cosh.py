"""The logarithm of the hyperbolic cosine of the error: half the square near 0, |error| - log 2 far from it, smooth between.

Source: Saleh & Saleh, Statistical Properties of the log-cosh Loss Function Used in Machine Learning, arXiv 2208.04564 (2022).
"""

from typing import TYPE_CHECKING

from rnnfc.training.loss import Loss

if TYPE_CHECKING:
    from rnnfc.data.panel import Floats
    from rnnfc.networks.backend import Tensor


def log_cosh(y: "Tensor", outputs: "Tensor", _levels: tuple[float, ...]) -> "Tensor":
    """[n, horizon]."""
    from rnnfc.networks.backend import keras

    return keras.losses.log_cosh(y, outputs)


def point_error(error: "Floats") -> "Floats":
    """log cosh(error), without overflow."""
    import numpy as np

    return np.asarray(np.logaddexp(error, -error) - np.log(2))


LOSS = Loss(function=log_cosh, point_error=point_error)

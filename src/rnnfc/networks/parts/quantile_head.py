"""Quantiles of a network: a head in which no two cross, and the loss that it is trained with."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnfc.config.model_spec import MEDIAN
from rnnfc.networks.backend import keras
from rnnfc.networks.tensors import FORECAST, QUANTILES

ops = keras.ops
# Untrained quantiles lie softplus(-2) = 0.13 apart in scaled units: from 0.69 (at 0) down, or from 0.02 (at -4) up, a training of
# 40 epochs on a noisy sine came less far (wQL 0.16, 0.19 and 0.16 scaled by minmax, 0.147, 0.156 and 0.157 by standard).
_START = -2.0


def head(*shape: int, levels: tuple[float, ...]) -> Any:
    """A Keras model: [n, *shape, level] of any numbers -> the same shape, ascending along the levels.

    The number at the median's place is the median; the others are made positive and added up from there outwards, so that no two
    quantiles cross, whatever the weights.
    """
    raw, middle = keras.Input((*shape, len(levels)), name="median_and_gaps"), levels.index(MEDIAN)
    gaps = ops.softplus(raw + _START)
    below = ops.flip(ops.cumsum(ops.flip(gaps[..., :middle], axis=-1), axis=-1), axis=-1)
    above = ops.cumsum(gaps[..., middle + 1 :], axis=-1)
    median = raw[..., middle : middle + 1]
    return keras.Model(
        raw, ops.concatenate([median - below, median, median + above], axis=-1), name="quantiles"
    )


def median(made: Any, levels: tuple[float, ...]) -> Any:
    """The point forecast [n, horizon, target] in what a network with these levels gives; all of it where there are none."""
    return made[..., levels.index(MEDIAN)] if levels else made


def shifted(made: Any, shift: Any, levels: tuple[float, ...]) -> Any:
    """What a network gives, every quantile moved by `shift` [n, row, target]."""
    return (shift[..., None] if levels else shift) + made  # in this order, see `normalize.NORMALIZE`


def outputs(
    made: Any, levels: tuple[float, ...], *, raw: Callable[[Any], Any], stack: Callable[..., Any]
) -> dict[str, Any]:
    """What leaves a network, by name: forecast [n, horizon, target], and with levels quantiles [n, horizon, target, level].

    Args:
        made: what the Keras model gives.
        raw: from scaled to data units, for [n, horizon, target]; rising, so that a quantile stays one.
        stack: that of NumPy or of Keras.
    """
    if not levels:
        return {FORECAST: raw(made)}
    whole = stack([raw(made[..., place]) for place in range(len(levels))], axis=-1)
    return {FORECAST: median(whole, levels), QUANTILES: whole}


class Pinball(keras.losses.Loss):  # type: ignore[misc]  # Keras is not typed
    """The mean over levels of the pinball loss: (y[n, horizon, target], forecast[n, horizon, target, level]) -> [n, horizon].

    Source: Koenker & Bassett, Regression quantiles, Econometrica 46 (1978), equation 3.1.
    """

    def __init__(self, *, levels: tuple[float, ...], reduction: str | None = "sum_over_batch_size") -> None:
        super().__init__(name="pinball", reduction=reduction)
        self._levels = np.array(levels, dtype=np.float32)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses before they are reduced."""
        error = y_true[..., None] - y_pred
        return ops.mean(ops.maximum(self._levels * error, (self._levels - 1) * error), axis=(-2, -1))

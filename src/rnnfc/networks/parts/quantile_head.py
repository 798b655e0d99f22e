"""Quantiles of a network: a head whose quantiles never cross."""

from collections.abc import Callable

from rnnfc.config.network_spec import MEDIAN
from rnnfc.networks.backend import Tensor, keras
from rnnfc.networks.tensors import FORECAST, QUANTILES, Array

ops = keras.ops
# The gaps between untrained quantiles are softplus(-2) = 0.13 in scaled units. Smaller and larger starts were worse: on a noisy
# sine, 40 epochs reached a wQL of 0.16, 0.16 and 0.19 (minmax) and 0.157, 0.147 and 0.156 (standard) from -4, -2 and 0.
_START = -2.0


def quantile_head(*shape: int, levels: tuple[float, ...]) -> keras.Model:
    """A Keras model: any numbers [n, *shape, level] -> quantiles of the same shape, ascending along the levels.

    The number at the median's position is the median. Softplus turns the other ones into positive gaps, which are added up from
    the median outwards, so quantiles never cross, whatever the weights.
    """
    raw, middle = keras.Input((*shape, len(levels)), name="median_and_gaps"), levels.index(MEDIAN)
    gaps = ops.softplus(raw + _START)
    below = ops.flip(ops.cumsum(ops.flip(gaps[..., :middle], axis=-1), axis=-1), axis=-1)
    above = ops.cumsum(gaps[..., middle + 1 :], axis=-1)
    center = raw[..., middle : middle + 1]
    quantiles = ops.concatenate([center - below, center, center + above], axis=-1)
    return keras.Model(raw, quantiles, name="quantiles")


def median(outputs: Array, levels: tuple[float, ...]) -> Array:
    """The point forecast [n, horizon, target] among the outputs [n, horizon, target (, level)] of a network."""
    return outputs[..., levels.index(MEDIAN)] if levels else outputs


def shift_quantiles(outputs: Tensor, shift: Tensor, levels: tuple[float, ...]) -> Tensor:
    """The outputs of a network, every quantile moved by `shift` [n, horizon, target]."""
    # The broadcast array first, see `normalization.NORMALIZATIONS`.
    return (shift[..., None] if levels else shift) + outputs


def named_outputs(
    scaled: Array,
    levels: tuple[float, ...],
    *,
    invert: Callable[[Array], Array],
    stack: Callable[..., Array],
) -> dict[str, Array]:
    """The outputs by name, in data units: forecast [n, horizon, target], with levels also quantiles [n, horizon, target, level].

    Args:
        scaled: the outputs of the Keras model.
        invert: from scaled to data units, of [n, horizon, target]; increasing, so that a quantile stays one.
        stack: that of NumPy or of Keras.
    """
    if not levels:
        return {FORECAST: invert(scaled)}
    quantiles = stack([invert(scaled[..., index]) for index in range(len(levels))], axis=-1)
    return {FORECAST: median(quantiles, levels), QUANTILES: quantiles}

"""NORMALIZATIONS: the values of `window.normalize`, as functions of any array library.

A rule lies inside the network, so that every exported file contains it. Channels whose future is known (a calendar's) have no
level that drifts; they are not normalized. `none` has no rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rnnfc.networks.tensors import Array

# Added to the variance of a window of scaled values, so that a constant window becomes zeros and is not divided by zero.
# Source: Kim et al., Reversible instance normalization for accurate time-series forecasting, ICLR 2022.
_EPSILON = 1e-5


class Ops(Protocol):
    """The functions of `numpy` and of `keras.ops` that the rules call."""

    @property
    def sqrt(self) -> Callable[..., Array]: ...
    @property
    def var(self) -> Callable[..., Array]: ...
    @property
    def mean(self) -> Callable[..., Array]: ...
    @property
    def cumsum(self) -> Callable[..., Array]: ...
    @property
    def concatenate(self) -> Callable[..., Array]: ...


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """One rule.

    normalize: (window[n, length, channel], ops) -> the window that the network reads.
    denormalize: (forecast[n, horizon, target], window[n, length, target], ops) -> the forecast at the window's level. With
        quantile levels both arrays have a further last axis, and ascending quantiles stay ascending.
    normalize_targets: the inverse of `denormalize` in its first argument: true targets as the network forecasts them.
    """

    model_name: str
    normalize: Callable[[Array, Ops], Array]
    denormalize: Callable[[Array, Array, Ops], Array]
    normalize_targets: Callable[[Array, Array, Ops], Array]


def _mean(window: Array, ops: Ops) -> Array:
    return ops.mean(window, axis=1, keepdims=True)


def _deviation(window: Array, ops: Ops) -> Array:
    return ops.sqrt(ops.var(window, axis=1, keepdims=True) + _EPSILON)


def _last(window: Array) -> Array:
    return window[:, -1:]


def _differences(rows: Array, first_predecessor: Array, ops: Ops) -> Array:
    """Each row minus the row before it."""
    return rows - ops.concatenate([first_predecessor, rows[:, :-1]], axis=1)


# Each sum begins with the array that is broadcast: in Keras 3.15 a [n, 1, 1] tensor behind the plus sign is added as a bias along
# the second axis where n equals the size of that axis.
NORMALIZATIONS: dict[str, Normalization] = {
    "last": Normalization(
        model_name="around_last",
        normalize=lambda window, _: window - _last(window),
        denormalize=lambda forecast, window, _: _last(window) + forecast,
        normalize_targets=lambda targets, window, _: targets - _last(window),
    ),
    "mean_std": Normalization(
        model_name="around_mean",
        normalize=lambda window, ops: (window - _mean(window, ops)) / _deviation(window, ops),
        denormalize=lambda forecast, window, ops: _mean(window, ops) + forecast * _deviation(window, ops),
        normalize_targets=lambda targets, window, ops: (
            (targets - _mean(window, ops)) / _deviation(window, ops)
        ),
    ),
    # The row before the first one is unknown: its difference is 0.
    "difference": Normalization(
        model_name="of_differences",
        normalize=lambda window, ops: _differences(window, window[:, :1], ops),
        denormalize=lambda forecast, window, ops: _last(window) + ops.cumsum(forecast, axis=1),
        normalize_targets=lambda targets, window, ops: _differences(targets, _last(window), ops),
    ),
}

"""NORMALIZE: what a network sees of each window instead of its level, and how its forecast is turned back.

It lies inside the Keras model, so that every exported one has it. Channels that are known ahead (a calendar's) have no level to
drift off, and are left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnnfc.networks import inputs
from rnnfc.networks.backend import keras

ops = keras.ops

# Added to the variance of a window (of scaled values), so that a constant one is seen as zeros and not blown up.
# Source: Kim et al., Reversible instance normalization for accurate time-series forecasting, ICLR 2022.
_EPSILON = 1e-5


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """Three functions of tensors.

    see: of a window [n, length, channel], what the network is shown.
    back: (forecast [n, horizon, target], window [n, length, target]), the network's forecast in the window's own level; with
        levels both have a last axis more, and ascending quantiles stay ascending.
    inside: the inverse of `back`.
    """

    name: str
    see: Callable[[Any], Any]
    back: Callable[[Any, Any], Any]
    inside: Callable[[Any, Any], Any]


def around(core: Any, normalize: str, *, channels: int, targets: int, known: int = 0) -> Any:
    """A Keras model: what `core` forecasts from the window's channels as it sees them (but for the last `known`), turned back."""
    if normalize == "none":
        return core
    rule, given = NORMALIZE[normalize], inputs.like(core)
    window = given["window"]
    own, level = window[..., : channels - known], window[..., :targets]
    seen = (
        ops.concatenate([rule.see(own), window[..., channels - known :]], axis=-1) if known else rule.see(own)
    )
    told = {"target": rule.inside(given["target"], level)} if "target" in given else {}
    made = inputs.feed(core, {**given, "window": seen, **told})
    back = rule.back(
        made, level[..., None] if len(made.shape) == 4 else level
    )  # all quantiles by the same level
    return inputs.model(given, back, name=rule.name)


def _spread(window: Any) -> Any:
    return ops.sqrt(ops.var(window, axis=1, keepdims=True) + _EPSILON)


def _mean(window: Any) -> Any:
    return ops.mean(window, axis=1, keepdims=True)


def _last(window: Any) -> Any:
    return window[:, -1:]


def _changes(rows: Any, before: Any) -> Any:
    """Each row minus its predecessor, that of the first being `before`."""
    return rows - ops.concatenate([before, rows[:, :-1]], axis=1)


# `none` has no entry: see `around`. A sum begins with what is broadcast: where Keras 3.15 finds [n, 1, 1] behind a plus and n is
# as large as the second axis before it, it adds a bias along that axis instead.
NORMALIZE: dict[str, Normalization] = {
    "last": Normalization(
        name="around_last",
        see=lambda window: window - _last(window),
        back=lambda forecast, window: _last(window) + forecast,
        inside=lambda forecast, window: forecast - _last(window),
    ),
    "mean_std": Normalization(
        name="around_mean",
        see=lambda window: (window - _mean(window)) / _spread(window),
        back=lambda forecast, window: _mean(window) + forecast * _spread(window),
        inside=lambda forecast, window: (forecast - _mean(window)) / _spread(window),
    ),
    # The first row's predecessor is not known: a change of 0.
    "difference": Normalization(
        name="of_differences",
        see=lambda window: _changes(window, window[:, :1]),
        back=lambda forecast, window: _last(window) + ops.cumsum(forecast, axis=1),
        inside=lambda forecast, window: _changes(forecast, _last(window)),
    ),
}

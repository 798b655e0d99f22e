"""The linear map beside a network: one matrix for all targets, from the window's newest rows to the forecast.

As a path it is added to the network and trained with it. As a partner in a blend it stays what it was fitted to, and the share
of the network is chosen afterwards.
"""

import bisect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnfc.config.model_spec import LinearSpec
from rnnfc.data.panel import Floats
from rnnfc.networks import inputs
from rnnfc.networks.backend import keras
from rnnfc.networks.parts.quantile_head import median, shifted

Pairs = Callable[[], Iterator[tuple[Floats, Floats]]]

# Ridge penalties, as shares of the mean squared input; without validation windows the first, which biases nothing.
PENALTIES = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def beside(core: Any, spec: LinearSpec, *, targets: int, levels: tuple[float, ...] = ()) -> Any:
    """`core` [n, length, channel] -> [n, horizon, target (, level)] with the map beside it.

    The map forecasts zero until `warm_start`, and moves all quantiles alike, by what it moves the median.
    """
    ops, blended, given = keras.ops, spec.use == "blend", inputs.like(core)
    rows = ops.transpose(given["window"][:, -(spec.length or 0) :, :targets], (0, 2, 1))
    line = keras.layers.Dense(
        core.output_shape[1], use_bias=False, kernel_initializer="zeros", trainable=not blended, name="linear"
    )
    linear, made = ops.transpose(line(rows), (0, 2, 1)), inputs.feed(core, given)
    if blended:
        # made + (1 - share) (linear - made), so that a share of 1 is the network to the last bit
        share = keras.layers.Dense(
            1, use_bias=False, kernel_initializer="ones", trainable=False, name="share"
        )
        apart = linear - median(made, levels)
        linear = apart - share(apart[..., None])[..., 0]
    return inputs.model(given, shifted(made, linear, levels), name="beside_linear")


def layers_named(net: Any, name: str) -> list[Any]:
    """The layers `linear` or `share` of a network, one for each member of an ensemble."""
    return [layer for layer in net._flatten_layers() if layer.name == name]


def warm_start(net: Any, *, pairs: Pairs, validation: Pairs | None) -> None:
    """Set every linear map of `net` to the ridge solution on the training windows.

    The penalty is the one of PENALTIES with the least squared error on the validation windows.

    Args:
        pairs, validation: make parts of (window[n, length, target], forecast[n, horizon, target]), to be read and made.
    """
    lines = layers_named(net, "linear")
    if not lines:
        return
    gram, moment = _normal_equations(pairs, rows=lines[0].kernel.shape[0])
    found = [
        _ridge(gram, moment, penalty=penalty) for penalty in (PENALTIES if validation else PENALTIES[:1])
    ]
    if validation:
        watched, aim = _normal_equations(validation, rows=lines[0].kernel.shape[0])
        # The squared error but for what no map changes.
        found.sort(key=lambda weights: float(np.sum(weights * (watched @ weights - 2 * aim))))
    for line in lines:
        line.set_weights([found[0]])


def _normal_equations(pairs: Pairs, *, rows: int) -> tuple[Floats, Floats]:
    """Sums of x x' and x y' over windows and targets, x[row] the newest rows of a window."""
    gram, moment = np.zeros((rows, rows)), np.zeros(())
    for window, forecast in pairs():
        x = window[:, -rows:].transpose(0, 2, 1).reshape(-1, rows)  # [n * target, row]
        gram += x.T @ x
        moment = moment + x.T @ forecast.transpose(0, 2, 1).reshape(len(x), -1)
    return gram, moment


def _ridge(gram: Floats, moment: Floats, *, penalty: float) -> Floats:
    """weights[row, horizon] without an intercept, which would carry the drift of the training rows on."""
    size, gram = np.trace(gram) / len(gram), gram.copy()
    gram[np.diag_indices_from(gram)] += penalty * (size if size > 0 else 1.0)
    return np.asarray(np.linalg.solve(gram, moment))


def choose_share(
    net: Any, point: Callable[[], Floats], *, actual: Floats, error: Callable[[Floats], Floats]
) -> None:
    """Give the network of a blend the share, in hundredths, whose forecasts have the least mean error.

    Args:
        point: the forecasts of `net`; actual: what they should have been, NaN where that is not known.
        error: of each difference, e.g. `np.square`.
    """
    ends = []
    for end in (0.0, 1.0):
        set_share(net, end)
        ends.append(point())
    apart, missed = ends[1] - ends[0], actual - ends[0]
    known = ~np.isnan(missed)

    def loss(hundredths: int) -> float:
        return float(np.mean(error(missed - hundredths / 100 * apart), where=known))

    # Convex in the share, so it falls and then rises; of shares that are as good the largest, the network's.
    set_share(
        net, bisect.bisect_left(range(100), True, key=lambda share: loss(share) < loss(share + 1)) / 100
    )


def set_share(net: Any, share: float) -> None:
    """Let the network count for `share` in every blend."""
    for layer in layers_named(net, "share"):
        layer.set_weights([np.full((1, 1), share)])


def network_share(net: Any) -> float | None:
    """What the network counts for in a blend; None where it is none."""
    shares = layers_named(net, "share")
    return float(shares[0].kernel.numpy()[0, 0]) if shares else None

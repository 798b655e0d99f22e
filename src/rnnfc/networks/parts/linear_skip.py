"""The linear skip connection: one matrix for all targets, from the newest rows of the window to the forecast.

As a path it is added to the network's forecast and trained with the network. In a blend it keeps its fitted weights, and the
share of the network is chosen after training.
"""

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnfc.config.network_spec import LinearSpec
from rnnfc.data.panel import Floats
from rnnfc.networks.backend import keras
from rnnfc.networks.inputs import call_model, make_model, new_inputs
from rnnfc.networks.parts.quantile_head import median, shift_quantiles
from rnnfc.networks.tensors import WINDOW

# A function, so that the windows can be read more than once: parts of (window[n, length, target], targets[n, horizon, target]).
Pairs = Callable[[], Iterator[tuple[Floats, Floats]]]

# Ridge penalties, as shares of the mean squared input. Without validation windows the first one is used: it biases nothing.
PENALTIES = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True, kw_only=True)
class LinearSkip:
    """The layers of one linear skip connection.

    linear: [rows of the window] -> [horizon], the same for every target.
    share: the weight of the network in a blend, a 1 x 1 kernel; None if the map is a path.
    """

    linear: keras.layers.Dense
    share: keras.layers.Dense | None


def with_linear_skip(
    core: keras.Model, spec: LinearSpec, *, targets: int, levels: tuple[float, ...] = ()
) -> tuple[keras.Model, LinearSkip]:
    """`core` [n, length, channel] -> [n, horizon, target (, level)] with a linear skip connection.

    The map forecasts zero until `warm_start`. It shifts all quantiles by the same amount, that of the median.
    """
    ops, inputs = keras.ops, new_inputs(core)
    rows = ops.transpose(inputs[WINDOW][:, -(spec.length or 0) :, :targets], (0, 2, 1))
    is_blend = spec.use == "blend"
    linear = keras.layers.Dense(
        core.output_shape[1],
        use_bias=False,
        kernel_initializer="zeros",
        trainable=not is_blend,
        name="linear",
    )
    shift, forecast = ops.transpose(linear(rows), (0, 2, 1)), call_model(core, inputs)
    share = None
    if is_blend:
        # forecast + (1 - share) (linear - forecast): with a share of 1 the network's own forecast, bit for bit
        share = keras.layers.Dense(
            1, use_bias=False, kernel_initializer="ones", trainable=False, name="share"
        )
        difference = shift - median(forecast, levels)
        shift = difference - share(difference[..., None])[..., 0]
    model = make_model(inputs, shift_quantiles(forecast, shift, levels), name="beside_linear")
    return model, LinearSkip(linear=linear, share=share)


def warm_start(
    skips: Sequence[LinearSkip], *, pairs: Pairs, validation: Pairs | None, penalty: float | None = None
) -> float | None:
    """Set every linear map to the ridge solution on the training windows; returns the penalty, None without a linear map.

    Args:
        penalty: None: the one of PENALTIES with the least squared error on the validation windows.
    """
    if not skips:
        return None
    gram, moment = _normal_equations(pairs, rows=skips[0].linear.kernel.shape[0])
    penalties = [penalty] if penalty is not None else PENALTIES if validation else PENALTIES[:1]
    solutions = [(_ridge(gram, moment, penalty=penalty), penalty) for penalty in penalties]
    if validation and len(solutions) > 1:
        gram, moment = _normal_equations(validation, rows=len(gram))
        # The squared error without its constant term.
        solutions.sort(key=lambda pair: float(np.sum(pair[0] * (gram @ pair[0] - 2 * moment))))
    weights, chosen = solutions[0]
    for skip in skips:
        skip.linear.set_weights([weights])
    return chosen


def _normal_equations(pairs: Pairs, *, rows: int) -> tuple[Floats, Floats]:
    """Sums of x x' and x y' over windows and targets, where x[row] are the newest rows of a window."""
    gram, moment = np.zeros((rows, rows)), np.zeros(())
    for window, targets in pairs():
        x = window[:, -rows:].transpose(0, 2, 1).reshape(-1, rows)  # [n * target, row]
        gram += x.T @ x
        moment = moment + x.T @ targets.transpose(0, 2, 1).reshape(len(x), -1)
    return gram, moment


def _ridge(gram: Floats, moment: Floats, *, penalty: float) -> Floats:
    """weights[row, horizon] without an intercept: that would extrapolate the drift of the training rows."""
    size, gram = np.trace(gram) / len(gram), gram.copy()
    gram[np.diag_indices_from(gram)] += penalty * (size if size > 0 else 1.0)
    return np.asarray(np.linalg.solve(gram, moment))


def choose_share(
    skips: Sequence[LinearSkip],
    point: Callable[[], Floats],
    *,
    actual: Floats,
    error: Callable[[Floats], Floats],
) -> None:
    """Set the share of the network in a blend to the whole percentage with the least mean error.

    Args:
        point: returns the forecasts of the whole network with its current share.
        actual: the true values; NaN where unknown.
        error: elementwise, of a difference, e.g. `np.square`.
    """
    ends = []
    for end in (0.0, 1.0):
        set_share(skips, end)
        ends.append(point())
    gap, residual = ends[1] - ends[0], actual - ends[0]
    is_known = ~np.isnan(residual)

    def loss(percent: int) -> float:
        return float(np.mean(error(residual - percent / 100 * gap), where=is_known))

    # The loss is convex in the share: it falls, then rises. Of equally good shares the largest is chosen.
    percent = bisect.bisect_left(range(100), True, key=lambda percent: loss(percent) < loss(percent + 1))
    set_share(skips, percent / 100)


def set_share(skips: Sequence[LinearSkip], share: float) -> None:
    """Set the share of the network in every blend."""
    for skip in skips:
        if skip.share is not None:
            skip.share.set_weights([np.full((1, 1), share)])


def network_share(skips: Sequence[LinearSkip]) -> float | None:
    """The share of the network in a blend; None if there is no blend."""
    shares = [skip.share for skip in skips if skip.share is not None]
    return float(shares[0].kernel.numpy()[0, 0]) if shares else None

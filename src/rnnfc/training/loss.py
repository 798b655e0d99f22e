"""Loss: what the configuration, training and blending need to know about a loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnfc.data.panel import Floats
    from rnnfc.networks.backend import Tensor


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss, without parameters of its own. Its module imports neither Keras nor TensorFlow before `function` is called.

    function: (y[n, horizon, target], outputs, levels) -> [n, horizon], the mean over targets and levels. outputs are
        [n, horizon, target], or [n, horizon, target, level] for a loss that needs levels; other losses ignore `levels`.
    point_error: of actual minus point, elementwise; its mean on validation windows chooses the network's share in a blend.
        huber's is the square, as in 0.1.0, so that the same run keeps its share.
    needs_levels: whether it trains quantiles, so that `model.levels` must be set. Its outputs are reported as quantiles, so the
        loss must estimate quantiles: not, for example, expectiles.
    """

    function: "Callable[[Tensor, Tensor, tuple[float, ...]], Tensor]"
    point_error: "Callable[[Floats], Floats]"
    needs_levels: bool = False


def absolute(error: "Floats") -> "Floats":
    """|error|."""
    return abs(error)


def squared(error: "Floats") -> "Floats":
    """error^2."""
    return error * error

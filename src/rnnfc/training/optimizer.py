"""Optimizer: what the configuration and training need to know about an optimizer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer. Its module imports neither Keras nor TensorFlow before `build` is called.

    build: the Keras optimizer, from keyword arguments: learning_rate, one of Keras' options for clipping, and `options`.
    options: the keys of `train`, e.g. momentum, that act with this optimizer, and the value without one; None is Keras' own.
    """

    build: "Callable[..., keras.optimizers.Optimizer]"
    options: Mapping[str, float | None] = field(default_factory=dict)

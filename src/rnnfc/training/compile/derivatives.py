"""DERIVATIVES: of each activation that a recurrent layer can have, by the activation's value."""

from collections.abc import Callable

from rnnfc.networks.backend import tf

DERIVATIVES: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "tanh": lambda y: 1 - y * y,
    "sigmoid": lambda y: y * (1 - y),
    "linear": tf.ones_like,
    "relu": lambda y: tf.cast(y > 0, y.dtype),
    "elu": lambda y: tf.where(y > 0, tf.ones_like(y), y + 1),
    "softsign": lambda y: (1 - tf.abs(y)) ** 2,
}

"""The recurrent layers that Keras has, as `Cell.layer` and `Cell.step` build them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnfc.networks.backend import keras


def keras_layer(name: str) -> "Callable[..., keras.layers.Layer]":
    """The builder of `keras.layers.<name>`; kernels start Glorot-uniform, recurrent kernels orthogonal."""

    def build(units: int, *, kernel_seed: int, recurrent_seed: int, **options: Any) -> "keras.layers.Layer":
        from rnnfc.networks.backend import keras

        return getattr(keras.layers, name)(
            units,
            kernel_initializer=keras.initializers.GlorotUniform(seed=kernel_seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=recurrent_seed),
            **options,
        )

    return build

"""The weights of a Keras model as named arrays, for .npz files."""

from collections.abc import Mapping

from rnnfc.data.panel import Floats
from rnnfc.errors import RunError
from rnnfc.networks.backend import keras
from rnnfc.plain import Array


def named_weights(model: keras.Model) -> dict[str, Floats]:
    """Every weight by its index and path."""
    return {f"{index:03d} {variable.path}": variable.numpy() for index, variable in enumerate(model.weights)}


def set_weights(model: keras.Model, weights: Mapping[str, Array], *, source: str) -> None:
    """Assign the arrays of `named_weights`.

    Raises:
        RunError: names, types or shapes are not those of this model.
    """
    expected = {name: f"{array.dtype}{list(array.shape)}" for name, array in named_weights(model).items()}
    actual = {name: f"{array.dtype}{list(array.shape)}" for name, array in weights.items()}
    if expected != actual:
        name = next(name for name in [*expected, *actual] if expected.get(name) != actual.get(name))
        raise RunError(
            f"{source}: {name} is {actual.get(name)}, the experiment's network needs {expected.get(name)}"
        )
    model.set_weights([weights[name] for name in expected])

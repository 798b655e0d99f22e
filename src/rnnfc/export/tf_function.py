"""A network in data units as one TensorFlow function, which three formats are written from."""

from rnnfc.data.scaler import Scaler
from rnnfc.export.interface import Interface, input_shapes
from rnnfc.networks.backend import Tensor, keras, tf
from rnnfc.networks.data_units import data_unit_forecaster
from rnnfc.networks.tensors import SERIES


def serving_function(
    model: keras.Model,
    interface: Interface,
    *,
    scaler: Scaler,
    levels: tuple[float, ...],
    dtype: str = "float64",
) -> tf.types.experimental.PolymorphicFunction:
    """`model` with its scaling, as a function of the inputs of `interface`, in their order.

    Args:
        dtype: of windows, scaling and outputs.
    """
    forecast = data_unit_forecaster(model, scaler, levels=levels, dtype=dtype)
    shapes = input_shapes(interface)
    signature = [
        tf.TensorSpec([None, *shape], "int64" if name == SERIES else dtype, name=name)
        for name, shape in shapes.items()
    ]

    def serve(*tensors: Tensor) -> dict[str, Tensor]:
        return forecast(**dict(zip(shapes, tensors, strict=True)))

    return tf.function(serve, input_signature=signature, autograph=False)

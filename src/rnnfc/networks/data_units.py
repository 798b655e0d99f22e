"""A network as a function of tensors in data units, for exported files: scaling is part of it."""

from collections.abc import Callable

from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler, box_cox, inverse_box_cox
from rnnfc.networks.backend import Tensor, keras
from rnnfc.networks.inputs import call_model
from rnnfc.networks.parts.quantile_head import named_outputs
from rnnfc.networks.tensors import FUTURE, SERIES, WINDOW

ops = keras.ops

# (window[n, length, channel], series int64[n], future[n, horizon, known]) -> outputs by name, see `quantile_head.named_outputs`.
# `series` is required if series have a scale or an embedding of their own, `future` if the network reads known channels.
DataUnitForecaster = Callable[..., dict[str, Tensor]]


def data_unit_forecaster(
    model: keras.Model, scaler: Scaler, *, levels: tuple[float, ...], dtype: str = "float64"
) -> DataUnitForecaster:
    """The forecast of `model` as a function with keyword arguments `window`, `series`, `future` and named outputs in data units.

    Args:
        dtype: of windows, scaling and outputs. float64 keeps the shape of a series at offset 1e9; float32 would keep one value
            of a thousand.
    """
    centers, scales = scaler.center.astype(dtype), scaler.scale.astype(dtype)
    powers = None if scaler.power is None else scaler.power.astype(dtype)
    num_targets = model.output_shape[2]

    def forecast(
        window: Tensor, series: Tensor | None = None, future: Tensor | None = None
    ) -> dict[str, Tensor]:
        def of_windows(numbers: Floats) -> Tensor:
            """The scaler's numbers for each window, [n, 1, channel]; or [channel], if all series share them."""
            if series is None or not scaler.by_series:
                return numbers[0]
            return ops.take(numbers, series, axis=0)[:, None]

        center, scale = of_windows(centers), of_windows(scales)
        power = None if powers is None else of_windows(powers)
        scaled = (box_cox(window, power, ops) - center) / scale
        tensors = {WINDOW: ops.cast(scaled, "float32")}
        if future is not None:
            known = slice(center.shape[-1] - future.shape[-1], None)
            tensors[FUTURE] = ops.cast((future - center[..., known]) / scale[..., known], "float32")
        if series is not None:
            tensors[SERIES] = ops.cast(series, "int32")
        outputs = ops.cast(call_model(model, tensors, training=False), dtype)

        def invert(points: Tensor) -> Tensor:
            # The broadcast array first, see `normalization.NORMALIZATIONS`.
            shifted = ops.add(center[..., :num_targets], points * scale[..., :num_targets])
            return inverse_box_cox(shifted, power, ops)

        return named_outputs(outputs, levels, invert=invert, stack=ops.stack)

    return forecast

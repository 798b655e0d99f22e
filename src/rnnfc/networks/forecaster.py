"""Forecaster: a Keras network with its scaler, which forecasts windows in data units."""

import numpy as np

from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.networks.backend import tf
from rnnfc.networks.inputs import call_model, gather_inputs, panel_to_device
from rnnfc.networks.net import Net
from rnnfc.networks.parts.quantile_head import named_outputs
from rnnfc.networks.tensors import Outputs, to_forecast

# Windows in one forward pass: large enough for matrix products to pay, small enough that a batch of length 512 and 8
# channels stays under 20 MB.
_FORWARD_BATCH = 1024


class Forecaster:
    """A Keras network, its scaler, its quantile levels (if any) and one traced forward pass."""

    label = "network"

    def __init__(self, net: Net, scaler: Scaler, *, levels: tuple[float, ...] = ()) -> None:
        self.scaler, self.levels = scaler, levels
        model, indices = net.inference_model, tf.TensorSpec([None], tf.int32)

        def forward(rows: tf.Tensor, series: tf.Tensor, origins: tf.Tensor) -> tf.Tensor:
            tensors = gather_inputs(model, rows, series, origins, length=net.sizes.length)
            return call_model(model, tensors, training=False)

        signature = [tf.TensorSpec([None, net.sizes.channels], tf.float32), indices, indices]
        self._forward = tf.function(forward, input_signature=signature, autograph=False)
        self._panel: Panel | None = None  # whose rows are on the device
        self._rows: tuple[tf.Tensor, ...] = ()

    def scaled_points(self, scaled: Windows) -> Floats:
        """The outputs of the Keras model, [window, horizon, target (, level)], for windows over a scaled panel."""
        if self._panel is not scaled.panel:  # validation rows go to the device once, not once per epoch
            self._panel, self._rows = None, ()  # frees the other rows first
            self._panel, self._rows = scaled.panel, panel_to_device(scaled.panel)
        parts = scaled.batches(max_windows=_FORWARD_BATCH)
        points = [self._forward(*self._rows, tf.constant(part.origins)).numpy() for part in parts]
        return np.concatenate(points).astype(np.float64)

    def outputs(self, windows: Windows) -> Outputs:
        """Forecast, and quantiles with levels, in data units, for unscaled windows."""
        cropped, series = windows.crop(), windows.series
        points = self.scaled_points(
            cropped.with_panel(self.scaler.transform(cropped.panel, dtype=np.float32))
        )
        return named_outputs(
            points,
            self.levels,
            invert=lambda scaled: self.scaler.inverse_transform(scaled, series),
            stack=np.stack,
        )

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""
        return to_forecast(self.outputs(windows), windows, levels=self.levels)

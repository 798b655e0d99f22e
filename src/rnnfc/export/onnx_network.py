"""OnnxNetwork: a network read from ONNX, which forecasts without TensorFlow.

Scaling, window normalization and their inverses are part of the file, so whoever runs it needs nothing else.
"""

import re
from typing import TYPE_CHECKING, Self

import numpy as np

from rnnfc.data.windows import Windows
from rnnfc.errors import RunError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.export.parity import infer_in_batches
from rnnfc.networks.tensors import FORECAST, FUTURE, QUANTILES, SERIES, WINDOW, Inputs, Outputs, to_forecast

if TYPE_CHECKING:
    import onnxruntime

# Weights in another file: protobuf's key "location" after any spelling of its length, 8.
_EXTERNAL = re.compile(rb"\n(\x08|\x88\x80*\x00)location")


class OnnxNetwork:
    """A network read from ONNX: data units in, data units out."""

    label = "network"

    def __init__(
        self, session: "onnxruntime.InferenceSession", *, source: str, levels: tuple[float, ...]
    ) -> None:
        self._session, self._source, self._levels = session, source, levels
        self._input_names = [tensor.name for tensor in session.get_inputs()]

    @classmethod
    def read(cls, content: bytes, *, source: str, levels: tuple[float, ...] = ()) -> Self:
        """The network in the bytes of an .onnx file, with quantiles of these levels.

        Raises:
            RunError: the bytes are not a model of this tool; names `source`.
        """
        import onnxruntime

        if _EXTERNAL.search(content):
            raise RunError(
                f"{source}: its weights are in another file, which is never read; the run is damaged, train it again"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are exceptions, too
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no other common base class
            raise RunError(
                f"{source}: not a readable ONNX model; the run is damaged, train it again"
            ) from error
        inputs = [tensor.name for tensor in session.get_inputs()]
        outputs = sorted(tensor.name for tensor in session.get_outputs())
        expected = _output_names(levels)
        if inputs[:1] != [WINDOW] or not {*inputs} <= {WINDOW, FUTURE, SERIES} or outputs != expected:
            signature = f"from {WINDOW!r} to {' and '.join(map(repr, expected))}"
            raise RunError(f"{source}: not a model {signature}; the run is damaged, train it again")
        return cls(session, source=source, levels=levels)

    def outputs(self, windows: Windows) -> Outputs:
        """Forecast, and quantiles with levels, in data units, for unscaled windows.

        Raises:
            RunError: the model is for windows of other shapes.
        """
        try:
            outputs = infer_in_batches(self.infer, windows)
        except Exception as error:
            raise RunError(
                f"{self._source}: its model cannot read the run's windows; the run is damaged, train it again"
            ) from error
        for name, array in outputs.items():
            shape = (len(windows), windows.horizon, windows.panel.num_targets)
            expected = (*shape, len(self._levels)) if name == QUANTILES else shape
            if array.shape != expected or array.dtype.kind != "f":
                raise RunError(
                    f"{self._source}: its {name} is {array.dtype}{list(array.shape)}, the run's windows need float64"
                    f"{list(expected)}; the run is damaged, train it again"
                )
        return outputs

    def infer(self, inputs: Inputs) -> Outputs:
        """The outputs for inputs in data units, see `tensors.network_inputs`."""
        names = _output_names(self._levels)
        arrays = self._session.run(names, {name: inputs[name] for name in self._input_names})
        return dict(zip(names, map(np.asarray, arrays), strict=True))

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""
        return to_forecast(self.outputs(windows), windows, levels=self._levels)


def _output_names(levels: tuple[float, ...]) -> list[str]:
    return [FORECAST, QUANTILES] if levels else [FORECAST]

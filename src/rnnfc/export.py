"""The trained network as ONNX, raw units in and raw units out, and the reader that answers without TensorFlow.

Scaling, per-window normalisation and inversion lie inside the file, so whoever runs it needs no number from elsewhere.
"""

import json
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from rnnfc.config.specs import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError, TrainError
from rnnfc.forecast import Forecast

WINDOW, FORECAST = "window", "forecast"
# The newest operator set that tf2onnx 1.17 writes.
OPSET = 18
# The file against the network it was made from, as a share of the data's range; float32 rounding stays an order below.
LARGEST_DIFFERENCE = 1e-5
MEND = "scale the data (scale: minmax or standard), and report this config"
# Weights that lie in another file: protobuf's key "location", its length (8) in any spelling of that number before it.
_EXTERNAL = re.compile(rb"\n(\x08|\x88\x80*\x00)location")
# Windows in one call: large enough for matrix products to pay, small enough to bound memory.
_BATCH = 1024

# Raw window[n, length, channel] -> raw forecast[n, horizon, target].
Answer = Callable[[Floats], Floats]


class OnnxNetwork:
    """A forecaster read from ONNX: raw windows in, raw forecasts out."""

    label = "network"

    def __init__(self, session: Any, *, source: str) -> None:
        self._session, self._source = session, source

    @classmethod
    def read(cls, content: bytes, *, source: str) -> Self:
        """The forecaster in the bytes of an .onnx file.

        Raises:
            RunError: the bytes are no model of this tool.
        """
        import onnxruntime

        if _EXTERNAL.search(content):
            raise RunError(f"{source}: its weights lie in another file, which is not read; the run is damaged, train it again")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong comes as an exception too
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class but this one
            raise RunError(f"{source}: not a readable ONNX model; the run is damaged, train it again") from error
        names = [[value.name for value in values] for values in (session.get_inputs(), session.get_outputs())]
        if names != [[WINDOW], [FORECAST]]:
            raise RunError(f"{source}: not a model from {WINDOW!r} to {FORECAST!r}; the run is damaged, train it again")
        return cls(session, source=source)

    def points(self, windows: Windows) -> Floats:
        """point[window, horizon, target] in data units, for unscaled windows.

        Raises:
            RunError: the model is one for other windows.
        """
        try:
            point = points_of(self.answer, windows)
        except Exception as error:
            raise RunError(
                f"{self._source}: its model cannot read the run's windows; the run is damaged, train it again"
            ) from error
        expected = (len(windows), windows.horizon, windows.panel.num_targets)
        if point.shape != expected or point.dtype.kind != "f":
            raise RunError(
                f"{self._source}: its forecasts are {point.dtype}{list(point.shape)}, the run's windows need float64"
                f"{list(expected)}; the run is damaged, train it again"
            )
        return point

    def answer(self, window: Floats) -> Floats:
        """The raw forecast [n, horizon, target] of a raw window [n, length, channel]."""
        return np.asarray(self._session.run([FORECAST], {WINDOW: window})[0])

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""
        return Forecast.of(windows, self.points(windows))


def points_of(answer: Answer, windows: Windows) -> Floats:
    """point[window, horizon, target] in data units, for unscaled windows, a batch at a time."""
    return np.concatenate([answer(part.inputs()) for part in windows.parts(most=_BATCH)])


def interface(experiment: Experiment, panel: Panel) -> dict[str, Any]:
    """What goes into an exported network and what comes out: names, shapes, columns, unit; plain values."""
    window = experiment.window
    return {
        "experiment": experiment.name,
        "input": {WINDOW: ["n", window.length, len(panel.channels)], "channels": list(panel.channels)},
        "output": {FORECAST: ["n", window.horizon, panel.num_targets], "targets": list(panel.targets), "unit": panel.unit},
    }


def to_onnx(forecast: Callable[[Any], Any], facts: dict[str, Any]) -> bytes:
    """The bytes of an .onnx file with dynamic batch.

    Args:
        forecast: a TensorFlow function in raw units, see `models.network.raw_forecaster`.
        facts: its `interface`, which goes into the metadata as JSON.
    """
    from rnnfc.models.backend import tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx 1.17 uses names that NumPy and protobuf have deprecated
        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        import onnx
        import tf2onnx

        signature = (tf.TensorSpec([None, *facts["input"][WINDOW][1:]], tf.float64, name=WINDOW),)
        serve = tf.function(forecast, input_signature=signature, autograph=False)
        exported, _ = tf2onnx.convert.from_function(serve, input_signature=signature, opset=OPSET)
    _rename_output(exported.graph, FORECAST)
    onnx.helper.set_model_props(exported, {"rnnfc": json.dumps(facts, ensure_ascii=False)})
    return bytes(exported.SerializeToString())


def _rename_output(graph: Any, name: str) -> None:
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [name if made == output.name else made for made in node.output]
    output.name = name


def difference(point: Floats, expected: Floats, panel: Panel, *, what: str = "ONNX model", mend: str = MEND) -> float:
    """The largest difference of two forecasts [window, horizon, target], as a share of each target's range in the data.

    Raises:
        TrainError: it is above LARGEST_DIFFERENCE; such a file must not be published.
    """
    targets = panel.values[:, : panel.num_targets]
    spread = targets.max(axis=0) - targets.min(axis=0)
    share = float((np.abs(point - expected) / np.where(spread > 0, spread, 1.0)).max())
    if not share <= LARGEST_DIFFERENCE:
        raise TrainError(
            f"the exported {what}'s forecasts differ from the network's by {share:.1e} of the data's range, at most "
            f"{LARGEST_DIFFERENCE:.0e} is let through; {mend}"
        )
    return share

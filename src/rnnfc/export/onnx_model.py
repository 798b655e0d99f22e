"""The trained network as ONNX, raw units in and raw units out, and the reader that answers without TensorFlow.

Scaling, per-window normalisation and inversion lie inside the file, so whoever runs it needs no number from elsewhere.
"""

import json
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler, flat
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError, TrainError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.networks.tensors import (
    FORECAST,
    FUTURE,
    QUANTILES,
    SERIES,
    WINDOW,
    Outputs,
    network_inputs,
    to_forecast,
)

# The newest operator set that tf2onnx 1.17 writes.
OPSET = 18
# The file against the network it was made from, as a share of the data's range; float32 rounding stays an order below.
MAX_PARITY_ERROR = 1e-5
MEND = "scale the data (scale: minmax or standard), and report this config"
# Weights that lie in another file: protobuf's key "location", its length (8) in any spelling of that number before it.
_EXTERNAL = re.compile(rb"\n(\x08|\x88\x80*\x00)location")
# Windows in one call: large enough for matrix products to pay, small enough to bound memory.
_BATCH = 1024

# What `network_inputs` gives, of which it takes what it reads -> raw outputs.
Answer = Callable[[Mapping[str, Any]], Outputs]


class OnnxNetwork:
    """A forecaster read from ONNX: raw windows in, raw forecasts out."""

    label = "network"

    def __init__(self, session: Any, *, source: str, levels: tuple[float, ...]) -> None:
        self._session, self._source, self._levels = session, source, levels
        self._reads = [value.name for value in session.get_inputs()]

    @classmethod
    def read(cls, content: bytes, *, source: str, levels: tuple[float, ...] = ()) -> Self:
        """The forecaster in the bytes of an .onnx file, which gives quantiles of these levels.

        Raises:
            RunError: the bytes are no model of this tool.
        """
        import onnxruntime

        if _EXTERNAL.search(content):
            raise RunError(
                f"{source}: its weights lie in another file, which is not read; the run is damaged, train it again"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong comes as an exception too
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class but this one
            raise RunError(
                f"{source}: not a readable ONNX model; the run is damaged, train it again"
            ) from error
        given, made = (
            [value.name for value in values] for values in (session.get_inputs(), session.get_outputs())
        )
        expected = [FORECAST, QUANTILES] if levels else [FORECAST]
        if given[:1] != [WINDOW] or not {*given} <= {WINDOW, FUTURE, SERIES} or sorted(made) != expected:
            what = f"from {WINDOW!r} to {' and '.join(map(repr, expected))}"
            raise RunError(f"{source}: not a model {what}; the run is damaged, train it again")
        return cls(session, source=source, levels=levels)

    def outputs(self, windows: Windows) -> Outputs:
        """Forecast, and quantiles with levels, in data units, for unscaled windows.

        Raises:
            RunError: the model is one for other windows.
        """
        try:
            made = infer_in_batches(self.answer, windows)
        except Exception as error:
            raise RunError(
                f"{self._source}: its model cannot read the run's windows; the run is damaged, train it again"
            ) from error
        for name, array in made.items():
            shape = (len(windows), windows.horizon, windows.panel.num_targets)
            expected = (*shape, len(self._levels)) if name == QUANTILES else shape
            if array.shape != expected or array.dtype.kind != "f":
                raise RunError(
                    f"{self._source}: its {name} is {array.dtype}{list(array.shape)}, the run's windows need float64"
                    f"{list(expected)}; the run is damaged, train it again"
                )
        return made

    def answer(self, given: Mapping[str, Any]) -> Outputs:
        """The raw outputs for what is given by name, see `network_inputs`."""
        names = [FORECAST, QUANTILES] if self._levels else [FORECAST]
        made = self._session.run(names, {name: given[name] for name in self._reads})
        return dict(zip(names, map(np.asarray, made), strict=True))

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""
        return to_forecast(self.outputs(windows), windows, levels=self._levels)


def infer_in_batches(answer: Answer, windows: Windows) -> Outputs:
    """What a reader answers for unscaled windows, a batch at a time."""
    parts = [answer(network_inputs(part)) for part in windows.parts(most=_BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interface(experiment: Experiment, panel: Panel, scaler: Scaler) -> dict[str, Any]:
    """What goes into an exported network and what comes out: names, shapes, columns, unit; plain values.

    Where the network tells series apart, or they are scaled by different numbers, each window comes with the place of its series
    among `series_names`; where it reads channels that are known ahead, with their rows of the horizon.
    """
    window, net, levels = experiment.window, experiment.net, list(experiment.levels)
    by_series = scaler.by_series or (net and net.series_embedding)
    further: dict[str, Any] = {}
    if panel.num_known and net:
        further = {
            FUTURE: ["n", window.horizon, panel.num_known],
            "known": list(panel.channels[-panel.num_known :]),
        }
    if by_series:
        further |= {SERIES: ["n"], "series_names": list(panel.series)}
    shape = ["n", window.horizon, panel.num_targets]
    quantiles = {QUANTILES: [*shape, len(levels)], "levels": levels} if levels else {}
    return {
        "experiment": experiment.name,
        "input": {
            WINDOW: ["n", window.length, len(panel.channels)],
            "channels": list(panel.channels),
            **further,
        },
        "output": {FORECAST: shape, **quantiles, "targets": list(panel.targets), "unit": panel.unit},
    }


def to_onnx(forecast: Callable[[Any], Any], facts: dict[str, Any]) -> bytes:
    """The bytes of an .onnx file with dynamic batch.

    Args:
        forecast: a TensorFlow function in raw units, see `models.network.data_unit_forecaster`.
        facts: its `interface`, which goes into the metadata as JSON.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx 1.17 uses names that NumPy and protobuf have deprecated
        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        import onnx
        import tf2onnx

        serve = served(forecast, facts, dtype="float64")
        exported, _ = tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=OPSET)
    onnx.helper.set_model_props(exported, {"rnnfc": json.dumps(facts, ensure_ascii=False)})
    return bytes(exported.SerializeToString())


def served(forecast: Callable[..., Any], facts: dict[str, Any], *, dtype: str) -> Any:
    """`forecast` as a TensorFlow function of the inputs that its `interface` names, in that order; numbers are of `dtype`."""
    from rnnfc.networks.backend import tf

    names = [name for name in (WINDOW, FUTURE, SERIES) if name in facts["input"]]
    signature = [
        tf.TensorSpec([None, *facts["input"][name][1:]], "int64" if name == SERIES else dtype, name=name)
        for name in names
    ]
    return tf.function(
        lambda *given: forecast(**dict(zip(names, given, strict=True))),
        input_signature=signature,
        autograph=False,
    )


def difference(
    made: Outputs,
    expected: Outputs,
    windows: Windows,
    scaler: Scaler,
    *,
    what: str = "ONNX model",
    mend: str = MEND,
) -> float:
    """The largest difference of two networks' outputs for `windows`, as a share of each target's range.

    That is the range of all the data, or of each series where they are scaled by different numbers.

    Raises:
        TrainError: it is above MAX_PARITY_ERROR; such a file must not be published.
    """
    spread = _spread(windows.panel, scaler)[windows.series, None, :, None]
    unit = np.where(spread > 0, spread, 1.0)  # [window, 1, target, 1]
    apart = [
        np.abs(made[name] - array).reshape(*array.shape[:3], -1) / unit for name, array in expected.items()
    ]
    share = float(np.max([each.max() for each in apart]))
    if not share <= MAX_PARITY_ERROR:
        raise TrainError(
            f"the exported {what}'s forecasts differ from the network's by {share:.1e} of the data's range, at most "
            f"{MAX_PARITY_ERROR:.0e} is let through; {mend}"
        )
    return share


def _spread(panel: Panel, scaler: Scaler) -> Floats:
    """The range of each target, [series, target], of one series or of all; at least 1 where training saw a constant."""
    targets, starts = panel.values[:, : panel.num_targets], panel.bounds[:-1]
    if not scaler.by_series:
        return np.broadcast_to(np.ptp(targets, axis=0), (len(starts), panel.num_targets))
    ranges: Floats = np.maximum.reduceat(targets, starts) - np.minimum.reduceat(targets, starts)
    return np.maximum(ranges, flat(scaler.low, scaler.high)[:, : panel.num_targets])

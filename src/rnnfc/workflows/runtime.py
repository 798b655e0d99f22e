"""Who answers for a finished run: its ONNX file by default, without TensorFlow, or its Keras network rebuilt."""

from collections.abc import Callable
from typing import Any

from rnnfc import run
from rnnfc.data.panel import Panel
from rnnfc.data.scale import Scaler
from rnnfc.run import Run


def open_network(which: Run, panel: Panel, scaler: Scaler, *, runtime: str) -> Any:
    """The network of a run for data like `panel`: an `export.OnnxNetwork` or a `models.network.Network`, which answer alike.

    Args:
        runtime: a key of RUNTIMES.
    Raises:
        RunError: the run is damaged.
    """
    return RUNTIMES[runtime](which, panel, scaler)


def _from_onnx(which: Run, _: Panel, __: Scaler) -> Any:
    from rnnfc.export import OnnxNetwork

    return OnnxNetwork.read(which.onnx(), source=str(which.folder / run.ONNX))


def _from_keras(which: Run, panel: Panel, scaler: Scaler) -> Any:
    weights = which.weights()  # damage is told before TensorFlow starts
    from rnnfc.models.network import restore

    return restore(which.experiment(), panel, scaler, weights, source=str(which.folder / run.WEIGHTS))


RUNTIMES: dict[str, Callable[[Run, Panel, Scaler], Any]] = {"onnx": _from_onnx, "keras": _from_keras}

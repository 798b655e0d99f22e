"""Who answers for a finished run: its ONNX file by default, without TensorFlow, or its Keras network rebuilt."""

from collections.abc import Callable
from typing import Protocol

from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError
from rnnfc.evaluation.forecast import Predictor
from rnnfc.networks.size import num_parameters
from rnnfc.networks.tensors import Outputs
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.prepare import network_sizes


class InferenceNetwork(Predictor, Protocol):
    """The network of a finished run, whatever computes it."""

    def outputs(self, windows: Windows) -> Outputs:
        """The named outputs in data units, for unscaled windows."""


def open_network(which: Run, panel: Panel, scaler: Scaler, *, runtime: str) -> InferenceNetwork:
    """The network of a run for data like `panel`: an `OnnxNetwork` or a `Forecaster` with the same methods.

    Args:
        runtime: a key of RUNTIMES.
    Raises:
        RunError: the run is damaged.
    """
    return RUNTIMES[runtime](which, panel, scaler)


def _from_onnx(which: Run, _: Panel, __: Scaler) -> InferenceNetwork:
    from rnnfc.export.onnx_network import OnnxNetwork

    return OnnxNetwork.read(
        which.onnx(), source=str(which.folder / run.ONNX), levels=which.experiment().levels
    )


def _from_keras(which: Run, panel: Panel, scaler: Scaler) -> InferenceNetwork:
    experiment, weights, source = which.experiment(), which.weights(), str(which.folder / run.WEIGHTS)
    # Damage is told before TensorFlow starts, and before it makes a network that the arrays on disk could never fill.
    needed, given = (
        num_parameters(experiment.model, network_sizes(experiment, panel)),
        sum(array.size for array in weights.values()),
    )
    if given < needed:
        raise RunError(
            f"{source}: {given:,} weights, the experiment's network has {needed:,}; the run is damaged, train it again"
        )
    network = engine_for(experiment).restore(experiment, panel, scaler, weights, source=source)
    from rnnfc.networks.forecaster import Forecaster

    return Forecaster(network.inference_copy(), scaler, levels=experiment.levels)


RUNTIMES: dict[str, Callable[[Run, Panel, Scaler], InferenceNetwork]] = {
    "onnx": _from_onnx,
    "keras": _from_keras,
}

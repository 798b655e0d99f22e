"""Inference backends of a finished run: its ONNX file, without TensorFlow, or its Keras network."""

from collections.abc import Callable
from typing import Protocol

from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError
from rnnfc.evaluation.forecast import Predictor
from rnnfc.networks.tensors import Outputs
from rnnfc.runs.run import ONNX, WEIGHTS, Run


class InferenceNetwork(Predictor, Protocol):
    """A network that forecasts, whatever computes it."""

    def outputs(self, windows: Windows) -> Outputs:
        """The network's outputs for unscaled windows, in data units."""


def choose_runtime(run: Run, *, runtime: str) -> tuple[str, list[str]]:
    """A key of RUNTIMES that can open the run's network, and a note if it is not the one asked for."""
    reason = run.not_written().get(ONNX)
    if runtime != "onnx" or reason is None:
        return runtime, []
    return "keras", [f"forecast by Keras: {ONNX} could not be written after training ({reason})"]


def open_network(run: Run, panel: Panel, scaler: Scaler, *, runtime: str) -> InferenceNetwork:
    """The network of a run for data with the channels and series of `panel`.

    Args:
        runtime: a key of RUNTIMES.
    Raises:
        RunError: the run is damaged.
    """
    return RUNTIMES[runtime](run, panel, scaler)


def _from_onnx(run: Run, _: Panel, __: Scaler) -> InferenceNetwork:
    from rnnfc.export.onnx_network import OnnxNetwork

    return OnnxNetwork.read(run.onnx(), source=str(run.folder / ONNX), levels=run.experiment().levels)


def _from_keras(run: Run, panel: Panel, scaler: Scaler) -> InferenceNetwork:
    from rnnfc.networks.size import num_parameters
    from rnnfc.workflows.engines import engine_for
    from rnnfc.workflows.prepare import network_sizes

    experiment, weights, source = run.experiment(), run.weights(), str(run.folder / WEIGHTS)
    # Before TensorFlow starts, and before it builds a network that is larger than the file could fill.
    needed = num_parameters(experiment.model, network_sizes(experiment, panel))
    stored = sum(array.size for array in weights.values())
    if stored < needed:
        raise RunError(
            f"{source}: {stored:,} weights, the experiment's network has {needed:,}; the run is damaged, train it again"
        )
    network = engine_for(experiment).restore(experiment, panel, scaler, weights, source=source)
    from rnnfc.networks.forecaster import Forecaster

    return Forecaster(network.inference_copy(), scaler, levels=experiment.levels)


RUNTIMES: dict[str, Callable[[Run, Panel, Scaler], InferenceNetwork]] = {
    "onnx": _from_onnx,
    "keras": _from_keras,
}

"""Who answers for a finished run: its ONNX file by default, without TensorFlow, or its Keras network rebuilt."""

from collections.abc import Callable
from typing import Any

from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.errors import RunError
from rnnfc.networks.size import num_parameters
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.prepare import network_sizes


def open_network(which: Run, panel: Panel, scaler: Scaler, *, runtime: str) -> Any:
    """The network of a run for data like `panel`: an `export.OnnxNetwork` or a `models.network.Network`, which answer alike.

    Args:
        runtime: a key of RUNTIMES.
    Raises:
        RunError: the run is damaged.
    """
    return RUNTIMES[runtime](which, panel, scaler)


def _from_onnx(which: Run, _: Panel, __: Scaler) -> Any:
    from rnnfc.export.onnx_model import OnnxNetwork

    return OnnxNetwork.read(
        which.onnx(), source=str(which.folder / run.ONNX), levels=which.experiment().levels
    )


def _from_keras(which: Run, panel: Panel, scaler: Scaler) -> Any:
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
    engine = engine_for(experiment)
    network = engine.restore(experiment, panel, scaler, weights, source=source)
    from rnnfc.networks.network import Network

    return Network(
        engine.inference_copy(experiment, network),
        scaler,
        length=experiment.window.length,
        levels=experiment.levels,
    )


RUNTIMES: dict[str, Callable[[Run, Panel, Scaler], Any]] = {"onnx": _from_onnx, "keras": _from_keras}

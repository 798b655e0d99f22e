"""The Keras engine: all that a workflow asks of a Keras network; `models.scratch_engine` has the same functions."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.export import onnx_model as export
from rnnfc.networks import network as networks
from rnnfc.networks.backend import threads
from rnnfc.networks.build import build_for
from rnnfc.networks.data_units import data_unit_forecaster
from rnnfc.networks.network import Network
from rnnfc.networks.parts import linear_skip as linear
from rnnfc.networks.parts.quantile_head import median
from rnnfc.networks.parts.window_normalization import normalized_pairs
from rnnfc.networks.weights import named_weights
from rnnfc.runs.run import MODEL
from rnnfc.training import keras_loop as training
from rnnfc.training.compile import bptt as through_time
from rnnfc.training.keras_loop import TrainState, keep_best
from rnnfc.training.progress import Epoch

__all__ = [
    "ROWS",
    "build",
    "epochs",
    "extra_files",
    "facts",
    "inference_copy",
    "keep_best",
    "restore",
    "settle",
    "start",
    "state_gradients",
    "to_onnx",
    "warm_start",
    "weight_arrays",
]

restore, inference_copy = networks.restore, networks.inference_copy
# What the rows are scaled to: the network computes in float32.
ROWS = np.float32


def build(experiment: Experiment, panel: Panel, scaler: Scaler) -> Network:
    """The network of an experiment with its starting weights."""
    net = build_for(experiment, panel)
    return Network(net, scaler, length=experiment.window.length, levels=experiment.levels)


def start(network: Network, spec: TrainSpec) -> TrainState:
    """The state before the first epoch."""
    return training.start(network.net.inference_model, spec)


def warm_start(
    network: Network, experiment: Experiment, *, train: Windows, validation: Windows | None
) -> None:
    """Fit what is fitted in closed form, a linear map beside the network; windows over the scaled panel."""

    def pairs_of(windows: Windows) -> Any:
        return lambda: normalized_pairs(windows.complete(), experiment.window.normalize)

    linear.warm_start(
        network.net.linear_skips,
        pairs=pairs_of(train),
        validation=pairs_of(validation) if validation else None,
    )


def settle(network: Network, spec: TrainSpec, *, validation: Windows | None) -> None:
    """Choose what is chosen after training, the network's share in a blend, on the validation windows over the scaled panel."""
    if validation is not None and linear.network_share(network.net.linear_skips) is not None:
        linear.choose_share(
            network.net.linear_skips,
            lambda: median(network.scaled_points(validation), network.levels),
            actual=validation.actual(),
            error=np.abs if spec.loss in ("mae", "pinball") else np.square,
        )


def epochs(state: TrainState, network: Network, **options: Any) -> Iterator[Epoch]:
    """Those of `training.epochs`."""
    return training.epochs(state, network, **options)


def facts(network: Network) -> dict[str, Any]:
    """What run.json keeps of the computation: parameters, threads, and the network's share where it is blended."""
    share = linear.network_share(network.net.linear_skips)
    return {"parameters": network.net.inference_model.count_params(), "threads": threads()} | (
        {} if share is None else {"network_share": share}
    )


def to_onnx(experiment: Experiment, network: Network, facts: dict[str, Any]) -> bytes:
    """The bytes of model.onnx, raw units in and out; `facts` (`export.interface`) go into its metadata."""
    model = inference_copy(experiment, network).inference_model
    return export.to_onnx(data_unit_forecaster(model, network.scaler, levels=network.levels), facts)


def weight_arrays(network: Network) -> dict[str, Floats]:
    """Every weight by its place and path, ready for an .npz file."""
    return named_weights(network.net.inference_model)


def extra_files(experiment: Experiment, network: Network) -> dict[str, Callable[[Path], object]]:
    """Files for other tools besides the ONNX model, each by the function that writes it."""
    return {MODEL: networks.with_plain_layers(experiment, network).save}


def state_gradients(network: Network, scaled: Windows, spec: TrainSpec) -> dict[str, Floats]:
    """norm[lag] of the loss' gradient by the states of every layer, the mean over windows of a scaled panel."""
    scaled = scaled.complete()
    x, y = scaled.inputs().astype(np.float32), scaled.targets().astype(np.float32)
    return through_time.state_gradients(
        network.net.members[0], x, y, loss=training.loss_of(spec, network.levels, reduction=None)
    )

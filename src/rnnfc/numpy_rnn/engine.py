"""The NumPy engine: networks of `numpy_rnn.network`, without TensorFlow."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.export.interface import Interface
from rnnfc.networks.normalization import NORMALIZATIONS
from rnnfc.networks.processors import num_processors
from rnnfc.networks.tensors import FORECAST, Outputs, to_forecast
from rnnfc.numpy_rnn import network as rnn
from rnnfc.numpy_rnn import onnx_graph
from rnnfc.numpy_rnn.family import ScratchSpec
from rnnfc.numpy_rnn.network import OptimizerState, Weights
from rnnfc.plain import Array
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.engine import Network, NetworkFacts, Tick, Trainer
from rnnfc.training.progress import Arrays, NotFiniteError

if TYPE_CHECKING:
    from rnnfc.networks.net import Net

# Windows in one forward pass, as for Keras.
_FORWARD_BATCH = 1024
_TICK_S = 0.25


class NumpyNetwork:
    """A network in NumPy with its scaler; training updates `weights` in place. Implements `training.engine.Network`."""

    label = "network"
    levels = ()

    def __init__(self, experiment: Experiment, weights: Weights, scaler: Scaler) -> None:
        self.weights, self.scaler = weights, scaler
        self.activation = rnn.ACTIVATIONS[_spec(experiment).activation]
        self._experiment = experiment
        self._normalization = NORMALIZATIONS.get(experiment.window.normalize)

    def inputs(self, scaled: Windows, part: slice = slice(None)) -> tuple[Floats, Floats]:
        """Normalized x[n, T, C] of some windows over a scaled panel, and their targets[n, T, target] before normalization."""
        x = scaled.inputs(part)
        normalized = self._normalization.normalize(x, np) if self._normalization else x
        return normalized, x[..., : scaled.panel.num_targets]

    def pairs(self, scaled: Windows, part: slice = slice(None)) -> tuple[Floats, Floats]:
        """Normalized x[n, T, C] and target[n, Q]."""
        x, window = self.inputs(scaled, part)
        targets = scaled.targets(part)
        if self._normalization:
            targets = self._normalization.normalize_targets(targets, window, np)
        return x, targets.reshape(len(x), -1)

    def scaled_points(self, scaled: Windows) -> Floats:
        """point[window, horizon, target] in scaled units, for windows over a scaled panel."""
        points = []
        for part in scaled.batches(max_windows=_FORWARD_BATCH):
            x, window = self.inputs(part)
            y = rnn.output(self.weights, rnn.states(self.weights, x, self.activation.f))
            forecast = y.reshape(len(x), scaled.horizon, -1)
            if self._normalization:
                forecast = self._normalization.denormalize(forecast, window, np)
            points.append(forecast)
        return np.concatenate(points)

    def outputs(self, windows: Windows) -> Outputs:
        """See `Network`."""
        near = windows.crop()
        points = self.scaled_points(near.with_panel(self.scaler.transform(near.panel)))
        return {FORECAST: self.scaler.inverse_transform(points, windows.series)}

    def predict(self, windows: Windows) -> Forecast:
        """See `Network`."""
        return to_forecast(self.outputs(windows), windows)

    def warm_start(
        self, scaled: Windows, *, validation: Windows | None, penalty: float | None = None
    ) -> None:
        """Nothing here has a closed-form solution."""

    def start(self, scaled: Windows, *, validation: Windows | None, recipe: Recipe) -> Trainer:  # noqa: ARG002  nothing is compiled
        """See `Network`."""
        return NumpyTrainer(self, self._experiment, train=scaled, validation=validation)

    def finalize(self, *, validation: Windows | None, share: float | None = None) -> None:
        """Nothing is chosen after training."""

    def facts(self) -> NetworkFacts:
        """See `Network`."""
        return {
            "parameters": sum(array.size for array in self.weights),
            "threads": {"processors": num_processors()},
        }

    def weight_arrays(self) -> dict[str, Floats]:
        """Every weight by its letter."""
        return self.weights._asdict()

    def extra_files(self) -> dict[str, Callable[[Path], object]]:
        """None besides the ONNX model."""
        return {}

    def to_onnx(self, interface: Interface) -> bytes:
        """See `Network`."""
        return onnx_graph.to_onnx(
            self.weights,
            self.scaler,
            interface,
            activation=_spec(self._experiment).activation,
            subtracts_last=self._experiment.window.normalize == "last",
            length=self._experiment.window.length,
            horizon=self._experiment.window.horizon,
        )

    def inference_copy(self, *, unroll_for_export: bool = False) -> "Net":  # noqa: ARG002  it has no loop over the horizon
        """The Keras network of the same equations with these weights in float32; this alone starts TensorFlow."""
        from rnnfc.networks.build import build

        experiment, weights = self._experiment, self.weights
        stacked = experiment.model_copy(update={"model": _spec(experiment).as_stacked})
        targets = len(weights.c) // experiment.window.horizon
        net = build(stacked, channels=len(weights.U), targets=targets)
        net.inference_model.set_weights(weights)
        return net

    def state_gradients(self, scaled: Windows) -> dict[str, Floats]:
        """norm[lag] of dL/ds of the one layer's hidden state, averaged over the windows."""
        x, target = self.pairs(scaled)
        s = rnn.states(self.weights, x, self.activation.f)
        _, dy = rnn.mean_squared_error(rnn.output(self.weights, s), target)
        dy *= len(x)  # L of each window by itself
        _, g = rnn.backpropagate(self.weights, x, s, dy, derivative=self.activation.derivative)
        return {"layer 1, hidden state": np.linalg.norm(g, axis=-1).mean(axis=-1)}  # [lag, n, H] -> [lag]


class NumpyTrainer:
    """Trains a `NumpyNetwork`. Implements `training.engine.Trainer`."""

    def __init__(
        self, network: NumpyNetwork, experiment: Experiment, *, train: Windows, validation: Windows | None
    ) -> None:
        self._network, self._spec = network, experiment.train
        self._train, self._validation = train, validation
        self._optimizer = OptimizerState()

    def run_epoch(self, order: npt.NDArray[np.int32], *, epoch: int, rate: float, tick: Tick) -> float:  # noqa: ARG002  it draws nothing
        """See `Trainer`."""
        network, spec, train = self._network, self._spec, replace(self._train, origins=order)
        total, last_tick = 0.0, time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # training ends with an error of its own
            for step, first in enumerate(range(0, len(train), spec.batch_size), 1):
                x, target = network.pairs(train, slice(first, first + spec.batch_size))
                loss = rnn.train_step(
                    network.weights, self._optimizer, x, target, f=network.activation, spec=spec, rate=rate
                )
                if not np.isfinite(loss):
                    raise NotFiniteError("the loss", step=step)
                total += loss * len(x)
                if time.perf_counter() - last_tick > _TICK_S:
                    last_tick = time.perf_counter()
                    tick(min(1.0, (first + len(x)) / len(train)))
        if not all(np.isfinite(array).all() for array in network.weights):
            raise NotFiniteError("a weight", step=None)
        tick(1.0)
        return total / len(train)

    def validation_loss(self) -> float | None:
        """See `Trainer`."""
        if self._validation is None:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            points = self._network.scaled_points(self._validation)
            return rnn.mean_squared_error(points, self._validation.targets())[0]

    def weights(self) -> list[Array]:
        """See `Trainer`."""
        return [array.copy() for array in self._network.weights]

    def set_weights(self, weights: list[Array]) -> None:
        """See `Trainer`."""
        for array, other in zip(self._network.weights, weights, strict=True):
            array[...] = other

    def arrays(self) -> Arrays:
        """See `Trainer`."""
        groups = {"weights": self._network.weights}
        groups |= {f"moment {index}": moment for index, moment in enumerate(self._optimizer.moments)}
        arrays: Arrays = {"count": np.array(self._optimizer.count)}
        for name, group in groups.items():
            arrays |= {f"{name} {letter}": array.copy() for letter, array in group._asdict().items()}
        return arrays

    def load(self, arrays: Arrays) -> None:
        """See `Trainer`."""

        def group(name: str) -> Weights:
            return Weights(*(arrays[f"{name} {letter}"].astype(np.float64) for letter in Weights._fields))

        self.set_weights([*group("weights")])
        moments = [group(f"moment {index}") for index in range(2) if f"moment {index} U" in arrays]
        self._optimizer = OptimizerState(count=int(arrays["count"].item()), moments=moments)


class NumpyEngine:
    """Implements `training.engine.Engine`."""

    row_dtype = np.float64

    def build(self, experiment: Experiment, panel: Panel, scaler: Scaler) -> Network:
        """See `Engine`."""
        return _build(experiment, panel, scaler)

    def restore(
        self,
        experiment: Experiment,
        panel: Panel,
        scaler: Scaler,
        weights: Mapping[str, Array],
        *,
        source: str,
    ) -> Network:
        """See `Engine`."""
        network = _build(experiment, panel, scaler)
        expected = network.weights._asdict()
        for letter, array in expected.items():
            stored = weights.get(letter)
            shape = None if stored is None else stored.shape
            if (
                stored is None
                or shape != array.shape
                or stored.dtype != array.dtype
                or weights.keys() != expected.keys()
            ):
                raise RunError(
                    f"{source}: {letter} has shape {shape}, the experiment's network needs {array.shape}"
                )
            array[...] = stored
        return network


def _build(experiment: Experiment, panel: Panel, scaler: Scaler) -> NumpyNetwork:
    weights = rnn.initial(
        channels=len(panel.channels),
        units=_spec(experiment).units,
        outputs=experiment.window.horizon * panel.num_targets,
        seed=experiment.seed,
    )
    return NumpyNetwork(experiment, weights, scaler)


def _spec(experiment: Experiment) -> ScratchSpec:
    if not isinstance(experiment.model, ScratchSpec):
        raise TypeError(f"the NumPy engine builds scratch networks, not {experiment.model.kind}")
    return experiment.model

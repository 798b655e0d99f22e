"""The NumPy engine: what `models.keras_engine` does for Keras networks, done for `models.scratch`; the same functions."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError, TrainError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.networks.processors import num_processors
from rnnfc.networks.tensors import FORECAST, Outputs, to_forecast
from rnnfc.numpy_rnn import network as scratch
from rnnfc.numpy_rnn import onnx_graph as onnx_graph
from rnnfc.numpy_rnn.network import Activation, Optimizer, Weights
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.progress import Epoch, Progress, diverged, epoch_order, remember, scheduled_rate

# What the rows are scaled to.
ROWS = np.float64
# Windows in one forward pass, as for Keras.
_FORWARD_BATCH = 1024


@dataclass(frozen=True, kw_only=True)
class Network:
    """The weights with their scaler; forecasts windows. `weights` are changed in place by training."""

    weights: Weights
    scaler: Scaler
    activation: Activation
    around_last: bool
    label = "network"

    def inputs(self, scaled: Windows, part: slice = slice(None)) -> tuple[Floats, Floats]:
        """x[n, T, C] of some windows over a scaled panel, and the level[n, 1, target] that they are relative to."""
        x = scaled.inputs(part)
        last = x[:, -1:] * self.around_last
        return x - last, last[..., : scaled.panel.num_targets]

    def pairs(self, scaled: Windows, part: slice) -> tuple[Floats, Floats]:
        """x[n, T, C] and target[n, Q], relative to the same level."""
        x, level = self.inputs(scaled, part)
        return x, (scaled.targets(part) - level).reshape(len(x), -1)

    def scaled_points(self, scaled: Windows) -> Floats:
        """point[window, horizon, target] in scaled units, for windows over a scaled panel."""
        parts = []
        for part in scaled.parts(most=_FORWARD_BATCH):
            x, level = self.inputs(part)
            made = scratch.output(self.weights, scratch.states(self.weights, x, self.activation.f))
            parts.append(made.reshape(len(x), scaled.horizon, -1) + level)
        return np.concatenate(parts)

    def outputs(self, windows: Windows) -> Outputs:
        """The forecast in data units, for unscaled windows."""
        near = windows.crop()
        made = self.scaled_points(near.with_panel(self.scaler.apply(near.panel)))
        return {FORECAST: self.scaler.invert(made, windows.series)}

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""
        return to_forecast(self.outputs(windows), windows)


@dataclass(kw_only=True)
class TrainState(Progress):
    """Everything that training changes."""

    network: Network
    optimizer: Optimizer

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as plain arrays; training goes on from them to the same bits."""
        groups = {"weights": self.network.weights, "best_weights": self.best_weights}
        groups |= {f"moment_{place}": moment for place, moment in enumerate(self.optimizer.moments)}
        arrays = {
            f"{name} {letter}": array.copy()
            for name, group in groups.items()
            for letter, array in zip(Weights._fields, group, strict=bool(group))
        }
        return {**self.numbers(), "count": np.array(self.optimizer.count), **arrays}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `arrays` gave."""

        def group(name: str) -> list[Floats]:
            return [
                arrays[f"{name} {letter}"].copy()
                for letter in Weights._fields
                if f"{name} {letter}" in arrays
            ]

        self.set_numbers(arrays)
        for array, given in zip(self.network.weights, group("weights"), strict=True):
            array[...] = given
        self.best_weights = group("best_weights")
        moments = (group("moment_0"), group("moment_1"))
        self.optimizer = Optimizer(
            count=int(arrays["count"]), moments=[Weights(*moment) for moment in moments if moment]
        )


def build(experiment: Experiment, panel: Panel, scaler: Scaler) -> Network:
    """The network of an experiment with its starting weights."""
    spec: Any = experiment.model  # a ScratchSpec: `models.engines` sends no other kind here
    outputs = experiment.window.horizon * panel.num_targets
    weights = scratch.initial(
        channels=len(panel.channels), units=spec.units, outputs=outputs, seed=experiment.seed
    )
    around_last = experiment.window.normalize == "last"
    return Network(
        weights=weights,
        scaler=scaler,
        activation=scratch.ACTIVATIONS[spec.activation],
        around_last=around_last,
    )


def restore(
    experiment: Experiment, panel: Panel, scaler: Scaler, weights: dict[str, Any], *, source: str
) -> Network:
    """The trained network from its experiment and plain arrays.

    Raises:
        RunError: the arrays are not this network's.
    """
    network = build(experiment, panel, scaler)
    for letter, array in network.weights._asdict().items():
        given = weights.get(letter)
        shape = getattr(given, "shape", None)
        if (
            shape != array.shape
            or given is None
            or given.dtype != array.dtype
            or len(weights) != len(network.weights)
        ):
            raise RunError(
                f"{source}: {letter} has shape {shape}, the experiment's network needs {array.shape}"
            )
        array[...] = weights[letter]
    return network


def start(network: Network, spec: TrainSpec) -> TrainState:
    """The state before the first epoch."""
    return TrainState(network=network, optimizer=Optimizer(), learning_rate=spec.learning_rate)


def epochs(
    state: TrainState,
    network: Network,
    *,
    train: Windows,
    validation: Windows | None,
    spec: TrainSpec,
    seed: int,
    recipe: Recipe,  # noqa: ARG001  NumPy has one way only
    tick: Callable[[float], None] = lambda _: None,
) -> Iterator[Epoch]:
    """As `training.epochs`: train `state`, one epoch for each row that is asked for, up to `spec.epochs`.

    Raises:
        TrainError: a loss or weight is not finite any more; names epoch and step.
    """
    while state.epoch < spec.epochs:
        began, rate = time.perf_counter(), scheduled_rate(state, spec)
        ordered = replace(train, origins=epoch_order(train.origins, spec=spec, seed=seed, epoch=state.epoch))
        loss = _one_epoch(state, ordered, spec, rate, tick)
        state.epoch += 1
        with np.errstate(over="ignore", invalid="ignore"):
            watched = (
                None
                if validation is None
                else float(np.mean((network.scaled_points(validation) - validation.targets()) ** 2))
            )
        if watched is not None and not np.isfinite(watched):
            raise TrainError(diverged("the validation loss", epoch=state.epoch, step=None, rate=rate))
        if watched is not None and remember(state, watched, spec):
            state.best_weights = [array.copy() for array in network.weights]
        yield Epoch(
            epoch=state.epoch,
            loss=loss,
            validation_loss=watched,
            learning_rate=rate,
            seconds=time.perf_counter() - began,
        )


def _one_epoch(
    state: TrainState, train: Windows, spec: TrainSpec, rate: float, tick: Callable[[float], None]
) -> float:
    """One epoch over the windows as they are ordered; returns the mean loss over its windows."""
    network, total, told = state.network, 0.0, time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite ends training, in our own words
        for step, first in enumerate(range(0, len(train), spec.batch_size), 1):
            x, target = network.pairs(train, slice(first, first + spec.batch_size))
            loss = scratch.train_step(
                network.weights, state.optimizer, x, target, f=network.activation, spec=spec, rate=rate
            )
            if not np.isfinite(loss):
                raise TrainError(diverged("the loss", epoch=state.epoch + 1, step=step, rate=rate))
            total += loss * len(x)
            if time.perf_counter() - told > 0.25:
                told = time.perf_counter()
                tick(min(1.0, (first + len(x)) / len(train)))
    if not all(np.isfinite(array).all() for array in network.weights):
        raise TrainError(diverged("a weight", epoch=state.epoch + 1, step=None, rate=rate))
    tick(1.0)
    return total / len(train)


def keep_best(state: TrainState, spec: TrainSpec) -> int:
    """With early stopping, put the weights of the best epoch back; returns that epoch, 0 where the last weights stay."""
    if spec.early_stopping is None:
        return 0
    for array, best in zip(state.network.weights, state.best_weights, strict=True):
        array[...] = best
    return state.best_epoch


def warm_start(*_: Any, **__: Any) -> None:
    """As `keras_engine.warm_start`; here nothing is fitted in closed form."""


def settle(*_: Any, **__: Any) -> None:
    """As `keras_engine.settle`; here nothing is chosen after training."""


def facts(network: Network) -> dict[str, Any]:
    """What run.json keeps of the computation: parameters, threads."""
    return {
        "parameters": sum(array.size for array in network.weights),
        "threads": {"processors": num_processors()},
    }


def to_onnx(experiment: Experiment, network: Network, facts: dict[str, Any]) -> bytes:
    """The bytes of model.onnx, raw units in and out; `facts` go into its metadata."""
    spec: Any = experiment.model
    options: dict[str, Any] = {"activation": spec.activation, "around_last": network.around_last}
    window = experiment.window
    return onnx_graph.to_onnx(
        network.weights, network.scaler, facts, **options, length=window.length, horizon=window.horizon
    )


def inference_copy(experiment: Experiment, network: Network, *, unroll_for_export: bool = False) -> Any:  # noqa: ARG001  it has plain layers alone
    """The Keras model of the same equations, which alone starts TensorFlow: its arrays are these, in this order, in float32."""
    from rnnfc.networks.build import build as build_keras

    spec: Any = experiment.model
    stacked = experiment.model_copy(update={"model": spec.as_stacked})
    targets = len(network.weights.c) // experiment.window.horizon
    core = build_keras(stacked, channels=len(network.weights.U), targets=targets)
    core.inference_model.set_weights(network.weights)
    return core


def weight_arrays(network: Network) -> dict[str, Floats]:
    """Every weight by its letter, ready for an .npz file."""
    return dict(network.weights._asdict())


def extra_files(*_: Any) -> dict[str, Callable[[Path], object]]:
    """As `keras_engine.extra_files`; here there are none besides the ONNX model."""
    return {}


def state_gradients(network: Network, scaled: Windows, spec: TrainSpec) -> dict[str, Floats]:  # noqa: ARG001  one loss only
    """As `keras_engine.state_gradients`: norm[lag] of dL/ds, the mean over the windows, of the one layer's hidden state."""
    x, target = network.pairs(scaled, slice(None))
    s = scratch.states(network.weights, x, network.activation.f)
    _, dy = scratch.mean_squared_error(scratch.output(network.weights, s), target)
    _, g = scratch.backpropagate(
        network.weights, x, s, dy * len(x), slope=network.activation.slope
    )  # L of each window by itself
    return {"layer 1, hidden state": np.linalg.norm(g, axis=-1).mean(axis=-1)}  # [lag, n, H] -> [lag]

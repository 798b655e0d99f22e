"""Training: whole epochs as one compiled program over an unchanged Keras model, optimizer and loss.

One XLA program runs many minibatches: a loop over slices of the epoch's order, windows gathered from the rows on the device,
GradientTape, `optimizer.apply`. For small networks this is about 100 times faster than a Python call for every minibatch.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.models.backend import keras, tf
from rnnfc.models.network import Network, gather_inputs, recurrent_layers, traced_for_xla
from rnnfc.models.stacked import seed_of
from rnnfc.progress import Epoch, Progress, diverged, order_of, remember, scheduled_rate
from rnnfc.progress import stops_early as stops_early  # callers ask it between two epochs

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
LOSSES = {"mse": keras.losses.MeanSquaredError, "mae": keras.losses.MeanAbsoluteError, "huber": keras.losses.Huber}

# One call of the compiled program lasts about this long, so that progress moves and Ctrl-C answers.
_CALL_S = 0.25
# Straight code halves a step of a short window (9 against 24 µs for SimpleRNN 50, window 10, batch 1) and costs about half
# a second of compilation; for longer windows compilation explodes (LSTM 64, window 50: 27 s).
_UNROLL_CELLS = 16
_UNROLL_UPDATES = 25_000


@dataclass(kw_only=True)
class TrainState(Progress):
    """Everything that training changes."""

    net: Any
    optimizer: Any

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """A copy of everything that training changes, bit for bit."""
        return super().arrays() | {f"variable/{place}": variable.numpy() for place, variable in enumerate(self._variables)}

    def load(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Become the state that `arrays` was taken from."""
        super().load(arrays)
        for place, variable in enumerate(self._variables):
            variable.assign(arrays[f"variable/{place}"])

    @property
    def _variables(self) -> list[Any]:
        return [*self.net.variables, *self.optimizer.variables]


def start(net: Any, spec: TrainSpec) -> TrainState:
    """The state before the first epoch."""
    options: dict[str, Any] = {"learning_rate": spec.learning_rate}
    if spec.optimizer == "adamw":
        options["weight_decay"] = spec.weight_decay
    if spec.momentum is not None:
        options["momentum"] = spec.momentum
    if spec.clip is not None:
        options[{"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}[spec.clip.by]] = spec.clip.limit
    optimizer = OPTIMIZERS[spec.optimizer](**options)
    optimizer.build(net.trainable_variables)
    return TrainState(net=net, optimizer=optimizer, learning_rate=spec.learning_rate)


def epochs(
    state: TrainState,
    network: Network,
    *,
    train: Windows,
    validation: Windows | None,
    spec: TrainSpec,
    seed: int,
    tick: Callable[[float], None] = lambda _: None,
) -> Iterator[Epoch]:
    """Train `state`, one epoch for each row that is asked for, up to `spec.epochs`; stopping early is up to the caller.

    Args:
        train, validation: windows over the scaled panel.
        tick: told the finished share of the current epoch about four times a second.
    Raises:
        TrainError: a loss or weight is not finite any more; names epoch and step.
    """
    program = _Program(state, train, spec)
    while state.epoch < spec.epochs:
        began = time.perf_counter()
        rate = scheduled_rate(state, spec)
        state.optimizer.learning_rate = rate
        _seed_dropout(state.net, seed=seed, epoch=state.epoch)
        loss = program.run(order_of(train.origins, spec=spec, seed=seed, epoch=state.epoch), tick)
        state.epoch += 1
        watched = None if validation is None else _mean_loss(network, validation, spec)
        _refuse_non_finite(state, watched)
        if watched is not None and remember(state, watched, spec):
            state.best_weights = state.net.get_weights()
        yield Epoch(
            epoch=state.epoch,
            loss=loss,
            validation_loss=watched,
            learning_rate=rate,
            seconds=time.perf_counter() - began,
        )


def keep_best(state: TrainState, spec: TrainSpec) -> int:
    """With early stopping, put the weights of the best epoch back; returns that epoch, 0 where the last weights stay."""
    if spec.early_stopping is None:
        return 0
    state.net.set_weights(state.best_weights)
    return state.best_epoch


def recipe(net: Any, *, train: Windows, spec: TrainSpec) -> str:
    """How the epoch is compiled: `xla_unrolled` for short windows and many updates, else `xla_loop`."""
    cells = train.length * len(recurrent_layers(net))
    updates = spec.epochs * -(-len(train) // spec.batch_size)
    return "xla_unrolled" if cells <= _UNROLL_CELLS and updates >= _UNROLL_UPDATES else "xla_loop"


def threads() -> dict[str, int]:
    """What the last bits of a result depend on besides the seed: processors and TensorFlow's thread settings (0: its choice)."""
    setting = tf.config.threading
    return {
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "intra_op": setting.get_intra_op_parallelism_threads(),
        "inter_op": setting.get_inter_op_parallelism_threads(),
    }


class _Program:
    """The compiled epoch of one network over one set of windows."""

    def __init__(self, state: TrainState, train: Windows, spec: TrainSpec) -> None:
        self._state = state
        self._windows = len(train)
        self._batch = min(spec.batch_size, len(train))
        self._batches = -(-self._windows // self._batch)
        self._rows = tf.constant(train.panel.values, tf.float32)
        self._loss = LOSSES[spec.loss](reduction=None)
        self._shape = (train.length, train.horizon, train.panel.num_targets)
        self._unroll = recipe(state.net, train=train, spec=spec) == "xla_unrolled"
        self._calls = tf.function(self._many_steps, jit_compile=True, autograph=False)
        self._call_batches = 1

    def run(self, order: npt.NDArray[np.int32], tick: Callable[[float], None]) -> float:
        """One epoch over the windows in `order`; returns the mean loss over its windows."""
        # The last minibatch is filled up with windows that weigh nothing, so that one program serves all.
        padding = np.full(self._batches * self._batch - self._windows, order[0], dtype=np.int32)
        device_order = tf.constant(np.concatenate([order, padding]))
        total, done = tf.constant(0.0, tf.float64), 0
        while done < self._batches:
            began = time.perf_counter()
            stop = min(done + self._call_batches, self._batches)
            reached, total, bad = self._calls(self._rows, device_order, tf.constant(done), tf.constant(stop), total)
            if int(bad) >= 0:
                raise TrainError(_diverged("the loss", self._state, step=int(bad) + 1))
            self._pace(batches=stop - done, seconds=time.perf_counter() - began)
            done = int(reached)
            tick(done / self._batches)
        return float(total) / self._windows

    def _pace(self, *, batches: int, seconds: float) -> None:
        # The first call of an epoch's length is the compiler's; growth is bounded so that one fast call proves little.
        fitting = int(batches * _CALL_S / max(seconds, 1e-6))
        self._call_batches = max(1, min(fitting, 64 * batches))

    def _many_steps(self, rows: Any, order: Any, first: Any, stop: Any, total: Any) -> Any:
        def step(index: Any, total: Any, _: Any) -> Any:
            loss, weight = self._step(rows, order, index)
            bad = tf.where(tf.math.is_finite(loss), -1, index)
            # Summed in float64: a million float32 terms would lose the fourth digit.
            return index + 1, total + tf.cast(loss * weight, tf.float64), bad

        def goes_on(index: Any, _: Any, bad: Any) -> Any:
            return (index < stop) & (bad < 0)

        return tf.while_loop(goes_on, step, (first, total, tf.constant(-1)))

    def _step(self, rows: Any, order: Any, index: Any) -> tuple[Any, Any]:
        """One minibatch: its loss before the update, and how many windows it counts for."""
        length, horizon, targets = self._shape
        origins = tf.slice(order, [index * self._batch], [self._batch])
        x = gather_inputs(rows, origins, length=length)
        y = tf.gather(rows[:, :targets], origins[:, None] + tf.range(horizon, dtype=tf.int32))
        counted = index * self._batch + tf.range(self._batch) < self._windows
        weights = tf.cast(counted, tf.float32)
        state = self._state
        with tf.GradientTape() as tape:
            forecast = self._forward(x)
            losses = tf.reduce_mean(self._loss(y, forecast), axis=1)  # [n, horizon] -> [n]
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        state.optimizer.apply(tape.gradient(loss, state.net.trainable_variables), state.net.trainable_variables)
        return loss, tf.reduce_sum(weights)

    def _forward(self, x: Any) -> Any:
        with traced_for_xla(self._state.net, unroll=self._unroll):
            return self._state.net(x, training=True)


def _seed_dropout(net: Any, *, seed: int, epoch: int) -> None:
    """Every dropout mask of an epoch follows from (seed, layer, epoch), so a resumed run draws the same ones."""
    states = [variable for variable in net.non_trainable_variables if variable.name == "seed_generator_state"]
    for place, variable in enumerate(states):
        variable.assign(np.array([seed_of(seed, place, epoch, 3), 0], dtype=np.uint32))


def _mean_loss(network: Network, windows: Windows, spec: TrainSpec) -> float:
    loss = LOSSES[spec.loss](reduction="sum_over_batch_size")
    return float(loss(windows.targets().astype(np.float32), network.scaled_points(windows).astype(np.float32)))


def _refuse_non_finite(state: TrainState, watched: float | None) -> None:
    if not all(np.isfinite(variable.numpy()).all() for variable in state.net.trainable_variables):
        raise TrainError(_diverged("a weight", state, step=None))
    if watched is not None and not np.isfinite(watched):
        raise TrainError(_diverged("the validation loss", state, step=None))


def _diverged(what: str, state: TrainState, *, step: int | None) -> str:
    epoch = state.epoch + (step is not None)
    return diverged(what, epoch=epoch, step=step, rate=float(state.optimizer.learning_rate))

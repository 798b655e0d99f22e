"""The compiled epoch: one call runs many minibatches, over a Keras model, optimizer and loss."""

import contextlib
import functools
import operator
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.windows import Windows
from rnnfc.networks import xla_cache
from rnnfc.networks.backend import keras, quiet_stderr, tf
from rnnfc.networks.inputs import call_model, gather_inputs, panel_to_device
from rnnfc.networks.net import Member, Net, plain_loops
from rnnfc.networks.seeds import derive_seed
from rnnfc.networks.tensors import TARGET, WINDOW
from rnnfc.training.compile.bptt import forward
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.compile.recurrence import drops, written_out
from rnnfc.training.progress import NotFiniteError

# One call of the compiled program lasts about this long, so that progress moves and Ctrl-C answers.
_CALL_S = 0.25


class EpochProgram:
    """One network's epoch over one set of windows, compiled as its recipe says.

    Each minibatch is cut into `recipe.shards` nearly equal parts, whose gradients a plain graph computes side by side: nothing
    orders them. They are added in the order of the shards and applied once.
    """

    def __init__(
        self, net: Net, optimizer: Any, train: Windows, *, spec: TrainSpec, loss: Any, recipe: Recipe
    ) -> None:
        """`loss` is a Keras loss without reduction: (y[n, horizon, target], what `net` gives) -> [n, horizon]."""
        self._net, self._model = net, net.inference_model
        self._optimizer, self._loss = optimizer, loss
        self._windows = len(train)
        self._bptt_steps = spec.bptt_steps
        self._batch = min(spec.batch_size, len(train))
        self._batches = -(-self._windows // self._batch)
        self._data = panel_to_device(train.panel)
        steps = net.training_models[0].output_shape[1]  # of a recursive network the first one
        self._weights = tf.constant(replace(train, horizon=steps).loss_weights()) if train.is_masked else None
        self._shape = (train.length, train.horizon, train.panel.num_targets)
        self._unroll = recipe.name == "xla_unrolled"
        # The straight code is Keras' own: XLA makes one kernel of it, outer products and all.
        self._written_out = net.recurrent_layers if recipe.name in ("xla_loop", "sharded_loop") else []
        self._cuts = [self._batch * shard // recipe.shards for shard in range(recipe.shards + 1)]
        self._dropout = _DropoutStates(self._model, shards=recipe.shards)
        self._compiled = recipe.compiled
        self._masks = _drawn_by_threefry if self._compiled else contextlib.nullcontext
        apart = recipe.name == "sharded_loop"  # each shard and the update a program of its own
        program = functools.partial(tf.function, autograph=False)
        self._calls = program(self._many_steps, jit_compile=self._compiled and not apart)
        inner: tuple[Any, Any] = (self._shard, self._update)
        self._part, self._apply = (program(each, jit_compile=True) for each in inner) if apart else inner
        self._traced: Any = None
        self._call_batches = 1

    def run(
        self, order: npt.NDArray[np.int32], tick: Callable[[float], None], *, seed: int, epoch: int
    ) -> float:
        """One epoch over the windows in `order`; returns the mean loss over its windows.

        Every dropout mask follows from (seed, layer, epoch, shard), so a resumed run draws the same ones.

        Raises:
            NotFiniteError: the loss of a minibatch, or a weight at the end.
        """
        self._dropout.assign(seed=seed, epoch=epoch)
        # The last minibatch is filled up with windows that weigh nothing, so that one program serves all.
        device_order = tf.constant(
            np.pad(order, (0, self._batches * self._batch - self._windows), mode="edge")
        )
        total, done, finite = tf.constant(0.0, tf.float64), 0, True
        while done < self._batches:
            began = time.perf_counter()
            stop = min(done + self._call_batches, self._batches)
            given = (self._data, device_order, tf.constant(done), tf.constant(stop), total)
            with self._loading():
                # Called itself: tf.function takes as long to find it as an update of a small network takes.
                self._traced = self._traced or self._calls.get_concrete_function(*given)
                reached, total, bad, finite = self._traced(*given)
            if int(bad) >= 0:
                raise NotFiniteError("the loss", step=int(bad) + 1)
            fitting = int((stop - done) * _CALL_S / max(time.perf_counter() - began, 1e-6))
            # The first call of all is the compiler's; growth is bounded, so that one fast call proves little.
            self._call_batches = max(1, min(fitting, 64 * (stop - done)))
            done = int(reached)
            tick(done / self._batches)
        if not finite:
            raise NotFiniteError("a weight", step=None)
        return float(total) / self._windows / len(self._net.members)

    def _loading(self) -> contextlib.AbstractContextManager[None]:
        # A kept program that is loaded names XLA's own preferences as features that this processor lacks: three lines of errors.
        loads = self._compiled and self._traced is None and xla_cache.holds_any()
        return quiet_stderr() if loads else contextlib.nullcontext()

    def _many_steps(self, data: Any, order: Any, first: Any, stop: Any, total: Any) -> Any:
        def step(index: Any, total: Any, _: Any) -> Any:
            loss, weight = self._step(data, order, index)
            bad = tf.where(tf.math.is_finite(loss), -1, index)
            # Summed in float64: a million float32 terms would lose the fourth digit.
            return index + 1, total + tf.cast(loss * weight, tf.float64), bad

        def goes_on(index: Any, _: Any, bad: Any) -> Any:
            return (index < stop) & (bad < 0)

        ended = tf.while_loop(goes_on, step, (first, total, tf.constant(-1)), parallel_iterations=1)
        # Looked at here: to fetch every weight would take longer than a short epoch's steps.
        finite = [tf.reduce_all(tf.math.is_finite(weight)) for weight in self._model.trainable_variables]
        return *ended, tf.reduce_all(finite)

    def _step(self, data: Any, order: Any, index: Any) -> tuple[Any, Any]:
        """One minibatch: its loss before the update, and how many windows it counts for."""
        first = index * self._batch
        weight = tf.cast(tf.minimum(self._windows - first, self._batch), tf.float32)
        parts = []
        for shard, (start, end) in enumerate(zip(self._cuts, self._cuts[1:], strict=False)):
            origins = tf.slice(order, [first + start], [end - start])
            # Shards that draw nothing and are of one size are one program, traced and compiled once.
            parts.append(
                self._part(shard if self._dropout.draws else 0, data, origins, first + start, weight)
            )
        losses, gradients = zip(*parts, strict=True)
        self._apply(gradients)
        return _total(losses), weight

    def _update(self, gradients: Sequence[list[Any]]) -> None:
        self._optimizer.apply(
            [_total(each) for each in zip(*gradients, strict=True)], self._model.trainable_variables
        )

    def _shard(self, shard: int, data: Any, origins: Any, first: Any, weight: Any) -> tuple[Any, list[Any]]:
        """What one shard adds to the minibatch's mean loss, and to its gradients."""
        (rows, series), (length, horizon, targets) = data, self._shape
        given = gather_inputs(self._net.training_models[0], rows, series, origins, length=length)
        y = tf.gather(rows[:, :targets], origins[:, None] + tf.range(horizon, dtype=tf.int32))
        counted = tf.cast(first + tf.range(origins.shape[0]) < self._windows, tf.float32)
        with tf.GradientTape() as tape:
            with (
                plain_loops(self._net, unroll=self._unroll),
                written_out(self._written_out),
                self._dropout.of(shard),
                self._masks(),
            ):
                made = [
                    self._forecast(member, {**given, TARGET: self._known(y, origins)})
                    for member in self._net.members
                ]
            # [n, horizon] -> [n]; of an ensemble the sum, in which each network has the gradient of its own loss
            y = y[:, : made[0].shape[1]]
            losses = tf.add_n([self._losses(y, forecast, origins) for forecast in made])
            loss = tf.reduce_sum(losses * counted) / weight
        # An embedding's gradient comes in slices, of which two may be of one row: neither sums nor optimizers count them right.
        return loss, [
            tf.convert_to_tensor(part) for part in tape.gradient(loss, self._model.trainable_variables)
        ]

    def _forecast(self, member: Member, given: dict[str, Any]) -> Any:
        if self._bptt_steps is None:
            return call_model(member.training_model, given, training=True)
        return forward(member, given[WINDOW], bptt_steps=self._bptt_steps)

    def _known(self, y: Any, origins: Any) -> Any:
        """y[n, horizon, target] as a network may be told of it: NaN where it is masked."""
        return y if self._weights is None else tf.where(self._weights_of(y, origins) > 0, y, np.nan)

    def _weights_of(self, y: Any, origins: Any) -> Any:
        return tf.gather(self._weights, origins[:, None] + tf.range(y.shape[1], dtype=tf.int32))

    def _losses(self, y: Any, forecast: Any, origins: Any) -> Any:
        """The mean loss of each window, [n]."""
        if self._weights is None:
            return tf.reduce_mean(self._loss(y, forecast), axis=1)
        each = self._loss(y[..., None], tf.expand_dims(forecast, 3))  # [n, horizon, target]
        return tf.reduce_mean(each * self._weights_of(y, origins), axis=(1, 2))


def _total(parts: Sequence[Any]) -> Any:
    # From left to right: the same bits in every run.
    return functools.reduce(operator.add, parts)


@contextlib.contextmanager
def _drawn_by_threefry() -> Iterator[None]:
    """Keras' layers draw what they drop by the generator that XLA vectorizes: a mask takes a hundredth of the time."""
    with contextlib.ExitStack() as undone:
        for module, name, option in (
            (tf.nn.experimental, "stateless_dropout", "rng_alg"),
            (tf.random, "stateless_uniform", "alg"),
        ):
            undone.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, functools.partial(getattr(module, name), **{option: "threefry"}))
        yield


class _DropoutStates:
    """A seed state for each shard and each layer that drops; shards that shared one would wait for each other.

    draws: whether any layer does.
    """

    def __init__(self, net: Any, *, shards: int) -> None:
        place = {id(variable): place for place, variable in enumerate(net.non_trainable_variables)}
        # Keras' cells have a generator even if they drop nothing.
        layers = [
            layer
            for layer in net._flatten_layers()
            if not hasattr(layer, "recurrent_dropout") or drops(layer)
        ]
        generators = [generator for layer in layers for generator in layer._seed_generators]
        self._generators = sorted(generators, key=lambda generator: place[id(generator.state)])
        self.draws = bool(generators)
        # The first shard draws from the layers' own states.
        others = [
            [keras.Variable(generator.state) for generator in self._generators] for _ in range(1, shards)
        ]
        self._states = [[generator.state for generator in self._generators], *others]

    def assign(self, *, seed: int, epoch: int) -> None:
        """Start an epoch."""
        for shard, states in enumerate(self._states):
            for place, state in enumerate(states):
                path = (seed, place, epoch, 3, shard) if shard else (seed, place, epoch, 3)
                state.assign(np.array([derive_seed(*path), 0], dtype=np.uint32))

    @contextlib.contextmanager
    def of(self, shard: int) -> Iterator[None]:
        """The layers draw from this shard's states while they are traced; they are the same before and after."""
        for generator, state in zip(self._generators, self._states[shard], strict=True):
            generator.state = state
        try:
            yield
        finally:
            for generator, state in zip(self._generators, self._states[0], strict=True):
                generator.state = state

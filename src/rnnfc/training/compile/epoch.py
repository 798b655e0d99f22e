"""The compiled epoch: one call runs many minibatches, over a Keras model, optimizer and loss."""

import contextlib
import functools
import operator
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

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
from rnnfc.training.compile.recurrence import fused_rnn, has_dropout
from rnnfc.training.progress import NotFiniteError

# One call of the compiled program takes about this long, so that progress is shown and Ctrl-C acts.
_CALL_S = 0.25

# The values of a scaled panel, f32[row, channel], and the index of each row's series, i32[row].
Rows = tuple[tf.Tensor, tf.Tensor]
Summand = TypeVar("Summand")


class EpochProgram:
    """One network's epoch over one set of windows, compiled as its recipe says.

    Each minibatch is cut into `recipe.shards` nearly equal parts, whose gradients a plain graph computes in parallel. They are
    added in the order of the shards and applied once.
    """

    def __init__(
        self,
        net: Net,
        optimizer: keras.optimizers.Optimizer,
        train: Windows,
        *,
        spec: TrainSpec,
        loss: keras.losses.Loss,
        recipe: Recipe,
    ) -> None:
        """`loss` has no reduction: (y[n, horizon, target], outputs of `net`) -> [n, horizon]."""
        self._net, self._model = net, net.inference_model
        self._optimizer, self._loss = optimizer, loss
        self._windows = len(train)
        self._bptt_steps = spec.bptt_steps
        self._batch = min(spec.batch_size, len(train))
        self._batches = -(-self._windows // self._batch)
        self._data = panel_to_device(train.panel)
        steps = net.training_models[0].output_shape[1]  # a recursive network is trained on the first one
        self._weights = tf.constant(replace(train, horizon=steps).loss_weights()) if train.is_masked else None
        self._shape = (train.length, train.horizon, train.panel.num_targets)
        self._unroll = recipe.name == "xla_unrolled"
        # Unrolled code stays Keras' own: XLA makes one kernel of it, outer products included.
        self._fused_layers = net.recurrent_layers if recipe.name in ("xla_loop", "sharded_loop") else []
        self._cuts = [self._batch * shard // recipe.shards for shard in range(recipe.shards + 1)]
        self._dropout = _DropoutStates(self._model, shards=recipe.shards)
        self._compiled = recipe.compiled
        self._masks = _threefry_masks if self._compiled else contextlib.nullcontext
        separate = recipe.name == "sharded_loop"  # each shard and the update are programs of their own
        program = functools.partial(tf.function, autograph=False)
        self._run_steps = program(self._many_steps, jit_compile=self._compiled and not separate)
        self._run_shard = program(self._shard, jit_compile=True) if separate else self._shard
        self._run_update = program(self._update, jit_compile=True) if separate else self._update
        self._traced: Callable[..., tuple[tf.Tensor, ...]] | None = None
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
        # The last minibatch is padded with windows of weight 0, so that one program serves all minibatches.
        device_order = tf.constant(
            np.pad(order, (0, self._batches * self._batch - self._windows), mode="edge")
        )
        total, done, finite = tf.constant(0.0, tf.float64), 0, True
        while done < self._batches:
            started = time.perf_counter()
            stop = min(done + self._call_batches, self._batches)
            arguments = (self._data, device_order, tf.constant(done), tf.constant(stop), total)
            with self._without_loader_errors():
                # The concrete function: tf.function's look-up takes as long as an update of a small network.
                self._traced = self._traced or self._run_steps.get_concrete_function(*arguments)
                end, total, bad_step, finite = self._traced(*arguments)
            if int(bad_step) >= 0:
                raise NotFiniteError("the loss", step=int(bad_step) + 1)
            num_batches = int((stop - done) * _CALL_S / max(time.perf_counter() - started, 1e-6))
            # The first call includes compilation; the growth is bounded, because one fast call may be an outlier.
            self._call_batches = max(1, min(num_batches, 64 * (stop - done)))
            done = int(end)
            tick(done / self._batches)
        if not finite:
            raise NotFiniteError("a weight", step=None)
        return float(total) / self._windows / len(self._net.members)

    def _without_loader_errors(self) -> contextlib.AbstractContextManager[None]:
        # On loading a cached program, XLA prints three lines of errors: it takes its own preferences for missing CPU features.
        loads = self._compiled and self._traced is None and xla_cache.has_programs()
        return quiet_stderr() if loads else contextlib.nullcontext()

    def _many_steps(
        self, data: Rows, order: tf.Tensor, first: tf.Tensor, stop: tf.Tensor, total: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """The minibatches from `first` to before `stop`: where it ended, the summed loss, the first bad step or -1, and whether
        all weights are finite.
        """

        def step(index: tf.Tensor, total: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
            loss, weight = self._step(data, order, index)
            bad_step = tf.where(tf.math.is_finite(loss), -1, index)
            # Summed in float64: a million float32 terms would lose the fourth digit.
            return index + 1, total + tf.cast(loss * weight, tf.float64), bad_step

        def goes_on(index: tf.Tensor, _: tf.Tensor, bad_step: tf.Tensor) -> tf.Tensor:
            return (index < stop) & (bad_step < 0)

        ended = tf.while_loop(goes_on, step, (first, total, tf.constant(-1)), parallel_iterations=1)
        # Inside the program: fetching every weight would take longer than the steps of a short epoch.
        finite = [tf.reduce_all(tf.math.is_finite(weight)) for weight in self._model.trainable_variables]
        return *ended, tf.reduce_all(finite)

    def _step(self, data: Rows, order: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One minibatch: its loss before the update, and its number of windows."""
        first = index * self._batch
        weight = tf.cast(tf.minimum(self._windows - first, self._batch), tf.float32)
        parts = []
        for shard, (start, end) in enumerate(zip(self._cuts, self._cuts[1:], strict=False)):
            origins = tf.slice(order, [first + start], [end - start])
            # Shards of one size without random draws are one program, traced and compiled once.
            number = shard if self._dropout.has_draws else 0
            parts.append(self._run_shard(number, data, origins, first + start, weight))
        losses, gradients = zip(*parts, strict=True)
        self._run_update(gradients)
        return _sum(losses), weight

    def _update(self, gradients: Sequence[list[tf.Tensor]]) -> None:
        """Apply the gradients of all shards."""
        sums = [_sum(of_shards) for of_shards in zip(*gradients, strict=True)]
        self._optimizer.apply(sums, self._model.trainable_variables)

    def _shard(
        self, shard: int, data: Rows, origins: tf.Tensor, first: tf.Tensor, weight: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The share of one shard in the minibatch's mean loss, and in its gradients.

        Args:
            origins: [n]; first: the position of the first of them in the epoch's order.
            weight: the number of windows of the minibatch.
        """
        (rows, series), (length, horizon, targets) = data, self._shape
        inputs = gather_inputs(self._net.training_models[0], rows, series, origins, length=length)
        y = tf.gather(rows[:, :targets], origins[:, None] + tf.range(horizon, dtype=tf.int32))
        counted = tf.cast(first + tf.range(origins.shape[0]) < self._windows, tf.float32)
        with tf.GradientTape() as tape:
            with (
                plain_loops(self._net, unroll=self._unroll),
                fused_rnn(self._fused_layers),
                self._dropout.use(shard),
                self._masks(),
            ):
                inputs[TARGET] = self._without_masked(y, origins)
                outputs = [self._forecast(member, inputs) for member in self._net.members]
            # [n, horizon] -> [n]; the sum over the members of an ensemble, each of which has the gradient of its own loss.
            y = y[:, : outputs[0].shape[1]]
            losses = tf.add_n([self._losses(y, forecast, origins) for forecast in outputs])
            loss = tf.reduce_sum(losses * counted) / weight
        gradients = tape.gradient(loss, self._model.trainable_variables)
        # An embedding's gradient comes in slices, which may name a row twice: neither sums nor optimizers handle that.
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _forecast(self, member: Member, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        if self._bptt_steps is None:
            return call_model(member.training_model, inputs, training=True)
        return forward(member, inputs[WINDOW], bptt_steps=self._bptt_steps)

    def _without_masked(self, y: tf.Tensor, origins: tf.Tensor) -> tf.Tensor:
        """y[n, horizon, target] as an input: NaN where it is masked."""
        return y if self._weights is None else tf.where(self._weights_of(y, origins) > 0, y, np.nan)

    def _weights_of(self, y: tf.Tensor, origins: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._weights, origins[:, None] + tf.range(y.shape[1], dtype=tf.int32))

    def _losses(self, y: tf.Tensor, outputs: tf.Tensor, origins: tf.Tensor) -> tf.Tensor:
        """The mean loss of each window, [n]."""
        if self._weights is None:
            return tf.reduce_mean(self._loss(y, outputs), axis=1)
        losses = self._loss(y[..., None], tf.expand_dims(outputs, 3))  # [n, horizon, target]
        return tf.reduce_mean(losses * self._weights_of(y, origins), axis=(1, 2))


def _sum(parts: Sequence[Summand]) -> Summand:
    # From left to right: the same bits in every run.
    return functools.reduce(operator.add, parts)


@contextlib.contextmanager
def _threefry_masks() -> Iterator[None]:
    """Keras' layers draw dropout masks with the generator that XLA vectorizes: a mask takes a hundredth of the time."""
    with contextlib.ExitStack() as originals:
        for module, name, option in (
            (tf.nn.experimental, "stateless_dropout", "rng_alg"),
            (tf.random, "stateless_uniform", "alg"),
        ):
            originals.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, functools.partial(getattr(module, name), **{option: "threefry"}))
        yield


class _DropoutStates:
    """A seed state for each shard and each layer that draws; shards that shared one would wait for each other.

    has_draws: whether any layer draws.
    """

    def __init__(self, model: keras.Model, *, shards: int) -> None:
        position = {id(variable): index for index, variable in enumerate(model.non_trainable_variables)}
        # Keras' cells have a generator even without dropout.
        layers = [
            layer
            for layer in model._flatten_layers()
            if not hasattr(layer, "recurrent_dropout") or has_dropout(layer)
        ]
        generators = [generator for layer in layers for generator in layer._seed_generators]
        self._generators = sorted(generators, key=lambda generator: position[id(generator.state)])
        self.has_draws = bool(generators)
        # The first shard draws from the layers' own states.
        others = [
            [keras.Variable(generator.state) for generator in self._generators] for _ in range(1, shards)
        ]
        self._states = [[generator.state for generator in self._generators], *others]

    def assign(self, *, seed: int, epoch: int) -> None:
        """Start an epoch."""
        for shard, states in enumerate(self._states):
            for index, state in enumerate(states):
                path = (seed, index, epoch, 3, shard) if shard else (seed, index, epoch, 3)
                state.assign(np.array([derive_seed(*path), 0], dtype=np.uint32))

    @contextlib.contextmanager
    def use(self, shard: int) -> Iterator[None]:
        """While they are traced, the layers draw from this shard's states; afterwards they are as before."""
        for generator, state in zip(self._generators, self._states[shard], strict=True):
            generator.state = state
        try:
            yield
        finally:
            for generator, state in zip(self._generators, self._states[0], strict=True):
                generator.state = state

"""Ours and the peers: each trains one case from the same weights, in the same order, and reports its times and losses.

Every peer is written as its users would write it. Torch and JAX are imported only in the process that measures them.
"""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from cases import EPOCHS, Array, Case, Timing

# kernel, recurrent, bias of the cell; kernel, bias of the output; in Keras' layout.
Weights = list[Array]
# Three epochs give the losses; a fast variant goes on until its epochs fill a second.
_LOSSES, _ENOUGH_S = 3, 1.0
_RATE, _BETA_1, _BETA_2, _EPSILON = 1e-3, 0.9, 0.999, 1e-7  # Adam as in Keras


def _timed(epochs: Iterator[float], **facts: Any) -> Timing:
    """Draw epochs, each of which yields its mean loss, and time them."""
    seconds: list[float] = []
    losses: list[float] = []
    while len(seconds) < _LOSSES or (sum(seconds[1:]) < _ENOUGH_S and len(seconds) < EPOCHS):
        began = time.perf_counter()
        losses.append(next(epochs))
        seconds.append(time.perf_counter() - began)
    return Timing(first_s=seconds[0], later_s=seconds[1:], losses=losses[:_LOSSES], facts=facts)


def start_weights(case: Case) -> Weights:
    """The weights that all start from."""
    from rnnfc.networks.build import build

    return list(build(case.experiment(), channels=1, targets=1).inference_model.get_weights())


def train_ours(case: Case, _: Weights, cores: int, recipe: dict[str, Any] | None = None) -> Timing:
    """rnnfc; `recipe` (name, shards) overrides its choice."""
    from rnnfc.training.compile.recipe import Recipe, choose

    spec = case.experiment()
    chosen = choose(spec, channels=1, targets=1, windows=case.windows, processors=cores)
    if recipe is not None:
        chosen = Recipe(**recipe, reason="set by an option")
    from rnnfc.data.scaler import Scaler
    from rnnfc.training.keras_engine import KerasEngine
    from rnnfc.training.loop import TrainState, train_epochs

    windows = case.train()
    scaler = Scaler.fit(windows.panel, np.array([[0, windows.panel.num_rows]]), method="none")
    network = KerasEngine().build(spec, windows.panel, scaler)
    trainer = network.start(windows, validation=None, recipe=chosen)
    state = TrainState.initial(trainer, spec.train)
    rows = train_epochs(state, origins=windows.origins, spec=spec.train, seed=spec.seed)
    return _timed((row.loss for row in rows), recipe=chosen.name, shards=chosen.shards, reason=chosen.reason)


def train_keras(case: Case, weights: Weights, _: int, **compiled: Any) -> Timing:
    """Keras `fit`."""
    import keras

    cell = getattr(keras.layers, case.cell)
    net = keras.Sequential([keras.Input((case.length, 1)), cell(case.units), keras.layers.Dense(1)])
    net.set_weights(weights)
    net.compile(optimizer="adam", loss="mse", **compiled)
    x, y = case.arrays()

    def epochs() -> Iterator[float]:
        while True:
            yield net.fit(x, y, batch_size=case.batch_size, shuffle=False, verbose=0).history["loss"][0]

    return _timed(epochs())


def train_keras_compiled(case: Case, weights: Weights, cores: int) -> Timing:
    """Keras `fit` with its own two settings for speed."""
    return train_keras(case, weights, cores, steps_per_execution=min(64, case.updates), jit_compile=True)


def train_torch(case: Case, weights: Weights, cores: int) -> Timing:
    """A PyTorch loop as in its tutorials."""
    import torch

    torch.set_num_threads(cores)
    kernel, recurrent, bias, out_kernel, out_bias = (torch.from_numpy(array) for array in weights)
    cell = {"SimpleRNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[case.cell](
        1, case.units, batch_first=True
    )
    out = torch.nn.Linear(case.units, 1)
    order = (
        [1, 0, 2] if case.cell == "GRU" else list(range(kernel.shape[1] // case.units))
    )  # Keras' z, r, h are torch's r, z, n

    def gates(matrix: Any) -> Any:
        return torch.cat([matrix.split(case.units, dim=-1)[gate] for gate in order], dim=-1).T

    with torch.no_grad():
        cell.weight_ih_l0.copy_(gates(kernel))
        cell.weight_hh_l0.copy_(gates(recurrent))
        cell.bias_ih_l0.copy_(gates(bias[0] if case.cell == "GRU" else bias))
        cell.bias_hh_l0.copy_(gates(bias[1]) if case.cell == "GRU" else torch.zeros_like(cell.bias_hh_l0))
        out.weight.copy_(out_kernel.T)
        out.bias.copy_(out_bias)
    cell.bias_hh_l0.requires_grad_(case.cell == "GRU")  # the other cells of Keras have one bias, of torch two
    parameters = [each for each in [*cell.parameters(), *out.parameters()] if each.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=_RATE, betas=(_BETA_1, _BETA_2), eps=_EPSILON)
    loss_of = torch.nn.MSELoss()
    x, y = (torch.from_numpy(array) for array in case.arrays())

    def epochs() -> Iterator[float]:
        while True:
            total = 0.0
            for inputs, targets in zip(x.split(case.batch_size), y.split(case.batch_size), strict=True):
                optimizer.zero_grad()
                loss = loss_of(out(cell(inputs)[0][:, -1]), targets)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(inputs)
            yield total / case.windows

    return _timed(epochs())


def train_jax(case: Case, weights: Weights, _: int) -> Timing:
    """Whole epochs as one hand-written JAX program: a scan over minibatches with an inner scan over the window."""
    import jax
    import jax.numpy as jnp

    cell = {"SimpleRNN": _simple_cell, "LSTM": _lstm_cell, "GRU": _gru_cell}[case.cell]
    # Straight code for short windows: about a third faster at batch 1.
    unroll = case.length if case.length <= 16 else 1

    def loss_of(params: Any, x: Any, y: Any, counted: Any) -> Any:
        start = (jnp.zeros((x.shape[0], case.units)),) * 2
        (state, _), _ = jax.lax.scan(
            lambda state, inputs: (cell(jnp, params, state, inputs), None),
            start,
            jnp.swapaxes(x, 0, 1),
            unroll=unroll,
        )
        return jnp.sum((state @ params[3] + params[4] - y)[:, 0] ** 2 * counted) / jnp.sum(counted)

    def step(carry: Any, batch: Any) -> Any:
        params, mean, square, count = carry
        loss, slope = jax.value_and_grad(loss_of)(params, *batch)
        count = count + 1
        rate = _RATE * jnp.sqrt(1 - _BETA_2**count) / (1 - _BETA_1**count)
        mean = [old + (new - old) * (1 - _BETA_1) for old, new in zip(mean, slope, strict=True)]
        square = [old + (new**2 - old) * (1 - _BETA_2) for old, new in zip(square, slope, strict=True)]
        moved = zip(params, mean, square, strict=True)
        params = [value - rate * first / (jnp.sqrt(second) + _EPSILON) for value, first, second in moved]
        return (params, mean, square, count), loss * jnp.sum(batch[2])

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(carry: Any, batches: Any) -> Any:
        carry, losses = jax.lax.scan(step, carry, batches)
        return carry, jnp.sum(losses) / case.windows

    def batches(array: Any) -> Any:
        filled = np.zeros((case.updates * case.batch_size, *array.shape[1:]), np.float32)
        filled[: len(array)] = array
        return jnp.asarray(filled.reshape(case.updates, case.batch_size, *array.shape[1:]))

    data = tuple(batches(array) for array in (*case.arrays(), np.ones(case.windows, np.float32)))

    def epochs() -> Iterator[float]:
        zeros = [np.zeros_like(array) for array in weights]
        carry = jax.tree.map(jnp.array, (list(weights), zeros, zeros, 0.0))
        while True:
            carry, loss = epoch(carry, data)
            yield float(loss)

    return _timed(epochs())


def _simple_cell(jnp: Any, params: Any, state: Any, inputs: Any) -> Any:
    return jnp.tanh(inputs @ params[0] + state[0] @ params[1] + params[2]), state[1]


def _lstm_cell(jnp: Any, params: Any, state: Any, inputs: Any) -> Any:
    gates = jnp.split(inputs @ params[0] + state[0] @ params[1] + params[2], 4, axis=1)
    into, forget, out = (1 / (1 + jnp.exp(-gates[gate])) for gate in (0, 1, 3))
    memory = forget * state[1] + into * jnp.tanh(gates[2])
    return out * jnp.tanh(memory), memory


def _gru_cell(jnp: Any, params: Any, state: Any, inputs: Any) -> Any:
    new = jnp.split(inputs @ params[0] + params[2][0], 3, axis=1)
    old = jnp.split(state[0] @ params[1] + params[2][1], 3, axis=1)
    keep, reset = (1 / (1 + jnp.exp(-new[gate] - old[gate])) for gate in (0, 1))
    return keep * state[0] + (1 - keep) * jnp.tanh(new[2] + reset * old[2]), state[1]


VARIANTS: dict[str, Callable[[Case, Weights, int], Timing]] = {
    "rnnfc": train_ours,
    "keras fit": train_keras,
    "keras compiled": train_keras_compiled,
    "pytorch": train_torch,
    "jax scan": train_jax,
}

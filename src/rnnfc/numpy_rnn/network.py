"""A recurrent network from first principles, in NumPy: forward, truncated backpropagation through time, clipping, SGD, Adam.

Rows are windows, so vectors stand to the left of their matrices. With x[t] the inputs at step t = 1 ... T and s[0] = 0:

    s[t] = f(x[t] U + s[t-1] W + b)      y = s[T] V + c      L = mean (y - target)^2               f: tanh or sigmoid

Backpropagation (BPTT) is the chain rule from the end of the window to its start. With g[t] = dL/ds[t] and a[t] the argument of f:

    g[T] = dL/dy V'          dL/da[t] = g[t] * f'(a[t])          g[t-1] = dL/da[t] W'
    dL/dU = sum x[t]' dL/da[t]     dL/dW = sum s[t-1]' dL/da[t]     dL/db = sum dL/da[t]     over t = T, T-1, ..., T-K+1

K = T is the true gradient. A smaller K truncates it: the forward pass still starts at the window's first step, the gradient stops
after K steps back. Each step back multiplies g by W' and by f', so it vanishes or explodes with the lag; clipping bounds it.

Sources: Werbos, Backpropagation Through Time: What It Does and How to Do It, Proc. IEEE 78 (1990), for the equations; Williams &
Peng, An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories, Neural Computation 2 (1990),
for truncation; Pascanu, Mikolov & Bengio, On the Difficulty of Training Recurrent Neural Networks, ICML 2013, for clipping;
Kingma & Ba, Adam, ICLR 2015. Everything is float64. Letters in the shapes: n windows, T steps, C channels, H units, Q outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from rnnfc.config.train_spec import ClipSpec, TrainSpec
from rnnfc.data.panel import Floats


class Weights(NamedTuple):
    """The network's arrays, or arrays of the same shapes: gradients, moments."""

    U: Floats  # [C, H]
    W: Floats  # [H, H]
    b: Floats  # [H]
    V: Floats  # [H, Q]
    c: Floats  # [Q]


@dataclass(frozen=True)
class Activation:
    """f, and its derivative f' as a function of the value of f."""

    f: Callable[[Floats], Floats]
    derivative: Callable[[Floats], Floats]


ACTIVATIONS = {
    "tanh": Activation(f=np.tanh, derivative=lambda s: 1 - s**2),
    "sigmoid": Activation(
        f=lambda a: (1 + np.tanh(a / 2)) / 2,  # 1 / (1 + exp(-a)), without overflow
        derivative=lambda s: s * (1 - s),
    ),
}


def initial(*, channels: int, units: int, outputs: int, seed: int) -> Weights:
    """Initial weights as in Keras: U and V uniform (Glorot & Bengio 2010), W orthogonal, which preserves norms; biases 0."""
    rng = np.random.default_rng(seed)

    def glorot(rows: int, columns: int) -> Floats:
        limit = float(np.sqrt(6 / (rows + columns)))
        return rng.uniform(-limit, limit, size=(rows, columns))

    Q, R = np.linalg.qr(rng.normal(size=(units, units)))
    W = Q * np.sign(np.diag(R))  # with these signs every orthogonal matrix is equally likely
    return Weights(
        U=glorot(channels, units), W=W, b=np.zeros(units), V=glorot(units, outputs), c=np.zeros(outputs)
    )


def states(weights: Weights, x: Floats, f: Callable[[Floats], Floats]) -> Floats:
    """s[T + 1, n, H] for x[n, T, C]: the state before the window, 0, and the state after each step."""
    U, W, b, _, _ = weights
    # [T, n, H]: the part of a that does not depend on the state, for all steps at once
    driven = x.transpose(1, 0, 2) @ U + b
    s = np.zeros((len(driven) + 1, *driven.shape[1:]))
    for t in range(1, len(s)):
        s[t] = f(driven[t - 1] + s[t - 1] @ W)  # [n, H] @ [H, H] -> [n, H]
    return s


def output(weights: Weights, s: Floats) -> Floats:
    """y[n, Q] from the states s[T + 1, n, H]."""
    return np.asarray(s[-1] @ weights.V + weights.c)


def mean_squared_error(y: Floats, target: Floats) -> tuple[float, Floats]:
    """L and dL/dy, for y and target of the same shape, e.g. [n, Q]."""
    error = y - target
    return float(np.mean(error**2)), 2 * error / error.size


def backpropagate(
    weights: Weights,
    x: Floats,
    s: Floats,
    dy: Floats,
    *,
    derivative: Callable[[Floats], Floats],
    steps: int | None = None,
) -> tuple[Weights, Floats]:
    """The gradient of L by every weight, and g[K, n, H] = dL/ds by lag: g[0] belongs to the window's last step.

    Args:
        x: [n, T, C]; s: [T + 1, n, H], the states of `states`; dy: dL/dy[n, Q].
        derivative: f' as a function of the state.
        steps: K; None, or more than T, is the whole window.
    """
    _, W, _, V, _ = weights
    T = len(s) - 1
    K = T if steps is None else min(steps, T)
    g = np.empty((K, *s.shape[1:]))
    da = np.empty_like(g)
    g[0] = dy @ V.T  # [n, Q] @ [Q, H] -> [n, H]
    for lag in range(K):
        da[lag] = g[lag] * derivative(s[T - lag])  # [n, H]
        if lag + 1 < K:
            g[lag + 1] = da[lag] @ W.T  # [n, H] @ [H, H] -> [n, H]

    def matrix_gradient(inputs: Floats) -> Floats:
        """The sum of inputs' da over lags and windows: [K, n, rows], [K, n, H] -> [rows, H]."""
        return inputs.reshape(-1, inputs.shape[-1]).T @ da.reshape(-1, da.shape[-1])

    previous = s[T - K : T][::-1]  # s[t-1] by lag, [K, n, H]
    inputs = x.transpose(1, 0, 2)[T - K :][::-1]  # x[t] by lag, [K, n, C]
    gradient = Weights(
        U=matrix_gradient(inputs),
        W=matrix_gradient(previous),
        b=da.sum(axis=(0, 1)),
        V=s[-1].T @ dy,
        c=dy.sum(axis=0),
    )
    return gradient, g


def clip(gradient: Weights, spec: ClipSpec | None) -> Weights:
    """The gradient with a limit on each number, on each array's norm, or on the norm of all arrays together."""
    if spec is None:
        return gradient
    if spec.by == "value":
        return Weights(*(np.clip(array, -spec.limit, spec.limit) for array in gradient))
    norms = np.array([np.linalg.norm(array) for array in gradient])
    if spec.by == "global_norm":
        norms[:] = np.linalg.norm(norms)
    return Weights(
        *(
            array * min(1.0, spec.limit / max(norm, 1e-300))
            for array, norm in zip(gradient, norms, strict=True)
        )
    )


@dataclass(kw_only=True)
class OptimizerState:
    """`count`: updates so far. moments: m and v of Adam; empty before its first update and for SGD."""

    count: int = 0
    moments: list[Weights] = field(default_factory=list)


def sgd(weights: Weights, gradient: Weights, state: OptimizerState, *, rate: float) -> None:
    """w <- w - rate dL/dw, in place."""
    state.count += 1
    for w, g in zip(weights, gradient, strict=True):
        w -= rate * g


def adam(weights: Weights, gradient: Weights, state: OptimizerState, *, rate: float) -> None:
    """w <- w - rate m / (sqrt(v) + e), in place, with m and v the bias-corrected running means of g and g^2.

    Constants as in Keras, which adds e to sqrt(v) before the bias correction.
    """
    beta, gamma, e = 0.9, 0.999, 1e-7
    state.moments = state.moments or [Weights(*map(np.zeros_like, weights)) for _ in range(2)]
    state.count += 1
    corrected_rate = rate * np.sqrt(1 - gamma**state.count) / (1 - beta**state.count)
    for w, g, m, v in zip(weights, gradient, *state.moments, strict=True):
        m += (1 - beta) * (g - m)
        v += (1 - gamma) * (g**2 - v)
        w -= corrected_rate * m / (np.sqrt(v) + e)


OPTIMIZERS = {"sgd": sgd, "adam": adam}


def train_step(
    weights: Weights,
    state: OptimizerState,
    x: Floats,
    target: Floats,
    *,
    f: Activation,
    spec: TrainSpec,
    rate: float,
) -> float:
    """One minibatch: x[n, T, C], target[n, Q]; updates `weights` and `state` in place, returns the loss before the update."""
    s = states(weights, x, f.f)
    loss, dy = mean_squared_error(output(weights, s), target)
    gradient, _ = backpropagate(weights, x, s, dy, derivative=f.derivative, steps=spec.bptt_steps)
    OPTIMIZERS[spec.optimizer](weights, clip(gradient, spec.clip), state, rate=rate)
    return loss

"""The equations of each cell for `models.recurrence`: a step forwards and a step back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rnnfc.networks.backend import tf

States = tuple[Any, ...]
# The slope of each activation, by its own value.
SLOPES: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda y: 1 - y * y,
    "sigmoid": lambda y: y * (1 - y),
    "linear": tf.ones_like,
    "relu": lambda y: tf.cast(y > 0, y.dtype),
    "elu": lambda y: tf.where(y > 0, tf.ones_like(y), y + 1),
    "softsign": lambda y: (1 - tf.abs(y)) ** 2,
}
_sigmoid_slope = SLOPES["sigmoid"]


@dataclass(frozen=True, kw_only=True)
class Equations:
    """One kind of cell; f is its activation. Its steps know of no shapes: each number is that of one unit in one window.

    A step forwards also tells the slopes that its step back multiplies by, which then has little to do. XLA makes a kernel of
    each array, and small ones cost a microsecond each whatever they hold.

    gates: f -> the activation of each gate.
    tells: how many arrays beside the gates' slopes a step tells; None where it tells nothing, having one gate, whose slope is
        that of the state after it.
    weights: cell -> W[H, gates * H]; D[C + 1, gates * H], the last row of which is the bias; and what is apart, [C + 1, H].
    step: (f, its slope, the gates, what the inputs drive apart, states) -> slopes of each gate, what is told beside them, the
        states after the step.
    back: (told beside the slopes, gradient by the states after) -> by what the slopes are to be multiplied to make the gradient
        by a of each gate; the gradient by what was driven apart; that by the states before without what comes through W: for
        each state, or for all but the first where there is none.
    """

    gates: Callable[[Any], Sequence[Any]]
    tells: int | None
    weights: Callable[[Any], Sequence[Any]]
    step: Callable[[Any, Any, Sequence[Any], States, States], tuple[States, States, States]]
    back: Callable[[States, States], tuple[States, States, States]]


def _weights(cell: Any) -> Sequence[Any]:
    return tf.convert_to_tensor(cell.recurrent_kernel), tf.concat([cell.kernel, cell.bias[None]], axis=0)


def _gru_weights(cell: Any) -> Sequence[Any]:
    """The candidate's inputs come in once its product by the state has been reset (Keras' reset_after): they are driven apart."""
    both = 2 * cell.units
    gates = tf.cast(
        tf.range(3 * cell.units) < both, cell.kernel.dtype
    )  # 1 for update and reset, 0 for the candidate
    drive = tf.concat([cell.kernel * gates, (cell.bias[0] * gates + cell.bias[1])[None]], axis=0)
    return (
        tf.convert_to_tensor(cell.recurrent_kernel),
        drive,
        tf.concat([cell.kernel, cell.bias[:1]], axis=0)[:, both:],
    )


def _simple_step(
    _: Any, __: Any, gates: Sequence[Any], ___: States, ____: States
) -> tuple[States, States, States]:
    return (), (), tuple(gates)


def _simple_back(_: States, by_after: States) -> tuple[States, States, States]:
    return by_after, (), ()


def _lstm_step(
    f: Any, slope: Any, gates: Sequence[Any], _: States, states: States
) -> tuple[States, States, States]:
    into, forget, fresh, out = gates
    memory = forget * states[1] + into * fresh
    shown = f(memory)
    slopes = (
        fresh * _sigmoid_slope(into),
        states[1] * _sigmoid_slope(forget),
        into * slope(fresh),
        shown * _sigmoid_slope(out),
    )
    return slopes, (out * slope(shown), forget), (out * shown, memory)


def _lstm_back(told: States, by_after: States) -> tuple[States, States, States]:
    by_shown, forget = told
    by_memory = by_after[1] + by_after[0] * by_shown
    return (by_memory, by_memory, by_memory, by_after[0]), (), (by_memory * forget,)


def _gru_step(
    f: Any, slope: Any, gates: Sequence[Any], apart: States, states: States
) -> tuple[States, States, States]:
    update, reset, recalled = gates
    fresh = f(apart[0] + reset * recalled)
    by_fresh = (1 - update) * slope(fresh)
    slopes = (
        (states[0] - fresh) * _sigmoid_slope(update),
        by_fresh * recalled * _sigmoid_slope(reset),
        by_fresh * reset,
    )
    return slopes, (by_fresh, update), (update * states[0] + (1 - update) * fresh,)


def _gru_back(told: States, by_after: States) -> tuple[States, States, States]:
    by_fresh, update = told
    by_state = by_after[0]
    return (by_state, by_state, by_state), (by_state * by_fresh,), (by_state * update,)


EQUATIONS = {
    "SimpleRNN": Equations(
        gates=lambda f: (f,), tells=None, weights=_weights, step=_simple_step, back=_simple_back
    ),
    "LSTM": Equations(
        gates=lambda f: (tf.sigmoid, tf.sigmoid, f, tf.sigmoid),
        tells=2,
        weights=_weights,
        step=_lstm_step,
        back=_lstm_back,
    ),
    "GRU": Equations(
        gates=lambda _: (tf.sigmoid, tf.sigmoid, tf.identity),
        tells=2,
        weights=_gru_weights,
        step=_gru_step,
        back=_gru_back,
    ),
}

"""The equations of each cell for `models.recurrence`: a step forwards and a step back, [n, H] at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnnfc.models.backend import tf

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
    """One kind of cell; f is its activation, and every array of a step is [n, H], those of all gates [n, gates, H].

    A step forwards also tells the slopes that its step back multiplies by, which then has little to do. XLA makes a kernel of
    each array, and small ones cost a microsecond each whatever they hold.

    told: how many arrays a step tells: the first, [n, gates, H], is what the gradient by a is made from, the others are [n, H];
        0 where that gradient is made from the slope of the state after the step.
    over: whether this first one is written over d, and the gradient by a over it. It saves an array that XLA fills with zeros
        first: 8 % of the time of an LSTM of 128 units; a GRU or a SimpleRNN is slower by as much.
    drive: (cell, x) -> what does not depend on the state, [T, n, gates * H] and more for all steps at once; the first of it is d.
    step: (f, its slope, a, what else is driven, states) -> what is told of the step, the states after it.
    back: (told, gradient by the states after) -> the gradient by a and whatever else was driven, and that by the states before
        without what comes through W: for each state, or for all but the first where there is none.
    """

    gates: int
    told: int
    over: bool = False
    drive: Callable[[Any, Any], States]
    step: Callable[[Any, Any, Any, States, States], tuple[States, States]]
    back: Callable[[States, States], tuple[States, States]]


def _affine(x: Any, kernel: Any, bias: Any) -> Any:
    # The bias by a product too: the gradient by it is one, for which XLA has faster code than for the sum over two axes.
    return x @ kernel + tf.ones([*x.shape[:2], 1]) @ bias[None]


def _drive_all_gates(cell: Any, x: Any) -> States:
    return (_affine(x, cell.kernel, cell.bias),)


def _side_by_side(*parts: Any) -> Any:
    """[n, H] of each gate -> [n, gates, H]; chosen from and not stacked: XLA computes and chooses in one kernel."""
    gate = tf.range(len(parts))[:, None]
    chosen = parts[-1][:, None]
    for place, part in enumerate(parts[:-1]):
        chosen = tf.where(gate == place, part[:, None], chosen)
    return chosen


def _simple_step(f: Any, _: Any, a: Any, __: States, ___: States) -> tuple[States, States]:
    return (), (f(a[:, 0]),)


def _simple_back(told: States, by_after: States) -> tuple[States, States]:
    return (by_after[0][:, None] * told[0],), ()


def _lstm_step(f: Any, slope: Any, a: Any, _: States, states: States) -> tuple[States, States]:
    gates = tf.unstack(a, axis=1)
    into, forget, out = (tf.sigmoid(gates[place]) for place in (0, 1, 3))
    fresh = f(gates[2])
    memory = forget * states[1] + into * fresh
    shown = f(memory)
    told = _side_by_side(
        fresh * _sigmoid_slope(into), states[1] * _sigmoid_slope(forget), into * slope(fresh), shown * _sigmoid_slope(out)
    )
    return (told, out * slope(shown), forget), (out * shown, memory)


def _lstm_back(told: States, by_after: States) -> tuple[States, States]:
    by_a, by_shown, forget = told
    by_memory = by_after[1] + by_after[0] * by_shown
    return (_side_by_side(by_memory, by_memory, by_memory, by_after[0]) * by_a,), (by_memory * forget,)


def _gru_drive(cell: Any, x: Any) -> States:
    """The candidate's inputs come in once its product by the state has been reset (Keras' reset_after): they are driven apart."""
    both = 2 * cell.units
    gates = tf.cast(tf.range(3 * cell.units) < both, x.dtype)  # 1 for update and reset, 0 for the candidate
    d = _affine(x, cell.kernel * gates, cell.bias[0] * gates + cell.bias[1])
    return d, _affine(x, cell.kernel[:, both:], cell.bias[0, both:])


def _gru_step(f: Any, slope: Any, a: Any, driven: States, states: States) -> tuple[States, States]:
    update, reset, recalled = tf.unstack(a, axis=1)
    update, reset = tf.sigmoid(update), tf.sigmoid(reset)
    fresh = f(driven[0] + reset * recalled)
    by_fresh = (1 - update) * slope(fresh)
    told = _side_by_side(
        (states[0] - fresh) * _sigmoid_slope(update), by_fresh * recalled * _sigmoid_slope(reset), by_fresh * reset
    )
    return (told, by_fresh, update), (update * states[0] + (1 - update) * fresh,)


def _gru_back(told: States, by_after: States) -> tuple[States, States]:
    by_a, by_fresh, update = told
    by_state = by_after[0]
    return (by_state[:, None] * by_a, by_state * by_fresh), (by_state * update,)


EQUATIONS = {
    "SimpleRNN": Equations(gates=1, told=0, drive=_drive_all_gates, step=_simple_step, back=_simple_back),
    "LSTM": Equations(gates=4, told=3, over=True, drive=_drive_all_gates, step=_lstm_step, back=_lstm_back),
    "GRU": Equations(gates=3, told=3, drive=_gru_drive, step=_gru_step, back=_gru_back),
}

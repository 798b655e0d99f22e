"""Where the windows stand in the arrays of `models.recurrence`: as rows or as columns, whichever XLA multiplies faster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnfc.networks.backend import keras, tf


@dataclass(frozen=True)
class Layout:
    """Of n windows: a step's arrays are [n, H] where windows are rows, [H, n] where they are columns.

    Those of all gates are [n, gates, H] or [gates, H, n], and arrays over time have T before that.
    """

    columns: bool

    @property
    def axis(self) -> int:
        """Of the units in [n, H] or [H, n], and of the gates."""
        return 0 if self.columns else 1

    def shape(self, n: int, *units: int) -> list[int]:
        """[n, *units] or [*units, n]."""
        return [*units, n] if self.columns else [n, *units]

    def laid(self, each: Any) -> Any:
        """[..., n, H], with T before it or without, in this layout; and from this layout back again."""
        return tf.linalg.matrix_transpose(each) if self.columns else each

    def matrix(self, *parts: Any) -> Any:
        """The parts of a matrix [K, M], one below the other, as `product` takes it."""
        # Columns: not the whole turned, or XLA turns each product instead, at twice its time.
        return tf.concat([self.laid(part) for part in parts], axis=1 - self.axis)

    def product(self, z: Any, matrix: Any) -> Any:
        """Of K units, the M units that a matrix makes."""
        return matrix @ z if self.columns else z @ matrix

    def sums(self, z: Any, by_product: Any) -> Any:
        """The gradient by the matrix, [K, M]: a sum over steps and windows. Both arrays are over time, of K and of M units."""
        if self.columns:
            turned = [tf.transpose(each, [1, 0, 2]) for each in (z, by_product)]
            return tf.matmul(*(tf.reshape(each, [each.shape[0], -1]) for each in turned), transpose_b=True)
        return tf.matmul(
            *(tf.reshape(each, [-1, each.shape[-1]]) for each in (z, by_product)), transpose_a=True
        )

    def first(self, units: int, z: Any) -> Any:
        """The first units of an array."""
        return z[..., :units, :] if self.columns else z[..., :units]

    def activated(self, a: Any, gates: Sequence[Any]) -> list[Any]:
        """[n, H] of each gate, by its own activation, of all gates' units."""
        # The sigmoid of x is (1 + tanh(x / 2)) / 2: one kernel for all gates.
        scales = {tf.sigmoid: 0.5, keras.activations.tanh: 1.0}
        if len(gates) > 1 and all(gate in scales for gate in gates):
            scale = self._of_gates([scales[gate] for gate in gates])
            by_gate = tf.reshape(
                a, self.shape(a.shape[1 - self.axis], len(gates), a.shape[self.axis] // len(gates))
            )
            return list(tf.unstack(scale * tf.tanh(scale * by_gate) + (1 - scale), axis=self.axis))
        return [gate(part) for gate, part in zip(gates, tf.split(a, len(gates), axis=self.axis), strict=True)]

    def _of_gates(self, numbers: Sequence[float]) -> Any:
        """One number a gate, to go with [n, gates, H]."""
        return tf.reshape(tf.constant(numbers), [-1, *[1] * (2 - self.axis)])

    def flat(self, by_gate: Any) -> Any:
        """[..., all gates' units] of what has an axis of gates."""
        shape = by_gate.shape
        ends = [-1, shape[-1]] if self.columns else [shape[-3], -1]
        return tf.reshape(by_gate, [*shape[:-3], *ends])

    def side_by_side(self, parts: Sequence[Any]) -> Any:
        """[n, H] of each gate -> [n, gates, H]; chosen from and not stacked: XLA computes and chooses in one kernel."""
        each = [tf.expand_dims(part, self.axis) for part in parts]
        gate = self._of_gates(list(range(len(parts))))
        made = each[-1]
        for place, part in enumerate(each[:-1]):
            made = tf.where(gate == place, part, made)
        return made


def chosen(n: int, units: int) -> Layout:
    """The faster one, as measured: of 512 units, columns take up to 8 % less time, of 384 the same, of 256 up to 30 % more.

    For many units, columns put the weights where Eigen takes them in once for all windows; the sums over time then cost a copy,
    which products of fewer do not make up for. But 16 numbers fill a register: where units leave a rest and windows none, columns
    take less again (50 units, 64 windows: 15 to 30 %), as long as the windows are more (32 of them: up to 20 % more).
    """
    return Layout(columns=n % 16 == 0 and (units >= 512 or (units % 16 != 0 and n > units)))

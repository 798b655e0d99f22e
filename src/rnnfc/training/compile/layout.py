"""Layout: whether the windows are rows or columns of the arrays in `recurrence`, whichever XLA multiplies faster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnnfc.networks.backend import keras, tf


@dataclass(frozen=True)
class Layout:
    """For n windows and H units a step's array is [n, H] if windows are rows, [H, n] if they are columns.

    With an axis of gates it is [n, gates, H] or [gates, H, n]. Arrays over time have T before that.
    """

    columns: bool

    @property
    def unit_axis(self) -> int:
        """The axis of the units in [n, H] or [H, n], and of the gates."""
        return 0 if self.columns else 1

    def shape(self, n: int, *units: int) -> list[int]:
        """[n, *units] or [*units, n]."""
        return [*units, n] if self.columns else [n, *units]

    def convert(self, array: tf.Tensor) -> tf.Tensor:
        """[..., n, H] to this layout, and from this layout back."""
        return tf.linalg.matrix_transpose(array) if self.columns else array

    def join_rows(self, *parts: tf.Tensor) -> tf.Tensor:
        """The parts of a matrix [K, M], one below the other, as `matmul` takes it."""
        # Columns: each part is transposed, not the whole, or XLA transposes in each product, at twice its time.
        return tf.concat([self.convert(part) for part in parts], axis=1 - self.unit_axis)

    def matmul(self, z: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
        """z[n, K] @ matrix[K, M], or its transpose for columns."""
        return matrix @ z if self.columns else z @ matrix

    def weight_gradient(self, z: tf.Tensor, by_product: tf.Tensor) -> tf.Tensor:
        """The gradient by the matrix of z[t] @ matrix, [K, M]: the sum of z[t]' by_product[t] over steps and windows."""
        if self.columns:
            by_unit = [tf.transpose(array, [1, 0, 2]) for array in (z, by_product)]
            flat = (tf.reshape(array, [array.shape[0], -1]) for array in by_unit)
            return tf.matmul(*flat, transpose_b=True)
        flat = (tf.reshape(array, [-1, array.shape[-1]]) for array in (z, by_product))
        return tf.matmul(*flat, transpose_a=True)

    def first_units(self, units: int, z: tf.Tensor) -> tf.Tensor:
        """The first units of an array."""
        return z[..., :units, :] if self.columns else z[..., :units]

    def activate(self, a: tf.Tensor, gates: Sequence[Callable[[tf.Tensor], tf.Tensor]]) -> list[tf.Tensor]:
        """The activated [n, H] of each gate, from a[n, gates * H]."""
        # The sigmoid of x is (1 + tanh(x / 2)) / 2: one kernel for all gates.
        scales = {tf.sigmoid: 0.5, keras.activations.tanh: 1.0}
        if len(gates) > 1 and all(gate in scales for gate in gates):
            scale = self._per_gate([scales[gate] for gate in gates])
            n, units = a.shape[1 - self.unit_axis], a.shape[self.unit_axis] // len(gates)
            by_gate = tf.reshape(a, self.shape(n, len(gates), units))
            return list(tf.unstack(scale * tf.tanh(scale * by_gate) + (1 - scale), axis=self.unit_axis))
        parts = tf.split(a, len(gates), axis=self.unit_axis)
        return [gate(part) for gate, part in zip(gates, parts, strict=True)]

    def _per_gate(self, numbers: Sequence[float]) -> tf.Tensor:
        """One number per gate, to be broadcast with [n, gates, H]."""
        return tf.reshape(tf.constant(numbers), [-1, *[1] * (2 - self.unit_axis)])

    def merge_gates(self, by_gate: tf.Tensor) -> tf.Tensor:
        """[..., n, gates, H] -> [..., n, gates * H]."""
        shape = by_gate.shape
        ends = [-1, shape[-1]] if self.columns else [shape[-3], -1]
        return tf.reshape(by_gate, [*shape[:-3], *ends])

    def stack_gates(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """[n, H] of each gate -> [n, gates, H]; selected, not stacked: XLA computes and selects in one kernel."""
        expanded = [tf.expand_dims(part, self.unit_axis) for part in parts]
        gate = self._per_gate(list(range(len(parts))))
        stacked = expanded[-1]
        for index, part in enumerate(expanded[:-1]):
            stacked = tf.where(gate == index, part, stacked)
        return stacked


def choose_layout(n: int, units: int) -> Layout:
    """The faster one, as measured: with 512 units columns take up to 8 % less time, with 384 the same, with 256 up to 30 % more.

    With many units, columns let Eigen pack the weights once for all windows; the sums over time then cost a copy, which smaller
    products do not make up for. But a register holds 16 numbers: where 16 divides the windows and not the units, columns take
    less again (50 units, 64 windows: 15 to 30 %), if there are more windows than units (32 windows: up to 20 % more).
    """
    return Layout(columns=n % 16 == 0 and (units >= 512 or (units % 16 != 0 and n > units)))

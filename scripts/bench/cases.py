"""The jobs that are measured: size of the network, its data, and what ours must reach."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.load import load_panel
from rnnfc.data.windows import Windows, cut_windows

Array = npt.NDArray[np.float32]
# Enough that a step matters more than its compilation.
SEED, EPOCHS = 7, 400


@dataclass(frozen=True)
class Case:
    """One layer and one dense output, trained on a sine for EPOCHS epochs of `windows` windows.

    `least` holds, for a number of cores, how many times faster than a peer a step must be.
    """

    cell: str
    units: int
    length: int
    batch_size: int
    windows: int
    least: dict[int, dict[str, float]] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """e.g. SimpleRNN-50-10-1-990."""
        return "-".join(map(str, (self.cell, self.units, self.length, self.batch_size, self.windows)))

    @classmethod
    def of(cls, name: str) -> "Case":
        """The case of that name: one of the table's, or of any other size."""
        cell, *sizes = name.split("-")
        units, length, batch_size, windows = map(int, sizes)
        return next(
            (case for case in CASES if case.name == name), cls(cell, units, length, batch_size, windows)
        )

    @property
    def updates(self) -> int:
        """Minibatches in one epoch."""
        return -(-self.windows // self.batch_size)

    def experiment(self) -> Experiment:
        """The job as a config."""
        return from_yaml(
            f"{{name: bench, seed: {SEED}, data: {{kind: sine, points: {self.windows + self.length + 1}, step: 0.1}}, "
            f"window: {{length: {self.length}}}, split: {{train: {self.windows + self.length}, test: 1}}, scale: none, "
            f"model: {{kind: stacked, cell: {self.cell}, units: [{self.units}]}}, "
            f"train: {{epochs: {EPOCHS}, batch_size: {self.batch_size}, shuffle: false}}}}",
            source=self.name,
        )

    def train(self) -> Windows:
        """The training windows."""
        spec = self.experiment()
        return cut_windows(load_panel(spec.data), length=self.length, horizon=1, split=spec.split).train

    def arrays(self) -> tuple[Array, Array]:
        """x[window, length, 1] and y[window, 1], copied out as the peers take them."""
        windows = self.train()
        return windows.inputs().astype(np.float32), windows.targets()[:, :, 0].astype(np.float32)


def _bars(fit: float, torch: float, jax: float | None = None) -> dict[int, dict[str, float]]:
    return {1: {"keras fit": fit, "pytorch": torch, **({"jax scan": jax} if jax else {})}}


CASES = (
    Case("SimpleRNN", 50, 10, 1, 990, _bars(100, 40, 0.85)),
    Case("SimpleRNN", 50, 10, 64, 990, _bars(20, 4)),
    Case("LSTM", 50, 10, 64, 990, _bars(5, 1.5)),
    Case("SimpleRNN", 50, 50, 32, 950, _bars(8, 2)),
    Case("LSTM", 64, 50, 32, 950, _bars(5, 1.5)),
    Case("GRU", 64, 50, 32, 950, _bars(10, 5)),
    Case("LSTM", 128, 96, 128, 3904, {**_bars(1.8, 1.4), 2: {"keras fit": 1.6, "pytorch": 1.4}}),
    Case("LSTM", 512, 15, 256, 3985, {**_bars(1.1, 1.1), 2: {"keras fit": 1.7, "pytorch": 1.2}}),
)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What one process measured: seconds of the first epoch, seconds of each later one, losses of the first three epochs."""

    first_s: float
    later_s: list[float]
    losses: list[float]
    facts: dict[str, Any] = field(default_factory=dict)

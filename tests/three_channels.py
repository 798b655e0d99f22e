"""A small panel with a different number of everything, for tests of exports."""

import numpy as np

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel


def panel(*, offset: float = 0.0) -> Panel:
    """31 rows of 3 channels, the first 2 of them targets."""
    values = offset + np.random.default_rng(0).normal(size=(31, 3)) * [1.0, 50.0, 0.01]
    return Panel(
        values=values,
        time=np.arange(31),
        bounds=np.array([0, 31]),
        series=("s",),
        channels=("a", "b", "c"),
        num_targets=2,
        frequency=Frequency(unit="number", size=1),
        filled=np.zeros(values.shape, dtype=np.bool_),
    )

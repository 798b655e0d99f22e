"""A small panel with a different number of everything, for tests of exports."""

import numpy as np

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.windows import Windows


def panel(*, offset: float = 0.0, lengths: tuple[int, ...] = (31,), positive: bool = False) -> Panel:
    """31 rows (or other `lengths`: of several series, each 1,000 times as large as the one before) of 3 channels, 2 targets."""
    values = np.random.default_rng(0).normal(size=(sum(lengths), 3)) * [1.0, 50.0, 0.01]
    if positive:
        values = np.exp(values / [1.0, 50.0, 0.01])
    return Panel(
        values=offset + values * 1000.0 ** np.repeat(np.arange(len(lengths)), lengths)[:, None],
        time=np.concatenate([np.arange(length) for length in lengths]),
        bounds=np.cumsum([0, *lengths]),
        series=("s", "t", "u")[: len(lengths)],
        channels=("a", "b", "c"),
        num_targets=2,
        frequency=Frequency(unit="number", size=1),
        filled=np.zeros(values.shape, dtype=np.bool_),
    )


def windows_of(data: Panel) -> Windows:
    """Every window of 5 rows that forecasts 4."""
    starts = zip(data.bounds[:-1], data.bounds[1:], strict=True)
    origins = np.concatenate([np.arange(first + 5, end - 3) for first, end in starts])
    return Windows(panel=data, origins=origins.astype(np.int32), length=5, horizon=4)


def train_rows(data: Panel) -> np.ndarray:
    """All but the last 11 rows of each series."""
    return np.stack([data.bounds[:-1], data.bounds[1:] - 11], axis=1)

"""The naive forecast: every step repeats the last row of the window.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from dataclasses import dataclass

import numpy as np

from rnnfc.baselines.baseline import Baseline
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast


@dataclass(frozen=True)
class Naive:
    """The last row, repeated."""

    label: str = "last value"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        last = windows.panel.values[windows.origins - 1, : windows.panel.num_targets]
        return Forecast.from_windows(windows, np.repeat(last[:, None], windows.horizon, axis=1))


BASELINE = Baseline(fit=lambda _splits, _scaler, _season: Naive())

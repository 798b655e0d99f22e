"""The drift forecast: the line through the first and the last row of the window, continued.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from dataclasses import dataclass

import numpy as np

from rnnfc.baselines.baseline import Baseline
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast


@dataclass(frozen=True)
class Drift:
    """The last row plus the average change of the window."""

    label: str = "drift"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units; a window of one row has no slope and is repeated."""
        values, targets = windows.panel.values, windows.panel.num_targets
        last = values[windows.origins - 1, :targets]
        first = values[windows.origins - windows.length, :targets]
        slope = (last - first) / max(windows.length - 1, 1)
        steps = np.arange(1, windows.horizon + 1)
        return Forecast.from_windows(windows, last[:, None] + steps[None, :, None] * slope[:, None])


BASELINE = Baseline(fit=lambda _splits, _scaler, _season: Drift())

"""The seasonal naive forecast: the last full season of each window, repeated.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from dataclasses import dataclass

import numpy as np

from rnnfc.baselines.baseline import Baseline
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast


@dataclass(frozen=True)
class SeasonalNaive:
    """The row one season earlier; the config holds season to at most the window's length."""

    season: int
    label: str = "seasonal naive"

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        rows = windows.origins[:, None] + np.arange(windows.horizon) % self.season - self.season
        return Forecast.from_windows(windows, windows.panel.values[rows, : windows.panel.num_targets])


BASELINE = Baseline(fit=lambda _splits, _scaler, season: SeasonalNaive(season or 1), needs_season=True)

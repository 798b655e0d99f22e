"""Forecasters that continue each target of each series by itself."""

from collections.abc import Callable

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Rows, Windows
from rnnfc.evaluation.forecast import Forecast


def forecast_columns(
    windows: Windows, forecast: Callable[[int, int, Floats, Rows], Floats], *, first: Rows
) -> Forecast:
    """The forecast of a method that uses all rows of a series from `first`[series] up to a window's origin.

    Args:
        forecast: from a series, a target, its rows, and the number of them before each window's targets; returns
            point[window, horizon].
    """
    panel, window_series = windows.panel, windows.series
    point = np.empty((len(windows), windows.horizon, panel.num_targets))
    for series in np.unique(window_series):
        chosen = slice(*np.searchsorted(window_series, [series, series + 1]))  # origins ascend
        start = first[series]
        ends = windows.origins[chosen] - start
        for target in range(panel.num_targets):
            rows = panel.values[start : start + ends[-1], target]
            point[chosen, :, target] = forecast(series, target, rows, ends)
    return Forecast.from_windows(windows, point)

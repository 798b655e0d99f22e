"""The named tensors of a network: what it reads and what it outputs, the same in Keras, NumPy and every exported file."""

from typing import Any

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast

WINDOW, FUTURE, SERIES, TARGET = "window", "future", "series", "target"
FORECAST, QUANTILES = "forecast", "quantiles"

# Outputs of a network by name, in data units: forecast[n, horizon, target]; with levels quantiles[n, horizon, target, level].
Outputs = dict[str, Floats]


def to_forecast(made: Outputs, windows: Windows, *, levels: tuple[float, ...] = ()) -> Forecast:
    """What a network gave for unscaled windows as their forecast."""
    return Forecast.from_windows(windows, made[FORECAST], quantiles=made.get(QUANTILES), levels=levels)


def network_inputs(windows: Windows) -> dict[str, Any]:
    """All that a network may read of unscaled windows, by name: window[n, length, channel], the index of its series int64[n] and,
    where channels are known ahead, their future[n, horizon, known].
    """
    future = {FUTURE: windows.future()} if windows.panel.num_known else {}
    return {WINDOW: windows.inputs(), **future, SERIES: windows.series.astype(np.int64)}

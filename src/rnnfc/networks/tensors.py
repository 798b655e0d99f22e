"""The named tensors of a network, the same in Keras, NumPy and every exported file.

Inputs: window[n, length, channel], future[n, horizon, known], series[n]; in training also target[n, horizon, target].
Outputs: forecast[n, horizon, target], with levels also quantiles[n, horizon, target, level].
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast

WINDOW, FUTURE, SERIES, TARGET = "window", "future", "series", "target"
FORECAST, QUANTILES = "forecast", "quantiles"
# Of one step in an autoregressive loop: its row of the future, and the forecast (or true target) of the step before it.
NEXT_FUTURE, PREVIOUS = "ahead", "previous"

# A NumPy array, or a tensor of TensorFlow.
Array: TypeAlias = Any
# Inputs and outputs of a network by name, in data units.
Inputs: TypeAlias = Mapping[str, npt.NDArray[Any]]
Outputs: TypeAlias = dict[str, Floats]
InferenceFunction: TypeAlias = Callable[[Inputs], Outputs]


def to_forecast(outputs: Outputs, windows: Windows, *, levels: tuple[float, ...] = ()) -> Forecast:
    """The forecast of unscaled windows from the outputs of a network."""
    return Forecast.from_windows(windows, outputs[FORECAST], quantiles=outputs.get(QUANTILES), levels=levels)


def network_inputs(windows: Windows) -> Inputs:
    """Every input that a network may read of unscaled windows, by name; without known channels there is no `future`."""
    future = {FUTURE: windows.future_covariates()} if windows.panel.num_known else {}
    return {WINDOW: windows.inputs(), **future, SERIES: windows.series.astype(np.int64)}

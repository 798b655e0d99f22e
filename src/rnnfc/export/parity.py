"""Parity: an exported network must forecast what the network forecasts that it was made from."""

import numpy as np

from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler, is_constant
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.networks.tensors import InferenceFunction, Outputs, network_inputs

# As a share of the data's range; float32 rounding stays an order of magnitude below.
MAX_PARITY_ERROR = 1e-5
SCALE_HINT = "scale the data (scale: minmax or standard), and report this config"
# Windows in one call: large enough for matrix products to pay, small enough to bound memory.
_BATCH = 1024


def infer_in_batches(function: InferenceFunction, windows: Windows) -> Outputs:
    """The outputs of `function` for unscaled windows."""
    batches = [function(network_inputs(part)) for part in windows.batches(max_windows=_BATCH)]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def parity_error(
    outputs: Outputs,
    expected: Outputs,
    windows: Windows,
    scaler: Scaler,
    *,
    label: str = "ONNX model",
    hint: str = SCALE_HINT,
) -> float:
    """The largest difference between two networks' outputs for `windows`, as a share of the range of its target.

    The range is that of all the data; of each series if series have a scale of their own.

    Raises:
        TrainError: the difference exceeds MAX_PARITY_ERROR. Such a file must not be published.
    """
    ranges = target_ranges(windows.panel, scaler)[windows.series, None, :, None]
    units = np.where(ranges > 0, ranges, 1.0)  # [window, 1, target, 1]
    differences = [
        np.abs(outputs[name] - array).reshape(*array.shape[:3], -1) / units
        for name, array in expected.items()
    ]
    error = float(np.max([difference.max() for difference in differences]))
    if not error <= MAX_PARITY_ERROR:
        raise TrainError(
            f"the exported {label}'s forecasts differ from the network's by {error:.1e} of the data's range; the limit is "
            f"{MAX_PARITY_ERROR:.0e}; {hint}"
        )
    return error


def target_ranges(panel: Panel, scaler: Scaler) -> Floats:
    """[series, target]: the range of each target, of the series or of all; at least 1 where the training rows are constant."""
    targets, starts = panel.values[:, : panel.num_targets], panel.bounds[:-1]
    if not scaler.by_series:
        return np.broadcast_to(np.ptp(targets, axis=0), (len(starts), panel.num_targets))
    ranges: Floats = np.maximum.reduceat(targets, starts) - np.minimum.reduceat(targets, starts)
    return np.maximum(ranges, is_constant(scaler.low, scaler.high)[:, : panel.num_targets])

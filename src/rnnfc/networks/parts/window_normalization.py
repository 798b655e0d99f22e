"""Window normalization around a Keras model: its input is normalized, its forecast denormalized."""

from collections.abc import Iterator

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.networks.backend import keras
from rnnfc.networks.inputs import call_model, make_model, new_inputs
from rnnfc.networks.normalization import NORMALIZATIONS
from rnnfc.networks.tensors import TARGET, WINDOW

ops = keras.ops


def with_window_normalization(
    core: keras.Model, normalize: str, *, channels: int, targets: int, known: int = 0
) -> keras.Model:
    """A Keras model with the inputs and outputs of `core`, which itself works on normalized values.

    Args:
        normalize: a key of NORMALIZATIONS; with `none` the result is `core` itself.
        known: number of channels with a known future, the last of the `channels`; they are not normalized.
    """
    if normalize == "none":
        return core
    rule, inputs = NORMALIZATIONS[normalize], new_inputs(core)
    window = inputs[WINDOW]
    past, level = window[..., : channels - known], window[..., :targets]
    normalized = rule.normalize(past, ops)
    if known:
        normalized = ops.concatenate([normalized, window[..., channels - known :]], axis=-1)
    tensors = {**inputs, WINDOW: normalized}
    if TARGET in inputs:
        tensors[TARGET] = rule.normalize_targets(inputs[TARGET], level, ops)
    forecast = call_model(core, tensors)
    has_levels = len(forecast.shape) == 4  # all quantiles are denormalized by the same level
    outputs = rule.denormalize(forecast, level[..., None] if has_levels else level, ops)
    return make_model(inputs, outputs, name=rule.model_name)


def normalized_pairs(windows: Windows, normalize: str) -> Iterator[tuple[Floats, Floats]]:
    """Parts of (window[n, length, target], targets[n, horizon, target]) as the core network reads and forecasts them."""
    num_targets = windows.panel.num_targets
    for part in windows.batches():
        window, targets = part.inputs()[:, :, :num_targets], part.targets()
        if normalize != "none":
            rule = NORMALIZATIONS[normalize]
            normalized_targets = rule.normalize_targets(targets, window, ops)
            window, targets = np.asarray(rule.normalize(window, ops)), np.asarray(normalized_targets)
        yield window.astype(np.float64), targets.astype(np.float64)

"""Named weights, and the refusal of the wrong ones."""

import numpy as np
import pytest
from factories import make_experiment

from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.errors import RunError
from rnnfc.networks.backend import keras
from rnnfc.networks.build import build
from rnnfc.networks.weights import named_weights, set_weights
from rnnfc.training.keras_engine import KerasEngine


def gru(*, seed: int) -> keras.Model:
    return build(make_experiment(seed=seed), channels=3, targets=2).inference_model


def test_set_weights__restores_named_weights() -> None:
    model, other = gru(seed=1), gru(seed=2)
    set_weights(other, named_weights(model), source="w.npz")
    for left, right in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_set_weights__refuses_those_of_another_network() -> None:
    model, weights = gru(seed=1), named_weights(gru(seed=1))
    name = next(iter(weights))
    assert name == "000 stacked/forward_1/gru_cell/kernel"
    text = r"w\.npz: 000 stacked/forward_1/gru_cell/kernel is float32\[1, 1\], .* needs float32\[3, 9\]"
    with pytest.raises(RunError, match=text):
        set_weights(model, {**weights, name: np.zeros((1, 1), np.float32)}, source="w.npz")
    incomplete = {key: value for key, value in weights.items() if key != name}
    with pytest.raises(RunError, match="is None"):
        set_weights(model, incomplete, source="w.npz")
    with pytest.raises(RunError, match="network needs"):
        set_weights(model, {**weights, "999 another/kernel": weights[name]}, source="w.npz")


def test_restore__refuses_the_weights_of_another_network() -> None:
    experiment = make_experiment()
    panel = load_panel(experiment.data)
    scaler = Scaler.fit(panel, np.array([[0, 30]]), method="minmax")
    with pytest.raises(RunError, match=r"^w\.npz: .* the experiment's network needs"):
        KerasEngine().restore(experiment, panel, scaler, named_weights(gru(seed=1)), source="w.npz")

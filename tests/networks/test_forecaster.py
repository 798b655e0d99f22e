"""Forecaster: forecasts in data units."""

import numpy as np
import pytest
from factories import make_experiment

from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import cut_windows
from rnnfc.networks import forecaster
from rnnfc.networks.build import build


def test_forecaster__forecasts_in_data_units_whatever_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = make_experiment(
        seed=3, data="{kind: sine, points: 50, step: 0.4}", split="{train: 0.6, test: 0.4}"
    )
    panel = load_panel(experiment.data)
    splits = cut_windows(panel, length=5, horizon=2, split=experiment.split)
    scaler = Scaler.fit(panel, splits.train_rows, method="minmax")
    net = build(experiment, channels=1, targets=1)
    predictor = forecaster.Forecaster(net, scaler)
    forecast = predictor.predict(splits.test)
    x = ((splits.test.inputs() - scaler.center[0]) / scaler.scale[0]).astype(np.float32)
    expected = net.inference_model(x).numpy() * scaler.scale[0] + scaler.center[0]
    np.testing.assert_allclose(forecast.point, expected, atol=1e-6)
    np.testing.assert_array_equal(forecast.actual, splits.test.targets())
    monkeypatch.setattr(forecaster, "_FORWARD_BATCH", 7)
    np.testing.assert_allclose(predictor.predict(splits.test).point, forecast.point, atol=1e-6)

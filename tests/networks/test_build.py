"""Build: seeds, window normalization, and the model that other tools load."""

import random
from pathlib import Path

import numpy as np
import pytest
from factories import make_experiment

from rnnfc.config.experiment import Experiment
from rnnfc.networks.backend import keras
from rnnfc.networks.build import build


def experiment(normalize: str) -> Experiment:
    return make_experiment(window=f"{{length: 5, horizon: 2, normalize: {normalize}}}", seed=3)


@pytest.mark.parametrize(
    "model",
    [
        # Keras' SimpleRNN forgets its seed where Bidirectional copies it; what it draws is set at the start of each epoch.
        "{kind: stacked, cell: SimpleRNN, units: [3, 2], dropout: 0.1, recurrent_dropout: 0.1}",
        "{kind: stacked, cell: LSTM, units: [3], bidirectional: true, dropout: 0.1, recurrent_dropout: 0.1}",
        "{kind: stacked, cell: GRU, units: [3], bidirectional: true, recurrent_dropout: 0.1, linear: {use: path}}",
        "{kind: stacked, cell: LSTM, units: [3], strategy: recursive, series_embedding: 2, ensemble: {seeds: 2}}",
        "{kind: segment, cell: GRU, segment: 2, width: 4, dropout: 0.1, linear: {use: path}}",
        "{kind: segment, cell: LSTM, segment: 2, width: 4, levels: [0.1, 0.5], linear: {use: blend}}",
        "{kind: seq2seq, cell: GRU, units: 3, attention: bahdanau, dropout: 0.1, teacher_forcing: 0.5}",
        "{kind: seq2seq, cell: LSTM, units: 3, attention: luong, series_embedding: 2, ensemble: {seeds: 2}}",
    ],
)
def test_build__leaves_no_seed_to_chance(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr(random, "randint", lambda *_: pytest.fail("Keras draws a seed of its own"))
    experiment = make_experiment(
        model=model, window="{length: 5, horizon: 4}", split="{train: 0.5, validation: 0.2, test: 0.3}"
    )
    net = build(experiment, channels=1, targets=1, series=3)
    assert net.inference_model.count_params() > 0
    with pytest.raises(pytest.fail.Exception, match="Keras draws a seed"):
        keras.layers.Dense(1).build((None, 2))


def test_build__normalize_last_forecasts_the_change_from_the_last_row() -> None:
    net = build(experiment("last"), channels=3, targets=2).inference_model
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    shift = np.array([10.0, -20.0, 30.0], np.float32)
    np.testing.assert_allclose(net(x + shift).numpy(), net(x).numpy() + shift[:2], atol=1e-4)


@pytest.mark.parametrize("normalize", ["none", "last"])
def test_inference_model__loads_in_plain_keras(tmp_path: Path, normalize: str) -> None:
    net = build(experiment(normalize), channels=1, targets=1).inference_model
    net.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(3, 5, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        keras.models.load_model(tmp_path / "model.keras")(x).numpy(), net(x).numpy()
    )

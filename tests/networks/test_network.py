"""Networks have the shape, size and seeds that the experiment says."""

import itertools
import os
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import cut_windows
from rnnfc.errors import RunError
from rnnfc.extensions import CELLS
from rnnfc.networks import backend, network
from rnnfc.networks import stacked as family
from rnnfc.networks.backend import keras
from rnnfc.networks.build import build
from rnnfc.networks.family import Sizes
from rnnfc.networks.net import Member, Net, plain_loops
from rnnfc.networks.seeds import derive_seed
from rnnfc.networks.size import num_parameters, training_bytes
from rnnfc.networks.stacked import StackedSpec
from rnnfc.networks.weights import named_weights, set_weights
from rnnfc.training.keras_engine import KerasEngine

SIZES = Sizes(length=5, horizon=4, channels=3, targets=2)


def spec(**changes: Any) -> StackedSpec:
    return StackedSpec(**{"kind": "stacked", "cell": "GRU", "units": (4,), **changes})


def stacked(model: StackedSpec, *, seed: int = 1) -> Any:
    return family.build(model, SIZES, seed=seed)


def as_net(model: Any) -> Net:
    member = Member(core=model, inference_model=model, training_model=model)
    return Net.from_members([member], inference_model=model, sizes=SIZES)


def experiment(normalize: str = "none") -> Experiment:
    return from_yaml(
        "name: t\nseed: 3\ndata: {kind: sine, points: 50, step: 0.4}\nsplit: {train: 0.6, test: 0.4}\n"
        f"window: {{length: 5, horizon: 2, normalize: {normalize}}}\n"
        "model: {kind: stacked, cell: LSTM, units: [4]}\ntrain: {epochs: 1}\n",
        source="test",
    )


@pytest.mark.parametrize(
    ("cell", "units", "bidirectional"),
    [*list(itertools.product(CELLS, [(4,), (4, 3)], [False, True])), ("LSTM", (4, 3), (True, False))],
)
def test_counted_parameters_are_those_of_keras(cell: str, units: tuple[int, ...], bidirectional: Any) -> None:
    model = spec(cell=cell, units=units, bidirectional=bidirectional)
    assert num_parameters(model, SIZES) == stacked(model).count_params()


def test_training_bytes_grow_with_batch_and_length() -> None:
    small = training_bytes(spec(), SIZES, rows=100, batch_size=2)
    # 4 bytes for each of: 4 x 148 weights, 300 row values, and 2 x 2 x 5 x (3 + 4 x 5) activations
    assert num_parameters(spec(), SIZES) == 148
    assert small == 4 * (4 * 148 + 300 + 2 * 2 * 5 * (3 + 4 * 5))
    assert training_bytes(spec(), replace(SIZES, length=10), rows=100, batch_size=2) > small


@pytest.mark.parametrize("cell", CELLS)
def test_forecasts_have_a_row_a_step_and_a_column_a_target(cell: str) -> None:
    net = stacked(spec(cell=cell))
    assert isinstance(net, keras.Sequential)
    assert net(np.zeros((2, 5, 3), np.float32)).shape == (2, 4, 2)


def test_settings_reach_every_layer() -> None:
    net = stacked(
        spec(units=(4, 3), activation="relu", dropout=0.2, recurrent_dropout=0.1, bidirectional=(True, False))
    )
    layers = {layer.name: layer for layer in as_net(net).recurrent_layers}
    forward, backward, top = (layers[name] for name in ("forward_1", "backward_1", "forward_2"))
    for layer, units in ((forward, 4), (backward, 4), (top, 3)):
        config = layer.get_config()
        assert (config["units"], config["activation"]) == (units, "relu")
        assert (config["dropout"], config["recurrent_dropout"]) == (0.2, 0.1)
    assert (forward.return_sequences, top.return_sequences) == (True, False)
    assert (forward.go_backwards, backward.go_backwards) == (False, True)


def test_the_two_directions_start_from_different_weights() -> None:
    forward, backward = as_net(stacked(spec(bidirectional=True))).recurrent_layers
    for left, right in zip(forward.get_weights()[:2], backward.get_weights()[:2], strict=True):
        assert not np.array_equal(left, right)


def test_starting_weights_follow_from_the_seed_alone() -> None:
    first, again, other = (stacked(spec(units=(4, 4)), seed=seed).get_weights() for seed in (1, 1, 2))
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[1], first[4]), "two layers of one size start differently"


def test_seeds_differ_for_every_use() -> None:
    assert len({derive_seed(*path) for path in itertools.product(range(3), repeat=3)}) == 27
    assert 0 <= derive_seed(2**31 - 1, 9, 9) < 2**31


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
def test_no_seed_is_left_to_chance(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr(random, "randint", lambda *_: pytest.fail("Keras draws a seed of its own"))
    text = (
        f"name: t\ndata: {{kind: sine, points: 50, step: 0.4}}\nsplit: {{train: 0.5, validation: 0.2, test: 0.3}}\n"
        f"window: {{length: 5, horizon: 4}}\nmodel: {model}\ntrain: {{epochs: 1}}\n"
    )
    net = build(from_yaml(text, source="t.yaml"), channels=1, targets=1, series=3)
    assert net.inference_model.count_params() > 0
    with pytest.raises(pytest.fail.Exception, match="Keras draws a seed"):
        keras.layers.Dense(1).build((None, 2))


def test_normalize_last_forecasts_the_change_from_the_last_row() -> None:
    net = build(experiment("last"), channels=3, targets=2).inference_model
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    shift = np.array([10.0, -20.0, 30.0], np.float32)
    np.testing.assert_allclose(net(x + shift).numpy(), net(x).numpy() + shift[:2], atol=1e-4)


def test_unrolled_layers_are_plain_again_afterwards() -> None:
    net = as_net(stacked(spec(units=(4, 3), bidirectional=(True, False))))
    with plain_loops(net, unroll=True):
        assert [(layer.unroll, layer.use_cudnn) for layer in net.recurrent_layers] == [(True, False)] * 3
    assert [(layer.unroll, layer.use_cudnn) for layer in net.recurrent_layers] == [(False, "auto")] * 3


@pytest.mark.parametrize("normalize", ["none", "last"])
def test_a_saved_model_forecasts_the_same_in_plain_keras(tmp_path: Any, normalize: str) -> None:
    net = build(experiment(normalize), channels=1, targets=1).inference_model
    net.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(3, 5, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        keras.models.load_model(tmp_path / "model.keras")(x).numpy(), net(x).numpy()
    )


def test_predict_forecasts_every_window_in_data_units_whatever_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec_ = experiment()
    panel = load_panel(spec_.data)
    splits = cut_windows(panel, length=5, horizon=2, split=spec_.split)
    scaler = Scaler.fit(panel, splits.train_rows, method="minmax")
    made = network.Network(build(spec_, channels=1, targets=1), scaler, length=5)
    whole = made.predict(splits.test)
    x = ((splits.test.inputs() - scaler.center[0]) / scaler.scale[0]).astype(np.float32)
    np.testing.assert_allclose(
        whole.point, made.net.inference_model(x).numpy() * scaler.scale[0] + scaler.center[0], atol=1e-6
    )
    np.testing.assert_array_equal(whole.actual, splits.test.targets())
    monkeypatch.setattr(network, "_FORWARD_BATCH", 7)
    np.testing.assert_allclose(made.predict(splits.test).point, whole.point, atol=1e-6)


def test_weights_come_back_by_name_and_wrong_ones_are_refused() -> None:
    spec_, (net, other) = experiment(), (stacked(spec(), seed=seed) for seed in (1, 2))
    arrays = named_weights(net)
    set_weights(other, arrays, source="w.npz")
    for left, right in zip(net.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    name = next(iter(arrays))
    with pytest.raises(
        RunError,
        match=r"w\.npz: 000 stacked/forward_1/gru_cell/kernel is float32\[1, 1\], the .* network needs float32\[3, 12\]",
    ):
        set_weights(other, {**arrays, name: np.zeros((1, 1), np.float32)}, source="w.npz")
    with pytest.raises(RunError, match="is None, the"):
        set_weights(other, {key: value for key, value in arrays.items() if key != name}, source="w.npz")
    panel = load_panel(spec_.data)
    scaler = Scaler.fit(panel, np.array([[0, 30]]), method="minmax")
    with pytest.raises(RunError, match="the experiment's network needs"):
        KerasEngine().restore(spec_, panel, scaler, arrays, source="w.npz")


def test_what_is_printed_past_python_is_shown_only_if_the_block_fails(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with backend.quiet_stderr():
        os.write(2, b"chatter\n")
    os.write(2, b"heard\n")
    with pytest.raises(ValueError, match="failed"), backend.quiet_stderr():  # noqa: PT012  both are one claim
        os.write(2, b"the reason\n")
        raise ValueError("failed")
    with pytest.raises(KeyboardInterrupt), backend.quiet_stderr():  # noqa: PT012  as above
        os.write(2, b"of no interest\n")
        raise KeyboardInterrupt
    assert capfd.readouterr().err == "heard\nthe reason\n"


def test_tensorflow_starts_without_a_word_on_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import rnnfc.networks.backend"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")

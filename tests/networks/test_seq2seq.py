"""The encoder-decoder: its equations against NumPy, what its decoder reads in training and in forecasts, and its exports."""

import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from factories import three_channels

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.extensions import CELLS
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.build import build as build_net
from rnnfc.networks.build import with_plain_layers
from rnnfc.networks.family import Sizes
from rnnfc.networks.forecaster import Forecaster
from rnnfc.networks.net import Net
from rnnfc.networks.normalization import NORMALIZATIONS
from rnnfc.networks.parts.window_normalization import with_window_normalization
from rnnfc.networks.seq2seq import Seq2SeqSpec
from rnnfc.networks.size import num_parameters, training_bytes

ATTENTION = get_args(Seq2SeqSpec.model_fields["attention"].annotation)
EVERY = list(itertools.product(CELLS, ATTENTION))
# Each cell and each attention once, for what takes seconds.
PAIRS = list(zip(("SimpleRNN", "LSTM", "GRU"), ATTENTION, strict=True))
# 2 windows of 5 rows, 3 channels, 2 targets, 4 steps.
SIZES = Sizes(length=5, horizon=4, channels=3, targets=2)
X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(2, 4, 2)).astype(np.float32)


def experiment(
    cell: str = "GRU", attention: str = "luong", *, normalize: str = "none", more: str = ""
) -> Experiment:
    return from_yaml(
        "name: t\nseed: 3\ndata: {kind: sine, points: 50, step: 0.4}\nsplit: {test: 9}\n"
        f"window: {{length: 5, horizon: 4, normalize: {normalize}}}\ntrain: {{epochs: 1}}\n"
        f"model: {{kind: seq2seq, cell: {cell}, units: 6, attention: {attention}{more}}}\n",
        source="test",
    )


def build(cell: str = "GRU", attention: str = "luong", **options: str) -> Net:
    return build_net(experiment(cell, attention, **options), channels=3, targets=2)


def told(net: Net, truth: Any = Y, **options: Any) -> Any:
    """What `net` forecasts in training, where it reads `truth`."""
    return net.training_models[0]({"window": X, "target": truth}, **options).numpy()


def by_hand(net: Net, attention: str, truth: Any) -> Any:
    """The forecast of a SimpleRNN network in NumPy; where `truth` is None, each step reads the forecast before its own."""

    def weights(layer: str) -> list[Any]:
        return [variable.numpy() for variable in net.inference_model.weights if f"{layer}/" in variable.path]

    def cell(name: str, x: Any, h: Any) -> Any:
        kernel, recurrent, bias = weights(name)
        return np.tanh(x @ kernel + h @ recurrent + bias)

    h, memory = np.zeros((2, 6)), []
    for row in range(5):
        h = cell("encoder", X[:, row], h)
        memory.append(h)
    encoded = np.stack(memory, axis=1)
    keys = [encoded @ kernel for kernel in weights("keys")]

    def looked_up(scores: Any) -> Any:
        share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)  # [n, length]
        return (share[:, :, None] * encoded).sum(axis=1)

    made, read = [], X[:, -1, :2]
    for step in range(4):
        if attention == "bahdanau":
            (kernel, bias), (score,) = weights("query"), weights("score")
            context = looked_up((np.tanh(keys[0] + (h @ kernel + bias)[:, None]) @ score)[..., 0])
            h = cell("decoder", np.concatenate([read, context], axis=1), h)
            out = np.concatenate([h, context], axis=1)
        else:
            out = h = cell("decoder", read, h)
        if attention == "luong":
            context = looked_up((keys[0] * h[:, None]).sum(axis=-1))
            out = np.tanh(np.concatenate([context, h], axis=1) @ weights("attend")[0])
        kernel, bias = weights("output")
        made.append(out @ kernel + bias)
        read = made[-1] if truth is None else truth[:, step]
    return np.stack(made, axis=1)


@pytest.mark.parametrize("attention", ATTENTION)
def test_seq2seq__forecasts_follow_from_the_equations(attention: str) -> None:
    net = build("SimpleRNN", attention)
    np.testing.assert_allclose(net.inference_model(X).numpy(), by_hand(net, attention, None), atol=1e-6)
    np.testing.assert_allclose(told(net), by_hand(net, attention, Y), atol=1e-6)


@pytest.mark.parametrize(("cell", "attention"), EVERY)
def test_seq2seq__counts_parameters_as_keras_and_each_has_a_gradient(cell: str, attention: str) -> None:
    net = build(cell, attention)
    assert num_parameters(experiment(cell, attention).model, SIZES) == net.inference_model.count_params()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((net.training_models[0]({"window": X, "target": Y}, training=True) - Y) ** 2)
    gradients = tape.gradient(loss, net.inference_model.trainable_variables)
    assert len(gradients) == len(net.inference_model.weights)
    assert all(np.abs(gradient.numpy()).max() > 1e-6 for gradient in gradients)


def test_training_bytes__of_attention_grow_with_steps_and_rows() -> None:
    plain, luong = (
        training_bytes(experiment("GRU", attention).model, SIZES, batch_size=2, rows=100)
        for attention in ("none", "luong")
    )
    # 108 more weights (keys 6 x 6, and 12 x 6) four times, and 4 x 5 x 6 values for each of two windows, with their gradients.
    assert luong - plain == 4 * (4 * 108 + 2 * 2 * 4 * 5 * 6)


@pytest.mark.parametrize(("cell", "attention"), PAIRS)
def test_seq2seq__a_step_reads_the_true_value_in_training_and_its_forecast_otherwise(
    cell: str, attention: str
) -> None:
    net = build(cell, attention)
    free = net.inference_model(X).numpy()
    assert np.abs(told(net) - free)[:, 1:].max() > 1e-3
    np.testing.assert_array_equal(told(net)[:, 0], free[:, 0])  # nobody knows a forecast before the first
    np.testing.assert_allclose(
        told(net, free), free, atol=1e-6
    )  # told what it forecasts, it forecasts the same
    later = Y.copy()
    later[:, 2] += 1.0
    changed = np.abs(told(net, later) - told(net)).max(axis=(0, 2)) > 0
    assert changed.tolist() == [False, False, False, True]  # the truth of a step is read after it


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_seq2seq__true_targets_are_normalized_like_the_window(normalize: str) -> None:
    window, target = keras.Input((5, 3), name="window"), keras.Input((None, 2), name="target")
    core = keras.Model({"window": window, "target": target}, 1.0 * target)  # forecasts what it is told
    net = with_window_normalization(core, normalize, channels=3, targets=2)
    np.testing.assert_allclose(net({"window": X, "target": Y}).numpy(), Y, atol=1e-5)
    assert net({"window": X, "target": Y[:, :0]}).shape == (2, 0, 2)


def test_teacher_forcing__is_drawn_for_each_window_and_step() -> None:
    whole, none = build(), build(more=", teacher_forcing: 0")
    np.testing.assert_array_equal(told(none), none.inference_model(X).numpy())
    half = build(more=", teacher_forcing: 0.5")
    (loop,) = half.autoregressive_loops
    drawn = loop.draw_use_target(5000).numpy()
    assert drawn.shape == (5000, 4, 1)
    assert 0.48 < drawn.mean() < 0.52
    assert not np.array_equal(told(half), told(half))
    half.inference_model.set_weights(whole.inference_model.get_weights())
    assert not np.array_equal(told(half), told(whole))
    np.testing.assert_array_equal(
        half.inference_model(X).numpy(), whole.inference_model(X).numpy()
    )  # forecasts draw nothing


@pytest.mark.parametrize("attention", ATTENTION)
def test_seq2seq__forecasts_do_not_depend_on_the_rows_they_forecast(attention: str) -> None:
    data = three_channels()
    scaler = Scaler.fit(data, np.array([[0, 20]]), method="standard")
    made = Forecaster(build("LSTM", attention), scaler)
    values = data.values.copy()
    values[12:] += 7.0
    windows = Windows(panel=data, origins=np.array([12], dtype=np.int32), length=5, horizon=4)
    later = made.outputs(windows.with_panel(data.with_values(values)))
    np.testing.assert_array_equal(made.outputs(windows)["forecast"], later["forecast"])


def test_seq2seq__keras_file_has_only_layers_of_keras(tmp_path: Path) -> None:
    spec = experiment("LSTM", "bahdanau", more=", ensemble: {seeds: 2}")
    net = build_net(spec, channels=3, targets=2)
    with_plain_layers(spec, net).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        assert "rnnfc" not in file.read("config.json").decode()
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "m.keras")(X).numpy(), net.inference_model(X).numpy(), atol=1e-6
    )


def test_seq2seq__a_run_verifies_and_names_its_network(tmp_path: Path, rnnfc: Callable[..., Any]) -> None:
    config = tmp_path / "s.yaml"
    config.write_text(
        "name: s\nseed: 3\ndata: {kind: sine, points: 90, step: 0.4}\nsplit: {validation: 12, test: 12}\n"
        "window: {length: 6, horizon: 3, normalize: last}\ntrain: {epochs: 2, early_stopping: {patience: 5}}\n"
        "model: {kind: seq2seq, cell: GRU, units: 4, attention: luong, dropout: 0.2, teacher_forcing: 0.5}\n"
    )
    done = rnnfc("train", config, "--outputs", tmp_path / "out")
    assert done.code == 0, done.err
    assert "seq2seq GRU 4, luong" in done.err
    assert "the same, bit for bit" in rnnfc("verify", "--outputs", tmp_path / "out").out
    (folder,) = (tmp_path / "out").iterdir()
    refused = rnnfc("explain", folder, "--outputs", tmp_path / "out")
    assert refused.code == 2
    assert "one stacked or scratch network" in refused.err
    assert "this is seq2seq GRU 4, luong" in refused.err

"""Inputs besides the window, the future of known channels and the series: in training, forecasts and every export format."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exporting import exported_error
from factories import three_channels

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.export.interface import interface
from rnnfc.networks import tensors
from rnnfc.networks.backend import tf
from rnnfc.networks.build import build_for
from rnnfc.networks.family import Sizes
from rnnfc.networks.inputs import call_model, gather_inputs, panel_to_device
from rnnfc.networks.size import num_parameters
from rnnfc.training.keras_engine import KerasNetwork

FAMILIES = {
    "stacked": "kind: stacked, cell: GRU, units: [4, 6], bidirectional: [true, false]",
    "seq2seq": "kind: seq2seq, cell: LSTM, units: 6, attention: bahdanau, teacher_forcing: 0.5",
}
FURTHER_PARTS = ", series_embedding: 3, linear: {use: path}"


def experiment(kind: str, further: str = FURTHER_PARTS) -> Experiment:
    return from_yaml(
        "name: t\nseed: 3\ndata: {kind: sine, points: 50, step: 0.4}\nsplit: {test: 9}\ntrain: {epochs: 1}\n"
        f"window: {{length: 5, horizon: 4, normalize: last}}\nmodel: {{{FAMILIES[kind]}{further}}}\n",
        source="test",
    )


def two_series() -> Panel:
    """31 rows of 4 channels, 2 of them targets and the last known ahead, in series of 15 and 16 rows."""
    data = three_channels()
    values = np.concatenate([data.values, np.cos(np.arange(31))[:, None]], axis=1)
    shapes = {
        "values": values,
        "filled": np.zeros(values.shape, bool),
        "channels": ("a", "b", "c", "day"),
        "num_known": 1,
    }
    return replace(data, **shapes, series=("s", "t"), bounds=np.array([0, 15, 31]))


def build_network(kind: str, further: str = FURTHER_PARTS) -> tuple[Experiment, KerasNetwork, Windows]:
    """Windows of both series, the first of them last: targets of rows 5 to 12 and 20 to 28."""
    data, spec = two_series(), experiment(kind, further)
    scaler = Scaler.fit(data, np.array([[0, 10], [15, 27]]), method="standard")
    origins = np.array([20, 21, 24, 5, 9], dtype=np.int32)
    net = KerasNetwork(spec, build_for(spec, data), scaler)
    for variable in net.net.inference_model.trainable_variables:  # also those that start at zero or nearly so
        variable.assign(variable + 0.3 * np.random.default_rng(7).normal(size=variable.shape))
    return spec, net, Windows(panel=data, origins=origins, length=5, horizon=4)


def test_future__is_the_target_rows_of_the_known_channels() -> None:
    windows = replace(build_network("stacked")[2], origins=np.array([20, 5], dtype=np.int32))
    np.testing.assert_array_equal(
        windows.future_covariates()[:, :, 0], np.cos([[20, 21, 22, 23], [5, 6, 7, 8]])
    )
    assert windows.with_panel(three_channels()).future_covariates().shape == (2, 4, 0)


@pytest.mark.parametrize("kind", FAMILIES)
def test_further_inputs__parameters_are_counted_and_each_has_a_gradient(kind: str) -> None:
    spec, net, windows = build_network(kind)
    sizes = {"channels": 4, "length": 5, "horizon": 4, "targets": 2, "known": 1, "series": 2}
    assert num_parameters(spec.model, Sizes(**sizes)) == net.net.inference_model.count_params()
    (trained,) = net.net.training_models
    tensors_in = gather_inputs(
        trained, *panel_to_device(windows.panel), tf.constant(windows.origins), length=5
    )
    tensors_in[tensors.TARGET] = tf.constant(windows.targets(), tf.float32)
    np.testing.assert_allclose(tensors_in["future"], windows.future_covariates(), rtol=1e-6)
    assert tensors_in["series"].numpy().tolist() == [1, 1, 1, 0, 0] == windows.series.tolist()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(call_model(trained, tensors_in, training=True) ** 2)
    gradients = tape.gradient(loss, net.net.inference_model.trainable_variables)
    assert all(np.abs(tf.convert_to_tensor(gradient)).max() > 0 for gradient in gradients)


@pytest.mark.parametrize("kind", FAMILIES)
def test_forecasts__depend_on_the_future_of_known_channels_alone(kind: str) -> None:
    _, net, windows = build_network(kind)
    base, values = net.outputs(windows)["forecast"], windows.panel.values

    def moved(channels: slice, rows: slice) -> Any:
        changed = values.copy()
        changed[rows, channels] += 3.0
        return np.abs(
            net.outputs(windows.with_panel(windows.panel.with_values(changed)))["forecast"] - base
        ).max(axis=(1, 2))

    ahead = slice(
        24, 29
    )  # targets of the first three windows, from row 24 on, and inputs of none but the third, up to row 23
    assert (moved(slice(3, 4), ahead) > 0).tolist() == [False, True, True, False, False]
    assert not moved(slice(0, 3), ahead).any()  # targets and past inputs of the same rows
    assert (moved(slice(0, 3), slice(23, 24)) > 0).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("kind", FAMILIES)
def test_future__is_read_by_all_steps_or_by_its_own(kind: str) -> None:
    _, net, windows = build_network(kind)
    window = {name: array[:1].astype(np.float32) for name, array in tensors.network_inputs(windows).items()}
    later = {**window, "future": window["future"] + np.float32([[[0], [0], [5], [0]]])}
    model = net.net.inference_model
    changed = np.abs(call_model(model, later) - call_model(model, window)).max(axis=(0, 2)) > 1e-7
    assert changed.tolist() == ([True] * 4 if kind == "stacked" else [False, False, True, True])


@pytest.mark.parametrize("kind", FAMILIES)
def test_series_embedding__tells_equal_windows_of_two_series_apart(kind: str) -> None:
    _, net, windows = build_network(kind)
    tensors_in = {name: array.astype(np.float32) for name, array in tensors.network_inputs(windows).items()}
    model = net.net.inference_model
    own, other = (
        call_model(model, tensors_in),
        call_model(model, {**tensors_in, "series": 1 - tensors_in["series"]}),
    )
    assert np.abs(own - other).max(axis=(1, 2)).min() > 1e-4


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("onnx", "stacked"),
        ("onnx", "seq2seq"),
        ("savedmodel", "stacked"),
        ("litert", "seq2seq"),
        ("keras", "seq2seq"),
    ],
)
def test_export_formats__read_future_and_series(tmp_path: Path, kind: str, form: str) -> None:
    spec, net, windows = build_network(kind)
    assert interface(spec, windows.panel, net.scaler)["input"] == {
        "window": ["n", 5, 4],
        "channels": ["a", "b", "c", "day"],
        "future": ["n", 4, 1],
        "known": ["day"],
        "series": ["n"],
        "series_names": ["s", "t"],
    }
    assert exported_error(form, spec, net, windows, tmp_path) <= 1e-6


def test_interface__known_channels_alone_are_a_second_input(tmp_path: Path) -> None:
    spec, net, windows = build_network("stacked", "")
    single = windows.with_panel(replace(windows.panel, series=("s",), bounds=np.array([0, 31])))
    scaler = Scaler.fit(single.panel, np.array([[0, 20]]), method="minmax")
    net = KerasNetwork(spec, build_for(spec, single.panel), scaler)
    facts = interface(spec, single.panel, scaler)
    assert list(facts["input"]) == ["window", "channels", "future", "known"]
    for form in ("onnx", "litert"):
        assert exported_error(form, spec, net, single, tmp_path) <= 1e-6


def test_series_embedding__is_refused_for_one_series(tmp_path: Path, rnnfc: Callable[..., Any]) -> None:
    config = tmp_path / "s.yaml"
    config.write_text(
        "name: s\ndata: {kind: sine, points: 90, step: 0.4}\nsplit: {test: 12}\nwindow: {length: 6}\ntrain: {epochs: 1}\n"
        "model: {kind: stacked, cell: GRU, units: [4], series_embedding: 2}\n"
    )
    done = rnnfc("check", config)
    assert done.code == 2
    assert "model.series_embedding needs several series, and the data has one" in done.err

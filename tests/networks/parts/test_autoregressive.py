"""Recursive forecasting: trained on the first step; in the autoregressive loop each step reads the forecast before it."""

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
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError
from rnnfc.extensions import CELLS, EXPORT_FORMATS
from rnnfc.networks.build import build, build_for
from rnnfc.networks.family import Sizes
from rnnfc.networks.size import num_parameters
from rnnfc.training.keras_engine import KerasNetwork

SINE = "{kind: sine, points: 90, step: 0.4}"
CSV = "{kind: csv, path: a, target: y, inputs: [p, q]}"


def experiment(
    cell: str = "GRU", *, more: str = "", data: str = SINE, normalize: str = "last", horizon: int = 4
) -> Experiment:
    return from_yaml(
        f"name: t\nseed: 3\ndata: {data}\nsplit: {{test: 12}}\ntrain: {{epochs: 2}}\n"
        f"window: {{length: 5, horizon: {horizon}, normalize: {normalize}}}\n"
        f"model: {{kind: stacked, cell: {cell}, units: [4], strategy: recursive{more}}}\n",
        source="x.yaml",
    )


@pytest.mark.parametrize("normalize", ["none", "last", "mean_std"])
@pytest.mark.parametrize("cell", CELLS)
def test_autoregressive_loop__each_forecast_is_the_last_row_of_the_next_window(
    cell: str, normalize: str
) -> None:
    """Against steps by hand, with forecast channels a and b and known channel c."""
    spec = experiment(cell, normalize=normalize)
    net = build(spec, channels=3, targets=2, known=1)
    sizes = {"channels": 3, "length": 5, "horizon": 4, "targets": 2, "known": 1}
    assert num_parameters(spec.model, Sizes(**sizes)) == net.inference_model.count_params()
    draw = np.random.default_rng(0)
    window, future = (
        draw.normal(size=(2, 5, 3)).astype(np.float32),
        draw.normal(size=(2, 4, 1)).astype(np.float32),
    )
    forecast, rows = net.inference_model({"window": window, "future": future}).numpy(), window
    for step in range(4):
        ahead = future[:, step : step + 1]
        one = net.training_models[0]({"window": rows, "future": ahead}).numpy()
        np.testing.assert_allclose(forecast[:, step], one[:, 0], atol=1e-5)
        rows = np.concatenate([rows[:, 1:], np.concatenate([one, ahead], axis=2)], axis=1)
    assert np.ptp(forecast[0, :, 0]) > 1e-3


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_export_formats__contain_the_autoregressive_loop(tmp_path: Path, form: str) -> None:
    data, spec = three_channels(), experiment("LSTM", more=", dropout: 0.2")
    data = replace(data, num_targets=3) if form == "onnx" else replace(data, num_known=1)
    scaler = Scaler.fit(data, np.array([[0, 20]]), method="standard")
    net = KerasNetwork(spec, build_for(spec, data), scaler)
    windows = Windows(panel=data, origins=np.arange(5, 28, dtype=np.int32), length=5, horizon=4)
    assert exported_error(form, spec, net, windows, tmp_path) <= 1e-6


def test_recursive_strategy__trains_the_same_bits_as_one_step(
    tmp_path: Path, rnnfc: Callable[..., Any]
) -> None:
    """With the same windows and seed the first step has the same bits as a network with horizon 1."""
    weights = []
    for horizon, strategy in ((3, "recursive"), (1, "direct")):
        config = tmp_path / f"{strategy}.yaml"
        config.write_text(
            f"name: {strategy}\nseed: 3\ndata: {SINE}\nsplit: {{test: {15 - horizon}}}\ntrain: {{epochs: 2}}\n"
            f"window: {{length: 6, horizon: {horizon}}}\n"
            f"model: {{kind: stacked, cell: GRU, units: [4], strategy: {strategy}}}\nscale: none\n"
        )
        done = rnnfc("train", config, "--outputs", tmp_path / strategy)
        assert done.code == 0, done.err
        (folder,) = (tmp_path / strategy).iterdir()
        with np.load(folder / "weights.npz") as arrays:
            weights.append([arrays[name] for name in arrays.files])
    for left, right in zip(*weights, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"data": CSV},
            "x.yaml:7: model.strategy: recursive needs the next row of every column, and that of p, q is "
            "neither forecast nor known; leave data.inputs out, or choose direct",
        ),
        (
            {"more": ", linear: {use: path}"},
            "x.yaml:7: model.strategy: recursive forecasts one step at a time and the linear map all steps at once; "
            "leave one of the two out",
        ),
        (
            {"more": ", levels: [0.1, 0.5]"},
            "x.yaml:7: model.strategy: recursive feeds back medians only, so later steps have no quantiles; "
            "leave it or model.levels out",
        ),
    ],
)
def test_recursive_strategy__refuses_what_cannot_be_fed_back(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        experiment(**options)
    assert str(refused.value) == message

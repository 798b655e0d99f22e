"""The ONNX file forecasts what the network forecasts, for every cell and shape that the config offers."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from three_channels import panel

from rnnfc import export
from rnnfc.config import Experiment, from_yaml
from rnnfc.data.panel import Panel
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError, TrainError
from rnnfc.models.network import Network, build, raw_forecaster
from rnnfc.models.stacked import CELLS


def experiment(cell: str, *, model: str = "units: [4]", normalize: str = "none") -> Experiment:
    return from_yaml(
        f"name: t\nseed: 3\ndata: {{kind: sine, points: 50, step: 0.4}}\nsplit: {{test: 9}}\n"
        f"window: {{length: 5, horizon: 4, normalize: {normalize}}}\nmodel: {{kind: stacked, cell: {cell}, {model}}}\n"
        "train: {epochs: 1}\n",
        source="test",
    )


def network(spec: Experiment, data: Panel, *, method: str = "minmax") -> tuple[Network, Windows]:
    scaler = Scaler.fit(data, np.array([[0, 20]]), method=method)
    windows = Windows(panel=data, origins=np.arange(5, 28, dtype=np.int32), length=5, horizon=4)
    return Network(build(spec, channels=3, targets=2), scaler, length=5), windows


def exported(spec: Experiment, net: Network, *, unit: str = "") -> bytes:
    return export.to_onnx(raw_forecaster(spec, net), export.interface(spec, replace(panel(), unit=unit)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("model", "normalize"),
    [("units: [4]", "none"), ("units: [4, 3], bidirectional: [true, false], dropout: 0.2, recurrent_dropout: 0.1", "last")],
)
def test_onnx_forecasts_what_keras_forecasts(monkeypatch: pytest.MonkeyPatch, cell: str, model: str, normalize: str) -> None:
    spec, data = experiment(cell, model=model, normalize=normalize), panel()
    net, windows = network(spec, data)
    reader = export.OnnxNetwork.read(exported(spec, net), source="m.onnx")
    whole = reader.points(windows)
    assert whole.shape == (23, 4, 2)
    assert export.difference(whole, net.points(windows), data) <= 1e-6
    monkeypatch.setattr(export, "_BATCH", 7)
    np.testing.assert_allclose(reader.predict(windows).point, whole, atol=1e-4)


def test_a_series_at_offset_1e9_keeps_its_shape() -> None:
    spec = experiment("GRU")
    net, windows = network(spec, panel())
    far, far_windows = network(spec, panel(offset=1e9))
    reader = export.OnnxNetwork.read(exported(spec, far), source="m.onnx")
    np.testing.assert_allclose(reader.points(far_windows) - 1e9, net.points(windows), atol=1e-3)


@pytest.mark.parametrize("method", ["none", "standard"])
def test_every_scaling_lies_inside_the_file(method: str) -> None:
    spec, data = experiment("LSTM"), panel()
    net, windows = network(spec, data, method=method)
    reader = export.OnnxNetwork.read(exported(spec, net), source="m.onnx")
    assert export.difference(reader.points(windows), net.points(windows), data) <= 1e-6


def test_the_file_says_what_it_takes_and_gives() -> None:
    spec = experiment("SimpleRNN")
    net, _ = network(spec, panel())
    model = onnx.load_model_from_string(exported(spec, net, unit="°C"))
    (given,), (made,) = model.graph.input, model.graph.output
    assert (given.name, made.name) == ("window", "forecast")
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim] == [0, 5, 3]
    assert given.type.tensor_type.elem_type == made.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    assert json.loads({entry.key: entry.value for entry in model.metadata_props}["rnnfc"]) == {
        "experiment": "t",
        "input": {"window": ["n", 5, 3], "channels": ["a", "b", "c"]},
        "output": {"forecast": ["n", 4, 2], "targets": ["a", "b"], "unit": "°C"},
    }


def test_a_difference_is_a_share_of_each_targets_range() -> None:
    data = panel()
    point = np.zeros((2, 4, 2))
    off = point.copy()
    off[1, 3, 1] = 4e-6 * np.ptp(data.values[:, 1])
    assert export.difference(point, off, data) == pytest.approx(4e-6, rel=1e-9)


@pytest.mark.parametrize("off", [1.1e-5, float("nan")])
def test_a_file_that_differs_too_much_is_not_published(off: float) -> None:
    data = replace(panel(), values=np.ones((31, 3)))  # a range of zero counts as one
    with pytest.raises(TrainError, match=r"differ from the network's by (1\.1e-05|nan) of the data's range, at most 1e-05"):
        export.difference(np.full((1, 4, 2), off), np.zeros((1, 4, 2)), data)


def test_another_model_is_refused() -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, [1]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(RunError, match="not a model from 'window' to 'forecast'"):
        export.OnnxNetwork.read(model.SerializeToString(), source="m.onnx")

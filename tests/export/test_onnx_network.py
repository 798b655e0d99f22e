"""The ONNX file: its metadata, its reader, and the parity error against the network it was made from."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from factories import make_windows, three_channels, train_rows

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError, TrainError
from rnnfc.export import parity
from rnnfc.export.interface import interface
from rnnfc.export.onnx_network import OnnxNetwork
from rnnfc.export.parity import parity_error
from rnnfc.networks.build import build
from rnnfc.training.keras_engine import KerasNetwork

# Method, transform, by.
TRANSFORMED = [
    ("none", "log", "series"),
    ("minmax", "log", "series"),
    ("standard", "box_cox", "series"),
    ("minmax", "box_cox", "all"),
]


def experiment(
    cell: str, *, model: str = "units: [4]", normalize: str = "none", scale: str = "minmax"
) -> Experiment:
    return from_yaml(
        f"name: t\nseed: 3\ndata: {{kind: sine, points: 50, step: 0.4}}\nsplit: {{test: 9}}\nscale: {scale}\n"
        f"window: {{length: 5, horizon: 4, normalize: {normalize}}}\nmodel: {{kind: stacked, cell: {cell}, {model}}}\n"
        "train: {epochs: 1}\n",
        source="test",
    )


def network(spec: Experiment, data: Panel) -> tuple[KerasNetwork, Windows]:
    scaler = Scaler.fit(data, train_rows(data), **spec.scale.model_dump())
    return KerasNetwork(spec, build(spec, channels=3, targets=2), scaler), make_windows(data)


def exported(spec: Experiment, net: KerasNetwork, data: Panel | None = None) -> bytes:
    return net.to_onnx(interface(spec, data or three_channels(), net.scaler))


def test_onnx_network__forecasts_the_same_whatever_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = experiment("LSTM")
    net, windows = network(spec, three_channels())
    reader = OnnxNetwork.read(exported(spec, net), source="m.onnx")
    whole = reader.outputs(windows)["forecast"]
    monkeypatch.setattr(parity, "_BATCH", 7)
    np.testing.assert_allclose(reader.predict(windows).point, whole, atol=1e-4)


def test_onnx_network__keeps_the_shape_of_a_series_at_offset_1e9() -> None:
    spec = experiment("GRU")
    net, windows = network(spec, three_channels())
    far, far_windows = network(spec, three_channels(offset=1e9))
    reader = OnnxNetwork.read(exported(spec, far), source="m.onnx")
    np.testing.assert_allclose(
        reader.outputs(far_windows)["forecast"] - 1e9, net.outputs(windows)["forecast"], atol=1e-3
    )


@pytest.mark.parametrize("lengths", [(31,), (31, 23, 26)], ids=["one", "many"])
@pytest.mark.parametrize(
    "scale",
    ["none", "standard", *(f"{{method: {m}, transform: {t}, by: {b}}}" for m, t, b in TRANSFORMED)],
)
def test_onnx_network__contains_every_kind_of_scaling(scale: str, lengths: tuple[int, ...]) -> None:
    spec, data = experiment("LSTM", scale=scale), three_channels(lengths=lengths, positive=True)
    net, windows = network(spec, data)
    by_series = len(lengths) > 1 and "none" not in scale and "by: all" not in scale
    assert net.scaler.by_series == by_series
    reader = OnnxNetwork.read(exported(spec, net, data), source="m.onnx")
    assert reader.outputs(windows)["forecast"].shape == ({1: 23, 3: 56}[len(lengths)], 4, 2)
    assert parity_error(reader.outputs(windows), net.outputs(windows), windows, net.scaler) <= 1e-6


def test_onnx_network__box_cox_squares_thousands() -> None:
    """The branch of `where` that is dropped would be infinite: exp(500,000)."""
    spec, data = (
        experiment("LSTM", scale="{method: standard, transform: box_cox}"),
        three_channels(positive=True),
    )
    skewed = data.with_values(1000 - data.values)  # a long lower tail: powers above 1
    net, windows = network(spec, skewed)
    assert net.scaler.power is not None
    assert net.scaler.power.min() > 1
    outputs = OnnxNetwork.read(exported(spec, net), source="m.onnx").outputs(windows)
    assert parity_error(outputs, net.outputs(windows), windows, net.scaler) <= 5e-7


@pytest.mark.parametrize("lengths", [(31,), (31, 23)], ids=["one", "many"])
def test_onnx_network__logarithms_of_a_narrow_range_are_doubles(lengths: tuple[int, ...]) -> None:
    spec = experiment("LSTM", scale="{method: minmax, transform: log}")
    data = three_channels(lengths=lengths, positive=True)
    narrow = data.with_values(4000 + 0.01 * data.values)
    net, windows = network(spec, narrow)
    content = exported(spec, net, narrow)
    outputs = OnnxNetwork.read(content, source="m.onnx").outputs(windows)
    assert parity_error(outputs, net.outputs(windows), windows, net.scaler) <= 5e-7
    graph = onnx.load_model_from_string(content).graph
    (logarithm,) = [node for node in graph.node if node.op_type == "Log"]
    assert not [node for node in graph.node if node.op_type == "Cast" and logarithm.output[0] in node.input]


def test_onnx_network__reads_the_series_index_if_series_have_their_own_scale() -> None:
    spec, data = experiment("GRU"), three_channels(lengths=(31, 23, 26))
    net, windows = network(spec, data)
    content = exported(spec, net, data)
    model = onnx.load_model_from_string(content)
    assert [value.name for value in model.graph.input] == ["window", "series"]
    assert model.graph.input[1].type.tensor_type.elem_type == onnx.TensorProto.INT64
    facts = json.loads({entry.key: entry.value for entry in model.metadata_props}["rnnfc"])
    assert facts["input"] == {
        "window": ["n", 5, 3],
        "channels": ["a", "b", "c"],
        "series": ["n"],
        "series_names": ["s", "t", "u"],
    }
    reader, one = OnnxNetwork.read(content, source="m.onnx"), windows.inputs(slice(30, 31))
    right, wrong = (
        reader.infer({"window": one, "series": np.array([series])})["forecast"] for series in (1, 2)
    )
    np.testing.assert_allclose(right, net.outputs(windows)["forecast"][30:31], rtol=1e-5)
    assert np.abs(wrong).max() > 100 * np.abs(right).max()


def test_onnx_metadata__documents_inputs_and_outputs() -> None:
    spec = experiment("SimpleRNN")
    net, _ = network(spec, three_channels())
    model = onnx.load_model_from_string(exported(spec, net, replace(three_channels(), unit="°C")))
    (given,), (made,) = model.graph.input, model.graph.output
    assert (given.name, made.name) == ("window", "forecast")
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim] == [0, 5, 3]
    assert given.type.tensor_type.elem_type == made.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    assert json.loads({entry.key: entry.value for entry in model.metadata_props}["rnnfc"]) == {
        "experiment": "t",
        "input": {"window": ["n", 5, 3], "channels": ["a", "b", "c"]},
        "output": {"forecast": ["n", 4, 2], "targets": ["a", "b"], "unit": "°C"},
    }


def test_parity_error__is_a_share_of_the_range_of_each_target() -> None:
    data = three_channels()
    windows, scaler = make_windows(data), Scaler.fit(data, train_rows(data), method="minmax")
    point = np.zeros((23, 4, 2))
    off = point.copy()
    off[1, 3, 1] = 4e-6 * np.ptp(data.values[:, 1])
    assert parity_error({"forecast": point}, {"forecast": off}, windows, scaler) == pytest.approx(
        4e-6, rel=1e-9
    )


def test_parity_error__is_a_share_of_the_range_of_each_series_with_its_own_scale() -> None:
    data = three_channels(lengths=(31, 23, 26))
    data = data.with_values(np.where(np.arange(80)[:, None] < 54, data.values, 7.0))  # the third is constant
    windows = make_windows(data)
    each, every = (Scaler.fit(data, train_rows(data), method="standard", by=by) for by in ("series", "all"))
    point = np.zeros((56, 4, 2))
    for window, (first, end) in ((0, (0, 31)), (23, (31, 54))):
        off = point.copy()
        off[window, 3, 1] = 4e-6 * np.ptp(data.values[first:end, 1])
        assert parity_error({"forecast": point}, {"forecast": off}, windows, each) == pytest.approx(
            4e-6, rel=1e-9
        )
    off = point.copy()
    off[-1, 0, 0] = 4e-6
    assert parity_error({"forecast": point}, {"forecast": off}, windows, each) == pytest.approx(
        4e-6, rel=1e-9
    )
    assert parity_error({"forecast": point}, {"forecast": off}, windows, every) < 4e-8


@pytest.mark.parametrize("off", [1.1e-5, float("nan")])
def test_parity_error__refuses_what_exceeds_the_limit(off: float) -> None:
    data = replace(three_channels(), values=np.ones((31, 3)))  # a range of zero counts as one
    windows, scaler = (
        make_windows(data),
        Scaler.fit(three_channels(), train_rows(data), method="minmax"),
    )
    with pytest.raises(
        TrainError,
        match=r"differ from the network's by (1\.1e-05|nan) of the data's range; the limit is 1e-05",
    ):
        parity_error(
            {"forecast": np.full((23, 4, 2), off)}, {"forecast": np.zeros((23, 4, 2))}, windows, scaler
        )


def test_parity_error__includes_quantiles() -> None:
    data = three_channels()
    windows, scaler = make_windows(data), Scaler.fit(data, train_rows(data), method="standard")
    made, off = ({"forecast": np.zeros((23, 4, 2)), "quantiles": np.zeros((23, 4, 2, 3))} for _ in range(2))
    off["quantiles"][1, 3, 1, 2] = 4e-6 * np.ptp(data.values[:, 1])
    assert parity_error(made, off, windows, scaler) == pytest.approx(4e-6, rel=1e-9)


def test_onnx_network__refuses_a_file_with_other_levels() -> None:
    spec = experiment("GRU", model="units: [4], levels: [0.2, 0.5, 0.9]")
    content = exported(spec, network(spec, three_channels())[0])
    (facts,) = onnx.load_model_from_string(content).metadata_props
    assert json.loads(facts.value)["output"] == {
        "forecast": ["n", 4, 2],
        "quantiles": ["n", 4, 2, 3],
        "levels": [0.2, 0.5, 0.9],
        "targets": ["a", "b"],
        "unit": "",
    }
    with pytest.raises(
        RunError,
        match=r"^m\.onnx: not a model from 'window' to 'forecast'; the run is damaged, train it again$",
    ):
        OnnxNetwork.read(content, source="m.onnx")
    other = OnnxNetwork.read(content, source="m.onnx", levels=(0.4, 0.5))
    text = r"^m\.onnx: its quantiles is float64\[23, 4, 2, 3\], the run's windows need float64\[23, 4, 2, 2\]; the run is damaged"
    with pytest.raises(RunError, match=text):
        other.outputs(network(spec, three_channels())[1])


def test_onnx_network__refuses_a_model_of_another_tool() -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, [1]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(RunError, match="not a model from 'window' to 'forecast'"):
        OnnxNetwork.read(model.SerializeToString(), source="m.onnx")

"""The NumPy network as an ONNX graph, written node by node; importing onnx starts no TensorFlow."""

import json
from typing import Any

import numpy as np

from rnnfc.data.scale import Scaler
from rnnfc.export import FORECAST, OPSET, WINDOW
from rnnfc.models.scratch import Weights

# The format of the file itself, as old as the operator set.
_IR_VERSION = 9
_OPERATORS = {"tanh": "Tanh", "sigmoid": "Sigmoid"}


def to_onnx(
    weights: Weights, scaler: Scaler, facts: dict[str, Any], *, activation: str, around_last: bool, length: int, horizon: int
) -> bytes:
    """The bytes of an .onnx file, raw window[n, length, channel] -> raw forecast[n, horizon, target], of one series.

    Both and the scaling are float64, the network is float32, as in `export.to_onnx`; `facts` go into the metadata as JSON.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    U, W, b, V, c = (array.astype(np.float32) for array in weights)
    center, scale = scaler.center[0], scaler.scale[0]
    channels, targets = len(center), len(c) // horizon
    constants = {
        "center": center, "scale": scale, "target_center": center[:targets], "target_scale": scale[:targets],
        "U": U.T[None], "W": W.T[None], "b": np.concatenate([b, 0 * b])[None], "V": V, "c": c,
        "zero": np.array([0]), "one": np.array([1]), "two": np.array([2]), "minus_one": np.array([-1]),
        "end": np.array([length]), "targets": np.array([targets]), "shape": np.array([-1, horizon, targets]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Sub", [WINDOW, "center"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        *_network_nodes(around_last, hidden_size=len(b), activations=[_OPERATORS[activation]]),
        helper.make_node("Mul", ["scaled_forecast", "target_scale"], ["spread"]),
        helper.make_node("Add", ["spread", "target_center"], [FORECAST]),
    ]
    ends: dict[str, list[str | int | None]] = {WINDOW: ["n", length, channels], FORECAST: ["n", horizon, targets]}
    given, made = (helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape) for name, shape in ends.items())
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "scratch", [given], [made], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, {"rnnfc": json.dumps(facts, ensure_ascii=False)})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _network_nodes(around_last: bool, **recurrence: Any) -> list[Any]:
    """From `scaled` windows to the `scaled_forecast`, both float64."""
    from onnx import TensorProto
    from onnx.helper import make_node

    network = [
        make_node("Cast", ["seen"], ["seen32"], to=TensorProto.FLOAT),
        make_node("Transpose", ["seen32"], ["steps"], perm=[1, 0, 2]),  # [n, T, C] -> [T, n, C]
        make_node("RNN", ["steps", "U", "W", "b"], ["", "s"], **recurrence),
        make_node("Squeeze", ["s", "zero"], ["state"]),  # [1, n, H] -> [n, H]
        make_node("Gemm", ["state", "V", "c"], ["y"]),
        make_node("Reshape", ["y", "shape"], ["y_by_step"]),  # [n, Q] -> [n, horizon, target]
        make_node("Cast", ["y_by_step"], ["forecast_seen"], to=TensorProto.DOUBLE),
    ]
    if not around_last:
        same = [make_node("Identity", *ends) for ends in ((["scaled"], ["seen"]), (["forecast_seen"], ["scaled_forecast"]))]
        return [same[0], *network, same[1]]
    return [
        make_node("Slice", ["scaled", "minus_one", "end", "one"], ["last"]),  # [n, 1, C]
        make_node("Sub", ["scaled", "last"], ["seen"]),
        *network,
        make_node("Slice", ["last", "zero", "targets", "two"], ["level"]),  # [n, 1, target]
        make_node("Add", ["forecast_seen", "level"], ["scaled_forecast"]),
    ]

"""The NumPy network as an ONNX graph, written node by node; importing onnx starts no TensorFlow."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rnnfc.data.scaler import Scaler
from rnnfc.export.interface import OPSET
from rnnfc.networks.tensors import FORECAST, SERIES, WINDOW
from rnnfc.numpy_rnn.network import Weights
from rnnfc.plain import Array

if TYPE_CHECKING:
    import onnx

# The format of the file itself, as old as the operator set.
_IR_VERSION = 9
_OPERATORS = {"tanh": "Tanh", "sigmoid": "Sigmoid"}


def to_onnx(
    weights: Weights,
    scaler: Scaler,
    interface: Mapping[str, object],
    *,
    activation: str,
    subtracts_last: bool,
    length: int,
    horizon: int,
) -> bytes:
    """The bytes of an .onnx file: window[n, length, channel] -> forecast[n, horizon, target], both in data units.

    Both and the scaling are float64, the network is float32; `interface` becomes the metadata, as JSON. If each series has a
    scale of its own, the index of each window's series is a second input.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    U, W, b, V, c = (array.astype(np.float32) for array in weights)
    channels, targets = scaler.center.shape[1], len(c) // horizon
    scaling, gather_nodes = _scaling(scaler, targets=targets)
    inputs = [helper.make_tensor_value_info(WINDOW, TensorProto.DOUBLE, ["n", length, channels])]
    if gather_nodes:
        inputs.append(helper.make_tensor_value_info(SERIES, TensorProto.INT64, ["n"]))
    constants = {
        **scaling,
        "U": U.T[None], "W": W.T[None], "b": np.concatenate([b, 0 * b])[None], "V": V, "c": c,
        "zero": np.array([0]), "one": np.array([1]), "two": np.array([2]), "minus_one": np.array([-1]),
        "end": np.array([length]), "targets": np.array([targets]), "shape": np.array([-1, horizon, targets]),
    }  # fmt: skip
    nodes = [
        *gather_nodes,
        helper.make_node("Sub", [WINDOW, "center"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        *_network_nodes(activation=activation, units=len(b), subtracts_last=subtracts_last),
        helper.make_node("Mul", ["scaled_forecast", "target_scale"], ["unscaled"]),
        helper.make_node("Add", ["unscaled", "target_center"], [FORECAST]),
    ]
    output = helper.make_tensor_value_info(FORECAST, TensorProto.DOUBLE, ["n", horizon, targets])
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "scratch", inputs, [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, {"rnnfc": json.dumps(interface, ensure_ascii=False)})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _scaling(scaler: Scaler, *, targets: int) -> tuple[dict[str, Array], list["onnx.NodeProto"]]:
    """The scaler's numbers [1, 1, channel]; or those of each series [series, 1, channel], and nodes that gather a window's."""
    from onnx.helper import make_node

    numbers = {"center": scaler.center[:, None], "scale": scaler.scale[:, None]}
    numbers |= {f"target_{name}": array[..., :targets] for name, array in numbers.items()}
    if not scaler.by_series:
        return {name: array[:1] for name, array in numbers.items()}, []
    nodes = [make_node("Gather", [f"{name}_of_series", SERIES], [name], axis=0) for name in numbers]
    return {f"{name}_of_series": array for name, array in numbers.items()}, nodes


def _network_nodes(*, activation: str, units: int, subtracts_last: bool) -> list["onnx.NodeProto"]:
    """From the tensor `scaled` to `scaled_forecast`, both float64."""
    from onnx import TensorProto
    from onnx.helper import make_node

    network = [
        make_node("Cast", ["relative"], ["relative32"], to=TensorProto.FLOAT),
        make_node("Transpose", ["relative32"], ["steps"], perm=[1, 0, 2]),  # [n, T, C] -> [T, n, C]
        make_node(
            "RNN",
            ["steps", "U", "W", "b"],
            ["", "s"],
            hidden_size=units,
            activations=[_OPERATORS[activation]],
        ),
        make_node("Squeeze", ["s", "zero"], ["state"]),  # [1, n, H] -> [n, H]
        make_node("Gemm", ["state", "V", "c"], ["y"]),
        make_node("Reshape", ["y", "shape"], ["y_by_step"]),  # [n, Q] -> [n, horizon, target]
        make_node("Cast", ["y_by_step"], ["relative_forecast"], to=TensorProto.DOUBLE),
    ]
    if not subtracts_last:
        first = make_node("Identity", ["scaled"], ["relative"])
        return [first, *network, make_node("Identity", ["relative_forecast"], ["scaled_forecast"])]
    return [
        make_node("Slice", ["scaled", "minus_one", "end", "one"], ["last"]),  # [n, 1, C]
        make_node("Sub", ["scaled", "last"], ["relative"]),
        *network,
        make_node("Slice", ["last", "zero", "targets", "two"], ["level"]),  # [n, 1, target]
        make_node("Add", ["relative_forecast", "level"], ["scaled_forecast"]),
    ]

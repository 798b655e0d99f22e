#!/usr/bin/env bash
# OpenVINO 2026.4.1: an LSTM whose input and forget gates are coupled (input_forget=1) is computed as an ordinary LSTM.
#
# Expected: forget = 1 - input, as ONNX says and ONNX Runtime does; or a refusal, as for activations that OpenVINO does not know.
# Seen: the states of the network with its own forget gate, without a message.
#
# Output seen with openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 on Python 3.11:
#   coupled: OpenVINO [-0.36327028  0.01187014 -0.21586095]   ONNX Runtime [-0.30521688  0.01039767 -0.12716413]
#   ordinary: ONNX Runtime [-0.36327028  0.01187014 -0.21586093]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
from onnx import TensorProto
from onnx import helper as h
from onnx import numpy_helper as nh

units, length, random = 3, 5, np.random.default_rng(0)
shapes = {"W": (1, 4 * units, 2), "R": (1, 4 * units, units), "B": (1, 8 * units)}
weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
x = random.normal(size=(length, 2, 2)).astype(np.float32)


def lstm(constants=(), names=(), **attributes):
    node = h.make_node("LSTM", ["x", *weights, *names], ["", "last"], hidden_size=units, **attributes)
    inputs = [h.make_tensor_value_info("x", TensorProto.FLOAT, [length, 2, 2])]
    last = [h.make_tensor_value_info("last", TensorProto.FLOAT, [1, 2, units])]
    constants = [nh.from_array(value, name) for name, value in weights.items()] + list(constants)
    graph = h.make_graph([node], "lstm", inputs, last, constants)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def in_openvino(model):
    core = ov.Core()
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([x])[0]


def in_ort(model):
    return ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]


coupled, plain = lstm(input_forget=1), lstm()
mine, right, ordinary = in_openvino(coupled), in_ort(coupled), in_ort(plain)
print(f"coupled: OpenVINO {mine[0, 0]}   ONNX Runtime {right[0, 0]}   ordinary: ONNX Runtime {ordinary[0, 0]}")
sys.exit(not (np.allclose(mine, ordinary, atol=1e-5) and np.abs(mine - right).max() > 0.01))
PYTHON

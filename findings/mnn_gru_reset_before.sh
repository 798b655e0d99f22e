#!/usr/bin/env bash
# MNN 3.6.1: a GRU in ONNX's default form (linear_before_reset=0, the reset gate acts on the state before its matrix) is computed wrong.
#
# Expected: the state of ONNX Runtime and of the equations in the operator's text.
# Seen: a state of the right size that is 0.01 to 0.02 off after four rows, and no message; with linear_before_reset=1, the form of cuDNN and
# Keras, the two agree.
#
# Output seen with MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 on Python 3.11:
#   reset 0: MNN -0.5079 0.3602   ONNX Runtime -0.5178 0.3373   by hand -0.5178 0.3373   reset 1: MNN -0.3848 0.3175   ONNX Runtime -0.3848 0.3175
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check MNN==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import sys
import tempfile

import _tools
import MNN.expr as mnn
import numpy as np
import onnx
import onnxruntime as ort
from MNN import nn
from onnx import TensorProto
from onnx import helper as h
from onnx import numpy_helper as nh

units, length, random = 2, 4, np.random.default_rng(0)
shapes = {"W": (1, 3 * units, 1), "R": (1, 3 * units, units), "B": (1, 6 * units)}
weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
x = random.normal(size=(length, 1, 1)).astype(np.float32)


def gru(outputs, **attributes):
    node = h.make_node("GRU", ["x", *weights], outputs, hidden_size=units, **attributes)
    inputs = [h.make_tensor_value_info("x", TensorProto.FLOAT, [length, 1, 1])]
    last = [h.make_tensor_value_info("last", TensorProto.FLOAT, [1, 1, units])]
    graph = h.make_graph([node], "gru", inputs, last, [nh.from_array(value, name) for name, value in weights.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def in_mnn(model):
    folder = tempfile.mkdtemp(dir=os.environ["FOLDER"])
    source, target = f"{folder}/gru.onnx", f"{folder}/gru.mnn"
    with open(source, "wb") as file:
        file.write(model)
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "x"])
    network = nn.load_module_from_file(target, ["x"], ["last"])
    (output,) = network.onForward([mnn.const(x.tobytes(), list(x.shape), mnn.NCHW)])
    return np.array(output.read()).reshape(output.shape)


def in_ort(model):
    return ort.InferenceSession(model).run(None, {"x": x})[0]


def shown(value):
    return " ".join(f"{number:.4f}" for number in value.ravel())


def by_hand():
    state = np.zeros(units)
    input_bias, state_bias = weights["B"][0].reshape(2, 3, units)
    for row in x[:, 0]:
        from_input = (row @ weights["W"][0].T).reshape(3, units) + input_bias
        from_state = (state @ weights["R"][0].T).reshape(3, units) + state_bias
        update, reset = 1 / (1 + np.exp(-(from_input[:2] + from_state[:2])))
        new = np.tanh(from_input[2] + (reset * state) @ weights["R"][0][2 * units :].T + state_bias[2])
        state = (1 - update) * new + update * state
    return state


models = [gru(["states", "last"], linear_before_reset=form) for form in (0, 1)]
(mine, right), (mine_after, right_after) = [(in_mnn(model), in_ort(model)) for model in models]
print(
    f"reset 0: MNN {shown(mine)}   ONNX Runtime {shown(right)}   by hand {shown(by_hand())}   "
    f"reset 1: MNN {shown(mine_after)}   ONNX Runtime {shown(right_after)}"
)
is_right = np.allclose(right.ravel(), by_hand(), atol=1e-6) and np.allclose(mine_after, right_after, atol=1e-4)
sys.exit(not (is_right and np.abs(mine - right).max() > 0.005))
PYTHON

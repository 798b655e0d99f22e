#!/usr/bin/env bash
# MNN 3.6.1: a GRU with direction "reverse" is computed forwards.
#
# Expected: the state of ONNX Runtime, which begins at the last row; or a refusal.
# Seen: the state of the forward network, without a message. A bidirectional GRU is computed rightly; a reverse RNN is computed forwards too.
#
# Output seen with MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 on Python 3.11:
#   reverse: MNN -0.3848 0.3175   ONNX Runtime -0.2920 0.2669   forward: MNN -0.3848 0.3175   ONNX Runtime -0.3848 0.3175
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


models = {name: gru(["states", "last"], linear_before_reset=1, direction=name) for name in ("reverse", "forward")}
seen = {name: (in_mnn(model), in_ort(model)) for name, model in models.items()}
print(*(f"{name}: MNN {shown(mine)}   ONNX Runtime {shown(right)}" for name, (mine, right) in seen.items()), sep="   ")
same = {name: np.allclose(mine, right, atol=1e-4) for name, (mine, right) in seen.items()}
sys.exit(not (same == {"reverse": False, "forward": True} and np.allclose(seen["reverse"][0], seen["forward"][0], atol=1e-6)))
PYTHON

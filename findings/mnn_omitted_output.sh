#!/usr/bin/env bash
# MNN 3.6.1: where the states of all rows are left out of a GRU's outputs, its last state is answered with the states of all rows.
#
# Expected: an operator written with the outputs "" and last, as ONNX leaves out what nobody reads, gives the last state [1, batch, units].
# Seen: the output called last has the shape [4, 1, 1, 2] for four rows; its first values are the state after the first row. With both outputs
# named it gives the last state.
#
# Output seen with MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 on Python 3.11:
#   omitted: MNN [4, 1, 1, 2] -0.0476 0.0251 ...   ONNX Runtime [1, 1, 2] -0.3848 0.3175   named: MNN -0.3848 0.3175
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


omitted, named = gru(["", "last"], linear_before_reset=1), gru(["states", "last"], linear_before_reset=1)
mine, mine_named, right = in_mnn(omitted), in_mnn(named), in_ort(omitted)
print(
    f"omitted: MNN {list(mine.shape)} {shown(mine.ravel()[:units])} ...   ONNX Runtime {list(right.shape)} {shown(right)}   "
    f"named: MNN {shown(mine_named)}"
)
sys.exit(not (mine.size == length * units and right.size == units and np.allclose(mine_named.ravel(), right.ravel(), atol=1e-4)))
PYTHON

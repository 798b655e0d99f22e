#!/usr/bin/env bash
# onnx 1.23.2: its reference evaluator computes every LSTM and GRU with sigmoid and tanh, whatever activations the operator names.
#
# Expected: the evaluator that defines the operators applies the attribute activations, or refuses it as it does for the operator RNN
# ("Unknown activation function").
# Seen: an LSTM with relu in place of tanh has exactly the states of one with tanh. A comparison of a runtime with the reference blames the runtime.
#
# Output seen with onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 on Python 3.11:
#   largest difference of reference and ONNX Runtime: relu 0.448   reference with relu, runtime with tanh 6.0e-08   tanh 6.0e-08
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto
from onnx import helper as h
from onnx import numpy_helper as nh
from onnx.reference import ReferenceEvaluator

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


def largest(model, other):
    reference = ReferenceEvaluator(model).run(None, {"x": x})[0]
    return float(np.abs(reference - ort.InferenceSession(other.SerializeToString()).run(None, {"x": x})[0]).max())


relu, tanh = lstm(activations=["Sigmoid", "Relu", "Relu"]), lstm()
seen = largest(relu, relu), largest(relu, tanh), largest(tanh, tanh)
print("largest difference of reference and ONNX Runtime: relu {:.3f}   reference with relu, runtime with tanh {:.1e}   tanh {:.1e}".format(*seen))
sys.exit(not (seen[0] > 0.1 and max(seen[1:]) < 1e-5))
PYTHON

#!/usr/bin/env bash
# onnx 1.23.2: its reference evaluator reads every row of every sequence, whatever sequence_lens says.
#
# Expected: the last state of a sequence of three rows in a batch padded to five is that after its third row, as in ONNX Runtime and OpenVINO.
# Seen: the state after five rows, padding included, and no message; for LSTM, GRU and RNN.
#
# Output seen with onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 on Python 3.11:
#   difference for three rows 0.321, for five 6.0e-08   reference without lengths 0.0e+00
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


def last_states(model):
    runtime = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0][0]
    return ReferenceEvaluator(model).run(None, {"x": x})[0][0], runtime


padded = lstm([nh.from_array(np.array([3, 5], dtype=np.int32), "rows")], ["rows"])
reference, runtime = last_states(padded)
difference = np.abs(reference - runtime).max(axis=1)
all_rows = last_states(lstm())[0]
print(f"difference for three rows {difference[0]:.3f}, for five {difference[1]:.1e}   reference without lengths {np.abs(reference - all_rows).max():.1e}")
sys.exit(not (difference[0] > 0.01 and difference[1] < 1e-5 and np.array_equal(reference, all_rows)))
PYTHON

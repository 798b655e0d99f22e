"""Write a Keras network as ONNX with tf2onnx."""

import json
import logging
import warnings
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from rnnfc.data.scaler import Scaler
from rnnfc.export.interface import OPSET, Interface
from rnnfc.export.tf_function import serving_function
from rnnfc.networks.backend import keras

if TYPE_CHECKING:
    import onnx


def keras_to_onnx(
    model: keras.Model, interface: Interface, *, scaler: Scaler, levels: tuple[float, ...]
) -> bytes:
    """The bytes of an .onnx file with a dynamic number of windows; its metadata holds `interface` as JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx 1.17 uses names that NumPy and protobuf have deprecated
        # It logs a rewriting step that fails as an error and goes on without it; the parity check judges the result.
        logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
        import onnx
        import tf2onnx

        serve = serving_function(model, interface, scaler=scaler, levels=levels)
        model, _ = tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=OPSET)
    if _needs_double_logarithms(scaler):
        _take_logarithms_in_double(model.graph)
    onnx.helper.set_model_props(model, {"rnnfc": json.dumps(interface, ensure_ascii=False)})
    return bytes(model.SerializeToString())


def _needs_double_logarithms(scaler: Scaler) -> bool:
    """Whether float32 keeps fewer than a million distinct logarithms in the training range of a target of some series."""
    if scaler.power is None:
        return False
    low, high = (np.log(edge[:, : scaler.power.shape[-1]]) for edge in (scaler.low, scaler.high))
    spacing = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32))
    return bool((spacing > 1e-6 * np.where(low < high, high - low, 1.0)).any())


def _take_logarithms_in_double(graph: "onnx.GraphProto") -> None:
    """Remove the casts to float32 and back around each logarithm of doubles.

    tf2onnx 1.17 adds them for runtimes that had no such operator. In float32 a series around 4,000 that moves by 1 % keeps
    10,000 distinct logarithms.
    """
    producers = {output: node for node in graph.node for output in node.output}
    readers = Counter(name for node in graph.node for name in node.input)
    for widen in [node for node in graph.node if node.op_type == "Cast"]:
        logarithm = producers.get(widen.input[0])
        if logarithm is None or logarithm.op_type != "Log":
            continue
        narrow = producers.get(logarithm.input[0])
        if narrow is None or narrow.op_type != "Cast" or readers[narrow.output[0]] > 1:
            continue
        logarithm.input[0], logarithm.output[0] = narrow.input[0], widen.output[0]
        graph.node.remove(narrow)
        graph.node.remove(widen)

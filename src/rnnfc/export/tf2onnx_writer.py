"""Write a Keras network as ONNX with tf2onnx."""

import json
import logging
import warnings

from rnnfc.data.scaler import Scaler
from rnnfc.export.interface import OPSET, Interface
from rnnfc.export.tf_function import serving_function
from rnnfc.networks.backend import keras


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
    onnx.helper.set_model_props(model, {"rnnfc": json.dumps(interface, ensure_ascii=False)})
    return bytes(model.SerializeToString())

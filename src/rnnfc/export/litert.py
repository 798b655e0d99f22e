"""LiteRT, formerly TensorFlow Lite: a file for small devices, which computes in float32."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from rnnfc.export.format import ExportFormat

if TYPE_CHECKING:
    from rnnfc.export.format import ExportableNetwork
    from rnnfc.export.interface import Interface
    from rnnfc.networks.tensors import InferenceFunction, Inputs, Outputs


def save(network: ExportableNetwork, interface: Interface, path: Path) -> None:
    """Write a .tflite file."""
    from rnnfc.export.tf_function import serving_function
    from rnnfc.networks.backend import quiet_stderr, tf
    from rnnfc.networks.net import plain_loops

    net = network.inference_copy()
    # A module that also held the model would be written with variables that nothing initializes.
    module = tf.Module()
    module.serve = serving_function(
        net.inference_model, interface, scaler=network.scaler, levels=network.levels, dtype="float32"
    )
    with plain_loops(net, unroll=True):  # LiteRT has no loops over lists of tensors
        traced = module.serve.get_concrete_function()
    with quiet_stderr():
        path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], module).convert())


def read(path: Path, levels: tuple[float, ...]) -> InferenceFunction:  # noqa: ARG001  ranks tell the outputs apart
    """The network in a .tflite file."""
    from rnnfc.networks.backend import quiet_stderr, tf
    from rnnfc.networks.tensors import FORECAST, QUANTILES

    with warnings.catch_warnings(), quiet_stderr():
        # Its successor, in a package of its own, reads the same files.
        warnings.filterwarnings(
            "ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated", category=UserWarning
        )
        interpreter = tf.lite.Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
    # An input tensor is called serving_default_window:0, an output tensor has no name of ours.
    input_tensors = {
        tensor["name"].split(":")[0].removeprefix("serving_default_"): tensor
        for tensor in interpreter.get_input_details()
    }
    output_tensors = interpreter.get_output_details()

    def infer(inputs: Inputs) -> Outputs:
        for name, tensor in input_tensors.items():
            interpreter.resize_tensor_input(tensor["index"], inputs[name].shape)
        interpreter.allocate_tensors()
        for name, tensor in input_tensors.items():
            interpreter.set_tensor(tensor["index"], inputs[name].astype(tensor["dtype"]))
        interpreter.invoke()
        arrays = [interpreter.get_tensor(tensor["index"]).astype("float64") for tensor in output_tensors]
        return {FORECAST if array.ndim == 3 else QUANTILES: array for array in arrays}

    return infer


EXPORT_FORMAT = ExportFormat(
    suffix=".tflite",
    readers="LiteRT on small devices",
    save=save,
    read=read,
    dtype="float32",
    hint="LiteRT computes in float32, which keeps about seven digits: too few for a series this far from zero; choose another "
    "--format",
    max_unrolled_steps=1_000,  # 100 take about 10 s to convert
)

"""SavedModel: a folder for TensorFlow and TensorFlow Serving."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rnnfc.export.format import ExportFormat

if TYPE_CHECKING:
    from rnnfc.export.format import ExportableNetwork
    from rnnfc.export.interface import Interface
    from rnnfc.networks.tensors import InferenceFunction, Inputs, Outputs

_SIGNATURE = "serving_default"


def save(network: ExportableNetwork, interface: Interface, path: Path) -> None:
    """Write a folder with one signature.

    Raises:
        OSError: the disk is full.
    """
    from rnnfc.export.tf_function import serving_function
    from rnnfc.networks.backend import tf

    module = tf.Module()
    module.model = network.inference_copy().inference_model  # its variables are saved with the module
    module.serve = serving_function(module.model, interface, scaler=network.scaler, levels=network.levels)
    signatures = {_SIGNATURE: module.serve.get_concrete_function()}
    try:
        tf.saved_model.save(module, str(path), signatures=signatures)
    except (tf.errors.ResourceExhaustedError, tf.errors.OutOfRangeError) as error:  # ENOSPC and EFBIG
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def read(path: Path, levels: tuple[float, ...]) -> InferenceFunction:  # noqa: ARG001  the outputs are named
    """The network in a folder."""
    from rnnfc.networks.backend import tf

    loaded = tf.saved_model.load(str(path))

    def infer(inputs: Inputs) -> Outputs:
        serve = loaded.signatures[_SIGNATURE]  # which does not keep what was loaded alive
        names = serve.structured_input_signature[1]
        outputs = serve(**{name: tf.constant(inputs[name]) for name in names})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return infer


EXPORT_FORMAT = ExportFormat(suffix="", readers="TensorFlow and TensorFlow Serving", save=save, read=read)

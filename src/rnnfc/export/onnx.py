"""ONNX: the file that every run has, written by the engine of its network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnnfc.export.format import ExportFormat

if TYPE_CHECKING:
    from rnnfc.export.format import ExportableNetwork
    from rnnfc.export.interface import Interface
    from rnnfc.networks.tensors import InferenceFunction


def save(network: ExportableNetwork, interface: Interface, path: Path) -> None:
    """Write an .onnx file."""
    path.write_bytes(network.to_onnx(interface))


def read(path: Path, levels: tuple[float, ...]) -> InferenceFunction:
    """The network in an .onnx file."""
    from rnnfc.export.onnx_network import OnnxNetwork

    return OnnxNetwork.read(path.read_bytes(), source=path.name, levels=levels).infer


EXPORT_FORMAT = ExportFormat(suffix=".onnx", readers="ONNX Runtime", save=save, read=read)

"""ExportFormat: the record of one file format for trained networks.

In every format inputs and outputs are in data units, and nothing that acts in training only, e.g. dropout, is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from rnnfc.data.scaler import Scaler
    from rnnfc.export.interface import Interface
    from rnnfc.networks.net import Net
    from rnnfc.networks.tensors import InferenceFunction


class ExportableNetwork(Protocol):
    """What a format needs of a trained network, whatever its engine."""

    @property
    def scaler(self) -> Scaler:
        """Fitted on the training rows."""

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantile levels; empty for point forecasts."""

    def to_onnx(self, interface: Interface) -> bytes:
        """The bytes of an .onnx file."""

    def inference_copy(self, *, unroll_for_export: bool = False) -> Net:
        """A Keras network with the same weights and no random state."""


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One format.

    suffix: of a file's name; empty if the format is a folder.
    readers: the programs that read it, for --help.
    save: write a network and its interface to a path.
    read: the network at a path that `save` has just written, with these quantile levels; files of others are never read.
    dtype: of windows and forecasts in data units.
    hint: what to do if the parity error is too large; None for the usual one.
    max_unrolled_steps: the longest recursive network, in steps (length x horizon), for a format without loops.
    """

    suffix: str
    readers: str
    save: Callable[[ExportableNetwork, Interface, Path], object]
    read: Callable[[Path, tuple[float, ...]], InferenceFunction]
    dtype: Literal["float64", "float32"] = "float64"
    hint: str | None = None
    max_unrolled_steps: int | None = None

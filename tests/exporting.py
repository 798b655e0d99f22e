"""Save networks in an export format and read them back."""

from pathlib import Path

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Panel
from rnnfc.data.windows import Windows
from rnnfc.export.interface import interface
from rnnfc.export.parity import infer_in_batches, parity_error
from rnnfc.extensions import EXPORT_FORMATS, load_record
from rnnfc.networks.tensors import InferenceFunction
from rnnfc.training.engine import Network


def export_and_read(
    kind: str, experiment: Experiment, network: Network, panel: Panel, folder: Path
) -> InferenceFunction:
    """A trained network, for data like `panel`, saved in a format and read back."""
    record = load_record(EXPORT_FORMATS, kind)
    path = folder / f"m{record.suffix}"
    record.save(network, interface(experiment, panel, network.scaler), path)
    function: InferenceFunction = record.read(path, experiment.levels)
    return function


def exported_error(
    kind: str, experiment: Experiment, network: Network, windows: Windows, folder: Path
) -> float:
    """The parity error of a network that was saved in a format and read back."""
    function = export_and_read(kind, experiment, network, windows.panel, folder)
    outputs = infer_in_batches(function, windows)
    return parity_error(outputs, network.outputs(windows), windows, network.scaler)

"""Keras: one file, which loads without this package if all its cells are Keras' own: SimpleRNN, LSTM, GRU.

With another cell it loads after `import rnnfc.networks.cells.equation_layers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnnfc.export.format import ExportFormat

if TYPE_CHECKING:
    from rnnfc.export.format import ExportableNetwork
    from rnnfc.export.interface import Interface
    from rnnfc.networks.tensors import InferenceFunction, Inputs, Outputs


def save(network: ExportableNetwork, interface: Interface, path: Path) -> None:
    """Write a .keras file."""
    from rnnfc.export.interface import input_shapes
    from rnnfc.networks.backend import keras
    from rnnfc.networks.data_units import data_unit_forecaster
    from rnnfc.networks.tensors import FORECAST, SERIES

    # Scaling is plain arithmetic: a Rescaling layer casts its numbers to float32 and loses an offset of 1e9.
    inputs = {
        name: keras.Input(shape, dtype="int64" if name == SERIES else "float64", name=name)
        for name, shape in input_shapes(interface).items()
    }
    model = network.inference_copy(unroll_for_export=True).inference_model
    outputs = data_unit_forecaster(model, network.scaler, levels=network.levels)(**inputs)
    in_data_units = keras.Model(
        list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())),
        outputs if network.levels else outputs[FORECAST],
        name=FORECAST,
    )
    in_data_units.save(path)


def read(path: Path, levels: tuple[float, ...]) -> InferenceFunction:
    """The network in a .keras file."""
    from rnnfc.networks.backend import keras
    from rnnfc.networks.tensors import FORECAST

    model = keras.saving.load_model(path, compile=False)
    names = [tensor.name for tensor in model.inputs]

    def infer(inputs: Inputs) -> Outputs:
        outputs = model([inputs[name] for name in names] if len(names) > 1 else inputs[names[0]])
        named = outputs if levels else {FORECAST: outputs}
        return {name: tensor.numpy() for name, tensor in named.items()}

    return infer


EXPORT_FORMAT = ExportFormat(suffix=".keras", readers="Keras", save=save, read=read)

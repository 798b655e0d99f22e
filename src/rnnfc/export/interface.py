"""The interface of an exported network: its named inputs and outputs, as plain values for metadata and cards."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.networks.tensors import FORECAST, FUTURE, QUANTILES, SERIES, WINDOW

# The operator set of every ONNX file: the newest one that tf2onnx 1.17 writes.
OPSET = 18


class Interface(TypedDict):
    """Shapes begin with "n", the number of windows.

    input: the shape of each tensor, in the order of the file; the names of channels, known channels and series.
    output: the shape of each tensor, quantile levels, target names, unit.
    """

    experiment: str
    input: Mapping[str, Sequence[str | int]]
    output: Mapping[str, Sequence[str | int] | Sequence[float] | str]


def interface(experiment: Experiment, panel: Panel, scaler: Scaler) -> Interface:
    """The interface of an experiment's network for data like `panel`.

    `series`, the index of each window's series among `series_names`, is an input if series have a scale or an embedding of their
    own; `future` is one if the network reads known channels.
    """
    window, net, levels = experiment.window, experiment.net, experiment.levels
    inputs: dict[str, Sequence[str | int]] = {
        WINDOW: ["n", window.length, len(panel.channels)],
        "channels": list(panel.channels),
    }
    if panel.num_known and net:
        inputs[FUTURE] = ["n", window.horizon, panel.num_known]
        inputs["known"] = list(panel.channels[-panel.num_known :])
    if scaler.by_series or (net and net.series_embedding):
        inputs[SERIES] = ["n"]
        inputs["series_names"] = list(panel.series)
    shape: list[str | int] = ["n", window.horizon, panel.num_targets]
    outputs: dict[str, Sequence[str | int] | Sequence[float] | str] = {FORECAST: shape}
    if levels:
        outputs |= {QUANTILES: [*shape, len(levels)], "levels": list(levels)}
    outputs |= {"targets": list(panel.targets), "unit": panel.unit}
    return {"experiment": experiment.name, "input": inputs, "output": outputs}


def input_shapes(interface: Interface) -> dict[str, tuple[int, ...]]:
    """The shape of each input tensor without its batch axis, in the order of the file."""
    inputs = interface["input"]
    return {
        name: tuple(int(size) for size in inputs[name][1:])
        for name in (WINDOW, FUTURE, SERIES)
        if name in inputs
    }

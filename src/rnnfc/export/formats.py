"""FORMATS: how a trained network is written for each kind of reader, and read back to be checked.

Raw units in and raw units out in every format, and dropout, which rests outside training, is in none.
"""

import errno
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rnnfc.data.scaler import Scaler
from rnnfc.export import onnx_model as export
from rnnfc.export.onnx_model import Answer, served
from rnnfc.networks.backend import keras, quiet_stderr, tf
from rnnfc.networks.data_units import data_unit_forecaster
from rnnfc.networks.net import Net, plain_loops
from rnnfc.networks.tensors import FORECAST, FUTURE, QUANTILES, SERIES, WINDOW

_SIGNATURE = "serving_default"
_FLOAT32 = (
    "LiteRT computes in float32, which keeps about seven digits: too few for a series this far from zero; "
    "choose another --format"
)


class TrainedNetwork(Protocol):
    """What a format needs of a network; the methods are those of `training.engine.Network`."""

    @property
    def scaler(self) -> Scaler: ...
    @property
    def levels(self) -> tuple[float, ...]: ...
    def to_onnx(self, interface: Mapping[str, object]) -> bytes: ...
    def inference_copy(self, *, unroll_for_export: bool = False) -> Net: ...


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of reader.

    save: writes a network to a path; the dictionary is its `export.interface`.
    read: the forecaster at a path that `save` has just written, with these levels; nobody else's file is ever read.
    dtype: of windows and forecasts.
    mend: what to do where forecasts differ too much.
    """

    save: Callable[[TrainedNetwork, dict[str, Any], Path], object]
    read: Callable[[Path, tuple[float, ...]], Answer]
    dtype: str = "float64"
    mend: str = export.MEND


def _save_onnx(network: TrainedNetwork, facts: dict[str, Any], path: Path) -> None:
    path.write_bytes(network.to_onnx(facts))


def _read_onnx(path: Path, levels: tuple[float, ...]) -> Answer:
    return export.OnnxNetwork.read(path.read_bytes(), source=path.name, levels=levels).answer


def _save_savedmodel(network: TrainedNetwork, facts: dict[str, Any], path: Path) -> None:
    holder = tf.Module()
    # The module holds the model, so its variables are saved.
    holder.core = network.inference_copy().inference_model
    holder.serve = served(
        data_unit_forecaster(holder.core, network.scaler, levels=network.levels), facts, dtype="float64"
    )
    try:
        tf.saved_model.save(holder, str(path), signatures={_SIGNATURE: holder.serve.get_concrete_function()})
    except (
        tf.errors.ResourceExhaustedError,
        tf.errors.OutOfRangeError,
    ) as error:  # its names for ENOSPC and EFBIG
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _read_savedmodel(path: Path, _: tuple[float, ...]) -> Answer:
    loaded = tf.saved_model.load(str(path))  # which the signature needs and does not keep alive
    serve = loaded.signatures[_SIGNATURE]

    def answer(given: Any) -> Any:
        made = serve(**{name: tf.constant(given[name]) for name in serve.structured_input_signature[1]})
        return {name: tensor.numpy() for name, tensor in made.items()}

    return answer


def _save_litert(network: TrainedNetwork, facts: dict[str, Any], path: Path) -> None:
    net = network.inference_copy()
    core = net.inference_model
    # A module that holds `core` as well would be written with variables that nothing initialises.
    holder = tf.Module()
    forecast = data_unit_forecaster(core, network.scaler, levels=network.levels, dtype="float32")
    holder.serve = served(forecast, facts, dtype="float32")
    with plain_loops(net, unroll=True):  # LiteRT has no loops over tensor lists
        traced = holder.serve.get_concrete_function()
    with quiet_stderr():
        path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], holder).convert())


def _read_litert(path: Path, _: tuple[float, ...]) -> Answer:
    with warnings.catch_warnings(), quiet_stderr():
        # Its successor is a package of its own, and reads the same files.
        warnings.filterwarnings(
            "ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated", category=UserWarning
        )
        reader = tf.lite.Interpreter(model_path=str(path))
        reader.allocate_tensors()
    made = reader.get_output_details()
    # Every tensor keeps the name of its input, with a number after it.
    read = {
        tensor["name"].split(":")[0].removeprefix("serving_default_"): tensor
        for tensor in reader.get_input_details()
    }

    def answer(given: Any) -> Any:
        for name, tensor in read.items():
            reader.resize_tensor_input(tensor["index"], given[name].shape)
        reader.allocate_tensors()
        for name, tensor in read.items():
            reader.set_tensor(tensor["index"], given[name].astype(tensor["dtype"]))
        reader.invoke()
        tensors = (reader.get_tensor(each["index"]).astype("float64") for each in made)
        return {
            FORECAST if tensor.ndim == 3 else QUANTILES: tensor for tensor in tensors
        }  # it has no names of ours

    return answer


def _save_keras(network: TrainedNetwork, facts: dict[str, Any], path: Path) -> None:
    # Plain arithmetic: a Rescaling layer takes its numbers through float32, and so loses an offset of 1e9.
    given = {
        name: keras.Input(facts["input"][name][1:], dtype="int64" if name == SERIES else "float64", name=name)
        for name in (WINDOW, FUTURE, SERIES)
        if name in facts["input"]
    }
    core, levels = network.inference_copy(unroll_for_export=True).inference_model, network.levels
    made = data_unit_forecaster(core, network.scaler, levels=levels)(**given)
    read = [*given.values()] if len(given) > 1 else given[WINDOW]
    keras.Model(read, made if levels else made[FORECAST], name=FORECAST).save(path)


def _read_keras(path: Path, levels: tuple[float, ...]) -> Answer:
    model = keras.saving.load_model(path, compile=False)
    names = [tensor.name for tensor in model.inputs]

    def answer(given: Any) -> Any:
        made = model([given[name] for name in names] if len(names) > 1 else given[names[0]])
        return {name: tensor.numpy() for name, tensor in (made if levels else {FORECAST: made}).items()}

    return answer


FORMATS = {
    "onnx": Format(save=_save_onnx, read=_read_onnx),
    "savedmodel": Format(save=_save_savedmodel, read=_read_savedmodel),
    "litert": Format(save=_save_litert, read=_read_litert, dtype="float32", mend=_FLOAT32),
    "keras": Format(save=_save_keras, read=_read_keras),
}

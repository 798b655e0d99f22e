"""FORMATS: how a trained network is written for each kind of reader, and read back to be checked.

Raw units in and raw units out in every format, and dropout, which rests outside training, is in none.
"""

import errno
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnfc import export
from rnnfc.config.specs import Experiment
from rnnfc.export import FORECAST, FUTURE, SERIES, WINDOW, Answer, served
from rnnfc.models.backend import keras, quiet_stderr, tf
from rnnfc.models.engines import engine_of
from rnnfc.models.network import in_raw_units, traced_as_plain_loops

_SIGNATURE = "serving_default"
_FLOAT32 = (
    "LiteRT computes in float32, which keeps about seven digits: too few for a series this far from zero; choose another --format"
)


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of reader.

    save: writes a network of either engine to a path; the dictionary is its `export.interface`.
    read: the forecaster at a path that `save` has just written; nobody else's file is ever read.
    dtype: of windows and forecasts.
    mend: what to do where forecasts differ too much.
    """

    save: Callable[[Experiment, Any, dict[str, Any], Path], object]
    read: Callable[[Path], Answer]
    dtype: str = "float64"
    mend: str = export.MEND


def _save_onnx(experiment: Experiment, network: Any, facts: dict[str, Any], path: Path) -> None:
    path.write_bytes(engine_of(experiment).to_onnx(experiment, network, facts))


def _read_onnx(path: Path) -> Answer:
    return export.OnnxNetwork.read(path.read_bytes(), source=path.name).answer


def _save_savedmodel(experiment: Experiment, network: Any, facts: dict[str, Any], path: Path) -> None:
    holder = tf.Module()
    holder.core = engine_of(experiment).at_rest(experiment, network)  # whose variables are saved because the module holds it
    forecast = in_raw_units(holder.core, network.scaler)
    holder.serve = served(lambda **given: {FORECAST: forecast(**given)}, facts, dtype="float64")
    try:
        tf.saved_model.save(holder, str(path), signatures={_SIGNATURE: holder.serve.get_concrete_function()})
    except (tf.errors.ResourceExhaustedError, tf.errors.OutOfRangeError) as error:  # its names for ENOSPC and EFBIG
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _read_savedmodel(path: Path) -> Answer:
    loaded = tf.saved_model.load(str(path))  # which the signature needs and does not keep alive
    serve = loaded.signatures[_SIGNATURE]

    def answer(given: Any) -> Any:
        return serve(**{name: tf.constant(given[name]) for name in serve.structured_input_signature[1]})[FORECAST].numpy()

    return answer


def _save_litert(experiment: Experiment, network: Any, facts: dict[str, Any], path: Path) -> None:
    core = engine_of(experiment).at_rest(experiment, network)
    # A module that holds `core` as well would be written with variables that nothing initialises.
    holder = tf.Module()
    holder.serve = served(in_raw_units(core, network.scaler, dtype="float32"), facts, dtype="float32")
    with traced_as_plain_loops(core, unroll=True):  # LiteRT has no loops over tensor lists
        traced = holder.serve.get_concrete_function()
    with quiet_stderr():
        path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], holder).convert())


def _read_litert(path: Path) -> Answer:
    with warnings.catch_warnings(), quiet_stderr():
        # Its successor is a package of its own, and reads the same files.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated", category=UserWarning)
        reader = tf.lite.Interpreter(model_path=str(path))
        reader.allocate_tensors()
    (made,) = reader.get_output_details()
    # Every tensor keeps the name of its input, with a number after it.
    read = {tensor["name"].split(":")[0].removeprefix("serving_default_"): tensor for tensor in reader.get_input_details()}

    def answer(given: Any) -> Any:
        for name, tensor in read.items():
            reader.resize_tensor_input(tensor["index"], given[name].shape)
        reader.allocate_tensors()
        for name, tensor in read.items():
            reader.set_tensor(tensor["index"], given[name].astype(tensor["dtype"]))
        reader.invoke()
        return reader.get_tensor(made["index"]).astype("float64")

    return answer


def _save_keras(experiment: Experiment, network: Any, facts: dict[str, Any], path: Path) -> None:
    # Plain arithmetic: a Rescaling layer takes its numbers through float32, and so loses an offset of 1e9.
    given = {
        name: keras.Input(facts["input"][name][1:], dtype="int64" if name == SERIES else "float64", name=name)
        for name in (WINDOW, FUTURE, SERIES)
        if name in facts["input"]
    }
    forecast = in_raw_units(engine_of(experiment).at_rest(experiment, network, written_out=True), network.scaler)
    keras.Model([*given.values()] if len(given) > 1 else given[WINDOW], forecast(**given), name=FORECAST).save(path)


def _read_keras(path: Path) -> Answer:
    model = keras.saving.load_model(path, compile=False)
    names = [tensor.name for tensor in model.inputs]
    return lambda given: model([given[name] for name in names] if len(names) > 1 else given[names[0]]).numpy()


FORMATS = {
    "onnx": Format(save=_save_onnx, read=_read_onnx),
    "savedmodel": Format(save=_save_savedmodel, read=_read_savedmodel),
    "litert": Format(save=_save_litert, read=_read_litert, dtype="float32", mend=_FLOAT32),
    "keras": Format(save=_save_keras, read=_read_keras),
}

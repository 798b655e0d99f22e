"""ENGINES: who builds, trains, exports and explains each kind of model."""

import importlib
from typing import Any

from rnnfc.config.experiment import Experiment

# Imported when they are asked for: Keras' takes seconds to start TensorFlow, NumPy's never does.
_KERAS = "rnnfc.training.keras_engine"
ENGINES = {"stacked": _KERAS, "segment": _KERAS, "seq2seq": _KERAS, "scratch": "rnnfc.numpy_rnn.engine"}


def engine_for(experiment: Experiment) -> Any:
    """The module with the functions for this experiment's kind of model; all engines have the same ones."""
    return importlib.import_module(ENGINES[experiment.model.kind])

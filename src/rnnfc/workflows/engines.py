"""ENGINES: who builds, trains, exports and explains each family of networks."""

import importlib
from typing import Any

from rnnfc.config.experiment import Experiment
from rnnfc.networks.family import find_family

# Imported when they are asked for: Keras' takes seconds to start TensorFlow, NumPy's never does.
ENGINES = {"keras": "rnnfc.training.keras_engine", "numpy": "rnnfc.numpy_rnn.engine"}


def engine_for(experiment: Experiment) -> Any:
    """The module with the functions for this experiment's kind of model; all engines have the same ones."""
    return importlib.import_module(ENGINES[find_family(experiment.model).engine])

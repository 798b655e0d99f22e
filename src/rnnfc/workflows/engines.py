"""ENGINES: how the engine of each family of networks is started."""

from collections.abc import Callable

from rnnfc.config.experiment import Experiment
from rnnfc.networks.family import find_family
from rnnfc.training.engine import Engine


def _keras() -> Engine:
    from rnnfc.training.keras_engine import KerasEngine  # starts TensorFlow, which takes seconds

    return KerasEngine()


def _numpy() -> Engine:
    from rnnfc.numpy_rnn.engine import NumpyEngine  # never starts TensorFlow

    return NumpyEngine()


ENGINES: dict[str, Callable[[], Engine]] = {"keras": _keras, "numpy": _numpy}


def engine_for(experiment: Experiment) -> Engine:
    """The engine that builds and trains the networks of an experiment."""
    return ENGINES[find_family(experiment.model).engine]()

"""Engine, Network, Trainer: what the workflows need of any way to build and train a network.

The Keras engine is `training.keras_engine`, the NumPy engine `numpy_rnn.engine`; `workflows.engines` chooses.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, Protocol, TypedDict

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.export.interface import Interface
from rnnfc.networks.tensors import Outputs
from rnnfc.plain import Array
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.progress import Arrays

if TYPE_CHECKING:
    from rnnfc.networks.net import Net

Tick = Callable[[float], None]


class NetworkFacts(TypedDict):
    """What run.json records of a trained network. network_share: its share in a blend with a linear map."""

    parameters: int
    threads: dict[str, int]
    network_share: NotRequired[float]


class Trainer(Protocol):
    """One network in training: its weights, its optimizer, and the windows that it learns from."""

    def run_epoch(self, order: npt.NDArray[np.int32], *, epoch: int, rate: float, tick: Tick) -> float:
        """Update the weights once per minibatch; returns the mean loss over the windows.

        Args:
            order: the origins of the training windows.
            epoch: counts from 0; all random draws follow from the experiment's seed and this number.
            rate: the learning rate.
            tick: called with the finished share of the epoch about four times a second.
        Raises:
            NotFiniteError: the loss of a minibatch, or a weight at the end.
        """

    def validation_loss(self) -> float | None:
        """The mean loss over the validation windows, without masked targets; None without validation windows."""

    def weights(self) -> list[Array]:
        """Copies of all weights."""

    def set_weights(self, weights: list[Array]) -> None:
        """Assign what `weights` returned."""

    def arrays(self) -> Arrays:
        """Copies of everything that training changes; a trainer that loads them continues with the same bits."""

    def load(self, arrays: Arrays) -> None:
        """Assign what `arrays` returned; other arrays are ignored."""


class Network(Protocol):
    """A network of one experiment with its scaler. Windows are unscaled unless an argument is called `scaled`."""

    @property
    def label(self) -> str:
        """The name in reports."""

    @property
    def scaler(self) -> Scaler:
        """Fitted on the training rows."""

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantile levels; empty for point forecasts."""

    def outputs(self, windows: Windows) -> Outputs:
        """The named outputs in data units: forecast, and quantiles if there are levels."""

    def predict(self, windows: Windows) -> Forecast:
        """The forecast in data units."""

    def warm_start(
        self, scaled: Windows, *, validation: Windows | None, penalty: float | None = None
    ) -> float | None:
        """Fit everything that has a closed-form solution, a linear map, to training windows over the scaled panel.

        Args:
            penalty: of the ridge regression, as an earlier call returned it; None: the one that suits the validation windows.
        Returns:
            The penalty; None without a linear map.
        """

    def start(self, scaled: Windows, *, validation: Windows | None, recipe: Recipe) -> Trainer:
        """The trainer before the first epoch.

        Args:
            scaled, validation: windows over the scaled panel, its rows of the engine's `row_dtype`.
            recipe: how the epoch is compiled; the same recipe again gives the same bits.
        """

    def finalize(self, *, validation: Windows | None, share: float | None = None) -> None:
        """Choose what is chosen after training, the network's share in a blend, on windows over the scaled panel.

        Args:
            share: as an earlier training chose it; None: it is chosen on `validation`.
        """

    def facts(self) -> NetworkFacts:
        """What run.json records of the network."""

    def weight_arrays(self) -> dict[str, Floats]:
        """Every weight by its name in weights.npz."""

    def extra_files(self) -> dict[str, Callable[[Path], object]]:
        """Files for other tools besides the ONNX model: name -> function that writes the file to a path."""

    def to_onnx(self, interface: Interface) -> bytes:
        """The bytes of model.onnx, data units in and out; `interface` becomes its metadata."""

    def inference_copy(self, *, unroll_for_export: bool = False) -> "Net":
        """A Keras network with these weights and no random state, e.g. of dropout, for exporters.

        Args:
            unroll_for_export: loops over the horizon become plain layers.
        """

    def state_gradients(self, scaled: Windows) -> dict[str, Floats]:
        """norm[lag] of the gradient of the loss by each state of each recurrent layer, averaged over the windows."""


class Engine(Protocol):
    """Builds the networks of some model families."""

    @property
    def row_dtype(self) -> type[np.floating]:
        """The type that the engine computes in; scaled rows are kept in it."""

    def build(self, experiment: Experiment, panel: Panel, scaler: Scaler) -> Network:
        """The network with its initial weights."""

    def restore(
        self,
        experiment: Experiment,
        panel: Panel,
        scaler: Scaler,
        weights: Mapping[str, Array],
        *,
        source: str,
    ) -> Network:
        """The trained network from the arrays of weights.npz.

        Raises:
            RunError: names, types or shapes are not those of this network; names `source`.
        """

"""The Keras engine: stacked, segment, seq2seq and dense networks."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.export.interface import Interface
from rnnfc.export.tf2onnx_writer import keras_to_onnx
from rnnfc.extensions import LOSSES, load_record
from rnnfc.networks.backend import thread_settings
from rnnfc.networks.build import build_for, inference_copy, with_plain_layers
from rnnfc.networks.forecaster import Forecaster
from rnnfc.networks.net import Net
from rnnfc.networks.parts import linear_skip
from rnnfc.networks.parts.quantile_head import median
from rnnfc.networks.parts.window_normalization import normalized_pairs
from rnnfc.networks.tensors import Outputs
from rnnfc.networks.weights import named_weights, set_weights
from rnnfc.plain import Array
from rnnfc.runs.run import MODEL
from rnnfc.training.compile import bptt
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.engine import Network, NetworkFacts, Trainer
from rnnfc.training.keras_trainer import KerasTrainer, build_loss


class KerasNetwork:
    """A Keras network of one experiment. Implements `training.engine.Network`."""

    label = "network"

    def __init__(self, experiment: Experiment, net: Net, scaler: Scaler) -> None:
        self.net, self.scaler, self.levels = net, scaler, experiment.levels
        self._experiment = experiment
        self._forecaster = Forecaster(net, scaler, levels=experiment.levels)

    def scaled_points(self, scaled: Windows) -> Floats:
        """The outputs of the Keras model, [window, horizon, target (, level)], for windows over the scaled panel."""
        return self._forecaster.scaled_points(scaled)

    def outputs(self, windows: Windows) -> Outputs:
        """See `Network`."""
        return self._forecaster.outputs(windows)

    def predict(self, windows: Windows) -> Forecast:
        """See `Network`."""
        return self._forecaster.predict(windows)

    def warm_start(
        self, scaled: Windows, *, validation: Windows | None, penalty: float | None = None
    ) -> float | None:
        """Fit the linear maps of the network in closed form."""
        normalize = self._experiment.window.normalize

        def pairs(windows: Windows) -> Callable[[], Iterator[tuple[Floats, Floats]]]:
            return lambda: normalized_pairs(windows.without_masked_targets(), normalize)

        return linear_skip.warm_start(
            self.net.linear_skips,
            pairs=pairs(scaled),
            validation=pairs(validation) if validation else None,
            penalty=penalty,
        )

    def start(self, scaled: Windows, *, validation: Windows | None, recipe: Recipe) -> Trainer:
        """See `Network`."""
        return KerasTrainer(
            self.net,
            self._experiment,
            train=scaled,
            validation=validation,
            scaled_points=self.scaled_points,
            recipe=recipe,
        )

    def finalize(self, *, validation: Windows | None, share: float | None = None) -> None:
        """Choose the network's share in a blend by the `point_error` of the loss."""
        if share is not None:
            linear_skip.set_share(self.net.linear_skips, share)
        elif validation is not None and linear_skip.network_share(self.net.linear_skips) is not None:
            linear_skip.choose_share(
                self.net.linear_skips,
                lambda: median(self.scaled_points(validation), self.levels),
                actual=validation.actual(),
                error=load_record(LOSSES, self._experiment.train.loss).point_error,
            )

    def facts(self) -> NetworkFacts:
        """See `Network`."""
        facts: NetworkFacts = {
            "parameters": self.net.inference_model.count_params(),
            "threads": thread_settings(),
        }
        share = linear_skip.network_share(self.net.linear_skips)
        return facts if share is None else {**facts, "network_share": share}

    def weight_arrays(self) -> dict[str, Floats]:
        """See `Network`."""
        return named_weights(self.net.inference_model)

    def extra_files(self) -> dict[str, Callable[[Path], object]]:
        """model.keras."""
        return {MODEL: with_plain_layers(self._experiment, self.net).save}

    def to_onnx(self, interface: Interface) -> bytes:
        """See `Network`."""
        model = self.inference_copy().inference_model
        return keras_to_onnx(model, interface, scaler=self.scaler, levels=self.levels)

    def inference_copy(self, *, unroll_for_export: bool = False) -> Net:
        """See `Network`."""
        return inference_copy(self._experiment, self.net, unroll_for_export=unroll_for_export)

    def state_gradients(self, scaled: Windows) -> dict[str, Floats]:
        """See `Network`."""
        scaled = scaled.without_masked_targets()
        x, y = scaled.inputs().astype(np.float32), scaled.targets().astype(np.float32)
        loss = build_loss(self._experiment.train, self.levels, reduction=None)
        return bptt.state_gradients(self.net.members[0], x, y, loss=loss)


class KerasEngine:
    """Implements `training.engine.Engine`."""

    row_dtype = np.float32

    def build(self, experiment: Experiment, panel: Panel, scaler: Scaler) -> Network:
        """See `Engine`."""
        return KerasNetwork(experiment, build_for(experiment, panel), scaler)

    def restore(
        self,
        experiment: Experiment,
        panel: Panel,
        scaler: Scaler,
        weights: Mapping[str, Array],
        *,
        source: str,
    ) -> Network:
        """See `Engine`. The .keras file is written for other tools and never read."""
        net = build_for(experiment, panel)
        set_weights(net.inference_model, weights, source=source)
        return KerasNetwork(experiment, net, scaler)

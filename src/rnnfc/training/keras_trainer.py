"""Training a Keras network: compiled epochs over an unchanged Keras model, optimizer and loss."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.extensions import LOSSES, OPTIMIZERS, load_record
from rnnfc.networks import xla_cache
from rnnfc.networks.backend import Tensor, keras, tf
from rnnfc.networks.net import Net
from rnnfc.plain import Array
from rnnfc.training.compile.epoch import EpochProgram
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.engine import Tick
from rnnfc.training.loss import Loss
from rnnfc.training.optimizer import Optimizer
from rnnfc.training.progress import Arrays

_CLIP_OPTIONS = {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}


class KerasTrainer:
    """Trains `net`. Implements `training.engine.Trainer`."""

    def __init__(
        self,
        net: Net,
        experiment: Experiment,
        *,
        train: Windows,
        validation: Windows | None,
        scaled_points: Callable[[Windows], Floats],
        recipe: Recipe,
    ) -> None:
        """Windows are over the scaled panel; `scaled_points` forecasts them with the current weights."""
        spec, levels = experiment.train, experiment.levels
        self._model, self._experiment = net.inference_model, experiment
        self._validation, self._scaled_points = validation, scaled_points
        self.optimizer = build_optimizer(spec)
        self.optimizer.build(self._model.trainable_variables)
        self._rate: float | None = None
        self._program = EpochProgram(
            net,
            self.optimizer,
            train,
            spec=spec,
            loss=build_loss(spec, levels, reduction=None),
            recipe=recipe,
        )

    def run_epoch(self, order: npt.NDArray[np.int32], *, epoch: int, rate: float, tick: Tick) -> float:
        """See `Trainer`."""
        if rate != self._rate:  # Keras takes longer to set it than a dozen short steps take
            self.optimizer.learning_rate = self._rate = rate
        loss = self._program.run(order, tick, seed=self._experiment.seed, epoch=epoch)
        xla_cache.share_programs()
        return loss

    def validation_loss(self) -> float | None:
        """See `Trainer`."""
        if self._validation is None:
            return None
        points = self._scaled_points(self._validation)
        return mean_loss(self._validation, points, self._experiment.train, self._experiment.levels)

    def weights(self) -> list[Array]:
        """See `Trainer`."""
        return list(self._model.get_weights())

    def set_weights(self, weights: list[Array]) -> None:
        """See `Trainer`."""
        self._model.set_weights(weights)

    def arrays(self) -> Arrays:
        """See `Trainer`."""
        return {f"variable {index}": variable.numpy() for index, variable in enumerate(self._variables)}

    def load(self, arrays: Mapping[str, Array]) -> None:
        """See `Trainer`."""
        for index, variable in enumerate(self._variables):
            variable.assign(arrays[f"variable {index}"])

    @property
    def _variables(self) -> list[tf.Variable]:
        return [*self._model.variables, *self.optimizer.variables]


def build_optimizer(spec: TrainSpec) -> keras.optimizers.Optimizer:
    """The Keras optimizer of an experiment."""
    record: Optimizer = load_record(OPTIMIZERS, spec.optimizer)
    options = {"learning_rate": spec.learning_rate}
    options |= {name: value for name in record.options if (value := getattr(spec, name)) is not None}
    if spec.clip is not None:
        options[_CLIP_OPTIONS[spec.clip.by]] = spec.clip.limit
    return record.build(**options)


class KerasLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras is not typed
    """A loss of LOSSES for networks with these quantile levels, or none."""

    def __init__(self, loss: Loss, levels: tuple[float, ...], *, reduction: str | None) -> None:
        super().__init__(reduction=reduction)
        self._function, self._levels = loss.function, levels

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The losses [n, horizon] before their reduction."""
        return self._function(y_true, y_pred, self._levels)


def build_loss(
    spec: TrainSpec, levels: tuple[float, ...], *, reduction: str | None = "sum_over_batch_size"
) -> KerasLoss:
    """The Keras loss of an experiment; `levels` are those of its quantiles, if it has any."""
    return KerasLoss(load_record(LOSSES, spec.loss), levels, reduction=reduction)


def mean_loss(windows: Windows, points: Floats, spec: TrainSpec, levels: tuple[float, ...]) -> float:
    """The loss of the outputs[window, horizon, target (, level)] for windows over a scaled panel, without masked targets."""
    actual, points = windows.actual().astype(np.float32), points.astype(np.float32)
    if not windows.is_masked:
        return float(build_loss(spec, levels)(actual, points))
    losses = build_loss(spec, levels, reduction=None)(actual[..., None], np.expand_dims(points, 3))
    return float(np.nanmean(np.asarray(losses)))  # [window, horizon, target]

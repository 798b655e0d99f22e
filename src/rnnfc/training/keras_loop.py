"""Training: compiled epochs over an unchanged Keras model, optimizer and loss."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.networks import xla_cache
from rnnfc.networks.backend import keras
from rnnfc.networks.network import Network
from rnnfc.networks.parts.quantile_head import Pinball
from rnnfc.training.compile.epoch import EpochProgram, NotFiniteError
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.progress import Epoch, Progress, diverged, epoch_order, remember, scheduled_rate

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
LOSSES = {
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
    "pinball": Pinball,
}


@dataclass(kw_only=True)
class TrainState(Progress):
    """Everything that training changes."""

    net: Any
    optimizer: Any

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as plain arrays; training goes on from them to the same bits."""
        return {
            **self.numbers(),
            **{f"variable {place}": variable.numpy() for place, variable in enumerate(self._variables)},
            **{f"best {place}": weight for place, weight in enumerate(self.best_weights)},
        }

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `arrays` gave."""
        self.set_numbers(arrays)
        for place, variable in enumerate(self._variables):
            variable.assign(arrays[f"variable {place}"])
        self.best_weights = [array for name, array in arrays.items() if name.startswith("best ")]

    @property
    def _variables(self) -> list[Any]:
        return [*self.net.variables, *self.optimizer.variables]


def loss_of(spec: TrainSpec, levels: tuple[float, ...], **options: Any) -> Any:
    """The Keras loss of an experiment whose network gives quantiles of these levels, or none."""
    return LOSSES[spec.loss](**({"levels": levels} if levels else {}), **options)


def start(net: Any, spec: TrainSpec) -> TrainState:
    """The state before the first epoch."""
    options: dict[str, Any] = {"learning_rate": spec.learning_rate}
    if spec.optimizer == "adamw":
        options["weight_decay"] = spec.weight_decay
    if spec.momentum is not None:
        options["momentum"] = spec.momentum
    if spec.clip is not None:
        options[
            {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}[spec.clip.by]
        ] = spec.clip.limit
    optimizer = OPTIMIZERS[spec.optimizer](**options)
    optimizer.build(net.trainable_variables)
    return TrainState(net=net, optimizer=optimizer, learning_rate=spec.learning_rate)


def epochs(
    state: TrainState,
    network: Network,
    *,
    train: Windows,
    validation: Windows | None,
    spec: TrainSpec,
    seed: int,
    recipe: Recipe,
    tick: Callable[[float], None] = lambda _: None,
) -> Iterator[Epoch]:
    """Train `state`, one epoch for each row that is asked for, up to `spec.epochs`; stopping early is up to the caller.

    Args:
        train, validation: windows over the scaled panel.
        recipe: how the epoch is compiled; the same one again gives the same bits.
        tick: told the finished share of the current epoch about four times a second.
    Raises:
        TrainError: a loss or weight is not finite any more; names epoch and step.
    """
    loss_each = loss_of(spec, network.levels, reduction=None)
    program = EpochProgram(network.net, state.optimizer, train, spec=spec, loss=loss_each, recipe=recipe)
    given = None
    while state.epoch < spec.epochs:
        began = time.perf_counter()
        rate = scheduled_rate(state, spec)
        if rate != given:  # Keras takes longer to set it than a dozen short steps take
            state.optimizer.learning_rate = given = rate
        order = epoch_order(train.origins, spec=spec, seed=seed, epoch=state.epoch)
        loss = _run(program, order, tick, state=state, seed=seed, rate=rate)
        state.epoch += 1
        watched = (
            None
            if validation is None
            else mean_loss(validation, network.scaled_points(validation), spec, network.levels)
        )
        if watched is not None and not np.isfinite(watched):
            raise TrainError(diverged("the validation loss", epoch=state.epoch, step=None, rate=rate))
        if watched is not None and remember(state, watched, spec):
            state.best_weights = state.net.get_weights()
        seconds = time.perf_counter() - began
        yield Epoch(
            epoch=state.epoch, loss=loss, validation_loss=watched, learning_rate=rate, seconds=seconds
        )


def _run(
    program: EpochProgram,
    order: npt.NDArray[np.int32],
    tick: Callable[[float], None],
    *,
    state: TrainState,
    seed: int,
    rate: float,
) -> float:
    try:
        loss = program.run(order, tick, seed=seed, epoch=state.epoch)
    except NotFiniteError as error:
        raise TrainError(diverged(error.what, epoch=state.epoch + 1, step=error.step, rate=rate)) from error
    xla_cache.keep()
    return loss


def keep_best(state: TrainState, spec: TrainSpec) -> int:
    """With early stopping, put the weights of the best epoch back; returns that epoch, 0 where the last weights stay."""
    if spec.early_stopping is None:
        return 0
    state.net.set_weights(state.best_weights)
    return state.best_epoch


def mean_loss(windows: Windows, made: Floats, spec: TrainSpec, levels: tuple[float, ...]) -> float:
    """The loss of what a network gives for windows over a scaled panel, without what is masked."""
    actual, made = windows.actual().astype(np.float32), made.astype(np.float32)
    if not windows.masked:
        return float(loss_of(spec, levels)(actual, made))
    each = np.asarray(loss_of(spec, levels, reduction=None)(actual[..., None], np.expand_dims(made, 3)))
    return float(np.nanmean(each))  # [window, horizon, target]

"""The epoch loop of every engine: learning rate, order, validation loss, early stopping, best weights, divergence."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from rnnfc.config.train_spec import TrainSpec
from rnnfc.errors import TrainError
from rnnfc.plain import Array
from rnnfc.training.engine import Tick, Trainer
from rnnfc.training.progress import (
    Arrays,
    Epoch,
    NotFiniteError,
    Progress,
    epoch_order,
    record_validation_loss,
    scheduled_rate,
    should_stop,
)


@dataclass(kw_only=True)
class TrainState:
    """Everything that training changes. best_weights: those of the best epoch; empty without early stopping."""

    trainer: Trainer
    progress: Progress
    best_weights: list[Array] = field(default_factory=list)

    @classmethod
    def initial(cls, trainer: Trainer, spec: TrainSpec) -> Self:
        """The state before the first epoch."""
        return cls(trainer=trainer, progress=Progress(learning_rate=spec.learning_rate))

    def arrays(self) -> Arrays:
        """A copy of everything as plain arrays; a state that loads them continues with the same bits."""
        best = {f"best {index}": weight for index, weight in enumerate(self.best_weights)}
        return {**self.progress.arrays(), **self.trainer.arrays(), **best}

    def load(self, arrays: Arrays) -> None:
        """Assign what `arrays` returned."""
        self.progress.load(arrays)
        self.trainer.load(arrays)
        self.best_weights = [array for name, array in arrays.items() if name.startswith("best ")]


def train_epochs(
    state: TrainState,
    *,
    origins: npt.NDArray[np.int32],
    spec: TrainSpec,
    seed: int,
    tick: Tick = lambda _: None,
    rates: Sequence[float] | None = None,
) -> Iterator[Epoch]:
    """Train one epoch per row that is requested, until `spec.epochs` or early stopping.

    Args:
        origins: of the training windows, in time order.
        rates: the learning rate of each epoch, and so their number, as an earlier training had them; None: those of `spec`.
        tick: see `Trainer.run_epoch`.
    Raises:
        TrainError: a loss or weight is not finite; names epoch and step.
    """
    progress, trainer = state.progress, state.trainer
    while progress.epoch < (spec.epochs if rates is None else len(rates)):
        if rates is None and should_stop(progress, spec):
            return
        started = time.perf_counter()
        rate = scheduled_rate(progress, spec) if rates is None else rates[progress.epoch]
        order = epoch_order(origins, spec=spec, seed=seed, epoch=progress.epoch)
        try:
            loss = trainer.run_epoch(order, epoch=progress.epoch, rate=rate, tick=tick)
            validation_loss = trainer.validation_loss()
            if validation_loss is not None and not np.isfinite(validation_loss):
                raise NotFiniteError("the validation loss", step=None)
        except NotFiniteError as error:
            raise TrainError(_divergence(error, epoch=progress.epoch + 1, rate=rate)) from error
        progress.epoch += 1
        if validation_loss is not None and record_validation_loss(progress, validation_loss, spec):
            state.best_weights = trainer.weights()
        yield Epoch(
            epoch=progress.epoch,
            loss=loss,
            validation_loss=validation_loss,
            learning_rate=rate,
            seconds=time.perf_counter() - started,
        )


def restore_best_weights(state: TrainState, spec: TrainSpec) -> int:
    """With early stopping, assign the weights of the best epoch; returns that epoch, 0 where the last weights stay."""
    if spec.early_stopping is None:
        return 0
    state.trainer.set_weights(state.best_weights)
    return state.progress.best_epoch


def _divergence(error: NotFiniteError, *, epoch: int, rate: float) -> str:
    place = f"in epoch {epoch}, step {error.step}" if error.step else f"at the end of epoch {epoch}"
    return (
        f"{error.quantity} is not finite {place} (learning rate {rate:g}); lower train.learning_rate, "
        "set train.clip: {by: global_norm, limit: 1.0}, or scale the data (scale: minmax or standard)"
    )

"""The state of a training besides weights and optimizer, and what follows from it: learning rate, best epoch, end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from rnnfc.config.train_spec import TrainSpec
from rnnfc.plain import Array

Arrays = dict[str, Array]


class NotFiniteError(ArithmeticError):
    """`quantity`, a loss or weight, is not finite. `step` counts from 1; None is the end of the epoch."""

    def __init__(self, quantity: str, *, step: int | None) -> None:
        super().__init__(f"{quantity}, step {step}")
        self.quantity, self.step = quantity, step


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One row of the history. Losses are means over all windows, in scaled units; `epoch` counts from 1."""

    epoch: int
    loss: float
    validation_loss: float | None
    learning_rate: float
    seconds: float


@dataclass(kw_only=True)
class Progress:
    """The numbers that training carries from epoch to epoch; `epoch` is the number of finished ones."""

    learning_rate: float
    epoch: int = 0
    best_epoch: int = 0
    best_validation_loss: float = float("inf")
    plateau_loss: float = float("inf")
    epochs_on_plateau: int = 0

    @property
    def epochs_since_best(self) -> int:
        """Epochs without an improvement of the validation loss."""
        return self.epoch - self.best_epoch

    def arrays(self) -> Arrays:
        """All numbers as arrays without axes; `load` restores the same bits and types."""
        return {name: np.array(value) for name, value in asdict(self).items()}

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Assign what `arrays` returned; other arrays are ignored."""
        for field in fields(self):
            setattr(self, field.name, arrays[field.name].item())


def scheduled_rate(progress: Progress, spec: TrainSpec) -> float:
    """The learning rate of the next epoch."""
    schedule, base = spec.schedule, spec.learning_rate
    if schedule.kind == "cosine":
        falling = (1 + np.cos(np.pi * progress.epoch / spec.epochs)) / 2
        return float(base * (schedule.final + (1 - schedule.final) * falling))
    if schedule.kind == "step":
        return float(base * schedule.factor ** (progress.epoch // schedule.every))
    return progress.learning_rate  # constant, or as reduced by `record_validation_loss`


def epoch_order(
    origins: npt.NDArray[np.int32], *, spec: TrainSpec, seed: int, epoch: int
) -> npt.NDArray[np.int32]:
    """The order of one epoch, from (seed, epoch) alone. (A seeded Keras `fit` repeats one order in every epoch.)"""
    return np.random.default_rng([seed, epoch]).permutation(origins) if spec.shuffle else origins


def should_stop(progress: Progress, spec: TrainSpec) -> bool:
    """Whether early stopping ends the training here."""
    return spec.early_stopping is not None and progress.epochs_since_best >= spec.early_stopping.patience


def record_validation_loss(progress: Progress, loss: float, spec: TrainSpec) -> bool:
    """Record the validation loss of the epoch that has just ended, and reduce the learning rate on a plateau.

    Returns whether early stopping needs a copy of this epoch's weights: they are the best so far.
    """
    min_delta = spec.early_stopping.min_delta if spec.early_stopping else 0.0
    is_best = loss < progress.best_validation_loss - min_delta
    if is_best:
        progress.best_validation_loss, progress.best_epoch = loss, progress.epoch
    if spec.schedule.kind == "plateau":
        if loss < progress.plateau_loss - spec.schedule.min_delta:
            progress.plateau_loss, progress.epochs_on_plateau = loss, 0
        else:
            progress.epochs_on_plateau += 1
        if progress.epochs_on_plateau >= spec.schedule.patience:
            progress.learning_rate = max(progress.learning_rate * spec.schedule.factor, spec.schedule.floor)
            progress.epochs_on_plateau = 0
    return is_best and spec.early_stopping is not None

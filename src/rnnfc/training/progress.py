"""Where training stands and what follows from it, whoever computes the gradients: rates, best epoch, order, end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnfc.config.train_spec import TrainSpec
from rnnfc.data.panel import Floats


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
    """What training remembers from epoch to epoch besides the network and its optimizer."""

    learning_rate: float
    epoch: int = 0
    best_epoch: int = 0
    best_validation_loss: float = float("inf")
    best_weights: list[Floats] = field(default_factory=list)
    plateau_loss: float = float("inf")
    epochs_on_plateau: int = 0

    @property
    def epochs_since_best(self) -> int:
        """Epochs without an improvement of the validation loss."""
        return self.epoch - self.best_epoch

    def numbers(self) -> dict[str, npt.NDArray[Any]]:
        """All but the weights, as plain arrays; `set_numbers` puts them back to the same bits."""
        return {
            entry.name: np.array(getattr(self, entry.name))
            for entry in fields(Progress)
            if entry.name != "best_weights"
        }

    def set_numbers(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `numbers` gave; other arrays are passed over."""
        for name in self.numbers():
            setattr(self, name, arrays[name].item())


def scheduled_rate(state: Progress, spec: TrainSpec) -> float:
    """The learning rate of the next epoch."""
    schedule, base = spec.schedule, spec.learning_rate
    if schedule.kind == "cosine":
        falling = (1 + np.cos(np.pi * state.epoch / spec.epochs)) / 2
        return float(base * (schedule.final + (1 - schedule.final) * falling))
    if schedule.kind == "step":
        return float(base * schedule.factor ** (state.epoch // schedule.every))
    return state.learning_rate  # constant, or what the plateaus so far have left of it


def epoch_order(
    origins: npt.NDArray[np.int32], *, spec: TrainSpec, seed: int, epoch: int
) -> npt.NDArray[np.int32]:
    """The order of one epoch, from (seed, epoch) alone. (A seeded Keras `fit` repeats one order in every epoch.)"""
    return np.random.default_rng([seed, epoch]).permutation(origins) if spec.shuffle else origins


def should_stop(state: Progress, spec: TrainSpec) -> bool:
    """Whether early stopping asks to end here."""
    return spec.early_stopping is not None and state.epochs_since_best >= spec.early_stopping.patience


def remember(state: Progress, watched: float, spec: TrainSpec) -> bool:
    """Note the validation loss and lower the rate on a plateau; says whether the weights of this epoch are to be kept."""
    best = watched < state.best_validation_loss - (
        spec.early_stopping.min_delta if spec.early_stopping else 0.0
    )
    if best:
        state.best_validation_loss, state.best_epoch = watched, state.epoch
    if spec.schedule.kind == "plateau":
        if watched < state.plateau_loss - spec.schedule.min_delta:
            state.plateau_loss, state.epochs_on_plateau = watched, 0
        else:
            state.epochs_on_plateau += 1
        if state.epochs_on_plateau >= spec.schedule.patience:
            state.learning_rate = max(state.learning_rate * spec.schedule.factor, spec.schedule.floor)
            state.epochs_on_plateau = 0
    return best and spec.early_stopping is not None


def diverged(what: str, *, epoch: int, step: int | None, rate: float) -> str:
    """The error text for a value that is not finite; `step` counts from 1, None is the end of the epoch."""
    place = f"in epoch {epoch}, step {step}" if step is not None else f"at the end of epoch {epoch}"
    return (
        f"{what} is not finite any more {place} (learning rate {rate:g}); lower train.learning_rate, "
        "set train.clip: {by: global_norm, limit: 1.0}, or scale the data (scale: minmax or standard)"
    )

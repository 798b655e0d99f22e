"""The epoch loop with a trainer whose losses are given: what it does is the same for every engine."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest

from rnnfc.config.train_spec import TrainSpec
from rnnfc.errors import TrainError
from rnnfc.training.engine import Tick
from rnnfc.training.loop import TrainState, restore_best_weights, train_epochs
from rnnfc.training.progress import Arrays, Epoch, NotFiniteError

ORIGINS = np.arange(20, 51, dtype=np.int32)


class ScriptedTrainer:
    """Reads its validation losses from a list; its only weight is the number of epochs it was trained for."""

    def __init__(
        self, validation_losses: Iterable[float | None], fails_in: NotFiniteError | None = None
    ) -> None:
        self.weight, self.orders = 0, []
        self._validation_losses, self._error = iter(validation_losses), fails_in

    def run_epoch(self, order: npt.NDArray[np.int32], *, epoch: int, rate: float, tick: Tick) -> float:
        assert (epoch, rate > 0) == (self.weight, True)
        if self._error is not None and epoch == 2:
            raise self._error
        self.weight += 1
        self.orders.append(order.tolist())
        tick(1.0)
        return 10.0 / self.weight

    def validation_loss(self) -> float | None:
        return next(self._validation_losses)

    def weights(self) -> list[npt.NDArray[np.generic]]:
        return [np.array(self.weight)]

    def set_weights(self, weights: list[npt.NDArray[np.generic]]) -> None:
        self.weight = int(weights[0].item())

    def arrays(self) -> Arrays:
        return {"weight": np.array(self.weight)}

    def load(self, arrays: Arrays) -> None:
        self.weight = int(arrays["weight"].item())


def spec(**options: object) -> TrainSpec:
    return TrainSpec.model_validate({"epochs": 9, "learning_rate": 0.1, **options})


def train(
    trainer: ScriptedTrainer, train_spec: TrainSpec, *, seed: int = 1
) -> tuple[TrainState, list[Epoch]]:
    state = TrainState.initial(trainer, train_spec)
    return state, list(train_epochs(state, origins=ORIGINS, spec=train_spec, seed=seed))


def test_train_epochs__ends_after_the_last_epoch_with_one_row_each() -> None:
    _, rows = train(ScriptedTrainer([3.0, 2.0]), spec(epochs=2))
    assert [(row.epoch, row.loss, row.validation_loss, row.learning_rate) for row in rows] == [
        (1, 10.0, 3.0, 0.1),
        (2, 5.0, 2.0, 0.1),
    ]
    assert all(row.seconds >= 0 for row in rows)


def test_train_epochs__without_validation_rows_carry_none() -> None:
    state, rows = train(ScriptedTrainer([None, None]), spec(epochs=2))
    assert [row.validation_loss for row in rows] == [None, None]
    assert (state.best_weights, restore_best_weights(state, spec())) == ([], 0)


def test_train_epochs__draws_another_order_in_each_epoch_from_the_seed() -> None:
    first, again, other = (ScriptedTrainer([None] * 2) for _ in range(3))
    for trainer, seed in ((first, 1), (again, 1), (other, 2)):
        train(trainer, spec(epochs=2), seed=seed)
    assert first.orders == again.orders
    assert len({str(order) for order in first.orders + other.orders}) == 4
    assert all(sorted(order) == ORIGINS.tolist() for order in first.orders)
    train(unshuffled := ScriptedTrainer([None] * 2), spec(epochs=2, shuffle=False))
    assert unshuffled.orders == [ORIGINS.tolist()] * 2


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.1, 0.1, 0.1, 0.1]),
        ("cosine", [0.1, 0.0853553, 0.05, 0.0146447]),
        ({"kind": "cosine", "final": 0.5}, [0.1, 0.0926777, 0.075, 0.0573223]),
        ({"kind": "cosine", "final": 0.2}, [0.1, 0.0882843, 0.06, 0.0317157]),
        ({"kind": "step", "every": 2, "factor": 0.5}, [0.1, 0.1, 0.05, 0.05]),
        ({"kind": "step", "every": 2, "factor": 0.1}, [0.1, 0.1, 0.01, 0.01]),
    ],
)
def test_train_epochs__follows_the_schedule(schedule: object, rates: list[float]) -> None:
    schedule = {"kind": schedule} if isinstance(schedule, str) else schedule
    _, rows = train(ScriptedTrainer([None] * 4), spec(epochs=4, schedule=schedule))
    np.testing.assert_allclose([row.learning_rate for row in rows], rates, rtol=1e-5)


@pytest.mark.parametrize(
    ("factor", "floor", "losses", "rates"),
    [
        (
            0.1,
            0.002,
            [5.0, 4.9, 4.8, 6.0, 6.0, 4.0, 6.0, 6.0],
            [0.1, 0.1, 0.1, 0.01, 0.01, 0.002, 0.002, 0.002],
        ),
        # 2.5 is not below 3 - 0.5; 2.4 is.
        (0.5, 0.03, [3.0, 2.5, 2.6, 2.4, 2.4, 2.4, 2.4, 2.4], [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03]),
    ],
)
def test_train_epochs__a_plateau_lowers_the_rate_after_patience_epochs_and_not_below_the_floor(
    factor: float, floor: float, losses: list[float], rates: list[float]
) -> None:
    schedule = {"kind": "plateau", "patience": 2, "factor": factor, "floor": floor, "min_delta": 0.5}
    _, rows = train(ScriptedTrainer(losses), spec(epochs=8, schedule=schedule))
    np.testing.assert_allclose([row.learning_rate for row in rows], rates)


@pytest.mark.parametrize(
    ("min_delta", "losses", "epochs", "best_epoch"),
    [
        (0.1, [5.0, 3.0, 2.95, 4.0, 1.0], 4, 2),
        (0.25, [4.0, 3.75, 3.5, 3.5, 3.5], 5, 3),  # 3.75 is not below 4 - 0.25; 3.5 is
        (0.25, [4.0, 3.75, 3.8, 3.0], 3, 1),
    ],
)
def test_train_epochs__early_stopping_ends_after_patience_and_restores_the_best_weights(
    min_delta: float, losses: list[float], epochs: int, best_epoch: int
) -> None:
    trainer, early = ScriptedTrainer(losses), spec(early_stopping={"patience": 2, "min_delta": min_delta})
    state, rows = train(trainer, early)
    assert (len(rows), trainer.weight) == (epochs, epochs)
    assert state.progress.best_validation_loss == losses[best_epoch - 1]
    assert (restore_best_weights(state, early), trainer.weight) == (best_epoch, best_epoch)


def test_restore_best_weights__without_early_stopping_the_last_weights_stay() -> None:
    trainer = ScriptedTrainer([3.0, 9.0])
    state, _ = train(trainer, spec(epochs=2))
    assert (restore_best_weights(state, spec(epochs=2)), trainer.weight) == (0, 2)


def test_train_state__continues_from_its_arrays() -> None:
    losses, early = [5.0, 3.0, 4.0, 6.0, 7.0], spec(early_stopping={"patience": 3})
    whole, expected = train(ScriptedTrainer(losses), early)
    first = TrainState.initial(ScriptedTrainer(losses), early)
    rows = train_epochs(first, origins=ORIGINS, spec=early, seed=1)
    begun = [next(rows) for _ in range(3)]
    second = TrainState.initial(ScriptedTrainer(losses[3:]), early)
    second.load(first.arrays())
    rest = list(train_epochs(second, origins=ORIGINS, spec=early, seed=1))
    assert [(row.epoch, row.validation_loss) for row in begun + rest] == [
        (row.epoch, row.validation_loss) for row in expected
    ]
    assert second.progress == whole.progress
    assert (type(second.progress.epoch), type(second.progress.learning_rate)) == (int, float)
    assert second.best_weights == whole.best_weights == [2]


@pytest.mark.parametrize(
    ("what", "step", "place"),
    [("the loss", 4, "in epoch 3, step 4 "), ("a weight", None, "at the end of epoch 3 ")],
)
def test_train_epochs__a_value_that_is_not_finite_ends_training(
    what: str, step: int | None, place: str
) -> None:
    trainer = ScriptedTrainer([None] * 9, fails_in=NotFiniteError(what, step=step))
    with pytest.raises(TrainError, match=f"{what} is not finite") as error:
        train(trainer, spec())
    for words in (
        place,
        "learning rate 0.1",
        "train.learning_rate",
        "train.clip",
        "scale: minmax or standard",
    ):
        assert words in str(error.value)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_train_epochs__a_validation_loss_that_is_not_finite_ends_training(loss: float) -> None:
    with pytest.raises(TrainError, match="validation loss is not finite at the end of epoch 2"):
        train(ScriptedTrainer([1.0, loss]), spec())

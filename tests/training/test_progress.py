"""What follows from the losses of a training, whoever computed them; numbers worked by hand."""

import numpy as np
import pytest

from rnnfc.config.train_spec import TrainSpec
from rnnfc.training.progress import Progress, epoch_order, record_validation_loss, scheduled_rate, should_stop


def spec(**options: object) -> TrainSpec:
    return TrainSpec.model_validate({"epochs": 4, "learning_rate": 0.1, **options})


def after(losses: list[float], given: TrainSpec) -> tuple[Progress, list[bool]]:
    """Progress after epochs with these validation losses, and which of them were kept."""
    progress, kept = Progress(learning_rate=given.learning_rate), []
    for loss in losses:
        progress.epoch += 1
        kept.append(record_validation_loss(progress, loss, given))
    return progress, kept


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ({"kind": "constant"}, [0.1, 0.1, 0.1, 0.1]),
        ({"kind": "step", "every": 2, "factor": 0.5}, [0.1, 0.1, 0.05, 0.05]),
        (
            {"kind": "cosine", "final": 0.2},
            [0.1, 0.1 * (0.2 + 0.8 * 0.8535534), 0.06, 0.1 * (0.2 + 0.8 * 0.1464466)],
        ),
    ],
)
def test_scheduled_rate__of_each_epoch(schedule: dict[str, object], rates: list[float]) -> None:
    given = spec(schedule=schedule)
    found = [scheduled_rate(Progress(learning_rate=0.1, epoch=epoch), given) for epoch in range(4)]
    assert found == pytest.approx(rates, rel=1e-6)


def test_record_validation_loss__a_gain_of_at_most_min_delta_is_none() -> None:
    given = spec(early_stopping={"patience": 2, "min_delta": 0.25})
    state, kept = after([4.0, 3.75, 3.5], given)
    assert kept == [True, False, True]  # 3.75 is not below 4 - 0.25; 3.5 is
    assert (state.best_epoch, state.best_validation_loss, state.epochs_since_best) == (3, 3.5, 0)
    state, kept = after([4.0, 3.75, 3.8], given)
    assert (kept, state.epochs_since_best) == ([True, False, False], 2)
    assert should_stop(state, given)
    assert not should_stop(after([4.0, 3.75], given)[0], given)


def test_record_validation_loss__without_early_stopping_needs_no_copy() -> None:
    state, kept = after([3.0, 2.0, 5.0, 6.0, 7.0], spec())
    assert (kept, state.best_epoch, should_stop(state, spec())) == ([False] * 5, 2, False)


def test_record_validation_loss__each_plateau_lowers_the_rate_to_the_floor() -> None:
    given = spec(schedule={"kind": "plateau", "patience": 2, "factor": 0.5, "floor": 0.03, "min_delta": 0.5})
    losses = [3.0, 2.5, 2.6, 2.4, 2.4, 2.4, 2.4, 2.4]  # 2.5 is not below 3 - 0.5; 2.4 is
    rates = [after(losses[:epoch], given)[0].learning_rate for epoch in range(1, 9)]
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03]
    assert scheduled_rate(after(losses, given)[0], given) == 0.03


def test_progress__loads_the_same_bits_and_types() -> None:
    before = Progress(
        learning_rate=0.1, epoch=7, best_epoch=3, best_validation_loss=1 / 3, epochs_on_plateau=2
    )
    back = Progress(learning_rate=9.0)
    back.load({**before.arrays(), "variable 0": np.zeros(3)})
    assert back == before
    assert (type(back.epoch), type(back.learning_rate)) == (int, float)


def test_epoch_order__follows_from_seed_and_epoch() -> None:
    origins = np.arange(20, 51, dtype=np.int32)
    drawn = [
        epoch_order(origins, spec=spec(), seed=seed, epoch=epoch).tolist()
        for seed, epoch in ((1, 2), (1, 2), (2, 1))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert sorted(drawn[0]) == origins.tolist() != drawn[0]
    assert epoch_order(origins, spec=spec(shuffle=False), seed=1, epoch=2) is origins

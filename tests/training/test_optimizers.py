"""What every record of OPTIMIZERS must do."""

from dataclasses import replace

import numpy as np
import pytest
from factories import make_experiment, make_panel, make_scaler
from run_training import start

from rnnfc.config.experiment import Experiment
from rnnfc.data.windows import Windows, cut_windows
from rnnfc.errors import ConfigError
from rnnfc.extensions import OPTIMIZERS, load_record
from rnnfc.training.keras_engine import KerasEngine
from rnnfc.training.keras_trainer import build_optimizer
from rnnfc.training.loop import TrainState, train_epochs
from rnnfc.training.progress import Epoch

OPTIONS = ("weight_decay", "momentum")
CLIPPING = {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}


def experiment(options: str) -> Experiment:
    return make_experiment(train=f"{{epochs: 3, batch_size: 8, learning_rate: 0.01, {options}}}")


def new_state(spec: Experiment) -> tuple[TrainState, Windows]:
    panel = make_panel(np.sin(0.3 * np.arange(40)))
    train = cut_windows(panel, length=5, horizon=2, split=spec.split).train
    return start(KerasEngine().build(spec, panel, make_scaler()), spec, train), train


def rest_of_training(state: TrainState, spec: Experiment, train: Windows) -> list[Epoch]:
    rows = train_epochs(state, origins=train.origins, spec=spec.train, seed=3)
    return [replace(row, seconds=0) for row in rows]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer__lowers_the_loss_and_resumes_with_the_same_bits(name: str) -> None:
    options = "".join(f", {option}: 0.1" for option in load_record(OPTIMIZERS, name).options)
    spec = experiment(f"optimizer: {name}{options}")
    whole, train = new_state(spec)
    expected = rest_of_training(whole, spec, train)
    assert expected[2].loss < expected[0].loss
    first, _ = new_state(spec)
    next(train_epochs(first, origins=train.origins, spec=spec.train, seed=3))
    second, _ = new_state(spec)
    second.load(first.arrays())
    assert rest_of_training(second, spec, train) == expected[1:]
    assert [array.tobytes() for array in second.trainer.weights()] == [
        array.tobytes() for array in whole.trainer.weights()
    ]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("option", OPTIONS)
def test_optimizer__an_option_reaches_it_or_is_refused_with_the_optimizers_that_have_it(
    name: str, option: str
) -> None:
    config = f"optimizer: {name}, {option}: 0.125"
    if option in load_record(OPTIMIZERS, name).options:
        assert build_optimizer(experiment(config).train).get_config()[option] == 0.125
    else:
        having = [other for other in OPTIMIZERS if option in load_record(OPTIMIZERS, other).options]
        assert having
        with pytest.raises(
            ConfigError, match=f"x.yaml:6: train: {option} acts with {' and '.join(having)} only"
        ):
            experiment(config)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer__has_the_defaults_of_its_record(name: str) -> None:
    spec = experiment(f"optimizer: {name}")
    for option, default in load_record(OPTIMIZERS, name).options.items():
        assert getattr(spec.train, option) == default


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("by", CLIPPING)
def test_optimizer__clips_gradients(name: str, by: str) -> None:
    spec = experiment(f"optimizer: {name}, clip: {{by: {by}, limit: 0.5}}")
    assert build_optimizer(spec.train).get_config()[CLIPPING[by]] == 0.5

"""Losses: values and gradients worked by hand, and what every record of LOSSES must do."""

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import make_experiment, make_panel, make_scaler
from run_training import start

from rnnfc.config.experiment import Experiment
from rnnfc.data.windows import Splits, cut_windows
from rnnfc.errors import ConfigError
from rnnfc.extensions import LOSSES, load_record
from rnnfc.networks.backend import tf
from rnnfc.training.keras_engine import KerasEngine, KerasNetwork
from rnnfc.training.keras_trainer import build_loss
from rnnfc.training.loop import train_epochs
from rnnfc.training.progress import Epoch

LEVELS = (0.2, 0.5, 0.9)


def experiment(loss: str, *, rate: float = 0.01) -> Experiment:
    levels = list(LEVELS) if load_record(LOSSES, loss).needs_levels else []
    return make_experiment(
        seed=5,
        window="{length: 5, horizon: 2}",
        split="{validation: 5, test: 4}",
        model=f"{{kind: stacked, cell: GRU, units: [3], levels: {levels}}}",
        train=f"{{epochs: 2, batch_size: 4, optimizer: sgd, learning_rate: {rate}, loss: {loss}}}",
    )


def masked_splits(*, fill: float = 0.3) -> Splits:
    """Windows over two targets of which four values, in training and validation, were missing and are `fill`."""
    values = np.sin(0.3 * np.arange(30))[:, None] * [0.5, 0.25] + 0.5
    missing = [(9, 0), (19, 0), (19, 1), (23, 1)]
    for cell in missing:
        values[cell] = fill
    panel = make_panel(values, targets=2, filled=missing, missing="mask")
    return cut_windows(panel, length=5, horizon=2, split=experiment("mse").split)


def build(spec: Experiment, splits: Splits) -> KerasNetwork:
    panel = splits.train.panel
    return KerasEngine().build(spec, panel, make_scaler(np.zeros((1, 2)), np.ones((1, 2))))


def train(
    spec: Experiment, splits: Splits, *, epochs: int | None = None, state: Any = None
) -> tuple[Any, list[Epoch]]:
    state = state or start(build(spec, splits), spec, splits.train, validation=splits.validation)
    rows = train_epochs(state, origins=splits.train.origins, spec=spec.train, seed=spec.seed)
    return state, list(itertools.islice(rows, epochs))


# --- by hand: y - forecast -> loss and its gradient by the forecast, for each level of a loss of quantiles

BY_HAND = {
    "mse": {0.5: (0.25, -1.0), -3.0: (9.0, 6.0)},
    "mae": {0.5: (0.5, -1.0), -3.0: (3.0, 1.0)},
    "huber": {0.5: (0.125, -0.5), -3.0: (2.5, 1.0)},
    # log cosh(0.5) = log(1.1276260), tanh(0.5) = 0.4621172; log cosh(3) = log(10.0676620), tanh(3) = 0.9950548
    "log_cosh": {0.5: (0.1201145, -0.4621172), -3.0: (2.3093285, 0.9950548), 0.001: (5e-7, -0.001)},
    "pinball": {0.5: ((0.1, 0.25, 0.45), (-0.2, -0.5, -0.9)), -3.0: ((2.4, 1.5, 0.3), (0.8, 0.5, 0.1))},
    "quantile_huber": {
        # kappa = 0.01: the curve is 0.495, 2.995 and 5e-5
        0.5: ((0.099, 0.2475, 0.4455), (-0.2, -0.5, -0.9)),
        -3.0: ((2.396, 1.4975, 0.2995), (0.8, 0.5, 0.1)),
        0.001: ((1e-5, 2.5e-5, 4.5e-5), (-0.02, -0.05, -0.09)),
        -0.001: ((4e-5, 2.5e-5, 5e-6), (0.08, 0.05, 0.01)),
    },
}


def by_hand(name: str) -> dict[float, Any]:
    """The entry of BY_HAND."""
    assert name in BY_HAND, f"add values and gradients of the loss {name}, worked by hand, to BY_HAND"
    return BY_HAND[name]


@pytest.mark.parametrize("name", LOSSES)
def test_loss__value_and_gradient_are_those_worked_by_hand(name: str) -> None:
    spec = experiment(name)
    loss, levels = build_loss(spec.train, spec.levels, reduction=None), spec.levels
    for error, (value, gradient) in by_hand(name).items():
        forecast = tf.Variable(np.zeros((1, 1, 1, *((len(levels),) if levels else ()))), dtype=tf.float32)
        with tf.GradientTape() as tape:
            losses = loss(np.full((1, 1, 1), error, np.float32), forecast)
        assert losses.shape == (1, 1)
        assert float(losses[0, 0]) == pytest.approx(np.mean(value), rel=1e-6, abs=1e-7)
        by_forecast = tape.gradient(losses, forecast).numpy()[0, 0, 0]
        np.testing.assert_allclose(
            by_forecast, np.asarray(gradient) / max(1, len(levels)), rtol=1e-6, atol=1e-7
        )


@pytest.mark.parametrize("name", LOSSES)
def test_loss__is_the_mean_over_targets_levels_and_windows(name: str) -> None:
    spec = experiment(name)
    values = by_hand(name)
    errors = list(values)
    y = np.array(errors, np.float32).reshape(1, 1, -1).repeat(3, axis=1)  # [window, horizon, target]
    outputs = np.zeros((*y.shape, len(spec.levels)) if spec.levels else y.shape, np.float32)
    expected = np.mean([np.mean(values[error][0]) for error in errors])
    assert build_loss(spec.train, spec.levels, reduction=None)(y, outputs).numpy() == pytest.approx(
        np.full((1, 3), expected), rel=1e-6
    )
    assert float(build_loss(spec.train, spec.levels)(y, outputs)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", [name for name in LOSSES if load_record(LOSSES, name).needs_levels])
def test_loss__of_levels_is_smallest_at_the_quantiles(name: str) -> None:
    sample = np.sort(np.random.default_rng(7).beta(2, 5, 2000)).astype(
        np.float32
    )  # scaled data: all in [0, 1]
    constants = np.linspace(0, 1, 501, dtype=np.float32)
    function = load_record(LOSSES, name).function
    for level in (0.1, 0.5, 0.9):
        y = np.broadcast_to(sample[None, :, None], (len(constants), len(sample), 1))
        outputs = np.broadcast_to(constants[:, None, None, None], (*y.shape, 1))
        best = constants[np.argmin(np.asarray(function(y, outputs, (level,))).mean(axis=1))]
        assert np.mean(sample < best) == pytest.approx(level, abs=0.01)


# --- contract


@pytest.mark.parametrize("name", LOSSES)
def test_loss__of_a_perfect_forecast_is_zero_with_a_finite_gradient(name: str) -> None:
    spec = experiment(name)
    loss = build_loss(spec.train, spec.levels, reduction=None)
    forecast = tf.Variable(
        np.zeros((1, 1, 1, *((len(spec.levels),) if spec.levels else ()))), dtype=tf.float32
    )
    with tf.GradientTape() as tape:
        losses = loss(np.zeros((1, 1, 1), np.float32), forecast)
    assert float(losses[0, 0]) == pytest.approx(0, abs=1e-7)
    assert np.isfinite(tape.gradient(losses, forecast).numpy()).all()


@pytest.mark.parametrize("name", LOSSES)
def test_loss__the_error_of_a_blend_is_convex_with_its_minimum_at_zero(name: str) -> None:
    error = load_record(LOSSES, name).point_error(np.linspace(-3, 3, 25))
    assert error[12] == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(error, error[::-1])
    assert (np.diff(error, n=2) >= -1e-12).all()


@pytest.mark.parametrize("name", LOSSES)
def test_loss__training_counts_known_targets_alone(name: str) -> None:
    spec = experiment(name, rate=1e-12)  # the weights stay
    splits = masked_splits(fill=0.9)
    network = build(spec, splits)
    loss = build_loss(spec.train, spec.levels, reduction=None)

    def mean_loss(windows: Any) -> float:
        actual, outputs = windows.actual(), network.scaled_points(windows)
        losses = [
            np.asarray(loss(actual[..., [target]], outputs[:, :, [target]])) for target in range(2)
        ]  # NaN where a target is masked
        return float(np.nanmean(losses))

    assert splits.validation is not None
    assert np.isnan(splits.train.actual()).any()
    expected = [mean_loss(splits.train), mean_loss(splits.validation)]
    state = start(network, spec, splits.train, validation=splits.validation)
    row = train(spec, splits, epochs=1, state=state)[1][0]
    assert [row.loss, row.validation_loss] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_loss__training_resumes_with_the_same_bits(name: str) -> None:
    spec, splits = experiment(name), masked_splits()
    whole, expected = train(spec, splits)
    first, rows = train(spec, splits, epochs=1)
    second = start(build(spec, splits), spec, splits.train, validation=splits.validation)
    second.load(first.arrays())
    rows += train(spec, splits, state=second)[1]
    assert [replace(row, seconds=0) for row in rows] == [replace(row, seconds=0) for row in expected]
    assert [array.tobytes() for array in second.trainer.weights()] == [
        array.tobytes() for array in whole.trainer.weights()
    ]


@pytest.mark.parametrize("name", LOSSES)
def test_loss__is_accepted_with_levels_only_if_it_needs_them(name: str) -> None:
    needs_levels = load_record(LOSSES, name).needs_levels
    for levels in ("[]", "[0.1, 0.5]"):
        keys = {
            "model": f"{{kind: stacked, cell: GRU, units: [3], levels: {levels}}}",
            "train": f"{{epochs: 1, loss: {name}}}",
        }
        if needs_levels == (levels != "[]"):
            assert make_experiment(**keys).train.loss == name
        else:
            with pytest.raises(ConfigError, match=r"x\.yaml:6: train\.loss: .*model\.levels") as refused:
                make_experiment(**keys)
            suited = [other for other in LOSSES if load_record(LOSSES, other).needs_levels != needs_levels]
            assert all(re.search(rf"\b{other}\b", str(refused.value)) for other in [name, *suited])

"""What a network sees of a window, by hand, and that its forecast is turned back."""

from typing import Any, get_args

import numpy as np
import pytest

from rnnfc.config.window_spec import WindowSpec
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.normalization import NORMALIZATIONS
from rnnfc.networks.parts.window_normalization import with_window_normalization
from rnnfc.workflows.predict import _CONSEQUENCE

# 2 windows of 5 rows; 3 channels, of which 2 are targets; horizon 4.
X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


def core(seen: list[Any], forecast: Any, *, channels: int) -> Any:
    """A Keras model [n, 5, channel] -> `forecast`[4, target (, level)] for every window, which tells what it sees."""

    class Core(keras.layers.Layer):
        def call(self, window: Any) -> Any:
            if not tf.is_symbolic_tensor(window):
                seen.append(np.asarray(window))
            nothing = keras.ops.reshape(0 * window[:, 0, 0], (-1, *[1] * np.ndim(forecast)))
            return nothing + keras.ops.convert_to_tensor(forecast, "float32")

    window = keras.Input((5, channels))
    return keras.Model(window, Core()(window))


def test_the_table_agrees_with_the_config_and_every_kind_has_its_words() -> None:
    assert (
        {"none", *NORMALIZATIONS}
        == set(_CONSEQUENCE)
        == set(get_args(WindowSpec.model_fields["normalize"].annotation))
    )


@pytest.mark.parametrize(
    ("normalize", "window", "seen", "forecast"),
    [
        ("none", [1, 2, 4, 7, 11], [1, 2, 4, 7, 11], [1, 2, 0, -1]),
        ("last", [1, 2, 4, 7, 11], [-10, -9, -7, -4, 0], [12, 13, 11, 10]),
        ("difference", [1, 2, 4, 7, 11], [0, 1, 2, 3, 4], [12, 14, 14, 13]),
        # Mean 5, variance (16 + 9 + 1 + 4 + 36) / 5 = 13.2
        (
            "mean_std",
            [1, 2, 4, 7, 11],
            np.array([-4, -3, -1, 2, 6]) / 13.2**0.5,
            5 + 13.2**0.5 * np.array([1, 2, 0, -1]),
        ),
        # A constant window is zeros, and its forecasts stay within 0.0032 of it for each unit.
        ("mean_std", [3, 3, 3, 3, 3], [0, 0, 0, 0, 0], 3 + 1e-5**0.5 * np.array([1, 2, 0, -1])),
    ],
)
def test_windows_are_seen_and_forecasts_turned_back_by_hand(
    normalize: str, window: Any, seen: Any, forecast: Any
) -> None:
    shown: list[Any] = []
    net = with_window_normalization(
        core(shown, [[1], [2], [0], [-1]], channels=1), normalize, channels=1, targets=1
    )
    made = net(np.array(window, np.float32)[None, :, None]).numpy()
    assert shown[0][0, :, 0] == pytest.approx(np.array(seen, float), abs=1e-5)
    assert made[0, :, 0] == pytest.approx(np.array(forecast, float), abs=1e-5)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_a_shift_of_the_level_shifts_the_forecast_and_nothing_else(normalize: str) -> None:
    shown: list[Any] = []
    net = with_window_normalization(
        core(shown, np.ones((4, 2)), channels=3), normalize, channels=3, targets=2
    )
    shift = np.array([10.0, -20.0, 30.0], np.float32)
    moved, plain = net(X + shift).numpy(), net(X).numpy()
    np.testing.assert_allclose(moved, plain + shift[:2], atol=1e-4)
    np.testing.assert_allclose(shown[0], shown[1], atol=1e-4)
    assert np.ptp(plain[:, 0, 0]) > 0.1  # each window has a level of its own


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_channels_known_ahead_are_seen_as_they_are(normalize: str) -> None:
    shown: list[Any] = []
    net = with_window_normalization(
        core(shown, np.ones((4, 1)), channels=3), normalize, channels=3, targets=1, known=2
    )
    net(X)
    np.testing.assert_array_equal(shown[0][..., 1:], X[..., 1:])
    assert (np.abs(shown[0][..., 0] - X[..., 0]).max() > 0.1) == (normalize != "none")


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_each_quantile_is_turned_back_as_a_forecast_is(normalize: str) -> None:
    forecast = np.sort(np.random.default_rng(1).normal(size=(4, 2, 3)))  # [step, target, level]

    def turned_back(made: Any) -> Any:
        return with_window_normalization(core([], made, channels=3), normalize, channels=3, targets=2)(
            X
        ).numpy()

    made = turned_back(forecast)
    for level in range(3):
        np.testing.assert_allclose(made[..., level], turned_back(forecast[..., level]), atol=1e-5)
    assert (np.diff(made, axis=-1) > 0).all()


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_as_many_windows_as_steps_are_turned_back_each_by_its_own_level(normalize: str) -> None:
    net = with_window_normalization(core([], np.zeros((4, 1)), channels=1), normalize, channels=1, targets=1)
    windows = 10.0 ** np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 5, 1), np.float32)
    np.testing.assert_allclose(net(windows).numpy(), windows[:, :4], rtol=1e-6)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_inside_is_what_back_turns_back(normalize: str) -> None:
    forecast = np.arange(24, dtype=np.float32).reshape(2, 4, 3) ** 1.5
    rule, window = NORMALIZATIONS[normalize], X[:2, :, :3]
    normalized = rule.normalize_targets(forecast, window, keras.ops)
    np.testing.assert_allclose(rule.denormalize(normalized, window, keras.ops), forecast, atol=1e-4)
    assert np.abs(normalized - forecast).max() > 0.1

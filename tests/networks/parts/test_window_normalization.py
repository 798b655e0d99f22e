"""Window normalization: the rules by hand, and the Keras model around a core network."""

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


def core(recorded: list[Any], forecast: Any, *, channels: int) -> Any:
    """A Keras model [n, 5, channel] -> `forecast`[4, target (, level)] for every window, which records its inputs."""

    class Core(keras.layers.Layer):
        def call(self, window: Any) -> Any:
            if not tf.is_symbolic_tensor(window):
                recorded.append(np.asarray(window))
            zeros = keras.ops.reshape(0 * window[:, 0, 0], (-1, *[1] * np.ndim(forecast)))
            return zeros + keras.ops.convert_to_tensor(forecast, "float32")

    window = keras.Input((5, channels))
    return keras.Model(window, Core()(window))


def test_normalizations__agree_with_the_config_and_have_a_description() -> None:
    assert (
        {"none", *NORMALIZATIONS}
        == set(_CONSEQUENCE)
        == set(get_args(WindowSpec.model_fields["normalize"].annotation))
    )


@pytest.mark.parametrize(
    ("normalize", "window", "normalized", "forecast"),
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
def test_window_normalization__by_hand(normalize: str, window: Any, normalized: Any, forecast: Any) -> None:
    recorded: list[Any] = []
    net = with_window_normalization(
        core(recorded, [[1], [2], [0], [-1]], channels=1), normalize, channels=1, targets=1
    )
    outputs = net(np.array(window, np.float32)[None, :, None]).numpy()
    assert recorded[0][0, :, 0] == pytest.approx(np.array(normalized, float), abs=1e-5)
    assert outputs[0, :, 0] == pytest.approx(np.array(forecast, float), abs=1e-5)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_window_normalization__shifts_the_forecast_with_the_level(normalize: str) -> None:
    recorded: list[Any] = []
    net = with_window_normalization(
        core(recorded, np.ones((4, 2)), channels=3), normalize, channels=3, targets=2
    )
    shift = np.array([10.0, -20.0, 30.0], np.float32)
    moved, plain = net(X + shift).numpy(), net(X).numpy()
    np.testing.assert_allclose(moved, plain + shift[:2], atol=1e-4)
    np.testing.assert_allclose(recorded[0], recorded[1], atol=1e-4)
    assert np.ptp(plain[:, 0, 0]) > 0.1  # each window has a level of its own


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_window_normalization__leaves_known_channels_unchanged(normalize: str) -> None:
    recorded: list[Any] = []
    net = with_window_normalization(
        core(recorded, np.ones((4, 1)), channels=3), normalize, channels=3, targets=1, known=2
    )
    net(X)
    np.testing.assert_array_equal(recorded[0][..., 1:], X[..., 1:])
    assert (np.abs(recorded[0][..., 0] - X[..., 0]).max() > 0.1) == (normalize != "none")


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_window_normalization__denormalizes_each_quantile_like_a_forecast(normalize: str) -> None:
    forecast = np.sort(np.random.default_rng(1).normal(size=(4, 2, 3)))  # [step, target, level]

    def denormalize(forecast: Any) -> Any:
        return with_window_normalization(core([], forecast, channels=3), normalize, channels=3, targets=2)(
            X
        ).numpy()

    outputs = denormalize(forecast)
    for level in range(3):
        np.testing.assert_allclose(outputs[..., level], denormalize(forecast[..., level]), atol=1e-5)
    assert (np.diff(outputs, axis=-1) > 0).all()


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_window_normalization__uses_the_level_of_each_window(normalize: str) -> None:
    net = with_window_normalization(core([], np.zeros((4, 1)), channels=1), normalize, channels=1, targets=1)
    windows = 10.0 ** np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 5, 1), np.float32)
    np.testing.assert_allclose(net(windows).numpy(), windows[:, :4], rtol=1e-6)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_normalize_targets__is_the_inverse_of_denormalize(normalize: str) -> None:
    forecast = np.arange(24, dtype=np.float32).reshape(2, 4, 3) ** 1.5
    rule, window = NORMALIZATIONS[normalize], X[:2, :, :3]
    normalized = rule.normalize_targets(forecast, window, keras.ops)
    np.testing.assert_allclose(rule.denormalize(normalized, window, keras.ops), forecast, atol=1e-4)
    assert np.abs(normalized - forecast).max() > 0.1


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_normalizations__are_the_same_in_numpy_and_keras(normalize: str) -> None:
    rule, forecast = NORMALIZATIONS[normalize], np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    for function in (rule.denormalize, rule.normalize_targets):
        expected = function(forecast, X, keras.ops)
        np.testing.assert_allclose(function(forecast, X, np), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(rule.normalize(X, np), rule.normalize(X, keras.ops), atol=1e-5)

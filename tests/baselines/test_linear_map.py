"""The linear map: least squares in scaled units, and its limits."""

from dataclasses import replace

import numpy as np
import pytest
from factories import make_panel, make_windows

from rnnfc.baselines import linear_map
from rnnfc.baselines.linear_map import LinearMap, num_inputs
from rnnfc.data import windows as windows_module
from rnnfc.data.scaler import Scaler

# Two targets and a covariate; rows 0 to 9.
SOLD, RETURNED = [1, 5, 3, 4, 8, 6, 5, 9, 7, 2], [0, 0, 1, 1, 2, 3, 5, 8, 13, 21]
PANEL = make_panel(np.column_stack([SOLD, RETURNED, [99] * 10]), targets=2)


@pytest.mark.parametrize("method", ["none", "minmax", "standard"])
def test_linear_map__finds_a_linear_rule_of_all_channels(method: str) -> None:
    rng = np.random.default_rng(5)
    price = rng.uniform(1, 3, 80)
    sold = np.empty(80)
    sold[:2] = 1.0, 2.0
    for row in range(2, 80):
        sold[row] = 0.5 * sold[row - 1] - 0.25 * sold[row - 2] + 2.0 * price[row - 1] + 1.0
    panel = make_panel(np.column_stack([sold, price]))
    scaler = Scaler.fit(panel, np.array([[0, 60]]), method=method)
    linear = LinearMap.fit(make_windows(panel, list(range(2, 60)), length=2, horizon=1), scaler)
    test = make_windows(panel, list(range(60, 80)), length=2, horizon=1)
    assert linear.weights.shape == (2 * 2 + 1, 1)
    assert linear.predict(test).point == pytest.approx(test.targets(), abs=1e-3)


def test_linear_map__agrees_with_least_squares_in_scaled_units() -> None:
    rng = np.random.default_rng(8)
    panel = make_panel(rng.normal(3, 2, (60, 3)), targets=2)
    scaler = Scaler.fit(panel, np.array([[0, 50]]), method="standard")
    train = make_windows(panel, list(range(4, 45)), length=4, horizon=5)
    linear = LinearMap.fit(train, scaler)
    scaled = train.with_panel(scaler.transform(panel))
    # Both targets are fitted as one, each on its own four rows and those of the third channel.
    own = [scaled.inputs()[:, :, [target, 2]].reshape(41, 8) for target in range(2)]
    x = np.column_stack([np.concatenate(own), np.ones(82)])
    weights, *_ = np.linalg.lstsq(x, np.concatenate([scaled.targets()[:, :, target] for target in range(2)]))
    assert linear.weights == pytest.approx(weights, abs=1e-4)
    expected = scaler.inverse_transform(np.stack([x[:41] @ weights, x[41:] @ weights], axis=-1), train.series)
    assert linear.predict(train).point == pytest.approx(expected, abs=1e-3)


def test_linear_map__scales_each_series_by_its_own_numbers() -> None:
    small = np.sin(np.arange(40.0))
    panel = make_panel(np.concatenate([small, 1000 + 50 * small])[:, None], bounds=(0, 40, 80))
    scaler = Scaler.fit(panel, np.array([[0, 40], [40, 80]]), method="minmax")
    train = make_windows(panel, [*range(3, 39), *range(43, 79)], length=3, horizon=2)
    point = LinearMap.fit(train, scaler).predict(train).point
    assert point[36:] == pytest.approx(1000 + 50 * point[:36], rel=1e-9)
    assert point[:36] == pytest.approx(train.targets()[:36], abs=1e-4)


def test_linear_map__is_the_same_in_chunks_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    scaler = Scaler.fit(PANEL, np.array([[0, 9]]), method="none")
    train = make_windows(PANEL, [2, 3, 4, 5, 6, 7, 8], length=2, horizon=2)
    whole = LinearMap.fit(train, scaler)
    monkeypatch.setattr(windows_module, "_BATCH_BYTES", 3 * 8 * 6)  # three windows of six inputs
    parts = LinearMap.fit(train, scaler)
    assert parts.weights == pytest.approx(whole.weights, rel=1e-6, abs=1e-9)
    assert parts.predict(train).point == pytest.approx(whole.predict(train).point, rel=1e-6)


def test_linear_map__long_windows_give_their_newest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_map, "_MOST_INPUTS", 5)  # two rows of a target and an input
    scaler = Scaler.fit(PANEL, np.array([[0, 9]]), method="none")
    train = make_windows(PANEL, [4, 5, 6, 7, 8], length=4, horizon=2)
    linear = LinearMap.fit(train, scaler)
    short = LinearMap.fit(make_windows(PANEL, [4, 5, 6, 7, 8], length=2, horizon=2), scaler)
    assert linear.weights.shape == (2 * 2 + 1, 2)
    assert linear.weights.tolist() == short.weights.tolist()
    assert linear.predict(train).point.shape == (5, 2, 2)
    assert linear.label == "linear map"


def test_linear_map__wide_rows_give_their_first_channels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear_map, "_MOST_INPUTS", 1)
    train = make_windows(PANEL, [4, 5, 6, 7, 8], length=4, horizon=1)
    linear = LinearMap.fit(train, Scaler.fit(PANEL, np.array([[0, 9]]), method="none"))
    assert linear.weights.shape == (1 + 1, 1)
    assert linear.predict(train).point.shape == (5, 1, 2)


def test_linear_map__is_fitted_on_evenly_spaced_windows_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear_map, "_MOST_FIT_WINDOWS", 3)
    scaler = Scaler.fit(PANEL, np.array([[0, 9]]), method="none")
    linear = LinearMap.fit(make_windows(PANEL, [3, 4, 5, 6, 7], length=2, horizon=1), scaler)
    assert (
        linear.weights.tolist()
        == LinearMap.fit(make_windows(PANEL, [3, 5, 7], length=2, horizon=1), scaler).weights.tolist()
    )


def test_linear_map__forecasts_zero_from_zeros() -> None:
    panel = make_panel(np.zeros((8, 1)))
    scaler = Scaler.fit(panel, np.array([[0, 8]]), method="none")
    train = make_windows(panel, [2, 3, 4, 5], length=2, horizon=3)
    assert LinearMap.fit(train, scaler).predict(train).point.tolist() == np.zeros((4, 3, 1)).tolist()


def test_linear_map__reads_known_columns_of_the_target_rows() -> None:
    """Two targets, 3 x + 1 and 5 - x in one series, 3 x + 100 and 50 - x in the other; x has no pattern."""
    x = np.random.default_rng(2).normal(size=(2, 80))
    levels = ((1.0, 5.0), (100.0, 50.0))
    series = [
        np.stack([3 * row + first, second - row, row], axis=1)
        for row, (first, second) in zip(x, levels, strict=True)
    ]
    panel = make_panel(*series, targets=2, num_known=1)
    windows = make_windows(panel, length=4, horizon=3)
    assert num_inputs(windows) == 4 * 2 + 2 * (3 + 1)  # each target has its own weights of x
    scaler = Scaler.fit(panel, np.array([[0, 60], [80, 140]]), method="minmax")
    forecast = LinearMap.fit(windows, scaler).predict(windows)
    assert np.abs(forecast.point - forecast.actual).max() <= 2e-4  # of a range of 14: the ridge penalty
    # As in earlier versions; the standard deviation of 3 x is 3.
    blind = LinearMap.fit(replace(windows, panel=replace(panel, num_known=0)), scaler).predict(windows)
    assert np.sqrt(np.mean((blind.point - blind.actual)[..., 0] ** 2)) > 2


def test_linear_map__reads_the_first_target_rows_of_a_long_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_map, "_MOST_INPUTS", 12)
    panel = make_panel(np.random.default_rng(1).normal(size=(60, 3)), num_known=2)
    windows = make_windows(panel, length=9, horizon=5)
    # Two future covariates of 3 of 5 rows, and three channels of 2 of 9 rows.
    fitted = LinearMap.fit(windows, Scaler.fit(panel, np.array([[0, 60]]), method="minmax"))
    assert (num_inputs(windows), fitted.weights.shape) == (12, (13, 5))
    assert fitted.predict(windows).point.shape == (len(windows), 5, 1)


def test_linear_map__reads_no_target_row_where_one_has_too_many_covariates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear_map, "_MOST_INPUTS", 6)
    panel = make_panel(
        np.random.default_rng(1).normal(size=(40, 4)), targets=2, num_known=2, channels=tuple("abcd")
    )
    windows = make_windows(panel, length=2, horizon=2)
    fitted = LinearMap.fit(windows, Scaler.fit(panel, np.array([[0, 40]]), method="minmax"))
    assert (num_inputs(windows), fitted.weights.shape) == (6, (7, 2))
    assert fitted.predict(windows).point.shape == (len(windows), 2, 2)

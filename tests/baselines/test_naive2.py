"""Naive2: that of M4, for every window in one pass."""

import tracemalloc

import numpy as np
import pytest
from factories import make_panel, make_windows

from rnnfc.baselines import naive2
from rnnfc.baselines.naive2 import Naive2


def naive2_of_m4(history: list[float], m: int, horizon: int) -> list[float]:
    """Step by step as M4's Benchmarks and Evaluation.R has it, with R's acf and decompose written out."""
    x, n = np.array(history), len(history)
    factors = np.ones(m)
    if n >= 3 * m:
        centred = x - x.mean()
        r = [float(centred[lag:] @ centred[: n - lag] / (centred @ centred)) for lag in range(1, m + 1)]
        limit = 1.645 / np.sqrt(n) * np.sqrt(1 + 2 * sum(value**2 for value in r[:-1]))
        if abs(r[-1]) > limit:
            half, weights = m // 2, np.ones(m) if m % 2 else np.array([0.5] + [1] * (m - 1) + [0.5])
            ratios: list[list[float]] = [[] for _ in range(m)]
            for row in range(half, n - half):
                ratios[row % m].append(x[row] / (x[row - half : row + half + 1] @ weights / m))
            means = np.array([np.mean(each) for each in ratios])
            factors = means / means.mean()
    return [float(x[-1] / factors[(n - 1) % m] * factors[(n + step) % m]) for step in range(horizon)]


@pytest.mark.parametrize("season", [4, 5])
@pytest.mark.parametrize("block", [3, 40, 2**18])
def test_naive2__is_that_of_m4_for_every_window(
    monkeypatch: pytest.MonkeyPatch, season: int, block: int
) -> None:
    monkeypatch.setattr(naive2, "_BLOCK", block)
    rng, rows = np.random.default_rng(2), np.arange(60)
    wave = 10 + 3 * np.sin(2 * np.pi * rows / season) + rng.normal(0, 1, 60)
    noise = rng.uniform(1, 2, 60)
    panel = make_panel(
        np.column_stack([np.r_[wave, noise[::-1]], np.r_[noise, wave * 5]]), targets=2, bounds=(0, 60, 120)
    )
    origins = [*range(2, 54), *range(62, 114)]
    point = Naive2(season).predict(make_windows(panel, origins, length=2, horizon=7)).point
    flat = 0
    for place, origin in enumerate(origins):
        first = 60 * (origin > 60)
        for target in range(2):
            expected = naive2_of_m4(panel.values[first:origin, target].tolist(), season, 7)
            assert point[place, :, target] == pytest.approx(expected, rel=1e-9)
            flat += len(set(expected)) == 1
    assert (
        4 * (3 * season - 2) < flat < 2 * len(origins)
    )  # short histories, some noise, but not all have no season


def test_naive2__memory_grows_with_neither_windows_nor_season(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        naive2, "_BLOCK", 3000
    )  # 24 kB; seasons of all windows would be 400 x 300 x 8 = 960 kB
    rows = np.arange(1300)
    windows = make_windows(
        make_panel(3 + np.sin(2 * np.pi * rows / 300)[:, None]), [*range(900, 1300)], length=2, horizon=1
    )
    Naive2(300).predict(windows)  # imports what NumPy loads late
    tracemalloc.start()
    try:
        point = Naive2(300).predict(windows).point
        assert tracemalloc.get_traced_memory()[1] < 400_000
    finally:
        tracemalloc.stop()
    assert point[:, 0, 0] == pytest.approx(3 + np.sin(2 * np.pi * rows[900:] / 300), abs=0.05)


def test_naive2__forecasts_each_series_by_itself() -> None:
    wave = 5 + np.sin(2 * np.pi * np.arange(120) / 4) + np.random.default_rng(6).normal(0, 0.2, 120)
    panel = make_panel(wave[:, None], bounds=(0, 40, 80, 120))
    for origins in ([20, 39, 95, 119], [50], [100, 101]):
        point = Naive2(4).predict(make_windows(panel, origins, length=2, horizon=1)).point
        first = [40 * (origin // 40) for origin in origins]
        expected = [
            naive2_of_m4(wave[begin:end].tolist(), 4, 1) for begin, end in zip(first, origins, strict=True)
        ]
        assert point[:, 0].tolist() == [pytest.approx(each) for each in expected]


def test_naive2__without_three_seasons_or_of_a_constant_is_the_last_value() -> None:
    wave = [1.0, 5.0, 3.0] * 9
    panel = make_panel(np.column_stack([wave, [2.0] * 27]), targets=2)
    point = Naive2(3).predict(make_windows(panel, [8, 20, 23], length=2, horizon=4)).point
    assert point[0].tolist() == [[5.0, 2.0]] * 4
    assert point[1, :, 0] == pytest.approx([3, 1, 5, 3])
    assert point[2, :, 0] == pytest.approx([3, 1, 5, 3])
    assert (point[:, :, 1] == 2.0).all()


def test_naive2__of_rows_with_a_zero_has_an_additive_season() -> None:
    wave = [0.0, 4.0, 2.0] * 9
    windows = make_windows(
        make_panel(np.column_stack([wave, np.subtract(wave, 7)]), targets=2), [8, 20, 21], length=2, horizon=4
    )
    point = Naive2(3).predict(windows).point
    assert point[0, :, 0].tolist() == [4.0] * 4  # fewer than three seasons
    assert point[1, :, 0] == pytest.approx([2, 0, 4, 2])
    assert point[2, :, 0] == pytest.approx([0, 4, 2, 0])
    assert point[1, :, 1] == pytest.approx([-5, -7, -3, -5])


def test_naive2__is_multiplicative_until_the_first_zero() -> None:
    wave = [1.0, 5.0, 3.0]
    rows = np.array([*wave * 6, 0.0, 5.0, 3.0, *wave * 2])
    point = Naive2(3).predict(make_windows(make_panel(rows), [15, 24], length=2, horizon=3)).point[:, :, 0]
    assert point[0] == pytest.approx([1, 5, 3])
    differences = rows[1:23] - (rows[:22] + rows[1:23] + rows[2:24]) / 3
    season = np.array([differences[(np.arange(1, 23) % 3) == phase].mean() for phase in range(3)])
    season -= season.mean()
    assert point[1] == pytest.approx(3 - season[2] + season)


def test_count_additive__counts_series_and_targets_with_three_seasons() -> None:
    wave = np.array([1.0, 5.0, 3.0] * 4)
    panel = make_panel(
        np.column_stack([np.r_[wave, wave], np.r_[wave - 1, wave - 2]]), targets=2, bounds=(0, 12, 24)
    )
    windows = make_windows(panel, [10, 11, 23], length=2, horizon=1)
    assert naive2.count_additive(windows, season=3) == 2
    assert naive2.count_additive(windows, season=4) == 0

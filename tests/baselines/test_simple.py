import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from factories import make_panel, make_windows

from rnnfc.baselines import simple as baselines
from rnnfc.baselines.simple import Drift, LastValue, LinearMap, Naive2, SeasonalNaive, fit_all
from rnnfc.config.split_spec import SplitSpec
from rnnfc.data import windows as windows_module
from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.windows import cut_windows
from rnnfc.evaluation.forecast import Predictor
from rnnfc.evaluation.scores import MetricContext, find, score

DATA = Path(__file__).parents[2] / "configs" / "data"


# Two targets and an input; rows 0 to 9.
SOLD, RETURNED = [1, 5, 3, 4, 8, 6, 5, 9, 7, 2], [0, 0, 1, 1, 2, 3, 5, 8, 13, 21]
PANEL = make_panel(np.column_stack([SOLD, RETURNED, [99] * 10]), targets=2)


@pytest.mark.parametrize(
    ("baseline", "point"),
    [
        (LastValue(), [[[8, 2], [8, 2], [8, 2], [8, 2]], [[6, 3], [6, 3], [6, 3], [6, 3]]]),
        # Rows 2 to 4 rise by 5 and 1 in two steps, rows 3 to 5 by 2 and 2.
        (Drift(), [[[10.5, 2.5], [13, 3], [15.5, 3.5], [18, 4]], [[7, 4], [8, 5], [9, 6], [10, 7]]]),
        (SeasonalNaive(3), [[[3, 1], [4, 1], [8, 2], [3, 1]], [[4, 1], [8, 2], [6, 3], [4, 1]]]),
        (SeasonalNaive(2), [[[4, 1], [8, 2], [4, 1], [8, 2]], [[8, 2], [6, 3], [8, 2], [6, 3]]]),
    ],
)
def test_a_baseline_by_hand(baseline: Predictor, point: list[list[list[float]]]) -> None:
    windows = make_windows(PANEL, [5, 6], length=3, horizon=4)
    forecast = baseline.predict(windows)
    assert forecast.point.tolist() == point
    assert forecast.actual is not None
    assert forecast.actual.tolist() == windows.targets().tolist()
    assert forecast.time.tolist() == [[5, 6, 7, 8], [6, 7, 8, 9]]
    assert forecast.origin_time.tolist() == [4, 5]
    assert forecast.series.tolist() == [0, 0]


def test_drift_of_one_row_repeats_it() -> None:
    assert Drift().predict(make_windows(PANEL, [5], length=1, horizon=2)).point.tolist() == [[[8, 2], [8, 2]]]


@pytest.mark.parametrize("baseline", [LastValue(), Drift(), SeasonalNaive(2)])
def test_a_baseline_never_looks_past_its_window(baseline: Predictor) -> None:
    windows = make_windows(PANEL, [5], length=3, horizon=4)
    values = PANEL.values.copy()
    values[[0, 1, 5, 6, 7, 8, 9]] = -77
    assert (
        baseline.predict(windows.with_panel(PANEL.with_values(values))).point.tolist()
        == baseline.predict(windows).point.tolist()
    )


@pytest.mark.parametrize("method", ["none", "minmax", "standard"])
def test_the_linear_map_finds_a_linear_rule_of_all_channels(method: str) -> None:
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


def test_the_linear_map_agrees_with_least_squares_in_scaled_units() -> None:
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


def test_the_linear_map_scales_each_series_by_its_own_numbers() -> None:
    small = np.sin(np.arange(40.0))
    panel = make_panel(np.concatenate([small, 1000 + 50 * small])[:, None], bounds=(0, 40, 80))
    scaler = Scaler.fit(panel, np.array([[0, 40], [40, 80]]), method="minmax")
    train = make_windows(panel, [*range(3, 39), *range(43, 79)], length=3, horizon=2)
    point = LinearMap.fit(train, scaler).predict(train).point
    assert point[36:] == pytest.approx(1000 + 50 * point[:36], rel=1e-9)
    assert point[:36] == pytest.approx(train.targets()[:36], abs=1e-4)


def test_chunks_of_windows_give_the_same_linear_map(monkeypatch: pytest.MonkeyPatch) -> None:
    scaler = Scaler.fit(PANEL, np.array([[0, 9]]), method="none")
    train = make_windows(PANEL, [2, 3, 4, 5, 6, 7, 8], length=2, horizon=2)
    whole = LinearMap.fit(train, scaler)
    monkeypatch.setattr(windows_module, "_BATCH_BYTES", 3 * 8 * 6)  # three windows of six inputs
    parts = LinearMap.fit(train, scaler)
    assert parts.weights == pytest.approx(whole.weights, rel=1e-6, abs=1e-9)
    assert parts.predict(train).point == pytest.approx(whole.predict(train).point, rel=1e-6)


def test_a_linear_map_of_many_inputs_sees_the_newest_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "_MOST_INPUTS", 5)  # two rows of a target and an input
    scaler = Scaler.fit(PANEL, np.array([[0, 9]]), method="none")
    train = make_windows(PANEL, [4, 5, 6, 7, 8], length=4, horizon=2)
    made = LinearMap.fit(train, scaler)
    short = LinearMap.fit(make_windows(PANEL, [4, 5, 6, 7, 8], length=2, horizon=2), scaler)
    assert made.weights.shape == (2 * 2 + 1, 2)
    assert made.weights.tolist() == short.weights.tolist()
    assert made.predict(train).point.shape == (5, 2, 2)
    assert made.label == "linear map"


def test_a_linear_map_of_too_many_channels_sees_the_first_of_the_newest_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines, "_MOST_INPUTS", 1)
    train = make_windows(PANEL, [4, 5, 6, 7, 8], length=4, horizon=1)
    made = LinearMap.fit(train, Scaler.fit(PANEL, np.array([[0, 9]]), method="none"))
    assert made.weights.shape == (1 + 1, 1)
    assert made.predict(train).point.shape == (5, 1, 2)


def test_a_linear_map_is_fitted_on_evenly_spaced_windows_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines, "_MOST_FIT_WINDOWS", 3)
    scaler = Scaler.fit(PANEL, np.array([[0, 9]]), method="none")
    made = LinearMap.fit(make_windows(PANEL, [3, 4, 5, 6, 7], length=2, horizon=1), scaler)
    assert (
        made.weights.tolist()
        == LinearMap.fit(make_windows(PANEL, [3, 5, 7], length=2, horizon=1), scaler).weights.tolist()
    )


def test_the_linear_map_of_zeros_is_zero() -> None:
    panel = make_panel(np.zeros((8, 1)))
    scaler = Scaler.fit(panel, np.array([[0, 8]]), method="none")
    train = make_windows(panel, [2, 3, 4, 5], length=2, horizon=3)
    assert LinearMap.fit(train, scaler).predict(train).point.tolist() == np.zeros((4, 3, 1)).tolist()


@pytest.mark.parametrize(
    ("season", "labels"),
    [
        (None, ["last value", "drift", "linear map"]),
        (2, ["last value", "drift", "seasonal naive", "Naive2", "linear map"]),
    ],
)
def test_the_seasonal_naive_forecast_needs_a_season(season: int | None, labels: list[str]) -> None:
    train = make_windows(PANEL, [3, 4, 5], length=3, horizon=1)
    found = fit_all(train, Scaler.fit(PANEL, np.array([[0, 9]]), method="none"), season=season)
    assert [baseline.label for baseline in found] == labels
    assert all(baseline.predict(train).point.shape == (3, 1, 2) for baseline in found)


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
def test_naive2_is_that_of_m4_for_every_window(
    monkeypatch: pytest.MonkeyPatch, season: int, block: int
) -> None:
    monkeypatch.setattr(baselines, "_BLOCK", block)
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


def test_naive2_holds_a_few_blocks_however_many_windows_and_however_long_the_season(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        baselines, "_BLOCK", 3000
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


def test_naive2_of_series_with_and_without_windows_is_that_of_each_alone() -> None:
    wave = 5 + np.sin(2 * np.pi * np.arange(120) / 4) + np.random.default_rng(6).normal(0, 0.2, 120)
    panel = make_panel(wave[:, None], bounds=(0, 40, 80, 120))
    for origins in ([20, 39, 95, 119], [50], [100, 101]):
        point = Naive2(4).predict(make_windows(panel, origins, length=2, horizon=1)).point
        first = [40 * (origin // 40) for origin in origins]
        expected = [
            naive2_of_m4(wave[begin:end].tolist(), 4, 1) for begin, end in zip(first, origins, strict=True)
        ]
        assert point[:, 0].tolist() == [pytest.approx(each) for each in expected]


def test_naive2_without_three_seasons_or_with_a_zero_or_a_constant_is_the_last_value() -> None:
    wave = [1.0, 5.0, 3.0] * 9
    panel = make_panel(np.column_stack([wave, [*wave[:20], 0.0, *wave[21:]], [2.0] * 27]), targets=3)
    point = Naive2(3).predict(make_windows(panel, [8, 20, 21, 23], length=2, horizon=4)).point
    assert point[0].tolist() == [[5.0, 5.0, 2.0]] * 4
    assert point[1, :, 0] == pytest.approx([3, 1, 5, 3])
    assert point[1, :, 1] == pytest.approx([3, 1, 5, 3])  # the zero lies ahead
    assert point[2, :, 1].tolist() == [0.0] * 4
    assert point[3, :, 0] == pytest.approx([3, 1, 5, 3])
    assert point[3, :, 1].tolist() == [5.0] * 4
    assert (point[:, :, 2] == 2.0).all()


# file, column, window length, horizon, season, baseline: mean absolute error, root mean squared error, MASE on the last 20 %
PUBLISHED = [
    ("airline", "passengers", 24, 1, 12, "last value", "45.82", "53.35", "1.562"),
    ("airline", "passengers", 24, 1, 12, "seasonal naive", "41.43", "46.34", "1.412"),
    ("airline", "passengers", 24, 12, 12, "last value", "80.82", "101.8", "2.755"),
    ("airline", "passengers", 24, 12, 12, "seasonal naive", "47.84", "50.80", "1.631"),
    ("stock", "close", 20, 1, None, "last value", "0.8015", "1.246", "0.592"),
    ("stock", "close", 20, 5, None, "last value", "1.633", "2.309", "1.207"),
]


@pytest.mark.parametrize(
    ("file", "column", "length", "horizon", "season", "label", "mae", "rmse", "mase"), PUBLISHED
)
def test_a_baseline_has_its_published_scores(
    file: str,
    column: str,
    length: int,
    horizon: int,
    season: int | None,
    label: str,
    mae: str,
    rmse: str,
    mase: str,
) -> None:
    frequency = "rows" if file == "stock" else "infer"
    panel = load_panel(
        CsvSpec(kind="csv", path=str(DATA / f"{file}.csv"), time="date", target=column, frequency=frequency)
    )
    splits = cut_windows(
        panel, length=length, horizon=horizon, split=SplitSpec(train=0.7, validation=0.1, test=0.2)
    )
    scaler = Scaler.fit(panel, splits.train_rows, method="minmax")
    ruler = MetricContext.from_panel(panel, scaler=scaler, train_rows=splits.train_rows, season=season)
    baseline = LastValue() if label == "last value" else SeasonalNaive(season or 0)
    scores = score(baseline.predict(splits.test), ruler, model=label, split="test")
    for metric, printed in (("mae", mae), ("rmse", rmse), ("mase", mase)):
        value = find(scores, model=label, split="test", metric=metric, units="data")
        decimals = len(printed.partition(".")[2])
        assert value is not None
        assert f"{value:.{decimals}f}" == printed

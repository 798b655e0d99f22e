"""ETS and Theta: the recursion by hand, parameters as statsmodels finds them, and nothing known that lies ahead."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_panel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from rnnfc.baselines import ets, theta
from rnnfc.baselines.smoothing import ColumnSmoothing, Smoothing, fit_column
from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Floats
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.windows import Splits, cut_windows

METHODS = {"ets": ets.fit_ets, "theta": theta.fit_theta}
NAMES = tuple(METHODS)
AIRLINE = Path(__file__).parents[2] / "configs" / "data" / "airline.csv"
DRAW = np.random.default_rng(4).normal(size=60)
ROWS = np.arange(60)
WAVE = np.sin(2 * np.pi * ROWS / 4)


def splits_of(*series: Floats, split: dict[str, Any], length: int = 4, horizon: int = 3) -> Splits:
    return cut_windows(
        make_panel(*series, targets=series[0].shape[1]),
        length=length,
        horizon=horizon,
        split=SplitSpec(**split),
    )


def fit(name: str, rows: Floats, *, season: int | None) -> Smoothing:
    """Of one column."""
    return fit_column(METHODS[name], rows, season=season)


def fit_splits(name: str, splits: Splits, *, season: int | None) -> ColumnSmoothing:
    """Of each column of the training rows."""
    label = {"ets": "ETS", "theta": "Theta"}[name]
    return ColumnSmoothing.fit(METHODS[name], splits, season=season, label=label)


HALVES = Smoothing(
    alpha=0.5, beta=0.5, gamma=0.5, phi=0.5, level=10.0, trend=4.0, season=np.array([1.0, -1.0])
)
TIMES = Smoothing(alpha=0.5, gamma=0.5, level=10.0, season=np.array([2.0, 0.5]), multiplicative=True)


@pytest.mark.parametrize(
    ("smoothing", "rows", "point"),
    [
        # Level 10, 12.5, 12.8125; trend 4, 2.25, 0.71875, of which half is left a step; seasons 1, -1, 1.5, -1.8125.
        (
            HALVES,
            [14.0, 11.0],
            [[13.0, 12.0, 14.5], [12.625, 15.6875, 13.46875], [14.671875, 11.5390625, 14.94140625]],
        ),
        # Level 10, 11, 9.5; seasons 2, 1/2, 2.2, 1/4 + 2/11.
        (TIMES, [24.0, 4.0], [[20.0, 5.0, 20.0], [5.5, 24.2, 5.5], [20.9, 9.5 * (1 / 4 + 2 / 11), 20.9]]),
        (Smoothing(alpha=1.0), [7.0, 3.0], [[0.0] * 3, [7.0] * 3, [3.0] * 3]),
        (Smoothing(alpha=0.25, level=4.0, trend=1.0), [9.0], [[5.0, 6.0, 7.0], [7.0, 8.0, 9.0]]),
    ],
)
def test_smoothing__by_hand_after_no_one_and_two_rows(
    smoothing: Smoothing, rows: list[float], point: list[list[float]]
) -> None:
    found = smoothing.forecast(np.array(rows), np.arange(len(rows) + 1), horizon=3)
    assert found == pytest.approx(np.array(point), rel=1e-14)


# What statsmodels has to choose: name, 60 rows, then season, trend and seasonal form of the ETS.
SHAPES: list[tuple[str, Floats, int | None, str | None, str | None]] = [
    ("walk", 50 + DRAW.cumsum(), None, None, None),
    ("line", 2.0 * ROWS + DRAW, None, "straight", None),
    ("bent line", 100 * (1 - 0.9**ROWS) + 0.1 * DRAW, None, "damped", None),
    ("added season", 9 * WAVE + DRAW, 4, None, "add"),
    ("growing season", (20 + ROWS) * (1 + 0.4 * WAVE) + 0.1 * DRAW, 4, "straight", "mul"),
]


@pytest.mark.parametrize(
    ("rows", "season", "trend", "seasonal"),
    [shape[1:] for shape in SHAPES],
    ids=[name for name, *_ in SHAPES],
)
def test_ets__has_the_form_of_the_series_and_forecasts_as_statsmodels_from_every_row(
    rows: Floats, season: int | None, trend: str | None, seasonal: str | None
) -> None:
    smoothing = fit("ets", rows[:40], season=season)
    form = "damped" if smoothing.phi < 1 else "straight" if smoothing.trend else None
    assert (form, len(smoothing.season), smoothing.multiplicative) == (trend, season or 1, seasonal == "mul")
    for end in (40, 47, 60):
        known = ExponentialSmoothing(
            rows[:end],
            trend="add" if trend else None,
            damped_trend=trend == "damped",
            seasonal=seasonal,
            seasonal_periods=season,
            initialization_method="known",
            initial_level=smoothing.level,
            initial_trend=smoothing.trend if trend else None,
            initial_seasonal=smoothing.season if seasonal else None,
        ).fit(
            smoothing.alpha,
            smoothing.beta if trend else None,
            smoothing.gamma if seasonal else None,
            smoothing.phi if trend == "damped" else None,
            optimized=False,
        )
        # Not of a whole season: of its last step statsmodels takes the season before the newest.
        assert smoothing.forecast(rows[:end], np.array([end]), horizon=3)[0] == pytest.approx(
            known.forecast(3), rel=1e-9
        )


GROWING = SHAPES[4][1]


@pytest.mark.parametrize(
    ("rows", "season"), [(shape[1], shape[2]) for shape in SHAPES], ids=[name for name, *_ in SHAPES]
)
def test_theta__forecasts_as_statsmodels_after_the_training_rows(rows: Floats, season: int | None) -> None:
    theirs = ThetaModel(rows, period=season, deseasonalize=season is not None).fit().forecast(6)
    ours = fit("theta", rows, season=season).forecast(rows, np.array([60]), horizon=6)[0]
    assert ours == pytest.approx(np.asarray(theirs), rel=1e-4)  # they search among values of another size


def test_theta__continues_later_rows_with_drift_and_season_of_training() -> None:
    rows = (20 + ROWS) * (1 + 0.4 * WAVE)
    smoothing = fit("theta", rows[:40], season=4)
    later = smoothing.forecast(rows, np.array([59, 60]), horizon=8)
    level = later / np.array([[smoothing.season[(end + step) % 4] for step in range(8)] for end in (59, 60)])
    assert np.diff(level) == pytest.approx(np.full((2, 7), 0.5), rel=1e-2)  # half of a slope of 1
    assert later[1] == pytest.approx(
        [(80 + step) * (1 + 0.4 * WAVE[step % 4]) for step in range(8)], rel=0.06
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_fit_column__does_not_depend_on_the_unit(name: str, size: float) -> None:
    rows = GROWING
    one, other = (
        fit(name, each, season=4).forecast(each, np.array([60]), horizon=5) for each in (rows, rows * size)
    )
    assert other == pytest.approx(one * size, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "season"), [(7, 12), (13, 12), (19, 12), (21, 12), (23, 12), (14, 5)])
def test_fit_column__too_few_rows_for_a_season_are_not_seasonal(name: str, rows: int, season: int) -> None:
    assert len(fit(name, 50 + DRAW[:rows], season=season).season) == 1


@pytest.mark.parametrize("name", NAMES)
def test_fit_column__two_seasons_and_ten_rows_are_seasonal(name: str) -> None:
    rows = 10 + 5 * np.sin(2 * np.pi * ROWS / 12)
    assert [len(fit(name, rows[:count], season=12).season) for count in (23, 24)] == [1, 12]
    assert [len(fit(name, 9 + WAVE[:count], season=4).season) for count in (13, 14)] == [1, 4]


@pytest.mark.parametrize("name", NAMES)
def test_fit_column__rows_that_are_not_all_positive_have_an_additive_season(name: str) -> None:
    smoothing = fit(name, 30 * (1 + WAVE) * (1 + ROWS / 60), season=4)  # zero where the wave is -1
    assert (len(smoothing.season), smoothing.multiplicative) == (4, False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [0, 1, 9])
def test_fit_column__fewer_than_ten_rows_repeat_the_last_value(name: str, rows: int) -> None:
    smoothing = fit(name, 5 + DRAW[:rows], season=4)
    assert smoothing.forecast(np.array([2.0, 8.0]), np.array([1, 2]), horizon=2).tolist() == [
        [2.0, 2.0],
        [8.0, 8.0],
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.0, 3.0, 1e200])
def test_fit_column__continues_a_constant(name: str, value: float) -> None:
    rows = np.full(30, value)
    assert fit(name, rows, season=4).forecast(rows, np.array([30]), horizon=5)[0] == pytest.approx(
        [value] * 5
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_fit_column__a_row_of_1e200_causes_no_warning(name: str) -> None:
    rows = GROWING.copy()
    rows[30] = 1e200
    assert fit(name, rows, season=4).forecast(rows, np.array([60]), horizon=2).shape == (1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_column_smoothing__later_rows_change_no_parameter_and_no_earlier_forecast(
    name: str,
) -> None:
    rows = np.column_stack([SHAPES[3][1], GROWING])
    before = splits_of(rows, split={"validation": 8, "test": 12})
    one = fit_splits(name, before, season=4)
    for first in (40, 44, 50):  # the first row after training, and later ones
        changed = rows.copy()
        changed[first:] += 1000.0
        after = splits_of(changed, split={"validation": 8, "test": 12})
        two = fit_splits(name, after, season=4)
        assert [repr(column) for column in one.columns[0]] == [repr(column) for column in two.columns[0]]
        for windows, others in zip(dict(before).values(), dict(after).values(), strict=True):
            early = windows.origins <= first
            assert one.predict(windows).point[early].tolist() == two.predict(others).point[early].tolist()
            assert (
                one.predict(windows).point[~early].tolist() != two.predict(others).point[~early].tolist()
                or early.all()
            )


@pytest.mark.parametrize("name", NAMES)
def test_column_smoothing__rows_filled_at_the_end_of_training_are_not_fitted(name: str) -> None:
    panel = make_panel(SHAPES[3][1][:, None])
    panel.filled[[20, 46, 47]] = True
    splits = cut_windows(panel, length=4, horizon=3, split=SplitSpec(test=12))
    assert splits.train_rows.tolist() == [[0, 48]]
    smoothing = fit_splits(name, splits, season=4)
    assert repr(smoothing.columns[0][0]) == repr(fit(name, panel.values[:46, 0], season=4))


@pytest.mark.parametrize("name", NAMES)
def test_column_smoothing__each_series_and_target_has_its_own(name: str) -> None:
    north, south, west = (
        np.column_stack([shape[1][:count], shape[1][60 - count :]])
        for shape, count in zip(SHAPES[2:], (60, 50, 8), strict=True)
    )
    splits = splits_of(north, south, west, split={"test": 4}, length=2, horizon=2)
    smoothing = fit_splits(name, splits, season=None)
    point = smoothing.predict(splits.test).point
    assert smoothing.label == {"ets": "ETS", "theta": "Theta"}[name]
    assert splits.test.series.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for series, rows in enumerate((north, south, west)):
        for target in range(2):
            alone = fit(name, rows[:-4, target], season=None)
            ends = np.arange(len(rows) - 4, len(rows) - 1)
            expected = alone.forecast(rows[:, target], ends, horizon=2)
            assert point[splits.test.series == series, :, target].tolist() == expected.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_column_smoothing__begins_with_the_training_rows(name: str) -> None:
    rows = SHAPES[3][1][:, None]
    late = splits_of(rows, split={"train": 40, "test": 12})
    alone = splits_of(rows[8:], split={"test": 12})
    assert late.train_rows.tolist() == [[8, 48]]
    one, two = (fit_splits(name, splits, season=4) for splits in (late, alone))
    assert one.predict(late.test).point.tolist() == two.predict(alone.test).point.tolist()
    assert one.predict(late.train).point.shape == (
        38,
        3,
        1,
    )  # from the first training row on, of which nothing is known


@pytest.mark.parametrize(("name", "most"), [("ets", 37.0), ("theta", 39.0)])
def test_column_smoothing__beats_the_seasonal_naive_forecast_of_airline_passengers(
    name: str, most: float
) -> None:
    panel = load_panel(CsvSpec(kind="csv", path=str(AIRLINE), time="date", target="passengers"))
    splits = cut_windows(panel, length=24, horizon=12, split=SplitSpec(train=0.7, validation=0.1, test=0.2))
    smoothing = fit_splits(name, splits, season=12)
    error = smoothing.predict(splits.test).point - splits.test.targets()
    assert np.sqrt(np.mean(error**2)) < most  # of the seasonal naive forecast 50.80

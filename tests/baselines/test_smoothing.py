"""ETS and Theta: the recursion by hand, parameters as statsmodels finds them, and nothing known that lies ahead."""

import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from factories import make_panel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from rnnfc.baselines.smoothing import METHODS, Smoothing, fit, fit_all
from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Floats
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.windows import Splits, cut_windows
from rnnfc.errors import MissingExtraError
from rnnfc.workflows.prepare import prepare

NAMES = ("ets", "theta")
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


HALVES = Smoothing(
    alpha=0.5, beta=0.5, gamma=0.5, phi=0.5, level=10.0, trend=4.0, season=np.array([1.0, -1.0])
)
TIMES = Smoothing(alpha=0.5, gamma=0.5, level=10.0, season=np.array([2.0, 0.5]), multiplicative=True)


@pytest.mark.parametrize(
    ("made", "rows", "point"),
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
def test_a_smoothing_by_hand_after_no_one_and_two_rows(
    made: Smoothing, rows: list[float], point: list[list[float]]
) -> None:
    found = made.forecast(np.array(rows), np.arange(len(rows) + 1), horizon=3)
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
def test_ets_is_of_the_form_of_the_series_and_forecasts_as_statsmodels_from_every_row(
    rows: Floats, season: int | None, trend: str | None, seasonal: str | None
) -> None:
    made = fit("ets", rows[:40], season=season)
    form = "damped" if made.phi < 1 else "straight" if made.trend else None
    assert (form, len(made.season), made.multiplicative) == (trend, season or 1, seasonal == "mul")
    for end in (40, 47, 60):
        known = ExponentialSmoothing(
            rows[:end],
            trend="add" if trend else None,
            damped_trend=trend == "damped",
            seasonal=seasonal,
            seasonal_periods=season,
            initialization_method="known",
            initial_level=made.level,
            initial_trend=made.trend if trend else None,
            initial_seasonal=made.season if seasonal else None,
        ).fit(
            made.alpha,
            made.beta if trend else None,
            made.gamma if seasonal else None,
            made.phi if trend == "damped" else None,
            optimized=False,
        )
        # Not of a whole season: of its last step statsmodels takes the season before the newest.
        assert made.forecast(rows[:end], np.array([end]), horizon=3)[0] == pytest.approx(
            known.forecast(3), rel=1e-9
        )


GROWING = SHAPES[4][1]


@pytest.mark.parametrize(
    ("rows", "season"), [(shape[1], shape[2]) for shape in SHAPES], ids=[name for name, *_ in SHAPES]
)
def test_theta_forecasts_as_statsmodels_after_the_training_rows(rows: Floats, season: int | None) -> None:
    theirs = ThetaModel(rows, period=season, deseasonalize=season is not None).fit().forecast(6)
    ours = fit("theta", rows, season=season).forecast(rows, np.array([60]), horizon=6)[0]
    assert ours == pytest.approx(np.asarray(theirs), rel=1e-4)  # they search among values of another size


def test_theta_goes_on_from_the_level_of_later_rows_with_the_drift_and_the_season_of_training() -> None:
    rows = (20 + ROWS) * (1 + 0.4 * WAVE)
    made = fit("theta", rows[:40], season=4)
    later = made.forecast(rows, np.array([59, 60]), horizon=8)
    level = later / np.array([[made.season[(end + step) % 4] for step in range(8)] for end in (59, 60)])
    assert np.diff(level) == pytest.approx(np.full((2, 7), 0.5), rel=1e-2)  # half of a slope of 1
    assert later[1] == pytest.approx(
        [(80 + step) * (1 + 0.4 * WAVE[step % 4]) for step in range(8)], rel=0.06
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_a_fit_does_not_depend_on_the_unit(name: str, size: float) -> None:
    rows = GROWING
    one, other = (
        fit(name, each, season=4).forecast(each, np.array([60]), horizon=5) for each in (rows, rows * size)
    )
    assert other == pytest.approx(one * size, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "season"), [(7, 12), (13, 12), (19, 12), (21, 12), (23, 12), (14, 5)])
def test_too_few_rows_for_a_season_are_taken_as_not_seasonal(name: str, rows: int, season: int) -> None:
    assert len(fit(name, 50 + DRAW[:rows], season=season).season) == 1


@pytest.mark.parametrize("name", NAMES)
def test_two_seasons_and_ten_rows_make_a_season(name: str) -> None:
    rows = 10 + 5 * np.sin(2 * np.pi * ROWS / 12)
    assert [len(fit(name, rows[:count], season=12).season) for count in (23, 24)] == [1, 12]
    assert [len(fit(name, 9 + WAVE[:count], season=4).season) for count in (13, 14)] == [1, 4]


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_are_not_all_positive_have_an_additive_season(name: str) -> None:
    made = fit(name, 30 * (1 + WAVE) * (1 + ROWS / 60), season=4)  # zero where the wave is -1
    assert (len(made.season), made.multiplicative) == (4, False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [0, 1, 9])
def test_fewer_than_ten_training_rows_repeat_the_last_value(name: str, rows: int) -> None:
    made = fit(name, 5 + DRAW[:rows], season=4)
    assert made.forecast(np.array([2.0, 8.0]), np.array([1, 2]), horizon=2).tolist() == [
        [2.0, 2.0],
        [8.0, 8.0],
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.0, 3.0, 1e200])
def test_a_constant_goes_on(name: str, value: float) -> None:
    rows = np.full(30, value)
    assert fit(name, rows, season=4).forecast(rows, np.array([30]), horizon=5)[0] == pytest.approx(
        [value] * 5
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_1e200_warns_of_nothing(name: str) -> None:
    rows = GROWING.copy()
    rows[30] = 1e200
    assert fit(name, rows, season=4).forecast(rows, np.array([60]), horizon=2).shape == (1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_rows_after_training_change_no_parameter_and_rows_from_an_origin_on_not_its_forecast(
    name: str,
) -> None:
    rows = np.column_stack([SHAPES[3][1], GROWING])
    before = splits_of(rows, split={"validation": 8, "test": 12})
    (one,) = fit_all((name,), before, season=4)
    for first in (40, 44, 50):  # the first row after training, and later ones
        changed = rows.copy()
        changed[first:] += 1000.0
        after = splits_of(changed, split={"validation": 8, "test": 12})
        (two,) = fit_all((name,), after, season=4)
        assert [repr(column) for column in one.columns[0]] == [repr(column) for column in two.columns[0]]
        for windows, others in zip(dict(before).values(), dict(after).values(), strict=True):
            early = windows.origins <= first
            assert one.predict(windows).point[early].tolist() == two.predict(others).point[early].tolist()
            assert (
                one.predict(windows).point[~early].tolist() != two.predict(others).point[~early].tolist()
                or early.all()
            )


@pytest.mark.parametrize("name", NAMES)
def test_what_was_filled_at_the_end_of_training_is_not_fitted_for_it_may_know_what_follows(name: str) -> None:
    panel = make_panel(SHAPES[3][1][:, None])
    panel.filled[[20, 46, 47]] = True
    splits = cut_windows(panel, length=4, horizon=3, split=SplitSpec(test=12))
    assert splits.train_rows.tolist() == [[0, 48]]
    (made,) = fit_all((name,), splits, season=4)
    assert repr(made.columns[0][0]) == repr(fit(name, panel.values[:46, 0], season=4))


@pytest.mark.parametrize("name", NAMES)
def test_each_series_and_target_has_its_own_smoothing_wherever_it_begins(name: str) -> None:
    north, south, west = (
        np.column_stack([shape[1][:count], shape[1][60 - count :]])
        for shape, count in zip(SHAPES[2:], (60, 50, 8), strict=True)
    )
    splits = splits_of(north, south, west, split={"test": 4}, length=2, horizon=2)
    (made,) = fit_all((name,), splits, season=None)
    point = made.predict(splits.test).point
    assert made.label == {"ets": "ETS", "theta": "Theta"}[name]
    assert splits.test.series.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for series, rows in enumerate((north, south, west)):
        for target in range(2):
            alone = fit(name, rows[:-4, target], season=None)
            ends = np.arange(len(rows) - 4, len(rows) - 1)
            expected = alone.forecast(rows[:, target], ends, horizon=2)
            assert point[splits.test.series == series, :, target].tolist() == expected.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_smoothing_begins_with_the_training_rows(name: str) -> None:
    rows = SHAPES[3][1][:, None]
    late = splits_of(rows, split={"train": 40, "test": 12})
    alone = splits_of(rows[8:], split={"test": 12})
    assert late.train_rows.tolist() == [[8, 48]]
    (one,), (two,) = (fit_all((name,), splits, season=4) for splits in (late, alone))
    assert one.predict(late.test).point.tolist() == two.predict(alone.test).point.tolist()
    assert one.predict(late.train).point.shape == (
        38,
        3,
        1,
    )  # from the first training row on, of which nothing is known


@pytest.mark.parametrize(("name", "most"), [("ets", 37.0), ("theta", 39.0)])
def test_a_year_of_airline_passengers_is_told_better_than_by_the_year_before(name: str, most: float) -> None:
    panel = load_panel(CsvSpec(kind="csv", path=str(AIRLINE), time="date", target="passengers"))
    splits = cut_windows(panel, length=24, horizon=12, split=SplitSpec(train=0.7, validation=0.1, test=0.2))
    (made,) = fit_all((name,), splits, season=12)
    error = made.predict(splits.test).point - splits.test.targets()
    assert np.sqrt(np.mean(error**2)) < most  # of the seasonal naive forecast 50.80


TINY = """\
name: tiny
data: {kind: sine, points: 40, stop: 39.0}
window: {length: 5, horizon: 2}
split: {test: 0.2}
model: {kind: stacked, cell: GRU, units: [3]}
train: {epochs: 4}
baselines: [theta, ets]
"""


def test_without_statsmodels_the_error_names_the_extra_before_any_row_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    experiment = from_yaml(TINY, source="x.yaml")
    assert experiment.baselines == ("theta", "ets")
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    with pytest.raises(MissingExtraError) as caught:
        prepare(experiment)
    assert str(caught.value) == (
        "baselines: theta and ets need statsmodels; install it with: pip install 'rnnfc[stats]', or leave them out"
    )
    assert prepare(experiment.model_copy(update={"baselines": ()})).panel.num_rows == 40


def test_the_config_offers_what_there_is() -> None:
    (names,) = {
        part for part in get_args(Experiment.model_fields["baselines"].annotation) if part is not Ellipsis
    }
    assert get_args(names) == tuple(METHODS) == NAMES

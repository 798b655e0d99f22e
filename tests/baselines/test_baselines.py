"""BASELINES: what holds for every record, and which of them are fitted."""

import importlib
import sys

import numpy as np
import pytest
from factories import make_experiment, make_panel

from rnnfc import extensions
from rnnfc.baselines import BASELINES, fit_all
from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits, cut_windows
from rnnfc.errors import MissingExtraError
from rnnfc.workflows.prepare import prepare

WAVE = 5 + np.sin(2 * np.pi * np.arange(40) / 4) + np.random.default_rng(6).normal(0, 0.2, 40)
VALUES = np.column_stack([WAVE, WAVE[::-1], np.arange(40.0)])


def cut(values: np.ndarray) -> Splits:
    return cut_windows(make_panel(values, targets=2), length=6, horizon=3, split=SplitSpec(test=12))


def scaler_of(splits: Splits) -> Scaler:
    return Scaler.fit(splits.train.panel, splits.train_rows, method="standard")


@pytest.mark.parametrize("name", BASELINES)
def test_baseline__is_one_documented_module(name: str) -> None:
    table = {**extensions.BASELINES, **extensions.OPTIONAL_BASELINES}
    assert table[name] == f"rnnfc.baselines.{name}:BASELINE"
    assert importlib.import_module(f"rnnfc.baselines.{name}").__doc__


@pytest.mark.parametrize("name", BASELINES)
def test_baseline__forecasts_every_window_and_uses_no_row_from_its_targets_on(name: str) -> None:
    splits = cut(VALUES)
    forecaster = BASELINES[name].fit(splits, scaler_of(splits), 4)
    point = forecaster.predict(splits.test).point
    assert point.shape == (len(splits.test), 3, 2)
    assert np.isfinite(point).all()
    later = VALUES.copy()
    later[30:] = 777.0
    changed = cut(later)
    early = splits.test.origins <= 30
    assert early.any()
    refitted = BASELINES[name].fit(changed, scaler_of(changed), 4)
    assert refitted.predict(changed.test).point[early].tolist() == point[early].tolist()


@pytest.mark.parametrize(
    ("season", "labels"),
    [
        (None, ["last value", "drift", "linear map", "Theta"]),
        (2, ["last value", "drift", "seasonal naive", "Naive2", "linear map", "Theta"]),
    ],
)
def test_fit_all__seasonal_baselines_need_a_season_and_optional_ones_come_last(
    season: int | None, labels: list[str]
) -> None:
    splits = cut(VALUES)
    fitted = fit_all(["theta"], splits, scaler_of(splits), season=season)
    assert [forecaster.label for forecaster in fitted] == labels


def test_refuse_missing_extra__names_what_to_install_before_any_row_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    experiment = make_experiment(baselines="[theta, ets]")
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    with pytest.raises(MissingExtraError, match=r"theta and ets need statsmodels.*rnnfc\[stats\]"):
        prepare(experiment)
    assert prepare(experiment.model_copy(update={"baselines": ()})).panel.num_rows == 40

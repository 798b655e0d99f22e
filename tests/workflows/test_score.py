"""Scores of a whole experiment: a value that is not finite ends in a dash or an error, never in inf."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_experiment, write_csv

from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.reports.report import NETWORK
from rnnfc.workflows import pictures, score
from rnnfc.workflows.prepare import Prepared, prepare
from rnnfc.workflows.score import forecast_all, make_report

ROWS = {"data": "{kind: sine, points: 40, stop: 39.0}", "scale": "none"}
BASELINES = {"last value", "drift", "linear map"}


@dataclass(frozen=True)
class Constant:
    """Forecasts one value, and NaN for one row; with quantiles 1 below and 2 above, infinite for another."""

    value: float = 0.5
    nan_row: int = -1
    levels: tuple[float, ...] = ()
    infinite_row: int = -1
    label: str = NETWORK

    def predict(self, windows: Windows) -> Forecast:
        rows = np.repeat(windows.target_rows[..., None], windows.actual().shape[-1], axis=-1)
        point = np.where(rows == self.nan_row, np.nan, self.value)
        if not self.levels:
            return Forecast.from_windows(windows, point)
        high = np.where(rows == self.infinite_row, np.inf, point + 2)
        quantiles = np.stack([point - 1, point, high], axis=-1)
        return Forecast.from_windows(windows, point, quantiles=quantiles, levels=self.levels)


def prepare_rows(**keys: object) -> tuple[Prepared, Scaler]:
    """40 rows, of which 32 to 39 are tested, unless `keys` say otherwise."""
    prepared = prepare(make_experiment(**{**ROWS, **keys}))
    method = str(prepared.experiment.scale.method)
    return prepared, Scaler.fit(prepared.panel, prepared.splits.train_rows, method=method)


def with_huge_row(prepared: Prepared) -> Prepared:
    values = prepared.panel.values.copy()
    values[36, 0] = 1e200
    panel, splits = prepared.panel.with_values(values), prepared.splits
    parts: Mapping[str, Any] = {name: windows.with_panel(panel) for name, windows in splits}
    return replace(prepared, panel=panel, splits=replace(splits, **parts))


@pytest.mark.filterwarnings("error")
def test_make_report__a_test_row_of_1e200_leaves_a_report_and_a_picture() -> None:
    prepared, scaler = prepare_rows()
    prepared = with_huge_row(prepared)
    forecasts = forecast_all(prepared, scaler, Constant())
    report = make_report(prepared, forecasts)
    assert report.verdict == f"Test MSE – (scaled –) over 7 windows: {report.outcome}"
    assert report.outcome == "the network's test error is not finite."
    assert set(report.models) == {NETWORK, *BASELINES}
    json.dumps(report.to_json(), allow_nan=False)
    assert pictures.forecast_picture(prepared, forecasts)[:4] == b"\x89PNG"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("huge", [False, True])
def test_make_report__chosen_baselines_stand_in_it_like_the_others(huge: bool) -> None:
    prepared, scaler = prepare_rows(baselines="[theta, ets]")
    prepared = with_huge_row(prepared) if huge else prepared
    report = make_report(prepared, forecast_all(prepared, scaler, Constant()))
    assert set(report.models) == {NETWORK, *BASELINES, "Theta", "ETS"}
    rows = {
        name: [replace(row, model="", value=0, undefined=0) for row in report.scores if row.model == name]
        for name in report.models
    }
    assert rows["ETS"] == rows["Theta"] == rows["drift"]  # the same splits, metrics and steps
    assert all(np.isfinite(row.value) for row in report.scores if row.value is not None)


@pytest.mark.parametrize("network", [Constant(nan_row=36), Constant(levels=(0.2, 0.5, 0.8), infinite_row=36)])
def test_forecast_all__a_value_that_is_not_finite_is_refused_with_split_and_time(network: Constant) -> None:
    prepared, scaler = prepare_rows()
    with pytest.raises(TrainError, match=r"test split is not finite, .* begin at 35;.*learning_rate"):
        forecast_all(prepared, scaler, network)


def test_forecast_all__keeps_the_networks_forecasts_of_every_split_and_no_others() -> None:
    forecasts = forecast_all(*prepare_rows(), Constant(levels=(0.2, 0.5, 0.8)))
    assert list(forecasts.network) == ["train", "validation", "test"]
    assert forecasts.network["test"].levels == (0.2, 0.5, 0.8)
    assert {row.model for row in forecasts.scores} == {NETWORK, *BASELINES}


def test_forecast_all__keeps_the_best_baseline_and_which_windows_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared, scaler = prepare_rows()
    forecasts = forecast_all(prepared, scaler, Constant())
    assert forecasts.written.tolist() == [*range(7)]  # origins 32 to 38 of a horizon of 2
    assert not [note for note in forecasts.notes if "forecast.csv" in note]
    ((name, point),) = forecasts.best.items()
    assert f"a linear rule, the {name}," in make_report(prepared, forecasts).outcome
    monkeypatch.setattr(score, "_MOST_ROWS", 13)
    few = forecast_all(prepared, scaler, Constant())
    assert few.written.tolist() == [3, 6]  # origin 35, and the last one
    assert "2 of the 7 test windows" in few.notes[-1]
    assert few.scores == forecasts.scores
    assert np.array_equal(few.best[name], point)


def test_make_report__several_targets_are_compared_in_scaled_units(tmp_path: Path) -> None:
    rows = "".join(f"{row},{row},{1000 * (row % 2)}\n" for row in range(40))
    (tmp_path / "two.csv").write_text("day,line,zigzag\n" + rows)
    data = f"{{kind: csv, path: {tmp_path / 'two.csv'}, time: day, target: [line, zigzag]}}"
    prepared, scaler = prepare_rows(data=data, scale="standard")
    report = make_report(prepared, forecast_all(prepared, scaler, Constant()))
    assert "(scaled, 2 targets) over 7 windows: " in report.verdict
    assert "(scaled RMSE " in report.outcome
    errors = [report.test_score("rmse", units="scaled", model=model) or 0.0 for model in report.models]
    assert errors == sorted(errors)


def test_make_report__unscaled_targets_are_ranked_by_their_training_ranges(tmp_path: Path) -> None:
    rows = np.arange(40)
    write_csv(tmp_path / "two.csv", day=rows.tolist(), a=rows.tolist(), b=(3900 * (rows % 2)).tolist())
    data = f"{{kind: csv, path: {tmp_path / 'two.csv'}, time: day, target: [a, b]}}"
    prepared, scaler = prepare_rows(data=data, split="{train: 0.6, validation: 0.2, test: 0.2}")
    first, last = prepared.splits.train_rows[0]
    assert (first, last) == (0, 24)  # ranges 23 and 3900
    forecasts = forecast_all(prepared, scaler, Constant())
    report = make_report(prepared, forecasts)
    assert "(relative to each target's training range, 2 targets)" in report.verdict
    found = {name: report.test_score("rmse", units="range", model=name) for name in report.models}
    assert list(found.values()) == sorted(value or 0.0 for value in found.values())
    # 0.5 on rows 32 to 39, in windows of two steps: rows 33 to 38 twice.
    weights = np.array([1, *[2] * 6, 1]) / 14
    errors = [weights @ (0.5 - rows[32:]) ** 2 / 23**2, (0.5**2 + 3899.5**2) / 2 / 3900**2]
    assert found[NETWORK] == pytest.approx(np.sqrt(np.mean(errors)), rel=1e-9)
    # A line and a zigzag: the linear map is exact on both, and was not on the one of small numbers.
    assert (found["linear map"] or 1.0) < 1e-4
    assert any("loss, and with it early stopping, follows that target" in note for note in report.notes)


def test_forecast_all__a_large_covariate_does_not_hide_a_small_target_from_the_linear_map(
    tmp_path: Path,
) -> None:
    rows = np.arange(40)
    # The target follows from its own last two rows.
    price = 3e6 * np.random.default_rng(1).normal(size=40)
    write_csv(tmp_path / "one.csv", day=rows.tolist(), sold=np.sin(rows).tolist(), price=price.tolist())
    data = f"{{kind: csv, path: {tmp_path / 'one.csv'}, time: day, target: sold, inputs: [price]}}"
    prepared, scaler = prepare_rows(data=data, window="{length: 3, horizon: 1}")
    for chosen, is_exact in ((prepared, True), (replace(prepared, fit_by_range=False), False)):
        report = make_report(chosen, forecast_all(chosen, scaler, Constant()))
        assert ((report.test_score("rmse", model="linear map") or 1.0) < 1e-3) is is_exact


def test_forecast_all__a_season_brings_seasonal_baselines_and_owa() -> None:
    prepared, scaler = prepare_rows(data="{kind: sine, points: 40, stop: 39.0, season: 4}")
    scores = forecast_all(prepared, scaler, Constant()).scores
    owa = {(row.model, row.split): row.value for row in scores if (row.metric, row.step) == ("owa", None)}
    models = {NETWORK, *BASELINES, "seasonal naive", "Naive2"}
    assert set(owa) == {(model, split) for model in models for split in ("train", "validation", "test")}
    assert owa["Naive2", "test"] == 1.0
    assert not [row for row in forecast_all(*prepare_rows(), Constant()).scores if row.metric == "owa"]


def test_make_report__windows_of_three_series_at_the_same_times_are_too_few_for_a_verdict(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(2).normal(size=(3, 40))
    rows = [f"{name},{row},{noise[place, row]}\n" for place, name in enumerate("abc") for row in range(40)]
    (tmp_path / "shops.csv").write_text("shop,day,sold\n" + "".join(rows))
    data = f"{{kind: long, path: {tmp_path / 'shops.csv'}, series: shop, time: day, target: sold}}"
    prepared, scaler = prepare_rows(data=data)
    report = make_report(prepared, forecast_all(prepared, scaler, Constant()))
    assert "over 21 windows: the network " in report.verdict
    assert "; not tested for chance: 7 test windows per series, 15 needed; lower in " in report.outcome


def test_make_report__a_sine_without_noise_is_said_to_have_none() -> None:
    prepared, scaler = prepare_rows(
        data="{kind: sine, points: 400, stop: 40.0}", window="{length: 10, horizon: 1}"
    )
    report = make_report(prepared, forecast_all(prepared, scaler, Constant()))
    assert "a linear rule, the linear map, continues it exactly" in report.outcome
    assert "no better than their mean" in report.outcome


@pytest.mark.parametrize("reads_known", [True, False])
def test_make_report__an_earlier_linear_map_does_not_read_known_columns(
    tmp_path: Path, reads_known: bool
) -> None:
    """y = 3 x + 1, x without a pattern and known; runs of earlier versions keep their scores, and their verdict says why."""
    x = np.random.default_rng(2).normal(size=200)
    path = write_csv(tmp_path / "rows.csv", y=3 * x + 1, x=x)
    experiment = make_experiment(data=f"{{kind: csv, path: {path}, target: y, known: [x]}}")
    prepared = prepare(experiment, map_reads_known=reads_known)
    scaler = Scaler.fit(prepared.panel, prepared.splits.train_rows, method="minmax")
    report = make_report(prepared, forecast_all(prepared, scaler, Constant()))
    rmse = report.test_score("rmse", units="data", model="linear map")
    assert rmse is not None
    assert (rmse < 1e-3) == reads_known
    assert ("No baseline reads x" in report.outcome) != reads_known

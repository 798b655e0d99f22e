"""Scores of a whole experiment: a value that is not finite ends in a dash or an error, never in inf."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from rnnfc.config.load import from_yaml
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.reports.report import NETWORK
from rnnfc.reports.verdict import describe_unscored
from rnnfc.workflows import pictures, score
from rnnfc.workflows.prepare import Prepared, prepare
from rnnfc.workflows.score import forecast_all, make_report

EXPERIMENT = """\
name: tiny
seed: 9
data: {kind: sine, points: 40, stop: 39.0}
window: {length: 5, horizon: 2}
split: {validation: 0.1, test: 0.2}
scale: none
model: {kind: stacked, cell: GRU, units: [3]}
train: {epochs: 4}
"""


@dataclass(frozen=True)
class Constant:
    """Forecasts one value, and another for one row."""

    value: float
    wrong_row: int = -1
    label: str = NETWORK

    def predict(self, windows: Windows) -> Forecast:
        rows = windows.target_rows[..., None]
        return Forecast.from_windows(windows, np.where(rows == self.wrong_row, np.nan, self.value))


def prepared(*, huge: bool = False) -> tuple[Prepared, Scaler]:
    made = prepare(from_yaml(EXPERIMENT, source="x.yaml"))
    if huge:
        values = made.panel.values.copy()
        values[36, 0] = 1e200
        panel, splits = made.panel.with_values(values), made.splits
        assert splits.validation is not None
        parts = {
            "train": splits.train.with_panel(panel),
            "validation": splits.validation.with_panel(panel),
            "test": splits.test.with_panel(panel),
        }
        made = replace(made, panel=panel, splits=replace(splits, **parts))
    return made, Scaler.fit(made.panel, made.splits.train_rows, method="none")


@pytest.mark.filterwarnings("error")
def test_a_test_row_of_1e200_leaves_a_report_and_a_picture() -> None:
    made, scaler = prepared(huge=True)
    forecasts = forecast_all(made, scaler, Constant(0.5))
    report = make_report(made, forecasts)
    assert report.verdict == "Test MSE – (scaled –) over 7 windows: the network's test error is not finite."
    assert report.outcome == "the network's test error is not finite."
    assert set(report.models) == {NETWORK, "last value", "drift", "linear map"}
    json.dumps(report.to_json(), allow_nan=False)
    assert pictures.forecast_picture(made, forecasts)[:4] == b"\x89PNG"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("huge", [False, True])
def test_baselines_that_are_asked_for_stand_in_the_report_like_the_others(huge: bool) -> None:
    made, scaler = prepared(huge=huge)
    made = replace(made, experiment=made.experiment.model_copy(update={"baselines": ("theta", "ets")}))
    report = make_report(made, forecast_all(made, scaler, Constant(0.5)))
    assert set(report.models) == {NETWORK, "last value", "drift", "linear map", "Theta", "ETS"}
    rows = {
        name: [replace(row, model="", value=0) for row in report.scores if row.model == name]
        for name in report.models
    }
    assert rows["ETS"] == rows["Theta"] == rows["drift"]  # the same splits, metrics and steps
    assert all(np.isfinite(row.value) for row in report.scores if row.value is not None)


def test_a_network_that_forecasts_nan_is_refused_with_split_and_time() -> None:
    made, scaler = prepared()
    text = r"^the network's forecast of the test split is not finite, first in the window whose targets begin at 35; lower "
    with pytest.raises(TrainError, match=text):
        forecast_all(made, scaler, Constant(0.5, wrong_row=36))


def test_the_networks_forecasts_of_every_split_are_kept_and_no_others() -> None:
    made, scaler = prepared()
    forecasts = forecast_all(made, scaler, Constant(0.5))
    assert list(forecasts.network) == ["train", "validation", "test"]
    assert {row.model for row in forecasts.scores} == {NETWORK, "last value", "drift", "linear map"}


def test_the_best_baselines_forecasts_are_kept_for_the_windows_that_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, scaler = prepared()
    forecasts = forecast_all(made, scaler, Constant(0.5))
    assert forecasts.written.tolist() == [*range(7)]  # origins 32 to 38 of a horizon of 2
    assert forecasts.notes == []
    ((name, point),) = forecasts.best.items()
    assert f"the best baseline, the {name} (" in make_report(made, forecasts).outcome
    monkeypatch.setattr(score, "_MOST_ROWS", 13)
    few = forecast_all(made, scaler, Constant(0.5))
    assert few.written.tolist() == [3, 6]  # origin 35, and the last one
    assert few.notes == ["forecast.csv holds 2 of the 7 test windows, evenly spaced"]
    assert few.scores == forecasts.scores
    assert np.array_equal(few.best[name], point[[3, 6]])


def test_several_targets_are_compared_in_scaled_units(tmp_path: Path) -> None:
    rows = "".join(f"{row},{row},{1000 * (row % 2)}\n" for row in range(40))
    (tmp_path / "two.csv").write_text("day,line,zigzag\n" + rows)
    data = f"{{kind: csv, path: {tmp_path / 'two.csv'}, time: day, target: [line, zigzag]}}"
    text = EXPERIMENT.replace("{kind: sine, points: 40, stop: 39.0}", data).replace(
        "scale: none", "scale: standard"
    )
    made = prepare(from_yaml(text, source="x.yaml"))
    scaler = Scaler.fit(made.panel, made.splits.train_rows, method="standard")
    found = make_report(made, forecast_all(made, scaler, Constant(0.5)))
    assert "(scaled, 2 targets) over 7 windows: " in found.verdict
    assert "(scaled RMSE " in found.outcome
    assert found.models == sorted(
        found.models, key=lambda model: found.test_score("rmse", units="scaled", model=model) or 0.0
    )


def test_a_season_brings_naive2_and_what_is_relative_to_it() -> None:
    spec = from_yaml(EXPERIMENT.replace("stop: 39.0", "stop: 39.0, season: 4"), source="x.yaml")
    made = prepare(spec)
    forecasts = forecast_all(
        made, Scaler.fit(made.panel, made.splits.train_rows, method="none"), Constant(0.5)
    )
    owa = {
        (row.model, row.split): row.value
        for row in forecasts.scores
        if (row.metric, row.step) == ("owa", None)
    }
    models = {NETWORK, "last value", "drift", "seasonal naive", "Naive2", "linear map"}
    assert set(owa) == {(model, split) for model in models for split in ("train", "validation", "test")}
    assert owa["Naive2", "test"] == 1.0
    assert forecasts.notes == []
    assert not [row for row in forecast_all(*prepared(), Constant(0.5)).scores if row.metric == "owa"]


def test_windows_of_three_series_at_the_same_times_are_too_few_for_a_verdict(tmp_path: Path) -> None:
    rows = [
        f"{name},{row},{row % 5 + size}\n" for size, name in enumerate(("a", "b", "c")) for row in range(40)
    ]
    (tmp_path / "shops.csv").write_text("shop,day,sold\n" + "".join(rows))
    data = f"{{kind: long, path: {tmp_path / 'shops.csv'}, series: shop, time: day, target: sold}}"
    made = prepare(
        from_yaml(EXPERIMENT.replace("{kind: sine, points: 40, stop: 39.0}", data), source="x.yaml")
    )
    found = make_report(
        made, forecast_all(made, Scaler.fit(made.panel, made.splits.train_rows, method="none"), Constant(0.5))
    )
    assert (
        "over 21 windows: the network does not beat" in found.verdict
    )  # ten for each of two steps, but at seven times
    assert found.outcome.endswith(": too few windows to tell from chance).")


@dataclass(frozen=True)
class Spread:
    """Forecasts `Constant`'s values with quantiles around them, which are not finite in one row."""

    wrong_row: int = -1
    label: str = NETWORK

    def predict(self, windows: Windows) -> Forecast:
        point = Constant(0.5).predict(windows).point
        high = np.where(windows.target_rows[..., None] == self.wrong_row, np.inf, point + 2)
        return Forecast.from_windows(
            windows, point, quantiles=np.stack([point - 1, point, high], axis=-1), levels=(0.2, 0.5, 0.8)
        )


def test_a_quantile_that_is_not_finite_is_refused_too() -> None:
    made, scaler = prepared()
    assert forecast_all(made, scaler, Spread()).network["test"].levels == (0.2, 0.5, 0.8)
    with pytest.raises(
        TrainError,
        match=r"^the network's forecast of the test split is not finite, first in .* begin at 35; lower ",
    ):
        forecast_all(made, scaler, Spread(wrong_row=36))


def test_the_picture_has_the_outer_band_and_names_it_once() -> None:
    made, _ = prepared()
    windows = replace(made.splits.train, origins=np.array([6, 13], dtype=np.int32))
    line = pictures._line(Spread().predict(windows), windows, series=0, name="test")
    assert line.band is not None
    assert np.array_equal(line.band, [line.value - 1, line.value + 2], equal_nan=True)
    assert line.band_label == "20 % to 80 %"
    assert pictures._line(Spread().predict(windows), windows, series=0, name="train").band_label == ""
    only = replace(Spread().predict(windows), levels=(0.5,))
    assert pictures._line(only, windows, series=0, name="test").band is None


def test_what_is_missing_or_has_no_value_is_counted_and_told() -> None:
    made, scaler = prepared()
    forecasts = forecast_all(made, scaler, Constant(0.5))
    actual = np.array(forecasts.network["test"].actual)
    assert actual.shape == (7, 2, 1)
    actual[0] = np.nan
    rows = [replace(row, undefined=1) if row.metric == "mase" else row for row in forecasts.scores]
    assert describe_unscored(rows, replace(forecasts.network["test"], actual=actual)) == [
        "2 of 14 test values are missing and not scored",
        "1 of 1 series have no MASE, and are not in its mean",
    ]


def test_windows_end_to_end_share_no_row_and_end_with_the_last() -> None:
    origins = np.array([3, 4, 5, 9, 10, 11, 12, 20])
    assert origins[pictures._end_to_end(origins, 3)].tolist() == [5, 9, 12, 20]


def test_a_forecast_line_breaks_where_no_row_was_forecast() -> None:
    made, _ = prepared()
    windows = replace(made.splits.train, origins=np.array([6, 8, 13, 20], dtype=np.int32))
    forecast = Constant(0.5).predict(windows)
    line = pictures._line(forecast, windows, series=0, name="train")
    assert line.time.tolist() == [6, 7, 8, 9, 10, 13, 14, 15, 20, 21]
    assert np.flatnonzero(np.isnan(line.value)).tolist() == [4, 7]

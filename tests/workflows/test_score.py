"""Scores of a whole experiment: a value that is not finite ends in a dash or an error, never in inf."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from rnnfc import config
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.forecast import Forecast
from rnnfc.report import NETWORK
from rnnfc.workflows import pictures
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
        return Forecast.of(windows, np.where(rows == self.wrong_row, np.nan, self.value))


def prepared(*, huge: bool = False) -> tuple[Prepared, Scaler]:
    made = prepare(config.from_yaml(EXPERIMENT, source="x.yaml"))
    if huge:
        values = made.panel.values.copy()
        values[36, 0] = 1e200
        panel, splits = made.panel.with_values(values), made.splits
        assert splits.validation is not None
        parts = {"train": splits.train.on(panel), "validation": splits.validation.on(panel), "test": splits.test.on(panel)}
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


def test_windows_end_to_end_share_no_row_and_end_with_the_last() -> None:
    origins = np.array([3, 4, 5, 9, 10, 11, 12, 20])
    assert origins[pictures._end_to_end(origins, 3)].tolist() == [5, 9, 12, 20]


def test_a_forecast_line_breaks_where_no_row_was_forecast() -> None:
    made, _ = prepared()
    windows = replace(made.splits.train, origins=np.array([6, 8, 13, 20], dtype=np.int32))
    forecast = Constant(0.5).predict(windows)
    line = pictures._line(forecast, windows, series=0, label="forecast: train")
    assert line.time.tolist() == [6, 7, 8, 9, 10, 13, 14, 15, 20, 21]
    assert np.flatnonzero(np.isnan(line.value)).tolist() == [4, 7]

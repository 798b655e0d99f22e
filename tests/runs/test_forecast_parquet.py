"""forecast.parquet: the same rows as forecast.csv, with times in the clock of the data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import make_panel, make_windows

from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs.forecast_parquet import write_forecast_parquet


@pytest.mark.parametrize("offset", ["", "+01:00", "-09:30"])
def test_write_forecast_parquet__has_each_window_step_and_target(tmp_path: Path, offset: str) -> None:
    # Two targets of two windows of two steps; the second series begins with row 4.
    values = np.arange(16.0).reshape(8, 2)
    panel = make_panel(values[:4], values[4:], targets=2, daily=True, offset=offset)
    windows = make_windows(panel, [2, 6], length=2, horizon=2)
    actual = windows.actual()
    quantiles = np.stack([actual - 1, actual + 2], axis=-1)
    forecast = Forecast.from_windows(windows, actual + 0.5, quantiles=quantiles, levels=(0.1, 0.9))
    path = tmp_path / "forecast.parquet"
    write_forecast_parquet(forecast, panel, path, baselines={"linear map": actual * 2})
    frame = pd.read_parquet(path)
    assert list(frame["series"]) == ["north"] * 4 + ["south"] * 4
    assert list(frame["target"]) == ["sold", "price"] * 4
    assert list(frame["step"]) == [1, 1, 2, 2] * 2
    assert [f"{time:%Y-%m-%d %H:%M}" for time in frame["time"]] == [
        f"2020-01-0{day} 00:00" for day in (3, 3, 4, 4) * 2
    ]
    assert {f"{time:%m-%d}" for time in frame["origin_time"]} == {"01-02"}
    if offset:
        zone = frame["time"][0].strftime("%z")
        assert f"{zone[:3]}:{zone[3:]}" == offset
    assert list(frame["actual"]) == [4, 5, 6, 7, 12, 13, 14, 15]
    assert list(frame["forecast"]) == [4.5, 5.5, 6.5, 7.5, 12.5, 13.5, 14.5, 15.5]
    assert (list(frame["q0.1"])[:2], list(frame["q0.9"])[:2]) == ([3, 4], [6, 7])
    assert list(frame["linear map"])[:2] == [8, 10]

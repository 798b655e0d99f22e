"""Forecasts, scalers and contexts of a few numbers, for the tests of scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.scores import MetricContext


def make_forecast(point: Any, actual: Any, series: Sequence[int] | None = None) -> Forecast:
    """A forecast of [window, horizon, target], whose windows begin one row after the other."""
    points = np.array(point, dtype=np.float64)
    windows, horizon, _ = points.shape
    return Forecast(
        point=points,
        actual=None if actual is None else np.array(actual, dtype=np.float64),
        time=np.arange(windows)[:, None] + np.arange(horizon),
        origin_time=np.arange(windows) - 1,
        series=np.array(series or [0] * windows),
    )


def make_scaler(center: list[list[float]], scale: list[list[float]]) -> Scaler:
    """(x - center) / scale, [series][channel]."""
    return Scaler.from_json(
        {"method": "minmax", "center": center, "scale": scale, "low": center, "high": scale}
    )


def make_context(
    naive_errors: list[list[float]], *, scaler: Scaler | None = None, targets: tuple[str, ...] = ("sold",)
) -> MetricContext:
    """A context whose naive errors [series][target] are all of one size, so that their mean square is the square."""
    errors = np.array(naive_errors)
    scaler = scaler or make_scaler(np.zeros(errors.shape).tolist(), np.ones(errors.shape).tolist())
    return MetricContext(
        scaler=scaler, naive_errors={1: errors, 2: errors**2}, targets=targets, series="sales"
    )


def make_panel(*series: list[list[float]], filled: Sequence[tuple[int, int]] = ()) -> Panel:
    """Series of rows with two channels, the first of them the target; `filled` names cells (row, channel)."""
    values = np.array([row for rows in series for row in rows], dtype=np.float64)
    mask = np.zeros(values.shape, dtype=np.bool_)
    for cell in filled:
        mask[cell] = True
    return Panel(
        values=values,
        time=np.arange(len(values)),
        bounds=np.cumsum([0, *map(len, series)]),
        series=("north", "south")[: len(series)],
        channels=("sold", "price"),
        num_targets=1,
        frequency=Frequency(unit="number", size=1),
        filled=mask,
    )

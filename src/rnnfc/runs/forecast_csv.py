"""forecast.csv: one row for each window, step and target, in data units; safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Mapping
from typing import TextIO

import numpy as np

from rnnfc.data.panel import Floats, Panel, format_times
from rnnfc.errors import visible
from rnnfc.evaluation.forecast import Forecast

COLUMNS = ("series", "origin_time", "step", "time", "target", "actual", "forecast")
# A spreadsheet evaluates a cell that begins with one of these, and takes ' as the mark of text.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")


def write_forecast(
    forecast: Forecast, panel: Panel, file: TextIO, *, baselines: Mapping[str, Floats] | None = None
) -> None:
    """Write COLUMNS, then a column for each quantile level and each baseline.

    Args:
        baselines: point[window, horizon, target] by the baseline's name.
    """
    baselines = baselines or {}
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*COLUMNS, *map(quantile_name, forecast.levels), *baselines))
    quantiles = () if forecast.quantiles is None else np.moveaxis(forecast.quantiles, -1, 0)
    actual = np.full_like(forecast.point, np.nan) if forecast.actual is None else forecast.actual
    # [window, horizon, target, column]
    values = np.stack([actual, forecast.point, *quantiles, *baselines.values()], axis=-1)
    windows, steps = forecast.time.shape
    unique, place = np.unique(np.column_stack([forecast.origin_time, forecast.time]), return_inverse=True)
    # [window, 1 + step]: the origin's time, then those of the steps
    times = np.array(format_times(unique, panel.offset))[place].reshape(windows, 1 + steps).tolist()
    targets = [cell(target) for target in panel.targets]
    for window, series in enumerate(forecast.series):
        name = cell(panel.series[series])
        origin, *after = times[window]
        for step, (time, rows) in enumerate(zip(after, values[window].tolist(), strict=True), start=1):
            writer.writerows(
                (name, origin, step, time, target, *row) for target, row in zip(targets, rows, strict=True)
            )


def read_forecast(text: str) -> list[dict[str, str]]:
    """One mapping a row, everything as text; quantiles and baselines follow COLUMNS.

    Raises:
        ValueError: no rows, or other columns.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    for row in rows:
        if tuple(row)[: len(COLUMNS)] != COLUMNS or None in (*row, *row.values()):
            rows = []
            break
    if not rows:
        raise ValueError(f"columns must be {', '.join(COLUMNS)}")
    return [{**row, **{name: row[name].removeprefix("'") for name in ("series", "target")}} for row in rows]


def quantile_name(level: float) -> str:
    """The column of a quantile level, e.g. q0.1."""
    return f"q{level:g}"


def cell(name: str) -> str:
    """A name as a CSV cell: control characters escaped, and ' in front where a spreadsheet would see a formula."""
    shown = visible(name.replace("\n", r"\n"))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown

"""forecast.parquet: the columns of forecast.csv, of every test window."""

import datetime as dt
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.windows import Rows
from rnnfc.errors import MissingExtraError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs.forecast_csv import quantile_name


def refuse_missing_pyarrow() -> None:
    """Refuse to promise a Parquet file where pyarrow is not installed; it is not imported.

    Raises:
        MissingExtraError: says how to install it.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError(
            "report.forecasts: all writes Parquet, which needs pyarrow; install it with: pip install 'rnnfc[parquet]', "
            "or leave the key out"
        )


def write_forecast_parquet(
    forecast: Forecast, panel: Panel, path: Path, *, baselines: Mapping[str, Floats]
) -> None:
    """Write a row for each window, step and target; times have the UTC offset of the data, if it has one.

    Args:
        baselines: point[window, horizon, target] by the baseline's name.
    """
    import pyarrow as pa
    from pyarrow import parquet

    shape = forecast.point.shape
    clock = dt.datetime.strptime(panel.offset, "%z") if panel.offset else None
    offset = clock.utcoffset() if clock else None
    _, horizon, num_targets = shape

    def times(values: Times) -> pa.Array:
        flat = np.broadcast_to(values, shape).ravel()
        if not panel.offset:
            return pa.array(flat)
        # Arrow keeps UTC, the panel its own clock.
        return pa.array(flat - np.timedelta64(offset, "us")).cast(pa.timestamp("us", tz=panel.offset))

    def names(values: tuple[str, ...], index: Rows) -> pa.Array:
        places = pa.array(np.broadcast_to(index, shape).ravel().astype(np.int32))
        return pa.DictionaryArray.from_arrays(places, pa.array(values))

    # Quantiles are [window, horizon, target, level].
    quantiles = () if forecast.quantiles is None else np.moveaxis(forecast.quantiles, -1, 0)
    actual = np.full(shape, np.nan) if forecast.actual is None else forecast.actual
    columns = {
        "series": names(panel.series, forecast.series[:, None, None]),
        "origin_time": times(forecast.origin_time[:, None, None]),
        "step": pa.array(np.broadcast_to(np.arange(1, horizon + 1, dtype=np.int32)[:, None], shape).ravel()),
        "time": times(forecast.time[..., None]),
        "target": names(panel.targets, np.arange(num_targets, dtype=np.int64)),
        "actual": pa.array(actual.ravel()),
        "forecast": pa.array(forecast.point.ravel()),
        **{
            quantile_name(level): pa.array(values.ravel())
            for level, values in zip(forecast.levels, quantiles, strict=True)
        },
        **{name: pa.array(values.ravel()) for name, values in baselines.items()},
    }
    parquet.write_table(pa.table(columns), path)

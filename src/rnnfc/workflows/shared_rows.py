"""The test rows that several runs have in common, from their forecast.csv: matched by target, series, step and time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rnnfc.data.panel import FIRST_DATE, LAST_DATE, Floats, parse_times
from rnnfc.errors import RunError
from rnnfc.runs import forecast_csv
from rnnfc.runs import run as run_files
from rnnfc.runs.run import Run


class RowKey(NamedTuple):
    """What makes rows of two runs the same; time of dates in microseconds."""

    target: str
    series: str
    step: int
    time: float


@dataclass(frozen=True, kw_only=True)
class ForecastTable:
    """(actual, forecast, and the best baseline's forecast if there is one) of each row of forecast.csv, in its order.

    origins: of each row; rows of one series and origin are one window.
    """

    has_dates: bool
    baseline: str | None
    origins: dict[RowKey, float]
    rows: dict[RowKey, tuple[float, ...]]

    @property
    def targets(self) -> list[str]:
        """In the order of the experiment."""
        return list(dict.fromkeys(key.target for key in self.rows))


def shared_unit(runs: Sequence[Run]) -> str:
    units = [str(run.report().get("unit", "")) for run in runs]
    if len(set(units)) > 1:
        named = ", ".join(f"{run.name} in {unit or 'no unit'}" for run, unit in zip(runs, units, strict=True))
        raise RunError(f"the runs forecast in different units ({named}); compare runs of one unit")
    return units[0]


def read_table(run: Run) -> ForecastTable:
    rows = run.forecast_rows()
    # Columns after the quantiles: the best baseline; none in a run of an older version.
    baselines = list(rows[0])[len(forecast_csv.COLUMNS) + len(run.experiment().levels) :]
    try:
        numbers, has_dates = _parse_times([row["time"] for row in rows])
        origin_numbers, _ = _parse_times([row["origin_time"] for row in rows])
        values, origins = {}, {}
        for row, time, origin in zip(rows, numbers, origin_numbers, strict=True):
            key = RowKey(row["target"], row["series"], int(row["step"]), time)
            if row["actual"] != "nan":  # written by `missing: mask`
                point = (*map(_parse_finite, (row["actual"], row["forecast"])),)
                values[key] = (*point, *(float(row[name]) for name in baselines))
                origins[key] = origin
    except (OverflowError, TypeError, ValueError) as error:
        raise RunError(
            f"{run.folder / run_files.FORECAST}: a row cannot be read ({error}); the run is damaged, train it again"
        ) from error
    baseline = baselines[0] if baselines else None
    return ForecastTable(has_dates=has_dates, baseline=baseline, origins=origins, rows=values)


def _parse_times(texts: list[str]) -> tuple[list[float], bool]:
    """The times as numbers, and whether they are dates."""
    times = parse_times(texts)
    if not np.isfinite(times).all():
        raise ValueError("a time is not finite")
    has_dates = times.dtype.kind == "M"
    if has_dates and not ((times >= FIRST_DATE) & (times < LAST_DATE)).all():
        raise ValueError("a date is not of the years 1000 to 8999")
    return (times.astype(np.int64) if has_dates else times).tolist(), has_dates


def _parse_finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def shared_rows(runs: Sequence[Run], tables: Sequence[ForecastTable]) -> list[RowKey]:
    """The rows that all runs have, by target, series, step and time."""
    shared = set.intersection(*(set(table.rows) for table in tables))
    if shared and len({table.has_dates for table in tables}) == 1:
        return sorted(shared)
    columns = {
        "targets": [", ".join(table.targets) for table in tables],
        "data": [_source(run) for run in runs],
    }
    differences = "; ".join(
        f"{name} {' / '.join(values)}" for name, values in columns.items() if len(set(values)) > 1
    )
    raise RunError(
        f"{', '.join(run.name for run in runs)}: no test row in common{f' ({differences})' if differences else ''}; "
        "compare runs of the same data and split"
    )


def _source(run: Run) -> str:
    data = run.experiment().data
    return data.file or data.kind


def require_same_data(runs: Sequence[Run], actuals: Sequence[Floats], first: Floats) -> None:
    for run, actual in zip(runs, actuals, strict=True):
        if not np.allclose(actual, first, rtol=1e-9, atol=0.0):
            raise RunError(
                f"{runs[0].name} and {run.name} have different actual values for the same rows; compare runs of the same data"
            )


def describe_steps(tables: Sequence[ForecastTable], shared: Sequence[RowKey]) -> str:
    """Which steps are compared; empty where it is all of them."""
    steps = sorted({key.step for key in shared})
    if all({key.step for key in table.rows} == set(steps) for table in tables):
        return ""
    if len(steps) == 1:
        return f"step {steps[0]} of each forecast"
    consecutive = steps == list(range(steps[0], steps[-1] + 1))
    names = f"{steps[0]} to {steps[-1]}" if consecutive else ", ".join(map(str, steps))
    return f"steps {names} of each forecast"


def error_sizes(shared: Sequence[RowKey], actual: Floats, *, unit: str) -> tuple[Floats, str]:
    """Divisor of the errors of each row, and the unit of the quotient."""
    targets = np.unique([key.target for key in shared], return_inverse=True)[1]
    if targets.max() == 0:
        return np.ones(len(shared)), unit
    with np.errstate(all="ignore"):
        size = np.array([np.std(actual[targets == target]) for target in range(targets.max() + 1)])
    # A constant target, and one too large to be squared, keeps its unit.
    size[(size == 0) | ~np.isfinite(size)] = 1.0
    return size[targets], "standard deviations of each target"

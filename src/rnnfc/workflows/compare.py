"""Runs side by side on the same test rows, in data units: a table and a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc import metrics, run
from rnnfc.data.panel import Floats, parse_clock
from rnnfc.errors import RunError
from rnnfc.report import figure
from rnnfc.run import Draft, Run

_METRICS = ("mse", "rmse", "mae")
_Key = tuple[str, str, str, int]  # target, series, time, step


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of each run on the rows that all of them forecast, the lowest RMSE first."""

    folder: Path
    rows: int
    unit: str
    scores: list[dict[str, Any]]


def compare(runs: Sequence[Run], *, outputs: Path) -> Comparison:
    """Score the runs on the test rows that all of them have, and publish table and picture under `outputs`.

    Rows are the same where target, series, time and step are.

    Raises:
        RunError: fewer than two runs, no common rows, or runs of different data.
    """
    if len({which.folder.resolve() for which in runs}) < 2:
        raise RunError("compare needs two different finished runs; train another, or name them: rnnfc compare RUN RUN")
    units = {which.name: which.report().get("unit", "") for which in runs}
    if len(set(units.values())) > 1:
        named = ", ".join(f"{name} in {unit or 'no unit'}" for name, unit in units.items())
        raise RunError(f"the runs forecast in different units ({named}); compare runs of one unit")
    tables = [_table(which) for which in runs]
    common = sorted(set.intersection(*(set(table) for table in tables)), key=_order)
    if not common:
        raise RunError(
            f"{', '.join(which.name for which in runs)}: no test row in common; compare runs of the same data and split"
        )
    actual = np.array([tables[0][key][0] for key in common])
    points = [np.array([table[key][1] for key in common]) for table in tables]
    _refuse_other_data(runs, tables, common, actual)
    scores: list[dict[str, Any]] = [
        {"run": which.name, **{name: metrics.METRICS[name](actual, point) for name in _METRICS}}
        for which, point in zip(runs, points, strict=True)
    ]
    scores.sort(key=lambda row: row["rmse"])
    unit = units[runs[0].name]
    with Draft(outputs, "compare") as draft:
        draft.write_json(run.COMPARE, {"unit": unit, "rows": len(common), "scores": scores})
        draft.write(run.COMPARE_TEXT, _markdown(scores, unit=unit, rows=len(common)))
        draft.write(run.COMPARE_PLOT, _picture(runs, common, actual, points, unit=unit))
    return Comparison(folder=draft.folder, rows=len(common), unit=unit, scores=scores)


def _table(which: Run) -> dict[_Key, tuple[float, float]]:
    """(actual, forecast) of each row of forecast.csv."""
    rows = which.forecast_rows()
    try:
        parse_clock([row["time"] for row in rows])
        return {
            (row["target"], row["series"], row["time"], int(row["step"])): (_finite(row["actual"]), _finite(row["forecast"]))
            for row in rows
        }
    except (TypeError, ValueError) as error:
        raise RunError(
            f"{which.folder / run.FORECAST}: a row cannot be read ({error}); the run is damaged, train it again"
        ) from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _order(key: _Key) -> tuple[Any, ...]:
    target, series, time, step = key
    return target, series, step, parse_clock([time])[0]


def _refuse_other_data(
    runs: Sequence[Run], tables: Sequence[dict[_Key, tuple[float, float]]], common: Sequence[_Key], actual: Floats
) -> None:
    for which, table in zip(runs[1:], tables[1:], strict=True):
        other = np.array([table[key][0] for key in common])
        if not np.allclose(other, actual, rtol=1e-9, atol=0.0):
            raise RunError(
                f"{runs[0].name} and {which.name} hold different actual values for the same rows; compare runs of the same data"
            )


def _markdown(scores: Sequence[dict[str, Any]], *, unit: str, rows: int) -> str:
    head = [f"{rows:,} test rows that all runs forecast, data units{f' ({unit})' if unit else ''}", ""]
    table = ["| run | MSE | RMSE | MAE |", "|---|---:|---:|---:|"]
    table += [f"| {row['run']} | {' | '.join(figure(row[name]) for name in _METRICS)} |" for row in scores]
    return "\n".join([*head, *table]) + "\n"


def _picture(runs: Sequence[Run], common: Sequence[_Key], actual: Floats, points: Sequence[Floats], *, unit: str) -> bytes:
    """The first target and series, at the first step that the runs share."""
    from rnnfc import plots

    target, series, _, step = common[0]
    chosen = [place for place, key in enumerate(common) if (key[0], key[1], key[3]) == (target, series, step)]
    times = parse_clock([common[place][2] for place in chosen])
    lines = [
        plots.Line(label=f"{label}: MSE {figure(metrics.mse(actual, point))}", time=times, value=point[chosen])
        for label, point in zip(_labels(runs), points, strict=True)
    ]
    return plots.side_by_side(
        title=f"{len(runs)} runs on the same test rows",
        actual=plots.Line(label="actual", time=times, value=actual[chosen]),
        runs=lines,
        ylabel=plots.axis_label(target, unit),
        xlabel="time" if times.dtype.kind == "M" else _time_name(runs[0]),
    )


def _labels(runs: Sequence[Run]) -> list[str]:
    """Experiment names where they tell the runs apart, else folder names."""
    names = [str(which.info().get("name", which.name)) for which in runs]
    return names if len(set(names)) == len(names) else [which.name for which in runs]


def _time_name(which: Run) -> str:
    data = which.experiment().data
    return "x" if data.kind == "sine" else data.time or "row"

"""Runs side by side on the same test rows, in data units: a table and a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc import metrics, run
from rnnfc.data.panel import FIRST_DATE, LAST_DATE, Floats, parse_clock
from rnnfc.draft import Draft
from rnnfc.errors import RunError
from rnnfc.report import figure, literal
from rnnfc.run import Run
from rnnfc.workflows.pictures import labels, time_name

_METRICS = ("mse", "rmse", "mae")
_Key = tuple[str, str, int, float]  # target, series, step, time (dates: microseconds)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of each run on the rows that all of them forecast, the lowest RMSE first.

    note: which steps of the forecasts are compared, e.g. `step 1 of each forecast`; empty where it is all of them.
    """

    folder: Path
    rows: int
    unit: str
    note: str
    scores: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """(actual, forecast) of each row of forecast.csv, in its order."""

    dated: bool
    rows: dict[_Key, tuple[float, float]]

    @property
    def targets(self) -> list[str]:
        """In the order of the experiment."""
        return list(dict.fromkeys(key[0] for key in self.rows))


def compare(runs: Sequence[Run], *, outputs: Path) -> Comparison:
    """Score the runs on the test rows that all of them have, and publish table and picture under `outputs`.

    Rows are the same where target, series, time and step are. A run that is named twice counts once.

    Raises:
        RunError: fewer than two runs, no common rows, or runs of different data.
    """
    runs = list({which.folder.resolve(): which for which in reversed(runs)}.values())[::-1]
    if len(runs) < 2:
        raise RunError("compare needs two different finished runs; train another, or name them: rnnfc compare RUN RUN")
    unit = _unit(runs)
    tables = [_table(which) for which in runs]
    common = _common(runs, tables)
    actual = np.array([tables[0].rows[key][0] for key in common])
    points = [np.array([table.rows[key][1] for key in common]) for table in tables]
    _refuse_other_data(runs, tables, common, actual)
    scores: list[dict[str, Any]] = [
        {"run": which.name, **{name: metrics.measure(name, actual, point) for name in _METRICS}}
        for which, point in zip(runs, points, strict=True)
    ]
    scores.sort(key=lambda row: math.inf if row["rmse"] is None else row["rmse"])
    note = _note(tables, common)
    with Draft(outputs, "compare") as draft:
        draft.write_json(run.COMPARE, {"unit": unit, "rows": len(common), "note": note, "scores": scores})
        draft.write(run.COMPARE_TEXT, _markdown(scores, unit=unit, rows=len(common), note=note))
        draft.write(run.COMPARE_PLOT, _picture(runs, tables, common, actual, points, unit=unit))
    return Comparison(folder=draft.folder, rows=len(common), unit=unit, note=note, scores=scores)


def _unit(runs: Sequence[Run]) -> str:
    units = [str(which.report().get("unit", "")) for which in runs]
    if len(set(units)) > 1:
        named = ", ".join(f"{which.name} in {unit or 'no unit'}" for which, unit in zip(runs, units, strict=True))
        raise RunError(f"the runs forecast in different units ({named}); compare runs of one unit")
    return units[0]


def _table(which: Run) -> _Table:
    rows = which.forecast_rows()
    try:
        times = parse_clock([row["time"] for row in rows])
        if not np.isfinite(times).all():
            raise ValueError("a time is not finite")
        if times.dtype.kind == "M" and not ((times >= FIRST_DATE) & (times < LAST_DATE)).all():
            raise ValueError("a date is not of the years 1000 to 8999")
        dated = times.dtype.kind == "M"
        places: list[float] = (times.astype(np.int64) if dated else times).tolist()
        values = {
            (row["target"], row["series"], int(row["step"]), place): (_finite(row["actual"]), _finite(row["forecast"]))
            for row, place in zip(rows, places, strict=True)
            if row["actual"] != "nan"  # which `missing: mask` leaves
        }
    except (OverflowError, TypeError, ValueError) as error:
        raise RunError(
            f"{which.folder / run.FORECAST}: a row cannot be read ({error}); the run is damaged, train it again"
        ) from error
    return _Table(dated=dated, rows=values)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _common(runs: Sequence[Run], tables: Sequence[_Table]) -> list[_Key]:
    """The rows that all runs have, by target, series, step and time."""
    common = set.intersection(*(set(table.rows) for table in tables))
    if common and len({table.dated for table in tables}) == 1:
        return sorted(common)
    columns = {"targets": [", ".join(table.targets) for table in tables], "data": [_source(which) for which in runs]}
    differ = "; ".join(f"{name} {' / '.join(values)}" for name, values in columns.items() if len(set(values)) > 1)
    raise RunError(
        f"{', '.join(which.name for which in runs)}: no test row in common{f' ({differ})' if differ else ''}; "
        "compare runs of the same data and split"
    )


def _source(which: Run) -> str:
    data = which.experiment().data
    return str(getattr(data, "path", data.kind))


def _refuse_other_data(runs: Sequence[Run], tables: Sequence[_Table], common: Sequence[_Key], actual: Floats) -> None:
    for which, table in zip(runs[1:], tables[1:], strict=True):
        other = np.array([table.rows[key][0] for key in common])
        if not np.allclose(other, actual, rtol=1e-9, atol=0.0):
            raise RunError(
                f"{runs[0].name} and {which.name} hold different actual values for the same rows; compare runs of the same data"
            )


def _note(tables: Sequence[_Table], common: Sequence[_Key]) -> str:
    steps = sorted({key[2] for key in common})
    if all({key[2] for key in table.rows} == set(steps) for table in tables):
        return ""
    if len(steps) == 1:
        return f"step {steps[0]} of each forecast"
    whole = steps == list(range(steps[0], steps[-1] + 1))
    return f"steps {f'{steps[0]} to {steps[-1]}' if whole else ', '.join(map(str, steps))} of each forecast"


def _markdown(scores: Sequence[dict[str, Any]], *, unit: str, rows: int, note: str) -> str:
    named = f" ({literal(unit)})" if unit else ""
    head = f"{rows:,} test rows that all runs forecast{f', {note}' if note else ''}, data units{named}"
    table = ["| run | MSE | RMSE | MAE |", "|---|---:|---:|---:|"]
    table += [f"| {literal(row['run'])} | {' | '.join(figure(row[name]) for name in _METRICS)} |" for row in scores]
    return "\n".join([head, "", *table]) + "\n"


def _picture(
    runs: Sequence[Run], tables: Sequence[_Table], common: Sequence[_Key], actual: Floats, points: Sequence[Floats], *, unit: str
) -> bytes:
    """The first run's first target that all share, of it the first series and step that they share."""
    from rnnfc import plots

    shared = set(common)
    target = next(key[0] for key in tables[0].rows if key in shared)
    _, series, step, _ = next(key for key in common if key[0] == target)
    chosen = [place for place, key in enumerate(common) if key[:3] == (target, series, step)]
    times, dated = np.array([common[place][3] for place in chosen]), tables[0].dated
    if dated:
        times = times.astype("datetime64[us]")
    targets = len({key[0] for key in common})
    which = [f"{target} (1 of {targets} targets)"] if targets > 1 else []
    many = len({key[1] for key in common})
    which += [f"{series} (1 of {many:,} series)"] if many > 1 else []
    which += [f"step {step} of each forecast"] if any(key[2] != step for table in tables for key in table.rows) else []
    lines = [
        plots.Line(label=f"{label}: MSE {figure(metrics.measure('mse', actual, point))}", time=times, value=point[chosen])
        for label, point in zip(labels(runs), points, strict=True)
    ]
    return plots.side_by_side(
        title=", ".join([f"{len(runs)} runs on the same test rows", *which]),
        actual=plots.Line(label="actual", time=times, value=actual[chosen]),
        runs=lines,
        ylabel=plots.axis_label(target, unit),
        xlabel="time" if dated else time_name(runs[0].experiment()),
    )

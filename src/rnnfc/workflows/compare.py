"""Runs side by side on the same test rows, in data units: a table and a picture."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.data.panel import FIRST_DATE, LAST_DATE, Floats, parse_times
from rnnfc.errors import RunError
from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.evaluation.scores import measure
from rnnfc.reports.report import HEADLINE, NETWORK, RANKING
from rnnfc.reports.text import escape_markdown, format_number, format_table
from rnnfc.runs import forecast_csv, run
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.pictures import label_runs

# What of many runs and rows can be told apart in one picture.
_DRAWN_RUNS, _DRAWN_ROWS = 4, 120
_Key = tuple[str, str, int, float]  # target, series, step, time (dates: microseconds)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of each run, and of the baselines that the runs hold, on the rows that all forecast, the lowest RMSE first.

    scores: `model` is the network, or the best baseline of the run; a baseline that several runs have alike stands once.
    unit: of the errors; of several targets each counts in standard deviations of its actual values, for their units may differ.
    note: which steps of the forecasts are compared, e.g. `step 1 of each forecast`; empty where it is all of them.
    """

    folder: Path
    rows: int
    unit: str
    note: str
    scores: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for --json."""
        values = {name: getattr(self, name) for name in ("unit", "rows", "note", "scores")}
        return {"folder": str(self.folder), **values}

    def table(self, *, complete: bool) -> tuple[list[str], list[list[str]]]:
        """Headings, and each row's name and scores for people; only what the console shows unless it is complete."""
        metrics = [
            name
            for name, metric in METRICS.items()
            if metric.needs_values_only and (complete or metric.summary)
        ]
        rows = zip(self.names, self.scores, strict=True)
        return ["run", *map(heading, metrics)], [
            [name, *(format_number(row[of]) for of in metrics)] for name, row in rows
        ]

    @property
    def names(self) -> list[str]:
        """What each row of the scores is called."""
        models = [row["model"] for row in self.scores]
        of = ["" if models.count(row["model"]) == 1 else f" of {row['run']}" for row in self.scores]
        named = zip(self.scores, of, strict=True)
        return [
            row["run"] if row["model"] == NETWORK else f"{row['model']} (baseline{whose})"
            for row, whose in named
        ]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """(actual, forecast, and the best baseline's forecast where it is known) of each row of forecast.csv, in its order."""

    dated: bool
    baseline: str | None
    rows: dict[_Key, tuple[float, ...]]

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
        raise RunError(
            "compare needs two different finished runs; train another, or name them: rnnfc compare RUN RUN"
        )
    unit = _unit(runs)
    tables = [_table(which) for which in runs]
    common = _common(runs, tables)
    values = [np.array([table.rows[key] for key in common]).T for table in tables]
    actual = values[0][0]
    _refuse_other_data(runs, [own[0] for own in values], actual)
    size, unit = _sizes(common, actual, unit=unit)
    numbers = {names: number for number, names in enumerate(dict.fromkeys(key[:2] for key in common))}
    series = np.array([numbers[key[:2]] for key in common])  # each target of each series
    scored: dict[tuple[Any, ...], tuple[dict[str, Any], Floats]] = {}
    for which, table, own in zip(runs, tables, values, strict=True):
        for model, point in zip((NETWORK, table.baseline), own[1:], strict=False):
            errors = {
                name: measure(metric, actual=actual / size, point=point / size, series=series)
                for name, metric in METRICS.items()
                if metric.needs_values_only
            }
            once = which.folder if model == NETWORK else tuple(errors.values())
            scored.setdefault((model, once), ({"run": which.name, "model": model, **errors}, point))
    ranked = sorted(scored.values(), key=lambda pair: METRICS[RANKING].sort_key(pair[0][RANKING]))
    note, scores = _note(tables, common), [row for row, _ in ranked]
    made = Comparison(folder=outputs, rows=len(common), unit=unit, note=note, scores=scores)
    with RunWriter(outputs, "compare") as draft:
        draft.write_json(
            run.COMPARE, {name: getattr(made, name) for name in ("unit", "rows", "note", "scores")}
        )
        draft.write(run.COMPARE_TEXT, _markdown(made))
        draft.write(
            run.COMPARE_PLOT, _picture(runs, tables, common, made, [actual, *(point for _, point in ranked)])
        )
    return replace(made, folder=draft.folder)


def _sizes(common: Sequence[_Key], actual: Floats, *, unit: str) -> tuple[Floats, str]:
    """What errors are divided by, [row], and their unit then."""
    targets = np.unique([key[0] for key in common], return_inverse=True)[1]
    if targets.max() == 0:
        return np.ones(len(common)), unit
    with np.errstate(all="ignore"):
        size = np.array([np.std(actual[targets == target]) for target in range(targets.max() + 1)])
    size[(size == 0) | ~np.isfinite(size)] = (
        1.0  # a target that stays the same, or is too large to be squared, counts as it is
    )
    return size[targets], "standard deviations of each target"


def _unit(runs: Sequence[Run]) -> str:
    units = [str(which.report().get("unit", "")) for which in runs]
    if len(set(units)) > 1:
        named = ", ".join(
            f"{which.name} in {unit or 'no unit'}" for which, unit in zip(runs, units, strict=True)
        )
        raise RunError(f"the runs forecast in different units ({named}); compare runs of one unit")
    return units[0]


def _table(which: Run) -> _Table:
    rows = which.forecast_rows()
    beside = list(rows[0])[
        len(forecast_csv.COLUMNS) + len(which.experiment().levels) :
    ]  # none in a run of an older version
    try:
        times = parse_times([row["time"] for row in rows])
        if not np.isfinite(times).all():
            raise ValueError("a time is not finite")
        if times.dtype.kind == "M" and not ((times >= FIRST_DATE) & (times < LAST_DATE)).all():
            raise ValueError("a date is not of the years 1000 to 8999")
        dated = times.dtype.kind == "M"
        places: list[float] = (times.astype(np.int64) if dated else times).tolist()
        values = {
            (row["target"], row["series"], int(row["step"]), place): (
                *map(_finite, (row["actual"], row["forecast"])),
                *(float(row[name]) for name in beside),
            )
            for row, place in zip(rows, places, strict=True)
            if row["actual"] != "nan"  # which `missing: mask` leaves
        }
    except (OverflowError, TypeError, ValueError) as error:
        raise RunError(
            f"{which.folder / run.FORECAST}: a row cannot be read ({error}); the run is damaged, train it again"
        ) from error
    return _Table(dated=dated, baseline=beside[0] if beside else None, rows=values)


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
    columns = {
        "targets": [", ".join(table.targets) for table in tables],
        "data": [_source(which) for which in runs],
    }
    differ = "; ".join(
        f"{name} {' / '.join(values)}" for name, values in columns.items() if len(set(values)) > 1
    )
    raise RunError(
        f"{', '.join(which.name for which in runs)}: no test row in common{f' ({differ})' if differ else ''}; "
        "compare runs of the same data and split"
    )


def _source(which: Run) -> str:
    data = which.experiment().data
    return data.file or data.kind


def _refuse_other_data(runs: Sequence[Run], actuals: Sequence[Floats], first: Floats) -> None:
    for which, other in zip(runs, actuals, strict=True):
        if not np.allclose(other, first, rtol=1e-9, atol=0.0):
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


def _markdown(made: Comparison) -> str:
    unit = f", in {escape_markdown(made.unit)}" if made.unit else ""
    head = f"{made.rows:,} test rows that all runs forecast{unit}{f' ({made.note})' if made.note else ''}"
    headings, rows = made.table(complete=True)
    table = format_table(headings, [[escape_markdown(name), *cells] for name, *cells in rows])
    return "\n".join([head, "", *table]) + "\n"


def _picture(
    runs: Sequence[Run],
    tables: Sequence[_Table],
    common: Sequence[_Key],
    made: Comparison,
    values: Sequence[Floats],
) -> bytes:
    """The best networks and the best baseline, for the first run's first target that all share and the first series of it.

    values: of `common`, the actual ones, then those of each row of the scores.
    """
    from rnnfc.reports import plots

    shared = set(common)
    target = next(key[0] for key in tables[0].rows if key in shared)
    series = next(key[1] for key in common if key[0] == target)
    chosen, what = _shown([place for place, key in enumerate(common) if key[:2] == (target, series)], common)
    times, dated = np.array([common[place][3] for place in chosen]), tables[0].dated
    if dated:
        times = times.astype("datetime64[us]")
    targets, many = (len({key[part] for key in common}) for part in (0, 1))
    which = [f"{target} (1 of {targets} targets)"] if targets > 1 else []
    which += [f"{series} (1 of {many:,} series)"] if many > 1 else []
    which += [what] if any(key[2] != 1 for table in tables for key in table.rows) else []
    named = dict(zip([each.name for each in runs], label_runs(runs), strict=True))
    lines = [
        plots.Line(
            label=f"{named.get(name, name)}: {heading(HEADLINE)} {format_number(row[HEADLINE])}",
            time=times,
            value=value[chosen],
        )
        for name, row, value in zip(made.names, made.scores, values[1:], strict=True)
    ]
    networks = [place for place, row in enumerate(made.scores) if row["model"] == NETWORK]
    others = [place for place in range(len(lines)) if place not in networks]
    count = f"{len(runs)} runs" if len(runs) <= _DRAWN_RUNS else f"the best {_DRAWN_RUNS} of {len(runs)} runs"
    return plots.side_by_side(
        title=", ".join([f"{count} on the same test rows", *which]),
        actual=plots.Line(label="actual", time=times, value=values[0][chosen]),
        runs=[lines[place] for place in sorted(networks[:_DRAWN_RUNS] + others[:1])],
        ylabel=plots.axis_label(target, _unit(runs)),
        xlabel="time" if dated else runs[0].experiment().data.time_label,
    )


def _shown(own: Sequence[int], common: Sequence[_Key]) -> tuple[list[int], str]:
    """Which of the rows `own` of a series are drawn: the last forecasts that do not overlap, end to end.

    Where rows are missing, so that forecasts differ in their steps, the last rows of one step.
    """
    steps = [
        list(rows) for _, rows in itertools.groupby(own, key=lambda place: common[place][2])
    ]  # ascending in time
    if len(steps) == 1 or len({len(rows) for rows in steps}) > 1:
        return steps[0][-_DRAWN_ROWS:], f"step {common[own[0]][2]} of each forecast"
    chosen: list[int] = []
    for forecast in list(zip(*steps, strict=True))[::-1]:
        if not chosen or (len(chosen) < _DRAWN_ROWS and common[forecast[-1]][3] < common[chosen[0]][3]):
            chosen = [*forecast, *chosen]
    return chosen, f"{len(steps)} steps end to end"

"""Runs side by side on the same test rows, in data units: a table and a picture."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnfc.data.panel import FIRST_DATE, LAST_DATE, Floats, parse_times
from rnnfc.errors import RunError
from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.evaluation.scores import measure
from rnnfc.plain import JsonObject
from rnnfc.reports.report import NETWORK, RANKING_METRIC, VERDICT_METRIC
from rnnfc.reports.text import describe_better, escape_markdown, format_number, format_table
from rnnfc.runs import forecast_csv
from rnnfc.runs import run as run_files
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.pictures import label_runs, phase_spacing

# Runs and rows that one picture shows clearly.
_MOST_DRAWN_RUNS, _MOST_DRAWN_ROWS = 4, 120
# Metrics of actual values and point forecasts alone, which is what forecast.csv holds.
_METRICS = {name: metric for name, metric in METRICS.items() if metric.needs_values_only}


class _Key(NamedTuple):
    """What makes rows of two runs the same; time of dates in microseconds."""

    target: str
    series: str
    step: int
    time: float


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """Scores of one model on the common rows, by metric; `model` is the network, or the best baseline of the run."""

    run: str
    model: str
    values: dict[str, float | None]

    def to_json(self) -> JsonObject:
        """One flat row."""
        return {"run": self.run, "model": self.model, **self.values}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of each run, and of the baselines that the runs hold, on the rows that all forecast, the lowest RMSE first.

    scores: a baseline whose scores are the same in several runs is listed once.
    unit: of the errors; with several targets, whose units may differ, errors count in standard deviations of the actual values.
    note: which steps of the forecasts are compared, e.g. `step 1 of each forecast`; empty where it is all of them.
    """

    folder: Path
    rows: int
    unit: str
    note: str
    scores: list[ModelScores]

    @property
    def names(self) -> list[str]:
        """A name for each of the scores: the run, or the baseline, with its run where several have the same name."""
        models = [row.model for row in self.scores]
        return [
            row.run
            if row.model == NETWORK
            else f"{row.model} (baseline{'' if models.count(row.model) == 1 else f' of {row.run}'})"
            for row in self.scores
        ]

    @property
    def title(self) -> str:
        """How many rows are compared, in which unit, and of which steps."""
        unit = f", in {self.unit}" if self.unit else ""
        return f"{self.rows:,} test rows that all runs forecast{unit}{f' ({self.note})' if self.note else ''}"

    def table(self, *, complete: bool) -> tuple[list[str], list[list[str]]]:
        """Headings, and each row's name and scores as text; only the metrics that the console shows unless it is complete."""
        metrics = [name for name, metric in _METRICS.items() if complete or metric.summary]
        rows = [
            [name, *(format_number(row.values[metric]) for metric in metrics)]
            for name, row in zip(self.names, self.scores, strict=True)
        ]
        return ["run", *map(heading, metrics)], rows

    def to_json(self) -> JsonObject:
        """Plain values, for --json; compare.json has all but the folder."""
        scores = [row.to_json() for row in self.scores]
        values: JsonObject = {"unit": self.unit, "rows": self.rows, "note": self.note, "scores": scores}
        return {"folder": str(self.folder), **values}


@dataclass(frozen=True, kw_only=True)
class _Table:
    """(actual, forecast, and the best baseline's forecast if there is one) of each row of forecast.csv, in its order."""

    dated: bool
    baseline: str | None
    rows: dict[_Key, tuple[float, ...]]

    @property
    def targets(self) -> list[str]:
        """In the order of the experiment."""
        return list(dict.fromkeys(key.target for key in self.rows))


def compare(runs: Sequence[Run], *, outputs: Path) -> Comparison:
    """Score the runs on the test rows that all of them have, and publish table and picture under `outputs`.

    Rows are the same where target, series, time and step are. A run that is named twice counts once.

    Raises:
        RunError: fewer than two runs, no common rows, or runs of different data.
    """
    num_names = len(runs)
    runs = list({run.folder.resolve(): run for run in reversed(runs)}.values())[::-1]
    if len(runs) == 1 and num_names > 1:
        names = "both names mean" if num_names == 2 else "all names mean"
        raise RunError(
            f"{names} run {runs[0].name}; compare needs two different finished runs: rnnfc compare RUN RUN"
        )
    if len(runs) < 2:
        raise RunError(
            "compare needs two different finished runs; train another, or name them: rnnfc compare RUN RUN"
        )
    for run in runs:
        run.require_test_rows()
    unit = _common_unit(runs)
    tables = [_read_table(run) for run in runs]
    common = _common_rows(runs, tables)
    values = [np.array([table.rows[key] for key in common]).T for table in tables]
    actual = values[0][0]
    _refuse_different_data(runs, [columns[0] for columns in values], actual)
    size, unit = _error_sizes(common, actual, unit=unit)
    scores: dict[tuple[object, ...], tuple[ModelScores, Floats]] = {}
    for run, table, columns in zip(runs, tables, values, strict=True):
        for model, point in zip((NETWORK, table.baseline), columns[1:], strict=False):
            if model is None:
                continue
            row = ModelScores(run=run.name, model=model, values=_measure(common, actual / size, point / size))
            same = run.folder if model == NETWORK else tuple(row.values.values())
            scores.setdefault((model, same), (row, point))
    ranked = sorted(
        scores.values(), key=lambda pair: METRICS[RANKING_METRIC].sort_key(pair[0].values[RANKING_METRIC])
    )
    comparison = Comparison(
        folder=outputs,
        rows=len(common),
        unit=unit,
        note=_describe_steps(tables, common),
        scores=[row for row, _ in ranked],
    )
    with RunWriter(outputs, "compare") as writer:
        content = {name: value for name, value in comparison.to_json().items() if name != "folder"}
        writer.write_json(run_files.COMPARE, content)
        writer.write(run_files.COMPARE_TEXT, _to_markdown(comparison))
        points = [actual, *(point for _, point in ranked)]
        writer.write(run_files.COMPARE_PLOT, _picture(runs, tables, common, comparison, points))
    return replace(comparison, folder=writer.folder)


def _measure(common: Sequence[_Key], actual: Floats, point: Floats) -> dict[str, float | None]:
    """Each metric; those of each series are of each target, too."""
    numbers = {names: number for number, names in enumerate(dict.fromkeys(key[:2] for key in common))}
    series = np.array([numbers[key[:2]] for key in common])
    return {
        name: measure(metric, actual=actual, point=point, series=series) for name, metric in _METRICS.items()
    }


def _error_sizes(common: Sequence[_Key], actual: Floats, *, unit: str) -> tuple[Floats, str]:
    """Divisor of the errors of each row, and the unit of the quotient."""
    targets = np.unique([key.target for key in common], return_inverse=True)[1]
    if targets.max() == 0:
        return np.ones(len(common)), unit
    with np.errstate(all="ignore"):
        size = np.array([np.std(actual[targets == target]) for target in range(targets.max() + 1)])
    # A constant target, and one too large to be squared, keeps its unit.
    size[(size == 0) | ~np.isfinite(size)] = 1.0
    return size[targets], "standard deviations of each target"


def _common_unit(runs: Sequence[Run]) -> str:
    units = [str(run.report().get("unit", "")) for run in runs]
    if len(set(units)) > 1:
        named = ", ".join(f"{run.name} in {unit or 'no unit'}" for run, unit in zip(runs, units, strict=True))
        raise RunError(f"the runs forecast in different units ({named}); compare runs of one unit")
    return units[0]


def _read_table(run: Run) -> _Table:
    rows = run.forecast_rows()
    # Columns after the quantiles: the best baseline; none in a run of an older version.
    baselines = list(rows[0])[len(forecast_csv.COLUMNS) + len(run.experiment().levels) :]
    try:
        times = parse_times([row["time"] for row in rows])
        if not np.isfinite(times).all():
            raise ValueError("a time is not finite")
        dated = times.dtype.kind == "M"
        if dated and not ((times >= FIRST_DATE) & (times < LAST_DATE)).all():
            raise ValueError("a date is not of the years 1000 to 8999")
        numbers: list[float] = (times.astype(np.int64) if dated else times).tolist()
        values = {
            _Key(row["target"], row["series"], int(row["step"]), time): (
                *map(_parse_finite, (row["actual"], row["forecast"])),
                *(float(row[name]) for name in baselines),
            )
            for row, time in zip(rows, numbers, strict=True)
            if row["actual"] != "nan"  # written by `missing: mask`
        }
    except (OverflowError, TypeError, ValueError) as error:
        raise RunError(
            f"{run.folder / run_files.FORECAST}: a row cannot be read ({error}); the run is damaged, train it again"
        ) from error
    return _Table(dated=dated, baseline=baselines[0] if baselines else None, rows=values)


def _parse_finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _common_rows(runs: Sequence[Run], tables: Sequence[_Table]) -> list[_Key]:
    """The rows that all runs have, by target, series, step and time."""
    common = set.intersection(*(set(table.rows) for table in tables))
    if common and len({table.dated for table in tables}) == 1:
        return sorted(common)
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


def _refuse_different_data(runs: Sequence[Run], actuals: Sequence[Floats], first: Floats) -> None:
    for run, actual in zip(runs, actuals, strict=True):
        if not np.allclose(actual, first, rtol=1e-9, atol=0.0):
            raise RunError(
                f"{runs[0].name} and {run.name} have different actual values for the same rows; compare runs of the same data"
            )


def _describe_steps(tables: Sequence[_Table], common: Sequence[_Key]) -> str:
    """Which steps are compared; empty where it is all of them."""
    steps = sorted({key.step for key in common})
    if all({key.step for key in table.rows} == set(steps) for table in tables):
        return ""
    if len(steps) == 1:
        return f"step {steps[0]} of each forecast"
    consecutive = steps == list(range(steps[0], steps[-1] + 1))
    names = f"{steps[0]} to {steps[-1]}" if consecutive else ", ".join(map(str, steps))
    return f"steps {names} of each forecast"


def _to_markdown(comparison: Comparison) -> str:
    headings, rows = comparison.table(complete=True)
    table = format_table(headings, [[escape_markdown(name), *cells] for name, *cells in rows])
    return (
        "\n".join([escape_markdown(comparison.title), "", *table, "", describe_better(list(_METRICS))]) + "\n"
    )


def _picture(
    runs: Sequence[Run],
    tables: Sequence[_Table],
    common: Sequence[_Key],
    comparison: Comparison,
    values: Sequence[Floats],
) -> bytes:
    """PNG of the best networks and the best baseline, for the first common target of the first run and its first series.

    values: of `common`, the actual ones, then those of each of the scores.
    """
    from rnnfc.reports import plots
    from rnnfc.reports.drawing import Line

    shared = set(common)
    target = next(key.target for key in tables[0].rows if key in shared)
    series = next(key.series for key in common if key.target == target)
    rows, steps = _drawn_rows(
        [row for row, key in enumerate(common) if (key.target, key.series) == (target, series)],
        common,
        season=runs[0].experiment().data.season,
    )
    times, dated = np.array([common[row].time for row in rows]), tables[0].dated
    if dated:
        times = times.astype("datetime64[us]")
    num_targets, num_series = len({key.target for key in common}), len({key.series for key in common})
    count = f"the best {_MOST_DRAWN_RUNS} of {len(runs)}" if len(runs) > _MOST_DRAWN_RUNS else f"{len(runs)}"
    title = f"{count} runs on the same test rows"
    if num_targets > 1:
        title += f", {target} (1 of {num_targets} targets)"
    if num_series > 1:
        title += f", {series} (1 of {num_series:,} series)"
    if any(key.step != 1 for table in tables for key in table.rows):
        title += f", {steps}"
    labels = dict(zip([run.name for run in runs], label_runs(runs), strict=True))
    lines = [
        Line(
            label=f"{labels.get(name, name)}: {heading(VERDICT_METRIC)} {format_number(row.values[VERDICT_METRIC])}",
            time=times,
            value=value[rows],
        )
        for name, row, value in zip(comparison.names, comparison.scores, values[1:], strict=True)
    ]
    networks = [place for place, row in enumerate(comparison.scores) if row.model == NETWORK]
    baselines = [place for place in range(len(lines)) if place not in networks]
    return plots.draw_runs(
        title=title,
        actual=Line(label="actual", time=times, value=values[0][rows]),
        runs=[lines[place] for place in sorted(networks[:_MOST_DRAWN_RUNS] + baselines[:1])],
        ylabel=plots.axis_label(target, _common_unit(runs)),
        xlabel="time" if dated else runs[0].experiment().data.time_label,
    )


def _drawn_rows(rows: Sequence[int], common: Sequence[_Key], *, season: int | None) -> tuple[list[int], str]:
    """Which of the `rows` of a series are drawn, and of which steps: the last forecasts that do not overlap.

    Where rows are missing, so that forecasts differ in their steps, it is the last rows of one step.
    """
    # By step, ascending in time.
    steps = [list(group) for _, group in itertools.groupby(rows, key=lambda row: common[row].step)]
    if len(steps) == 1 or len({len(group) for group in steps}) > 1:
        return steps[0][-_MOST_DRAWN_ROWS:], f"step {common[rows[0]].step} of each forecast"
    spacing = phase_spacing(len(steps), season)
    place = {time: place for place, time in enumerate(sorted({common[row].time for row in rows}))}
    chosen: list[int] = []
    for forecast in list(zip(*steps, strict=True))[::-1]:
        first = place[common[forecast[0]].time]
        if not chosen or (
            len(chosen) < _MOST_DRAWN_ROWS and first <= place[common[chosen[0]].time] - spacing
        ):
            chosen = [*forecast, *chosen]
    return chosen, f"{len(steps)} steps, one forecast every {spacing} rows"

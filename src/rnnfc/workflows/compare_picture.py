"""The picture of a comparison: the best networks and the best baseline on the same rows."""

import itertools
from collections.abc import Sequence

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metrics import heading
from rnnfc.reports.report import NETWORK, VERDICT_METRIC
from rnnfc.reports.text import format_number
from rnnfc.runs.run import Run
from rnnfc.workflows.comparison import Comparison
from rnnfc.workflows.pictures import label_runs, phase_spacing
from rnnfc.workflows.shared_rows import ForecastTable, RowKey, shared_unit

# Runs and rows that one picture shows clearly.
_MOST_DRAWN_RUNS, _MOST_DRAWN_ROWS = 4, 120


def comparison_picture(
    runs: Sequence[Run],
    tables: Sequence[ForecastTable],
    shared: Sequence[RowKey],
    comparison: Comparison,
    values: Sequence[Floats],
) -> bytes:
    """PNG of the best networks and the best baseline, for the first common target of the first run and its first series.

    values: of `shared`, the actual ones, then those of each of the scores.
    """
    from rnnfc.reports import plots
    from rnnfc.reports.drawing import Line

    rows_of_all = set(shared)
    target = next(key.target for key in tables[0].rows if key in rows_of_all)
    series = next(key.series for key in shared if key.target == target)
    rows, steps = _drawn_rows(
        [row for row, key in enumerate(shared) if (key.target, key.series) == (target, series)],
        shared,
        season=runs[0].experiment().data.season,
    )
    times, has_dates = np.array([shared[row].time for row in rows]), tables[0].has_dates
    if has_dates:
        times = times.astype("datetime64[us]")
    num_targets, num_series = len({key.target for key in shared}), len({key.series for key in shared})
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
        ylabel=plots.axis_label(target, shared_unit(runs)),
        xlabel="time" if has_dates else runs[0].experiment().data.time_label,
    )


def _drawn_rows(
    rows: Sequence[int], shared: Sequence[RowKey], *, season: int | None
) -> tuple[list[int], str]:
    """Which of the `rows` of a series are drawn, and of which steps: the last forecasts that do not overlap.

    Where rows are missing, so that forecasts differ in their steps, it is the last rows of one step.
    """
    # By step, ascending in time.
    steps = [list(group) for _, group in itertools.groupby(rows, key=lambda row: shared[row].step)]
    if len(steps) == 1 or len({len(group) for group in steps}) > 1:
        return steps[0][-_MOST_DRAWN_ROWS:], f"step {shared[rows[0]].step} of each forecast"
    spacing = phase_spacing(len(steps), season)
    place = {time: place for place, time in enumerate(sorted({shared[row].time for row in rows}))}
    chosen: list[int] = []
    for forecast in list(zip(*steps, strict=True))[::-1]:
        first = place[shared[forecast[0]].time]
        if not chosen or (
            len(chosen) < _MOST_DRAWN_ROWS and first <= place[shared[chosen[0]].time] - spacing
        ):
            chosen = [*forecast, *chosen]
    return chosen, f"{len(steps)} steps, one forecast every {spacing} rows"

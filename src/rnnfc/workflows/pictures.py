"""The forecast picture of a run: which series and windows it shows, and its titles."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Rows, Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs.run import Run
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.score import Forecasts

# Series that a picture of this height has room for.
_MOST_SERIES = 3

if TYPE_CHECKING:  # matplotlib takes a second to start
    from rnnfc.reports.drawing import Line


def forecast_picture(prepared: Prepared, forecasts: Forecasts) -> bytes:
    """PNG of the first target's actual values and forecasts; with a long horizon, forecasts that do not overlap.

    Of many series it shows the last rows of the first, the middle and the last one that have test windows. Lines have gaps
    where rows were filled, and where none was forecast.
    """
    from rnnfc.reports import plots

    experiment, panel, splits = prepared.experiment, prepared.panel, prepared.splits
    horizon, many = experiment.window.horizon, len(panel.series) > 1
    with_test = np.unique(splits.test.series)
    shown = with_test[np.unique(np.linspace(0, len(with_test) - 1, _MOST_SERIES).round().astype(np.int64))]
    title = f"{experiment.name}: forecasts"
    if horizon > 1:
        title += f" of {horizon} steps, one every {phase_spacing(horizon, experiment.data.season)} rows"
    if panel.num_targets > 1:
        title += f", {panel.targets[0]} (1 of {panel.num_targets} targets)"
    if many:
        title += f", {len(shown)} of {len(panel.series):,} series"
    lines = [_series_lines(prepared, forecasts, series=series) for series in shown.tolist()]
    xlabel = plots.axis_label(experiment.data.time_label, panel.step if panel.time.dtype.kind == "M" else "")
    if many:
        ylabels = [plots.axis_label(panel.series[series], panel.unit) for series in shown]
        return plots.draw_series(title=title, series=lines, ylabels=ylabels, xlabel=xlabel)
    ((actual, parts),) = lines
    return plots.draw_forecasts(
        title=title,
        actual=actual,
        parts=parts,
        test_start=panel.time[splits.test.origins[0]],
        ylabel=plots.axis_label(panel.targets[0], panel.unit),
        xlabel=xlabel,
    )


def _series_lines(prepared: Prepared, forecasts: Forecasts, *, series: int) -> "tuple[Line, list[Line]]":
    """Actual values of a series, and its forecasts by split."""
    from rnnfc.reports.drawing import Line

    panel = prepared.panel
    rows = slice(*panel.bounds[series : series + 2])
    spacing = phase_spacing(prepared.experiment.window.horizon, prepared.experiment.data.season)
    actual = Line(label="actual", time=panel.time[rows], value=panel.observed(rows, slice(0, 1))[:, 0])
    parts = [
        _forecast_line(forecasts.network[name], windows, series=series, split=name, spacing=spacing)
        for name, windows in prepared.splits.scored.items()
    ]
    return actual, parts


def label_runs(runs: Sequence[Run]) -> list[str]:
    """Experiment names where no two are the same, else folder names."""
    names = [str(run.info().get("name", run.name)) for run in runs]
    return names if len(set(names)) == len(names) else [run.name for run in runs]


def phase_spacing(horizon: int, season: int | None) -> int:
    """Rows from one forecast of a picture to the next: the fewest by which they do not overlap and begin at every phase.

    Forecasts of 24 hours end to end would all begin at midnight, and look better or worse than the scores, which have them all.
    Without a season the horizon stands for it.
    """
    phases = season or horizon
    return next(rows for rows in itertools.count(horizon) if math.gcd(rows, phases) == 1)


def _forecast_line(forecast: Forecast, windows: Windows, *, series: int, split: str, spacing: int) -> "Line":
    """The forecasts of a series, with a gap where no row was forecast; a band between the outermost quantiles."""
    from rnnfc.reports.drawing import Line

    own = np.flatnonzero(forecast.series == series)
    chosen = own[_spaced(windows.origins[own].astype(np.int64), spacing)]
    rows = (windows.origins[chosen, None] + np.arange(windows.horizon)).ravel()
    gaps = np.flatnonzero(np.diff(rows) > 1) + 1

    def join(values: Floats) -> Floats:
        return np.insert(values[chosen, :, 0].ravel(), gaps, np.nan)

    # A gap has the time of the first row that was not forecast.
    time = windows.panel.time[np.insert(rows, gaps, rows[gaps - 1] + 1)]
    line = Line(label=f"forecast: {split}", time=time, value=join(forecast.point))
    if forecast.quantiles is None or len(forecast.levels) == 1:
        return line
    band = np.stack([join(forecast.quantiles[..., level]) for level in (0, -1)])
    levels = f"{100 * forecast.levels[0]:g} % to {100 * forecast.levels[-1]:g} %"
    return replace(line, band=band, band_label=levels if split == "test" else "")  # one entry in the legend


def _spaced(origins: Rows, spacing: int) -> Rows:
    """Places of windows at least `spacing` rows apart, ascending; the last window is one of them."""
    if spacing == 1:
        return np.arange(len(origins))
    chosen, place = [], len(origins) - 1
    while place >= 0:
        chosen.append(place)
        place = int(np.searchsorted(origins, origins[place] - spacing, side="right")) - 1
    return np.array(chosen[::-1], dtype=np.int64)

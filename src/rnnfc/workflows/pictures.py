"""The forecast picture of a run: what is drawn, and what stands beside it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats
from rnnfc.data.windows import Rows, Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs.run import Run
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.score import Forecasts

# Panels of a picture of this height.
_SHOWN_SERIES = 3

if TYPE_CHECKING:  # matplotlib takes a second to start
    from rnnfc.reports.plots import Line


def forecast_picture(prepared: Prepared, forecasts: Forecasts) -> bytes:
    """The first target's actual values and forecasts; with a long horizon, forecasts that do not overlap, end to end.

    Of many series it is the last rows of the first, the middle and the last one that have test windows. Lines have gaps where
    rows were filled, and where none was forecast.
    """
    from rnnfc.reports import plots

    experiment, panel, splits = prepared.experiment, prepared.panel, prepared.splits
    horizon, many = experiment.window.horizon, len(panel.series) > 1
    tested = np.unique(splits.test.series)
    shown = tested[np.unique(np.linspace(0, len(tested) - 1, _SHOWN_SERIES).round().astype(np.int64))]
    kind = f" of {horizon} steps end to end" if horizon > 1 else ""
    which = f", {panel.targets[0]} (1 of {panel.num_targets} targets)" if panel.num_targets > 1 else ""
    which += f", {len(shown)} of {len(panel.series):,} series" if many else ""
    drawn = [_lines(prepared, forecasts, series=series) for series in shown.tolist()]
    title, ylabel = (
        f"{experiment.name}: forecasts{kind}{which}",
        plots.axis_label(panel.targets[0], panel.unit),
    )
    xlabel = plots.axis_label(time_name(experiment), panel.step if panel.time.dtype.kind == "M" else "")
    if many:
        names = [plots.axis_label(panel.series[series], panel.unit) for series in shown]
        return plots.series_picture(title=title, series=drawn, ylabels=names, xlabel=xlabel)
    ((actual, parts),) = drawn
    start = panel.time[splits.test.origins[0]]
    return plots.forecast_picture(
        title=title, actual=actual, parts=parts, test_start=start, ylabel=ylabel, xlabel=xlabel
    )


def _lines(prepared: Prepared, forecasts: Forecasts, *, series: int) -> "tuple[Line, list[Line]]":
    """Actual values of a series, and its forecasts by split."""
    from rnnfc.reports.plots import Line

    panel, scored = prepared.panel, prepared.splits.scored
    rows = slice(*panel.bounds[series : series + 2])
    actual = Line(label="actual", time=panel.time[rows], value=panel.known(rows, slice(0, 1))[:, 0])
    parts = [_line(forecasts.network[name], part, series=series, name=name) for name, part in scored.items()]
    return actual, parts


def time_name(experiment: Experiment) -> str:
    """What the data calls its time axis."""
    return experiment.data.time_label


def labels(runs: Sequence[Run]) -> list[str]:
    """Experiment names where they tell the runs apart, else folder names."""
    names = [str(which.info().get("name", which.name)) for which in runs]
    return names if len(set(names)) == len(names) else [which.name for which in runs]


def _line(made: Forecast, windows: Windows, *, series: int, name: str) -> "Line":
    from rnnfc.reports.plots import Line

    own = np.flatnonzero(made.series == series)
    chosen = own[_end_to_end(windows.origins[own].astype(np.int64), windows.horizon)]
    rows = (windows.origins[chosen, None] + np.arange(windows.horizon)).ravel()
    gaps = (
        np.flatnonzero(np.diff(rows) > 1) + 1
    )  # the line breaks there, at the first row that was not forecast

    def end_to_end(values: Floats) -> Floats:
        return np.insert(values[chosen, :, 0].ravel(), gaps, np.nan)

    time = windows.panel.time[np.insert(rows, gaps, rows[gaps - 1] + 1)]
    line = Line(label=f"forecast: {name}", time=time, value=end_to_end(made.point))
    if made.quantiles is None or len(made.levels) == 1:
        return line
    band = np.stack([end_to_end(made.quantiles[..., end]) for end in (0, -1)])
    ends = f"{100 * made.levels[0]:g} % to {100 * made.levels[-1]:g} %"
    return replace(line, band=band, band_label=ends if name == "test" else "")  # one entry in the legend


def _end_to_end(origins: Rows, horizon: int) -> Rows:
    """Places of windows that share no target row, ascending; the last window is one of them."""
    if horizon == 1:
        return np.arange(len(origins))
    chosen, place = [], len(origins) - 1
    while place >= 0:
        chosen.append(place)
        place = int(np.searchsorted(origins, origins[place] - horizon, side="right")) - 1
    return np.array(chosen[::-1], dtype=np.int64)

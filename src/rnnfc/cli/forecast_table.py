"""The table that `rnnfc predict` prints."""

import itertools

from rnnfc.cli.output import show_note, show_table
from rnnfc.runs.forecast_csv import quantile_name
from rnnfc.workflows.predict import FutureForecast

# What is printed of many series.
_MAX_SERIES, _MAX_STEPS = 10, 6


def show_forecast(forecast: FutureForecast) -> None:
    """Print the forecast of one series step by step, or of several series one row each."""
    show_table(*(_one_series(forecast) if len(forecast.series) == 1 else _many_series(forecast)))
    if len(forecast.series) > _MAX_SERIES:
        hidden = len(forecast.series) - _MAX_SERIES
        show_note("more", f"{hidden:,} series; --series NAME shows one, --output FILE writes all")
    for text in forecast.notes:
        show_note("note", text)


def _one_series(forecast: FutureForecast) -> tuple[list[str], list[list[str]]]:
    """Headings and a row for each step; after each target its lowest and highest quantile."""
    bounds = _bound_names(forecast)
    unit = f" ({forecast.unit})" if forecast.unit else ""
    headings = [heading for name in forecast.targets for heading in (f"{name}{unit}", *bounds)]
    rows = []
    for step, time in enumerate(forecast.labels(0)):
        cells = [
            [f"{value:.6g}", *_bounds(forecast, 0, step, target)]
            for target, value in enumerate(forecast.value[0, step])
        ]
        rows.append([time, str(step + 1), *itertools.chain(*cells)])
    return ["time", "step", *headings], rows


def _bound_names(forecast: FutureForecast) -> list[str]:
    """The lowest and the highest quantile level as headings; none with fewer than two levels."""
    return [quantile_name(forecast.levels[end]) for end in (0, -1)] if len(forecast.levels) > 1 else []


def _bounds(forecast: FutureForecast, series: int, step: int, target: int) -> list[str]:
    """The lowest and the highest quantile at a step (from 0); a dash each past the horizon."""
    quantiles = forecast.quantiles_at(series, step)[target]
    return [
        f"{quantiles[end]:.6g}" if quantiles else "–"
        for end, _ in zip((0, -1), _bound_names(forecast), strict=False)
    ]


def _many_series(forecast: FutureForecast) -> tuple[list[str], list[list[str]]]:
    """Headings and a row for each series, target and bound; of many steps the first ones and the last."""
    steps = forecast.value.shape[1]
    shown = range(steps) if steps <= _MAX_STEPS else [*range(_MAX_STEPS - 1), steps - 1]
    unit = f" ({forecast.unit})" if forecast.unit else ""
    headings = [f"step {step + 1}{unit * (step == 0)}" for step in shown]
    rows = []
    for place, series in enumerate(forecast.series[:_MAX_SERIES]):
        for target, name in enumerate(forecast.targets):
            label = series if len(forecast.targets) == 1 else f"{series}, {name}"
            values = [f"{forecast.value[place, step, target]:.6g}" for step in shown]
            rows.append([label, forecast.labels(place)[0], *values])
            bounds = zip(*(_bounds(forecast, place, step, target) for step in shown), strict=True)
            rows += [
                [f"  {bound}", "", *cells]
                for bound, cells in zip(_bound_names(forecast), bounds, strict=True)
            ]
    if steps > _MAX_STEPS:
        headings.insert(-1, "…")
        for row in rows:
            row.insert(-1, "…")
    return ["series", "from", *headings], rows

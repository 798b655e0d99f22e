"""Forecast past the end of the data, from the run folder alone, or past the end of fresh rows."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats, Panel, format_time, format_time_exact
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError, RunError, TrainError
from rnnfc.networks.tensors import FORECAST, QUANTILES
from rnnfc.reports.text import format_number
from rnnfc.runs.run import Run, cell, quantile_name
from rnnfc.runs.writer import json_text, new_files, refuse_existing
from rnnfc.workflows.fresh_rows import ends_of, places_of, starting
from rnnfc.workflows.future import future_covariates, future_times
from rnnfc.workflows.inference import InferenceNetwork, open_network

# What it means that values lie outside the range of training, by window.normalize.
_CONSEQUENCE = {
    "none": "so the network extrapolates",
    "last": "the network sees changes from the last row, not the level",
    "mean_std": "the network sees how far each row is from the window's mean, by its spread, not the level",
    "difference": "the network sees changes from row to row, not the level",
}


@dataclass(frozen=True, kw_only=True)
class OutOfRange:
    """A column of a series in which the network is shown values from `low` to `high`, outside the range of its training."""

    series: str
    column: str
    low: float
    high: float
    trained_low: float
    trained_high: float


@dataclass(frozen=True, kw_only=True)
class Future:
    """value[series, step, target] in data units, after last_time[series].

    time: [series, step]; None where times past the end are not known (trading days).
    offset: that of the clock from UTC, or nothing.
    quantiles: [series, step, target, level] of the steps within the horizon only, for forecasts that are fed back are medians, of
        whose spread nothing is known; None without levels.
    """

    run: Run
    series: tuple[str, ...]
    targets: tuple[str, ...]
    unit: str
    last_time: Times
    time: Times | None
    offset: str
    value: Floats
    quantiles: Floats | None = None
    levels: tuple[float, ...] = ()
    out_of_range: list[OutOfRange]
    notes: list[str]

    def labels(self, series: int) -> list[str]:
        """The time of each step for people: short where that tells them apart, steps after the last time where none is known."""
        if self.time is None:
            return [
                f"{format_time(self.last_time[series])} + {step}"
                for step in range(1, self.value.shape[1] + 1)
            ]
        short = [format_time(moment) for moment in self.time[series]]
        exact = [format_time_exact(moment, self.offset) for moment in self.time[series]]
        return short if len(set(short)) == len(short) and not self.offset else exact

    def _rows(self) -> Iterator[tuple[str, str | None, int, list[float], list[list[float]]]]:
        """Series, time, step (from 1), a value for each target, and the quantiles of each."""
        for place, name in enumerate(self.series):
            for step, values in enumerate(self.value[place]):
                moment = None if self.time is None else format_time_exact(self.time[place, step], self.offset)
                yield name, moment, step + 1, values.tolist(), self.quantiles_of(place, step)

    def quantiles_of(self, series: int, step: int) -> list[list[float]]:
        """The quantiles of each target at a step (from 0), one a level; none where they are not known."""
        if self.quantiles is None or step >= self.quantiles.shape[1]:
            return [[] for _ in self.targets]
        return list(self.quantiles[series, step].tolist())

    def to_csv(self) -> str:
        """A row for each series, step and target; no name is a formula to a spreadsheet, and what is not known is empty."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(("series", "time", "step", "target", "forecast", *map(quantile_name, self.levels)))
        targets, unknown = [cell(name) for name in self.targets], [""] * len(self.levels)
        for name, moment, step, values, quantiles in self._rows():
            for target, value, own in zip(targets, values, quantiles, strict=True):
                writer.writerow(
                    (cell(name), moment, step, target, repr(value), *(map(repr, own) if own else unknown))
                )
        return buffer.getvalue()

    def to_json(self) -> dict[str, Any]:
        """Plain values, one row for each series and step."""
        rows: list[dict[str, Any]] = []
        for name, moment, step, values, quantiles in self._rows():
            rows.append(
                {
                    "series": name,
                    "time": moment,
                    "step": step,
                    "value": dict(zip(self.targets, values, strict=True)),
                }
            )
            if self.levels:
                rows[-1]["quantiles"] = dict(zip(self.targets, quantiles, strict=True))
        return {
            "run": str(self.run.folder),
            "unit": self.unit,
            **({"levels": list(self.levels)} if self.levels else {}),
            "last_time": {
                name: format_time_exact(last, self.offset)
                for name, last in zip(self.series, self.last_time, strict=True)
            },
            "forecast": rows,
            "out_of_range": [asdict(column) for column in self.out_of_range],
            "notes": self.notes,
        }


WRITERS: dict[str, Callable[[Future], str]] = {
    ".csv": Future.to_csv,
    ".json": lambda future: json_text(future.to_json()),
}


def refuse_output(path: Path) -> None:
    """Refuse a file that `save` would refuse.

    Raises:
        ConfigError: another ending than those of WRITERS, something lies there, or there is no such folder.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(
            f"--output {path}: a forecast is written as {' or '.join(WRITERS)}; let the name end with one of them"
        )
    refuse_existing(path)


def save(future: Future, path: Path) -> None:
    """Write a forecast to a new file, in the format of its ending.

    Raises:
        ConfigError: see `refuse_output`.
        OutputError: it could not be written.
    """
    refuse_output(path)
    with new_files(path) as (place,):
        place.write_bytes(
            WRITERS[path.suffix](future).encode(errors="replace")
        )  # a folder's name may be no text


def predict(
    which: Run,
    *,
    steps: int | None = None,
    series: Sequence[str] = (),
    data: Path | None = None,
    known: Path | None = None,
    runtime: str = "onnx",
) -> Future:
    """The `steps` (None: the horizon) rows after the last one of each series; beyond the horizon by feeding forecasts back.

    Args:
        series: names of those that are wanted; none: all.
        data: a file of fresh rows to forecast from, in the format of the run's own; None: the last rows of the run's data.
        known: a file with the data.known columns of the rows that are forecast.
    Raises:
        ConfigError, DataError: `data` or `known` cannot be used, or there is no such series.
        RunError: the run is damaged, or more steps than the horizon are asked for and an input column is not forecast itself.
    """
    experiment = which.experiment()
    panel = which.last_window(length=experiment.window.length)
    scaler = which.scaler(channels=len(panel.channels), series=len(panel.series))
    horizon = experiment.window.horizon
    steps = _reachable(panel, horizon if steps is None else steps, horizon=horizon)
    panel, notes = starting(which, like=panel, data=data, series=series, transformed=scaler.power is not None)
    if experiment.levels and steps > horizon:
        notes = [*notes, f"quantiles end with the horizon of {horizon}"]
    ahead = future_covariates(panel, experiment, known, rows=-(-steps // horizon) * horizon)
    network = open_network(which, panel, scaler, runtime=runtime)
    value, quantiles, fed_back = _roll(network, panel, ahead, horizon=horizon, steps=steps)
    out_of_range = _out_of_range(panel, scaler, fed_back, ahead)
    seen = (
        "last window",
        *["the forecasts fed back"] * bool(fed_back.size),
        *["what is known ahead"] * bool(ahead.size),
    )
    what = " and ".join(seen)
    notes = [
        *_range_notes(
            out_of_range, len(value), what=what, consequence=_CONSEQUENCE[experiment.window.normalize]
        ),
        *notes,
    ]
    return _future(
        which,
        panel,
        value,
        quantiles=quantiles,
        levels=experiment.levels,
        out_of_range=out_of_range,
        notes=notes,
    )


def _future(which: Run, panel: Panel, value: Floats, **told: Any) -> Future:
    times = future_times(panel, rows=value.shape[1])
    return Future(
        run=which,
        series=tuple(panel.series[place] for place in places_of(panel)),
        targets=panel.targets,
        unit=panel.unit,
        last_time=panel.time[ends_of(panel) - 1],
        time=None if times[0] is None else np.array(times),
        offset=panel.offset,
        value=value,
        **told,
    )


def _reachable(panel: Panel, steps: int, *, horizon: int) -> int:
    """The steps, where all inputs will be known."""
    unknown = panel.channels[panel.num_targets : len(panel.channels) - panel.num_known]
    if steps > horizon and unknown:
        raise RunError(
            f"--steps {steps}: beyond the horizon {horizon} the values of {', '.join(unknown)} would have to be known; "
            f"ask for {horizon} steps at most, or train with a longer window.horizon"
        )
    return steps


def _roll(
    network: InferenceNetwork, panel: Panel, ahead: Floats, *, horizon: int, steps: int
) -> tuple[Floats, Floats | None, Floats]:
    """value[series, step, target] after the panel's rows, the quantiles of the steps within the horizon, and the
    rows[series, row, channel] that were fed back as inputs.

    Args:
        panel: of each series that has rows, exactly those that the network sees.
        ahead: [series, row, known], for as many rows as whole horizons take.
    """
    ends = ends_of(panel)
    length, parts, quantiles = panel.num_rows // len(ends), [], None
    rows = panel.values.reshape(len(ends), length, -1)
    for first in range(0, steps, horizon):
        known = ahead[:, first : first + horizon]
        made = network.outputs(_past_the_end(panel, rows, known, horizon=horizon))
        quantiles = made.get(QUANTILES) if quantiles is None else quantiles
        parts.append(made[FORECAST])
        if not np.isfinite(parts[-1]).all():
            raise TrainError(
                f"the forecast is not finite any more within step {len(parts) * horizon}: forecasts that were fed back have "
                "grown without bound; ask for fewer --steps, or train again with a longer window.horizon"
            )
        if panel.num_targets + panel.num_known == len(panel.channels):
            rows = np.concatenate([rows, np.concatenate([parts[-1], known], axis=2)], axis=1)[:, -length:]
    value = np.concatenate(parts, axis=1)
    fed_back = np.concatenate([value, ahead], axis=2)[:, : horizon * (len(parts) - 1)]
    return value[:, :steps], None if quantiles is None else quantiles[:, :steps], fed_back


def _past_the_end(panel: Panel, rows: Floats, known: Floats, *, horizon: int) -> Windows:
    """The window of each series over its rows[series, length, channel], with what is known[series, horizon, known] after them."""
    # The targets there are never looked at.
    after = np.repeat(rows[:, -1:], horizon if panel.num_known else 0, axis=1)
    after[:, :, after.shape[2] - panel.num_known :] = known[:, : after.shape[1]]
    lengths = np.diff(panel.bounds)
    bounds = np.concatenate([[0], np.cumsum(np.where(lengths, lengths + after.shape[1], 0))])
    values = np.concatenate([rows, after], axis=1).reshape(-1, rows.shape[2])
    seen = replace(panel, values=values, bounds=bounds)
    origins = (ends_of(seen) - after.shape[1]).astype(np.int32)
    return Windows(panel=seen, origins=origins, length=rows.shape[1], horizon=horizon)


def _out_of_range(panel: Panel, scaler: Scaler, fed_back: Floats, ahead: Floats) -> list[OutOfRange]:
    """The series and columns in which the network is shown values outside the range that was seen in training.

    Args:
        fed_back: [series, row, channel], empty within the horizon.
        ahead: [series, row, known].
    """
    places = places_of(panel)
    rows = panel.values.reshape(len(places), -1, len(panel.channels))
    after = np.repeat(rows[:, -1:], ahead.shape[1], axis=1)  # of the other columns nothing new
    after[:, :, after.shape[2] - ahead.shape[2] :] = ahead
    seen = np.concatenate([rows, after, *([fed_back] if fed_back.size else [])], axis=1)
    ranges = (seen.min(axis=1), seen.max(axis=1), scaler.low[places], scaler.high[places])
    low, high, trained_low, trained_high = ranges
    found = np.argwhere((low < trained_low) | (high > trained_high))
    names = [field.name for field in fields(OutOfRange)][2:]
    return [
        OutOfRange(
            series=panel.series[places[series]],
            column=panel.channels[column],
            **dict(zip(names, (float(edge[series, column]) for edge in ranges), strict=True)),
        )
        for series, column in found
    ]


def _range_notes(found: list[OutOfRange], num_series: int, *, what: str, consequence: str) -> list[str]:
    """One sentence a column; of many series it gives the first as an example."""
    notes = []
    for name in dict.fromkeys(each.column for each in found):
        own = [each for each in found if each.column == name]
        first, (low, high, trained_low, trained_high) = (
            own[0],
            (format_number(edge) for edge in astuple(own[0])[2:]),
        )
        many = f" of {first.series}" if num_series > 1 else ""
        others = f" ({len(own):,} of {num_series:,} series are outside of theirs)" if num_series > 1 else ""
        notes.append(
            f"{name}{many} runs from {low} to {high} in the {what}; training saw {trained_low} to {trained_high}{others}, "
            f"{consequence}"
        )
    return notes

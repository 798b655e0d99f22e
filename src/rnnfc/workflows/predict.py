"""Forecast past the end of the run's data, from the run folder alone, or past the end of new rows."""

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats, Panel, format_time, format_times
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError, RunError, TrainError
from rnnfc.networks.tensors import FORECAST, QUANTILES
from rnnfc.plain import JsonObject
from rnnfc.reports.text import format_number
from rnnfc.runs.forecast_csv import cell, quantile_name
from rnnfc.runs.run import Run
from rnnfc.runs.writer import json_text, new_files, refuse_existing
from rnnfc.workflows.fresh_rows import ends_of, first_window, names_of, places_of
from rnnfc.workflows.future import future_covariates, future_times, num_future
from rnnfc.workflows.inference import InferenceNetwork, choose_runtime, open_network

# An excess below it changes no forecast that anybody would notice: 101.1 where training reached 101.0.
_NOTED_EXCESS = 0.01
# What values outside the training range mean for the network, by window.normalize.
_CONSEQUENCE = {
    "none": "so the network extrapolates",
    "last": "the network reads changes from the last row, so this may do no harm",
    "mean_std": "the network reads each row relative to the window's mean and spread, so this may do no harm",
    "difference": "the network reads changes from row to row, so this may do no harm",
}


@dataclass(frozen=True, kw_only=True)
class OutOfRange:
    """A column of a series whose inputs to the network, `low` to `high`, leave the range of the training rows."""

    series: str
    column: str
    low: float
    high: float
    trained_low: float
    trained_high: float

    @property
    def excess(self) -> float:
        """How far the values leave the range, as a share of it; infinite where all training rows are the same."""
        size, outside = (
            self.trained_high - self.trained_low,
            max(self.trained_low - self.low, self.high - self.trained_high),
        )
        return outside / size if size > 0 else math.inf


@dataclass(frozen=True, kw_only=True)
class FutureForecast:
    """value[series, step, target] in data units, after last_time[series].

    time: [series, step]; None if times past the end are not known (data.frequency: rows).
    offset: of the times from UTC, or empty.
    quantiles: [series, step, target, level], for the steps within the horizon only: beyond it medians are fed back, and
        the spread is not known. None without levels.
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
        """The time of each step: short numbers if they are unambiguous; `last time + step` if times are not known."""
        if self.time is None:
            last = format_time(self.last_time[series])
            return [f"{last} + {step}" for step in range(1, self.value.shape[1] + 1)]
        exact = format_times(self.time[series], self.offset)
        short = [format_time(time) for time in self.time[series]]
        return short if self.time.dtype.kind != "M" and len({*short}) == len(short) else exact

    def times(self) -> list[list[str]]:
        """Of each series the last time of its data, then the time of each step if it is known; all in one shape."""
        last = self.last_time[:, None]
        times = last if self.time is None else np.concatenate([last, self.time], axis=1)
        texts = format_times(times.ravel(), self.offset)
        width = times.shape[1]
        return [texts[start : start + width] for start in range(0, len(texts), width)]

    def rows(self) -> Iterator[tuple[str, str | None, int, list[float], list[list[float]]]]:
        """Series, time, step (from 1), a value for each target, and the quantiles of each target."""
        times = self.times()
        for place, name in enumerate(self.series):
            for step, values in enumerate(self.value[place]):
                time = None if self.time is None else times[place][step + 1]
                yield name, time, step + 1, values.tolist(), self.quantiles_at(place, step)

    def quantiles_at(self, series: int, step: int) -> list[list[float]]:
        """The quantiles of each target at a step (from 0), one a level; empty past the horizon."""
        if self.quantiles is None or step >= self.quantiles.shape[1]:
            return [[] for _ in self.targets]
        return list(self.quantiles[series, step].tolist())

    def to_csv(self) -> str:
        """A row for each series, step and target; no name is a spreadsheet formula, unknown quantiles are empty."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(("series", "time", "step", "target", "forecast", *map(quantile_name, self.levels)))
        targets, unknown = [cell(name) for name in self.targets], [""] * len(self.levels)
        for name, time, step, values, quantiles in self.rows():
            for target, value, levels in zip(targets, values, quantiles, strict=True):
                texts = map(repr, levels) if levels else unknown
                writer.writerow((cell(name), time, step, target, repr(value), *texts))
        return buffer.getvalue()

    def to_json(self) -> JsonObject:
        """Plain values, one row for each series and step."""
        rows: list[JsonObject] = []
        for name, time, step, values, quantiles in self.rows():
            value = dict(zip(self.targets, values, strict=True))
            rows.append({"series": name, "time": time, "step": step, "value": value})
            if self.levels:
                rows[-1]["quantiles"] = dict(zip(self.targets, quantiles, strict=True))
        return {
            "run": str(self.run.folder),
            "unit": self.unit,
            **({"levels": list(self.levels)} if self.levels else {}),
            "last_time": {name: last for name, (last, *_) in zip(self.series, self.times(), strict=True)},
            "forecast": rows,
            "out_of_range": [asdict(column) for column in self.out_of_range],
            "notes": self.notes,
        }


WRITERS: dict[str, Callable[[FutureForecast], str]] = {
    ".csv": FutureForecast.to_csv,
    ".json": lambda forecast: json_text(forecast.to_json()),
}


def refuse_output(path: Path) -> None:
    """Refuse a path that `save` would refuse.

    Raises:
        ConfigError: an ending that is not in WRITERS, the path exists, or its folder does not.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(
            f"--output {path}: unknown file format; the name must end with {' or '.join(WRITERS)}"
        )
    refuse_existing(path)


def save(forecast: FutureForecast, path: Path) -> None:
    """Write a forecast to a new file, in the format of its ending.

    Raises:
        ConfigError: see `refuse_output`.
        OutputError: it could not be written.
    """
    refuse_output(path)
    text = WRITERS[path.suffix](forecast)
    with new_files(path) as (place,):
        place.write_bytes(text.encode(errors="replace"))  # a folder's name may not be valid Unicode


def predict(
    run: Run,
    *,
    steps: int | None = None,
    series: Sequence[str] = (),
    data: object = None,
    future: object = None,
    runtime: str = "onnx",
) -> FutureForecast:
    """Forecast the `steps` (None: the horizon) rows after the last one of each series.

    Beyond the horizon forecasts are fed back as inputs.

    Args:
        series: names of the series to forecast; empty: all.
        data: new rows to forecast from, the path of a file or a data frame, with the columns of the run's own; None: the end
            of the run's data.
        future: a file or a data frame with the future covariates (data.known) of the rows that are forecast.
        runtime: inference backend, a key of `inference.RUNTIMES`.
    Raises:
        ConfigError, DataError: `data` or `future` cannot be used, or there is no such series.
        RunError: the run is damaged, or `steps` exceeds the horizon and an input column is not forecast itself.
        TrainError: forecasts that are fed back grow without bound.
    """
    experiment = run.experiment()
    panel = run.last_window(length=experiment.window.length)
    scaler = run.scaler(channels=len(panel.channels), series=len(panel.series))
    horizon, asked = experiment.window.horizon, steps
    steps = horizon if steps is None else steps
    _refuse_past_covariates(panel, steps, horizon=horizon)
    panel, notes = first_window(run, panel, data=data, series=series, transformed=scaler.power is not None)
    notes = [*notes, *_untrained(run, experiment)]
    if experiment.levels and steps > horizon:
        notes = [*notes, f"quantiles end with the horizon of {horizon}"]
    if asked is None and future is None and (rows := num_future(panel)) > horizon:
        whole = rows // horizon * horizon
        more = f"; --steps {whole:,} forecasts {whole:,}" if whole > horizon else ""
        notes = [
            *notes,
            f"the data has {rows:,} rows to be forecast, more than window.horizon={horizon:,}{more}",
        ]
    covariates = future_covariates(panel, experiment, future, rows=-(-steps // horizon) * horizon)
    runtime, fallback = choose_runtime(run, runtime=runtime)
    notes = [*notes, *fallback, *_evidence(run)]
    network = open_network(run, panel, scaler, runtime=runtime)
    value, quantiles, fed_back = _forecast(network, panel, covariates, horizon=horizon, steps=steps)
    out_of_range = _out_of_range(panel, scaler, fed_back, covariates)
    inputs = ["last window", *["forecasts fed back"] * bool(fed_back.size)]
    inputs += ["future covariates"] * bool(covariates.size)
    consequence = _CONSEQUENCE[experiment.window.normalize]
    noted = [column for column in out_of_range if column.excess > _NOTED_EXCESS]
    range_notes = _range_notes(noted, len(value), inputs=" and ".join(inputs), consequence=consequence)
    return FutureForecast(
        run=run,
        series=tuple(names_of(panel)),
        targets=panel.targets,
        unit=panel.unit,
        last_time=panel.time[ends_of(panel) - 1],
        time=future_times(panel, rows=steps),
        offset=panel.offset,
        value=value,
        quantiles=quantiles,
        levels=experiment.levels,
        out_of_range=out_of_range,
        notes=[*range_notes, *notes],
    )


def _untrained(run: Run, experiment: Experiment) -> list[str]:
    """A note on a run of an earlier version whose embedding never saw some of its series."""
    if not (experiment.net and experiment.net.series_embedding):
        return []
    ledger = run.report().get("ledger")
    windows = ledger.get("window_series") if isinstance(ledger, dict) else None
    trained = windows.get("train") if isinstance(windows, dict) else None
    num_series = ledger.get("series") if isinstance(ledger, dict) else None
    if not isinstance(trained, int) or not isinstance(num_series, int) or trained >= num_series:
        return []
    return [
        f"{num_series - trained:,} of {num_series:,} series had no training window, so model.series_embedding has learned "
        "nothing of them and their forecasts depend on chance; train again without such series or without series_embedding"
    ]


def _evidence(run: Run) -> list[str]:
    parent = run.parent()
    return [f"a final fit on all rows; the scores of {parent.run} are its evidence"] if parent else []


def _refuse_past_covariates(panel: Panel, steps: int, *, horizon: int) -> None:
    """Refuse steps beyond the horizon if the network needs columns there that it does not forecast."""
    past = panel.channels[panel.num_targets : len(panel.channels) - panel.num_known]
    if steps > horizon and past:
        raise RunError(
            f"{steps} steps: beyond the horizon {horizon} the network needs future values of {', '.join(past)}; "
            f"ask for at most {horizon} steps, or train with a longer window.horizon"
        )


def _forecast(
    network: InferenceNetwork, panel: Panel, covariates: Floats, *, horizon: int, steps: int
) -> tuple[Floats, Floats | None, Floats]:
    """Forecast horizon by horizon, and feed forecasts back as inputs.

    Args:
        panel: one window of each series that has rows.
        covariates: [series, row, known], for as many rows as whole horizons take.
    Returns:
        value[series, step, target]; the quantiles of the steps within the horizon; rows[series, row, channel] that were
        fed back.
    """
    ends = ends_of(panel)
    length = panel.num_rows // len(ends)
    rows = panel.values.reshape(len(ends), length, -1)
    values: list[Floats] = []
    quantiles = None
    for first in range(0, steps, horizon):
        known = covariates[:, first : first + horizon]
        outputs = network.outputs(_past_the_end(panel, rows, known, horizon=horizon))
        quantiles = outputs.get(QUANTILES) if quantiles is None else quantiles
        values.append(outputs[FORECAST])
        if not np.isfinite(values[-1]).all():
            raise TrainError(
                f"the forecast is not finite within step {len(values) * horizon}: forecasts that were fed back have grown "
                "without bound; ask for fewer steps, or train again with a longer window.horizon"
            )
        if panel.num_targets + panel.num_known == len(panel.channels):
            next_rows = np.concatenate([values[-1], known], axis=2)
            rows = np.concatenate([rows, next_rows], axis=1)[:, -length:]
    value = np.concatenate(values, axis=1)
    fed_back = np.concatenate([value, covariates], axis=2)[:, : horizon * (len(values) - 1)]
    return value[:, :steps], None if quantiles is None else quantiles[:, :steps], fed_back


def _past_the_end(panel: Panel, rows: Floats, known: Floats, *, horizon: int) -> Windows:
    """A window for each series over rows[series, length, channel], with future covariates known[series, horizon, known]."""
    # The targets of these rows are never read.
    after = np.repeat(rows[:, -1:], horizon if panel.num_known else 0, axis=1)
    after[:, :, after.shape[2] - panel.num_known :] = known[:, : after.shape[1]]
    lengths = np.diff(panel.bounds)
    bounds = np.concatenate([[0], np.cumsum(np.where(lengths, lengths + after.shape[1], 0))])
    values = np.concatenate([rows, after], axis=1).reshape(-1, rows.shape[2])
    extended = replace(panel, values=values, bounds=bounds)
    origins = (ends_of(extended) - after.shape[1]).astype(np.int32)
    return Windows(panel=extended, origins=origins, length=rows.shape[1], horizon=horizon)


def _out_of_range(panel: Panel, scaler: Scaler, fed_back: Floats, covariates: Floats) -> list[OutOfRange]:
    """The series and columns whose inputs leave the range of the training rows.

    Args:
        fed_back: [series, row, channel], empty within the horizon.
        covariates: [series, row, known].
    """
    places = places_of(panel)
    rows = panel.values.reshape(len(places), -1, len(panel.channels))
    # Columns that are no covariates repeat their last value, which adds nothing to the range.
    after = np.repeat(rows[:, -1:], covariates.shape[1], axis=1)
    after[:, :, after.shape[2] - covariates.shape[2] :] = covariates
    inputs = np.concatenate([rows, after, *([fed_back] if fed_back.size else [])], axis=1)
    low, high = inputs.min(axis=1), inputs.max(axis=1)
    trained_low, trained_high = scaler.low[places], scaler.high[places]
    return [
        OutOfRange(
            series=panel.series[places[series]],
            column=panel.channels[column],
            low=float(low[series, column]),
            high=float(high[series, column]),
            trained_low=float(trained_low[series, column]),
            trained_high=float(trained_high[series, column]),
        )
        for series, column in np.argwhere((low < trained_low) | (high > trained_high))
    ]


def _range_notes(
    out_of_range: list[OutOfRange], num_series: int, *, inputs: str, consequence: str
) -> list[str]:
    """One sentence a column; of many series the first is the example."""
    notes = []
    for name in dict.fromkeys(each.column for each in out_of_range):
        series = [each for each in out_of_range if each.column == name]
        first = series[0]
        many = f" of {first.series}" if num_series > 1 else ""
        leave = "leaves its" if len(series) == 1 else "leave their"
        others = f" ({len(series):,} of {num_series:,} series {leave} range)" if num_series > 1 else ""
        notes.append(
            f"{name}{many} runs from {format_number(first.low)} to {format_number(first.high)} in the {inputs}; training saw "
            f"{format_number(first.trained_low)} to {format_number(first.trained_high)}{others}, {consequence}"
        )
    return notes

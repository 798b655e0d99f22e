"""Forecast past the end of the data, from the run folder alone, or past the end of fresh rows."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc import report
from rnnfc.config import Experiment
from rnnfc.config.data_spec import CsvSpec
from rnnfc.data.csv_file import load_csv
from rnnfc.data.csv_text import counted
from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats, Panel, clock, exact_clock
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.draft import new_files, refuse_taken
from rnnfc.errors import ConfigError, DataError, RunError, TrainError
from rnnfc.run import Run, cell
from rnnfc.workflows.runtime import open_network

# What it means that values lie outside the range of training, by window.normalize.
_CONSEQUENCE = {
    "none": "so the network extrapolates",
    "last": "the network sees changes from the last row, not the level",
    "mean_std": "the network sees how far each row is from the window's mean, by its spread, not the level",
    "difference": "the network sees changes from row to row, not the level",
}


@dataclass(frozen=True, kw_only=True)
class OutOfRange:
    """A column in which the network is shown values from `low` to `high`, outside the range that it was trained on."""

    column: str
    low: float
    high: float
    trained_low: float
    trained_high: float


@dataclass(frozen=True, kw_only=True)
class Future:
    """value[step, target] in data units; `time` is None where times past the end are not known (trading days).

    `offset` is that of the clock from UTC, or nothing.
    """

    run: Run
    targets: tuple[str, ...]
    unit: str
    last_time: Times
    time: Times | None
    offset: str
    value: Floats
    out_of_range: list[OutOfRange]
    notes: list[str]

    def labels(self) -> list[str]:
        """The time of each step for people: short where that tells them apart, steps after the last time where none is known."""
        if self.time is None:
            return [f"{clock(self.last_time[0])} + {step}" for step in range(1, len(self.value) + 1)]
        short = [clock(moment) for moment in self.time]
        exact = [exact_clock(moment, self.offset) for moment in self.time]
        return short if len(set(short)) == len(short) and not self.offset else exact

    def _exact_times(self) -> list[str] | list[None]:
        return [None] * len(self.value) if self.time is None else [exact_clock(moment, self.offset) for moment in self.time]

    def to_csv(self) -> str:
        """A row for each step and target; no name is a formula to a spreadsheet, and an unknown time is empty."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(("time", "step", "target", "forecast"))
        names = [cell(name) for name in self.targets]
        for step, (moment, row) in enumerate(zip(self._exact_times(), self.value, strict=True), 1):
            writer.writerows((moment, step, name, repr(float(value))) for name, value in zip(names, row, strict=True))
        return buffer.getvalue()

    def to_json(self) -> dict[str, Any]:
        """Plain values, one row a step."""
        rows = [
            {"time": moment, "step": step, "value": dict(zip(self.targets, map(float, row), strict=True))}
            for step, (moment, row) in enumerate(zip(self._exact_times(), self.value, strict=True), 1)
        ]
        return {
            "run": str(self.run.folder),
            "unit": self.unit,
            "last_time": exact_clock(self.last_time[0], self.offset),
            "forecast": rows,
            "out_of_range": [asdict(column) for column in self.out_of_range],
            "notes": self.notes,
        }


def _to_json_text(future: Future) -> str:
    return json.dumps(future.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


WRITERS: dict[str, Callable[[Future], str]] = {".csv": Future.to_csv, ".json": _to_json_text}


def refuse_output(path: Path) -> None:
    """Refuse a file that `save` would refuse.

    Raises:
        ConfigError: another ending than those of WRITERS, something lies there, or there is no such folder.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(f"--output {path}: a forecast is written as {' or '.join(WRITERS)}; let the name end with one of them")
    refuse_taken(path)


def save(future: Future, path: Path) -> None:
    """Write a forecast to a new file, in the format of its ending.

    Raises:
        ConfigError: see `refuse_output`.
        OutputError: it could not be written.
    """
    refuse_output(path)
    with new_files(path) as (place,):
        place.write_bytes(WRITERS[path.suffix](future).encode(errors="replace"))  # a folder's name may be no text


def predict(which: Run, *, steps: int | None = None, data: Path | None = None, runtime: str = "onnx") -> Future:
    """The `steps` (None: the horizon) rows after the last one of the data; beyond the horizon by feeding forecasts back.

    Args:
        data: a file of fresh rows to forecast from, in the format of the run's own; None: the last rows of the run's data.
    Raises:
        ConfigError, DataError: `data` cannot be used.
        RunError: the run is damaged, or more steps than the horizon are asked for and an input column is not forecast itself.
    """
    experiment = which.experiment()
    panel = which.last_window(length=experiment.window.length)
    scaler = which.scaler(channels=len(panel.channels))
    horizon = experiment.window.horizon
    steps = horizon if steps is None else steps
    unknown = panel.channels[panel.num_targets :]
    if steps > horizon and unknown:
        raise RunError(
            f"--steps {steps}: beyond the horizon {horizon} the values of {', '.join(unknown)} would have to be known; "
            f"ask for {horizon} steps at most, or train with a longer window.horizon"
        )
    if data is not None:
        panel = _fresh(data, experiment, like=panel)
    network = open_network(which, panel, scaler, runtime=runtime)
    value, fed_back = _roll(network, panel, horizon=horizon, steps=steps)
    times = panel.frequency.after(panel.time[-1:], steps=steps)
    out_of_range = _out_of_range(panel, scaler, fed_back)
    what = "last window and the forecasts fed back" if len(fed_back) else "last window"
    return Future(
        run=which,
        targets=panel.targets,
        unit=panel.unit,
        last_time=panel.time[-1:],
        time=times,
        offset=panel.offset,
        value=value,
        out_of_range=out_of_range,
        notes=[_note(column, what=what, consequence=_CONSEQUENCE[experiment.window.normalize]) for column in out_of_range],
    )


def _fresh(path: Path, experiment: Experiment, *, like: Panel) -> Panel:
    """The last window of the rows in a file, read and checked as the run's own data was."""
    if not isinstance(experiment.data, CsvSpec):
        raise ConfigError(
            f"--data {path}: the rows of this run come from no file but from data.kind: {experiment.data.kind}; "
            "leave --data out, or name a run that was trained on a CSV file"
        )
    if not path.exists():
        raise DataError(f"--data {path}: no such file; name a CSV file with the columns of the run's data")
    spec = experiment.data.model_copy(update={"path": str(path.absolute())})
    panel, length = load_csv(spec, frequency=like.frequency), experiment.window.length
    if panel.num_rows < length:
        raise DataError(f"{path}: {counted(panel.num_rows, 'row')}, window.length={length:,} needs {length:,}; add earlier rows")
    if panel.offset != like.offset:
        theirs, ours = (f"the UTC offset {one.offset}" if one.offset else "no UTC offset" for one in (panel, like))
        raise DataError(f"{path}: the times have {theirs}, those of the run's data {ours}; write them as there")
    return panel.tail(length)


def _roll(network: Any, panel: Panel, *, horizon: int, steps: int) -> tuple[Floats, Floats]:
    """value[step, target] after the panel's rows, and those of them that were fed back as inputs.

    Args:
        panel: exactly the rows that the network sees.
    """
    length, rows, parts = panel.num_rows, panel.values, []
    for _ in range(0, steps, horizon):
        # The window's targets lie past the end and are never looked at.
        origin = np.array([length], dtype=np.int32)
        window = Windows(panel=panel.with_values(rows), origins=origin, length=length, horizon=horizon)
        parts.append(network.points(window)[0])
        if not np.isfinite(parts[-1]).all():
            raise TrainError(
                f"the forecast is not finite any more within step {len(parts) * horizon}: forecasts that were fed back have "
                "grown without bound; ask for fewer --steps, or train again with a longer window.horizon"
            )
        if panel.num_targets == len(panel.channels):
            rows = np.concatenate([rows, parts[-1]])[-length:]
    value = np.concatenate(parts)
    return value[:steps], value[: horizon * (len(parts) - 1)]


def _out_of_range(panel: Panel, scaler: Scaler, fed_back: Floats) -> list[OutOfRange]:
    """The columns in which the network is shown values outside the range that was seen in training."""
    found = []
    for place, name in enumerate(panel.channels):
        seen = np.concatenate([panel.values[:, place], *fed_back.T[place : place + 1]])
        low, high = float(scaler.low[0, place]), float(scaler.high[0, place])
        if seen.min() < low or seen.max() > high:
            column = OutOfRange(column=name, low=float(seen.min()), high=float(seen.max()), trained_low=low, trained_high=high)
            found.append(column)
    return found


def _note(column: OutOfRange, *, what: str, consequence: str) -> str:
    return (
        f"{column.column} runs from {report.figure(column.low)} to {report.figure(column.high)} in the {what}; "
        f"training saw {report.figure(column.trained_low)} to {report.figure(column.trained_high)}, {consequence}"
    )

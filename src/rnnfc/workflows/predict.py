"""Forecast past the end of the data, from the run folder alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfc import report
from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats, Panel, clock, exact_clock
from rnnfc.data.scale import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError, TrainError
from rnnfc.run import Run
from rnnfc.workflows.runtime import open_network

# What it means that values lie outside the range of training, by window.normalize.
_CONSEQUENCE = {"none": "so the network extrapolates", "last": "the network sees changes from the last row, not the level"}


@dataclass(frozen=True, kw_only=True)
class Future:
    """value[step, target] in data units; `time` is None where times past the end are not known (trading days)."""

    run: Run
    targets: tuple[str, ...]
    unit: str
    last_time: Times
    time: Times | None
    value: Floats
    notes: list[str]

    def labels(self) -> list[str]:
        """The time of each step for people: short where that tells them apart, steps after the last time where none is known."""
        if self.time is None:
            return [f"{clock(self.last_time[0])} + {step}" for step in range(1, len(self.value) + 1)]
        short = [clock(moment) for moment in self.time]
        return short if len(set(short)) == len(short) else [exact_clock(moment) for moment in self.time]

    def to_json(self) -> dict[str, Any]:
        """Plain values, one row a step."""
        times = [None] * len(self.value) if self.time is None else [exact_clock(moment) for moment in self.time]
        rows = [
            {"time": moment, "step": step, "value": dict(zip(self.targets, map(float, row), strict=True))}
            for step, (moment, row) in enumerate(zip(times, self.value, strict=True), 1)
        ]
        return {
            "run": str(self.run.folder),
            "unit": self.unit,
            "last_time": exact_clock(self.last_time[0]),
            "forecast": rows,
            "notes": self.notes,
        }


def predict(which: Run, *, steps: int | None = None, runtime: str = "onnx") -> Future:
    """The `steps` (None: the horizon) rows after the last one of the data; beyond the horizon by feeding forecasts back.

    Raises:
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
    network = open_network(which, panel, scaler, runtime=runtime)
    value, fed_back = _roll(network, panel, horizon=horizon, steps=steps)
    times = panel.frequency.after(panel.time[-1:], steps=steps)
    return Future(
        run=which,
        targets=panel.targets,
        unit=panel.unit,
        last_time=panel.time[-1:],
        time=times,
        value=value,
        notes=_range_notes(panel, scaler, fed_back, consequence=_CONSEQUENCE[experiment.window.normalize]),
    )


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


def _range_notes(panel: Panel, scaler: Scaler, fed_back: Floats, *, consequence: str) -> list[str]:
    """A note for each column in which the network is shown values outside the range that was seen in training."""
    notes = []
    for place, name in enumerate(panel.channels):
        seen = np.concatenate([panel.values[:, place], *fed_back.T[place : place + 1]])
        low, high = float(scaler.low[0, place]), float(scaler.high[0, place])
        if seen.min() < low or seen.max() > high:
            what = "last window and the forecasts fed back" if len(fed_back) else "last window"
            notes.append(
                f"{name} runs from {report.figure(float(seen.min()))} to {report.figure(float(seen.max()))} in the {what}; "
                f"training saw {report.figure(low)} to {report.figure(high)}, {consequence}"
            )
    return notes

"""Run: one folder under outputs/, read piece by piece; every file name and format of it."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TextIO, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml, load
from rnnfc.data.calendar import TIME_FEATURES
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.data.scaler import Scaler
from rnnfc.errors import ConfigError, RunError, visible
from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs import untrusted
from rnnfc.runs.checkpoint import CHECKPOINT
from rnnfc.runs.writer import MANIFEST, manifest

EXPERIMENT, INFO, MODEL, ONNX = "experiment.yaml", "run.json", "model.keras", "model.onnx"
WEIGHTS, SCALER = "weights.npz", "scaler.json"
HISTORY, LOSS_PLOT = "history.jsonl", "loss.png"
REPORT, REPORT_TEXT = "report.json", "report.md"
FORECAST, FORECAST_PLOT, LAST_WINDOW = "forecast.csv", "forecast.png", "last_window.npz"
FILES = (
    *(EXPERIMENT, INFO, MODEL, ONNX, WEIGHTS, SCALER, HISTORY, LOSS_PLOT),
    *(REPORT, REPORT_TEXT, FORECAST, FORECAST_PLOT, LAST_WINDOW),
)
COMPARE, COMPARE_TEXT, COMPARE_PLOT = "compare.json", "compare.md", "compare.png"
EXPLAIN, EXPLAIN_PLOT = "explain.json", "explain.png"

_UNITS = get_args(Frequency.__annotations__["unit"])
_DATED, _LARGEST_STEP = ("month", "month_end", "microsecond"), 2.0**63

# What is damaged may be quoted in the reason.
_LONGEST_REASON = 300
# A spreadsheet runs a cell that begins with one of these, and shows one that begins with ' as text.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")

_Content = TypeVar("_Content")
FORECAST_COLUMNS = ("series", "origin_time", "step", "time", "target", "actual", "forecast")


@dataclass(frozen=True)
class Run:
    """A run folder, read piece by piece; nothing in it is executed or unpickled."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The finished run in `folder`.

        Raises:
            RunError: there is none, or it is not finished, or it is damaged.
        """
        if not (folder / INFO).is_file():
            raise RunError(f"{folder}: not a run folder (no {INFO}); name a folder that 'rnnfc train' made")
        run = cls(folder)
        if (folder / MANIFEST).exists():  # first, so that nothing is believed that was not written
            run.refuse_damage()
        if run.info().get("status") != "done":
            raise RunError(f"{folder}: this run is not finished; go on with: rnnfc train --resume {folder}")
        return run.refuse_damage()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def info(self) -> dict[str, Any]:
        """run.json."""
        return self._json(INFO)

    def report(self) -> dict[str, Any]:
        """report.json."""
        return self._json(REPORT)

    def experiment(self, overrides: Sequence[str] = ()) -> Experiment:
        """The resolved experiment, after `overrides` as in `config.load`."""
        try:
            if overrides:
                return load(self.folder / EXPERIMENT, overrides)
            return from_yaml(self._text(EXPERIMENT), source=EXPERIMENT)
        except ConfigError as error:
            raise self._damaged(EXPERIMENT, error) from error

    def checkpoint(self) -> dict[str, npt.NDArray[Any]] | None:
        """The last checkpoint of an unfinished run, if there is one."""
        return self._arrays(CHECKPOINT) if (self.folder / CHECKPOINT).exists() else None

    def refuse_damage(self) -> Self:
        """This run, once every file has been found to be what was written.

        Raises:
            RunError: names the first file that is not.
        """
        listed = self._text(MANIFEST)
        names = [line[66:] for line in listed.split("\n")[:-1]]
        unlisted = [name for name in FILES if name not in names and (self.folder / name).exists()]
        if unlisted or any(Path(name).name != name for name in names):
            raise self._damaged(
                MANIFEST, ValueError(f"it does not list {unlisted[0]}" if unlisted else "it lists a path")
            )
        for name in names:
            try:
                untrusted.refuse_special(self.folder / name)
            except (OSError, ValueError) as error:  # ValueError: a name that no file can have, too
                raise self._damaged(name, error) from error
        found = manifest(self.folder, names)
        if found != listed:
            wrong = (
                name
                for name, line in zip(names, found.split("\n"), strict=False)
                if f"{line}\n" not in listed
            )
            raise self._damaged(
                next(wrong, MANIFEST), ValueError(f"it is not what {MANIFEST} says was written")
            )
        return self

    def scaler(self, *, channels: int, series: int = 1) -> Scaler:
        """The scaler that was fitted on the training rows, of so many columns and series."""
        try:
            scaler = Scaler.from_json(self._json(SCALER))
            arrays = np.stack([scaler.center, scaler.scale, scaler.low, scaler.high])
            if (
                arrays.shape[1:] != (series, channels)
                or not np.isfinite(arrays).all()
                or not scaler.scale.all()
            ):
                raise ValueError(
                    f"finite numbers for {channels} columns{f' of {series} series' * (series > 1)} are needed"
                )
            power = np.zeros((series, 1)) if scaler.power is None else scaler.power
            whole = power.ndim == 2 and len(power) == series and 1 <= power.shape[1] <= channels
            if not whole or not np.all((power >= 0) & (power <= 2)):
                raise ValueError("powers from 0 to 2 are needed")
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise self._damaged(SCALER, error) from error
        return scaler

    def onnx(self) -> bytes:
        """model.onnx."""
        return self._read(ONNX, untrusted.read_bytes)

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """The net's arrays."""
        return self._arrays(WEIGHTS)

    def last_window(self, *, length: int) -> Panel:
        """The last `length` rows of every series of the data."""
        try:
            panel = panel_from_arrays(self._arrays(LAST_WINDOW))
            _check_panel(panel, length=length)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise self._damaged(LAST_WINDOW, error) from error
        return panel

    def history(self) -> list[dict[str, Any]]:
        """history.jsonl, one mapping an epoch."""
        try:
            rows = [json.loads(line) for line in self._text(HISTORY).splitlines()]
            if not all(isinstance(row, dict) and isinstance(row.get("epoch"), int) for row in rows):
                raise ValueError("each line is an epoch")
        except (ValueError, RecursionError) as error:
            raise self._damaged(HISTORY, error) from error
        return rows

    def scores(self, metrics: set[str] | None = None) -> dict[tuple[Any, ...], float | None]:
        """The scores of report.json by `score_key`, all or those of some metrics."""
        try:
            scores = {
                score_key(row): row["value"]
                for row in self.report()["scores"]
                if metrics is None or row["metric"] in metrics
            }
            if not all(
                value is None or (isinstance(value, int | float) and math.isfinite(value))
                for value in scores.values()
            ):
                raise TypeError("a score is not a finite number")
        except (KeyError, OverflowError, TypeError) as error:
            raise self._damaged(REPORT, error) from error
        return scores

    def metrics(self) -> set[str]:
        """Names of the metrics in report.json; a run of an earlier version has fewer."""
        try:
            return {str(row["metric"]) for row in self.report()["scores"]}
        except (KeyError, TypeError) as error:
            raise self._damaged(REPORT, error) from error

    def forecast_rows(self) -> list[dict[str, str]]:
        """forecast.csv, one mapping a row, everything as text; columns of quantiles may follow those of FORECAST_COLUMNS."""
        known = len(FORECAST_COLUMNS)
        try:
            rows = list(csv.DictReader(io.StringIO(self._text(FORECAST))))
        except csv.Error as error:
            raise self._damaged(FORECAST, error) from error
        if not rows or any(
            tuple(row)[:known] != FORECAST_COLUMNS or None in (*row, *row.values()) for row in rows
        ):
            raise self._damaged(FORECAST, ValueError(f"columns must be {', '.join(FORECAST_COLUMNS)}"))
        return [
            {**row, **{name: row[name].removeprefix("'") for name in ("series", "target")}} for row in rows
        ]

    def _text(self, name: str) -> str:
        return self._read(name, lambda path: untrusted.read_bytes(path).decode())

    def _json(self, name: str) -> dict[str, Any]:
        return self._read(name, untrusted.read_json)

    def _arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        return self._read(name, untrusted.read_arrays)

    def _read(self, name: str, read: Callable[[Path], _Content]) -> _Content:
        try:
            return read(self.folder / name)
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, error: Exception) -> RunError:
        words = (
            f"{error} is missing"
            if isinstance(error, KeyError)
            else str(getattr(error, "strerror", None) or error)
        )
        reason = " ".join(words.split())[:_LONGEST_REASON]
        return RunError(
            f"{self.folder / name}: cannot be read ({reason}); the run is damaged, train it again"
        )


def score_key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What tells one score of a report from the others."""
    return tuple(row[name] for name in row if name not in ("value", "undefined"))


def write_forecast(
    forecast: Forecast, panel: Panel, file: TextIO, *, beside: Mapping[str, Floats] | None = None
) -> None:
    """The rows of forecast.csv, in data units; of each level a column, and of each name in `beside` (point forecasts) one."""
    beside = beside or {}
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*FORECAST_COLUMNS, *map(quantile_name, forecast.levels), *beside))
    quantiles = () if forecast.quantiles is None else np.moveaxis(forecast.quantiles, -1, 0)
    actual = np.full_like(forecast.point, np.nan) if forecast.actual is None else forecast.actual
    values = np.stack(
        [actual, forecast.point, *quantiles, *beside.values()], axis=-1
    )  # [window, horizon, target, column]
    moments, place = np.unique(forecast.time, return_inverse=True)
    times = np.array([format_time_exact(moment, panel.offset) for moment in moments])[place].reshape(
        forecast.time.shape
    )
    targets = [cell(target) for target in panel.targets]
    for window, series in enumerate(forecast.series):
        name, origin = (
            cell(panel.series[series]),
            format_time_exact(forecast.origin_time[window], panel.offset),
        )
        for step, (time, rows) in enumerate(
            zip(times[window].tolist(), values[window].tolist(), strict=True), start=1
        ):
            writer.writerows(
                (name, origin, step, time, target, *row) for target, row in zip(targets, rows, strict=True)
            )


def quantile_name(level: float) -> str:
    """What the column of a level is called: q0.1."""
    return f"q{level:g}"


def cell(name: str) -> str:
    """A name for a CSV file that a spreadsheet may open: visible, and with a ' before it where it would run as a formula."""
    shown = visible(name.replace("\n", r"\n"))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def panel_to_arrays(panel: Panel) -> dict[str, npt.NDArray[Any]]:
    """A panel as plain arrays, for an .npz file."""
    plain = {
        name: getattr(panel, name)
        for name in ("num_targets", "num_known", "calendar", "missing", "unit", "offset")
    }
    plain["frequency"] = asdict(panel.frequency)
    names = {
        "series": np.array(panel.series),
        "channels": np.array(panel.channels),
        "plain": np.array(json.dumps(plain)),
    }
    return {
        "values": panel.values,
        "time": panel.time,
        "bounds": panel.bounds,
        "filled": panel.filled,
        **names,
    }


def panel_from_arrays(arrays: dict[str, npt.NDArray[Any]]) -> Panel:
    """The panel that `panel_to_arrays` wrote."""
    plain = json.loads(str(arrays["plain"]))
    plain |= {"frequency": Frequency(**plain["frequency"]), "calendar": tuple(plain.get("calendar", ()))}
    return Panel(
        values=arrays["values"],
        time=arrays["time"],
        bounds=arrays["bounds"],
        filled=arrays["filled"],
        series=tuple(map(str, arrays["series"])),
        channels=tuple(map(str, arrays["channels"])),
        **plain,
    )


def _check_panel(panel: Panel, *, length: int) -> None:
    """Refuse a panel that this tool would not have written.

    Raises:
        ValueError: says what is needed.
    """
    frequency, time, columns = panel.frequency, panel.time, len(panel.channels)
    if type(panel.num_targets) is not int or not 1 <= panel.num_targets <= columns:
        raise ValueError(f"of {columns} columns it forecasts {panel.num_targets!r}")
    known = panel.num_known
    if (
        type(known) is not int
        or not 2 * len(panel.calendar) <= known <= columns - panel.num_targets
        or {*panel.calendar} - {*TIME_FEATURES}
    ):
        raise ValueError(f"of {columns} columns it knows {known!r} of the future")
    if not all(name.isprintable() for name in (*panel.channels, panel.unit, panel.offset)):
        raise ValueError("a name is not on one line of visible characters")
    kinds, rows = "M" if frequency.unit in _DATED else "ifM", length * len(panel.series)
    given = [
        (panel.values, "f", (rows, columns)),
        (panel.filled, "b", (rows, columns)),
        (time, kinds, (rows,)),
    ]
    given.append((panel.bounds, "i", (len(panel.series) + 1,)))
    if any(array.dtype.kind not in kinds or array.shape != shape for array, kinds, shape in given):
        raise ValueError(f"{length} rows of {columns} columns are needed")
    if panel.bounds[0] != 0 or np.any(np.diff(panel.bounds) != length):
        raise ValueError("its series do not lie end to end")
    if (
        not np.isfinite(time).all() or not np.isfinite(panel.values).all()
    ):  # a date that is none (NaT) is not finite either
        raise ValueError("a time or a value is not finite")
    whole = frequency.unit not in _DATED or frequency.size % 1 == 0
    if frequency.unit not in _UNITS or not 0 < frequency.size < _LARGEST_STEP or not whole:
        raise ValueError(f"there is no step of time of {frequency.size!r} {frequency.unit!r}")

"""Run: one folder under outputs/, read file by file; the names of its files."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

from rnnfc.config import load
from rnnfc.config.experiment import Experiment
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.errors import ConfigError, RunError
from rnnfc.plain import Array, Json, JsonObject
from rnnfc.runs import untrusted
from rnnfc.runs.checkpoint import CHECKPOINT
from rnnfc.runs.forecast_csv import read_forecast
from rnnfc.runs.panel_arrays import frequency_from_arrays, panel_from_arrays
from rnnfc.runs.parent import Parent
from rnnfc.runs.row_hashes import Hashes
from rnnfc.runs.series_csv import SeriesKey, read_series
from rnnfc.runs.writer import MANIFEST, manifest

EXPERIMENT, INFO, MODEL, ONNX = "experiment.yaml", "run.json", "model.keras", "model.onnx"
WEIGHTS, SCALER = "weights.npz", "scaler.json"
HISTORY, LOSS_PLOT = "history.jsonl", "loss.png"
REPORT, REPORT_TEXT = "report.json", "report.md"
FORECAST, FORECAST_PLOT, LAST_WINDOW = "forecast.csv", "forecast.png", "last_window.npz"
# Of a run of many series, and of report.forecasts: all.
SERIES, FORECAST_PARQUET = "series.csv", "forecast.parquet"
FILES = (
    *(EXPERIMENT, INFO, MODEL, ONNX, WEIGHTS, SCALER, HISTORY, LOSS_PLOT),
    *(REPORT, REPORT_TEXT, FORECAST, FORECAST_PLOT, LAST_WINDOW, SERIES, FORECAST_PARQUET),
)
COMPARE, COMPARE_TEXT, COMPARE_PLOT = "compare.json", "compare.md", "compare.png"
EXPLAIN, EXPLAIN_PLOT = "explain.json", "explain.png"

# Begins the hidden name of a folder that is being removed.
REMOVED = ".removed-"

# A message may quote the damaged content.
_LONGEST_REASON = 300

_Content = TypeVar("_Content")
ScoreKey = tuple[Json, ...]


@dataclass(frozen=True)
class Run:
    """A run folder, read file by file; nothing in it is executed or unpickled.

    Every method raises RunError, which names the file, where that is missing or damaged.
    """

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The finished run in `folder`.

        Raises:
            RunError: it is not a run, not finished, or damaged.
        """
        if not (folder / INFO).is_file():
            raise RunError(f"{folder}: not a run folder (no {INFO}); name a folder that 'rnnfc train' wrote")
        run = cls(folder)
        if (folder / MANIFEST).exists():  # first, so that no other file is trusted unchecked
            run.verify_files()
        if run.info().get("status") != "done":
            raise RunError(f"{folder}: this run is not finished; continue it: rnnfc train --resume {folder}")
        return run.verify_files()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def info(self) -> JsonObject:
        """run.json."""
        return self._json(INFO)

    def parent(self) -> Parent | None:
        """The training that this run is a final fit of; None for a run with test rows of its own."""
        parent = self.info().get("parent")
        try:
            return None if parent is None else Parent.from_json(parent)
        except ValueError as error:
            raise self._damaged(INFO, error) from error

    def require_test_rows(self) -> None:
        """Refuse a final fit, which was trained on all rows.

        Raises:
            RunError: names the run that is its evidence.
        """
        parent = self.parent()
        if parent is not None:
            raise RunError(f"{self.folder}: a final fit has no test rows; name its evidence, {parent.run}")

    def not_written(self) -> dict[str, str]:
        """Why files are missing that could not be made after training, by their names."""
        reasons = self.info().get("not_written")
        return {name: str(reason) for name, reason in reasons.items()} if isinstance(reasons, dict) else {}

    def has_fixed_stride(self) -> bool:
        """Whether its training windows begin `window.stride` rows apart, as in earlier versions."""
        return self.info().get("fixed_stride") is not False

    def fits_by_range(self) -> bool:
        """Whether baselines of unscaled columns were fitted in units of their ranges; not in earlier versions."""
        return self.info().get("fit_by_range") is True

    def map_reads_known(self) -> bool:
        """Whether its linear map reads future covariates of the target rows; not in earlier versions."""
        return self.info().get("map_reads_known") is True

    def report(self) -> JsonObject:
        """report.json."""
        return self._json(REPORT)

    def report_text(self) -> str:
        """report.md."""
        return self._text(REPORT_TEXT)

    def experiment(self, overrides: Sequence[str] = ()) -> Experiment:
        """The resolved experiment, after `overrides` as in `config.load`."""
        try:
            if overrides:
                return load.load(self.folder / EXPERIMENT, overrides)
            return load.from_yaml(self._text(EXPERIMENT), source=EXPERIMENT)
        except ConfigError as error:
            raise self._damaged(EXPERIMENT, error) from error

    def checkpoint(self) -> dict[str, Array] | None:
        """The last checkpoint of an unfinished run; None before the first."""
        return self._arrays(CHECKPOINT) if (self.folder / CHECKPOINT).exists() else None

    def verify_files(self) -> Self:
        """This run, after every file was compared with its SHA-256 in the manifest.

        Raises:
            RunError: names the first file that is missing or has changed.
        """
        listed = self._text(MANIFEST)
        names = [line[66:] for line in listed.split("\n")[:-1]]
        unlisted = [name for name in FILES if name not in names and (self.folder / name).exists()]
        if unlisted:
            raise self._damaged(MANIFEST, ValueError(f"{unlisted[0]} is not listed"))
        if any(Path(name).name != name for name in names):
            raise self._damaged(MANIFEST, ValueError("it lists a path"))
        for name in names:
            try:
                untrusted.refuse_special(self.folder / name)
            except (OSError, ValueError) as error:  # ValueError: an impossible file name, too
                raise self._damaged(name, error) from error
        actual = manifest(self.folder, names)
        if actual != listed:
            lines = zip(names, actual.split("\n"), strict=False)
            changed = (name for name, line in lines if f"{line}\n" not in listed)
            reason = ValueError(f"its SHA-256 is not the one in {MANIFEST}")
            raise self._damaged(next(changed, MANIFEST), reason)
        return self

    def scaler(self, *, channels: int, series: int = 1) -> Scaler:
        """The scaler that was fitted on the training rows, for this number of columns and series."""
        try:
            scaler = Scaler.from_json(self._json(SCALER))
            arrays = np.stack([scaler.center, scaler.scale, scaler.low, scaler.high])
            whole = (
                arrays.shape[1:] == (series, channels) and np.isfinite(arrays).all() and scaler.scale.all()
            )
            if not whole:
                of_series = f" of {series} series" * (series > 1)
                raise ValueError(f"finite numbers for {channels} columns{of_series} are needed")
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

    def weights(self) -> dict[str, Array]:
        """The network's weights by name."""
        return self._arrays(WEIGHTS)

    def last_window(self, *, length: int) -> Panel:
        """The last `length` rows of every series of the data."""
        try:
            return panel_from_arrays(self._arrays(LAST_WINDOW), length=length)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise self._damaged(LAST_WINDOW, error) from error

    def first_times(self, last: Panel) -> Times | None:
        """The time of the first row of each series of the data; None where an earlier version did not record it.

        Args:
            last: the last window.
        """
        times = self._arrays(LAST_WINDOW).get("first_time")
        wanted = (last.time.dtype.kind, (len(last.series),))
        if times is not None and (times.dtype.kind, times.shape) != wanted:
            raise self._damaged(LAST_WINDOW, ValueError("a first time of each series is needed"))
        return times

    def row_hashes(self) -> Hashes | None:
        """See `row_hashes.row_hashes`; None where an earlier version did not record them."""
        hashes = self._arrays(LAST_WINDOW).get("row_hashes")
        if hashes is None:
            return None
        if (hashes.dtype.kind, hashes.ndim) != ("u", 1):
            raise self._damaged(LAST_WINDOW, ValueError("a hash of each row is needed"))
        return hashes.astype(np.uint32, copy=False)

    def frequency(self) -> Frequency:
        """The step from one row of the data to the next."""
        try:
            return frequency_from_arrays(self._arrays(LAST_WINDOW))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise self._damaged(LAST_WINDOW, error) from error

    def history(self) -> list[JsonObject]:
        """history.jsonl, one mapping an epoch."""
        try:
            rows = [json.loads(line) for line in self._text(HISTORY).splitlines()]
            if not all(isinstance(row, dict) and isinstance(row.get("epoch"), int) for row in rows):
                raise ValueError("each line must be an epoch")
        except (ValueError, RecursionError) as error:
            raise self._damaged(HISTORY, error) from error
        return rows

    def scores(self, kinds: set[tuple[str, str]] | None = None) -> dict[ScoreKey, float | None]:
        """The scores of report.json by `score_key`; only those of some kinds, see `score_kinds`."""
        scores = {}
        try:
            for row in self.score_rows():
                if kinds is not None and (row["metric"], row["units"]) not in kinds:
                    continue
                value = row["value"]
                if not (value is None or (isinstance(value, int | float) and math.isfinite(value))):
                    raise TypeError("a score is not a finite number")
                scores[score_key(row)] = value
        except (KeyError, OverflowError, TypeError) as error:
            raise self._damaged(REPORT, error) from error
        return scores

    def score_kinds(self) -> set[tuple[str, str]]:
        """Metrics of report.json with their units; a run of an earlier version has fewer."""
        try:
            return {(str(row["metric"]), str(row["units"])) for row in self.score_rows()}
        except KeyError as error:
            raise self._damaged(REPORT, error) from error

    def score_rows(self) -> list[JsonObject]:
        """The scores of report.json, one mapping each."""
        report = self.report()
        if "scores" not in report:
            raise self._damaged(REPORT, KeyError("scores"))
        rows = report["scores"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._damaged(REPORT, TypeError("scores must be a list of objects"))
        return rows

    def forecast_rows(self) -> list[dict[str, str]]:
        """forecast.csv, one mapping a row, everything as text."""
        try:
            return read_forecast(self._text(FORECAST))
        except ValueError as error:
            raise self._damaged(FORECAST, error) from error

    def series_scores(self) -> dict[str, dict[SeriesKey, float]] | None:
        """The numbers of series.csv, see `read_series`; None where there is one series, and in a run of an earlier version."""
        if not (self.folder / SERIES).exists():
            return None
        try:
            return read_series(self._text(SERIES))
        except ValueError as error:
            raise self._damaged(SERIES, error) from error

    def _text(self, name: str) -> str:
        return self._read(name, lambda path: untrusted.read_bytes(path).decode())

    def _json(self, name: str) -> JsonObject:
        return self._read(name, untrusted.read_json)

    def _arrays(self, name: str) -> dict[str, Array]:
        return self._read(name, untrusted.read_arrays)

    def _read(self, name: str, read: Callable[[Path], _Content]) -> _Content:
        try:
            return read(self.folder / name)
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, error: Exception) -> RunError:
        text = str(getattr(error, "strerror", None) or error)
        reason = f"{text} is missing" if isinstance(error, KeyError) else text
        reason = " ".join(reason.split())[:_LONGEST_REASON]
        path = self.folder / name
        return RunError(f"{path}: cannot be read ({reason}); the run is damaged, train it again")


def score_key(row: Mapping[str, Json]) -> ScoreKey:
    """All that identifies a score of a report: its row without the value."""
    return tuple(row[name] for name in row if name not in ("value", "undefined"))

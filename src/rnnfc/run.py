"""Run: one folder under outputs/; every file name and format of it, and the one way to publish it durably."""

import csv
import datetime as dt
import errno
import io
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc import config
from rnnfc.config import Experiment
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel, exact_clock
from rnnfc.data.scale import Scaler
from rnnfc.errors import ConfigError, OutputError, RunError
from rnnfc.forecast import Forecast

EXPERIMENT, INFO, MODEL, WEIGHTS, SCALER = "experiment.yaml", "run.json", "model.keras", "weights.npz", "scaler.json"
HISTORY, LOSS_PLOT = "history.jsonl", "loss.png"
REPORT, REPORT_TEXT = "report.json", "report.md"
FORECAST, FORECAST_PLOT, LAST_WINDOW = "forecast.csv", "forecast.png", "last_window.npz"
COMPARE, COMPARE_TEXT, COMPARE_PLOT = "compare.json", "compare.md", "compare.png"

FORECAST_COLUMNS = ("series", "origin_time", "step", "time", "target", "actual", "forecast")
_STAMP = "%Y%m%d-%H%M%S"


class Draft:
    """A folder that is being written under a hidden name; it appears under its own name, whole, when the block ends well."""

    def __init__(self, outputs: Path, name: str) -> None:
        self._outputs = outputs
        self._name = f"{dt.datetime.now(dt.UTC).strftime(_STAMP)}-{name}"
        self._hidden = outputs / f".{self._name}.{uuid.uuid4().hex[:12]}"
        self.folder = self._hidden

    def __enter__(self) -> Self:
        try:
            self._outputs.mkdir(parents=True, exist_ok=True)
            self._hidden.mkdir()
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as failure:
            error = failure
        finally:
            shutil.rmtree(self._hidden, ignore_errors=True)
        # A broken pipe is the reader of the progress, who has gone: no file of ours is a pipe.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise self._refused(error) from error

    def write(self, name: str, content: bytes | str) -> None:
        """One whole file, on disk when this returns."""
        data = content.encode() if isinstance(content, str) else content
        self.write_with(name, lambda path: path.write_bytes(data))

    def write_with(self, name: str, save: Callable[[Path], object]) -> None:
        """One file that `save` writes to the path it is given, on disk when this returns."""
        path = self._hidden / name
        save(path)
        _sync(path)

    def write_json(self, name: str, value: Any) -> None:
        """A JSON file; NaN and infinity are refused, for they are no JSON."""
        self.write(name, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")

    def write_arrays(self, name: str, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """An .npz file of plain arrays."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        self.write(name, buffer.getvalue())

    def write_rows(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """A JSON Lines file, one line a row."""
        self.write(name, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))

    def _publish(self) -> None:
        _sync(self._hidden)
        for attempt in range(1, 1000):
            self.folder = self._outputs / (self._name if attempt == 1 else f"{self._name}-{attempt}")
            try:
                self._hidden.rename(self.folder)  # onto a folder that holds something this fails, whoever made it
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                _sync(self._outputs)
                return
        raise OutputError(f"{self.folder}: a thousand runs of this name in one second; try again")

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._outputs}: the run could not be written ({error.strerror or error}); free some space, or name another "
            "folder with --outputs; earlier runs are untouched"
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Run:
    """A finished run folder, read piece by piece; nothing in it is executed or unpickled."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The finished run in `folder`.

        Raises:
            RunError: there is none, or it is not finished.
        """
        if not (folder / INFO).is_file():
            raise RunError(f"{folder}: not a run folder (no {INFO}); name a folder that 'rnnfc train' made")
        run = cls(folder)
        if run.info().get("status") != "done":
            raise RunError(f"{folder}: this run is not finished (status {run.info().get('status')!r}); train it again")
        return run

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

    def experiment(self) -> Experiment:
        """The resolved experiment."""
        try:
            return config.from_yaml(self._text(EXPERIMENT), source=EXPERIMENT)
        except ConfigError as error:
            raise self._damaged(EXPERIMENT, error) from error

    def scaler(self) -> Scaler:
        """The scaler that was fitted on the training rows."""
        try:
            return Scaler.from_json(self._json(SCALER))
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(SCALER, error) from error

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """The net's arrays."""
        return self._arrays(WEIGHTS)

    def last_window(self) -> Panel:
        """The last rows of the data, as many as the network sees."""
        try:
            return panel_from_arrays(self._arrays(LAST_WINDOW))
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(LAST_WINDOW, error) from error

    def forecast_rows(self) -> list[dict[str, str]]:
        """forecast.csv, one mapping a row, everything as text."""
        try:
            rows = list(csv.DictReader(io.StringIO(self._text(FORECAST))))
        except csv.Error as error:
            raise self._damaged(FORECAST, error) from error
        if not rows or any(tuple(row) != FORECAST_COLUMNS for row in rows):
            raise self._damaged(FORECAST, ValueError(f"columns must be {', '.join(FORECAST_COLUMNS)}"))
        return rows

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged(name, error) from error

    def _json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads(self._text(name))
        except (ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error
        if not isinstance(value, dict):
            raise self._damaged(name, ValueError("an object is needed"))
        return value

    def _arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        try:
            # Opened here, for np.load leaves a damaged file open.
            with (self.folder / name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}
        # TypeError: one .npy array instead; RuntimeError: a damaged zip says that it is encrypted, or of a later version.
        except (OSError, ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, error: Exception) -> RunError:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        return RunError(f"{self.folder / name}: cannot be read ({reason}); the run is damaged, train it again")


def finished(outputs: Path) -> list[Run]:
    """All finished runs under `outputs`, oldest first; half-written folders and other files are passed over."""
    found: list[tuple[str, str, Run]] = []
    for path in outputs.glob("*/" + INFO) if outputs.is_dir() else ():
        run = Run(path.parent)
        try:
            info = run.info()
        except RunError:
            continue
        if info.get("status") == "done" and not path.parent.name.startswith("."):
            found.append((str(info.get("finished", "")), run.name, run))
    return [run for _, _, run in sorted(found, key=lambda item: item[:2])]


def find(outputs: Path, which: str | None) -> Run:
    """The run that `which` means: a folder, a folder's name under `outputs`, an experiment's name (its newest run), or None
    for the newest of all.

    Raises:
        RunError: there is no such finished run.
    """
    if which is not None:
        for folder in (Path(which), outputs / which):
            if os.path.isdir(folder):  # False, and no error, for a name that no folder can have
                return Run.open(folder)
    # Not by the folder's name: sine-2 is the second run of sine in one second, or a run of sine-2.
    runs = [run for run in finished(outputs) if which is None or run.info().get("name") == which]
    if runs:
        return runs[-1]
    known = ", ".join(run.name for run in finished(outputs)[-3:])
    hint = f"the newest are: {known}" if known else "train one: rnnfc train configs/sine.yaml"
    raise RunError(f"{outputs}: no finished run{'' if which is None else f' {which!r}'}; {hint}")


def forecast_csv(forecast: Forecast, panel: Panel) -> str:
    """The rows of forecast.csv, in data units."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FORECAST_COLUMNS)
    actual = forecast.actual if forecast.actual is not None else np.full_like(forecast.point, np.nan)
    for window, series in enumerate(forecast.series):
        origin = exact_clock(forecast.origin_time[window])
        for step in range(forecast.point.shape[1]):
            when = exact_clock(forecast.time[window, step])
            for place, target in enumerate(panel.targets):
                values = (repr(float(array[window, step, place])) for array in (actual, forecast.point))
                writer.writerow((panel.series[series], origin, step + 1, when, target, *values))
    return buffer.getvalue()


def panel_to_arrays(panel: Panel) -> dict[str, npt.NDArray[Any]]:
    """A panel as plain arrays, for an .npz file."""
    plain = {"frequency": asdict(panel.frequency), "num_targets": panel.num_targets, "missing": panel.missing, "unit": panel.unit}
    names = {"series": np.array(panel.series), "channels": np.array(panel.channels), "plain": np.array(json.dumps(plain))}
    return {"values": panel.values, "time": panel.time, "bounds": panel.bounds, "filled": panel.filled, **names}


def panel_from_arrays(arrays: dict[str, npt.NDArray[Any]]) -> Panel:
    """The panel that `panel_to_arrays` wrote."""
    plain = json.loads(str(arrays["plain"]))
    plain["frequency"] = Frequency(**plain["frequency"])
    return Panel(
        values=arrays["values"],
        time=arrays["time"],
        bounds=arrays["bounds"],
        filled=arrays["filled"],
        series=tuple(map(str, arrays["series"])),
        channels=tuple(map(str, arrays["channels"])),
        **plain,
    )

"""Export a run's network for other tools, checked against the run's own forecasts, with a card that documents it."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError, DataError, RunError, TrainError
from rnnfc.export.format import ExportFormat
from rnnfc.export.interface import interface
from rnnfc.export.parity import MAX_PARITY_ERROR, SCALE_HINT, infer_in_batches, parity_error
from rnnfc.extensions import EXPORT_FORMATS, load_record
from rnnfc.networks.tensors import Outputs
from rnnfc.plain import JsonObject
from rnnfc.runs.run import ONNX, WEIGHTS, Run
from rnnfc.runs.writer import json_text, new_files, refuse_existing, sha256
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.inference import open_network
from rnnfc.workflows.prepare import prepare_run
from rnnfc.workflows.provenance import PACKAGES

# The name of the card in an exported folder; the card of a file has the file's name: model.onnx.json.
CARD = "card.json"
# Parity is checked on so many windows at most: enough to find a fault of conversion, quick in every format.
_MAX_WINDOWS = 256
# Random windows for a run without its data; the last window of each series is added.
_NUM_RANDOM = 63


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A network in another format, the card that documents it, and its parity error on windows of one kind."""

    path: Path
    card_path: Path
    card: Mapping[str, object]
    parity_error: float
    num_windows: int
    source_of_windows: str


def export(run: Run, *, kind: str, to: Path) -> Exported:
    """Write the network of a run to the new path `to`, in the format `kind` of EXPORT_FORMATS.

    Raises:
        ConfigError: `to` has the wrong ending, exists, or its folder does not; before any work.
        RunError: the run is damaged.
        TrainError: the exported network forecasts something else; nothing is written.
        OutputError: the files could not be written; nothing is left behind.
    """
    export_format: ExportFormat = load_record(EXPORT_FORMATS, kind)
    _check_suffix(to, kind, export_format.suffix)
    card_file = [to.with_name(f"{to.name}.json")] if export_format.suffix else []
    refuse_existing(to, *card_file)
    experiment = run.experiment()
    _check_unrolled_steps(experiment, kind, export_format.max_unrolled_steps)
    last = run.last_window(length=experiment.window.length)
    scaler = run.scaler(channels=len(last.channels), series=len(last.series))
    windows, source_of_windows = _parity_windows(run, experiment, last, scaler)
    network = engine_for(experiment).restore(
        experiment, last, scaler, run.weights(), source=str(run.folder / WEIGHTS)
    )
    expected = network.outputs(windows)
    if ONNX not in run.not_written():
        shipped = open_network(run, last, scaler, runtime="onnx").outputs(windows)
        _check_shipped(run, shipped, expected, windows, scaler)
    facts = interface(experiment, last, scaler)
    with new_files(to, *card_file) as (path, *card_paths):
        export_format.save(network, facts, path)
        outputs = infer_in_batches(export_format.read(path, experiment.levels), windows)
        error = parity_error(
            outputs,
            expected,
            windows,
            scaler,
            label=f"{kind} model",
            hint=export_format.hint or SCALE_HINT,
        )
        card = {
            "format": kind,
            "dtype": export_format.dtype,
            **facts,
            **_provenance(run, last, scaler),
            "parity": {
                "largest_difference": error,
                "allowed": MAX_PARITY_ERROR,
                "windows": len(windows),
                "of": source_of_windows,
            },
            "sha256": _hashes(path, name=to.name),
        }
        (card_paths or [path / CARD])[0].write_text(json_text(card), encoding="utf-8")
    return Exported(
        path=to,
        card_path=(card_file or [to / CARD])[0],
        card=card,
        parity_error=error,
        num_windows=len(windows),
        source_of_windows=source_of_windows,
    )


def _check_suffix(to: Path, kind: str, suffix: str) -> None:
    if suffix and to.suffix != suffix:
        raise ConfigError(
            f"--to {to}: a file of the format {kind} ends with {suffix}; name it {to.stem}{suffix}"
        )
    other_suffixes = [load_record(EXPORT_FORMATS, name).suffix for name in EXPORT_FORMATS]
    if not suffix and to.suffix and to.suffix in other_suffixes:
        raise ConfigError(
            f"--to {to}: the format {kind} is a folder, but {to.suffix} is a file; name it {to.stem}"
        )


def _check_unrolled_steps(experiment: Experiment, kind: str, limit: int | None) -> None:
    """Refuse a recursive network that would take minutes to convert, step by step, to a format without loops."""
    num_steps = experiment.window.horizon * experiment.window.length
    if experiment.model.is_recursive and limit is not None and num_steps > limit:
        raise ConfigError(
            f"--format {kind}: a recursive network is unrolled here to {num_steps:,} steps (length x horizon); the limit is "
            f"{limit:,}; choose another --format"
        )


def _parity_windows(run: Run, experiment: Experiment, last: Panel, scaler: Scaler) -> tuple[Windows, str]:
    """Windows for the parity check, and what they are: test windows, or random ones if the data is gone or has changed."""
    try:
        splits = prepare_run(run)[0].splits
    except (ConfigError, DataError):  # gone, changed, or larger than the memory
        return _random_windows(experiment, last, scaler), "last window and drawn from the trained range"
    # A final fit has no test windows.
    windows, name = (splits.test, "test") if len(splits.test) else (splits.train, "training")
    return replace(windows, origins=windows.origins[:: -(-len(windows) // _MAX_WINDOWS)]), name


def _random_windows(experiment: Experiment, last: Panel, scaler: Scaler) -> Windows:
    """Windows drawn from the range of the training rows, and the last window of each series; each is a series of its own rows."""
    length, horizon = experiment.window.length, experiment.window.horizon
    all_series = np.arange(len(last.series))
    drawn = np.concatenate([np.resize(all_series, _NUM_RANDOM), all_series])
    series = np.sort(drawn, kind="stable")  # of each window
    rows_per_window = length + (horizon if last.num_known else 0)  # with rows of the known future
    shape = (len(series), rows_per_window, len(last.channels))
    rows = np.random.default_rng(experiment.seed).uniform(
        scaler.low[series, None], scaler.high[series, None], shape
    )
    ends = np.searchsorted(series, all_series, side="right")
    rows[ends - 1, :length] = last.values.reshape(-1, length, shape[2])  # the last window of each series
    bounds = rows_per_window * np.concatenate([[0], ends])
    panel = replace(last, values=rows.reshape(-1, shape[2]), bounds=bounds)
    origins = np.arange(length, panel.num_rows + 1, rows_per_window, dtype=np.int32)
    return Windows(panel=panel, origins=origins, length=length, horizon=horizon)


def _check_shipped(run: Run, shipped: Outputs, expected: Outputs, windows: Windows, scaler: Scaler) -> None:
    """Refuse a run whose model.onnx, which `predict` reads, differs from its weights, which are exported."""
    try:
        parity_error(shipped, expected, windows, scaler)
    except TrainError as error:
        raise RunError(
            f"{run.folder}: {ONNX} and {WEIGHTS} hold different networks; the run is damaged, train it again"
        ) from error


def _provenance(run: Run, last: Panel, scaler: Scaler) -> JsonObject:
    """The run, the time step of its rows, the range of each column in training, and the versions that wrote the file."""
    lows, highs = scaler.low.min(axis=0).tolist(), scaler.high.max(axis=0).tolist()
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "run": run.name,
        "rows": str(last.frequency),
        "trained_range": {
            name: [low, high] for name, low, high in zip(last.channels, lows, highs, strict=True)
        },
        "versions": {"python": platform.python_version(), **versions},
    }


def _hashes(path: Path, *, name: str) -> dict[str, str]:
    """The SHA-256 of the file at `path` by its later `name`, or of every file in a folder by its path there."""
    if path.is_file():
        return {name: sha256(path)}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): sha256(file) for file in files}

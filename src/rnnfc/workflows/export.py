"""Export a run's network for other tools: checked against the run's own forecasts, with a card that says how to use it."""

import platform
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError, DataError, RunError, TrainError
from rnnfc.export.onnx_model import MAX_PARITY_ERROR, difference, infer_in_batches, interface
from rnnfc.networks.tensors import Outputs
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.runs.writer import json_text, new_files, refuse_existing, sha256
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.inference import open_network
from rnnfc.workflows.prepare import prepare_again
from rnnfc.workflows.provenance import PACKAGES

# What the path of each format ends with; empty where it is a folder.
ENDINGS = {"onnx": ".onnx", "savedmodel": "", "litert": ".tflite", "keras": ".keras"}
CARD = "card.json"  # beside a file its name comes first: model.onnx.json
# Steps of a window that LiteRT is given one by one; 100 take about 10 s to convert.
_MOST_CELLS = 1_000
# Enough to find a fault of conversion, and quick in every format.
_MOST_WINDOWS, _DRAWN = 256, 63


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A network in another format, and the card that says how to use it."""

    path: Path
    card_path: Path
    card: dict[str, Any]


def export(which: Run, *, kind: str, to: Path) -> Exported:
    """The network of a run in a format of ENDINGS, written to `to`, never over anything.

    Raises:
        ConfigError: `to` has another ending, is taken, or lies in no folder; before any work.
        RunError: the run is damaged.
        TrainError: the exported network does not forecast what the run does; nothing is written.
        OutputError: it could not be written; nothing is left behind.
    """
    _refuse_ending(to, kind)
    beside = [to.with_name(f"{to.name}.json")] if ENDINGS[kind] else []
    refuse_existing(to, *beside)
    experiment = which.experiment()
    _refuse_long(experiment, kind)
    last = which.last_window(length=experiment.window.length)
    scaler = which.scaler(channels=len(last.channels), series=len(last.series))
    windows, origin = _windows(which, experiment, last, scaler)
    network = engine_for(experiment).restore(
        experiment, last, scaler, which.weights(), source=str(which.folder / run.WEIGHTS)
    )
    expected = network.outputs(windows)
    _refuse_mixed(
        which, open_network(which, last, scaler, runtime="onnx").outputs(windows), expected, windows, scaler
    )
    from rnnfc.export.formats import FORMATS

    form, facts = FORMATS[kind], interface(experiment, last, scaler)
    with new_files(to, *beside) as (place, *card_places):
        form.save(network, facts, place)
        made = infer_in_batches(form.read(place, experiment.levels), windows)
        share = difference(made, expected, windows, scaler, what=f"{kind} model", mend=form.mend)
        card = {
            "format": kind,
            "dtype": form.dtype,
            **facts,
            **_origin(which, last, scaler),
            "parity": {
                "largest_difference": share,
                "allowed": MAX_PARITY_ERROR,
                "windows": len(windows),
                "of": origin,
            },
            "sha256": _hashes(place, name=to.name),
        }
        (card_places or [place / CARD])[0].write_text(json_text(card), encoding="utf-8")
    return Exported(path=to, card_path=(beside or [to / CARD])[0], card=card)


def _refuse_long(experiment: Experiment, kind: str) -> None:
    """Refuse to write out a recursive network for LiteRT, which has no loops, where that would take minutes and more."""
    window = experiment.window
    if kind == "litert" and experiment.model.is_recursive:
        cells = window.horizon * window.length
        if cells > _MOST_CELLS:
            raise ConfigError(
                f"--format litert: a recursive network is written out there, {cells:,} steps (length x horizon), at most "
                f"{_MOST_CELLS:,} are; choose another --format"
            )


def _refuse_ending(to: Path, kind: str) -> None:
    ending, others = ENDINGS[kind], [ending for ending in ENDINGS.values() if ending]
    if ending and to.suffix != ending:
        raise ConfigError(
            f"--to {to}: a file of the format {kind} ends with {ending}; name it {to.stem}{ending}"
        )
    if not ending and to.suffix in others:
        raise ConfigError(
            f"--to {to}: the format {kind} is a folder, and {to.suffix} names a file; name it {to.stem}"
        )


def _windows(which: Run, experiment: Experiment, last: Panel, scaler: Scaler) -> tuple[Windows, str]:
    """Windows to check on, and what they are: the run's test windows, or made ones where its data is gone or has changed."""
    try:
        test = prepare_again(which)[0].splits.test
    except (ConfigError, DataError):  # gone, not as it was, or more than there is memory for
        pass
    else:
        return replace(test, origins=test.origins[:: -(-len(test) // _MOST_WINDOWS)]), "test"
    length, horizon = experiment.window.length, experiment.window.horizon
    every = np.arange(len(last.series))
    series = np.sort(
        np.concatenate([np.resize(every, _DRAWN), every]), kind="stable"
    )  # the series of each window
    each = length + (horizon if last.num_known else 0)  # rows, with those that are known ahead
    shape = (len(series), each, len(last.channels))
    rows = np.random.default_rng(experiment.seed).uniform(
        scaler.low[series, None], scaler.high[series, None], shape
    )
    ends = np.searchsorted(series, every, side="right")
    rows[ends - 1, :length] = last.values.reshape(-1, length, shape[2])  # the last of each series
    panel = replace(last, values=rows.reshape(-1, shape[2]), bounds=each * np.concatenate([[0], ends]))
    origins = np.arange(length, panel.num_rows + 1, each, dtype=np.int32)
    return Windows(
        panel=panel, origins=origins, length=length, horizon=horizon
    ), "last window and drawn from the trained range"


def _refuse_mixed(which: Run, shipped: Outputs, expected: Outputs, windows: Windows, scaler: Scaler) -> None:
    """Refuse a run whose model.onnx, which `predict` reads, is not the network of its weights, which is exported."""
    try:
        difference(shipped, expected, windows, scaler)
    except TrainError as error:
        both = f"{run.ONNX} and {run.WEIGHTS} hold different networks"
        raise RunError(f"{which.folder}: {both}; the run is damaged, train it again") from error


def _origin(which: Run, last: Panel, scaler: Scaler) -> dict[str, Any]:
    """The run, the step of its rows, the range of each column in training, and the versions that wrote the file."""
    spans = zip(last.channels, scaler.low.min(axis=0).tolist(), scaler.high.max(axis=0).tolist(), strict=True)
    return {
        "run": which.name,
        "rows": str(last.frequency),
        "trained_range": {name: [low, high] for name, low, high in spans},
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
    }


def _hashes(place: Path, *, name: str) -> dict[str, str]:
    """The SHA-256 of a file called `name`, or of every file in a folder by its path there."""
    files = {str(path.relative_to(place)): path for path in sorted(place.rglob("*")) if path.is_file()} or {
        name: place
    }
    return {key: sha256(path) for key, path in files.items()}

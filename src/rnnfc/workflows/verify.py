"""Train a finished run again and compare weights, history and scores bit for bit."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rnnfc.baselines import refuse_missing_extra
from rnnfc.plain import Array, Json
from rnnfc.runs.run import Run
from rnnfc.workflows.final_fit import repeat_final_fit
from rnnfc.workflows.fit import Listener
from rnnfc.workflows.prepare import prepare_run
from rnnfc.workflows.provenance import differences, provenance
from rnnfc.workflows.train import train

_Value: TypeAlias = "Array | Json"
_Values: TypeAlias = "Mapping[str, _Value]"
# The name of a commit decides nothing: code_sha256 says whether the program is the same.
_NOT_COMPARED = ("git_commit",)
# Recorded by the training itself.
_RECORDED_LATER = ("threads", "recipe")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What differs between a run and the same training now: in its results, and in the recorded facts. Empty is good."""

    run: Run
    results: list[str]
    provenance: list[str]


def verify(run: Run, *, listener: Listener) -> Verification:
    """Train the experiment of a run again in a temporary folder, and compare.

    Raises:
        DataError: the data is not what the run was trained on; raised before training.
        RunError: the run is damaged.
        TrainError, OutputError: as in training.
    """
    kinds = run.score_kinds()
    before = _results(run, kinds)
    refuse_missing_extra(run.experiment().baselines)
    prepared, _ = prepare_run(run)
    with tempfile.TemporaryDirectory(prefix="rnnfc-verify-") as folder:
        if run.parent() is None:
            repeated = train(prepared, outputs=Path(folder), listener=listener).run
        else:
            repeated = repeat_final_fit(run, prepared, outputs=Path(folder), listener=listener)
        now, infos = _results(repeated, kinds), (run.info(), repeated.info())
    names = [name for name in (*provenance(prepared.panel), *_RECORDED_LATER) if name not in _NOT_COMPARED]
    recorded, current = ({name: info.get(name) for name in names} for info in infos)
    return Verification(
        run=run,
        results=[text for name in before for text in _compare(name, before[name], now[name])],
        provenance=differences(recorded, current),
    )


def _results(run: Run, kinds: set[tuple[str, str]]) -> "dict[str, _Values]":
    epochs = [{name: value for name, value in row.items() if name != "seconds"} for row in run.history()]
    return {
        "weights": {**run.weights()},
        "history": {f"epoch {row['epoch']}": row for row in epochs},
        "scores": {json.dumps(key): value for key, value in run.scores(kinds).items()},
    }


def _compare(name: str, before: "_Values", now: "_Values") -> list[str]:
    """One line if anything differs: how many of how many, and the first."""
    keys = dict.fromkeys([*before, *now])
    differing = [key for key in keys if not _is_same(before.get(key), now.get(key))]
    return [f"{name}: {len(differing)} of {len(keys)} differ, first {differing[0]}"] if differing else []


def _is_same(before: "_Value", now: "_Value") -> bool:
    if isinstance(before, np.ndarray) and isinstance(now, np.ndarray):
        return (before.shape, before.dtype, before.tobytes()) == (now.shape, now.dtype, now.tobytes())
    return type(before) is type(now) and bool(before == now)

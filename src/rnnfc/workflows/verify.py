"""Train a finished run again and compare: weights, history and scores, bit for bit."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.baselines import refuse_missing_extra
from rnnfc.runs.run import Run
from rnnfc.workflows.prepare import prepare_again
from rnnfc.workflows.provenance import differences, facts
from rnnfc.workflows.train import Listener, train

# A commit's name decides nothing: code_sha256 says whether the program is the same.
_NAMES_ONLY = ("git_commit",)
# Of the training itself.
_STARTED = ("threads", "recipe")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What differs between a run and the same training now, and which recorded facts do; nothing and nothing is the aim."""

    run: Run
    results: list[str]
    facts: list[str]


def verify(which: Run, *, listener: Listener) -> Verification:
    """Train the experiment of a run again, in a folder that goes away.

    Raises:
        DataError: the data is not what the run was trained on; nothing is trained then.
        RunError: the run is damaged.
        TrainError, OutputError: as in training.
    """
    metrics = which.metrics()
    before = _results(which, metrics)
    refuse_missing_extra(which.experiment().baselines)
    prepared, _ = prepare_again(which)
    with tempfile.TemporaryDirectory(prefix="rnnfc-verify-") as folder:
        again = train(prepared, outputs=Path(folder), listener=listener).run
        now, known, info = _results(again, metrics), again.info(), which.info()
    names = [name for name in (*facts(prepared.panel), *_STARTED) if name not in _NAMES_ONLY]
    return Verification(
        run=which,
        results=[text for name in before for text in _compared(name, before[name], now[name])],
        facts=differences(
            {name: info.get(name) for name in names}, {name: known.get(name) for name in names}
        ),
    )


def _results(of: Run, metrics: set[str]) -> dict[str, dict[str, Any]]:
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in of.history()]
    return {
        "weights": of.weights(),
        "history": {f"epoch {row['epoch']}": row for row in rows},
        "scores": {json.dumps(key): value for key, value in of.scores(metrics).items()},
    }


def _compared(name: str, before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """One line where something differs: how many of how many, and the first."""
    keys = dict.fromkeys([*before, *now])
    wrong = [key for key in keys if not _same(before.get(key), now.get(key))]
    return [f"{name}: {len(wrong)} of {len(keys)} differ, first {wrong[0]}"] if wrong else []


def _same(before: Any, now: Any) -> bool:
    if isinstance(before, np.ndarray) and isinstance(now, np.ndarray):
        return (before.shape, before.dtype, before.tobytes()) == (now.shape, now.dtype, now.tobytes())
    return type(before) is type(now) and bool(before == now)

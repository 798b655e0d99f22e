"""Kill trainings with SIGKILL at numbered places and at random times, resume each, and compare with one that was left alone.

    python scripts/kills.py --kills 500 --commands 20      about an hour on two cores; the tests run a small one

Every place is just before or just after a call that changes a file (write, fsync, rename, unlink, mkdir). Most victims are
forked from this process, which has imported TensorFlow once; the last `--commands` are the real command, killed at random times.
Compared are weights, optimizer state, history, predictions, report and its text; seconds are not.
"""

import argparse
import contextlib
import functools
import importlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ["RNNFC_XLA_CACHE"] = "off"  # forks would share the folder of this process
# Everything that a resumed run has to bring back: early stopping and a plateau schedule that both act, a last smaller batch (47
# windows of the sine, 42 of the two series, in batches of 16), and what is drawn or fitted beside the weights.
CONFIG = """\
name: {name}
seed: 5
data: {data}
window: {{length: 4, horizon: 2}}
split: {{train: 0.65, validation: 0.2, test: 0.15}}
model: {model}
train:
  {{epochs: 12, batch_size: 16, learning_rate: 0.05, schedule: {{kind: plateau, patience: 1}}, early_stopping: {{patience: 4}}}}
"""
SINE = "{kind: sine, points: 80, stop: 20.0, noise: 0.2}"
SERIES = "{kind: long, path: series.csv, series: name, time: day, target: sold}"
ROWS = [
    f"{name},{day},{day * step % 11 + 0.01 * day}\n"
    for name, step in (("north", 7), ("south", 4))
    for day in range(40)
]
DROPPING = "dropout: 0.2, recurrent_dropout: 0.1"
MODELS = {
    "SimpleRNN": f"{{kind: stacked, cell: SimpleRNN, units: [3], {DROPPING}}}",
    "LSTM": f"{{kind: stacked, cell: LSTM, units: [3], {DROPPING}}}",
    "GRU": f"{{kind: stacked, cell: GRU, units: [3], {DROPPING}}}",
    "scratch": "{kind: scratch, units: 3}",
    "blend": "{kind: segment, cell: GRU, segment: 2, width: 4, dropout: 0.2, linear: {use: blend}}",
    "attention": "{kind: seq2seq, cell: LSTM, units: 3, attention: bahdanau, dropout: 0.2, teacher_forcing: 0.5}",
    "ensemble": "{kind: stacked, cell: SimpleRNN, units: [2], dropout: 0.2, ensemble: {seeds: 2}, linear: {use: path}}",
    "embedding": "{kind: stacked, cell: GRU, units: [3], dropout: 0.2, series_embedding: 2}",
}
NAMES = tuple(MODELS)


@dataclass(frozen=True)
class Folders:
    """One victim's outputs, and its config."""

    outputs: Path
    config: Path

    @property
    def log(self) -> Path:
        """What the last training said."""
        return self.outputs.with_suffix(".log")

    def finished(self) -> list[Path]:
        """Published runs."""
        return sorted(self.outputs.glob("[!.]*"))


class Places:
    """Counts calls that change a file, twice each (before and after), and kills this process at number `victim`."""

    def __init__(self, victim: int) -> None:
        self.count = 0
        self._victim = victim

    def __call__(self) -> None:
        """One more place."""
        if self.count == self._victim:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` with a place before and after it."""

        def counted(*arguments: Any, **options: Any) -> Any:
            self()
            result = call(*arguments, **options)
            self()
            return result

        return counted


def train(folders: Folders, *, victim: int = -1, resume: bool = False) -> None:
    """In a forked child: train or resume, every epoch checkpointed; a copy of the last checkpoint stays in state.npz."""
    from rnnfc.cli import main
    from rnnfc.runs import checkpoint

    places = Places(victim)
    checkpoint._EVERY_S = 0.0
    unlink = Path.unlink

    def keep_state(path: Path, missing_ok: bool = False) -> None:
        if path.name == checkpoint.CHECKPOINT:
            shutil.copy(path, folders.outputs.with_suffix(".npz"))
        unlink(path, missing_ok)

    os.fsync = places.around(os.fsync)
    changes: dict[str, Any] = {
        name: getattr(Path, name) for name in ("write_bytes", "replace", "rename", "mkdir")
    }
    for name, call in {**changes, "unlink": keep_state}.items():
        setattr(Path, name, places.around(call))
    log = os.open(folders.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for handle in (1, 2):
        os.dup2(log, handle)
    code = 1
    with contextlib.suppress(SystemExit):
        try:
            main(
                [
                    "train",
                    *(["--resume"] if resume else [str(folders.config)]),
                    "--outputs",
                    str(folders.outputs),
                ]
            )
        except SystemExit as ended:
            code = int(ended.code or 0)
    folders.outputs.with_suffix(".count").write_text(str(places.count))
    os._exit(code)


def forked(folders: Folders, *, victim: int = -1, resume: bool = False, seconds: float | None = None) -> int:
    """`train` in a child, killed after `seconds` if given; returns its wait status."""
    child = os.fork()
    if child == 0:
        train(folders, victim=victim, resume=resume)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def command(folders: Folders, *, resume: bool = False, seconds: float | None = None) -> int:
    """The real command, killed after `seconds` if given."""
    arguments = ["--resume"] if resume else [str(folders.config)]
    call = [sys.executable, "-m", "rnnfc", "train", *arguments, "--outputs", str(folders.outputs)]
    try:
        with folders.log.open("w") as log:  # at the timeout the child is killed
            return subprocess.run(call, stdout=log, stderr=log, timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL


def contents(folders: Folders, *, state: bool) -> dict[str, Any]:
    """What has to be the same, of the one finished run."""
    (run,) = folders.finished()
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    arrays = {f"weights/{name}": array.tobytes() for name, array in np.load(run / "weights.npz").items()}
    if state:
        arrays |= {
            name: array.tobytes()
            for name, array in np.load(folders.outputs.with_suffix(".npz")).items()
            if name != "history"
        }
    return {
        **arrays,
        **{
            name: (run / name).read_bytes()
            for name in ("forecast.csv", "report.json", "report.md", "scaler.json", "experiment.yaml")
        },
        "history": [{name: value for name, value in row.items() if name != "seconds"} for row in history],
    }


def begun(folders: Folders) -> bool:
    """Whether there is an unfinished run to go on with."""
    return any(folders.outputs.glob(".*/run.json"))


def outcome(folders: Folders, wanted: dict[str, Any], again: Callable[..., int], *, state: bool) -> str:
    """What became of a victim: `same` or `anew` (nothing had been begun), `lost` with the last word, or what differs."""
    verdict = "same"
    if not folders.finished():
        verdict = "same" if begun(folders) else "anew"
        again(folders, resume=begun(folders))
    if len(folders.finished()) != 1 or begun(folders):
        return f"lost: {folders.log.read_text().strip().rpartition(chr(10))[2]}"
    found = contents(folders, state=state)
    wrong = [
        name
        for name in wanted
        if (state or not name.startswith("state/")) and found.get(name) != wanted[name]
    ]
    return f"differs: {', '.join(wrong)}" if wrong else verdict


@dataclass(frozen=True)
class Whole:
    """A training that was left alone: what came out, its places to kill at, how long it took."""

    contents: dict[str, Any]
    places: int
    seconds: float


def left_alone(home: Path, name: str) -> Whole:
    """The training of MODELS[name] that no victim is to differ from."""
    folders, began = Folders(outputs=home / f"whole-{name}", config=home / f"{name}.yaml"), time.monotonic()
    if forked(folders) != 0:
        raise RuntimeError(f"{name}: the training that is left alone failed")
    seconds, places = time.monotonic() - began, int(folders.outputs.with_suffix(".count").read_text())
    return Whole(contents(folders, state=True), places, seconds)


def kill(
    home: Path, whole: dict[str, Whole], victim: int, *, number: int, commands: int, seed: int
) -> tuple[str, str]:
    """(where it was killed, what became of it) of one victim."""
    # By fives, so that a few commands at the end are of Keras and of NumPy (scratch).
    name, draw = NAMES[5 * victim % len(NAMES)], random.Random(f"{seed} {victim}")  # noqa: S311  no secret
    left, folders = whole[name], Folders(outputs=home / f"victim-{victim}", config=home / f"{name}.yaml")
    numbered = number - commands - max(1, number // 8)
    again: Callable[..., int] = forked
    if victim < numbered:
        place = victim * left.places // numbered
        forked(folders, victim=place)
        where = f"{name} place {place} of {left.places}"
    elif victim < number - commands:
        after = draw.uniform(0, left.seconds)
        forked(folders, seconds=after)
        where = f"{name} after {after:.2f} s"
    else:
        after = draw.uniform(0.5, 4 + left.seconds)
        command(folders, seconds=after)
        where, again = f"{name} command after {after:.2f} s", command
    # The real command checkpoints every two seconds, and keeps no copy of the last one.
    state = again is forked and folders.outputs.with_suffix(".npz").exists()
    became = outcome(folders, left.contents, again, state=state)
    shutil.rmtree(folders.outputs, ignore_errors=True)
    return where, became


def side_by_side(
    work: Callable[[Any], Any], tasks: Sequence[Any], *, workers: int
) -> Iterator[tuple[Any, Any]]:
    """Each task with what `work` made of it, an error too; `workers` processes take turns."""
    answers, children = multiprocessing.get_context("fork").SimpleQueue(), []
    for worker in range(workers):
        child = os.fork()
        if child == 0:
            for task in tasks[worker::workers]:
                try:
                    answers.put((task, work(task)))
                except Exception as error:  # the others are to be told of it, not to wait for ever
                    answers.put((task, error))
            os._exit(0)
        children.append(child)
    for _ in tasks:
        yield answers.get()
    for child in children:
        os.waitpid(child, 0)


def kills(home: Path, *, number: int, commands: int, seed: int, workers: int) -> Iterator[tuple[str, str]]:
    """What became of every victim."""
    (home / "series.csv").write_text("name,day,sold\n" + "".join(ROWS))
    for name, model in MODELS.items():
        data = SERIES if "series_embedding" in model else SINE
        (home / f"{name}.yaml").write_text(CONFIG.format(name=name, data=data, model=model))
    whole = dict(side_by_side(functools.partial(left_alone, home), NAMES, workers=workers))
    for made in whole.values():
        if isinstance(made, Exception):
            raise SystemExit(str(made))
    killed = functools.partial(kill, home, whole, number=number, commands=commands, seed=seed)
    for victim, became in side_by_side(killed, range(number), workers=workers):
        yield (f"victim {victim}", f"differs: {became!r}") if isinstance(became, Exception) else became


def main() -> None:
    """Print each victim, then the sum; exit 1 if anything was lost or differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--commands", type=int, default=20, help="how many of them are the real command")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the random times")
    given = parser.parse_args()
    # Imported here and started in the children: a TensorFlow that has begun to work does not survive a fork.
    for name in (
        "tensorflow",
        "keras",
        "tf2onnx",
        "onnxruntime",
        "sklearn.preprocessing",
        "matplotlib.figure",
    ):
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as home:
        found = []
        for where, became in kills(
            Path(home), number=given.kills, commands=given.commands, seed=given.seed, workers=given.workers
        ):
            print(f"{where}: {became}", flush=True)
            found.append(became)
    lost, differing = (sum(became.startswith(word) for became in found) for word in ("lost", "differs"))
    print(
        f"{len(found)} kills, {found.count('anew')} before anything was begun, {lost} lost, {differing} differing"
    )
    sys.exit(1 if lost or differing else 0)


if __name__ == "__main__":
    main()

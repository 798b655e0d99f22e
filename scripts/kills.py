"""Kill trainings with SIGKILL at numbered places and at random times, resume each, and compare it with one that ran through.

    python scripts/kills.py --kills 500 --commands 20      about an hour on two cores; the tests run a small one

Every place is just before or just after a call that changes a file (write, fsync, rename, unlink, mkdir). Most victims are
forked from this process, which has imported TensorFlow once; the last `--commands` are the real command, killed at random times.
Compared are weights, optimizer state, history, predictions and report, but no seconds.
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
# Everything that a resumed run must restore: early stopping and a plateau schedule that both act, a last smaller batch (47
# windows of the sine, 42 of the two series, in batches of 16), random states, and linear parts fitted before the first epoch.
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
        """Output of the last training."""
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

    def count_calls(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, with a place before and one after it."""

        def counted(*arguments: Any, **options: Any) -> Any:
            self()
            result = call(*arguments, **options)
            self()
            return result

        return counted


def train(folders: Folders, *, victim: int = -1, resume: bool = False) -> None:
    """In a forked child: train or resume, with a checkpoint after every epoch; keep a copy of the last one."""
    from rnnfc.cli import main
    from rnnfc.runs import checkpoint

    places = Places(victim)
    checkpoint._EVERY_S = 0.0
    unlink = Path.unlink

    def keep_state(path: Path, missing_ok: bool = False) -> None:
        if path.name == checkpoint.CHECKPOINT:
            shutil.copy(path, folders.outputs.with_suffix(".npz"))
        unlink(path, missing_ok)

    os.fsync = places.count_calls(os.fsync)
    changes: dict[str, Any] = {
        name: getattr(Path, name) for name in ("write_bytes", "replace", "rename", "mkdir")
    }
    for name, call in {**changes, "unlink": keep_state}.items():
        setattr(Path, name, places.count_calls(call))
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
    """The real command, killed after `seconds` if options."""
    arguments = ["--resume"] if resume else [str(folders.config)]
    call = [sys.executable, "-m", "rnnfc", "train", *arguments, "--outputs", str(folders.outputs)]
    try:
        with folders.log.open("w") as log:  # at the timeout the child is killed
            return subprocess.run(call, stdout=log, stderr=log, timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL


def contents(folders: Folders, *, state: bool) -> dict[str, Any]:
    """Everything that must be equal in the one finished run."""
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


def is_unfinished(folders: Folders) -> bool:
    """Whether there is an unfinished run to resume."""
    return any(folders.outputs.glob(".*/run.json"))


def resume_and_compare(
    folders: Folders, expected: dict[str, Any], resume: Callable[..., int], *, state: bool
) -> str:
    """The verdict on a victim: `same`, `anew` (killed before its run began), `lost` with the last output, or what differs."""
    verdict = "same"
    if not folders.finished():
        verdict = "same" if is_unfinished(folders) else "anew"
        resume(folders, resume=is_unfinished(folders))
    if len(folders.finished()) != 1 or is_unfinished(folders):
        return f"lost: {folders.log.read_text().strip().rpartition(chr(10))[2]}"
    actual = contents(folders, state=state)
    wrong = [
        name
        for name in expected
        if (state or not name.startswith("state/")) and actual.get(name) != expected[name]
    ]
    return f"differs: {', '.join(wrong)}" if wrong else verdict


@dataclass(frozen=True)
class Whole:
    """A training that ran through: its results, its number of places, its duration."""

    contents: dict[str, Any]
    places: int
    seconds: float


def train_whole(home: Path, name: str) -> Whole:
    """The training of MODELS[name] that each victim is compared with."""
    folders, began = Folders(outputs=home / f"whole-{name}", config=home / f"{name}.yaml"), time.monotonic()
    if forked(folders) != 0:
        raise RuntimeError(f"{name}: the training that is not killed failed")
    seconds, places = time.monotonic() - began, int(folders.outputs.with_suffix(".count").read_text())
    return Whole(contents(folders, state=True), places, seconds)


def kill(
    home: Path, whole: dict[str, Whole], victim: int, *, number: int, commands: int, seed: int
) -> tuple[str, str]:
    """Where one victim was killed, and the verdict on it."""
    # In steps of five, so that the few commands at the end train Keras networks and the NumPy one (scratch).
    name, draw = NAMES[5 * victim % len(NAMES)], random.Random(f"{seed} {victim}")  # noqa: S311  no secret
    reference, folders = whole[name], Folders(outputs=home / f"victim-{victim}", config=home / f"{name}.yaml")
    numbered = number - commands - max(1, number // 8)
    resume: Callable[..., int] = forked
    if victim < numbered:
        place = victim * reference.places // numbered
        forked(folders, victim=place)
        where = f"{name} place {place} of {reference.places}"
    elif victim < number - commands:
        after = draw.uniform(0, reference.seconds)
        forked(folders, seconds=after)
        where = f"{name} after {after:.2f} s"
    else:
        after = draw.uniform(0.5, 4 + reference.seconds)
        command(folders, seconds=after)
        where, resume = f"{name} command after {after:.2f} s", command
    # The real command checkpoints every two seconds, and keeps no copy of the last one.
    state = resume is forked and folders.outputs.with_suffix(".npz").exists()
    verdict = resume_and_compare(folders, reference.contents, resume, state=state)
    shutil.rmtree(folders.outputs, ignore_errors=True)
    return where, verdict


def side_by_side(
    work: Callable[[Any], Any], tasks: Sequence[Any], *, workers: int
) -> Iterator[tuple[Any, Any]]:
    """Each task with the result of `work`, or its error; shared by `workers` processes."""
    answers, children = multiprocessing.get_context("fork").SimpleQueue(), []
    for worker in range(workers):
        child = os.fork()
        if child == 0:
            for task in tasks[worker::workers]:
                try:
                    answers.put((task, work(task)))
                except Exception as error:  # the parent process waits for one answer a task
                    answers.put((task, error))
            os._exit(0)
        children.append(child)
    for _ in tasks:
        yield answers.get()
    for child in children:
        os.waitpid(child, 0)


def kills(home: Path, *, number: int, commands: int, seed: int, workers: int) -> Iterator[tuple[str, str]]:
    """Place and verdict of every victim."""
    (home / "series.csv").write_text("name,day,sold\n" + "".join(ROWS))
    for name, model in MODELS.items():
        data = SERIES if "series_embedding" in model else SINE
        (home / f"{name}.yaml").write_text(CONFIG.format(name=name, data=data, model=model))
    whole = dict(side_by_side(functools.partial(train_whole, home), NAMES, workers=workers))
    for training in whole.values():
        if isinstance(training, Exception):
            raise SystemExit(str(training))
    killed = functools.partial(kill, home, whole, number=number, commands=commands, seed=seed)
    for victim, result in side_by_side(killed, range(number), workers=workers):
        yield (f"victim {victim}", f"differs: {result!r}") if isinstance(result, Exception) else result


def main() -> None:
    """Print each verdict, then their counts; exit 1 if a run was lost or differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--commands", type=int, default=20, help="how many of them are the real command")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the random times")
    options = parser.parse_args()
    # Imported here and used in the children only: TensorFlow does not survive a fork once it has run something.
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
        verdicts = []
        for where, verdict in kills(
            Path(home),
            number=options.kills,
            commands=options.commands,
            seed=options.seed,
            workers=options.workers,
        ):
            print(f"{where}: {verdict}", flush=True)
            verdicts.append(verdict)
    lost, differing = (sum(verdict.startswith(word) for verdict in verdicts) for word in ("lost", "differs"))
    print(
        f"{len(verdicts)} kills, {verdicts.count('anew')} before their run began, {lost} lost, {differing} differing"
    )
    sys.exit(1 if lost or differing else 0)


if __name__ == "__main__":
    main()

"""A disk that is full, at every file of a run: one clear sentence, earlier runs untouched, nothing lost that had been kept.

Files that grow past a limit (RLIMIT_FSIZE) stand for a full disk, and a small file system in memory is one.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rnnfc.cli import main
from rnnfc.runs import checkpoint
from rnnfc.runs.checkpoint import CHECKPOINT
from rnnfc.runs.find import unfinished
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter

CONFIG = """\
name: tiny
seed: 3
data: {{kind: sine, points: 60, stop: 15.0}}
window: {{length: 4, horizon: 2}}
split: {{train: 0.6, validation: 0.2, test: 0.2}}
model: {model}
train: {{epochs: 3, batch_size: 8}}
"""
MODELS = {
    "scratch": "{kind: scratch, units: 3}",
    "stacked": "{kind: stacked, cell: GRU, units: [3], dropout: 0.2}",
}
# Every file that training NumPy's network writes, in this order; run.json a second time when all is done.
WRITTEN = (
    *(
        "experiment.yaml",
        "run.json",
        CHECKPOINT,
        "model.onnx",
        "scaler.json",
        "last_window.npz",
        "weights.npz",
        "history.jsonl",
    ),
    *("loss.png", "report.json", "report.md", "forecast.csv", "forecast.png", "run.json", "manifest.sha256"),
)
AFTER_TRAINING = WRITTEN.index(CHECKPOINT) + 1
FULL = "free some space, or choose another folder with --outputs; earlier runs are untouched\n"


@dataclass(frozen=True)
class Outcome:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """As `rnnfc`, but what is printed goes into memory: into a file it would meet the limit too."""

    def run(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        return Outcome(int(stopped.value.code or 0), *capsys.readouterr())

    return run


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file grows past so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def full_at(place: int, size: int) -> Iterator[None]:
    """The `place`-th file that is written, from 0, and all later ones find room for `size` bytes only."""
    count = 0
    write_with = RunWriter.write_with

    def limited(draft: RunWriter, name: str, save: Callable[[Path], object]) -> None:
        nonlocal count
        count += 1
        with at_most(size) if count > place else contextlib.nullcontext():
            write_with(draft, name, save)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunWriter, "write_with", limited)
        yield


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def results(folder: Path) -> dict[str, Any]:
    """What has to be the same of two runs."""
    run = Run(folder)
    history = [{**row, "seconds": None} for row in run.history()]
    weights = {name: array.tobytes() for name, array in run.weights().items()}
    return {"history": history, **weights} | {
        name: (folder / name).read_bytes() for name in ("report.json", "forecast.csv")
    }


@dataclass(frozen=True)
class Before:
    """A config, and the outputs folder that its first run, never cut off, lies in alone."""

    config: Path
    outputs: Path
    run: Path

    @classmethod
    def of(cls, folder: Path, model: str) -> "Before":
        (folder / "tiny.yaml").write_text(CONFIG.format(model=MODELS[model]))
        with pytest.raises(SystemExit) as stopped:
            main(["train", str(folder / "tiny.yaml"), "--outputs", str(folder / "outputs")])
        assert stopped.value.code in (0, None)
        (run,) = (folder / "outputs").iterdir()
        return cls(folder / "tiny.yaml", folder / "outputs", run)

    def copied(self, to: Path) -> "Before":
        for name, content in everything(self.outputs).items():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes(content)
        return Before(self.config, to, to / self.run.name)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Before:
    return Before.of(tmp_path_factory.mktemp("scratch"), "scratch")


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Before:
    return Before.of(tmp_path_factory.mktemp("stacked"), "stacked")


def survives(
    command: Callable[..., Outcome],
    before: Before,
    full: AbstractContextManager[None],
    *,
    reason: str = "File too large",
) -> int:
    """Train on a full disk, then on one with room; says after which epoch training went on (0: begun anew)."""
    outputs, earlier = before.outputs, everything(before.outputs)
    with full:
        done = command("train", before.config, "--outputs", outputs)
    assert (done.code, done.out) == (1, "")
    lines = done.err.splitlines(keepends=True)
    assert lines[-1] == f"error: {outputs}: the run could not be written ({reason}); {FULL}"
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert "Traceback" not in done.err
    resumable = unfinished(outputs)
    left = {
        name for name in everything(outputs) if not any(name.startswith(f"{run.name}/") for run in resumable)
    }
    assert left == set(earlier)
    assert {name: content for name, content in everything(outputs).items() if name in earlier} == earlier
    assert command("predict", before.run.name, "--outputs", outputs).code == 0
    anew = command("train", before.config, "--outputs", outputs)
    assert anew.code == 0, anew.err
    newest = {path for path in outputs.glob("[!.]*") if path != before.run}
    assert json.loads(command("predict", "--outputs", outputs, "--json").out)["run"] == str(*newest)
    assert results(*newest) == results(before.run)
    if not resumable:
        assert "kept" not in done.err
        return 0
    (unfinished_run,) = resumable
    checkpoint = unfinished_run.checkpoint()
    assert checkpoint is not None
    epoch = len(json.loads(str(checkpoint["history"])))
    text = f"epoch {epoch} of 3 in {unfinished_run.folder}; continue with: rnnfc train --resume {unfinished_run.folder}"
    assert lines[-2] == f"kept        {text}\n"
    resumed = command("train", "--resume", "--outputs", outputs)
    assert resumed.code == 0, resumed.err
    (last,) = {path for path in outputs.iterdir() if path != before.run} - newest
    assert results(last) == results(before.run)
    assert not list(last.glob(".*"))
    return epoch


def test_file_size_limit__is_an_error_not_a_signal() -> None:
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN  # by Python, when it starts


@pytest.mark.parametrize(
    "place", range(len(WRITTEN)), ids=[f"{place} {name}" for place, name in enumerate(WRITTEN)]
)
def test_train__leaves_nothing_if_the_disk_is_full_at_a_file(
    command: Callable[..., Outcome], scratch: Before, tmp_path: Path, place: int
) -> None:
    name = WRITTEN[place]
    size = 300 if name == CHECKPOINT else (scratch.run / name).stat().st_size // 2
    epoch = survives(command, scratch.copied(tmp_path / "outputs"), full_at(place, size))
    assert epoch == (3 if place >= AFTER_TRAINING else 0)


def test_disk_full_files__are_those_that_training_writes(
    command: Callable[..., Outcome], scratch: Before, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write_with = RunWriter.write_with
    monkeypatch.setattr(
        RunWriter,
        "write_with",
        lambda draft, name, save: (written.append(name), write_with(draft, name, save)),
    )
    assert command("train", scratch.config, "--outputs", tmp_path).code == 0
    assert tuple(written) == WRITTEN


@pytest.mark.parametrize("size", [0, 1, 420, 1000, 2100, 20_000, 60_000])
def test_train__leaves_nothing_if_the_disk_is_full_from_the_start(
    command: Callable[..., Outcome], scratch: Before, tmp_path: Path, size: int
) -> None:
    epoch = survives(command, scratch.copied(tmp_path / "outputs"), at_most(size))
    assert epoch == (3 if size >= 20_000 else 0)  # the checkpoint has about 6,000 bytes


@pytest.mark.parametrize("name", [CHECKPOINT, "model.keras", "report.json"])
def test_train__leaves_nothing_if_the_disk_is_full_at_model_keras(
    command: Callable[..., Outcome], stacked: Before, tmp_path: Path, name: str
) -> None:
    order = [*WRITTEN[:8], "model.keras", *WRITTEN[8:]]
    size = 3000 if name == CHECKPOINT else (stacked.run / name).stat().st_size // 2
    epoch = survives(command, stacked.copied(tmp_path / "outputs"), full_at(order.index(name), size))
    assert epoch == (0 if name == CHECKPOINT else 3)


@pytest.mark.parametrize("model", MODELS)
def test_train__keeps_the_last_checkpoint_if_the_disk_fills_up(
    command: Callable[..., Outcome],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
) -> None:
    monkeypatch.setattr(checkpoint, "_EVERY_S", 0.0)  # after every epoch
    before: Before = request.getfixturevalue(model)
    assert (
        survives(command, before.copied(tmp_path / "outputs"), full_at(WRITTEN.index(CHECKPOINT) + 1, 300))
        == 1
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or _mount("-t", "tmpfs", "-o", "size=1m", "none", folder):
        pytest.skip("only root can mount a file system, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(*arguments: str | Path) -> int:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 1


@pytest.mark.parametrize(("spare", "epoch"), [(4096, 0), (65_536, 3)], ids=["at once", "later"])
def test_train__without_room_for_a_second_run_keeps_the_first(
    command: Callable[..., Outcome], scratch: Before, small_disk: Path, spare: int, epoch: int
) -> None:
    before = scratch.copied(small_disk / "outputs")
    usage = os.statvfs(small_disk)
    used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize

    @contextlib.contextmanager
    def full() -> Iterator[None]:
        assert _mount("-o", f"remount,size={used + spare}", small_disk) == 0
        yield
        assert _mount("-o", "remount,size=4m", small_disk) == 0

    assert survives(command, before, full(), reason="No space left on device") == epoch


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_predict__without_room_leaves_nothing(
    command: Callable[..., Outcome], scratch: Before, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"forecast{ending}"
    with at_most(10):
        done = command("predict", scratch.run, "--output", path)
    assert (done.code, done.out) == (1, "")
    assert (
        done.err
        == f"error: {path}: could not be written (File too large); free some space; nothing is left behind\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name"), [("onnx", "m.onnx"), ("savedmodel", "m"), ("litert", "m.tflite"), ("keras", "m.keras")]
)
def test_export__without_room_leaves_nothing(
    command: Callable[..., Outcome], stacked: Before, tmp_path: Path, kind: str, name: str
) -> None:
    (tmp_path / "out").mkdir()
    with at_most(400):
        done = command("export", stacked.run, "--format", kind, "--to", tmp_path / "out" / name)
    assert (done.code, done.out) == (1, "")
    lines = [line for line in done.err.splitlines() if line.startswith("error")]
    start = f"error: {tmp_path / 'out' / name}: could not be written ("
    assert [line[: len(start)] for line in lines] == [start]
    assert lines[0].endswith("; free some space; nothing is left behind")
    assert "Traceback" not in done.err
    assert list((tmp_path / "out").iterdir()) == []

"""A training that was cut off goes on as if it had not been; `scripts/kills.py` does the same with kill -9."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kills import MODELS

from rnnfc.cli.training_console import TrainingConsole
from rnnfc.errors import TrainError
from rnnfc.runs.run import Run

Command = Callable[..., Any]
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/kills.py"
CONFIG = """\
name: hard
seed: 5
data: {kind: sine, points: 80, stop: 20.0, noise: 0.2}
window: {length: 4, horizon: 2}
split: {train: 0.65, validation: 0.2, test: 0.15}
model: {kind: stacked, cell: GRU, units: [3], dropout: 0.2, recurrent_dropout: 0.1}
train: {epochs: 9, batch_size: 16, learning_rate: 0.05, schedule: {kind: plateau, patience: 1}, early_stopping: {patience: 7}}
"""


def contents(folder: Path) -> dict[str, Any]:
    """What has to be the same of two runs: everything but times."""
    opened = Run.open(folder)
    history = [{name: value for name, value in row.items() if name != "seconds"} for row in opened.history()]
    weights = {name: array.tobytes() for name, array in opened.weights().items()}
    return (
        {name: (folder / name).read_bytes() for name in ("report.json", "report.md", "forecast.csv")}
        | {"h": history}
        | weights
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "hard.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def broken_off(config: Path) -> Callable[[Command, Path], Path]:
    """Trains into the given outputs and stops after four epochs; returns the hidden folder."""

    def train(rnnfc: Command, outputs: Path) -> Path:
        epoch = TrainingConsole.epoch

        def stop(console: TrainingConsole, row: Any, *, total: int) -> None:
            epoch(console, row, total=total)
            if row.epoch == 4:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrainingConsole, "epoch", stop)
            done = rnnfc("train", config, "--outputs", outputs)
        (folder,) = outputs.iterdir()
        assert done.code == 130
        assert (
            f"kept        epoch 4 of 9 in {folder}; continue with: rnnfc train --resume {folder}\n"
            in done.err
        )
        assert done.err.endswith("interrupted\n")
        return Path(folder)

    return train


def test_resume__gives_the_bits_of_a_training_without_a_break(
    rnnfc: Command, tmp_path: Path, config: Path, broken_off: Callable[..., Path]
) -> None:
    assert rnnfc("train", config, "--outputs", tmp_path / "whole").code == 0
    folder = broken_off(rnnfc, tmp_path / "cut")
    assert rnnfc("predict", "--outputs", tmp_path / "cut").code == 2  # a half run is no run
    assert rnnfc("train", "--resume", "--outputs", tmp_path / "cut").code == 0
    (whole,), (resumed,) = (tmp_path / "whole").iterdir(), (tmp_path / "cut").iterdir()
    assert resumed.name == folder.name[1:].rpartition(".")[0]
    assert contents(resumed) == contents(whole)
    assert json.loads((resumed / "run.json").read_text())["resumed_after"] == [4]
    assert not list(resumed.glob(".*"))


def test_resume__refuses_and_names_every_change(
    rnnfc: Command,
    tmp_path: Path,
    config: Path,
    broken_off: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = broken_off(rnnfc, tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def refused(*arguments: str | Path) -> str:
        done = rnnfc("train", "--resume", *arguments, "--outputs", tmp_path)
        assert (done.code, done.out) == (2, "")
        return str(done.err)

    told = f"error: {folder}: cannot be resumed, this has changed since: "
    assert refused("--set", "train.epochs=10", "--set", "seed=6") == (
        f"{told}seed 5 -> 6, train.epochs 9 -> 10; undo the change, or train from the start without --resume\n"
    )
    other = tmp_path / "hard.yaml"
    other.write_text(CONFIG.replace("units: [3]", "units: [4]"))
    assert "this has changed since: model.units [3] -> [4]; undo" in refused(other)
    with monkeypatch.context() as patch:
        patch.setattr("rnnfc.workflows.provenance._code_sha256", lambda: "0" * 64)
        assert "this has changed since: code_sha256 " in refused(folder)
    with monkeypatch.context() as patch:
        patch.setattr("rnnfc.workflows.provenance.metadata.version", lambda name: f"{name} 9")
        assert "versions.tensorflow 2." in refused("hard")
    info = json.loads(before["run.json"])
    info["data_sha256"] = "1" * 64
    (folder / "run.json").write_text(json.dumps(info))
    assert "this has changed since: data_sha256 1111111111…1111 -> " in refused()
    (folder / "run.json").write_bytes(before["run.json"])
    (folder / ".checkpoint.npz").write_bytes(before[".checkpoint.npz"][:-50])
    assert ".checkpoint.npz: cannot be read (" in refused()
    assert refused("other") == f"error: {tmp_path}: no unfinished run 'other'; there are: hard\n"
    assert "name one, or none for the newest" in refused(config, config)
    assert {path.name for path in folder.iterdir()} == set(before)


def test_resume__notes_another_machine(
    rnnfc: Command, tmp_path: Path, broken_off: Callable[..., Path]
) -> None:
    folder = broken_off(rnnfc, tmp_path)
    info = json.loads((folder / "run.json").read_text())
    info["machine"]["processors"] = 999
    (folder / "run.json").write_text(json.dumps(info))
    done = rnnfc("train", "--resume", "--outputs", tmp_path)
    assert done.code == 0
    assert (
        "note        another machine or setting, the last bits may differ: machine.processors 999 -> "
        in done.err
    )


def test_resume__refuses_a_run_in_training(
    rnnfc: Command, tmp_path: Path, broken_off: Callable[..., Path]
) -> None:
    folder = broken_off(rnnfc, tmp_path)
    lock = os.open(folder / ".lock", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = rnnfc("train", "--resume", "--outputs", tmp_path)
    os.close(lock)
    assert (done.code, done.err) == (
        2,
        f"error: {folder}: another process is training this run; wait for it, or stop it first\n",
    )


def test_resume__says_that_there_is_nothing_to_resume(rnnfc: Command, tmp_path: Path) -> None:
    done = rnnfc("train", "--resume", "--outputs", tmp_path)
    assert (done.code, done.err) == (
        2,
        f"error: {tmp_path}: no unfinished run; nothing to resume, train with: rnnfc train CONFIG\n",
    )


# --- kill -9 and signals, with real processes


def test_resume__after_kill_9_changes_no_bit() -> None:
    kills = int(os.environ.get("RNNFC_KILLS", "16"))  # two of each network; `make test-all` has more
    command = [sys.executable, str(SCRIPT), "--kills", str(kills), "--commands", str(kills // 8)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 lost, 0 differing")
    assert "SimpleRNN place 0 of " in done.stdout
    assert {line.partition(" ")[0] for line in done.stdout.splitlines()[:-1]} == {*MODELS}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_train__keeps_the_last_epoch_on_a_signal(
    tmp_path: Path, config: Path, number: int, code: int
) -> None:
    command = [sys.executable, "-m", "rnnfc", "train", str(config), "--outputs", str(tmp_path)]
    command += ["--set", "train.epochs=1000000", "--set", "train.early_stopping.patience=1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(1200):
                if list(tmp_path.glob(".*/.checkpoint.npz")):
                    break
                time.sleep(0.1)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()  # one that hears no signal trains on for days
    assert process.returncode == code, err
    assert "Traceback" not in err
    (folder,) = tmp_path.iterdir()
    rows = json.loads(str(Run(folder).checkpoint()["history"]))  # type: ignore[index]  # it was just seen to be there
    assert f"epoch {len(rows)} of 1000000 in {folder}" in err


def test_signals__respect_nohup() -> None:
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from rnnfc.cli.signals import handle_signals\n"
        "with handle_signals(): print(signal.getsignal(signal.SIGHUP).name, signal.getsignal(signal.SIGTERM).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "SIG_IGN stop\n"


def test_signals__during_an_import_keep_their_exit_code(tmp_path: Path) -> None:
    (tmp_path / "victim.py").write_text(
        "import os, signal, sys\n"
        "from rnnfc.cli.signals import handle_signals\n"
        "with handle_signals() as seen:\n"
        "    try:\n"
        "        exec('os.kill(os.getpid(), signal.SIGTERM)\\nwhile True: pass')\n"
        "    except KeyboardInterrupt:\n"
        "        pass\n"
        "sys.exit(seen.exit_code)\n"
    )
    assert subprocess.run([sys.executable, "-m", "victim"], cwd=tmp_path, check=False).returncode == 143


@pytest.mark.parametrize("signals", [1, 2])
def test_signals__end_work_that_cannot_be_interrupted(signals: int) -> None:
    """A long call in C holds back Python's own answer to a signal: a compiler, a huge step."""
    code = (
        "import signal, sys, time\n"
        "from rnnfc.cli import signals\n"
        "signals._TIMEOUT_S = 0.5 if sys.argv[1] == '1' else 60\n"
        "with signals.handle_signals():\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, [])\n"
        "    while True:\n"
        "        try:\n"
        "            print('ready', flush=True); time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            pass\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(signals)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(signals):
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130


def test_train__four_at_the_same_time_give_four_runs(tmp_path: Path, config: Path) -> None:
    code = f"""
import importlib, os, sys
for name in ("tensorflow", "keras", "tf2onnx", "sklearn.preprocessing"):
    importlib.import_module(name)
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        from rnnfc.cli import main
        try:
            main(["train", {str(config)!r}, "--set", "train.epochs=2", "--outputs", {str(tmp_path)!r}])
        except SystemExit as ended:
            os._exit(ended.code or 0)
    children.append(child)
sys.exit(max(os.waitpid(child, 0)[1] for child in children) > 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 4
    first = contents(folders[0])
    assert all(contents(folder) == first for folder in folders[1:])


# --- damage


def test_predict__refuses_a_run_with_one_changed_byte(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rnnfc: Command
) -> None:
    folder = Path(shutil.copytree(small_run, tmp_path / "run"))
    monkeypatch.setattr("rnnfc.runs.run.Run.experiment", lambda _: pytest.fail("something was loaded"))
    draw = np.random.default_rng(3)
    files = sorted(folder.iterdir())
    for flip in range(200):
        path = files[flip % len(files)]
        good = path.read_bytes()
        bad = bytearray(good)
        bad[draw.integers(len(bad))] ^= draw.integers(1, 256)
        path.write_bytes(bad)
        done = rnnfc(("predict", "evaluate")[flip % 2], folder)
        assert (done.code, done.out) == (2, ""), (path.name, bytes(bad) == good)
        assert "the run is damaged, train it again" in done.err
        path.write_bytes(good)


def test_resume__refuses_a_failed_training(rnnfc: Command, tmp_path: Path, config: Path) -> None:
    epoch = TrainingConsole.epoch

    def fail(console: TrainingConsole, row: Any, *, total: int) -> None:
        epoch(console, row, total=total)
        if row.epoch == 3:
            raise TrainError("the loss is not finite")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingConsole, "epoch", fail)
        done = rnnfc("train", config, "--outputs", tmp_path)
    (folder,) = tmp_path.iterdir()
    assert (done.code, done.out) == (1, "")
    assert f"kept        epoch 3 of 9 in {folder}\n" in done.err
    assert Run(folder).info()["status"] == "failed"
    assert Run(folder).checkpoint() is not None
    assert "nothing to resume" in rnnfc("train", "--resume", "--outputs", tmp_path).err


def test_resume__refuses_a_checkpoint_of_something_else(
    rnnfc: Command, tmp_path: Path, broken_off: Callable[..., Path]
) -> None:
    folder = broken_off(rnnfc, tmp_path)
    np.savez(folder / ".checkpoint.npz", history=np.array('[{"epoch": 1}]'))
    done = rnnfc("train", "--resume", "--outputs", tmp_path)
    assert (done.code, done.err) == (
        2,
        f"error: {folder}: its recipe or history cannot be read; the run is damaged, train it again\n",
    )

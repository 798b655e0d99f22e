"""The engine seam is held by types: mypy refuses an engine, a network or a trainer without one of its methods."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from rnnfc.numpy_rnn.engine import NumpyEngine
from rnnfc.training.keras_engine import KerasEngine

ROOT = Path(__file__).parents[2]
KERAS, TRAINER, NUMPY = (
    ROOT / "src/rnnfc" / path
    for path in ("training/keras_engine.py", "training/keras_trainer.py", "numpy_rnn/engine.py")
)
ENGINES = ROOT / "src/rnnfc/workflows/engines.py"


REMOVED = {KERAS: ["restore", "warm_start"], TRAINER: ["validation_loss"], NUMPY: ["state_gradients"]}


def without_methods(module: Path) -> str:
    """The text of the module without its methods in REMOVED."""
    text = module.read_text()
    for name in REMOVED[module]:
        text, count = re.subn(rf"\n    def {name}\(.*?(?=\n    def |\n\n\n|\Z)", "", text, flags=re.S)
        assert count == 1
    return text


def test_engine__rows_of_the_numpy_engine_stay_in_float64() -> None:
    assert (NumpyEngine().row_dtype, KerasEngine().row_dtype) == (np.float64, np.float32)


def test_engine__mypy_refuses_a_missing_method(tmp_path: Path) -> None:
    copies = {module: tmp_path / f"{place}.py" for place, module in enumerate(REMOVED)}
    for module, copy in copies.items():
        copy.write_text(without_methods(module))
    shadows = [word for original, copy in copies.items() for word in ("--shadow-file", original, copy)]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--cache-dir",
        tmp_path / "cache",
        *shadows,
        ENGINES,
        *REMOVED,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    for error in (
        r'engines\.py.*"KerasEngine" is missing following "Engine" protocol member:\n.*restore',
        r'keras_engine\.py.*"KerasNetwork" is missing following "Network" protocol member:\n.*warm_start',
        r'keras_engine\.py.*"KerasTrainer" is missing following "Trainer" protocol member:\n.*validation_loss',
        r'numpy_rnn/engine\.py.*"NumpyNetwork" is missing following "Network" protocol member:\n.*state_gradients',
    ):
        assert re.search(error, done.stdout), done.stdout

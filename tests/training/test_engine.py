"""The engine seam is held by types: mypy refuses an engine, a network or a trainer without one of its methods."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KERAS, NUMPY = (ROOT / "src/rnnfc" / path for path in ("training/keras_engine.py", "numpy_rnn/engine.py"))
ENGINES = ROOT / "src/rnnfc/workflows/engines.py"


def without_method(module: Path, name: str) -> str:
    """The text of the module without that method."""
    kept, count = re.subn(
        rf"\n    def {name}\(.*?(?=\n    def |\n\n\n|\Z)", "", module.read_text(), flags=re.S
    )
    assert count == 1
    return kept


def test_engine__mypy_refuses_a_missing_method(tmp_path: Path) -> None:
    copies = {KERAS: tmp_path / "keras_engine.py", NUMPY: tmp_path / "numpy_engine.py"}
    copies[KERAS].write_text(without_method(KERAS, "restore"))
    numpy_text = without_method(NUMPY, "state_gradients")
    copies[NUMPY].write_text(numpy_text)
    shadows = [word for original, copy in copies.items() for word in ("--shadow-file", original, copy)]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--cache-dir",
        tmp_path / "cache",
        *shadows,
        ENGINES,
        KERAS,
        NUMPY,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    for error in (
        r'engines\.py.*"KerasEngine" is missing following "Engine" protocol member:\n.*restore',
        r'numpy_rnn/engine\.py.*"NumpyNetwork" is missing following "Network" protocol member:\n.*state_gradients',
    ):
        assert re.search(error, done.stdout), done.stdout

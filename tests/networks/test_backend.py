"""TensorFlow's start, and the text that it prints past Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnfc.networks import backend


def test_quiet_stderr__shows_its_text_only_if_the_block_fails(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with backend.quiet_stderr():
        os.write(2, b"chatter\n")
    os.write(2, b"heard\n")
    with pytest.raises(ValueError, match="failed"), backend.quiet_stderr():  # noqa: PT012  both are one claim
        os.write(2, b"the reason\n")
        raise ValueError("failed")
    with pytest.raises(KeyboardInterrupt), backend.quiet_stderr():  # noqa: PT012  as above
        os.write(2, b"of no interest\n")
        raise KeyboardInterrupt
    assert capfd.readouterr().err == "heard\nthe reason\n"


def test_backend__starts_without_any_output() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import rnnfc.networks.backend"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_train__prints_nothing_that_is_not_ours(tmp_path: Path) -> None:
    config = (
        "name: {name}\ndata: {{kind: sine, points: 60, stop: 9.0}}\nwindow: {{length: 5, horizon: 2}}\nsplit: {{test: 9}}\n"
        "model: {{kind: stacked, {model}, units: [4]}}\ntrain: {{epochs: 1, batch_size: {batch}}}\n"
    )
    models = {
        "relu": ("cell: SimpleRNN, activation: relu", 1),
        "recursive": ("cell: LSTM, strategy: recursive", 16),
    }
    for name, (model, batch) in models.items():
        (tmp_path / f"{name}.yaml").write_text(config.format(name=name, model=model, batch=batch))
    command = [sys.executable, "-m", "rnnfc", "train", *(f"{name}.yaml" for name in models)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    labels = [line.split()[0] for line in done.stderr.splitlines()]
    assert labels == ["data", "windows", "training"] * 2, done.stderr

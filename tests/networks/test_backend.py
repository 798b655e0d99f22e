"""TensorFlow's start, and the text that it prints past Python."""

import os
import subprocess
import sys

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

"""Shared by all tests: the command line in this process, and one small run that many tests read."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rnnfc.cli import main

ROOT = Path(__file__).parents[1]
# Tests send Ctrl-C to processes they start; what a shell runs in the background ignores it, and so would they.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests leave the home of whoever runs them as it is; tests/networks/test_xla_cache.py has a home of its own.
os.environ["RNNFC_XLA_CACHE"] = "off"
# Fuzzing; other tests choose their number of examples themselves. The same inputs in every run of CI, other ones in the long one.
CALM = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("short", derandomize=True, max_examples=3300, **CALM)
settings.register_profile("long", max_examples=20_000, **CALM)
settings.load_profile("short")


@dataclass(frozen=True)
class Outcome:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def rnnfc(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command line in this process, so that all tests share one start of TensorFlow."""

    def run(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Outcome(code=int(stopped.value.code or 0), out=out, err=err)

    return run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of configs/sine.yaml with two epochs; tests read it and leave it as it is."""
    outputs = tmp_path_factory.mktemp("outputs")
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(ROOT / "configs/sine.yaml"), "--set", "train.epochs=2", "--outputs", str(outputs)])
    assert stopped.value.code in (0, None)
    (folder,) = outputs.iterdir()
    return folder

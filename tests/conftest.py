"""Shared by all tests: the command line in this process, and one small run that many tests read."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from factories import train_run
from hypothesis import HealthCheck, settings

from rnnfc.cli import main

ROOT = Path(__file__).parents[1]
# Tests send SIGINT to their child processes, which would ignore it where the shell runs pytest in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests write nothing into the home folder; tests/networks/test_xla_cache.py has a home of its own.
os.environ["RNNFC_XLA_CACHE"] = "off"
# Fuzzing; other tests choose their number of examples themselves. The same inputs in every run of CI, other ones in the long one.
CALM = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("short", derandomize=True, max_examples=1500, **CALM)
settings.register_profile("long", max_examples=20_000, **CALM)
settings.load_profile("short")


@dataclass(frozen=True)
class Outcome:
    """Exit code and output of a command line."""

    code: int
    out: str
    err: str


@pytest.fixture
def rnnfc(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command line in this process, so that all tests share one import of TensorFlow."""

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
    return train_run(tmp_path_factory.mktemp("small"), ROOT / "configs/sine.yaml", "--set", "train.epochs=2")


# Files that take minutes start first, so that no worker is left alone with one at the end.
LONGEST = (
    "test_resume.py",
    "test_keras_trainer.py",
    "test_reproducible.py",
    "test_experiments.py",
    "test_fuzz.py",
    "test_disk_full.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files of LONGEST before all others, which keep their order."""
    items.sort(key=lambda item: item.path.name not in LONGEST)

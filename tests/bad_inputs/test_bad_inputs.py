"""Every malformed config, data file, run and command line of this folder, through the command line in one fresh process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bad_inputs.run_cases import HERE, TOPICS, cases

CASES = [(topic, name) for topic in TOPICS for name in cases(topic)]


@pytest.fixture(scope="module")
def outcomes(
    small_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, Any]]:
    """What came of each case; all of them in one process, which TensorFlow must not enter."""
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "bad_inputs.run_cases",
        small_run,
        tmp_path_factory.mktemp("cases"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=HERE.parent)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["topic"], row["name"]): row for row in rows}


@pytest.mark.parametrize(("topic", "name"), CASES)
def test_it_is_refused_with_its_place_and_remedy_before_anything_starts_or_is_written(
    outcomes: dict[tuple[str, str], dict[str, Any]], topic: str, name: str
) -> None:
    done = outcomes[topic, name]
    assert cases(topic)[name]["says"] in done["err"]
    assert (done["code"], done["out"]) == (2, "")
    assert done["err"].count("\n") <= 3
    assert "Traceback" not in done["err"]
    assert done["untouched"]
    assert not done["tensorflow"]


def test_there_are_many_cases_and_each_is_another() -> None:
    assert len(CASES) >= 150
    told = [json.dumps([topic, {**case, "says": ""}]) for topic in TOPICS for case in cases(topic).values()]
    assert len(set(told)) == len(told)


def test_what_the_cases_change_is_a_valid_experiment(rnnfc: Callable[..., Any]) -> None:
    done = rnnfc("check", HERE / "base.yaml")
    assert (done.code, done.err) == (0, "")

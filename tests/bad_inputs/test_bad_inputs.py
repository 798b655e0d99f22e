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
Outcomes = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def outcomes(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What each case did; all of them run in one process, which never imports TensorFlow."""
    script = [sys.executable, "-W", "error", "-m", "bad_inputs.run_cases"]
    command = [*script, str(small_run), str(tmp_path_factory.mktemp("cases"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=HERE.parent)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["topic"], row["name"]): row for row in rows}


@pytest.mark.parametrize(("topic", "name"), CASES)
def test_bad_input__is_refused_with_place_and_remedy_before_anything_starts(
    outcomes: Outcomes, topic: str, name: str
) -> None:
    done = outcomes[topic, name]
    error = done["err"].lower()
    assert [words for words in cases(topic)[name]["says"] if words.lower() not in error] == [], done["err"]
    assert (done["code"], done["out"]) == (2, "")
    assert done["err"].count("\n") <= 3
    assert "Traceback" not in done["err"]
    assert done["untouched"]
    assert not done["tensorflow"]


def test_bad_input__cases_are_many_and_all_different() -> None:
    assert len(CASES) >= 150
    inputs = [json.dumps([topic, {**case, "says": ""}]) for topic in TOPICS for case in cases(topic).values()]
    assert len(set(inputs)) == len(inputs)


def test_bad_input__the_file_that_cases_change_is_valid(rnnfc: Callable[..., Any]) -> None:
    done = rnnfc("check", HERE / "base.yaml")
    assert (done.code, done.err) == (0, "")

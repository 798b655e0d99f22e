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


def missing(says: list[str], error: str) -> list[str]:
    """The texts of a case that the message does not have, in upper or lower case."""
    return [words for words in says if words.lower() not in error.lower()]


def without_remedy(error: str) -> str:
    """The message without its last clause: after the last ";" of a line, or the hint at --help, or after the last ":"."""
    if ";" in error:
        return "\n".join(line.rpartition(";")[0] or line for line in error.splitlines())
    return error.rpartition("\nrun 'rnnfc" if "\nrun 'rnnfc" in error else ": ")[0]


def test_without_remedy__drops_the_last_clause() -> None:
    assert (
        without_remedy("error: a:1: x; y; do z\nerror: a:2: x; do z\n") == "error: a:1: x; y\nerror: a:2: x"
    )
    assert without_remedy("error: no such option: -x\nrun 'rnnfc --help'\n") == "error: no such option: -x"
    assert without_remedy("error: --set =5: write key=value\n") == "error: --set =5"


@pytest.mark.parametrize(("topic", "name"), CASES)
def test_bad_input__is_refused_with_place_and_remedy_before_anything_starts(
    outcomes: Outcomes, topic: str, name: str
) -> None:
    done = outcomes[topic, name]
    says = cases(topic)[name]["says"]
    assert missing(says, done["err"]) == [], done["err"]
    assert missing(says, without_remedy(done["err"])) != []  # `says` names the remedy
    assert min(len(words) for words in says) > 1  # a single character is in any message
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
    # The prices only rise, which check notes.
    assert (done.code, [line[:4] for line in done.err.splitlines()]) == (0, ["note"])

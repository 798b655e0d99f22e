"""scripts/bench/answer.py measures fresh processes in turn, and its summary is arithmetic."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "scripts/bench/answer.py"


@pytest.fixture(scope="module")
def bench() -> Any:
    spec = importlib.util.spec_from_file_location("bench_answer", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_measure__runs_commands_in_turns_in_fresh_processes(bench: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import os, sys; open(sys.argv[1], 'a').write(sys.argv[2] + str(os.getpid()) + '\\n'); print(sys.argv[2])"
    commands = {name: [sys.executable, "-c", code, str(log), name] for name in "ab"}
    seconds, printed = bench.measure(commands, runs=2)
    lines = log.read_text().split()
    assert [line[0] for line in lines] == ["a", "b"] * 3  # a warm-up, then two
    assert len({line[1:] for line in lines}) == 6
    assert {name: len(spent) for name, spent in seconds.items()} == {"a": 2, "b": 2}
    assert printed == {"a": "a\n", "b": "b\n"}


def test_measure__reports_a_command_that_fails(bench: Any) -> None:
    with pytest.raises(RuntimeError, match="x failed:\nbroken"):
        bench.measure({"x": [sys.executable, "-c", "import sys; sys.exit('broken')"]}, runs=1)


@pytest.mark.parametrize(("ours", "met"), [(0.5, True), (0.7, False)])
def test_summary__has_medians_and_both_bars(bench: Any, ours: float, met: bool) -> None:
    made = bench.summary({bench.RNNFC: [ours, 0.1, 9.0], bench.KERAS: [4.0, 1.0, 7.0]})
    assert made["seconds"][bench.RNNFC] == {"median": ours, "least": 0.1, "most": 9.0, "runs": 3}
    assert made["share"] == ours / 4.0
    assert made["bar"]["met"] is met
    assert not bench.summary({bench.RNNFC: [1.5], bench.KERAS: [100.0]})["bar"]["met"]

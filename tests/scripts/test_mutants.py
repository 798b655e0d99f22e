"""scripts/mutants.py: what it changes, and that it knows a test that sees nothing from one that does."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/mutants.py"
MODULE = """\
from dataclasses import dataclass

@dataclass(frozen=True)
class Pair:
    a: int | None = 7

def f(a, b):
    check(a)
    if a < b and not b:
        raise ValueError
    return [x for x in a[1:] if x is None]
"""


@pytest.fixture
def mutants(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mutants", module)  # where its dataclasses look for their own module
    spec.loader.exec_module(module)
    (tmp_path / "src/rnnfc").mkdir(parents=True)
    (tmp_path / "src/rnnfc/pair.py").write_text(MODULE)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_each_mutant_changes_one_thing(mutants: ModuleType) -> None:
    found = [(mutant.line, mutant.before, mutant.after) for mutant in mutants.mutants("pair.py")]
    guard = "if a < b and (not b): raise ValueError"
    listed = "[x for x in a[1:] if x is None]"
    assert found == [
        (5, "7", "8"),
        (5, "7", "6"),
        (8, "check(a)", "pass"),
        (9, guard, guard.replace("a < b and (not b)", "False")),
        (9, "a < b and (not b)", "a < b or not b"),
        (9, "a < b", "a <= b"),
        (9, "not b", "b"),
        (11, f"return {listed}", "return None"),
        (11, "for x in a[1:] if x is None", "for x in a[1:]"),
        (11, "1:", ":"),
        (11, "1", "2"),
        (11, "1", "0"),
        (11, "x is None", "x is not None"),
    ]
    assert len({mutant.text for mutant in mutants.mutants("pair.py")}) == len(found)
    assert all(mutant.text != mutants.unchanged("pair.py").text for mutant in mutants.mutants("pair.py"))


def test_a_mutant_is_run_by_the_tests_that_reach_its_lines(mutants: ModuleType) -> None:
    known = mutants.Baseline(
        seconds={"slow": 2.0, "fast": 1.0, "other": 0.5},
        reached={"pair.py": {5: [""], 8: ["slow", "fast"], 9: ["slow"], 11: ["other"]}},
    )
    runs = {mutant.line: known.of(mutant) for mutant in mutants.mutants("pair.py")}
    assert runs == {5: ["other", "fast", "slow"], 8: ["fast", "slow"], 9: ["slow"], 11: ["other"]}


@pytest.mark.slow
def test_mutants_of_the_scaler_are_killed() -> None:
    command = [sys.executable, SCRIPT, "--module", "data/scale.py", "--sample", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "data/scale.py" in done.stdout
    assert " 8 run: " in done.stdout
    assert " 0 killed" not in done.stdout

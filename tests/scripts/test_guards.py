"""The guards that results rest on are held by tests: `scripts/guards.py` takes them away one at a time."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/guards.py"


@pytest.fixture(scope="module")
def guards() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guards", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["guards"] = module  # where its dataclass looks for its own module
    spec.loader.exec_module(module)
    return module


def test_every_guard_stands_in_the_source_once_and_has_its_test(guards: ModuleType) -> None:
    assert len({guard.name for guard in guards.GUARDS}) == len(guards.GUARDS) >= 10
    for guard in guards.GUARDS:
        text = (ROOT / "src/rnnfc" / guard.path).read_text(encoding="utf-8")
        changed = guards.without(guard, text)
        assert changed != text
        compile(changed, guard.path, "exec")
        path, _, name = guard.test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8") or not name


def test_a_guard_that_has_moved_is_told(guards: ModuleType) -> None:
    guard = guards.Guard(name="n", path="run.py", changes={"x = 1": "x = 2"}, test="tests")
    assert guards.without(guard, "x = 1\n") == "x = 2\n"
    for text, times in (("", 0), ("x = 1\nx = 1\n", 2)):
        with pytest.raises(SystemExit) as caught:
            guards.without(guard, text)
        assert (
            str(caught.value)
            == f"run.py: 'x = 1' stands there {times} times, not once; mend scripts/guards.py"
        )


@pytest.mark.slow
def test_without_any_one_of_them_a_test_turns_red(guards: ModuleType) -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        f"{len(guards.GUARDS)} of {len(guards.GUARDS)} guards: their test turns red without them\n"
        in done.stdout
    )

"""Each guard that results depend on has a test, which fails when scripts/guards.py removes the guard."""

import subprocess
import sys
from pathlib import Path

import guards
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/guards.py"


def test_guards__occur_once_in_the_source_and_have_a_test() -> None:
    assert len({guard.name for guard in guards.GUARDS}) == len(guards.GUARDS) >= 10
    for guard in guards.GUARDS:
        text = (ROOT / "src/rnnfc" / guard.path).read_text(encoding="utf-8")
        changed = guards.without(guard, text)
        assert changed != text
        compile(changed, guard.path, "exec")
        path, _, name = guard.test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8") or not name


def test_guard__text_that_does_not_occur_once_is_reported() -> None:
    guard = guards.Guard(name="n", path="run.py", changes={"x = 1": "x = 2"}, test="tests")
    assert guards.without(guard, "x = 1\n") == "x = 2\n"
    for text, times in (("", 0), ("x = 1\nx = 1\n", 2)):
        with pytest.raises(SystemExit) as caught:
            guards.without(guard, text)
        assert f"run.py: 'x = 1' occurs {times} times" in str(caught.value)


@pytest.mark.slow
def test_guards__a_test_fails_without_each_of_them() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        f"{len(guards.GUARDS)} of {len(guards.GUARDS)} guards: their test fails without them\n" in done.stdout
    )

"""Measure how soon `rnnfc` refuses bad input: whole processes, a sample of the cases in tests/bad_inputs, their median.

Usage: python scripts/bench/refusals.py [CASES]      default: 40
Target on a quiet machine of two cores: a median below 0.8 s.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# The cases belong to the tests.
sys.path.insert(0, str(ROOT / "tests"))

from bad_inputs.run_cases import HERE, cases, write_case  # type: ignore[import-not-found]  # noqa: E402

# Cases about runs need a finished run, and start as these do.
TOPICS = ("configs", "csvs", "options")


def seconds(topic: str, name: str) -> float:
    """From the start of the process of one case to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "rnnfc",
            *write_case(topic, cases(topic)[name], HERE, folder=Path(folder)),
        ]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        elapsed = time.perf_counter() - began
    if done.returncode != 2:
        raise SystemExit(f"{topic}: {name}: exit {done.returncode}, not 2: {done.stderr.decode()}")
    return elapsed


def main(count: int) -> None:
    """Time a sample and print it, the slowest last."""
    # A process cannot be started with a NUL in its arguments, and refusals for lack of memory depend on the machine.
    every = [
        (topic, name)
        for topic in TOPICS
        for name, case in cases(topic).items()
        if not needs_test_process(case)
    ]
    chosen = random.Random(0).sample(every, min(count, len(every)))  # noqa: S311  the same sample each time
    times = sorted((seconds(*case), *case) for case in chosen)
    for elapsed, topic, name in times:
        print(f"{elapsed:6.2f} s  {topic}: {name}")
    print(f"median {statistics.median(elapsed for elapsed, _, _ in times):.2f} s of {len(times)} cases")


def needs_test_process(case: dict[str, Any]) -> bool:
    """Whether a case runs in the process of the tests only."""
    return "\0" in case.get("command", "") or "memory" in case["says"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)

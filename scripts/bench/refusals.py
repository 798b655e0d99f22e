"""How soon `rnnfc` refuses bad input: whole processes, a sample of the cases in tests/bad_inputs, the median printed.

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

ROOT = Path(__file__).parents[2]
# The cases and what lays them out belong to the tests.
sys.path.insert(0, str(ROOT / "tests"))

from bad_inputs.run_cases import HERE, cases, lay_out  # type: ignore[import-not-found]  # noqa: E402

# Cases about runs need a finished run, and start as these do.
TOPICS = ("configs", "csvs", "options")


def seconds(topic: str, name: str) -> float:
    """From the start of the process of one case to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "rnnfc",
            *lay_out(topic, cases(topic)[name], HERE, folder=Path(folder)),
        ]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        took = time.perf_counter() - began
    if done.returncode != 2:
        raise SystemExit(f"{topic}: {name}: exit {done.returncode}, not 2: {done.stderr.decode()}")
    return took


def main(count: int) -> None:
    """Times a sample and prints it, the slowest last."""
    # A command line that holds a NUL cannot be typed; what is refused for this machine's memory depends on it.
    every = [
        (topic, name) for topic in TOPICS for name, case in cases(topic).items() if not typed_nowhere(case)
    ]
    chosen = random.Random(0).sample(every, min(count, len(every)))  # noqa: S311  the same sample each time
    times = sorted((seconds(*case), *case) for case in chosen)
    for took, topic, name in times:
        print(f"{took:6.2f} s  {topic}: {name}")
    print(f"median {statistics.median(took for took, _, _ in times):.2f} s of {len(times)} cases")


def typed_nowhere(case: dict[str, str]) -> bool:
    """Whether a case needs the tests' own process."""
    return "\0" in case.get("command", "") or " of memory and 8.0 GiB are free" in case["says"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)

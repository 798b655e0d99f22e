"""Measure one forecast as a user waits for it: whole processes, `rnnfc predict --last-window` and plain Keras in turns.

Run: python scripts/bench/answer.py [RUN] [--runs 7] [--json]     without RUN configs/sine.yaml is trained first, for two epochs
The bar: at most 1.0 s, and at most 0.15 of plain Keras.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RNNFC, KERAS = "rnnfc predict", "plain Keras"
MOST_SECONDS, MOST_SHARE = 1.0, 0.15
FEWEST_RUNS = 5

# The script that people write instead: the saved model, the last window, the scaler's two numbers.
PLAIN = """
import json, sys
import keras, numpy as np
model = keras.models.load_model(f"{sys.argv[1]}/model.keras")
rows = np.load(f"{sys.argv[1]}/last_window.npz")["values"]
with open(f"{sys.argv[1]}/scaler.json") as file:
    scaler = json.load(file)
center, scale = np.array(scaler["center"][0]), np.array(scaler["scale"][0])
scaled = model.predict(((rows - center) / scale)[None], verbose=0)
targets = scaled.shape[-1]
print(json.dumps((scaled * scale[:targets] + center[:targets])[0].tolist()))
"""


def measure(
    commands: Mapping[str, Sequence[str]], *, runs: int
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds of every run of each command, fresh processes in turns after one warm-up each, and the last output of each.

    Raises:
        RuntimeError: a command failed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    printed: dict[str, str] = {}
    for number in range(runs + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            spent = time.perf_counter() - began
            if done.returncode:
                raise RuntimeError(f"{name} failed:\n{done.stderr}")
            printed[name] = done.stdout
            if number:  # the first one fills the caches of the disk
                seconds[name].append(spent)
    return seconds, printed


def summary(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Medians, fastest and slowest of each, the share of the first's median in the second's, and whether the bar is met."""
    rows = {
        name: {
            "median": statistics.median(spent),
            "least": min(spent),
            "most": max(spent),
            "runs": len(spent),
        }
        for name, spent in seconds.items()
    }
    share = rows[RNNFC]["median"] / rows[KERAS]["median"]
    met = rows[RNNFC]["median"] <= MOST_SECONDS and share <= MOST_SHARE
    return {
        "seconds": rows,
        "share": share,
        "bar": {"seconds": MOST_SECONDS, "share": MOST_SHARE, "met": met},
    }


def train(outputs: Path) -> Path:
    """A small finished run."""
    config, few = str(ROOT / "configs" / "sine.yaml"), ["--set", "train.epochs=2"]
    command = [sys.executable, "-m", "rnnfc", "train", config, *few, "--outputs", str(outputs)]
    subprocess.run(command, check=True, capture_output=True)
    (folder,) = outputs.iterdir()
    return folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, help="a finished run folder")
    parser.add_argument("--runs", type=int, default=7, help=f"measured runs of each, at least {FEWEST_RUNS}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.runs < FEWEST_RUNS:
        parser.error(f"--runs {options.runs}: a median of fewer than {FEWEST_RUNS} says little")
    with tempfile.TemporaryDirectory() as folder:
        run = str(options.run or train(Path(folder)))
        commands = {
            RNNFC: [sys.executable, "-m", "rnnfc", "predict", run, "--last-window", "--json"],
            KERAS: [sys.executable, "-c", PLAIN, run],
        }
        seconds, printed = measure(commands, runs=options.runs)
    ours = [list(row["value"].values()) for row in json.loads(printed[RNNFC])["forecast"]]
    theirs = json.loads(printed[KERAS])
    largest = max(
        abs(one - two) for pair in zip(ours, theirs, strict=True) for one, two in zip(*pair, strict=True)
    )
    result = {**summary(seconds), "largest_difference": largest}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'':<16}{'median s':>10}{'least':>10}{'most':>10}{'runs':>6}")
    for name, row in result["seconds"].items():
        print(f"{name:<16}{row['median']:>10.3f}{row['least']:>10.3f}{row['most']:>10.3f}{row['runs']:>6}")
    print(
        f"share {result['share']:.3f} (bar: {MOST_SHARE} and {MOST_SECONDS} s, {'met' if result['bar']['met'] else 'NOT met'})"
    )
    print(f"the two forecasts differ by {largest:.1e} at most, in data units")


if __name__ == "__main__":
    main()

"""How fast does a step train? Our trainer against Keras, PyTorch and a hand-written JAX program, on the table's cases.

Run: python scripts/bench/training.py [--cases LSTM-50-10-64-990 ...] [--runs 5] [--cores 1 2] [--json FILE]

Each run is a fresh process on the same processors; variants take turns. PyTorch and JAX come with `pip install '.[bench]'`.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, EPOCHS, Case, Timing
from variants import VARIANTS, start_weights

_NEEDS = {"pytorch": "torch", "jax scan": "jax"}
_PACKAGES = ("rnnfc", "tensorflow", "keras", "numpy", "torch", "jax")
# The length of all environment variables decides the speed of some programs, as it moves what lies in memory: Keras `fit` takes
# 84, 125 or 167 ms a step of LSTM 128 on one processor. Each run draws a length, so that medians are over such layouts, not of
# the one that the caller's variables make. Source: Mytkowicz et al., Producing Wrong Data Without Doing Anything Obviously Wrong,
# 2009.
_PAGE_BYTES = 4096
# Losses of the third epoch, after up to 2,970 updates in float32. PyTorch's Adam adds its epsilon at another place, so that its
# losses differ by up to a hundredth.
_SAME = 2e-4


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases", nargs="+", choices=[case.name for case in CASES], default=[case.name for case in CASES]
    )
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--worker", nargs=4, help=argparse.SUPPRESS, metavar=("VARIANT", "CASE", "WEIGHTS", "RECIPE")
    )
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
        return
    result: dict[str, Any] = {"machine": machine(), "epochs": EPOCHS, "runs": options.runs, "cases": []}
    for case in CASES:
        for cores in options.cores:
            if case.name in options.cases and (cores == 1 or cores in case.least):
                result["cases"].append(measure(case, cores, options.variants, runs=options.runs))
                print(text_of(result["cases"][-1]), flush=True)
                if options.json:
                    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(case: Case, cores: int, variants: list[str], *, runs: int) -> dict[str, Any]:
    """Medians of one case for each variant: seconds of the first epoch, milliseconds a step after it, final loss."""
    timings: dict[str, list[Timing]] = {name: [] for name in variants if installed(name)}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        launch("weights", case, weights, cores)
        for _ in range(runs):
            for name, values in timings.items():
                values.append(Timing(**launch(name, case, weights, cores)))
    summaries: dict[str, Any] = {
        name: summary(values, case) if values else None for name, values in timings.items()
    }
    summaries.update({name: None for name in variants if name not in summaries})
    return {
        "case": case.name,
        "windows": case.windows,
        "cores": cores,
        "least": case.least.get(cores, {}),
        "variants": summaries,
    }


def launch(variant: str, case: Case, weights: Path, cores: int, recipe: dict[str, Any] | None = None) -> Any:
    """What one fresh process says."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    if len(allowed) < cores:
        raise SystemExit(f"--cores {cores}: this process may use {len(allowed)}")
    words = [
        sys.executable,
        str(Path(__file__)),
        "--worker",
        variant,
        case.name,
        str(weights),
        json.dumps(recipe),
    ]
    quiet = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RNNFC_XLA_CACHE": "off",
    }
    quiet["LAYOUT"] = "x" * int(np.random.default_rng().integers(_PAGE_BYTES))
    words = ["taskset", "--cpu-list", ",".join(map(str, allowed)), *words]
    done = subprocess.run(words, capture_output=True, text=True, env=quiet, check=False)
    if done.returncode:
        raise SystemExit(f"{variant} on {case.name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def work(variant: str, name: str, weights: str, recipe: str) -> None:
    """The measured process: one variant on one case; prints JSON."""
    case = Case.of(name)
    if variant == "weights":
        np.savez(weights, *start_weights(case))
        print("null")
        return
    with np.load(weights, allow_pickle=False) as arrays:
        start = [arrays[key] for key in arrays.files]
    options = {"recipe": json.loads(recipe)} if variant == "rnnfc" else {}
    print(json.dumps(asdict(VARIANTS[variant](case, start, len(os.sched_getaffinity(0)), **options))))


def summary(timings: list[Timing], case: Case) -> dict[str, Any]:
    """Medians over runs, and the milliseconds a step of each."""
    first = statistics.median(timing.first_s for timing in timings)
    epochs = [statistics.median(timing.later_s) for timing in timings]
    epoch = statistics.median(epochs)
    return {
        "first_s": round(first, 4),
        "step_ms": round(epoch / case.updates * 1e3, 6),
        "total_s": round(first + (EPOCHS - 1) * epoch, 4),
        "runs_ms": [round(seconds / case.updates * 1e3, 6) for seconds in epochs],
        "loss": timings[0].losses[-1],
        **timings[0].facts,
    }


def installed(variant: str) -> bool:
    """Whether the packages of a variant are there."""
    return variant not in _NEEDS or importlib.util.find_spec(_NEEDS[variant]) is not None


def text_of(row: dict[str, Any]) -> str:
    """One case as text: how many times our time each variant takes, and whether the losses agree."""
    ours = row["variants"].get("rnnfc")
    lines = [f"{row['case']}, {row['cores']} core{'s' * (row['cores'] > 1)}"]
    if ours and "recipe" in ours:
        lines[0] += f": {ours['recipe']}, shards {ours['shards']} ({ours['reason']})"
    for name, timing in row["variants"].items():
        if timing is None:
            lines.append(f"  {name:15} not installed")
            continue
        line = f"  {name:15} first {timing['first_s']:7.2f} s   step {timing['step_ms']:9.4f} ms"
        line += f"   {EPOCHS} epochs {timing['total_s']:8.2f} s"
        if ours and name != "rnnfc":
            ratio = timing["step_ms"] / ours["step_ms"]
            bar = row["least"].get(name)
            verdict = "" if bar is None else f"   {'reaches' if ratio >= bar else 'MISSES'} {bar:g}x"
            line += f"   {ratio:7.2f}x   total {timing['total_s'] / ours['total_s']:6.2f}x{verdict}"
        line += f"   loss {timing['loss']:.6g}"
        if ours and name.startswith("keras") and abs(timing["loss"] / ours["loss"] - 1) > _SAME:
            line += " DIFFERS"
        lines.append(line)
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    versions: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": processor(),
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": versions,
    }


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in info.read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()

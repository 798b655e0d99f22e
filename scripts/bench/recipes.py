"""Which recipe trains which size fastest? Measures every recipe on a grid and fits the cost model to it.

Run: python scripts/bench/recipes.py [--json FILE] [--fit FILE]      (--fit: fit again to what an earlier run measured)
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case
from scipy.optimize import nnls
from training import launch

from rnnfc.networks.family import Sizes, find_family
from rnnfc.training.compile.recipe import COSTS, UNROLLED_CELLS, RecipeName, Size

GRID = (
    *(
        "SimpleRNN-50-10-1-990",
        "SimpleRNN-20-16-1-990",
        "LSTM-50-10-1-990",
        "GRU-32-12-1-400",
        "LSTM-128-8-1-200",
    ),
    *("SimpleRNN-50-10-64-990", "LSTM-50-10-64-990", "GRU-32-12-8-400", "SimpleRNN-100-50-1-100"),
    # small steps in great number
    *("SimpleRNN-8-1000-4-400", "GRU-16-500-8-400"),
    # many pointwise operations, few products
    *("SimpleRNN-8-50-1024-4096", "GRU-8-24-512-2048"),
    *(
        "SimpleRNN-50-50-32-950",
        "GRU-32-30-32-960",
        "LSTM-64-50-32-950",
        "GRU-64-50-32-950",
        "GRU-128-24-64-640",
    ),
    *("LSTM-128-96-128-1280", "LSTM-256-48-64-640", "SimpleRNN-256-24-128-1280", "LSTM-512-15-256-1280"),
)


def recipes(case: Case, processors: int) -> list[dict[str, Any]]:
    """The recipes to measure: unrolled code only where training may choose it."""
    names = [
        "xla_loop",
        "graph",
        *(["xla_unrolled"] if case.length <= UNROLLED_CELLS and case.batch_size == 1 else []),
    ]
    sharded = [{"name": "sharded_loop", "shards": processors}] if case.batch_size >= processors > 1 else []
    return [*({"name": name, "shards": 1} for name in names), *sharded]


def main() -> None:
    """Measure the grid."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--fit", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = json.loads(options.fit.read_text(encoding="utf-8")) if options.fit else measure(options.json)
    for name in COSTS:
        show(name, [row for row in rows if row["name"] == name])


def measure(path: Path | None) -> list[dict[str, Any]]:
    """The best epoch and the first one of every recipe on the grid, each in a fresh process; `path` is written as JSON."""
    processors = len(os.sched_getaffinity(0))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        for case in map(Case.of, GRID):
            launch("weights", case, weights, 1)
            for recipe in recipes(case, processors):
                # Only shards need more than one processor. A plain graph would use a second one too, but is chosen where there is
                # none, or where it hardly matters.
                timing = launch("rnnfc", case, weights, recipe["shards"], recipe)
                row = {
                    "case": case.name,
                    **recipe,
                    "first_s": timing["first_s"],
                    "step_s": min(timing["later_s"]) / case.updates,
                }
                rows.append(row)
                figures = f"first {row['first_s']:6.2f} s  step {row['step_s'] * 1e3:9.4f} ms"
                print(f"{case.name:28} {recipe['name']:14} {figures}", flush=True)
                if path:
                    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


def show(name: RecipeName, rows: list[dict[str, Any]]) -> None:
    """The constants of one recipe that fit its rows best (in relative error), and how far those in use are off."""
    if not rows:
        return
    sizes, shards = [_size(Case.of(row["case"])) for row in rows], np.array([row["shards"] for row in rows])
    operations, weights, products, points = (
        np.array([getattr(size, key) for size in sizes])
        for key in ("operations", "weights", "products", "points")
    )
    steps, starts = (np.array([row[key] for row in rows]) for key in ("step_s", "first_s"))
    one = np.ones(len(rows))
    step = _fit([one, operations, weights, products / shards, points / shards], steps)
    # The grid's cases have one layer each, so the cost of a layer's start cannot be separated from the program's.
    updates = np.array([Case.of(row["case"]).updates for row in rows])
    start = _fit([one, operations], np.maximum(starts - updates * steps, 0.1))
    costs = zip(("update", "operation", "weight", "product", "point"), step, strict=True)
    print(f"{name}: start + start_layer {start[0]:.2f}, start_operation {start[1]:.3g}", end="; ")
    print(", ".join(f"{key} {value:.3g}" for key, value in costs))
    for row, size in zip(rows, sizes, strict=True):
        with_one, without = (
            COSTS[name].seconds(size, updates=count, shards=row["shards"], identical_shards=True)
            for count in (1, 0)
        )
        used = with_one - without
        print(f"  {row['case']:28} measured {row['step_s'] * 1e3:9.4f} ms, in use {used * 1e3:9.4f} ms")


def _size(case: Case) -> Size:
    model: Any = case.experiment().model  # stacked, every case
    sizes = Sizes(length=case.length, horizon=1, channels=1, targets=1)
    return Size.from_work(find_family(model).work(model, sizes), batch=case.batch_size, members=1)


def _fit(features: list[Any], measured: Any) -> Any:
    """Constants >= 0 of the features, [feature]. Of two that are equal, as weights and products of one window, one has it all."""
    return nnls(np.stack(features, axis=1) / measured[:, None], np.ones(len(measured)))[0]


if __name__ == "__main__":
    main()

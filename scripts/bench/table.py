"""Table and plot of training speed in docs/speed.md, from the measurements of scripts/bench/training.py.

Run: python scripts/bench/table.py FILE [--page docs/speed.md] [--picture scripts/pictures/speed.png]
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

ROOT = Path(__file__).parents[2]
_BEGIN, _END = "<!-- speed: written by make bench-table -->", "<!-- speed: end -->"
_PEERS = {
    "keras fit": "Keras fit",
    "keras compiled": "Keras compiled",
    "pytorch": "PyTorch",
    "jax scan": "JAX scan",
}


def main() -> None:
    """Write the table between its two markers in the page, and draw the plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measured", type=Path)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "speed.md")
    parser.add_argument("--picture", type=Path, default=ROOT / "scripts" / "pictures" / "speed.png")
    options = parser.parse_args()
    result = json.loads(options.measured.read_text(encoding="utf-8"))
    text = options.page.read_text(encoding="utf-8")
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        raise SystemExit(f"{options.page}: the lines {_BEGIN} and {_END} are needed once each")
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    picture = os.path.relpath(options.picture, options.page.parent)
    shown = f"![Time of a training step in each tool, as a multiple of rnnfc's]({picture})"
    options.page.write_text(f"{before}{_BEGIN}\n{table(result)}\n\n{shown}\n{_END}{after}", encoding="utf-8")
    draw(result["cases"]).savefig(options.picture, dpi=100)
    print(f"{options.page}, {options.picture}")


def table(result: dict[str, Any]) -> str:
    """One row a case; a peer's column says how many times our step its step takes, and in brackets the same of the whole job."""
    lines = [
        f"| cell units, window, batch, windows | cores | recipe | step | {' | '.join(_PEERS.values())} |",
        f"|---|---:|---|---:|{'---:|' * len(_PEERS)}",
    ]
    for row in result["cases"]:
        cell, *sizes = row["case"].split("-")
        ours = row["variants"]["rnnfc"]
        cells = [_ratios(row["variants"].get(name), ours) for name in _PEERS]
        size = f"{cell} {sizes[0]}, {', '.join(sizes[1:])}"
        lines.append(
            f"| {size} | {row['cores']} | {ours['recipe']} | {_time(ours['step_ms'])} | {' | '.join(cells)} |"
        )
    return "\n".join([*lines, "", caption(result)])


def caption(result: dict[str, Any]) -> str:
    """Machine, versions and what the columns say."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    runs = "One run each" if result["runs"] == 1 else f"Medians of {result['runs']} runs"
    return (
        f"*How many times as long a step takes elsewhere (in brackets: all {result['epochs']} epochs, compilation included). "
        f"{runs} in fresh processes, in turns, on {machine['processor']}; "
        f"Python {machine['python']}, {versions}.*"
    )


def draw(cases: list[dict[str, Any]]) -> Figure:
    """Bars on a logarithmic axis: each peer's step against ours, case by case."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for place, (name, label) in enumerate(_PEERS.items()):
        known = [
            (index, row["variants"].get(name), row["variants"]["rnnfc"]) for index, row in enumerate(cases)
        ]
        bars = [
            (index + 0.2 * place - 0.3, peer["step_ms"] / ours["step_ms"])
            for index, peer, ours in known
            if peer
        ]
        axes.barh(
            [position for position, _ in bars],
            [ratio - 1 for _, ratio in bars],
            left=1.0,
            height=0.18,
            label=label,
        )
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}x")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("time of a step, as a multiple of rnnfc's: right of the line slower, left of it faster")
    axes.set_yticks(range(len(cases)), [_label(row) for row in cases])
    axes.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=len(_PEERS))
    return figure


def _label(row: dict[str, Any]) -> str:
    cell, units, length, batch, _ = row["case"].split("-")
    return f"{cell} {units}, window {length}, batch {batch}, {row['cores']} core{'s' * (row['cores'] > 1)}"


def _ratios(peer: dict[str, Any] | None, ours: dict[str, Any]) -> str:
    if peer is None:
        return "not installed"
    return f"{peer['step_ms'] / ours['step_ms']:.3g}x ({peer['total_s'] / ours['total_s']:.3g}x)"


def _time(milliseconds: float) -> str:
    return f"{milliseconds * 1e3:.3g} µs" if milliseconds < 1 else f"{milliseconds:.3g} ms"


if __name__ == "__main__":
    main()

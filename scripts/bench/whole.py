"""Measure whole commands, from start to prompt, each compared with the script that a person would write instead.

Run: python scripts/bench/whole.py [--runs 5] [--json FILE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from training import machine

ROOT = Path(__file__).parents[2]
_RNNFC = [sys.executable, "-m", "rnnfc"]
_SINE, _RELU, _LSTM = (str(ROOT / "configs" / f"{name}.yaml") for name in ("sine", "sine_relu", "sine_lstm"))
_TRAIN = [*_RNNFC, "train", "--outputs", "{folder}"]

_KERAS = """
import keras, numpy as np
from matplotlib import pyplot
y = np.sin(np.linspace(0, 100, 1000)); y = (y - y.min()) / (y.max() - y.min())
x = np.array([y[i:i + 10] for i in range(990)])[:, :, None]; y = y[10:]
net = keras.Sequential([keras.Input((10, 1)), keras.layers.SimpleRNN(50), keras.layers.Dense(1)])
net.compile(optimizer="adam", loss="mse")
history = net.fit(x[:790], y[:790], epochs=50, batch_size=1, verbose=0).history
print(net.evaluate(x[790:], y[790:], verbose=0))
pyplot.plot(history["loss"]); pyplot.savefig("{folder}/loss.png"); pyplot.clf()
pyplot.plot(y[790:]); pyplot.plot(net.predict(x[790:], verbose=0)); pyplot.savefig("{folder}/forecast.png")
net.save("{folder}/model.keras")
"""

# name: (commands that run one after another, those they are compared with, the highest ratio)
_QUESTIONS: dict[str, tuple[list[list[str]], list[list[str]], float]] = {
    "train sine.yaml / a plain Keras script": ([[*_TRAIN, _SINE]], [[sys.executable, "-c", _KERAS]], 0.3),
    "two configs in one train / in two": (
        [[*_TRAIN, _RELU, _LSTM]],
        [[*_TRAIN, _RELU], [*_TRAIN, _LSTM]],
        0.75,
    ),
    "--help / python -c 'import typer'": (
        [[*_RNNFC, "--help"]],
        [[sys.executable, "-c", "import typer"]],
        3.0,
    ),
    "check sine.yaml, in seconds": ([[*_RNNFC, "check", _SINE]], [], 1.5),
}


def main() -> None:
    """Measure, and print a line for each question."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=list(_QUESTIONS), default=list(_QUESTIONS))
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    for name in options.cases:
        ours, theirs, most = _QUESTIONS[name]
        times = [(seconds(ours), seconds(theirs)) for _ in range(options.runs)]  # they take turns
        our_s, their_s = (statistics.median(column) for column in zip(*times, strict=True))
        value = our_s / their_s if theirs else our_s
        rows.append(
            {
                "question": name,
                "seconds": our_s,
                "against_s": their_s if theirs else None,
                "value": value,
                "most": most,
            }
        )
        against = f"({our_s:.2f} s / {their_s:.2f} s)" if theirs else ""
        print(
            f"{name:40} {value:6.2f}   {'within' if value <= most else 'ABOVE'} {most:g} {against}",
            flush=True,
        )
    if options.json:
        result = {"machine": machine(), "runs": options.runs, "questions": rows}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def seconds(commands: list[list[str]]) -> float:
    """Wall time of the commands one after another; they write into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for words in commands:
            placed = [word.replace("{folder}", folder) for word in words]
            # Without programs that an earlier process compiled.
            environment = {**os.environ, "RNNFC_XLA_CACHE": "off"}
            done = subprocess.run(
                placed, capture_output=True, text=True, cwd=folder, check=False, env=environment
            )
            if done.returncode:
                raise SystemExit(f"{' '.join(placed[:4])}: {done.stderr[-2000:]}")
        return time.perf_counter() - began


if __name__ == "__main__":
    main()

"""How time and memory grow: seconds an epoch against windows and window length, peak memory against rows, the CSV reader
against pandas. Every measurement runs in a fresh process; the table shows medians.

    python scripts/bench/growth.py --json growth.json --plot growth.png
    python scripts/bench/growth.py --curve memory --rows 5000 5000000 --repeats 1
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.training.progress import Epoch
from rnnfc.workflows.phases import peak_bytes
from rnnfc.workflows.prepare import Prepared, prepare

MIB = 2**20
EPOCHS = 3  # the first one is compiled, the fastest of the others counts
TEST_ROWS = 1000
BATCH = 256
MINUTES_PER_YEAR = 525_600


# --- measurements, each in a process of its own


def measure_epoch(*, windows: int, length: int, units: int) -> dict[str, float]:
    """Seconds of one epoch over so many training windows of a sine, without compilation."""
    from rnnfc.data.scaler import Scaler
    from rnnfc.training.keras_engine import KerasEngine
    from rnnfc.training.loop import TrainState, train_epochs

    rows = windows + length + TEST_ROWS
    prepared = prepare(_experiment(rows=rows, length=length, units=units, epochs=EPOCHS))
    experiment, splits = prepared.experiment, prepared.splits
    scaler = Scaler.fit(prepared.panel, splits.train_rows, method="none")
    network = KerasEngine().build(experiment, prepared.panel, scaler)
    trainer = network.start(splits.train, validation=None, recipe=prepared.recipe)
    state = TrainState.initial(trainer, experiment.train)
    history = list(
        train_epochs(state, origins=splits.train.origins, spec=experiment.train, seed=experiment.seed)
    )
    return {"seconds": min(row.seconds for row in history[1:]), "first_seconds": history[0].seconds}


def measure_memory(*, rows: int, length: int, units: int, source: str) -> dict[str, float]:
    """Peak resident MiB of a whole `rnnfc train` with an epoch of about 1,000 windows, and at the end of its training phase."""
    from rnnfc.workflows.train import train

    stride = max(1, (rows - length - TEST_ROWS) // 1000)
    prepared = prepare(_experiment(rows=rows, length=length, units=units, epochs=1, stride=stride))
    if source == "array":
        prepared = _of_noise(prepared)
    with tempfile.TemporaryDirectory() as outputs:
        finished = train(prepared, outputs=Path(outputs), listener=_Nobody())
        phases = json.loads((finished.run.folder / "run.json").read_text())["phases"]
    return {"train_mib": phases["train"]["peak_bytes"] / MIB, "peak_mib": (peak_bytes() or 0) / MIB}


def measure_csv(*, path: str, reader: str) -> dict[str, float]:
    """Seconds to read a CSV file with a time and a value, all checks included, or with plain pandas.read_csv; peak MiB."""
    import pandas as pd

    from rnnfc.data.sources.csv import CsvSpec
    from rnnfc.data.sources.file import load_file

    def read(path: Path) -> Any:
        if reader == "pandas":
            return pd.read_csv(path)
        return load_file(
            CsvSpec.model_validate({"kind": "csv", "path": str(path), "time": "time", "target": "value"})
        )

    read(Path(path).with_name("warm.csv"))  # what is imported on the first call
    before, began, used = peak_bytes() or 0, time.perf_counter(), time.process_time()
    panel = read(Path(path))
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    del panel
    return {"seconds": seconds, "cpu_seconds": cpu, "extra_mib": ((peak_bytes() or 0) - before) / MIB}


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "epoch": measure_epoch,
    "memory": measure_memory,
    "csv": measure_csv,
}


class _Nobody:
    """Hears of progress and keeps silent."""

    def prepared(self, prepared: Prepared) -> None: ...
    def epoch(self, row: Epoch, *, total: int) -> None: ...
    def interrupted(self, folder: Path, *, epoch: int, total: int, failed: bool) -> None: ...
    def tick(self, share: float) -> None: ...
    def trained(self, rows: list[Epoch], *, best_epoch: int, total: int, seconds: float) -> None: ...


def _experiment(*, rows: int, length: int, units: int, epochs: int, stride: int = 1) -> Experiment:
    text = f"""
        name: growth
        data: {{kind: sine, points: {rows}, step: 0.1}}
        window: {{length: {length}, stride: {stride}}}
        split: {{test: {TEST_ROWS}}}
        model: {{kind: stacked, cell: GRU, units: [{units}]}}
        train: {{epochs: {epochs}, batch_size: {BATCH}}}
    """
    return from_yaml(text, source="growth.yaml")


def _of_noise(prepared: Prepared) -> Prepared:
    """The same experiment over an array of random numbers that is in memory already."""
    values = np.random.default_rng(0).standard_normal((prepared.panel.num_rows, 1))
    panel, splits = prepared.panel.with_values(values), prepared.splits
    return replace(
        prepared,
        panel=panel,
        splits=replace(splits, train=splits.train.with_panel(panel), test=splits.test.with_panel(panel)),
    )


# --- curves: their measurements, tables and plots


def curves(options: argparse.Namespace, folder: Path) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The measurements of each curve: (measure, its parameters)."""
    epoch, memory = {"units": options.units}, {"length": options.memory_length, "units": options.units}
    files = {
        (rows, kind): folder / f"{kind}-{rows}.csv"
        for rows in options.csv_rows
        for kind in ("dates", "counts")
    }
    return {
        "windows": [
            ("epoch", {"windows": windows, "length": options.length, **epoch}) for windows in options.windows
        ],
        "length": [
            ("epoch", {"windows": options.length_windows, "length": length, **epoch})
            for length in options.lengths
        ],
        "memory": [
            ("memory", {"rows": rows, "source": source, **memory})
            for rows in options.rows
            for source in ("sine", "array")
        ],
        "csv": [
            ("csv", {"path": str(path), "reader": reader})
            for path in files.values()
            for reader in ("pandas", "rnnfc")
        ],
    }


def write_csv(path: Path) -> None:
    """A file of `kind-rows.csv`: a minute's date or a count in each row, and a value of three decimals."""
    kind, rows = path.stem.split("-")
    values = np.random.default_rng(0).normal(100, 20, int(rows))
    with path.open("w", encoding="utf-8") as file:
        file.write("time,value\n")
        for start in range(0, int(rows), MINUTES_PER_YEAR):
            places = np.arange(start, min(start + MINUTES_PER_YEAR, int(rows)))
            times = (
                places
                if kind == "counts"
                else np.datetime64("2000-01-01T00:00") + places.astype("timedelta64[m]")
            )
            file.writelines(
                f"{moment},{value:.3f}\n"
                for moment, value in zip(times.astype(str), values[places], strict=True)
            )


def run(measure: str, parameters: dict[str, Any]) -> dict[str, float]:
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, "--measure", measure, "--parameters", json.dumps(parameters)]
    environment = {**os.environ, "RNNFC_XLA_CACHE": "off"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{measure} {parameters}: {done.stderr[-2000:]}")
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return values


def medians(measure: str, parameters: dict[str, Any], *, repeats: int) -> dict[str, Any]:
    """The parameters and the median of each figure over `repeats` processes."""
    runs = [run(measure, parameters) for _ in range(repeats)]
    return {**parameters, **{name: statistics.median(run[name] for run in runs) for name in runs[0]}}


def show(curve: str, rows: Sequence[dict[str, Any]]) -> None:
    """A table of one curve; for CSV files also the ratio to pandas."""
    print(f"\n{curve}")
    for row in rows:
        cells = {name: Path(value).stem if name == "path" else value for name, value in row.items()}
        shown = [
            f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in cells.items()
        ]
        print("  " + "  ".join(shown))
    if curve == "csv":
        for plain, ours in zip(rows[::2], rows[1::2], strict=True):
            ratios = (ours[name] / plain[name] for name in ("seconds", "cpu_seconds"))
            print(
                f"  {Path(ours['path']).stem}: {' '.join(f'{ratio:.2f}' for ratio in ratios)} x pandas (wall, processor)"
            )


def plot(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """One picture, a panel for each curve, both axes logarithmic."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(9.0, 6.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (curve, rows) in zip(figure.subplots(2, 2).ravel(), results.items(), strict=False):
        key, value, by, label = PANELS[curve]
        for name in dict.fromkeys(_group(row, by) for row in rows):
            line = [(_place(row, key), row[value]) for row in rows if _group(row, by) == name]
            axis.plot(*zip(*line, strict=True), marker="o", label=name)
        axis.set(title=TITLES[curve], xscale="log", xlabel=label[0], ylabel=label[1])
        if curve == "memory":
            axis.set_ylim(bottom=0)
        else:
            axis.set_yscale("log")
        for scale in (axis.xaxis, axis.yaxis):
            scale.set_minor_formatter(NullFormatter())
            scale.set_major_formatter("{x:,.0f}" if scale is axis.xaxis or curve == "memory" else "{x:g}")
        axis.grid(alpha=0.25)
        if by:
            axis.legend(frameon=False, loc="best", fontsize=8)
    figure.savefig(path)


TITLES = {
    "windows": "Time grows with windows",
    "length": "Time grows with window length",
    "memory": "Memory grows with rows alone",
    "csv": "Reading CSV, checks included",
}
# key on the x axis, figure, keys that name a line, labels
PANELS: dict[str, tuple[str, str, tuple[str, ...], tuple[str, str]]] = {
    "windows": ("windows", "seconds", (), ("training windows", "seconds an epoch")),
    "length": ("length", "seconds", (), ("rows of a window", "seconds an epoch")),
    "memory": ("rows", "train_mib", ("source",), ("rows of the series", "peak memory in training, MiB")),
    "csv": ("path", "seconds", ("path", "reader"), ("rows of the CSV file", "seconds to read it")),
}


def _group(row: dict[str, Any], by: tuple[str, ...]) -> str:
    return ", ".join(Path(row[name]).stem.split("-")[0] if name == "path" else str(row[name]) for name in by)


def _place(row: dict[str, Any], key: str) -> int:
    return int(Path(row[key]).stem.split("-")[1]) if key == "path" else int(row[key])


def main() -> None:
    """Measure the chosen curves and print tables; write JSON and a plot where an option names them."""
    options = _options()
    if options.measure:
        print(json.dumps(MEASURES[options.measure](**json.loads(options.parameters))))
        return
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for curve, measurements in curves(options, Path(folder)).items():
            if curve not in options.curve:
                continue
            for path in {Path(parameters["path"]) for _, parameters in measurements if "path" in parameters}:
                write_csv(path)
                (path.parent / "warm.csv").write_text(
                    "time,value\n2000-01-01,1.5\n2000-01-02,2.5\n2000-01-03,3.5\n"
                )
            results[curve] = [
                medians(measure, parameters, repeats=options.repeats) for measure, parameters in measurements
            ]
            show(curve, results[curve])
    if options.json:
        machine = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "system": platform.platform(),
        }
        options.json.write_text(
            json.dumps({"machine": machine, "repeats": options.repeats, **results}, indent=2) + "\n"
        )
    if options.plot:
        plot(results, options.plot)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--curve", nargs="+", choices=PANELS, default=list(PANELS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--windows", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--length", type=int, default=24, help="rows of a window on the curve over windows")
    parser.add_argument("--lengths", type=int, nargs="+", default=[8, 32, 128, 512])
    parser.add_argument(
        "--length-windows", type=int, default=10_000, help="windows on the curve over lengths"
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 500_000, 5_000_000, 50_000_000])
    parser.add_argument("--memory-length", type=int, default=512)
    parser.add_argument("--csv-rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--parameters", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Is a shipped config ever trained slower than Keras `fit` would? From the start of training to its end, compilation included.

Run: python scripts/bench/shipped.py [--configs sine airline ...] [--runs 5] [--json FILE]

Keras starts from the same weights and sees the same scaled windows, validation and early stopping; its learning rate is constant,
and it runs with our thread settings.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from training import machine

from rnnfc.config.load import load
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.training.engine import Network
from rnnfc.training.loop import TrainState, train_epochs
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.prepare import Prepared, prepare

ROOT = Path(__file__).parents[2]
CONFIGS = {path.stem: path for path in sorted((ROOT / "configs").glob("*.yaml"))}


def main() -> None:
    """Measure, and print a line for each config."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configs", nargs="+", choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS, metavar=("WHO", "CONFIG"))
    options = parser.parse_args()
    if options.worker:
        who, name = options.worker
        print(json.dumps({"ours": train_ours, "keras": train_keras}[who](prepare(load(CONFIGS[name])))))
        return
    rows = []
    for name in options.configs:
        pairs = [
            (launch("ours", name), launch("keras", name)) for _ in range(options.runs)
        ]  # they take turns
        ours, theirs = (
            side[0] | {"seconds": statistics.median(timing["seconds"] for timing in side)}
            for side in zip(*pairs, strict=True)
        )
        rows.append({"config": name, "ours": ours, "keras": theirs})
        ratio = ours["seconds"] / theirs["seconds"]
        our_s, their_s = (f"{side['seconds']:7.2f} s in {side['epochs']} epochs" for side in (ours, theirs))
        print(
            f"{name:14} {ours['recipe']:14} {our_s}, Keras {their_s}: {ratio:.2f}{'  ABOVE 1' * (ratio > 1)}",
            flush=True,
        )
    if options.json:
        result = {"machine": machine(), "runs": options.runs, "configs": rows}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def launch(who: str, name: str) -> dict[str, Any]:
    """What one fresh process says."""
    words = [sys.executable, __file__, "--worker", who, name]
    # The first run of a config is what is measured.
    environment = {**os.environ, "RNNFC_XLA_CACHE": "off"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{who} on {name}: {done.stderr[-2000:]}")
    timing: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return timing


def train_ours(prepared: Prepared) -> dict[str, Any]:
    """Our trainer, from what is fitted before the first epoch on."""
    experiment = prepared.experiment
    network, train, validation = _built(prepared)
    began = time.perf_counter()
    network.warm_start(train, validation=validation)
    trainer = network.start(train, validation=validation, recipe=prepared.recipe)
    state = TrainState.initial(trainer, experiment.train)
    rows = list(train_epochs(state, origins=train.origins, spec=experiment.train, seed=experiment.seed))
    return {"seconds": time.perf_counter() - began, "epochs": len(rows), "recipe": prepared.recipe.name}


def train_keras(prepared: Prepared) -> dict[str, Any]:
    """The same with `compile` and `fit`."""
    import keras

    spec = prepared.experiment.train
    network, *parts = _built(prepared)
    # Of NumPy's network its Keras twin.
    net = (getattr(network, "net", None) or network.inference_copy()).inference_model
    stop = spec.early_stopping
    early = [keras.callbacks.EarlyStopping(patience=stop.patience, restore_best_weights=True)] if stop else []
    (x, y), *watched = [
        (part.inputs().astype(np.float32), part.targets().astype(np.float32))
        for part in parts
        if part is not None
    ]
    began = time.perf_counter()
    net.compile(optimizer=spec.optimizer, loss=spec.loss)
    net.optimizer.learning_rate = spec.learning_rate
    history = net.fit(
        x,
        y,
        batch_size=spec.batch_size,
        epochs=spec.epochs,
        verbose=0,
        validation_data=watched[0] if watched else None,
        callbacks=early,
    )
    return {"seconds": time.perf_counter() - began, "epochs": len(history.epoch)}


def _built(prepared: Prepared) -> tuple[Network, Windows, Windows | None]:
    """The network before training, and the scaled windows of training and validation."""
    experiment, splits = prepared.experiment, prepared.splits
    engine = engine_for(experiment)
    scaler = Scaler.fit(prepared.panel, splits.train_rows, **experiment.scale.model_dump())
    scaled = scaler.transform(prepared.panel, dtype=engine.row_dtype)
    validation = None if splits.validation is None else splits.validation.with_panel(scaled)
    return engine.build(experiment, prepared.panel, scaler), splits.train.with_panel(scaled), validation


if __name__ == "__main__":
    main()

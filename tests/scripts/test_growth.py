"""How memory and work grow: memory with rows, never with rows times window length; work with windows times window length."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_training import run, start

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data import windows
from rnnfc.data.scaler import Scaler
from rnnfc.data.sources import csv_fast
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.sources.file import load_file
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.reports.report import NETWORK
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.keras_engine import KerasEngine, KerasNetwork
from rnnfc.training.loop import TrainState, train_epochs
from rnnfc.workflows.pictures import forecast_picture
from rnnfc.workflows.prepare import Prepared, prepare
from rnnfc.workflows.score import forecast_all, make_report

MB = 1_000_000
FEW_ROWS, ROWS, LONG = 40_000, 80_000, 256  # copied windows of 256 rows would be 80,000 x 256 x 8 = 164 MB


class MeanOfWindow:
    """A forecaster that looks at every row of its windows."""

    label = NETWORK

    def predict(self, asked: Windows) -> Forecast:
        return Forecast.from_windows(
            asked, np.concatenate([part.inputs().mean(axis=1, keepdims=True) for part in asked.batches()])
        )


def experiment(*, rows: int, length: int, stride: int = 1, epochs: int = 1) -> Experiment:
    text = f"""
        name: growth
        data: {{kind: sine, points: {rows}, step: 0.1, noise: 0.1}}
        window: {{length: {length}, stride: {stride}}}
        split: {{validation: 500, test: 700}}
        model: {{kind: stacked, cell: SimpleRNN, units: [2]}}
        train: {{epochs: {epochs}, batch_size: 2000}}
    """
    return from_yaml(text, source="growth.yaml")


def peak(work: Callable[[], Any]) -> int:
    """The most bytes that `work` and NumPy held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and rows are worked on in parts that are small beside the data of these tests."""
    monkeypatch.setattr(windows, "_BATCH_BYTES", 2**16)
    monkeypatch.setattr(csv_fast, "_CHUNK_BYTES", 2**16)


def everything_but_training(*, rows: int, length: int) -> None:
    prepared = prepare(experiment(rows=rows, length=length))
    scaler = Scaler.fit(prepared.panel, prepared.splits.train_rows, method="minmax")
    forecasts = forecast_all(prepared, scaler, MeanOfWindow())
    make_report(prepared, forecasts)
    forecast_picture(prepared, forecasts)


def test_memory__without_training_grows_with_rows_and_not_with_window_length() -> None:
    everything_but_training(rows=2000, length=8)  # what is imported and cached on the way
    few, many, long = (
        peak(lambda rows=rows, length=length: everything_but_training(rows=rows, length=length))
        for rows, length in ((FEW_ROWS, 8), (ROWS, 8), (ROWS, LONG))
    )
    assert many - few < 60 * (
        ROWS - FEW_ROWS
    )  # value 8, time 8, origin 4, mask 1, and what is computed of them for a while
    assert long - many < 5 * MB  # the linear map's 256 x 256 sums and a part of windows


def test_memory__of_training_does_not_grow_with_window_length() -> None:
    def train(length: int) -> None:
        prepared = prepare(experiment(rows=ROWS // 4, length=length))
        spec, splits = prepared.experiment, prepared.splits
        options = {"validation": splits.validation, "recipe": prepared.recipe}
        assert len(run(network(prepared), spec, splits.train, **options)) == 1

    train(4)  # what TensorFlow builds once
    short, long = (peak(lambda length=length: train(length)) for length in (8, LONG))
    assert long - short < 5 * MB  # copied windows: 20,000 x 256 x 4 = 20 MB


def network(prepared: Prepared) -> KerasNetwork:
    """A network over unscaled rows."""
    one = np.ones((1, 1))
    scaler = Scaler(method="none", center=0 * one, scale=one, low=0 * one, high=one)
    return KerasEngine().build(prepared.experiment, prepared.panel, scaler)


@pytest.mark.parametrize(
    ("stride", "updates"), [(1, 9 + 9), (2, 5 + 5), (1000, 1 + 1)]
)  # 17,792 windows, 2,000 a step
def test_updates__are_the_strided_windows_over_the_batch_size(stride: int, updates: int) -> None:
    prepared = prepare(experiment(rows=19_000, length=8, stride=stride, epochs=2))
    train, spec = prepared.splits.train, prepared.experiment.train
    trainer = network(prepared).start(train, validation=None, recipe=prepared.recipe)
    list(train_epochs(TrainState.initial(trainer, spec), origins=train.origins, spec=spec, seed=1))
    assert int(trainer.optimizer.iterations) == updates


def processor_seconds(*, windows: int, length: int) -> float:
    """Of the fastest of some epochs after the first, which is compiled; nothing else that the machine does counts."""
    prepared = prepare(experiment(rows=windows + length + 1200, length=length, epochs=6))
    spec, train = prepared.experiment, prepared.splits.train
    recipe = Recipe(name="xla_loop", shards=1, reason="the only one whose code does not grow with the length")
    state = start(network(prepared), spec, train, recipe=recipe)
    rows = train_epochs(state, origins=train.origins, spec=spec.train, seed=1)
    ends = [time.process_time() for _ in rows]
    return float(np.diff(ends).min())


def test_epoch__time_is_linear_in_windows_and_in_window_length() -> None:
    small, many, long = (
        processor_seconds(windows=windows, length=length)
        for windows, length in ((8_000, 32), (64_000, 32), (8_000, 256))
    )
    # Eight times as much work; growth by the square would be 64. Half and twice of it are for caches and a busy machine.
    assert 4 < many / small < 16
    assert 4 < long / small < 16


@pytest.mark.parametrize("times", ["dates", "counts"])
def test_memory__of_reading_csv_is_a_small_multiple_of_the_file(tmp_path: Path, times: str) -> None:
    def spec(rows: int) -> CsvSpec:
        places = np.arange(rows)
        clock = (
            places
            if times == "counts"
            else np.datetime64("2000-01-01T00:00") + places.astype("timedelta64[m]")
        )
        lines = (f"{day},{place % 97}.25,{'abc' * 5}\n" for day, place in zip(clock, places, strict=True))
        path = tmp_path / f"{rows}.csv"
        path.write_text("day,sold,note\n" + "".join(lines))
        return CsvSpec.model_validate({"kind": "csv", "path": str(path), "time": "day", "target": "sold"})

    load_file(spec(10))  # what is imported on the way
    large = spec(ROWS)
    size = Path(large.path).stat().st_size
    assert size > 2 * MB
    assert (
        peak(lambda: load_file(large)) < 5 * size
    )  # the text of every cell as Python objects: more than twenty times

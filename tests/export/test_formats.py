"""The export formats: the contract of their table, and what holds for each, engine, cell and kind of model."""

import dataclasses
import itertools
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exporting import export_and_read
from factories import make_experiment, make_windows, three_channels, train_rows

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.export.format import ExportFormat
from rnnfc.export.parity import infer_in_batches, parity_error
from rnnfc.extensions import CELLS, EXPORT_FORMATS, load_record
from rnnfc.workflows.engines import engine_for

RECORDS: dict[str, ExportFormat] = {kind: load_record(EXPORT_FORMATS, kind) for kind in EXPORT_FORMATS}
RICH = "units: [4, 3], bidirectional: [true, false], dropout: 0.2"
LEVELS = "levels: [0.1, 0.5, 0.8]"
GRU = "{kind: stacked, cell: GRU, units: [4]}"
KERAS_CELLS = ("SimpleRNN", "LSTM", "GRU")
OTHER_CELLS = [cell for cell in CELLS if cell not in KERAS_CELLS]


def segment(cell: str) -> str:
    return f"{{kind: segment, cell: {cell}, segment: 3, width: 4, {LEVELS}}}"


def seq2seq(cell: str) -> str:
    return f"{{kind: seq2seq, cell: {cell}, units: 4, attention: bahdanau, {LEVELS}}}"


# Model, window.normalize, scale.
MODELS = [
    *((f"{{kind: stacked, cell: {cell}, units: [4]}}", "none", "none") for cell in CELLS),
    *((f"{{kind: stacked, cell: {cell}, {RICH}}}", "last", "standard") for cell in CELLS),
    (f"{{kind: stacked, cell: LSTM, {RICH}, recurrent_dropout: 0.1}}", "last", "standard"),
    (
        f"{{kind: stacked, cell: LSTM, units: [4], {LEVELS}, linear: {{use: path}}, ensemble: {{seeds: 2}}}}",
        "last",
        "standard",
    ),
    *((segment(cell), "mean_std", "standard") for cell in KERAS_CELLS),
    *((seq2seq(cell), "difference", "standard") for cell in KERAS_CELLS),
    ("{kind: stacked, cell: GRU, units: [2], ensemble: {seeds: 4, by: median}}", "last", "standard"),
    (f"{{kind: dense, units: 4, {LEVELS}}}", "last", "standard"),
    ("{kind: scratch, units: 4}", "none", "none"),
    ("{kind: scratch, units: 4, activation: sigmoid}", "last", "standard"),
]
ONNX_ONLY = [
    *((segment(cell), "mean_std", "standard") for cell in OTHER_CELLS),
    *((seq2seq(cell), "difference", "standard") for cell in OTHER_CELLS),
    *(
        (f"{{kind: stacked, cell: {cell}, {rest}}}", normalize, "minmax")
        for cell in KERAS_CELLS
        for rest, normalize in (
            ("units: [4], levels: [0.2, 0.5]", "last"),
            ("units: [4], levels: [0.2, 0.5]", "difference"),
            ("units: [4]", "mean_std"),
            ("units: [4]", "difference"),
        )
    ),
]
# Cell, attention.
DECODERS = [("SimpleRNN", "none"), ("LSTM", "luong"), ("GRU", "bahdanau")]
ENCODER_DECODERS = [
    (f"{{kind: seq2seq, cell: {cell}, units: 6, attention: {attention}, dropout: 0.2, teacher_forcing: 0.5}}")
    for cell, attention in DECODERS
]
CASES = [
    *((kind, *case) for kind, case in itertools.product(EXPORT_FORMATS, MODELS)),
    *(("onnx", *case) for case in ONNX_ONLY),
    *(("onnx", model, "last", "standard") for model in ENCODER_DECODERS),
    *(
        (kind, model, "last", "standard")
        for kind, model in zip(("savedmodel", "litert", "keras"), ENCODER_DECODERS, strict=True)
    ),
]


def build(data: Panel, *, model: str, normalize: str, scale: str) -> tuple[Experiment, Any, Windows]:
    window = f"{{length: 5, horizon: 4, normalize: {normalize}}}"
    experiment = make_experiment(
        seed=3,
        data="{kind: sine, points: 50, step: 0.4}",
        split="{test: 9}",
        scale=scale,
        window=window,
        model=model,
    )
    scaler = Scaler.fit(data, train_rows(data), **experiment.scale.model_dump())
    return experiment, engine_for(experiment).build(experiment, data, scaler), make_windows(data)


@pytest.mark.parametrize("kind", EXPORT_FORMATS)
def test_export_formats__every_record_is_complete(kind: str) -> None:
    record = RECORDS[kind]
    assert isinstance(record, ExportFormat)
    assert record.suffix == "" or record.suffix.startswith(".")
    assert record.readers
    assert record.dtype in ("float64", "float32")


def test_export_formats__endings_are_distinct() -> None:
    assert len({record.suffix for record in RECORDS.values()}) == len(RECORDS)


def test_export_formats__are_imported_without_anything_heavy() -> None:
    modules = [location.partition(":")[0] for location in EXPORT_FORMATS.values()]
    code = f"import {', '.join(modules)}, sys; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"tensorflow", "keras", "numpy", "onnx", "onnxruntime"} & set(names.split()) == set()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("family", ["stacked", "segment", "seq2seq"])
def test_keras_format__names_this_package_only_for_cells_that_keras_does_not_have(
    tmp_path: Path, family: str, cell: str
) -> None:
    data = three_channels()
    models = {
        "stacked": f"{{kind: stacked, cell: {cell}, {RICH}}}",
        "segment": segment(cell),
        "seq2seq": seq2seq(cell),
    }
    experiment, network, _ = build(data, model=models[family], normalize="last", scale="standard")
    export_and_read("keras", experiment, network, data, tmp_path)
    config = zipfile.ZipFile(tmp_path / "m.keras").read("config.json").decode()
    assert '"module": "keras.layers"' in config
    assert ("rnnfc" in config) == ("rnnfc.networks.cells.equation_layers" in config) == (cell in OTHER_CELLS)


@pytest.mark.parametrize(("kind", "model", "normalize", "scale"), CASES)
def test_export_formats__forecast_what_the_network_forecasts(
    tmp_path: Path, kind: str, model: str, normalize: str, scale: str
) -> None:
    data = three_channels()
    experiment, network, windows = build(data, model=model, normalize=normalize, scale=scale)
    function = export_and_read(kind, experiment, network, data, tmp_path)
    outputs, expected = infer_in_batches(function, windows), network.outputs(windows)
    levels = experiment.levels
    assert {name: array.shape for name, array in outputs.items()} == {
        "forecast": (23, 4, 2),
        **({"quantiles": (23, 4, 2, len(levels))} if levels else {}),
    }
    assert outputs["forecast"].dtype == np.float64
    assert parity_error(outputs, expected, windows, network.scaler) <= 1e-6
    assert np.ptp(outputs["forecast"][:, 0, 0]) > 1e-3  # the windows do differ
    one = dataclasses.replace(windows, origins=windows.origins[6:7])  # the same function, another batch size
    one_expected = {name: array[6:7] for name, array in expected.items()}
    assert parity_error(infer_in_batches(function, one), one_expected, one, network.scaler) <= 1e-6


@pytest.mark.parametrize("scale", ["minmax", "{method: standard, transform: box_cox}"])
@pytest.mark.parametrize("kind", [kind for kind in EXPORT_FORMATS if kind != "onnx"])
def test_export_formats__read_the_series_if_each_has_its_own_scale(
    tmp_path: Path, kind: str, scale: str
) -> None:
    data = three_channels(lengths=(31, 23, 26), positive=True)
    model = f"{{kind: stacked, cell: GRU, units: [4], {LEVELS}}}"
    experiment, network, windows = build(data, model=model, normalize="mean_std", scale=scale)
    outputs = infer_in_batches(export_and_read(kind, experiment, network, data, tmp_path), windows)
    tolerance = 3e-6 if kind == "litert" else 1e-6
    assert parity_error(outputs, network.outputs(windows), windows, network.scaler) <= tolerance
    sizes = [np.abs(outputs["forecast"][windows.series == series]).max() for series in range(3)]
    assert 30 * sizes[0] < sizes[1] < sizes[2] / 30


@pytest.mark.parametrize("kind", [kind for kind, record in RECORDS.items() if record.dtype == "float64"])
def test_export_formats__float64_keeps_the_shape_of_a_series_at_offset_1e9(tmp_path: Path, kind: str) -> None:
    data = three_channels(offset=1e9)
    experiment, network, windows = build(data, model=GRU, normalize="none", scale="minmax")
    outputs = infer_in_batches(export_and_read(kind, experiment, network, data, tmp_path), windows)
    assert parity_error(outputs, network.outputs(windows), windows, network.scaler) <= 1e-5
    assert 0.1 < np.ptp(outputs["forecast"][:, :, 0]) < 100


def test_litert__refuses_a_series_too_far_from_zero_for_float32(tmp_path: Path) -> None:
    data = three_channels(offset=1e9)
    experiment, network, windows = build(data, model=GRU, normalize="none", scale="minmax")
    outputs = infer_in_batches(export_and_read("litert", experiment, network, data, tmp_path), windows)
    hint = RECORDS["litert"].hint
    assert hint is not None
    with pytest.raises(TrainError, match=r"litert model.* differ .*float32.*--format"):
        parity_error(
            outputs,
            network.outputs(windows),
            windows,
            network.scaler,
            label="litert model",
            hint=hint,
        )

"""Every format forecasts what the network forecasts, for every engine, cell and shape that the config offers."""

import typing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_windows, three_channels, train_rows

from rnnfc.cli import app
from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.errors import TrainError
from rnnfc.export import onnx_model as export
from rnnfc.export.formats import FORMATS
from rnnfc.extensions import CELLS
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.export import ENDINGS

# Model, window.normalize, scale; ONNX is held to the same in tests/test_export.py.
RICH = "units: [4, 3], bidirectional: [true, false], dropout: 0.2, recurrent_dropout: 0.1"
LEVELS = "levels: [0.1, 0.5, 0.8]"
MODELS = [
    *((f"{{kind: stacked, cell: {cell}, units: [4]}}", "none", "none") for cell in CELLS),
    *((f"{{kind: stacked, cell: {cell}, {RICH}}}", "last", "standard") for cell in CELLS),
    (
        f"{{kind: stacked, cell: LSTM, units: [4], {LEVELS}, linear: {{use: path}}, ensemble: {{seeds: 2}}}}",
        "last",
        "standard",
    ),
    *(
        (f"{{kind: segment, cell: {cell}, segment: 3, width: 4, {LEVELS}}}", "mean_std", "standard")
        for cell in CELLS
    ),
    *(
        (
            f"{{kind: seq2seq, cell: {cell}, units: 4, attention: bahdanau, {LEVELS}}}",
            "difference",
            "standard",
        )
        for cell in CELLS
    ),
    ("{kind: stacked, cell: GRU, units: [2], ensemble: {seeds: 4, by: median}}", "last", "standard"),
    ("{kind: scratch, units: 4}", "none", "none"),
    ("{kind: scratch, units: 4, activation: sigmoid}", "last", "standard"),
]
GRU = "{kind: stacked, cell: GRU, units: [4]}"


def network(data: Panel, *, model: str, normalize: str, scale: str) -> tuple[Experiment, Any, Windows]:
    spec = from_yaml(
        f"name: t\nseed: 3\ndata: {{kind: sine, points: 50, step: 0.4}}\nsplit: {{test: 9}}\nscale: {scale}\n"
        f"window: {{length: 5, horizon: 4, normalize: {normalize}}}\nmodel: {model}\n"
        "train: {epochs: 1}\n",
        source="test",
    )
    scaler = Scaler.fit(data, train_rows(data), **spec.scale.model_dump())
    return spec, engine_for(spec).build(spec, data, scaler), make_windows(data)


def test_the_tables_of_formats_agree_with_the_option() -> None:
    (command,) = [
        command
        for command in app.registered_commands
        if command.callback and command.callback.__name__ == "export"
    ]
    offered = typing.get_args(typing.get_type_hints(command.callback)["kind"])
    assert set(FORMATS) == set(ENDINGS) == set(offered)


@pytest.mark.parametrize(("model", "normalize", "scale"), MODELS)
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_forecasts_what_the_network_forecasts(
    tmp_path: Path, kind: str, model: str, normalize: str, scale: str
) -> None:
    data = three_channels()
    spec, net, windows = network(data, model=model, normalize=normalize, scale=scale)
    path, form = tmp_path / f"m{ENDINGS[kind]}", FORMATS[kind]
    form.save(net, export.interface(spec, data, net.scaler), path)
    answer = form.read(path, spec.levels)
    made, expected = export.infer_in_batches(answer, windows), net.outputs(windows)
    assert made["forecast"].shape == (23, 4, 2)
    assert made["forecast"].dtype == np.float64
    assert export.difference(made, expected, windows, net.scaler) <= 1e-6
    assert np.ptp(made["forecast"][:, 0, 0]) > 1e-3  # the windows do differ
    one = replace(windows, origins=windows.origins[6:7])  # the same reader, another batch
    its_own = {name: array[6:7] for name, array in expected.items()}
    assert export.difference(export.infer_in_batches(answer, one), its_own, one, net.scaler) <= 1e-6
    assert sorted(made) == list(expected) == ["forecast", "quantiles"][: 1 + bool(spec.levels)]


@pytest.mark.parametrize("scale", ["minmax", "{method: standard, transform: box_cox}"])
@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "onnx"])
def test_every_format_asks_for_the_series_where_each_has_its_scale(
    tmp_path: Path, kind: str, scale: str
) -> None:
    data = three_channels(lengths=(31, 23, 26), positive=True)
    spec, net, windows = network(data, model=GRU[:-1] + f", {LEVELS}}}", normalize="mean_std", scale=scale)
    path, form = tmp_path / f"m{ENDINGS[kind]}", FORMATS[kind]
    form.save(net, export.interface(spec, data, net.scaler), path)
    made = export.infer_in_batches(form.read(path, spec.levels), windows)
    assert export.difference(made, net.outputs(windows), windows, net.scaler) <= (
        3e-6 if kind == "litert" else 1e-6
    )
    sizes = [np.abs(made["forecast"][windows.series == series]).max() for series in range(3)]
    assert 30 * sizes[0] < sizes[1] < sizes[2] / 30


@pytest.mark.parametrize("kind", [kind for kind, form in FORMATS.items() if form.dtype == "float64"])
def test_a_series_at_offset_1e9_keeps_its_shape_where_there_is_float64(tmp_path: Path, kind: str) -> None:
    data = three_channels(offset=1e9)
    spec, net, windows = network(data, model=GRU, normalize="none", scale="minmax")
    path = tmp_path / f"m{ENDINGS[kind]}"
    FORMATS[kind].save(net, export.interface(spec, data, net.scaler), path)
    made = export.infer_in_batches(FORMATS[kind].read(path, spec.levels), windows)
    assert export.difference(made, net.outputs(windows), windows, net.scaler) <= 1e-5
    assert 0.1 < np.ptp(made["forecast"][:, :, 0]) < 100


def test_float32_loses_that_series_and_says_so(tmp_path: Path) -> None:
    data, form = three_channels(offset=1e9), FORMATS["litert"]
    spec, net, windows = network(data, model=GRU, normalize="none", scale="minmax")
    form.save(net, export.interface(spec, data, net.scaler), tmp_path / "m.tflite")
    made = export.infer_in_batches(form.read(tmp_path / "m.tflite", spec.levels), windows)
    text = r"litert model's forecasts differ .* LiteRT computes in float32, which keeps about seven digits: too few for a series"
    with pytest.raises(TrainError, match=text):
        export.difference(
            made, net.outputs(windows), windows, net.scaler, what="litert model", mend=form.mend
        )

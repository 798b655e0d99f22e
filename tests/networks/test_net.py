"""Net: its typed fields are the layers that were built; nothing is found by a layer's name."""

import re
from pathlib import Path

import numpy as np
import pytest
from factories import make_experiment

import rnnfc
from rnnfc.networks.backend import keras
from rnnfc.networks.build import build
from rnnfc.networks.inputs import input_tensors
from rnnfc.networks.net import Net, plain_loops
from rnnfc.networks.parts.linear_skip import network_share, set_share, warm_start
from rnnfc.training.compile.bptt import state_gradients

STACK = "kind: stacked, cell: GRU, units: [4, 3], bidirectional: [true, false]"
RECURSIVE = "kind: stacked, cell: LSTM, units: [3], strategy: recursive"
SEQ2SEQ = "kind: seq2seq, cell: GRU, units: 4, teacher_forcing: 0.5"


def build_net(model: str) -> Net:
    window = "{length: 5, horizon: 4, normalize: last}"
    split = "{validation: 0.2, test: 0.2}"
    experiment = make_experiment(model=f"{{{model}}}", window=window, split=split)
    channels = 2 if "recursive" in model else 3  # which forecasts every channel that it reads
    return build(experiment, channels=channels, targets=2, series=2)


@pytest.mark.parametrize(
    ("model", "num_recurrent", "num_loops", "training_inputs"),
    [
        (STACK, 3, 0, ["window"]),
        (RECURSIVE, 1, 1, ["window"]),
        (SEQ2SEQ, 1, 1, ["target", "window"]),
        (f"{SEQ2SEQ}, ensemble: {{seeds: 2}}, series_embedding: 2", 2, 2, ["series", "target", "window"]),
    ],
)
def test_net__fields_are_the_layers_that_were_built(
    model: str, num_recurrent: int, num_loops: int, training_inputs: list[str]
) -> None:
    net = build_net(model)
    assert len(net.recurrent_layers) == num_recurrent
    assert len(net.autoregressive_loops) == num_loops
    for training_model in net.training_models:
        assert sorted(input_tensors(training_model)) == training_inputs
        ours = {id(weight) for weight in net.inference_model.weights}
        assert {id(weight) for weight in training_model.weights} <= ours
    assert net.linear_skips == []


@pytest.mark.parametrize(("use", "share"), [("path", None), ("blend", 1.0)])
def test_net__each_member_has_its_linear_skip(use: str, share: float | None) -> None:
    net = build_net(f"{STACK}, linear: {{use: {use}, length: 3}}, ensemble: {{seeds: 2}}")
    assert len(net.members) == len(net.linear_skips) == 2
    assert [skip.linear.kernel.shape for skip in net.linear_skips] == [(3, 4)] * 2
    assert network_share(net.linear_skips) == share


def test_net__works_whatever_its_layers_are_called() -> None:
    net, stack = build_net(f"{STACK}, linear: {{use: blend}}"), build_net(STACK)
    for model in (net.inference_model, stack.inference_model):
        for number, layer in enumerate(model._flatten_layers()):
            layer.name = f"renamed_{number}"
    set_share(net.linear_skips, 0.25)
    assert network_share(net.linear_skips) == 0.25
    warm_start(
        net.linear_skips, pairs=lambda: iter([(np.ones((2, 5, 2)), np.ones((2, 4, 2)))]), validation=None
    )
    assert net.linear_skips[0].linear.kernel.numpy().sum() == pytest.approx(4, abs=1e-4)
    x, y = np.ones((2, 5, 3), np.float32), np.ones((2, 4, 2), np.float32)
    loss = keras.losses.MeanSquaredError(reduction=None)
    names = ["layer 1, backward, hidden state", "layer 1, hidden state", "layer 2, hidden state"]
    assert sorted(state_gradients(stack.members[0], x, y, loss=loss)) == names
    assert [layer.units for layer in net.recurrent_layers] == [4, 4, 3]


def test_plain_loops__restore_the_layers() -> None:
    net = build_net(STACK)
    with plain_loops(net, unroll=True):
        assert [(layer.unroll, layer.use_cudnn) for layer in net.recurrent_layers] == [(True, False)] * 3
    assert [(layer.unroll, layer.use_cudnn) for layer in net.recurrent_layers] == [(False, "auto")] * 3


def test_source__looks_up_no_layer_by_its_name() -> None:
    lookup = re.compile(r"\.get_layer\(|layer\.name (==|!=|in )|layer\.name\.(startswith|split|removeprefix)")
    packages = [
        Path(rnnfc.__file__).parent / name for name in ("networks", "training", "export", "numpy_rnn")
    ]
    files = [path for package in packages for path in package.rglob("*.py")]
    assert len(files) > 30
    assert [path.name for path in files if lookup.search(path.read_text(encoding="utf-8"))] == []

"""The contract of every record in CELLS: what it says of the cell is what Keras builds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnfc.config.load import from_yaml
from rnnfc.errors import ConfigError
from rnnfc.extensions import CELLS
from rnnfc.networks.backend import keras
from rnnfc.networks.cells.cell import cell_of, find_cell
from rnnfc.networks.cells.step_equations import Weight

SEEDS = {"kernel_seed": 1, "recurrent_seed": 2, "seed": 3}
# 2 windows of 5 steps with 3 channels.
X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


def layer_of(name: str, units: int = 4, **options: Any) -> Any:
    """A layer with random weights, biases too."""
    layer = find_cell(name).layer(units, **SEEDS, **options)
    layer.build((None, 5, 3))
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("inputs", "units"), [(1, 1), (3, 4), (5, 2)])
def test_cell__counts_the_parameters_that_keras_builds(name: str, inputs: int, units: int) -> None:
    record = find_cell(name)
    layer = record.layer(units, **SEEDS)
    layer.build((None, 7, inputs))
    assert record.num_parameters(inputs=inputs, units=units) == layer.count_params()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("backwards", [False, True])
def test_cell__a_layer_is_its_step_repeated(name: str, backwards: bool) -> None:
    record = find_cell(name)
    layer = layer_of(name, return_sequences=True, return_state=True, go_backwards=backwards)
    outputs, *last = layer(X)
    step = record.step(4, **SEEDS)
    step.build((None, 3))
    step.set_weights(layer.get_weights())
    states = step.get_initial_state(batch_size=2)
    assert len(states) == len(record.states) == len(last)
    for number, place in enumerate(reversed(range(5)) if backwards else range(5)):
        output, states = step(X[:, place], states)
        np.testing.assert_array_equal(output, states[0])
        np.testing.assert_allclose(output, outputs[:, number], atol=1e-6)
    for ours, theirs in zip(states, last, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_cell__start_follows_from_the_seeds(name: str) -> None:
    starts = []
    for seed in (1, 1, 2):
        layer = find_cell(name).layer(4, kernel_seed=seed, recurrent_seed=seed, seed=3)
        layer.build((None, 5, 3))
        starts.append(np.concatenate([weight.ravel() for weight in layer.get_weights()]))
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


@pytest.mark.parametrize("name", CELLS)
def test_cell__dropout_acts_in_training_only_and_drops_an_input_in_every_step(name: str) -> None:
    layer = layer_of(name, dropout=0.5)
    plain = layer_of(name)
    np.testing.assert_allclose(layer(X), plain(X), atol=1e-6)
    draws = {tuple(np.round(np.asarray(layer(X, training=True)).ravel(), 5)) for _ in range(20)}
    # 2 windows of 3 channels that are either dropped in all steps or doubled: few outcomes of one window.
    of_one_window = {draw[:4] for draw in draws}
    assert 1 < len(of_one_window) <= 2**3


@pytest.mark.parametrize("name", CELLS)
def test_cell__is_found_from_its_layer_and_survives_a_keras_file(name: str, tmp_path: Any) -> None:
    layer = layer_of(name)
    assert cell_of(layer) is find_cell(name)
    window = keras.Input((5, 3))
    net = keras.Model(window, layer(window))
    net.save(tmp_path / "net.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "net.keras")(X), net(X))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    ("key", "value"), [("activation", "relu"), ("dropout", 0.5), ("recurrent_dropout", 0.5)]
)
def test_cell__a_key_acts_in_training_or_is_refused(name: str, key: str, value: str | float) -> None:
    text = f"""
        name: t
        data: {{kind: sine, points: 50, step: 0.4}}
        window: {{length: 5}}
        split: {{test: 9}}
        model: {{kind: stacked, cell: {name}, units: [4], {key}: {value}}}
        train: {{epochs: 1}}
    """
    if getattr(find_cell(name), f"has_{key}", True):
        from_yaml(text, source="x.yaml")
        outputs = [layer_of(name, **options)(X, training=True) for options in ({}, {key: value})]
        assert not np.allclose(*outputs, atol=1e-3), f"{key} does not change the training of {name}"
    else:
        words = key.replace("_", " ")
        message = rf"x\.yaml:6: model\.{key}: {name} has no {words}.*leave .*out"
        with pytest.raises(ConfigError, match=message):
            from_yaml(text, source="x.yaml")


def test_cell__by_step_equations_with_equations_of_the_fused_recurrence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"step_equations.*fused.*leave equations out"):
        replace(find_cell("IndRNN"), equations=find_cell("GRU").equations)


def test_weight__starts_orthogonal(monkeypatch: pytest.MonkeyPatch) -> None:
    equations = replace(
        find_cell("IndRNN").step_equations,
        weights=lambda _, units: {"recurrent": Weight((units, 2 * units), "orthogonal")},
    )
    record = replace(find_cell("IndRNN"), step_equations=equations)
    monkeypatch.setattr("rnnfc.networks.cells.equation_layers.load_record", lambda *_: record)
    step = record.step(3, kernel_seed=1, recurrent_seed=2)
    step.build((None, 2))
    (recurrent,) = step.get_weights()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-6)

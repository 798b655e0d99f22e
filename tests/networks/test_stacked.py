"""The stacked family: shape, size and seeds are those of the experiment."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnfc.extensions import CELLS
from rnnfc.networks import stacked as family
from rnnfc.networks.backend import keras
from rnnfc.networks.family import Sizes
from rnnfc.networks.net import Member, Net
from rnnfc.networks.seeds import derive_seed
from rnnfc.networks.size import num_parameters, training_bytes
from rnnfc.networks.stacked import StackedSpec

SIZES = Sizes(length=5, horizon=4, channels=3, targets=2)


def spec(**changes: Any) -> StackedSpec:
    return StackedSpec(**{"kind": "stacked", "cell": "GRU", "units": (4,), **changes})


def stacked(model: StackedSpec, *, seed: int = 1) -> Any:
    return family.build(model, SIZES, seed=seed)


def as_net(model: Any) -> Net:
    member = Member(core=model, inference_model=model, training_model=model)
    return Net.from_members([member], inference_model=model, sizes=SIZES)


@pytest.mark.parametrize(
    ("cell", "units", "bidirectional"),
    [*list(itertools.product(CELLS, [(4,), (4, 3)], [False, True])), ("LSTM", (4, 3), (True, False))],
)
def test_num_parameters__equals_the_count_of_keras(
    cell: str, units: tuple[int, ...], bidirectional: Any
) -> None:
    model = spec(cell=cell, units=units, bidirectional=bidirectional)
    assert num_parameters(model, SIZES) == stacked(model).count_params()


def test_training_bytes__grow_with_batch_and_length() -> None:
    small = training_bytes(spec(), SIZES, rows=100, batch_size=2)
    # 4 bytes for each of: 4 x 148 weights, 300 row values, and 2 x 2 x 5 x (3 + 4 x 5) activations
    assert num_parameters(spec(), SIZES) == 148
    assert small == 4 * (4 * 148 + 300 + 2 * 2 * 5 * (3 + 4 * 5))
    assert training_bytes(spec(), replace(SIZES, length=10), rows=100, batch_size=2) > small


@pytest.mark.parametrize("cell", CELLS)
def test_stacked__forecasts_a_row_per_step_and_a_column_per_target(cell: str) -> None:
    net = stacked(spec(cell=cell))
    assert isinstance(net, keras.Sequential)
    assert net(np.zeros((2, 5, 3), np.float32)).shape == (2, 4, 2)


def test_stacked__settings_reach_every_layer() -> None:
    net = stacked(
        spec(units=(4, 3), activation="relu", dropout=0.2, recurrent_dropout=0.1, bidirectional=(True, False))
    )
    layers = {layer.name: layer for layer in as_net(net).recurrent_layers}
    forward, backward, top = (layers[name] for name in ("forward_1", "backward_1", "forward_2"))
    for layer, units in ((forward, 4), (backward, 4), (top, 3)):
        config = layer.get_config()
        assert (config["units"], config["activation"]) == (units, "relu")
        assert (config["dropout"], config["recurrent_dropout"]) == (0.2, 0.1)
    assert (forward.return_sequences, top.return_sequences) == (True, False)
    assert (forward.go_backwards, backward.go_backwards) == (False, True)


def test_stacked__directions_start_from_different_weights() -> None:
    forward, backward = as_net(stacked(spec(bidirectional=True))).recurrent_layers
    for left, right in zip(forward.get_weights()[:2], backward.get_weights()[:2], strict=True):
        assert not np.array_equal(left, right)


def test_stacked__starting_weights_depend_on_the_seed_alone() -> None:
    first, again, other = (stacked(spec(units=(4, 4)), seed=seed).get_weights() for seed in (1, 1, 2))
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[1], first[4]), "two layers of one size start differently"


def test_derive_seed__differs_for_every_use() -> None:
    assert len({derive_seed(*path) for path in itertools.product(range(3), repeat=3)}) == 27
    assert 0 <= derive_seed(2**31 - 1, 9, 9) < 2**31

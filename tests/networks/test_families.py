"""The contract of every record in FAMILIES: what it counts is what Keras builds, and the network trains like any other."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfc.config.network_spec import NetSpec
from rnnfc.extensions import FAMILIES, load_record
from rnnfc.networks.family import Family, Sizes
from rnnfc.networks.size import num_parameters

# Values for the keys that some family requires.
REQUIRED = {"cell": "GRU", "units": 4, "segment": 3, "width": 4}
RECORDS: dict[str, Family[Any]] = {kind: load_record(FAMILIES, kind) for kind in FAMILIES}
BUILT_BY_KERAS = [kind for kind, family in RECORDS.items() if family.engine == "keras"]


def minimal(kind: str, **keys: Any) -> Any:
    """The spec with nothing but the required keys and `keys`."""
    fields = RECORDS[kind].spec.model_fields
    required = {name: value for name, value in REQUIRED.items() if name in fields}
    return RECORDS[kind].spec(kind=kind, **required, **keys)


@pytest.mark.parametrize("kind", FAMILIES)
def test_family__belongs_to_its_kind(kind: str) -> None:
    assert minimal(kind).kind == kind
    assert minimal(kind).label
    assert isinstance(minimal(kind), NetSpec) == (kind in BUILT_BY_KERAS)
    assert (RECORDS[kind].build is None) == (kind not in BUILT_BY_KERAS)


@pytest.mark.parametrize("kind", BUILT_BY_KERAS)
@pytest.mark.parametrize("levels", [(), (0.1, 0.5, 0.9)])
def test_family__counts_the_parameters_that_keras_builds(kind: str, levels: tuple[float, ...]) -> None:
    build = RECORDS[kind].build
    assert build is not None
    for length, horizon, channels, targets in itertools.product((3, 7), (1, 4), (2, 3), (1, 2)):
        spec = minimal(kind, levels=levels)
        sizes = Sizes(length=length, horizon=horizon, channels=channels, targets=targets)
        model = build(spec, sizes, seed=1, unroll_for_export=True)
        assert num_parameters(spec, sizes) == model.count_params()
        shape = model(np.zeros((5, length, channels), np.float32)).shape
        assert shape == (5, horizon, targets, *([len(levels)] if levels else []))


@pytest.mark.parametrize("kind", FAMILIES)
def test_family__a_larger_network_counts_more(kind: str) -> None:
    sizes = Sizes(length=6, horizon=4, channels=2, targets=1)
    small, large = minimal(kind), minimal(kind).model_copy(update={"units": 8, "width": 8})
    if kind == "stacked":
        small, large = minimal(kind), minimal(kind).model_copy(update={"units": (8,)})
    family = RECORDS[kind]
    assert 0 < family.num_parameters(small, sizes) < family.num_parameters(large, sizes)
    assert 0 < family.num_activations(small, sizes) < family.num_activations(large, sizes)
    assert 0 < family.work(small, sizes).weights < family.work(large, sizes).weights


@pytest.mark.parametrize("kind", FAMILIES)
def test_family__trains_exports_and_is_evaluated(
    kind: str, rnnfc: Callable[..., Any], tmp_path: Path
) -> None:
    """Training publishes no run whose ONNX file forecasts something else than the network."""
    keys = {name: value for name, value in REQUIRED.items() if name in RECORDS[kind].spec.model_fields}
    config = tmp_path / "t.yaml"
    config.write_text(
        "name: t\ndata: {kind: sine, points: 60, step: 0.4}\nsplit: {validation: 12, test: 12}\n"
        f"window: {{length: 6, horizon: 2}}\nmodel: {json.dumps({'kind': kind, **keys})}\ntrain: {{epochs: 2}}\n"
    )
    done = rnnfc("train", config, "--outputs", tmp_path / "runs")
    assert done.code == 0, done.err
    (folder,) = (tmp_path / "runs").iterdir()
    losses = [json.loads(row) for row in (folder / "history.jsonl").read_text().splitlines()]
    assert all(np.isfinite(value) for row in losses for value in row.values())
    again = rnnfc("evaluate", folder, "--json")
    assert (again.code, json.loads(again.out)["largest_difference"]) == (0, 0.0)

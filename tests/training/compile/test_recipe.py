"""The recipe follows from the config, the number of windows and processors; no test here starts TensorFlow."""

import os
from typing import Any

import pytest

from rnnfc.config.load import from_yaml
from rnnfc.networks.processors import num_processors
from rnnfc.training.compile.recipe import Recipe, choose

_YAML = """
name: size
data: {{kind: sine, points: 5000, step: 0.1}}
window: {{length: {length}}}
split: {{test: 0.1}}
model: {{kind: stacked, cell: {cell}, units: {units}}}
train: {{epochs: {epochs}, batch_size: {batch_size}}}
"""


def chosen(
    cell: str,
    units: str,
    length: int,
    batch_size: int,
    windows: int,
    *,
    epochs: int = 50,
    processors: int = 2,
) -> Recipe:
    text = _YAML.format(cell=cell, units=units, length=length, batch_size=batch_size, epochs=epochs)
    return choose(
        from_yaml(text, source="test"), channels=1, targets=1, windows=windows, processors=processors
    )


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (("SimpleRNN", "[50]", 10, 1, 990), ("xla_unrolled", 1)),
        (
            ("SimpleRNN", "[50]", 10, 2, 990),
            ("xla_loop", 1),
        ),  # of two windows the loop's steps back are less work
        (("SimpleRNN", "[50]", 17, 1, 990), ("xla_loop", 1)),  # 17 rows: too long for straight code
        (("SimpleRNN", "[50, 50]", 9, 1, 990), ("xla_loop", 1)),  # so are twice 9
        (("LSTM", "[50]", 10, 32, 950), ("xla_loop", 1)),
        (("LSTM", "[64]", 50, 32, 950), ("sharded_loop", 2)),
        (("LSTM", "[128]", 96, 128, 3904), ("sharded_loop", 2)),
        (("LSTM", "[512]", 15, 256, 3985), ("sharded_loop", 2)),
        (("LSTM", "[512]", 17, 1, 3985), ("xla_loop", 1)),  # one window cannot be cut
    ],
)
def test_recipe__xla_compiles_many_updates_and_shards_large_minibatches(
    job: tuple[str, str, int, int, int], expected: Any
) -> None:
    recipe = chosen(*job)
    assert (recipe.name, recipe.shards) == expected
    assert recipe.compiled


def test_recipe__one_processor_has_no_shards_and_xla_for_large_matrices() -> None:
    assert chosen("LSTM", "[512]", 15, 256, 3985, processors=1).name == "xla_loop"


def test_recipe__shards_are_processors_up_to_the_windows_of_a_minibatch() -> None:
    job = ("LSTM", "[512]", 15, 256, 3985)
    assert [chosen(*job, epochs=5000, processors=processors).shards for processors in (1, 4, 256, 300)] == [
        1,
        4,
        256,
        256,
    ]
    job = ("LSTM", "[512]", 15, 256, 100)
    assert chosen(*job, epochs=50_000, processors=128).shards == 100, (
        "a minibatch is no larger than the training windows"
    )


@pytest.mark.parametrize(
    ("job", "processors", "epochs", "before", "after"),
    [
        # XLA starts 1 s later, and a graph's update takes 558.4 µs, not 28.3: even after 1,886.2 updates.
        (("SimpleRNN", "[50]", 10, 4, 4), 1, 1887, "graph", "xla_loop"),
        # Straight code starts 0.85 s later, and a graph's update of one window takes 548.1 µs, not 13.4: even after 1,589.7.
        (("SimpleRNN", "[50]", 10, 1, 1), 1, 1590, "graph", "xla_unrolled"),
        # Straight code of 16 steps starts 0.66 s after the loop; 12.3 µs instead of 13.8: even after 437,248 updates.
        (("SimpleRNN", "[20]", 16, 1, 1000), 1, 438, "xla_loop", "xla_unrolled"),
        # Two shards start 1.3 s later, and a graph's update takes 7.353 ms, not 1.922: even after 239.4 updates.
        (("LSTM", "[64]", 50, 32, 32), 2, 240, "graph", "sharded_loop"),
        # Shards that draw are two programs: 1.3 s later than a loop, whose update takes 3.470 ms: even after 839.6 updates.
        (("LSTM", "[64], dropout: 0.1", 50, 32, 32), 2, 840, "xla_loop", "sharded_loop"),
    ],
)
def test_recipe__few_updates_are_not_worth_a_compilation(
    job: Any, processors: int, epochs: int, before: str, after: str
) -> None:
    names = [chosen(*job, epochs=number, processors=processors).name for number in (epochs - 1, epochs)]
    assert names == [before, after]


def test_recipe__reason_has_the_estimates() -> None:
    # graph: 0.4 + 0.3 + 3 updates of 150 + 30 * 13 µs and 26,000 * 0.239 ns + 500 * 3.8 ns = 0.702 s.
    recipe = chosen("SimpleRNN", "[50]", 10, 1, 3, epochs=1)
    assert not recipe.compiled
    assert recipe.reason == "estimated 0.7 s for 3 updates; xla_unrolled 1.6 s, xla_loop 1.7 s"


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="Linux alone tells and sets a process's processors"
)
def test_num_processors__counts_those_that_the_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert num_processors() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert num_processors() == len(before)

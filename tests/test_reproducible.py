"""The same bits again, in a fresh process and with other threads running; and what `verify` reports where they differ."""

import hashlib
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import train_run
from run_training import start
from sealing import seal

from rnnfc.config.load import from_yaml
from rnnfc.data.scaler import Scaler
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.loop import train_epochs
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.prepare import prepare

Command = Callable[..., Any]
EXPERIMENT = """\
name: same
seed: 5
data: {{kind: sine, points: {points}, stop: 20.0, noise: 0.2}}
window: {{length: {length}, horizon: 2}}
split: {{train: 0.65, validation: 0.2, test: 0.15}}
model: {{{model}}}
train: {{epochs: 3, batch_size: {batch}, early_stopping: {{patience: 9}}}}
"""


@dataclass(frozen=True)
class Size:
    """A network and what it is trained on, by one recipe."""

    recipe: Recipe
    layers: str
    points: int
    length: int
    batch: int

    def text(self, model: str) -> str:
        return EXPERIMENT.format(
            points=self.points, length=self.length, batch=self.batch, model=f"{model}, {self.layers}"
        )


def recipe(name: Any, *, shards: int = 1) -> Recipe:
    return Recipe(name=name, shards=shards, reason="chosen by hand")


SIZES = (
    Size(recipe("xla_unrolled"), "units: [3]", points=80, length=3, batch=1),
    Size(recipe("xla_loop"), "units: [4], dropout: 0.2", points=120, length=20, batch=16),
    Size(
        recipe("graph"), "units: [5, 4], dropout: 0.2, recurrent_dropout: 0.1", points=90, length=6, batch=32
    ),
    Size(
        recipe("sharded_loop", shards=2),
        "units: [40], bidirectional: true, dropout: 0.1",
        points=300,
        length=12,
        batch=128,
    ),
)
SCRATCH = Size(recipe("numpy"), "units: 6", points=80, length=4, batch=8)


def digest(size: Size, model: str) -> str:
    """SHA-256 of weights and optimizer state after training."""
    prepared = prepare(from_yaml(size.text(model), source="x.yaml"))
    experiment, splits = prepared.experiment, prepared.splits
    scaler, engine = (
        Scaler.fit(prepared.panel, splits.train_rows, **experiment.scale.model_dump()),
        engine_for(experiment),
    )
    network = engine.build(experiment, prepared.panel, scaler)
    scaled = scaler.transform(prepared.panel, dtype=np.float32)
    assert splits.validation is not None
    train, validation = splits.train.with_panel(scaled), splits.validation.with_panel(scaled)
    state = start(network, experiment, train, validation=validation, recipe=size.recipe)
    rows = list(train_epochs(state, origins=train.origins, spec=experiment.train, seed=experiment.seed))
    sha = hashlib.sha256(repr([(row.loss, row.validation_loss) for row in rows]).encode())
    for name, array in state.arrays().items():
        sha.update(name.encode() + array.tobytes())
    return sha.hexdigest()


CELLS = ("SimpleRNN", "LSTM", "GRU")
PAIRS = tuple(itertools.product(CELLS, SIZES))
# Every cell and every recipe; every pair is a slow test.
SOME_PAIRS = (*zip(CELLS, SIZES, strict=False), ("GRU", SIZES[3]), ("LSTM", SIZES[3]))


def digests(pairs: Iterable[tuple[str, Size]]) -> dict[str, str]:
    """Of each pair of a cell and a recipe, and of the NumPy engine."""
    keras = {
        f"{cell} {size.recipe.name}": digest(size, f"kind: stacked, cell: {cell}") for cell, size in pairs
    }
    return {**keras, "NumPy": digest(SCRATCH, "kind: scratch")}


@pytest.fixture(scope="module")
def digests_here() -> dict[str, str]:
    return digests(SOME_PAIRS)


def test_training__has_the_same_bits_in_a_fresh_process(digests_here: dict[str, str]) -> None:
    assert_same_bits_in_a_fresh_process(digests_here, pairs="SOME_PAIRS")
    assert len(set(digests_here.values())) == len(SOME_PAIRS) + 1  # of different trainings


@pytest.mark.slow
def test_training__of_each_pair_has_the_same_bits_in_a_fresh_process() -> None:
    assert_same_bits_in_a_fresh_process(digests(PAIRS), pairs="PAIRS")


def assert_same_bits_in_a_fresh_process(expected: dict[str, str], *, pairs: str) -> None:
    code = f"import json, test_reproducible as here; print(json.dumps(here.digests(here.{pairs})))"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    # Another order of sets than here, whose seed is random unless the variable says 1.
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


@contextmanager
def others_drawing(seed: int) -> Iterator[None]:
    """Other threads draw random numbers all the time, from what every library shares."""
    random.seed(seed)
    np.random.seed(seed)
    over, drawn = threading.Event(), [0, 0]

    def draw(place: int, number: Callable[[], float]) -> None:
        while not over.wait(1e-4):  # or nobody else's turn comes
            drawn[place] += sum(number() >= 0 for _ in range(10))

    threads = [
        threading.Thread(target=draw, args=pair) for pair in enumerate((random.random, np.random.rand))
    ]
    for thread in threads:
        thread.start()
    while min(drawn) == 0:
        time.sleep(1e-3)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert min(drawn) > 10


@pytest.mark.parametrize(
    ("size", "model", "name"),
    [
        (SIZES[1], "kind: stacked, cell: LSTM", "LSTM xla_loop"),
        (SIZES[2], "kind: stacked, cell: GRU", "GRU graph"),
        (SCRATCH, "kind: scratch", "NumPy"),
    ],
    ids=["xla_loop", "graph", "numpy"],
)
def test_training__does_not_depend_on_random_numbers_of_other_threads(
    digests_here: dict[str, str], size: Size, model: str, name: str
) -> None:
    state = random.getstate(), np.random.get_state()
    try:
        with others_drawing(seed=1):
            assert digest(size, model) == digests_here[name]
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])


# --- verify


ROWS = [f"{day},{day * 7 % 11 + 0.01 * day}\n" for day in range(60)]
TINY = """\
name: tiny
data: {kind: csv, path: tiny.csv, time: day, target: sold}
window: {length: 4, horizon: 2}
split: {train: 0.6, validation: 0.2, test: 0.2}
model: {kind: scratch, units: 3}
train: {epochs: 3, batch_size: 8}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a CSV file, and a copy of it that stays as it is."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.csv").write_text("day,sold\n" + "".join(ROWS))
    run = train_run(folder, TINY)
    shutil.copytree(folder / "out", folder / "unchanged")
    return run


@pytest.fixture
def tiny(trained: Path) -> Path:
    """The run and its data as training left them, to be changed."""
    folder = trained.parents[1]
    shutil.rmtree(folder / "out")
    shutil.copytree(folder / "unchanged", folder / "out")
    (folder / "tiny.csv").write_text("day,sold\n" + "".join(ROWS))
    return trained


def results(done: Any) -> list[str]:
    """The lines of `verify`, without their first word."""
    return [line.split(maxsplit=1)[1] for line in done.out.splitlines()]


def test_verify__repeats_a_run_bit_for_bit_and_leaves_it_unchanged(
    rnnfc: Command, tiny: Path, small_run: Path, tmp_path: Path
) -> None:
    for run in (tiny, Path(shutil.copytree(small_run, tmp_path / "run"))):
        before = {path.name: path.read_bytes() for path in run.iterdir()}
        done = rnnfc("verify", run)
        assert (done.code, done.out.count("\n")) == (0, 1)
        assert "are the same, bit for bit" in done.out
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert json.loads(rnnfc("verify", tiny, "--json").out) == {
        "run": str(tiny),
        "same": True,
        "results": [],
        "facts": [],
    }


FACTS: list[tuple[list[str], Any, str]] = [
    (["code_sha256"], "0" * 64, "code_sha256 0000000000…0000 -> "),
    (["versions", "tensorflow"], "2.0", "versions.tensorflow 2.0 -> "),
    (["versions", "numpy"], "1.0", "versions.numpy 1.0 -> "),
    (["machine", "cpu_features"], "abacus", "machine.cpu_features abacus -> "),
    (["machine", "processors"], 999, "machine.processors 999 -> "),
    (["machine", "onednn"], "neither", "machine.onednn neither -> "),
    (["machine", "xla_flags"], "--fast", "machine.xla_flags --fast -> "),
    (["threads", "processors"], 999, "threads.processors 999 -> "),
    (["recipe", "shards"], 7, "recipe.shards 7 -> 1"),
]


def test_verify__names_each_recorded_fact_that_differs(rnnfc: Command, tiny: Path) -> None:
    info = json.loads((tiny / "run.json").read_text())
    for keys, value, _ in FACTS:
        entry = info
        for key in keys[:-1]:
            entry = entry[key]
        assert keys[-1] in entry
        entry[keys[-1]] = value
    (tiny / "run.json").write_text(json.dumps(info))
    seal(tiny)
    done = rnnfc("verify", tiny)
    assert done.code == 0  # the results are the same
    first, *facts = results(done)
    assert "are the same, bit for bit" in first
    text = "\n".join(facts)
    assert [name for _, _, name in FACTS if name not in text] == []


@pytest.mark.parametrize("command", ["verify", "evaluate"])
@pytest.mark.parametrize(
    ("old", "new"), [("\n5,", "\n5,1"), (ROWS[-1], ""), (ROWS[0], ""), (ROWS[-1], f"59,0\n60,{59 * 7}\n")]
)
def test_changed_data__is_refused_before_training(
    rnnfc: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch, command: str, old: str, new: str
) -> None:
    monkeypatch.setattr("rnnfc.workflows.verify.train", lambda *_, **__: pytest.fail("it was trained"))
    path = tiny.parents[1] / "tiny.csv"
    path.write_text(path.read_text().replace(old, new))
    done = rnnfc(command, tiny)
    assert (done.code, done.out) == (2, "")
    assert f"error: {tiny}: the data has changed" in done.err
    assert "rows up to 59" in done.err


def test_later_rows__are_left_out_and_counted(rnnfc: Command, tiny: Path) -> None:
    before = rnnfc("evaluate", tiny)
    path = tiny.parents[1] / "tiny.csv"
    path.write_text(path.read_text() + "60,1\n61,2000\n62,3\n")
    verified, evaluated = rnnfc("verify", tiny), rnnfc("evaluate", tiny)
    assert (verified.code, verified.out.count("\n")) == (0, 1)
    assert "are the same, bit for bit" in verified.out
    assert "60 rows, every 1, 0 to 59; 3 later rows" in verified.err
    assert (evaluated.code, evaluated.out) == (0, before.out)
    assert re.search(r"note +3 rows .*left out", evaluated.err)
    assert "left out" not in before.err


def _weights(run: Path) -> None:
    arrays = {name: array.copy() for name, array in np.load(run / "weights.npz").items()}
    arrays["U"].reshape(-1)[0] = np.nextafter(arrays["U"].reshape(-1)[0], 9)  # the last bit
    np.savez(run / "weights.npz", **arrays)


def _history(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    rows[1]["loss"] *= 1.5
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _scores(run: Path) -> None:
    report = json.loads((run / "report.json").read_text())
    report["scores"][0]["value"] *= 1.5
    (run / "report.json").write_text(json.dumps(report))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_weights, "weights: 1 of 5 differ, first U"),
        (_history, "history: 1 of 3 differ, first epoch 2"),
        (
            _scores,
            r'scores: 1 of \d+ differ, first \["network", "train", "mse", "data", "tiny", null, null\]',
        ),
    ],
)
def test_verify__names_each_result_that_differs(
    rnnfc: Command, tiny: Path, change: Callable[[Path], None], text: str
) -> None:
    change(tiny)
    assert rnnfc("verify", tiny).code == 2  # by the manifest
    seal(tiny)
    done = rnnfc("verify", tiny)
    assert done.code == 1
    verdict, difference, _ = results(done)
    assert verdict == "NOT the same"
    assert re.fullmatch(text, difference)


LONG = """\
name: shops
data: {kind: long, path: shops.csv, series: shop, time: day, target: sold}
window: {length: 4}
split: {test: 0.2}
model: {kind: scratch, units: 3}
train: {epochs: 2, batch_size: 16}
baselines: [theta]
"""


def test_later_series__is_left_out_however_short(
    rnnfc: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shops.csv"
    path.write_text(
        "shop,day,sold\n" + "".join(f"{shop},{day},{day % 7}\n" for shop in "ab" for day in range(40))
    )
    folder = train_run(tmp_path, LONG)
    before = rnnfc("evaluate", folder)
    path.write_text(path.read_text() + "b,40,9\nc,0,5\n")
    done = rnnfc("evaluate", folder)
    assert (done.code, done.out) == (0, before.out)
    assert re.search(r"note +2 rows .*left out", done.err)

    monkeypatch.setitem(sys.modules, "statsmodels", None)
    for command in ("evaluate", "verify"):
        done = rnnfc(command, folder)
        assert (done.code, done.out) == (2, "")
        assert "pip install 'rnnfc[stats]'" in done.err
    assert rnnfc("explain", folder, "--outputs", tmp_path / "out").code == 0  # which scores nothing

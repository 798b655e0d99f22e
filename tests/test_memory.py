"""Available memory on Linux, in a container and on other systems; a task that does not fit is refused with the numbers."""

import re
from pathlib import Path

import pytest

from rnnfc import memory
from rnnfc.config.load import from_yaml
from rnnfc.data.sources import sine
from rnnfc.errors import ConfigError
from rnnfc.workflows.prepare import prepare

TEXT = """\
name: tiny
data: {kind: sine, points: 1000, step: 0.1}
window: {length: 10, horizon: 2}
split: {test: 0.2}
model: {kind: stacked, cell: GRU, units: [3]}
train: {epochs: 1, batch_size: 4}
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with 4 KiB pages, 5,000 of them, and no other information."""
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 5000}.__getitem__)
    return tmp_path


def test_available_bytes__are_those_of_linux(system: Path) -> None:
    (system / "meminfo").write_text(
        "MemTotal:       9000 kB\nMemFree:         100 kB\nMemAvailable:    7000 kB\n"
    )
    assert memory.available_bytes() == 7000 * 1024


def test_available_bytes__are_the_physical_memory_of_other_systems(system: Path) -> None:
    assert not list(system.iterdir())
    assert memory.available_bytes() == 4096 * 5000


@pytest.mark.parametrize(
    ("limit", "used", "free"),
    [("3000000", "1000000", 2000000), ("1000", "4000", 0), ("max", "1000000", 7000 * 1024)],
)
def test_available_bytes__of_a_container_stay_below_its_limit(
    system: Path, limit: str, used: str, free: int
) -> None:
    (system / "meminfo").write_text("MemAvailable:    7000 kB\n")
    (system / "memory.max").write_text(f"{limit}\n")
    (system / "memory.current").write_text(f"{used}\n")
    assert memory.available_bytes() == free


def test_available_bytes__include_the_page_cache_of_a_container(system: Path) -> None:
    for name, text in (
        ("memory.max", "5000\n"),
        ("memory.current", "4000\n"),
        ("memory.stat", "anon 9\ninactive_file 300\n"),
    ):
        (system / name).write_text(text)
    assert memory.available_bytes() == 1300


def test_require__passes_where_the_system_gives_no_number(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert system.exists()
    monkeypatch.delattr(memory.os, "sysconf")
    memory.require(2**62, "everything", hint="wait")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (12_000, "12 KiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (3 * 2**70, "3,145,728 PiB"),
    ],
)
def test_format_bytes__has_two_digits_and_a_unit(number: float, text: str) -> None:
    assert memory.format_bytes(number) == text


def test_require__refuses_one_byte_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 2048)
    memory.require(2048, "this", hint="less")
    with pytest.raises(
        ConfigError, match=r"this needs about 2\.0 KiB .* 2\.0 KiB are free; reduce it"
    ) as caught:
        memory.require(2049, "this", hint="reduce it")
    assert caught.value.exit_code == 2


def test_prepare__refuses_a_large_sine_before_allocating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 48 * 1000 - 1)
    monkeypatch.setattr(sine, "np", None)  # creating an array would raise an AttributeError
    with pytest.raises(
        ConfigError,
        match="a sine of 1,000 points needs about 47 KiB of memory and 47 KiB are free; reduce data",
    ):
        prepare(from_yaml(TEXT, source="x.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "units: [3]",
            "units: [400]",
            "training of 484,402 parameters on 789 windows needs about 8.1 MiB .*; reduce model.units",
        ),
        (
            "batch_size: 4",
            "batch_size: 9999",
            "training of 62 parameters on 789 windows needs about .*; reduce train.batch_size",
        ),
        (
            "horizon: 2",
            "horizon: 90",
            "needs about 3.4 MiB of memory and 439 KiB are free; reduce window.horizon, which takes 3.3 MiB",
        ),
        (
            # The baseline's 300 inputs: 3 x 8 x 300 x 300 bytes.
            "length: 10",
            "length: 300",
            "reduce model.linear.length or window.length, which takes 2.1 MiB",
        ),
    ],
)
def test_prepare__names_the_key_that_needs_most_memory(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, text: str
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 450_000)
    prepare(from_yaml(TEXT, source="x.yaml"))
    with pytest.raises(ConfigError, match=text):
        prepare(from_yaml(TEXT.replace(old, new), source="x.yaml"))


@pytest.mark.parametrize(
    ("model", "num_bytes"),
    [
        # Two steps of the horizon read 10 rows of 3 units twice, for a batch of 4, in the forward and backward pass.
        ("{kind: seq2seq, cell: GRU, units: 3, attention: bahdanau}", 4 * 2 * 4 * 2 * 10 * 3 * 2),
        (
            "{kind: seq2seq, cell: GRU, units: 3, attention: bahdanau, ensemble: {seeds: 5}}",
            5 * 4 * 2 * 4 * 2 * 10 * 3 * 2,
        ),
    ],
)
def test_training_bytes__include_the_scores_of_attention(model: str, num_bytes: int) -> None:
    def without_weights(model: str) -> int:
        prepared = prepare(
            from_yaml(TEXT.replace("{kind: stacked, cell: GRU, units: [3]}", model), source="x.yaml")
        )
        return prepared.training_bytes - 16 * prepared.parameters

    plain = re.sub("attention: [a-z]+", "attention: none", model)
    assert without_weights(model) - without_weights(plain) == num_bytes


@pytest.mark.parametrize(
    ("linear", "inputs"), [("", 10), (", linear: {use: path}", 10), (", linear: {use: path, length: 7}", 10)]
)
def test_linear_bytes__are_those_of_the_normal_equations(linear: str, inputs: int) -> None:
    text = TEXT.replace("units: [3]", f"units: [3]{linear}")
    assert prepare(from_yaml(text, source="x.yaml")).linear_bytes == 3 * 8 * inputs**2


def test_linear_bytes__of_a_linear_path_may_exceed_those_of_the_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rnnfc.baselines.linear_map._MOST_INPUTS", 6)
    text = TEXT.replace("units: [3]", "units: [3], linear: {use: path, length: 7}")
    assert prepare(from_yaml(TEXT, source="x.yaml")).linear_bytes == 3 * 8 * 6**2
    assert prepare(from_yaml(text, source="x.yaml")).linear_bytes == 3 * 8 * 7**2

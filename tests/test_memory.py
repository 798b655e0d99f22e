"""What is free, by Linux, by a container, by other systems; and that what does not fit is refused with the numbers."""

import re
from pathlib import Path

import pytest

from rnnfc import memory
from rnnfc.config.load import from_yaml
from rnnfc.data import load as sources
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
    """A system with 4 KiB pages, 5,000 of them, and nothing else told yet."""
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 5000}.__getitem__)
    return tmp_path


def test_linux_says_what_is_available(system: Path) -> None:
    (system / "meminfo").write_text(
        "MemTotal:       9000 kB\nMemFree:         100 kB\nMemAvailable:    7000 kB\n"
    )
    assert memory.available() == 7000 * 1024


def test_other_systems_say_what_is_built_in(system: Path) -> None:
    assert not list(system.iterdir())
    assert memory.available() == 4096 * 5000


@pytest.mark.parametrize(
    ("limit", "used", "free"),
    [("3000000", "1000000", 2000000), ("1000", "4000", 0), ("max", "1000000", 7000 * 1024)],
)
def test_a_container_may_have_less(system: Path, limit: str, used: str, free: int) -> None:
    (system / "meminfo").write_text("MemAvailable:    7000 kB\n")
    (system / "memory.max").write_text(f"{limit}\n")
    (system / "memory.current").write_text(f"{used}\n")
    assert memory.available() == free


def test_files_that_a_container_has_read_do_not_count_as_used(system: Path) -> None:
    for name, text in (
        ("memory.max", "5000\n"),
        ("memory.current", "4000\n"),
        ("memory.stat", "anon 9\ninactive_file 300\n"),
    ):
        (system / name).write_text(text)
    assert memory.available() == 1300


def test_a_system_that_tells_nothing_refuses_nothing(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert system.exists()
    monkeypatch.delattr(memory.os, "sysconf")
    memory.refuse(2**62, "all there is", remedy="wait")


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
def test_sizes_are_written_for_people(number: float, text: str) -> None:
    assert memory.size(number) == text


def test_what_needs_more_than_there_is_is_refused_and_what_just_fits_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2048)
    memory.refuse(2048, "this", remedy="less")
    with pytest.raises(ConfigError) as caught:
        memory.refuse(2049, "this", remedy="ask for less")
    assert str(caught.value) == "this needs about 2.0 KiB of memory and 2.0 KiB are free; ask for less"
    assert caught.value.exit_code == 2


def test_a_sine_is_refused_before_any_point_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 48 * 1000 - 1)
    monkeypatch.setattr(sources, "np", None)  # making an array would be an AttributeError
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
def test_training_is_refused_by_what_takes_most(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, text: str
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 450_000)
    prepare(from_yaml(TEXT, source="x.yaml"))
    with pytest.raises(ConfigError, match=text):
        prepare(from_yaml(TEXT.replace(old, new), source="x.yaml"))


@pytest.mark.parametrize(
    ("model", "num_bytes"),
    [
        # Two steps of the horizon look at 10 rows of 3 units twice, for a batch of 4, there and back.
        ("{kind: seq2seq, cell: GRU, units: 3, attention: bahdanau}", 4 * 2 * 4 * 2 * 10 * 3 * 2),
        (
            "{kind: seq2seq, cell: GRU, units: 3, attention: bahdanau, ensemble: {seeds: 5}}",
            5 * 4 * 2 * 4 * 2 * 10 * 3 * 2,
        ),
    ],
)
def test_what_attention_looks_at_is_counted(model: str, num_bytes: int) -> None:
    def beside_weights(model: str) -> int:
        prepared = prepare(
            from_yaml(TEXT.replace("{kind: stacked, cell: GRU, units: [3]}", model), source="x.yaml")
        )
        return prepared.training_bytes - 16 * prepared.parameters

    plain = re.sub("attention: [a-z]+", "attention: none", model)
    assert beside_weights(model) - beside_weights(plain) == num_bytes


@pytest.mark.parametrize(
    ("linear", "inputs"), [("", 10), (", linear: {use: path}", 10), (", linear: {use: path, length: 7}", 10)]
)
def test_the_normal_equations_of_linear_maps_are_counted(linear: str, inputs: int) -> None:
    text = TEXT.replace("units: [3]", f"units: [3]{linear}")
    assert prepare(from_yaml(text, source="x.yaml")).linear_bytes == 3 * 8 * inputs**2


def test_a_linear_map_beside_the_network_may_be_larger_than_the_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rnnfc.baselines.simple._MOST_INPUTS", 6)
    text = TEXT.replace("units: [3]", "units: [3], linear: {use: path, length: 7}")
    assert prepare(from_yaml(TEXT, source="x.yaml")).linear_bytes == 3 * 8 * 6**2
    assert prepare(from_yaml(text, source="x.yaml")).linear_bytes == 3 * 8 * 7**2

"""Phases: seconds, rows and memory of each part of a training, for run.json."""

import subprocess
import sys

import pytest

from rnnfc.workflows.phases import Phase, Phases, peak_bytes


def test_phase__has_seconds_rows_speed_and_memory() -> None:
    assert Phase(seconds=0.25049, rows=1000, peak_bytes=7).to_json() == {
        "seconds": 0.25,
        "rows": 1000,
        "rows_per_second": 3992,
        "peak_bytes": 7,
    }
    assert Phase(seconds=2.0).to_json() == {
        "seconds": 2.0,
        "rows": None,
        "rows_per_second": None,
        "peak_bytes": None,
    }
    assert Phase(seconds=0.0, rows=5).to_json()["rows_per_second"] == 5_000_000


def test_phases__are_in_the_order_of_their_use() -> None:
    phases = Phases({"data": Phase(seconds=1.5, rows=9)})
    with phases("scale", rows=4):
        pass
    with phases("train") as phase:
        phase.rows = 8
    plain = phases.to_json()
    assert [(name, one["rows"]) for name, one in plain.items()] == [("data", 9), ("scale", 4), ("train", 8)]
    assert plain["data"]["seconds"] == 1.5
    assert phase.seconds > 0


def test_phases__do_not_record_a_failed_phase() -> None:
    phases = Phases()
    with pytest.raises(ValueError, match="broke"), phases("train"):
        raise ValueError("broke")
    assert phases.to_json() == {}


def test_peak_bytes__contains_touched_memory_and_never_falls() -> None:
    code = (
        "from rnnfc.workflows.phases import peak_bytes\n"
        "before = peak_bytes()\n"
        "block = b'x' * (before + 50_000_000)\n"  # more than the whole process ever had
        "after = peak_bytes()\n"
        "del block\n"
        "print(before, after, peak_bytes())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, at_the_end = map(int, done.stdout.split())
    assert after >= before + 50_000_000
    assert at_the_end == after


def test_peak_bytes__is_none_without_getrusage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_bytes() is None

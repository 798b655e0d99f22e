"""rnnfc list: every run of a folder, from its small files alone."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnfc.runs import run
from rnnfc.runs.tags import write_tag
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.list import list_runs

Command = Callable[..., Any]
SUMMARY = {
    "metric": "rmse",
    "units": "data",
    "validation": 2.5,
    "test": 3.0,
    "baseline": "drift",
    "baseline_test": 4.0,
}


def score(model: str, split: str, value: float | None, **fields: Any) -> dict[str, Any]:
    row = {"model": model, "split": split, "metric": "rmse", "units": "data", "series": "s", "target": None}
    return {**row, "step": None, "value": value, **fields}


def publish(outputs: Path, folder: str, *, report: dict[str, Any] | None = None, **info: Any) -> Path:
    day = folder[:8]
    fields = {
        "status": "done",
        "name": folder[16:],
        "finished": f"{day[:4]}-{day[4:6]}-{day[6:]}T12:00:00+00:00",
    }
    with RunWriter(outputs, folder) as writer:
        writer.write_json(run.INFO, {**fields, **info})
        if report is not None:
            writer.write_json(run.REPORT, report)
    return writer.folder.rename(outputs / folder)


def hide(outputs: Path, folder: str, status: str) -> Path:
    path = outputs / f".{folder}.0123456789ab"
    path.mkdir(parents=True)
    started = f"{folder[:4]}-{folder[4:6]}-{folder[6:8]}T12:00:00+00:00"
    (path / run.INFO).write_text(json.dumps({"status": status, "name": folder[16:], "started": started}))
    return path


def test_list__has_every_run_the_newest_first(tmp_path: Path) -> None:
    publish(tmp_path, "20260101-000000-sales", summary=SUMMARY)
    publish(tmp_path, "20260103-000000-sales", report={"targets": ["y"], "scores": []})
    hide(tmp_path, "20260102-000000-sales", "running")
    hide(tmp_path, "20260104-000000-other", "failed")
    broken = publish(tmp_path, "20260105-000000-broken", report={})
    (broken / run.REPORT).unlink()
    changed = publish(tmp_path, "20260106-000000-changed")
    (changed / run.INFO).write_text((changed / run.INFO).read_text() + " ")
    unreadable = publish(tmp_path, "20260107-000000-unreadable")
    (unreadable / run.INFO).write_bytes(b"{")
    (tmp_path / "notes").mkdir()
    with RunWriter(tmp_path, "compare") as writer:
        writer.write_json(run.COMPARE, {})
    write_tag(tmp_path, "production", "20260101-000000-sales")
    entries = list_runs(tmp_path)
    assert [(entry.name, entry.experiment, entry.status) for entry in entries] == [
        ("20260106-000000-changed", "changed", "damaged"),
        ("20260105-000000-broken", "broken", "damaged"),
        (".20260104-000000-other.0123456789ab", "other", "failed"),
        ("20260103-000000-sales", "sales", "finished"),
        (".20260102-000000-sales.0123456789ab", "sales", "unfinished"),
        ("20260101-000000-sales", "sales", "finished"),
        ("20260107-000000-unreadable", "", "damaged"),
    ]
    first = entries[-2]
    assert first.tags == ("production",)
    assert first.summary is not None
    assert (first.summary.validation, first.summary.test, first.summary.baseline) == (2.5, 3.0, "drift")
    assert first.size_bytes == sum(path.stat().st_size for path in first.folder.iterdir())
    assert first.changed == dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def test_list__of_an_earlier_version_reads_its_report(tmp_path: Path) -> None:
    rows = [
        *(score("network", "train", 1.0), score("network", "validation", 2.0), score("network", "test", 3.0)),
        *(score("drift", "test", None), score("linear map", "test", 5.0), score("last value", "test", 6.0)),
        *(score("network", "test", 9.0, metric="mae"), score("network", "test", 9.0, step=1)),
        *(score("network", "test", 9.0, units="scaled"), score("network", "test", 9.0, target="b")),
    ]
    publish(tmp_path, "20260101-000000-one", report={"targets": ["y"], "scores": rows})
    publish(tmp_path, "20260102-000000-two", report={"targets": ["a", "b"], "scores": rows})
    publish(tmp_path, "20260103-000000-none", report={"targets": ["a"], "scores": [{}]})
    found = [entry.summary for entry in list_runs(tmp_path)]
    assert [summary and (summary.units, summary.test) for summary in found] == [
        *(None, ("scaled", 9.0), ("data", 3.0))
    ]
    assert found[2] is not None
    assert (found[2].validation, found[2].baseline, found[2].baseline_test) == (2.0, "linear map", 5.0)


def test_list__says_which_run_is_being_written(tmp_path: Path) -> None:
    with RunWriter(tmp_path, "sales") as writer:
        writer.write_json(run.INFO, {"status": "running", "name": "sales"})
        (entry,) = list_runs(tmp_path)
        assert entry.status == "training"


def test_list_command__shows_a_table_or_json(rnnfc: Command, tmp_path: Path) -> None:
    assert "none in" in rnnfc("list", "--outputs", tmp_path / "none").err
    publish(tmp_path, "20260101-000000-sales", summary=SUMMARY)
    headings, row = rnnfc("list", "--outputs", tmp_path).out.splitlines()
    assert headings.split() == [
        "run",
        "status",
        "validation",
        "RMSE",
        "test",
        "RMSE",
        "best",
        "baseline",
        "size",
        "age",
        "tags",
    ]
    assert row.split()[:6] == ["20260101-000000-sales", "finished", "2.500", "3.000", "drift", "4.000"]
    (shown,) = json.loads(rnnfc("list", "--json", "--outputs", tmp_path).out)
    assert shown["scores"] == SUMMARY
    assert {"run", "experiment", "status", "parent", "tags", "size_bytes", "changed"} < set(shown)
    publish(tmp_path, "20260102-000000-sales", parent={"run": "20260101-000000-sales"})
    assert rnnfc("list", "--outputs", tmp_path).out.splitlines()[1].split()[1:4] == [
        "finished",
        "(final)",
        "–",
    ]


def test_list__imports_nothing_heavy_and_reads_a_thousand_runs_quickly(tmp_path: Path) -> None:
    first = publish(tmp_path, "20260101-000000-sales", summary=SUMMARY, report={})
    for number in range(1, 1000):
        copy = tmp_path / f"20260101-{number:06}-sales"
        copy.mkdir()
        for path in first.iterdir():
            (copy / path.name).hardlink_to(path)
    code = (
        "import sys, time, pathlib; from rnnfc.workflows.list import list_runs; start = time.process_time();"
        f"print(len(list_runs(pathlib.Path({str(tmp_path)!r}))), time.process_time() - start);"
        "print([name for name in ('tensorflow', 'pandas', 'sklearn', 'matplotlib', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, seconds, heavy = done.stdout.split(maxsplit=2)
    assert (count, heavy.strip()) == ("1000", "[]")
    assert float(seconds) < 3


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00", None])
def test_list__a_time_that_cannot_be_read_comes_last(tmp_path: Path, time: str | None) -> None:
    publish(tmp_path, "20260101-000000-new")
    publish(tmp_path, "20270101-000000-odd", finished=time)
    assert [entry.changed is None for entry in list_runs(tmp_path)] == [False, True]

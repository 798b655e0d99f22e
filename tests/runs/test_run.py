"""Run folders: published whole or not at all, found again, and read without trust."""

import csv
import datetime as dt
import errno
import io
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_forecast, make_panel

from rnnfc.config.load import from_yaml, to_yaml
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.errors import ConfigError, OutputError, RunError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.runs import run
from rnnfc.runs import writer as drafts
from rnnfc.runs.find import find, finished
from rnnfc.runs.run import Run
from rnnfc.runs.writer import MANIFEST, RunWriter

EXPERIMENT = """\
name: tiny
data: {kind: sine, points: 40, stop: 9.0}
window: {length: 5, horizon: 2}
split: {test: 0.2}
model: {kind: stacked, cell: GRU, units: [3]}
train: {epochs: 4}
"""
ADVICE = "or name another folder with --outputs; earlier runs are untouched"


def publish(outputs: Path, name: str = "tiny", **info: Any) -> Path:
    """A run folder with run.json alone."""
    with RunWriter(outputs, name) as draft:
        draft.write_json(run.INFO, {"status": "done", "name": name, **info})
    return draft.folder


def everything(folder: Path) -> dict[str, bytes | None]:
    """Every path below `folder`, with the bytes of files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """A folder for runs that is not there yet."""
    return tmp_path / "some" / "outputs"


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 14:15:00 UTC on 2026-11-20, 9:15 here, and stays so."""

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Clock":
            return cls(2026, 11, 20, 14 if tz is dt.UTC else 9, 15, tzinfo=tz)

    monkeypatch.setattr(drafts, "dt", SimpleNamespace(datetime=Clock, UTC=dt.UTC))


@pytest.mark.parametrize("power", [[[0.0]], [[1.5]], [[2.0]], [[0.5, 1.5]]])
def test_powers_of_some_targets_or_of_all_are_read(tmp_path: Path, power: list[list[float]]) -> None:
    plain = {name: [[0.0, 0.0]] for name in ("center", "low", "high")} | {"scale": [[1.0, 1.0]]}
    (tmp_path / run.SCALER).write_text(json.dumps({"method": "none", **plain, "power": power}))
    read = Run(tmp_path).scaler(channels=2).power
    assert read is not None
    assert read.tolist() == power


# --- publishing


@pytest.mark.usefixtures("one_second")
def test_a_draft_appears_when_its_block_ends_whole_and_under_its_utc_name(outputs: Path) -> None:
    with RunWriter(outputs, "tiny") as draft:
        draft.write_json(run.INFO, {"status": "done"})
        draft.write(run.REPORT_TEXT, "good é\n")
        (hidden,) = outputs.iterdir()
        assert re.fullmatch(r"\.20261120-141500-tiny\.[0-9a-f]{12}", hidden.name)
        assert finished(outputs) == []
    assert draft.folder == outputs / "20261120-141500-tiny"
    assert everything(outputs) == {
        "20261120-141500-tiny": None,
        "20261120-141500-tiny/run.json": b'{\n  "status": "done"\n}\n',
        "20261120-141500-tiny/report.md": b"good \xc3\xa9\n",
        "20261120-141500-tiny/manifest.sha256": (
            b"11794b47e07124bfa4944ba43cde4ba791bc559a3ff5f877efbf115a089bfa20  report.md\n"
            b"2f1922043d4f22bf7a3b9e5c117fa15ddffd6abe1d63c762f606eefff5e50571  run.json\n"
        ),
    }


@pytest.mark.usefixtures("one_second")
def test_drafts_of_one_name_in_the_same_second_give_a_folder_each(outputs: Path) -> None:
    with RunWriter(outputs, "tiny") as outer, RunWriter(outputs, "tiny") as inner:
        outer.write("who", "outer")
        inner.write("who", "inner")
    third = publish(outputs)
    assert {path.name for path in outputs.iterdir()} == {
        f"20261120-141500-tiny{tail}" for tail in ("", "-2", "-3")
    }
    assert (inner.folder.name, outer.folder.name) == ("20261120-141500-tiny", "20261120-141500-tiny-2")
    assert (inner.folder / "who").read_text() == "inner"
    assert (outer.folder / "who").read_text() == "outer"
    assert third.name == "20261120-141500-tiny-3"


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), SystemExit(143)], ids=lambda error: type(error).__name__
)
def test_what_breaks_off_a_draft_goes_on_and_leaves_nothing_behind(
    outputs: Path, error: BaseException
) -> None:
    publish(outputs, "earlier")
    before = everything(outputs)
    with pytest.raises(type(error)) as caught, RunWriter(outputs, "tiny") as draft:  # noqa: PT012  the draft, then what breaks it off
        draft.write("half", "of it")
        raise error
    assert caught.value is error
    assert everything(outputs) == before


def test_every_write_is_synced_renamed_and_its_folder_synced_before_the_next(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, replace, rename = os.fsync, Path.replace, Path.rename

    def place(path: Path) -> str:
        return re.sub(
            r"\.[0-9a-f]{32}",
            "~",
            re.sub(r"\.\d.*?\.[0-9a-f]{12}", "DRAFT", str(path.relative_to(outputs.parent))),
        )

    def recorded_sync(handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        events.append(f"sync {place(path)}{f' {path.stat().st_size}' if path.is_file() else ''}")
        sync(handle)

    def recorded(name: str, move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(path: Path, target: Path) -> Path:
            events.append(f"{name} {place(path)} {re.sub(r'[^/]*-tiny$', 'RUN', place(target))}")
            return move(path, target)

        return moved

    monkeypatch.setattr(drafts.os, "fsync", recorded_sync)
    monkeypatch.setattr(Path, "replace", recorded("replace", replace))
    monkeypatch.setattr(Path, "rename", recorded("rename", rename))
    with RunWriter(outputs, "tiny") as draft:
        draft.write("a", "12345")
        draft.write_with("b.y", lambda path: path.write_bytes(b"123"))
        draft.write_json("c", {})
        draft.write_rows("d", [{"x": 1}])
        draft.write_arrays(".e", {"x": np.zeros(7)})
    home = f"{outputs.name}/DRAFT"
    sizes = {"a": 5, "b.y": 3, "c": 3, "d": 9, ".e": 312, "manifest.sha256": 4 * 68 + 2}
    written = [
        (f"sync {home}/~{end} {size}", f"replace {home}/~{end} {home}/{name}", f"sync {home}")
        for name, size in sizes.items()
        for end in [Path(name).suffix]
    ]
    assert events == [
        *(event for three in written for event in three),
        f"rename {home} {outputs.name}/RUN",
        f"sync {outputs.name}",
    ]
    assert sorted(path.name for path in draft.folder.iterdir()) == [
        "a",
        "b.y",
        "c",
        "d",
        MANIFEST,
    ]  # .e was for work only


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("write", ["write_json", "write_rows"])
def test_a_number_that_json_does_not_know_is_refused(outputs: Path, write: str, number: float) -> None:
    with (
        pytest.raises(ValueError, match="Out of range float values are not JSON compliant"),
        RunWriter(outputs, "tiny") as draft,
    ):
        getattr(draft, write)("x", [{"loss": number}])
    assert everything(outputs) == {}


def test_rows_are_written_one_json_object_a_line(outputs: Path) -> None:
    with RunWriter(outputs, "tiny") as draft:
        draft.write_rows(
            run.HISTORY, ({"epoch": epoch, "loss": loss} for epoch, loss in ((1, 0.5), (2, None)))
        )
        draft.write_json("text", {"unit": "°C"})
    assert (
        draft.folder / run.HISTORY
    ).read_text() == '{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": null}\n'
    assert (draft.folder / "text").read_text(encoding="utf-8") == '{\n  "unit": "°C"\n}\n'


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ((Path, "write_bytes"), errno.ENOSPC),
        ((drafts.os, "fsync"), errno.EIO),
        ((Path, "rename"), errno.EACCES),
        ((Path, "mkdir"), errno.EROFS),
        ((Path, "mkdir"), errno.EACCES),
    ],
    ids=["full disk", "failing disk", "no rename", "read-only disk", "no permission"],
)
def test_what_the_system_refuses_is_one_sentence_and_leaves_earlier_runs_alone(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], number: int
) -> None:
    publish(outputs, "earlier")
    before = everything(outputs)
    with monkeypatch.context() as patch:
        patch.setattr(*place, failing(number))
        with pytest.raises(OutputError) as caught, RunWriter(outputs, "tiny") as draft:
            draft.write("half", "of it")
    mend = "free some space" if number == errno.ENOSPC else "make it writable"
    assert (
        str(caught.value)
        == f"{outputs}: the run could not be written ({os.strerror(number)}); {mend}, {ADVICE}"
    )
    assert caught.value.exit_code == 1
    assert everything(outputs) == before


def test_a_writer_that_fills_the_disk_is_told_like_any_other(outputs: Path) -> None:
    told = r"could not be written \(No space left on device\); free"
    with pytest.raises(OutputError, match=told), RunWriter(outputs, "tiny") as draft:
        draft.write_with(run.MODEL, failing(errno.ENOSPC))
    assert everything(outputs) == {}


@pytest.mark.parametrize(
    ("tail", "reason"), [("file/runs", "Not a directory"), ("n" * 300, "File name too long")]
)
def test_outputs_that_cannot_be_a_folder_are_refused(tmp_path: Path, tail: str, reason: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OutputError) as caught:
        RunWriter(tmp_path / tail, "tiny").__enter__()
    assert (
        str(caught.value)
        == f"{tmp_path / tail}: the run could not be written ({reason}); make it writable, {ADVICE}"
    )
    assert everything(tmp_path) == {"file": b"precious"}


def test_outputs_that_are_a_file_are_an_option_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ConfigError) as caught:
        RunWriter(tmp_path / "file", "tiny").__enter__()
    assert (
        str(caught.value)
        == f"--outputs {tmp_path / 'file'}: a file, not a folder; name a folder for the runs"
    )
    assert everything(tmp_path) == {"file": b"precious"}


def test_a_reader_of_the_progress_that_goes_away_is_not_told_as_a_full_disk(outputs: Path) -> None:
    with (
        pytest.raises(BrokenPipeError),
        RunWriter(outputs, "tiny"),
    ):  # e.g. `rnnfc train x.yaml 2>&1 | head -1`
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    assert everything(outputs) == {}


def test_a_thousand_runs_in_one_second_end_in_an_error(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "rename", failing(errno.ENOTEMPTY))
    with pytest.raises(
        OutputError, match=r"-tiny-999: a thousand runs of this name in one second; try again$"
    ):
        publish(outputs)
    assert everything(outputs) == {}


# --- finding


def test_a_folder_without_run_json_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        Run.open(tmp_path)
    assert (
        str(caught.value)
        == f"{tmp_path}: not a run folder (no run.json); name a folder that 'rnnfc train' made"
    )


@pytest.mark.parametrize("info", [{"status": "running"}, {"status": "failed"}, {"name": "tiny"}])
def test_a_run_that_is_not_done_is_not_opened(outputs: Path, info: dict[str, str]) -> None:
    with RunWriter(outputs, "tiny") as draft:
        draft.write_json(run.INFO, info)
    with pytest.raises(RunError) as caught:
        Run.open(draft.folder)
    assert (
        str(caught.value)
        == f"{draft.folder}: this run is not finished; go on with: rnnfc train --resume {draft.folder}"
    )
    assert finished(outputs) == []


def test_finished_passes_over_everything_that_is_no_finished_run(outputs: Path) -> None:
    good = publish(outputs, "good")
    (outputs / "notes.txt").write_text("mine")
    (outputs / "empty").mkdir()
    (outputs / "run.json").write_text('{"status": "done"}')
    hidden = outputs / ".20261120-141500-tiny.0123456789ab"
    hidden.mkdir()
    (hidden / run.INFO).write_text('{"status": "done"}')
    (outputs / "odd" / run.INFO).mkdir(parents=True)
    with RunWriter(outputs, "compare") as draft:
        draft.write_json(run.COMPARE, {"status": "done"})
    for name, text in (
        ("cut", '{"status": "do'),
        ("list", '["done"]'),
        ("deep", "[" * 100_000),
        ("bytes", "\xff"),
    ):
        with RunWriter(outputs, name) as draft:
            draft.write(run.INFO, text.encode("latin-1"))
    publish(outputs, "failed", status="failed")
    assert finished(outputs) == [Run(good)]


def test_finished_is_empty_where_there_are_no_outputs(tmp_path: Path) -> None:
    assert finished(tmp_path / "none") == []


@pytest.mark.usefixtures("one_second")
def test_finished_runs_are_ordered_by_their_end_then_by_name(outputs: Path) -> None:
    ends = {
        "a": "2026-11-20T14:17:00+00:00",
        "b": "2026-11-20T14:16:00.5+00:00",
        "c": "2026-11-20T14:16:00+00:00",
    }
    for name, end in ends.items():
        publish(outputs, name, finished=end)
    publish(outputs, "d", finished=ends["a"])
    assert [which.name[16:] for which in finished(outputs)] == ["c", "b", "a", "d"]
    assert find(outputs, None).name == "20261120-141500-d"


@pytest.mark.usefixtures("one_second")
@pytest.mark.parametrize(
    ("which", "folder"),
    [
        ("lstm", "20261120-141500-lstm-2"),
        ("lstm-64", "20261120-141500-lstm-64"),
        ("lstm-2", None),
        ("gru.v1", "20261120-141500-gru.v1"),
        ("gruxv1", None),
        ("20261120-141500-lstm", "20261120-141500-lstm"),
        (None, "20261120-141500-lstm-64"),
        ("n" * 300, None),
        ("nul\0", None),
    ],
)
def test_find_takes_a_folder_name_or_the_newest_run_of_an_experiment(
    outputs: Path, which: str | None, folder: str | None
) -> None:
    for minute, name in enumerate(("gru.v1", "lstm", "lstm", "lstm-64")):
        publish(outputs, name, finished=f"2026-11-20T14:2{minute}:00+00:00")
    if folder is not None:
        assert find(outputs, which) == Run(outputs / folder)
    else:
        with pytest.raises(RunError) as caught:
            find(outputs, which)
        hint = {"lstm-2": "did you mean 'lstm'?", "gruxv1": "did you mean 'gru.v1'?"}
        there = hint.get(which or "", "there are: gru.v1, lstm, lstm-64")
        assert str(caught.value) == f"{outputs}: no finished run {which!r}; {there}"


def test_find_takes_the_path_of_a_run_folder_anywhere(outputs: Path, tmp_path: Path) -> None:
    folder = publish(outputs)
    assert find(tmp_path / "elsewhere", str(folder)) == Run(folder)


def test_find_refuses_a_folder_that_is_not_a_finished_run(outputs: Path) -> None:
    with RunWriter(outputs, "compare") as draft:
        draft.write_json(run.COMPARE, {})
    with pytest.raises(RunError, match=r"-compare: not a run folder \(no run\.json\)"):
        find(outputs, str(draft.folder))
    with pytest.raises(RunError, match=r"no finished run '.*-compare'; train one"):
        find(outputs, draft.folder.name)


@pytest.mark.parametrize(("which", "asked"), [(None, ""), ("sine", " 'sine'")])
def test_find_says_how_to_make_the_first_run(outputs: Path, which: str | None, asked: str) -> None:
    with pytest.raises(RunError) as caught:
        find(outputs, which)
    assert str(caught.value) == f"{outputs}: no finished run{asked}; train one: rnnfc train configs/sine.yaml"


# --- reading


def npz(**arrays: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


READERS: dict[str, Callable[[Run], Any]] = {
    run.INFO: Run.info,
    run.REPORT: Run.report,
    run.EXPERIMENT: Run.experiment,
    run.SCALER: lambda opened: opened.scaler(channels=1),
    run.WEIGHTS: Run.weights,
    run.LAST_WINDOW: lambda opened: opened.last_window(length=3),
    run.FORECAST: Run.forecast_rows,
}
ARRAYS = npz(a=np.arange(3.0), b=np.ones((2, 2), np.float32))
COLUMNS = "columns must be series, origin_time, step, time, target, actual, forecast"
PLAIN_SCALE = '"center": [[0]], "scale": [[1]], "low": [[0]], "high": [[1]]'
DAMAGE = [
    (run.INFO, b'{"status": "do', "Unterminated string"),
    (run.INFO, b"", "Expecting value"),
    (run.INFO, b"[1, 2]", "an object is needed"),
    (run.INFO, b'{"status": "\xff"}', "can't decode byte 0xff"),
    (run.INFO, b"[" * 100_000, "recursion"),
    (run.REPORT, b"null", "an object is needed"),
    (run.EXPERIMENT, EXPERIMENT.replace("GRU", "GRV").encode(), "experiment.yaml:5: model.cell"),
    (run.EXPERIMENT, EXPERIMENT.encode()[:-3], "experiment.yaml:6: not valid YAML"),
    (run.EXPERIMENT, b"", "experiment.yaml"),
    (run.EXPERIMENT, b"\xff", "can't decode byte 0xff"),
    (run.SCALER, b"{}", "'center'"),
    (
        run.SCALER,
        b'{"method": "minmax", "center": [["x"]], "scale": [[1]], "low": [[0]], "high": [[1]]}',
        "could not convert",
    ),
    (run.SCALER, f"{{{PLAIN_SCALE}}}".encode(), "'method'"),
    *(
        (
            run.SCALER,
            f'{{"method": "none", {PLAIN_SCALE}, "power": {power}}}'.encode(),
            "powers from 0 to 2 are needed",
        )
        for power in ("[[-0.1]]", "[[2.1]]", "[[0, 1]]", "[[1], [1]]", "[1]")
    ),
    (run.WEIGHTS, b"", "not a zip file"),
    (run.WEIGHTS, b"weights", "not a zip file"),
    (run.WEIGHTS, ARRAYS[:-30], "not a zip file"),
    (run.WEIGHTS, ARRAYS.replace(b"NUMPY", b"NUMPX", 1), "Bad CRC-32 for file 'a.npy'"),
    (run.WEIGHTS, npz(a=np.array([{1: 2}], dtype=object)), "it is no plain array file"),
    (run.WEIGHTS, npy(np.ones(3)), "not a zip file"),
    (run.LAST_WINDOW, ARRAYS, "'plain'"),
    (run.LAST_WINDOW, npz(plain=np.array("{")), "Expecting property name"),
    (run.LAST_WINDOW, npz(plain=np.array("[]")), "list indices"),
    (
        run.LAST_WINDOW,
        npz(plain=np.array('{"frequency": {"units": 1}}')),
        "unexpected keyword argument 'units'",
    ),
    (run.FORECAST, b"", COLUMNS),
    (run.FORECAST, b"series,step\na,1\n", COLUMNS),
    (run.FORECAST, b"a,b,c,d,e,f,g\n1,2,3,4,5,6,7\n", COLUMNS),
    (run.FORECAST, (",".join(run.FORECAST_COLUMNS) + "\n1,2,3,4,5,6,7,8\n").encode(), COLUMNS),
    (run.FORECAST, (",".join(run.FORECAST_COLUMNS) + "\n1,2,3,4,5,6\n").encode(), COLUMNS),
    (run.FORECAST, (",".join(run.FORECAST_COLUMNS) + "\n1,2,3,4,5,6,7\n1,2,3,4,5,6,7,8\n").encode(), COLUMNS),
    (
        run.FORECAST,
        (",".join(run.FORECAST_COLUMNS) + '\n"' + "x" * 200_000).encode(),
        "field larger than field limit",
    ),
    *((name, None, "No such file or directory") for name in READERS),
]


@pytest.mark.parametrize(("name", "content", "reason"), DAMAGE)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RunError) as caught:
        READERS[name](Run(tmp_path))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / name}: cannot be read (")
    assert reason in text
    assert text.endswith("); the run is damaged, train it again")
    assert "\n" not in text


def test_no_flipped_bit_in_an_array_file_is_more_than_a_damaged_run(tmp_path: Path) -> None:
    refused = 0
    for place in range(len(ARRAYS)):
        for bit in (0, 6):  # e.g. encrypted, of a later version
            damaged = bytearray(ARRAYS)
            damaged[place] ^= 1 << bit
            (tmp_path / run.WEIGHTS).write_bytes(damaged)
            try:
                arrays = Run(tmp_path).weights()
            except RunError:
                refused += 1
            else:  # a date, a name, the count of arrays: what is read holds the bits that were written
                assert all(array.tolist() in ([0, 1, 2], [[1, 1], [1, 1]]) for array in arrays.values())
    assert refused > len(ARRAYS) / 2


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", [run.WEIGHTS, run.LAST_WINDOW])
def test_nothing_in_a_run_folder_is_unpickled(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(npz(values=np.array([Bomb(tmp_path / "gone off")], dtype=object)))
    with pytest.raises(RunError, match="it is no plain array file"):
        READERS[name](Run(tmp_path))
    assert not (tmp_path / "gone off").exists()


def test_experiment_scaler_and_reports_are_read_back(outputs: Path) -> None:
    experiment = from_yaml(EXPERIMENT, source="x.yaml")
    third = np.array([[1 / 3, 5e-324]])
    scaler = Scaler(method="standard", center=third, scale=third * 3, low=-third, high=third * 1e300)
    with RunWriter(outputs, "tiny") as draft:
        draft.write(run.EXPERIMENT, to_yaml(experiment))
        draft.write_json(run.SCALER, scaler.to_json())
        draft.write_json(run.REPORT, {"verdict": "good"})
        draft.write_json(run.INFO, {"status": "done", "seed": 7})
    opened = Run.open(draft.folder)
    assert opened.experiment() == experiment
    assert opened.info() == {"status": "done", "seed": 7}
    assert opened.report() == {"verdict": "good"}
    read = opened.scaler(channels=2)
    assert read.method == "standard"
    for name in ("center", "scale", "low", "high"):
        assert getattr(read, name).tobytes() == getattr(scaler, name).tobytes()


def test_arrays_keep_their_names_types_and_bits(outputs: Path) -> None:
    arrays = {
        "layer/kernel": np.float32([[0.1, -0.0], [np.inf, 1e-45]]),
        "count": np.array(3),
        "none": np.empty((0, 2)),
    }
    with RunWriter(outputs, "tiny") as draft:
        draft.write_arrays(run.WEIGHTS, arrays)
    read = Run(draft.folder).weights()
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape, read[name].tobytes()) == (
            array.dtype,
            array.shape,
            array.tobytes(),
        )


DAYS = np.array(
    ["2020-01-31T06:30:00.000001", "2020-02-29", "2020-03-31T23:59:59.999999"], dtype="datetime64[us]"
)


@pytest.mark.parametrize(
    ("unit", "size", "time"),
    [
        ("month", 1.0, DAYS),
        ("month_end", 3.0, DAYS),
        ("microsecond", 86_400_000_000.0, DAYS),
        ("rows", 1.0, DAYS),
        ("number", 5.0, np.array([1990, 1995, 2**60])),
        ("number", 0.1, np.array([0.1, 0.2, 0.30000000000000004])),
    ],
)
def test_a_panel_comes_back_from_a_run_with_the_same_bits(
    outputs: Path, unit: Any, size: float, time: npt.NDArray[Any]
) -> None:
    panel = make_panel(
        [[1 / 3, -0.0]],
        [[5e-324, 1e300]],
        [[2.0, np.nextafter(2.0, 3.0)]],
        time=time,
        names=("north, east", "süd", "7"),
        channels=("sales $", "°C"),
        frequency=Frequency(unit=unit, size=size),
        filled=[(0, 1), (1, 0)],
        missing="ffill",
        unit="€",
        num_known=1,
    )
    with RunWriter(outputs, "tiny") as draft:
        draft.write_arrays(run.LAST_WINDOW, run.panel_to_arrays(panel))
    read = Run(draft.folder).last_window(length=1)
    for name in ("values", "time", "bounds", "filled"):
        array, wanted = getattr(read, name), getattr(panel, name)
        assert (array.dtype, array.shape, array.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
    for name in (
        "series",
        "channels",
        "num_targets",
        "num_known",
        "calendar",
        "frequency",
        "missing",
        "unit",
    ):
        assert getattr(read, name) == getattr(panel, name)
    assert read.fingerprint() == panel.fingerprint()


def forecast_text(time: npt.NDArray[Any], point: list[float], actual: list[float] | None) -> str:
    """forecast.csv of two windows of one step, one of each series."""
    panel = make_panel([0, 0], [0, 0], time=time, names=('a, "b"', "c"), channels=("y",))
    shape = (2, 1, 1)
    forecast = make_forecast(
        np.reshape(point, shape),
        None if actual is None else np.reshape(actual, shape),
        time=time[[1, 3], None],
        origin_time=time[[0, 2]],
        series=[0, 1],
    )
    return written_forecast(forecast, panel)


def written_forecast(forecast: Forecast, panel: Panel) -> str:
    file = io.StringIO()
    run.write_forecast(forecast, panel, file)
    return file.getvalue()


HOURS = np.array(
    ["2020-01-01", "2020-01-01T09:30", "2020-01-01T09:30:07", "2020-01-01T09:30:07.000001"],
    dtype="datetime64[us]",
)


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (HOURS, ["2020-01-01", "2020-01-01T09:30", "2020-01-01T09:30:07", "2020-01-01T09:30:07.000001"]),
        (np.array([7, 8, 9, 10]), ["7", "8", "9", "10"]),
        (np.array([0.0, 0.1, 0.2, 0.30000000000000004]), ["0", "0.1", "0.2", "0.30000000000000004"]),
    ],
)
def test_forecast_rows_say_when_and_keep_the_bits_of_values(
    tmp_path: Path, time: npt.NDArray[Any], written: list[str]
) -> None:
    point, actual = [1 / 3, -5e-324], [1e300, np.nextafter(2.0, 3.0)]
    (tmp_path / run.FORECAST).write_text(forecast_text(time, point, actual), encoding="utf-8")
    rows = Run(tmp_path).forecast_rows()
    assert [row["series"] for row in rows] == ['a, "b"', "c"]
    assert [row["origin_time"] for row in rows] == written[::2]
    assert [row["time"] for row in rows] == written[1::2]
    assert [(row["step"], row["target"]) for row in rows] == [("1", "y"), ("1", "y")]
    assert np.array([float(row["forecast"]) for row in rows]).tobytes() == np.array(point).tobytes()
    assert np.array([float(row["actual"]) for row in rows]).tobytes() == np.array(actual).tobytes()


def test_forecast_rows_of_several_steps_and_targets_are_one_a_step_and_target(tmp_path: Path) -> None:
    panel = make_panel(np.zeros((4, 3)), targets=2, names=("s",), channels=("a", "b", "input"))
    point = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    forecast = make_forecast(point, point + 0.5, time=np.array([[2, 3]]), origin_time=np.array([1]))
    assert written_forecast(forecast, panel) == (
        "series,origin_time,step,time,target,actual,forecast\n"
        "s,1,1,2,a,1.5,1.0\ns,1,1,2,b,2.5,2.0\ns,1,2,3,a,3.5,3.0\ns,1,2,3,b,4.5,4.0\n"
    )
    quantiles = replace(forecast, levels=(0.025, 0.5), quantiles=np.stack([point - 1, point], axis=-1))
    assert written_forecast(quantiles, panel).splitlines()[:3] == [
        "series,origin_time,step,time,target,actual,forecast,q0.025,q0.5",
        "s,1,1,2,a,1.5,1.0,0.0,1.0",
        "s,1,1,2,b,2.5,2.0,1.0,2.0",
    ]
    (tmp_path / run.FORECAST).write_text(written_forecast(quantiles, panel))
    assert [row["q0.025"] for row in Run(tmp_path).forecast_rows()] == ["0.0", "1.0", "2.0", "3.0"]


def test_forecast_csv_has_the_values_of_other_forecasters_in_columns_after_the_quantiles() -> None:
    panel = make_panel([0, 0, 0], names=("s",), channels=("a",))
    forecast = make_forecast(
        [[[1.0]], [[2.0]]],
        [[[1.5]], [[2.5]]],
        time=np.array([[1], [2]]),
        origin_time=np.array([0, 1]),
        quantiles=np.array([[[[0.5, 1.0]]], [[[1.25, 2.0]]]]),
        levels=(0.1, 0.5),
    )
    file = io.StringIO()
    run.write_forecast(forecast, panel, file, beside={"last value": np.array([[[7.0]], [[8.0]]])})
    assert file.getvalue() == (
        "series,origin_time,step,time,target,actual,forecast,q0.1,q0.5,last value\n"
        "s,0,1,1,a,1.5,1.0,0.5,1.0,7.0\ns,1,1,2,a,2.5,2.0,1.25,2.0,8.0\n"
    )


def test_a_forecast_past_the_end_has_nan_for_what_happened() -> None:
    rows = list(csv.DictReader(io.StringIO(forecast_text(np.arange(4), [1.0, 2.0], None))))
    assert [(row["actual"], row["forecast"]) for row in rows] == [("nan", "1.0"), ("nan", "2.0")]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "＝1", "'=1", "''"])
def test_a_name_that_a_spreadsheet_would_run_is_text_in_forecast_csv_and_read_back(
    tmp_path: Path, name: str
) -> None:
    panel = make_panel([0, 0], names=(name,), channels=(name,))
    forecast = make_forecast([[[0]]], [[[0]]], time=np.array([[1]]), origin_time=np.array([0]))
    (tmp_path / run.FORECAST).write_text(written_forecast(forecast, panel), encoding="utf-8", newline="")
    with (tmp_path / run.FORECAST).open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))[1]
    assert (cells[0], cells[4]) == (f"'{name}", f"'{name}")
    (row,) = Run(tmp_path).forecast_rows()
    assert (row["series"], row["target"]) == (name, name)


@pytest.mark.parametrize("name", ["sales", "a=b", "1+1", " =1", ""])
def test_any_other_name_stands_in_forecast_csv_as_it_is(name: str) -> None:
    assert run.cell(name) == name


def test_a_name_of_a_file_that_holds_control_characters_is_one_cell_of_visible_ones() -> None:
    assert [run.cell(name) for name in ("\r=1", "\t@", "a\n\x1b")] == [r"\u000d=1", r"\u0009@", r"a\n\u001b"]

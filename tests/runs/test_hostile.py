"""Run folders that somebody made to do harm: refused with exit 2, nothing run, nothing fetched, nothing outside touched."""

import copy
import io
import json
import os
import re
import shutil
import signal
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bad_inputs.run_cases import snapshot
from numpy.lib import format as npy
from onnx import external_data_helper
from sealing import seal

from rnnfc import memory
from rnnfc.runs import forecast_csv, run
from rnnfc.runs.run import Run

Command = Callable[..., Any]
ONNX, KERAS, COMPARE = ("predict",), ("predict", "--runtime", "keras"), ("compare", "other")


@pytest.fixture
def folder(small_run: Path, tmp_path: Path) -> Path:
    """A copy of a good run, to be spoiled; beside it another copy and a secret that no run may reach."""
    for name in ("run", "other"):
        shutil.copytree(small_run, tmp_path / "outputs" / name)
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "outputs" / "run"


@pytest.fixture(autouse=True)
def walls(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No network, 4 GiB of memory whatever the machine has, and an end to what would wait for ever."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    def ring(*_: Any) -> None:
        raise AssertionError("it hangs")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * 2**30)
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(120)  # no measure of speed: the whole of a test takes seconds
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def npz(arrays: dict[str, npt.NDArray[Any]], *, packed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, **arrays)  # type: ignore[arg-type]  # its stub takes every name for allow_pickle
    return buffer.getvalue()


def npy_of(shape: tuple[int, ...], *, descr: str = "<f8", padding: int = 0) -> bytes:
    """An .npy file that claims `shape` and holds 16 bytes."""
    buffer = io.BytesIO()
    npy.write_array_header_2_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    header = buffer.getvalue()[12:-1] + b" " * padding + b"\n"
    return b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + bytes(16)


def zipped(members: dict[str, bytes], *, again: str = "") -> bytes:
    """A zip file; with `again` the last member stands in its list a second time under this name, on the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        if again:
            twin = copy.copy(archive.filelist[-1])
            twin.filename = again
            archive.filelist.append(twin)
    return buffer.getvalue()


def weights(folder: Path, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> bytes:
    """The run's weights with the first array changed."""
    arrays = Run(folder).weights()
    first = next(iter(arrays))
    return npz({**arrays, first: change(arrays[first])})


def last_window(folder: Path, **changed: Any) -> bytes:
    """The run's last window with some arrays, or keys of its plain part, changed."""
    arrays = dict(Run(folder)._arrays(run.LAST_WINDOW))
    plain = json.loads(str(arrays["plain"]))
    plain |= {key: value for key, value in changed.items() if key not in arrays}
    arrays |= {key: value(arrays[key]) for key, value in changed.items() if key in arrays}
    return npz({**arrays, "plain": np.array(json.dumps(plain))})


def elsewhere(folder: Path, location: str) -> bytes:
    """The run's model.onnx with its largest weights in another file."""
    model = onnx.load_model_from_string((folder / run.ONNX).read_bytes())
    tensor = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    external_data_helper.set_external_data(tensor, location=location, offset=0, length=len(tensor.raw_data))
    tensor.ClearField("raw_data")
    return bytes(model.SerializeToString())


def other_forecasts(_: Path) -> bytes:
    """A model.onnx that takes the run's windows and gives them back."""
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, [None, 10, 1])
        for name in ("window", "forecast")
    ]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["window"], ["forecast"])], "g", values[:1], values[1:]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def pickled(folder: Path) -> bytes:
    return npz({"values": np.array([Bomb(folder.parent.parent / "gone off")], dtype=object)})


def hdf5(folder: Path) -> bytes:
    """An HDF5 file whose data is the secret."""
    path = folder.parent.parent / "external.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("w", (6,), "u1", external=[(str(folder.parent.parent / "secret"), 0, 6)])
    content = path.read_bytes()
    path.unlink()
    return content


def frequency(**changed: Any) -> Callable[[Path], bytes]:
    return lambda folder: last_window(folder, frequency={"unit": "number", "size": 0.1, **changed})


def replaced(name: str, old: str, new: str) -> Callable[[Path], bytes]:
    def spoil(folder: Path) -> bytes:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        return text.replace(old, new, 1).encode()

    return spoil


NAN = np.array([np.nan])
SPOILED: dict[str, tuple[str, Callable[[Path], bytes], tuple[str, ...], str]] = {
    # onnxruntime would read these files
    "weights below the working folder": (
        run.ONNX,
        lambda at: elsewhere(at, "secret"),
        ONNX,
        "in another file",
    ),
    "weights of a path upwards": (
        run.ONNX,
        lambda at: elsewhere(at, "../../secret"),
        ONNX,
        "in another file",
    ),
    "weights of an absolute path": (
        run.ONNX,
        lambda at: elsewhere(at, str(at.parent.parent / "secret")),
        ONNX,
        "in another file",
    ),
    "an odd spelling of that key": (
        run.ONNX,
        lambda at: elsewhere(at, "../../secret").replace(b"\n\x08location", b"\n\x88\x80\x00location"),
        ONNX,
        "in another file",
    ),
    "forecasts of another shape": (run.ONNX, other_forecasts, ONNX, "its forecast is float64[1, 10, 1]"),
    # arrays
    "a zip bomb": (
        run.WEIGHTS,
        lambda _: npz({"a": np.zeros(10**7)}, packed=True),
        KERAS,
        "compressed, which rnnfc never does",
    ),
    "members over each other": (
        run.WEIGHTS,
        lambda _: zipped({"a.npy": bytes(5000)}, again="b.npy"),
        KERAS,
        "larger than the file",
    ),
    "a name twice": (
        run.WEIGHTS,
        lambda _: zipped({"a.npy": npy_of((2,))}, again="a.npy"),
        KERAS,
        "two arrays have the same name",
    ),
    "a path upwards": (
        run.WEIGHTS,
        lambda _: zipped({"../../a.npy": npy_of((2,))}),
        KERAS,
        "a name is a path",
    ),
    "an absolute path": (
        run.LAST_WINDOW,
        lambda _: zipped({"/tmp/a.npy": npy_of((2,))}),  # noqa: S108  nothing is written there
        ONNX,
        "a name is a path",
    ),
    "10^12 elements": (
        run.WEIGHTS,
        lambda _: zipped({"a.npy": npy_of((10**12,))}),
        KERAS,
        "takes 8,000,000,000,000 bytes",
    ),
    "10^12 elements of nothing": (
        run.LAST_WINDOW,
        lambda _: zipped({"a.npy": npy_of((10**12, 0))}),
        ONNX,
        "takes 0 bytes",
    ),
    "a negative length": (
        run.WEIGHTS,
        lambda _: zipped({"a.npy": npy_of((-1, -2))}),
        KERAS,
        "not a plain array file",
    ),
    "an oversized header": (
        run.WEIGHTS,
        lambda _: zipped({"a.npy": npy_of((2,), padding=20_000)}),
        KERAS,
        "not a plain array file",
    ),
    "records": (run.WEIGHTS, lambda _: npz({"a": np.zeros(2, "f8,i4")}), KERAS, "not a plain array file"),
    "pickled weights": (run.WEIGHTS, pickled, KERAS, "not a plain array file"),
    "a pickled window": (run.LAST_WINDOW, pickled, ONNX, "not a plain array file"),
    "HDF5 with its data elsewhere": (run.WEIGHTS, hdf5, KERAS, "not a zip file"),
    "weights of another shape": (
        run.WEIGHTS,
        lambda at: weights(at, np.transpose),
        KERAS,
        "network needs float32[1, 50]",
    ),
    "weights of another type": (
        run.WEIGHTS,
        lambda at: weights(at, lambda a: a.astype("f8")),
        KERAS,
        "is float64[1, 50]",
    ),
    "weights that are text": (
        run.WEIGHTS,
        lambda at: weights(at, lambda a: a.astype("U9")),
        KERAS,
        "network needs float32[1, 50]",
    ),
    # the last window
    "a window that is not finite": (
        run.LAST_WINDOW,
        lambda at: last_window(at, values=lambda a: a * NAN),
        ONNX,
        "not finite",
    ),
    "times that are none": (
        run.LAST_WINDOW,
        lambda at: last_window(at, time=lambda a: a * NAN),
        ONNX,
        "not finite",
    ),
    "whole numbers for values": (
        run.LAST_WINDOW,
        lambda at: last_window(at, values=lambda a: a.astype("i8")),
        ONNX,
        "10 rows of 1 col",
    ),
    "borders outside the rows": (
        run.LAST_WINDOW,
        lambda at: last_window(at, bounds=lambda a: a * 9),
        ONNX,
        "without a gap",
    ),
    "more of the future than there is": (
        run.LAST_WINDOW,
        lambda at: last_window(at, num_known=1),
        ONNX,
        "num_known is 1",
    ),
    "a calendar of nobody": (
        run.LAST_WINDOW,
        lambda at: last_window(at, calendar=["moon"]),
        ONNX,
        "num_known is 0",
    ),
    "targets that are true": (
        run.LAST_WINDOW,
        lambda at: last_window(at, num_targets=True),
        ONNX,
        "num_targets is True",
    ),
    "a step of infinity": (run.LAST_WINDOW, frequency(size=float("inf")), ONNX, "time step inf"),
    "a step backwards": (run.LAST_WINDOW, frequency(size=-1), ONNX, "time step -1"),
    "half a microsecond": (
        run.LAST_WINDOW,
        frequency(unit="microsecond", size=0.5),
        ONNX,
        "10 rows of 1 columns are needed",
    ),
    "a step of text": (run.LAST_WINDOW, frequency(size="1"), ONNX, "'<' not supported"),
    "a unit that is none": (run.LAST_WINDOW, frequency(unit="aeon"), ONNX, "time step 0.1 'aeon'"),
    "a unit that moves the cursor": (
        run.LAST_WINDOW,
        lambda at: last_window(at, unit="m\x1b[2A\n"),
        ONNX,
        "printable characters",
    ),
    "a unit that is a number": (run.LAST_WINDOW, lambda at: last_window(at, unit=7), ONNX, "isprintable"),
    # text
    "deep JSON": (run.SCALER, lambda _: b'{"center": ' + b"[" * 200_000, ONNX, "recursion"),
    "a number of 400 digits": (
        run.SCALER,
        lambda _: b'{"method": "none", "center": [[1%s]]}' % (b"0" * 400),
        ONNX,
        "too large",
    ),
    "a number of 5,000 digits": (run.SCALER, lambda _: b'{"center": 1%s}' % (b"0" * 5000), ONNX, "limit"),
    "a score of 400 digits": (
        run.REPORT,
        replaced(run.REPORT, '"value": ', '"value": 1' + "0" * 400),
        ("evaluate",),
        "not a finite number",
    ),
    "a score of infinity": (
        run.REPORT,
        replaced(run.REPORT, '"value": ', '"value": Infinity, "x": '),
        ("evaluate",),
        "not valid JSON",
    ),
    "a tag in the experiment": (
        run.EXPERIMENT,
        lambda _: b"name: !!python/object/apply:os.mkdir ['gone off']\n",
        ONNX,
        "tag",
    ),
    "a name that leaves the outputs": (
        run.EXPERIMENT,
        replaced(run.EXPERIMENT, '"sine"', '"../../gone off"'),
        ONNX,
        "letters, digits",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_hostile_run__is_refused_without_side_effects(
    rnnfc: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file, spoil, (command, *options), says = SPOILED[name]
    (folder / file).write_bytes(spoil(folder))
    seal(folder)
    monkeypatch.chdir(folder.parent.parent)
    before = snapshot(Path())
    done = rnnfc(
        command, folder, *(str(folder.parent / option) if option == "other" else option for option in options)
    )
    assert (done.code, done.out) == (2, ""), done
    assert f"error: {folder / file}: " in done.err
    assert says in done.err
    assert done.err.count("\n") <= 3
    assert snapshot(Path()) == before


# --- what is no file

LINKED = [
    *((file, ONNX) for file in (run.INFO, run.EXPERIMENT, run.SCALER, run.LAST_WINDOW, run.ONNX)),
    (run.WEIGHTS, KERAS),
    (run.REPORT, ("evaluate",)),
    (run.FORECAST, COMPARE),
]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "huge"])
@pytest.mark.parametrize(("file", "command"), LINKED, ids=lambda value: str(value))
def test_hostile_run__links_pipes_and_huge_files_are_not_read(
    rnnfc: Command,
    folder: Path,
    kind: str,
    file: str,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = folder / file
    shutil.move(path, folder.parent.parent / "kept")  # where the link leads is the very file
    if kind == "link":
        path.symlink_to(folder.parent.parent / "kept")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as hole:
            hole.truncate(2**29 if file.endswith(".json") else 3 * 2**30)
        monkeypatch.setattr(
            Run, "verify_files", lambda opened: opened
        )  # it would take the sum of 3 GiB of nothing
    if kind != "huge":
        seal(folder)
    done = rnnfc(
        command[0],
        folder,
        *(str(folder.parent / option) if option == "other" else option for option in command[1:]),
    )
    assert done.code == 2
    if file == run.INFO and kind in ("pipe", "folder"):
        assert done.err.startswith(f"error: {folder}: not a run folder (no run.json)")
    else:
        why = (
            "do not fit into 4.0 GiB of free memory"
            if kind == "huge"
            else "a link, a folder or a device, not a plain file"
        )
        assert f"error: {path}: cannot be read (" in done.err
        assert why in done.err


def test_hostile_run__endless_data_is_not_read(rnnfc: Command, folder: Path) -> None:
    os.mkfifo(folder.parent.parent / "rows.csv")
    text = (
        f"name: a\ndata: {{kind: csv, path: {folder.parent.parent / 'rows.csv'}, target: v}}\nwindow: {{length: 10}}\n"
        "split: {test: 1}\nmodel: {kind: stacked, cell: GRU, units: [1]}\ntrain: {epochs: 1}\n"
    )
    (folder / run.EXPERIMENT).write_text(text)
    seal(folder)
    done = rnnfc("evaluate", folder)
    assert done.code == 2
    assert "rows.csv: a pipe or a device, not a file; save the data as a file" in done.err


@pytest.mark.parametrize(
    "time", ["9" * 40, "inf", "-1e400", "NaT", "0001-01-01", "9999-12-31", "1000-01-01", "9" * 18]
)
def test_hostile_run__impossible_times_are_refused_or_drawn(rnnfc: Command, folder: Path, time: str) -> None:
    for path in (folder, folder.parent / "other"):
        head = ",".join(forecast_csv.COLUMNS)
        (path / run.FORECAST).write_text(
            f"{head}\nsine,0,1,{time},sine,1,1\nsine,0,1,{time[:-1]}8,sine,2,1\n"
        )
        seal(path)
    done = rnnfc("compare", folder, folder.parent / "other", "--outputs", folder.parent)
    if time in ("1000-01-01", "9" * 18):  # odd, but times
        assert (done.code, done.err) == (0, "")
    else:
        assert done.code == 2
        assert f"error: {folder / run.FORECAST}: a row cannot be read (" in done.err


# --- model.keras is written for others and never read


def live_lambda(folder: Path) -> bytes:
    """A model.keras that makes a folder when it is loaded as Keras would without its safe mode."""
    import keras

    gadget = lambda x: (__import__("os").makedirs("gone off", exist_ok=True), x)[1]  # noqa: E731  Keras stores lambdas only
    path = folder.parent.parent / "lambda.keras"
    keras.Sequential([keras.Input((10, 1)), keras.layers.Lambda(gadget, output_shape=(10, 1))]).save(path)
    keras.saving.load_model(path, safe_mode=False)(np.zeros((1, 10, 1)))
    os.rmdir("gone off")  # it did go off there, or this would test nothing
    content = path.read_bytes()
    path.unlink()
    return content


def with_config(layer: dict[str, Any]) -> Callable[[Path], bytes]:
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    return lambda _: zipped({"config.json": json.dumps(config).encode(), "metadata.json": b"{}"})


@pytest.mark.parametrize(
    "spoil",
    [
        live_lambda,
        with_config(
            {
                "module": "builtins",
                "class_name": "function",
                "config": "os.system",
                "registered_name": "system",
            }
        ),
        with_config(
            {
                "module": "keras.layers",
                "class_name": "TFSMLayer",
                "config": {"filepath": "https://127.0.0.1/model"},
            }
        ),
        lambda at: zipped({"model.weights.h5": hdf5(at), "config.json": b"{}", "../../gone off": b""}),
    ],
    ids=["a Lambda", "a function", "a TFSMLayer", "HDF5 with its data elsewhere"],
)
def test_hostile_run__model_keras_is_never_read(
    rnnfc: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], bytes]
) -> None:
    monkeypatch.chdir(folder.parent.parent)
    (folder / run.MODEL).write_bytes(spoil(folder))
    seal(folder)
    before = snapshot(Path())
    for runtime in ("onnx", "keras"):
        for command in ("evaluate", "predict"):
            runs = (folder, folder.parent / "other")
            spoiled, good = (
                json.loads(rnnfc(command, which, "--runtime", runtime, "--json").out) for which in runs
            )
            assert {**spoiled, "run": ""} == {**good, "run": ""}
    assert snapshot(Path()) == before


# --- names


@pytest.fixture
def named(rnnfc: Command, tmp_path: Path) -> tuple[Path, Any]:
    """A run whose file, columns and unit have names that mean to be more than names; and what training printed."""
    (tmp_path / "=cmd|'!A0.csv").write_text(
        "day,=1+1|<script>,$x$ `a` [b](http://c)\n"
        + "".join(f"2020-01-{n:02d},{n % 5},{n % 3}\n" for n in range(1, 31))
    )
    (tmp_path / "named.yaml").write_text(
        "name: named\ndata: {kind: csv, path: \"=cmd|'!A0.csv\", time: day, target: ['=1+1|<script>', '$x$ `a` [b](http://c)'],"
        ' unit: "$€_{|<b>"}\nwindow: {length: 3}\nsplit: {test: 0.3}\n'
        "model: {kind: stacked, cell: SimpleRNN, units: [2]}\ntrain: {epochs: 1}\n"
    )
    done = rnnfc("train", tmp_path / "named.yaml", "--outputs", tmp_path / "outputs")
    assert done.code == 0, done.err
    (trained,) = (tmp_path / "outputs").iterdir()
    return trained, done


def test_hostile_run__names_are_never_executed(rnnfc: Command, named: tuple[Path, Any]) -> None:
    trained, done = named
    first = (trained / run.FORECAST).read_text(encoding="utf-8").splitlines()[1]
    assert first.startswith("'=cmd|'!A0,2020-01-21,1,2020-01-22,'=1+1|<script>,")
    rows = Run(trained).forecast_rows()
    assert {(row["series"], row["target"]) for row in rows} == {
        ("=cmd|'!A0", "=1+1|<script>"),
        ("=cmd|'!A0", "$x$ `a` [b](http://c)"),
    }
    report = (trained / run.REPORT_TEXT).read_text(encoding="utf-8")
    assert "<" not in report
    assert r"| =1+1\|&lt;script&gt;, **network** |" in report
    assert r"| \$x\$ \`a\` \[b\](http://c), **network** |" in report
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):  # every row has the columns of its header
        assert len({line.count("|") - line.count(r"\|") for line in table.splitlines()}) == 1
    assert r" in \$€_{\|&lt;b&gt;; seed" in report
    assert "(2 targets)" in done.out
    assert "=1+1|<script> ($€_{|<b>)" in rnnfc("predict", trained).out


def test_hostile_run__names_reach_the_terminal_escaped(rnnfc: Command, folder: Path) -> None:
    info = json.loads((folder / run.INFO).read_text())
    (folder / run.INFO).write_text(json.dumps({**info, "name": "\x1b]0;owned\x07\u202eenis"}))
    seal(folder)
    odd = folder.rename(folder.parent / "r\x1b[2Jun")
    unknown = rnnfc("evaluate", "nosuch", "--outputs", odd.parent)
    assert (unknown.code, "\x1b" in unknown.err) == (2, False)
    assert r"\u001b]0;owned\u0007\u202eenis" in unknown.err
    done = rnnfc("predict", odd)
    assert (done.code, "\x1b" in done.err) == (0, False)
    assert r"r\u001b[2Jun" in done.err
    compared = rnnfc("compare", odd, odd.parent / "other", "--output", odd.parent / "compared")
    assert (compared.code, "\x1b" in compared.out + compared.err) == (0, False)
    text = odd.parent / "compared" / run.COMPARE_TEXT
    assert "\x1b" not in text.read_text(encoding="utf-8")

"""The command line: results on stdout, progress on stderr, exit codes, and errors that say what to do."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sealing import seal

from rnnfc import __version__
from rnnfc.cli import COMMANDS, main
from rnnfc.runs.find import finished
from rnnfc.runs.run import Run

Command = Callable[..., Any]
ROOT = Path(__file__).parents[2]
SINE = ROOT / "configs/sine.yaml"


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    seal(path.parent)


def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "outputs" / folder.name))


@pytest.mark.parametrize("name", COMMANDS)
def test_help__of_each_command_has_an_example_and_the_command_is_documented(
    rnnfc: Command, name: str
) -> None:
    done = rnnfc(name, "--help")
    assert done.code == 0
    assert f"Example: rnnfc {name}" in done.out
    assert f"`rnnfc {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_help__lists_every_command_without_cutting_its_text(rnnfc: Command) -> None:
    done = rnnfc()
    assert all(f"  {name} " in done.out for name in COMMANDS)
    assert "..." not in done.out.partition("Commands:")[2]


def test_train__writes_every_file_of_the_run_folder(small_run: Path) -> None:
    assert {path.name for path in small_run.iterdir()} == {
        *(
            "experiment.yaml",
            "run.json",
            "model.keras",
            "model.onnx",
            "weights.npz",
            "scaler.json",
            "history.jsonl",
            "loss.png",
        ),
        *("report.json", "report.md", "forecast.csv", "forecast.png", "last_window.npz", "manifest.sha256"),
    }
    info = json.loads((small_run / "run.json").read_text())
    assert info["status"] == "done"
    assert info["epochs"] == 2
    assert info["parameters"] == 2651
    assert info["seed"] == 7
    phases = info["phases"]
    assert list(phases) == ["data", "scale", "start", "train", "export", "score", "write"]
    assert [phase["rows"] for phase in phases.values()] == [1000, 800, None, 2 * 790, 200, 790 + 200, None]
    assert all(
        phases[name]["seconds"] > 0 for name in ("start", "train", "export")
    )  # the others may round to nothing
    assert phases["train"]["rows_per_second"] == pytest.approx(1580 / phases["train"]["seconds"], rel=0.01)
    peaks = [phase["peak_bytes"] for phase in phases.values()]
    assert peaks == sorted(peaks)
    assert 50e6 < peaks[0] < 100e9  # bytes, and neither KiB nor pages
    assert {"python", "tensorflow", "keras", "numpy"} <= set(info["versions"])
    history = [json.loads(row) for row in (small_run / "history.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in history] == [1, 2]
    assert set(history[0]) == {"epoch", "loss", "validation_loss", "learning_rate", "seconds"}
    assert (small_run / "report.md").read_text().startswith("Test MSE ")
    assert len((small_run / "forecast.csv").read_text().splitlines()) == 201


def test_train__of_the_resolved_experiment_gives_the_same_bits(
    rnnfc: Command, small_run: Path, tmp_path: Path
) -> None:
    done = rnnfc("train", small_run / "experiment.yaml", "--outputs", tmp_path, "--json")
    assert done.code == 0, done.err
    again = Path(json.loads(done.out)["runs"][0]["run"])
    assert (again / "weights.npz").read_bytes() == (small_run / "weights.npz").read_bytes()
    assert (again / "forecast.csv").read_bytes() == (small_run / "forecast.csv").read_bytes()
    assert yaml.safe_load((again / "experiment.yaml").read_text()) == yaml.safe_load(
        (small_run / "experiment.yaml").read_text()
    )


def test_train__prints_results_to_stdout_and_progress_to_stderr(rnnfc: Command, tmp_path: Path) -> None:
    done = rnnfc(
        "train", SINE, "--set", "train.epochs=1", "--set", "train.batch_size=64", "--outputs", tmp_path
    )
    assert done.code == 0
    assert [text.split()[0] for text in done.out.splitlines()] == [
        "test",
        "baselines",
        "verdict",
        "saved",
        "next",
    ]
    assert [text.split()[0] for text in done.err.splitlines()] == ["data", "windows", "training"]
    assert "10 -> 1: 790 train · 200 test     SimpleRNN 50, 2,651 parameters" in done.err


def test_evaluate__gives_the_scores_of_training(rnnfc: Command, small_run: Path) -> None:
    done = rnnfc("evaluate", small_run, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["largest_difference"] <= 1e-6
    assert result["scores"] == json.loads((small_run / "report.json").read_text())["scores"]
    text = rnnfc("evaluate", "--outputs", small_run.parent)
    assert "check       the same scores as training (largest difference 0.0e+00)" in text.out
    assert str(small_run) in text.err


def test_evaluate__exits_1_if_stored_scores_differ(rnnfc: Command, small_run: Path, tmp_path: Path) -> None:
    folder = copied(small_run, tmp_path)
    report = json.loads((folder / "report.json").read_text())
    report["scores"][0]["value"] *= 2
    (folder / "report.json").write_text(json.dumps(report))
    seal(folder)
    done = rnnfc("evaluate", folder)
    assert done.code == 1
    assert "check       NOT the scores of training (largest difference 5.0e-01 of its value: " in done.out
    report["scores"][0]["value"] = None
    (folder / "report.json").write_text(json.dumps(report))
    seal(folder)
    done = rnnfc("evaluate", folder, "--json")
    assert (done.code, json.loads(done.out)["largest_difference"]) == (1, 1.0)


@pytest.mark.parametrize(
    ("name", "old", "new", "text"),
    [
        (
            "report.json",
            '"scores": [',
            '"other": [',
            "report.json: cannot be read ('scores' is missing); the run is damaged",
        ),
        (
            "report.json",
            '"metric": "mse"',
            '"metric": "mze"',
            "its scores are not those of its experiment; the run is damaged",
        ),
        (
            "report.json",
            '"value": ',
            '"value": "x", "x": ',
            "report.json: cannot be read (a score is not a finite number)",
        ),
        ("scaler.json", '"center": [', '"center": [[0.0, 1.0]], "x": [', "scaler.json: cannot be read"),
        ("scaler.json", '"scale": [', '"scale": [[0.0]], "x": [', "finite numbers for 1 columns are needed"),
        (
            "experiment.yaml",
            '"length": 10',
            '"length": 11',
            "last_window.npz: cannot be read (11 rows of 1 columns are needed)",
        ),
        (
            "experiment.yaml",
            '"units": [50]',
            '"units": [51]',
            "2,651 weights, the experiment's network has 2,755",
        ),
    ],
)
def test_evaluate__names_the_damaged_file_in_one_sentence(
    rnnfc: Command, small_run: Path, tmp_path: Path, name: str, old: str, new: str, text: str
) -> None:
    folder = copied(small_run, tmp_path)
    edited(folder / name, old, new)
    done = rnnfc("evaluate" if name == "report.json" else "predict", folder, "--runtime", "keras")
    assert done.code == 2
    assert text in done.err
    assert done.err.splitlines()[-1].startswith("error: ")


def test_evaluate__refuses_changed_data(rnnfc: Command, small_run: Path, tmp_path: Path) -> None:
    folder = copied(small_run, tmp_path)
    edited(folder / "experiment.yaml", '"noise": 0.0', '"noise": 0.1')
    done = rnnfc("evaluate", folder)
    assert done.code == 2
    assert "the data has changed since this run was trained" in done.err
    assert "restore these rows, or train again" in done.err


def test_predict__prints_time_step_and_value(rnnfc: Command, small_run: Path) -> None:
    done = rnnfc("predict", small_run, "--last-window", "--steps", "3")
    assert done.code == 0
    head, *rows = (text.split() for text in done.out.splitlines())
    assert head == ["time", "step", "sine"]
    assert [row[:2] for row in rows] == [["100.1001001", "1"], ["100.2002002", "2"], ["100.3003003", "3"]]


def test_predict__feeds_forecasts_back_beyond_the_horizon(rnnfc: Command, small_run: Path) -> None:
    def values(*options: str) -> list[float]:
        done = rnnfc("predict", small_run, "--last-window", "--json", *options)
        return [row["value"]["sine"] for row in json.loads(done.out)["forecast"]]

    (first,) = values()
    two, three = values("--steps", "2"), values("--steps", "3")
    assert two[0] == first
    assert three[:2] == two
    # By hand: the second step sees the first one as its newest row.
    from rnnfc.training.keras_engine import KerasEngine

    which = Run.open(small_run)
    panel, scaler = which.last_window(length=10), which.scaler(channels=1)
    network = KerasEngine().restore(which.experiment(), panel, scaler, which.weights(), source="test")
    rows = np.append(panel.values[1:, 0], first)
    scaled = ((rows - scaler.center[0]) / scaler.scale[0]).astype(np.float32)
    expected = (
        network.net.inference_model(scaled[None, :, None]).numpy()[0, 0, 0] * scaler.scale[0, 0]
        + scaler.center[0, 0]
    )
    assert two[1] == pytest.approx(float(expected), abs=1e-6)
    assert values("--steps", "3", "--runtime", "keras") == pytest.approx(three, abs=2e-5)


def test_predict__imports_neither_tensorflow_nor_pandas(small_run: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom rnnfc.cli import main\ntry:\n    main(sys.argv[1:])\n"
        "finally:\n    assert not {'tensorflow', 'keras', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
    )
    for command in ("predict", "evaluate"):
        arguments = [sys.executable, "-c", script, command, str(small_run)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_evaluate__with_keras_names_the_scores_of_another_network(
    rnnfc: Command, small_run: Path, tmp_path: Path
) -> None:
    folder = copied(small_run, tmp_path)
    with np.load(folder / "weights.npz") as stored:
        weights = dict(stored)
    last = list(weights)[-1]
    weights[last] = weights[last] + np.float32(0.001)
    np.savez(folder / "weights.npz", **weights)
    seal(folder)
    done = rnnfc("evaluate", folder, "--runtime", "keras", "--json")
    result = json.loads(done.out)
    assert done.code == 1
    assert "rmse, network, test split" in result["changed_scores"]


def test_evaluate__with_keras_agrees_with_onnx(rnnfc: Command, small_run: Path) -> None:
    done = rnnfc("evaluate", small_run, "--runtime", "keras", "--json")
    result = json.loads(done.out)
    assert (done.code, result["changed_scores"]) == (0, [])
    assert result["largest_difference"] < 1e-3
    assert 0 <= json.loads((small_run / "run.json").read_text())["onnx_difference"] <= 1e-5


@pytest.mark.parametrize(
    ("content", "text"), [(b"", "not a readable ONNX model"), (None, "No such file or directory")]
)
def test_predict__refuses_a_damaged_onnx_file(
    rnnfc: Command, small_run: Path, tmp_path: Path, content: bytes | None, text: str
) -> None:
    folder = copied(small_run, tmp_path)
    (folder / "model.onnx").unlink()
    if content is not None:
        (folder / "model.onnx").write_bytes(content)
    seal(folder)
    done = rnnfc("predict", folder)
    assert (done.code, text in done.err) == (2, True)
    assert done.err.splitlines()[-1].startswith(f"error: {folder / 'model.onnx'}: ")


def test_predict__needs_the_run_folder_alone(rnnfc: Command, tmp_path: Path) -> None:
    rows = "".join(f"2020-01-{day:02d},{day % 5},{day % 3}\n" for day in range(1, 31))
    (tmp_path / "sales.csv").write_text("day,sold,price\n" + rows)
    config = tmp_path / "sales.yaml"
    config.write_text(
        "name: sales\nseed: 1\ndata: {kind: csv, path: sales.csv, time: day, target: sold, inputs: price, unit: boxes}\n"
        "window: {length: 4, horizon: 2}\nsplit: {train: 0.5, validation: 0.2, test: 0.3}\n"
        "model: {kind: stacked, cell: LSTM, units: [2], dropout: 0.1}\n"
        "train: {epochs: 2, batch_size: 4, early_stopping: {patience: 1}}\n"
    )
    assert rnnfc("train", config, "--outputs", tmp_path / "out").code == 0
    (tmp_path / "sales.csv").unlink()
    done = rnnfc("predict", "sales", "--last-window", "--outputs", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert [row["time"] for row in result["forecast"]] == ["2020-01-31", "2020-02-01"]
    assert (result["unit"], result["last_time"], result["notes"]) == ("boxes", {"sales": "2020-01-30"}, [])
    done = rnnfc("predict", "sales", "--last-window", "--steps", "3", "--outputs", tmp_path / "out")
    assert done.code == 2
    assert (
        "3 steps: beyond the horizon 2 the network needs future values of price; ask for at most 2 steps"
        in done.err
    )
    done = rnnfc("evaluate", "--outputs", tmp_path / "out")
    assert (done.code, "sales.csv: no such file" in done.err) == (2, True)


def test_predict__notes_inputs_outside_the_training_range(rnnfc: Command, tmp_path: Path) -> None:
    (tmp_path / "up.csv").write_text("v\n" + "".join(f"{row}\n" for row in range(40)))
    config = tmp_path / "up.yaml"
    config.write_text(
        "name: up\ndata: {kind: csv, path: up.csv, target: v}\nwindow: {length: 3}\nsplit: {train: 0.5, test: 0.5}\n"
        "model: {kind: stacked, cell: SimpleRNN, units: [2]}\ntrain: {epochs: 1}\n"
    )
    assert rnnfc("train", config, "--outputs", tmp_path / "out").code == 0
    done = rnnfc("predict", "--last-window", "--outputs", tmp_path / "out")
    assert (
        "note        v runs from 37.00 to 39.00 in the last window; training saw 0.0000 to 19.00, so the network extra"
        in done.err
    )
    done = rnnfc("predict", "--last-window", "--steps", "2", "--outputs", tmp_path / "out")
    assert "to 39.00 in the last window and forecasts fed back; training saw" in done.err


def test_predict__counts_steps_if_times_are_not_known(rnnfc: Command, tmp_path: Path) -> None:
    (tmp_path / "days.csv").write_text(
        "d,v\n" + "".join(f"2021-03-{day:02d},{day % 4}\n" for day in range(1, 31) if day % 7)
    )
    config = tmp_path / "days.yaml"
    config.write_text(
        "name: days\ndata: {kind: csv, path: days.csv, time: d, target: v, frequency: rows}\nwindow: {length: 3}\n"
        "split: {train: 0.6, test: 0.4}\nmodel: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1}\n"
    )
    assert rnnfc("train", config, "--outputs", tmp_path / "out").code == 0
    done = rnnfc("predict", "--last-window", "--steps", "2", "--outputs", tmp_path / "out")
    assert [text[:14] for text in done.out.splitlines()[1:]] == ["2021-03-30 + 1", "2021-03-30 + 2"]
    as_json = json.loads(rnnfc("predict", "--last-window", "--outputs", tmp_path / "out", "--json").out)
    assert as_json["forecast"][0]["time"] is None


def test_predict__forecasts_past_the_end_by_default(rnnfc: Command, small_run: Path) -> None:
    assert rnnfc("predict", small_run).out == rnnfc("predict", small_run, "--last-window").out


def test_predict__refuses_forecasts_that_are_not_finite(
    rnnfc: Command, small_run: Path, tmp_path: Path
) -> None:
    folder = copied(small_run, tmp_path)
    with np.load(folder / "weights.npz") as arrays:
        wild = {name: arrays[name] for name in arrays.files}
    wild[max(wild)] = np.full_like(wild[max(wild)], np.inf)  # the bias of the output layer
    np.savez(folder / "weights.npz", **wild)
    seal(folder)
    done = rnnfc("predict", folder, "--json", "--steps", "3", "--runtime", "keras")
    assert (done.code, done.out) == (1, "")
    assert "error: the forecast is not finite within step 1: " in done.err


def test_compare__prints_and_publishes_a_table(rnnfc: Command, small_run: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    copied(small_run, tmp_path)
    assert (
        rnnfc("train", SINE, "--set", "train.epochs=1", "--set", "name=other", "--outputs", outputs).code == 0
    )
    done = rnnfc("compare", "--outputs", outputs)
    assert done.code == 0, done.err
    assert "200 test rows that all runs forecast" in done.out
    as_json = json.loads(rnnfc("compare", "sine", "other", "--outputs", outputs, "--json").out)
    assert [row["rmse"] for row in as_json["scores"]] == sorted(row["rmse"] for row in as_json["scores"])
    assert as_json["folder"] is None
    written = rnnfc("compare", "sine", "other", "--outputs", outputs, "--output", tmp_path / "compared")
    assert written.code == 0, written.err
    assert (tmp_path / "compared/compare.png").stat().st_size > 5_000


def test_train__keeps_runs_that_cannot_be_compared(rnnfc: Command, tmp_path: Path) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(
        SINE.read_text().replace("points: 1000", "points: 300").replace("stop: 100.0", "stop: 33.0")
    )
    options = ("--set", "train.epochs=1", "--set", "train.batch_size=64", "--outputs", tmp_path / "out")
    done = rnnfc("train", SINE, small, *options)
    assert done.code == 0
    assert "note        no comparison: " in done.err
    assert len(finished(tmp_path / "out")) == 2


def test_check__counts_without_training(rnnfc: Command) -> None:
    done = rnnfc("check", ROOT / "configs/stacked.yaml")
    assert done.code == 0
    assert "2,524 windows, targets 1981-01-31 to 1987-12-31" in done.out
    assert "16,161 parameters" in done.out
    result = json.loads(rnnfc("check", SINE, "--set", "model.units=[3]", "--json").out)
    assert result["windows"]["test"] == {"count": 200, "first_target": "80.08008008", "last_target": "100"}
    assert result["parameters"] == 3 * (1 + 3 + 1) + 4
    assert result["updates"] == 50 * 790


def test_init__writes_a_valid_config_and_never_overwrites(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rnnfc("init", "mine").code == 0
    assert rnnfc("check", "mine.yaml").code == 0
    before = (tmp_path / "mine.yaml").read_bytes()
    done = rnnfc("init", "mine")
    assert (done.code, done.err) == (
        2,
        "error: mine.yaml: already exists and is left unchanged; choose another name\n",
    )
    assert (tmp_path / "mine.yaml").read_bytes() == before


def test_schema__is_json(rnnfc: Command) -> None:
    assert json.loads(rnnfc("schema").out)["additionalProperties"] is False


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["train", "missing.yaml"],
            "missing.yaml: no such file; 'rnnfc init NAME' writes a config to start from",
        ),
        (["train"], "no CONFIG given; 'rnnfc init NAME' writes one"),
        (["trian", "x"], "No such command 'trian'"),
        (["train", str(SINE), "--epochs", "5"], "No such option: --epochs"),
        (
            ["train", str(SINE), "--set", "train.epochs=0"],
            "--set train.epochs=0: train.epochs: got 0; must be 1 or more",
        ),
        (["predict", "--last-window", "--steps", "0"], "Invalid value for '--steps'"),
        (
            ["evaluate", "--outputs", "nowhere"],
            "nowhere: no finished run; train one: rnnfc train configs/sine.yaml",
        ),
        (["evaluate", "nosuch", "--outputs", "nowhere"], "nowhere: no finished run 'nosuch'"),
        (["compare", "--outputs", "nowhere"], "compare needs two different finished runs"),
        (
            ["train", str(SINE), "--outputs", str(SINE)],
            "sine.yaml: a file, not a folder",
        ),
        (["init", "../escape"], "letters, digits, '.', '_' and '-' are allowed"),
    ],
)
def test_main__exits_2_with_one_sentence_for_a_mistake(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = rnnfc(*arguments)
    assert done.code == 2
    assert text in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") <= 3
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_main__reports_all_mistakes_of_a_config_at_once(rnnfc: Command, tmp_path: Path) -> None:
    edit = SINE.read_text().replace("epochs: 50", "epochs: 0").replace("length: 10", "lenght: 10")
    (tmp_path / "bad.yaml").write_text(edit)
    done = rnnfc("train", tmp_path / "bad.yaml", "--outputs", tmp_path / "out")
    assert done.code == 2
    assert len(done.err.splitlines()) == 2
    assert "bad.yaml:5: window.lenght: unknown key; did you mean 'length'?" in done.err
    assert not (tmp_path / "out").exists()


def test_train__checks_every_config_before_the_first_training(rnnfc: Command, tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SINE.read_text().replace("points: 1000", "points: 12"))
    done = rnnfc("train", SINE, tmp_path / "short.yaml", "--outputs", tmp_path / "out")
    assert done.code == 2
    assert "window.length=10" in done.err
    assert not (tmp_path / "out").exists()


def test_train__exits_1_and_publishes_nothing_if_training_diverges(rnnfc: Command, tmp_path: Path) -> None:
    done = rnnfc(
        *(
            "train",
            SINE,
            "--set",
            "train.optimizer=sgd",
            "--set",
            "train.learning_rate=10",
            "--set",
            "model.activation=linear",
        ),
        *("--outputs", tmp_path / "out"),
    )
    assert done.code == 1
    assert "is not finite in epoch 1, step" in done.err
    assert "lower train.learning_rate" in done.err
    assert list((tmp_path / "out").iterdir()) == []


def test_main__exits_130_on_ctrl_c_and_leaves_nothing(
    rnnfc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnfc.workflows.fit.train_epochs", interrupted)
    done = rnnfc("train", SINE, "--outputs", tmp_path / "out")
    assert done.code == 130
    assert done.err.endswith("interrupted\n")
    assert list((tmp_path / "out").iterdir()) == []


def test_main__exits_143_on_sigterm(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rnnfc",
        "train",
        str(SINE),
        "--set",
        "train.epochs=1000000",
        "--outputs",
        str(tmp_path / "out"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(600):
            if (tmp_path / "out").exists() and any((tmp_path / "out").iterdir()):
                break
            time.sleep(0.1)
        time.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("gone", ["stdout", "stderr"])
def test_main__continues_when_the_reader_of_a_pipe_has_ended(tmp_path: Path, gone: str) -> None:
    command = [
        sys.executable,
        "-m",
        "rnnfc",
        "train",
        str(SINE),
        "--set",
        "train.epochs=1",
        "--outputs",
        str(tmp_path / "out"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        streams = {"stdout": process.stdout, "stderr": process.stderr}
        closed = streams.pop(gone)
        assert closed is not None
        closed.close()  # what `| head` does once it has seen enough
        (other,) = streams.values()
        assert other is not None
        told = other.read()
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert len(finished(tmp_path / "out")) == 1


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs Linux's /dev/full, a disk that is always full"
)
@pytest.mark.parametrize("command", ["schema", "check"])
def test_main__reports_a_full_disk_under_stdout(tmp_path: Path, command: str) -> None:
    arguments = [sys.executable, "-m", "rnnfc", command, *([str(SINE)] if command == "check" else [])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
        )
    text = "error: the output could not be written (No space left on device); free some space or send it elsewhere\n"
    assert (done.returncode, done.stderr) == (1, text)


def test_main__works_in_an_ascii_terminal(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "rnnfc", "check", str(ROOT / "configs/stacked.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, cwd=tmp_path)
    assert "unit: ?C" in done.stdout


def test_main__reports_out_of_memory(rnnfc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnfc.workflows import prepare

    def too_much(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(prepare, "load_panel", too_much)
    done = rnnfc("check", SINE)
    assert (done.code, done.err) == (
        1,
        "error: out of memory; 'rnnfc check CONFIG' estimates what training needs\n",
    )


def test_init__reports_a_folder_that_is_not_writable(rnnfc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    done = rnnfc("init", "mine")
    assert done.code == 1
    assert done.err.startswith("error: mine.yaml: could not be written (")


def test_evaluate__finds_runs_beside_a_folder_of_the_same_name(
    rnnfc: Command, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert rnnfc("predict", "sine", "--outputs", small_run.parent).code == 0
    assert "sine: not a run folder" in rnnfc("predict", "sine", "--outputs", tmp_path / "none").err
    assert "did you mean 'sine'?" in rnnfc("predict", "sinne", "--outputs", small_run.parent).err


def test_train__suggests_a_next_command_that_works(rnnfc: Command, tmp_path: Path) -> None:
    options = ("--set", "train.epochs=1", "--set", "train.batch_size=64")
    done = rnnfc("train", SINE, *options, "--outputs", tmp_path / "else where")
    command = done.out.splitlines()[-1].removeprefix("next").strip()
    assert rnnfc(*shlex.split(command)[1:]).code == 0


def test_check__refuses_what_train_would_refuse(rnnfc: Command, tmp_path: Path) -> None:
    (tmp_path / "flat.csv").write_text("v\n" + "3\n" * 30)
    (tmp_path / "flat.yaml").write_text(
        "name: flat\ndata: {kind: csv, path: flat.csv, target: v}\nwindow: {length: 2}\nsplit: {train: 0.5, test: 0.5}\n"
        "model: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1}\n"
    )
    checked, trained = (
        rnnfc("check", tmp_path / "flat.yaml"),
        rnnfc("train", SINE, tmp_path / "flat.yaml", "--outputs", tmp_path / "out"),
    )
    assert checked.code == trained.code == 2
    assert checked.err == trained.err
    assert "flat: v is constant on the training rows" in checked.err


def test_train__continues_after_a_failure_and_lists_it(rnnfc: Command, tmp_path: Path) -> None:
    wild = tmp_path / "wild.yaml"
    wild.write_text(
        SINE.read_text()
        .replace("optimizer: adam", "optimizer: sgd")
        .replace("learning_rate: 0.001", "learning_rate: 10")
    )
    edited(wild, "units: [50]", "units: [50], activation: linear")
    short = ["--set", "train.epochs=1", "--outputs", tmp_path / "out"]
    done = rnnfc("train", wild, SINE, wild, *short, "--json")
    assert done.code == 1
    result = json.loads(done.out)
    assert [len(result["runs"]), list(result["failed"])] == [1, [str(wild), f"{wild} (2)"]]
    assert all("not finite" in reason for reason in result["failed"].values())
    assert "1 of 3 trainings finished" in done.err
    assert done.err.count(str(wild)) == 4, "the reasons when they fail, and in the list at the end"


def test_version__is_printed(rnnfc: Command) -> None:
    assert rnnfc("--version").out == f"rnnfc {__version__}\n"


def test_main__refuses_wrong_input_before_tensorflow_starts(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("t,v\n2020-01-01,1\n2020-01-02,x\n2020-01-03,3\n")
    (tmp_path / "bad.yaml").write_text(
        "name: bad\ndata: {kind: csv, path: bad.csv, time: t, target: v}\nwindow: {length: 1}\nsplit: {test: 1}\n"
        "model: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1}\n"
    )
    script = (
        "import sys\nfrom rnnfc.cli import main\n"
        "try:\n    main(sys.argv[1:])\nfinally:\n    assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for arguments in (["train", "bad.yaml"], ["check", "bad.yaml"], ["check", str(SINE)]):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert "AssertionError" not in done.stderr
        if "bad.yaml" in arguments:
            assert done.returncode == 2
            assert done.stderr.startswith("error: bad.csv:3: v: 'x' is not a number")
            assert done.stderr.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


def test_main__restores_the_signal_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        main(["schema"])
    assert signal.getsignal(signal.SIGTERM) == before

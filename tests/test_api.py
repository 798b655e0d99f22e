"""The Python API: real trainings on frames of pandas, polars and pyarrow, and what stays silent and unimported."""

import datetime as dt
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from factories import yaml_text

import rnnfc
from rnnfc.runs.run import Run as RunFolder

ROOT = Path(__file__).parents[1]
TARGET = '<b>sold & "more"</b>'
CONFIG = yaml_text(
    name="shop",
    data={"kind": "frame", "time": "day", "target": TARGET, "known": ["price"], "season": 7},
    window="{length: 7, horizon: 2}",
    split="{test: 0.2}",
    model="{kind: stacked, cell: GRU, units: [2]}",
    train="{epochs: 4, batch_size: 8}",
)
LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


def days(first: int, last: int) -> dict[str, Any]:
    """Columns of the days `first` to `last` - 1 of 2024, with a price on Sundays."""
    number = np.arange(first, last)
    sold = 10.0 + np.sin(number * 2 * np.pi / 7)
    day = np.datetime64("2024-01-01", "us") + number * np.timedelta64(1, "D")
    return {"day": day, TARGET: sold, "price": (number % 7 == 6).astype(float)}


@pytest.fixture
def experiment(tmp_path: Path) -> Any:
    path = tmp_path / "shop.yaml"
    path.write_text(CONFIG)
    return rnnfc.load(path, {"train.epochs": 2, "name": "shop"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.yaml").write_text(CONFIG)
    experiment = rnnfc.load(folder / "shop.yaml", {"train.epochs": 1})
    return rnnfc.train(experiment, pd.DataFrame(days(0, 60)), outputs=folder / "outputs")


def values(frame: Any, column: str) -> list[Any]:
    return list(frame[column].to_pylist() if isinstance(frame, pa.Table) else frame[column].to_list())


@pytest.mark.parametrize("library", LIBRARIES)
def test_api__takes_and_returns_frames_of_one_library(
    experiment: Any, tmp_path: Path, library: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make = LIBRARIES[library]
    data, future = make(days(0, 60)), make(days(60, 64))
    assert rnnfc.check(experiment, data)["rows"] == 60
    run = rnnfc.train(experiment, data, outputs=tmp_path / "outputs")
    assert capfd.readouterr() == ("", "")
    scores = run.scores
    assert type(scores) is type(data)
    rows = [{**row, "target": row.get("target")} for row in run.report["scores"]]  # type: ignore[union-attr, dict-item, index]  # JSON
    assert values(scores, "value") == [row["value"] for row in rows]
    assert set(values(scores, "model")) >= {"network", "last value"}
    forecast = run.predict(steps=3, future=future)
    assert type(forecast) is type(data)
    assert [str(time)[:10] for time in values(forecast, "time")] == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert values(forecast, "step") == [1, 2, 3]
    assert values(forecast, "target") == [TARGET] * 3
    # Rows that the run has seen, passed in again, give the same forecast; the frame decides the library.
    again = rnnfc.open_run("shop", outputs=tmp_path / "outputs").predict(3, data=data, future=future)
    assert type(again) is type(data)
    assert values(again, "forecast") == values(forecast, "forecast")
    assert isinstance(rnnfc.open_run(run.folder).scores, pd.DataFrame)


def test_api__trains_the_run_that_the_command_line_trains(rnnfc: Any, tmp_path: Path) -> None:
    config = tmp_path / "sine.yaml"
    config.write_text(yaml_text(model="{kind: scratch, units: 3}"))
    assert rnnfc("train", config, "--outputs", tmp_path / "command").code == 0
    import rnnfc as api

    run = api.train(api.load(str(config)), outputs=tmp_path / "python")
    (folder,) = (tmp_path / "command").iterdir()
    for name in ("experiment.yaml", "report.json", "forecast.csv", "weights.npz"):
        assert (run.folder / name).read_bytes() == (folder / name).read_bytes()
    assert run.experiment == RunFolder(folder).experiment()


def test_api__shows_progress_on_request(
    experiment: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rnnfc.train(experiment, pd.DataFrame(days(0, 60)), outputs=tmp_path / "outputs", progress=True)
    out, err = capfd.readouterr()
    assert [line.split()[0] for line in err.splitlines()][:3] == ["data", "windows", "training"]
    assert {"test", "baselines", "verdict", "saved"} <= {line.split()[0] for line in out.splitlines()}


SCRATCH = yaml_text(
    name="plain",
    data={"kind": "frame", "time": "day", "target": "sold"},
    split="{test: 0.2}",
    model="{kind: scratch, units: 3}",
)


def train_on_frame(tmp_path: Path) -> Any:
    """A run that was trained on a data frame, under `outputs`."""
    import rnnfc as api

    (tmp_path / "plain.yaml").write_text(SCRATCH)
    frame = pd.DataFrame(days(0, 60)).rename(columns={TARGET: "sold"})
    return api.train(api.load(tmp_path / "plain.yaml"), frame, outputs=tmp_path / "outputs")


def test_run_of_a_frame__is_refused_where_its_data_is_needed(rnnfc: Any, tmp_path: Path) -> None:
    run = train_on_frame(tmp_path)
    commands: list[list[Any]] = [["evaluate"], ["verify"], ["explain", "--outputs", tmp_path]]
    for command, *options in commands:
        done = rnnfc(command, run.folder, *options)
        assert done.code == 2
        assert "trained on a data frame, which is not stored" in done.err
        assert "run.predict(data=frame)" in done.err
    target = tmp_path / "plain.onnx"
    assert rnnfc("export", run.folder, "--format", "onnx", "--to", target).code == 0


def test_run_of_a_frame__cannot_be_resumed_and_blocks_no_other(
    rnnfc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rnnfc.workflows.fit.restore_best_weights", stop)
        with pytest.raises(KeyboardInterrupt):
            train_on_frame(tmp_path)
    outputs = tmp_path / "outputs"
    assert [*outputs.iterdir()] == []
    killed = train_on_frame(tmp_path).folder.rename(outputs / ".20240101-000000-plain.killed")
    named = rnnfc("train", "--resume", killed)
    assert named.code == 2
    assert "trained on a data frame, which is not stored" in named.err
    unnamed = rnnfc("train", "--resume", "--outputs", outputs)
    assert unnamed.code == 2
    assert "no unfinished run" in unnamed.err


def test_compare__ranks_runs_in_a_frame(experiment: Any, tmp_path: Path) -> None:
    data, outputs = pl.DataFrame(days(0, 60)), tmp_path / "outputs"
    changed = experiment.model_copy(update={"name": "other", "seed": 8})
    runs = [rnnfc.train(each, data, outputs=outputs) for each in (experiment, changed)]
    frame = rnnfc.compare([runs[0], "other"], outputs=outputs)
    assert isinstance(frame, pl.DataFrame)
    assert {*frame["run"]} >= {run.name for run in runs}
    assert frame["rmse"].is_sorted()


def test_predict__has_a_column_for_each_level_and_times_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "levels.yaml"
    data = {"kind": "frame", "time": "day", "target": "sold"}
    model = "{kind: stacked, cell: GRU, units: [2], levels: [0.1, 0.5]}"
    path.write_text(
        yaml_text(data=data, model=model, split="{test: 0.2}", train="{epochs: 1, loss: pinball}")
    )
    frame = pd.DataFrame(days(0, 60)).rename(columns={TARGET: "sold"})
    frame["day"] = frame["day"].dt.tz_localize("+10:00")
    run = rnnfc.train(rnnfc.load(path), frame, outputs=tmp_path / "outputs")
    forecast = run.predict(3)
    assert list(forecast.columns) == ["series", "time", "step", "target", "forecast", "q0.1", "q0.5"]
    assert forecast["time"][0] == pd.Timestamp("2024-03-01", tz="+10:00")
    assert str(forecast["time"].dt.tz) == "UTC"
    # New rows at another offset are the same instants.
    in_utc = frame.assign(day=frame["day"].dt.tz_convert("UTC"))
    assert run.predict(3, data=in_utc).equals(forecast)
    # The horizon is 2; beyond it the spread is not known.
    assert forecast["q0.1"].isna().tolist() == [False, False, True]


def test_run__is_html_in_a_notebook_with_every_name_escaped(experiment: Any, tmp_path: Path) -> None:
    run = rnnfc.train(experiment, pd.DataFrame(days(0, 60)), outputs=tmp_path / "<i>outputs")
    folder = run.folder.rename(run.folder.with_name("<script>alert(1)</script>".replace("/", "_")))
    text = rnnfc.Run(folder)._repr_html_()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<td>network</td>" in text
    assert "RMSE" in text


USES: dict[str, Callable[[Any, Any], object]] = {
    "experiment": lambda run, _: run.experiment,
    "report": lambda run, _: run.report,
    "scores": lambda run, _: run.scores,
    "html": lambda run, _: run._repr_html_(),
    "predict": lambda run, _: run.predict(1, future=pd.DataFrame(days(60, 62))),
    "compare": lambda run, other: rnnfc.compare([other, run]),
}


@pytest.mark.parametrize("name", ["report.json", "forecast.csv"])
def test_run__with_one_changed_byte_is_refused(trained: Any, tmp_path: Path, name: str) -> None:
    run = rnnfc.Run(shutil.copytree(trained.folder, tmp_path / "copy"))
    content = (run.folder / name).read_bytes()
    place = re.search(rb"[0-8](?=[0-9]*\Z|\D*\Z)", content).start()  # type: ignore[union-attr]  # there is a digit
    changed = bytes([content[place] + 1])
    (run.folder / name).write_bytes(content[:place] + changed + content[place + 1 :])
    for use in USES.values():
        with pytest.raises(rnnfc.RunError, match=rf"{name}: .*SHA-256"):
            use(run, trained)


def test_run__that_is_not_finished_is_refused(trained: Any, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"status": "running"}')
    with pytest.raises(rnnfc.RunError, match="not finished"):
        rnnfc.Run(tmp_path).report  # noqa: B018  the access raises
    with pytest.raises(rnnfc.RunError, match="not a run folder"):
        rnnfc.Run(tmp_path / "nothing").scores  # noqa: B018  the access raises
    assert rnnfc.Run(str(trained.folder)) == trained
    assert rnnfc.Run(str(trained.folder)).report == trained.report


@pytest.mark.parametrize("steps", [0, -1, 2.5, "3", 1_000_001, True, float("nan")])
def test_predict__refuses_a_wrong_number_of_steps(trained: Any, steps: Any) -> None:
    with pytest.raises(rnnfc.ConfigError, match=r"^steps: got .* from 1 to 1,000,000$"):
        trained.predict(steps)


def test_predict__names_arguments_and_not_options(trained: Any, tmp_path: Path) -> None:
    future = pd.DataFrame(days(60, 64))
    calls: list[tuple[dict[str, Any], str]] = [
        ({}, "^future is missing; the network needs price"),
        ({"future": future, "series": "shop"}, "^series shop: unknown series"),
        ({"future": future.iloc[:1]}, "^future: .* 1 of the 2 rows"),
    ]
    for arguments, text in calls:
        with pytest.raises(rnnfc.RnnfcError, match=text) as caught:
            trained.predict(**arguments)
        assert arguments == {} or "--" not in str(caught.value)
    path = tmp_path / "sine.yaml"
    path.write_text(yaml_text(model="{kind: scratch, units: 3}"))
    sine = rnnfc.train(rnnfc.load(path), outputs=tmp_path / "outputs")
    for name in ("data", "future"):
        with pytest.raises(rnnfc.ConfigError, match=f"^{name}: .*leave it out") as caught:
            sine.predict(**{name: future})
        assert "--" not in str(caught.value)


def test_predict__takes_one_series_and_numpy_integers(trained: Any) -> None:
    future = pl.DataFrame(days(60, 64))
    forecast = trained.predict(np.int64(1), series="frame", future=future)
    assert isinstance(forecast, pl.DataFrame)
    assert forecast["series"].to_list() == ["frame"]
    # The library of the rows that forecasts start from comes first.
    assert isinstance(trained.predict(data=pd.DataFrame(days(0, 60)), future=future), pd.DataFrame)


def test_load__takes_values_that_are_not_json(tmp_path: Path) -> None:
    path = tmp_path / "sales.yaml"
    path.write_text(
        yaml_text(
            data={"kind": "csv", "path": "sales.csv", "time": "day", "target": "sold"}, split="{test: 0.2}"
        )
    )
    overrides = {
        "data.path": tmp_path / "caf\N{LATIN SMALL LETTER E WITH ACUTE}.csv",
        "train.epochs": np.int64(3),
        "train.learning_rate": np.float32(0.5),
        "split.test": dt.date(2024, 2, 1),
        "data.target": "\N{GRINNING FACE} sold",
        "seed": np.array(3),
    }
    experiment = rnnfc.load(path, overrides)
    assert experiment.data.path == str(overrides["data.path"])  # type: ignore[union-attr]  # a CSV
    assert (experiment.train.epochs, experiment.train.learning_rate, experiment.seed) == (3, 0.5, 3)
    assert experiment.split.test == "2024-02-01"
    assert experiment.data.target == (overrides["data.target"],)  # type: ignore[union-attr]  # a CSV
    assert rnnfc.load(path, "train.epochs=5").train.epochs == 5


def test_calls__with_a_wrong_kind_of_argument_are_refused_clearly(tmp_path: Path, trained: Any) -> None:
    for call in (rnnfc.train, rnnfc.check):
        with pytest.raises(rnnfc.ConfigError, match=r"^experiment: got 'x.yaml'; .*rnnfc\.load"):
            call("x.yaml")  # type: ignore[operator]  # from a table of calls
    with pytest.raises(rnnfc.RunError, match="no finished run 'fr'"):
        rnnfc.compare("fr", outputs=tmp_path)
    with pytest.raises(rnnfc.RunError, match="two different finished runs"):
        rnnfc.compare(trained)


def test_train__that_is_interrupted_says_where_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnfc.api._Silent.epoch", stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        rnnfc.train(rnnfc.load(ROOT / "configs/sine.yaml"), outputs=tmp_path / "outputs")
    (folder,) = (tmp_path / "outputs").iterdir()
    assert [str(folder) in note for note in caught.value.__notes__] == [True]


def test_errors__are_those_of_the_command_line(experiment: Any, tmp_path: Path) -> None:
    with pytest.raises(rnnfc.ConfigError, match="unknown key"):
        rnnfc.load(tmp_path / "shop.yaml", {"train.epoch": 5})
    with pytest.raises(rnnfc.DataError, match="price"):
        rnnfc.check(experiment, pd.DataFrame(days(0, 60)).drop(columns="price"))
    with pytest.raises(rnnfc.DataError, match="no data frame"):
        rnnfc.check(experiment)
    with pytest.raises(rnnfc.RunError, match="no finished run 'shop'"):
        rnnfc.open_run("shop", outputs=tmp_path)


def test_import__loads_nothing_heavy() -> None:
    heavy = ("numpy", "pandas", "tensorflow", "keras", "pydantic", "narwhals", "matplotlib", "typer", "yaml")
    code = f"import sys, rnnfc; dir(rnnfc); print({{*{heavy}}} & {{*sys.modules}})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_all__is_complete_and_documented() -> None:
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    for name in rnnfc.__all__:
        public = getattr(rnnfc, name)
        assert public.__name__ == name
        assert public.__doc__
        assert f"`rnnfc.{name}" in page
    for name in ("scores", "report", "experiment", "predict", "name"):
        assert getattr(rnnfc.Run, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(rnnfc, "nothing")  # noqa: B009  mypy would refuse it as an attribute


def test_runs__are_listed_tagged_and_removed(tmp_path: Path, small_run: Path) -> None:
    folders = [shutil.copytree(small_run, tmp_path / "out" / f"2026010{day}-000000-sine") for day in (1, 2)]
    outputs = tmp_path / "out"
    listed = rnnfc.list_runs(outputs=outputs)
    assert list(listed["run"]) == [folder.name for folder in reversed(folders)]
    assert (listed["status"] == "finished").all()
    report = rnnfc.open_run("sine", outputs=outputs).report
    best = min(
        row["value"]
        for row in report["scores"]
        if (row["split"], row["metric"], row["units"], row["step"]) == ("test", "rmse", "data", None)
        and row["model"] != "network"
    )
    assert listed["baseline_test"][0] == best
    run = rnnfc.tag(rnnfc.Run(folders[0]), "live")
    assert rnnfc.open_run("live", outputs=outputs) == run
    with pytest.raises(rnnfc.RunError, match="force"):
        rnnfc.remove(run)
    rnnfc.remove_tag("live", outputs=outputs)
    rnnfc.remove(run)
    rnnfc.remove("sine", outputs=outputs)
    assert len(rnnfc.list_runs(outputs=outputs)) == 0

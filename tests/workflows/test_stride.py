"""window.stride: training windows at every phase, baselines that do not move with it, and runs of earlier versions."""

import json
from pathlib import Path

import numpy as np
import pytest
from factories import make_experiment, train_run, write_csv, yaml_text

from rnnfc.baselines.linear_map import BASELINE
from rnnfc.cli.report_output import show_check
from rnnfc.cli.training_console import data_lines
from rnnfc.data.scaler import Scaler
from rnnfc.runs.run import Run
from rnnfc.workflows.prepare import Prepared, check, prepare, prepare_run

HOURS = np.arange(24 * 40)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("load") / "load.csv"
    return write_csv(path, y=100 + 40 * np.sin(HOURS * np.pi / 12) ** 3 + HOURS * 7919 % 13)


def strided(load: Path, stride: int) -> dict[str, object]:
    return {
        "data": f"{{kind: csv, path: {load}, target: y, season: 24}}",
        "window": f"{{length: 24, horizon: 6, stride: {stride}}}",
        "model": "{kind: scratch, units: 2}",
        "train": "{epochs: 1}",
    }


def prepared(load: Path, stride: int) -> Prepared:
    return prepare(make_experiment(**strided(load, stride)))


def test_prepare__hourly_windows_a_day_apart_meet_every_hour(load: Path) -> None:
    train = prepared(load, 24).splits.train
    assert len(train) == 27
    assert {*(train.origins % 24).tolist()} == {*range(24)}


def test_data_lines__say_that_a_stride_leaves_phases_out(load: Path) -> None:
    assert "48 (begun at 14 phases of data.season)" in data_lines(prepared(load, 48))[1][1]
    assert "stride 24:" in data_lines(prepared(load, 24))[1][1]


def test_check__says_that_a_stride_leaves_phases_out(load: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(prepared(load, 48)).get("phases") == 14
    assert "phases" not in check(prepared(load, 24))
    show_check(check(prepared(load, 48)))
    assert "14 windows (begun at 14 phases of data.season), targets" in capsys.readouterr().out


def test_linear_map__does_not_move_with_the_stride(load: Path) -> None:
    forecasts = []
    for stride in (1, 7, 24):
        part = prepared(load, stride)
        scaler = Scaler.fit(part.panel, part.splits.train_rows, **part.experiment.scale.model_dump())
        forecasts.append(BASELINE.fit(part.splits, scaler, 24).predict(part.splits.test).point)
    assert np.array_equal(forecasts[0], forecasts[1])
    assert np.array_equal(forecasts[0], forecasts[2])


def test_prepare_run__cuts_the_windows_that_the_run_was_trained_on(load: Path, tmp_path: Path) -> None:
    run = Run(train_run(tmp_path, yaml_text(**strided(load, 24))))
    assert np.array_equal(prepare_run(run)[0].splits.train.origins, prepared(load, 24).splits.train.origins)
    info = run.info()
    assert info.pop("fixed_stride") is False
    assert info.pop("fit_by_range") is True
    (run.folder / "run.json").write_text(json.dumps(info))  # as an earlier version wrote it
    earlier = prepare_run(run)[0]
    assert not earlier.fit_by_range
    splits = earlier.splits
    assert {*(splits.train.origins % 24).tolist()} == {0}
    assert splits.whole_train is None

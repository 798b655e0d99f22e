"""`explain` shows how far back the loss of any recurrent run reaches, and leaves the run as it is."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sealing import seal

from rnnfc.runs.run import Run
from rnnfc.workflows import explain
from rnnfc.workflows.explain import Curve
from rnnfc.workflows.prepare import prepare_run

Command = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def scratch_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the NumPy network, two epochs."""
    from rnnfc.cli import main

    outputs = tmp_path_factory.mktemp("scratch")
    with pytest.raises(SystemExit) as stopped:
        main(
            [
                "train",
                str(ROOT / "configs/sine_scratch.yaml"),
                "--set",
                "train.epochs=2",
                "--outputs",
                str(outputs),
            ]
        )
    assert stopped.value.code in (0, None)
    (folder,) = outputs.iterdir()
    return folder


def test_explain__compares_runs_of_both_engines(
    rnnfc: Command, small_run: Path, scratch_run: Path, tmp_path: Path
) -> None:
    before = [contents(folder) for folder in (small_run, scratch_run)]
    done = rnnfc("explain", small_run, scratch_run, small_run, "--outputs", tmp_path, "--json")
    assert done.code == 0, done.err
    assert [contents(folder) for folder in (small_run, scratch_run)] == before
    result = json.loads(done.out)
    (folder,) = tmp_path.iterdir()
    assert result["folder"] == str(folder)
    assert folder.name.endswith("-explain")
    assert set(contents(folder)) == {"explain.json", "explain.png", "manifest.sha256"}
    assert contents(folder)["explain.png"].startswith(b"\x89PNG")
    assert json.loads((folder / "explain.json").read_text())["curves"] == result["curves"]
    keras, numpy = result["curves"]  # a run that is named twice counts once
    assert (keras["run"], keras["state"], len(keras["norm"]), keras["windows"]) == (
        *(small_run.name, "layer 1, hidden state", 10, 200),
    )
    assert (numpy["run"], numpy["state"], len(numpy["norm"]), numpy["windows"]) == (
        *(scratch_run.name, "layer 1, hidden state", 5, 50),  # train.bptt_steps
    )
    for curve in result["curves"]:
        assert curve["share_left"] == pytest.approx(curve["norm"][-1] / curve["norm"][0])


def test_explain__reads_the_trained_network_on_its_test_windows(
    rnnfc: Command, scratch_run: Path, tmp_path: Path
) -> None:
    (curve,) = json.loads(rnnfc("explain", scratch_run, "--outputs", tmp_path, "--json").out)["curves"]
    opened = Run(scratch_run)
    U, W, b, V, c = (opened.weights()[letter] for letter in "UWbVc")  # noqa: N806  the letters of the equations
    windows = prepare_run(opened)[0].splits.test
    norms = np.zeros((50, 50))
    for row, (x, y) in enumerate(zip(windows.inputs()[:, :, 0], windows.targets()[:, 0, 0], strict=True)):
        states = [np.zeros(100)]
        for value in x:
            states.append(np.tanh(value * U[0] + states[-1] @ W + b))
        g = 2 * (states[-1] @ V[:, 0] + c[0] - y) * V[:, 0]
        for lag in range(50):
            norms[lag, row] = np.linalg.norm(g)
            g = W @ (g * (1 - states[50 - lag] ** 2))
    np.testing.assert_allclose(
        curve["norm"], norms.mean(axis=1)[:5], rtol=1e-9
    )  # training goes back no further


def test_explain__prints_a_table_and_the_folder(rnnfc: Command, scratch_run: Path) -> None:
    done = rnnfc("explain", "--outputs", scratch_run.parent)  # the newest run
    assert done.code == 0, done.err
    heading, row, saved = done.out.splitlines()
    assert heading.split("  ")[0] == "run"
    assert re.fullmatch(
        rf"{scratch_run.name}  layer 1, hidden state +[\d.e-]+ +(\d+ back|never) +\d\.\de-\d\d", row
    ), row
    assert re.fullmatch(r"saved       \S+-explain   explain\.png  explain\.json", saved)
    assert "\nkey         gradient at the end: norm of dL/dh at the last row of the window\n" in done.err


def test_explain__refuses_changed_data(rnnfc: Command, scratch_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(scratch_run, copy)
    info = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**info, "data_sha256": "0"}))
    seal(copy)
    done = rnnfc("explain", copy, "--outputs", tmp_path / "outputs")
    assert done.code == 2
    assert "the data has changed since this run was trained" in done.err
    assert not (tmp_path / "outputs").exists()


def test_explain__reads_at_most_200_evenly_spaced_windows(small_run: Path) -> None:
    windows = prepare_run(Run(small_run))[0].splits.test
    some = explain._subsample(replace(windows, origins=np.arange(10, 1009, dtype=np.int32)), width=3)
    assert (len(some), some.origins[0], some.origins[-1]) == (200, 10, 1008)
    assert set(np.diff(some.origins)) == {5, 6}
    assert len(explain._subsample(replace(windows, origins=np.arange(10, 17, dtype=np.int32)), width=3)) == 7
    assert len(explain._subsample(windows, width=10_000)) == 40  # 40 windows of 10 steps: 4 million states
    assert len(explain._subsample(windows, width=1_000_000)) == 1


@pytest.mark.parametrize(
    ("norm", "half_at", "share_left"),
    [
        ([4.0, 3.0, 1.0, 0.5], 2, 0.125),
        ([4.0, 1.0, 3.0, 1.0], 3, 0.25),  # it came back once
        ([4.0, 3.0, 5.0, 8.0], None, 2.0),  # it explodes
        ([0.0, 0.0], None, 0.0),
    ],
)
def test_curve__has_half_life_and_share_left(
    norm: list[float], half_at: int | None, share_left: float
) -> None:
    curve = Curve(run="r", state="s", windows=1, norm=np.array(norm))
    assert (curve.half_at, curve.share_left) == (half_at, share_left)


def test_curve__is_null_in_json_where_it_overflows() -> None:
    plain = Curve(run="r", state="s", windows=1, norm=np.array([1.0, 3.0, np.inf, np.nan])).to_json()
    assert (plain["norm"], plain["share_left"], plain["half_at"]) == ([1.0, 3.0, None, None], None, None)

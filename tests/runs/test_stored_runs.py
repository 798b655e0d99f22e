"""Runs of released versions still evaluate, predict, export and verify; stored/<version>/answers holds what that version said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sealing import seal

from rnnfc.runs.find import unfinished
from rnnfc.runs.run import Run

Command = Callable[..., Any]
STORED = Path(__file__).parent / "stored"
CONFIGS = Path(__file__).parents[2] / "configs"
RUNS = [path for version in STORED.iterdir() for path in sorted(version.iterdir()) if path.name != "answers"]
# Where the runs were trained.
HOME = "/srv/rnnfc/configs"
# Recorded facts that the last bits depend on: packages and the machine, but not the program itself.
BITS_DEPEND_ON = ("versions.", "machine.", "threads.")


@pytest.fixture(params=RUNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def stored(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def copy(stored: Path, tmp_path: Path) -> Path:
    """A copy of a stored run that names the data files of this checkout, with a manifest that says so."""
    folder = tmp_path / "outputs" / stored.name
    shutil.copytree(stored, folder)
    for name in ("experiment.yaml", "run.json"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(HOME, str(CONFIGS)), encoding="utf-8")
    seal(folder)
    return folder


def answer(stored: Path, command: str) -> Any:
    return json.loads((stored.parent / "answers" / f"{stored.name}.{command}.json").read_text())


def test_stored_run__is_the_folder_that_was_written(stored: Path) -> None:
    assert Run.open(stored).name == stored.name


def test_stored_run__evaluates_to_its_scores(rnnfc: Command, stored: Path, copy: Path) -> None:
    done = rnnfc("evaluate", copy, "--json")
    assert done.code == 0, done.err
    scores, before = (
        {row_key(row): row["value"] for row in report["scores"]}
        for report in (json.loads(done.out), answer(stored, "evaluate"))
    )
    assert {key: scores[key] for key in before} == pytest.approx(before, rel=1e-6)
    metrics = {key[2] for key in before}
    assert not [
        key for key in scores.keys() - before if key[2] in metrics
    ]  # later versions have more metrics
    assert json.loads(done.out)["largest_difference"] <= 1e-6


def row_key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("model", "split", "metric", "units", "series", "target", "step"))


def test_stored_run__predicts_its_forecast(rnnfc: Command, stored: Path, copy: Path) -> None:
    forecasts = []
    for text in (rnnfc("predict", copy, "--json").out, json.dumps(answer(stored, "predict"))):
        # To the digits that `predict` prints.
        forecast = json.loads(text, parse_float=lambda digits: f"{float(digits):.6g}")
        # The sentences of the notes have changed.
        forecasts.append({**forecast, "run": "", "notes": len(forecast["notes"])})
    assert forecasts[0] == forecasts[1]


def test_stored_run__exports(rnnfc: Command, copy: Path, tmp_path: Path) -> None:
    done = rnnfc("export", copy, "--format", "onnx", "--to", tmp_path / "network.onnx", "--json")
    assert done.code == 0, done.err
    parity = json.loads(done.out)["parity"]
    assert parity["of"] == "test"
    assert parity["largest_difference"] <= parity["allowed"]


def test_stored_run__verifies_or_names_what_has_changed(rnnfc: Command, copy: Path) -> None:
    done = rnnfc("verify", copy, "--json")
    result = json.loads(done.out)
    assert done.code == (0 if result["same"] else 1)
    assert any(text.startswith("code_sha256 ") for text in result["facts"])
    # Another machine or another package may change the last bits, and is named then; the program alone may not.
    others = [text for text in result["facts"] if text.startswith(BITS_DEPEND_ON)]
    others = [text for text in others if not text.startswith("versions.rnnfc ")]
    assert result["same"] or others, (result["results"], result["facts"])


def test_stored_run__is_not_resumed_by_another_program(rnnfc: Command, copy: Path) -> None:
    """As if it had been killed between its last epoch and its name."""
    hidden = copy.rename(copy.with_name(f".20261201-000000-{copy.name}.0123456789ab"))
    assert [run.folder for run in unfinished(hidden.parent)] == [hidden]
    done = rnnfc("train", "--resume", "--outputs", hidden.parent)
    assert (done.code, done.out) == (2, "")
    assert str(hidden) in done.err
    assert "code_sha256 14ddf735bd" in done.err
    assert "--resume" in done.err

"""Every shipped experiment, trained from the command line with its real budget, shows what its header promises."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFIGS = Path(__file__).parents[1] / "configs"

Command = Callable[..., Any]


def train(rnnfc: Command, outputs: Path, name: str, *options: str) -> dict[str, Any]:
    """report.json of a run of configs/<name>.yaml."""
    done = rnnfc("train", CONFIGS / f"{name}.yaml", "--outputs", outputs, "--json", *options)
    assert done.code == 0, done.err
    (run,) = json.loads(done.out)["runs"]
    return dict(run)


def score(report: dict[str, Any], metric: str, *, model: str = "network", units: str = "data") -> float:
    (value,) = (
        row["value"]
        for row in report["scores"]
        if (row["model"], row["split"], row["metric"], row["units"], row["step"])
        == (model, "test", metric, units, None)
    )
    return float(value)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sine__reaches_1e_6_and_forecasts_the_next_value(rnnfc: Command, tmp_path: Path, seed: int) -> None:
    report = train(rnnfc, tmp_path, "sine", "--set", f"seed={seed}")
    assert score(report, "mse", units="scaled") <= 1e-6
    done = rnnfc("predict", "--last-window", "--outputs", tmp_path, "--json")
    (ahead,) = json.loads(done.out)["forecast"]
    assert ahead["value"]["sine"] == pytest.approx(-0.41766, abs=0.01)  # sin(100 * 1000 / 999)


def test_sine_relu_and_sine_lstm__are_compared_on_the_same_rows(rnnfc: Command, tmp_path: Path) -> None:
    done = rnnfc(
        "train", CONFIGS / "sine_relu.yaml", CONFIGS / "sine_lstm.yaml", "--outputs", tmp_path, "--json"
    )
    assert done.code == 0, done.err
    result = json.loads(done.out)
    comparison = result["comparison"]
    assert comparison["rows"] == 200
    by_name = {row["run"].split("-", 2)[2]: row["mse"] for row in comparison["scores"]}
    for run in result["runs"]:
        assert by_name[run["experiment"]] == pytest.approx(score(run, "mse"), rel=1e-9)
        assert score(run, "mse", units="scaled") < 0.005
    assert comparison["folder"] is None


def test_sine_long__reaches_2e_5(rnnfc: Command, tmp_path: Path) -> None:
    assert score(train(rnnfc, tmp_path, "sine_long"), "mse") <= 2e-5


def test_sine_integer__forecasts_50_test_windows_to_a_thousandth(rnnfc: Command, tmp_path: Path) -> None:
    report = train(rnnfc, tmp_path, "sine_integer")
    assert report["ledger"]["windows"] == {"train": 100, "test": 50}
    assert score(report, "rmse") <= 0.001


def test_sine_scratch__forecasts_50_test_windows_to_a_hundredth(rnnfc: Command, tmp_path: Path) -> None:
    report = train(rnnfc, tmp_path, "sine_scratch")
    assert report["ledger"]["windows"] == {"train": 100, "test": 50}
    assert score(report, "rmse") <= 0.01
    lesson = train(rnnfc, tmp_path, "sine_scratch_sigmoid")
    assert score(lesson, "rmse") == pytest.approx(0.694, abs=0.01)
    faster = train(rnnfc, tmp_path, "sine_scratch_sigmoid", "--set", "train.learning_rate=0.01")
    assert score(faster, "rmse") <= 0.01


def test_explain_configs__gradient_vanishes_less_in_an_lstm(rnnfc: Command, tmp_path: Path) -> None:
    reports = {
        name: train(rnnfc, tmp_path, name) for name in ("explain_rnn", "explain_sigmoid", "explain_lstm")
    }
    assert all(1.0 <= score(report, "rmse") <= 1.02 for report in reports.values())
    done = rnnfc("explain", *reports, "--outputs", tmp_path, "--json")
    left = {
        (curve["run"].split("-", 2)[2], curve["state"]): curve["share_left"]
        for curve in json.loads(done.out)["curves"]
    }
    hidden, cell = "layer 1, hidden state", "layer 1, cell state"
    assert (
        left["explain_sigmoid", hidden]
        < 1e-6
        < 1e-4
        < left["explain_rnn", hidden]
        < left["explain_lstm", cell] / 5
    )


# The scores of the naive forecasters are those of configs/data/README.md.
@pytest.mark.parametrize(
    ("name", "naive", "bound"), [("airline", 46.34, 46.0), ("airline_year", 50.80, 18.0)]
)
def test_airline__beats_every_naive_baseline(
    rnnfc: Command, tmp_path: Path, name: str, naive: float, bound: float
) -> None:
    report = train(rnnfc, tmp_path, name)
    assert score(report, "rmse", model="seasonal naive") == pytest.approx(naive, abs=0.005)
    assert score(report, "rmse") < bound
    assert all(
        score(report, "rmse") < score(report, "rmse", model=model)
        for model in ("last value", "drift", "seasonal naive")
    )


def test_stock__has_no_gain_over_the_last_value(rnnfc: Command, tmp_path: Path) -> None:
    report = train(rnnfc, tmp_path, "stock")
    naive = score(report, "rmse", model="last value")
    assert naive == pytest.approx(1.246, abs=0.0005)
    assert abs(score(report, "rmse") / naive - 1) <= 0.02
    assert "the network shows no clear gain over the best baseline, the last value" in report["verdict"]


def test_stacked__is_as_good_as_the_linear_map(rnnfc: Command, tmp_path: Path) -> None:
    report = train(rnnfc, tmp_path, "stacked")
    assert score(report, "rmse", model="last value") == pytest.approx(2.48, abs=0.005)
    assert score(report, "rmse", model="linear map") == pytest.approx(2.22, abs=0.005)
    assert score(report, "rmse") <= 2.25


def test_stocks__is_one_network_for_five_series(rnnfc: Command, tmp_path: Path) -> None:
    report = train(rnnfc, tmp_path, "stocks")
    assert report["ledger"]["series"] == 5
    assert score(report, "rmse", model="last value") == pytest.approx(20.30, abs=0.005)
    assert score(report, "rmse") <= 21.5
    (run,) = tmp_path.iterdir()
    rows = (run / "forecast.csv").read_text(encoding="utf-8").splitlines()[1:]
    # 21 months from 2008-07 to 2010-03 for each series
    assert Counter(row.split(",")[0] for row in rows) == dict.fromkeys(
        ("MSFT", "AMZN", "IBM", "GOOG", "AAPL"), 21
    )
    assert "- rows: 560 of 5 series, missing values" in (run / "report.md").read_text(encoding="utf-8")
    done = rnnfc("evaluate", run)
    assert (done.code, "the same scores as training" in done.out) == (0, True)


def test_configs__are_all_tested() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    names = {path.stem for path in CONFIGS.glob("*.yaml")}
    assert len(names) == 15
    assert all(re.search(rf"\b{name}(\.yaml)?\"", tested) for name in names)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_configs__open_with_their_command(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# rnnfc train configs/")
    assert f"configs/{path.name}" in first

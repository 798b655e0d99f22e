"""Output for people: results on stdout, progress on stderr, a bar on a terminal only."""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from rnnfc.cli import output, report_output, training_console
from rnnfc.cli.training_console import TrainingConsole
from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml, load
from rnnfc.evaluation.scores import Score
from rnnfc.reports.report import NETWORK, Report
from rnnfc.reports.text import format_number
from rnnfc.runs.run import Run
from rnnfc.workflows.prepare import Prepared, check, prepare

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Epoch:
    """A row of the history."""

    epoch: int
    loss: float
    validation_loss: float | None = None
    learning_rate: float = 0.002


@pytest.fixture
def sine() -> Prepared:
    """1,000 rows without a gap."""
    return prepare(load(ROOT / "configs/sine.yaml"))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal or CI that runs the tests does not matter."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Output of the bar on a terminal of 120 columns."""
    screen = io.StringIO()

    def new_console(*, stderr: bool) -> Console:
        assert stderr
        return Console(file=screen, force_terminal=True, width=120, color_system=None)

    monkeypatch.setattr(training_console, "RichConsole", new_console)
    return screen


DATA_LINES = """\
data        1,000 rows, every 0.1001, 0 to 100
windows     10 -> 1: 790 train · 200 test     SimpleRNN 50, 2,651 parameters
"""


def test_training_console__without_a_terminal_prints_data_and_end_to_stderr(
    sine: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    listener = TrainingConsole()
    listener.prepared(sine)
    listener.tick(0.5)
    listener.epoch(Epoch(1, 0.5), total=2)
    listener.epoch(Epoch(2, 0.25), total=2)
    assert tuple(capsys.readouterr()) == ("", DATA_LINES)
    listener.trained([Epoch(1, 0.5), Epoch(2, 0.25)], best_epoch=0, total=2, seconds=1.26)
    listener.close()
    assert tuple(capsys.readouterr()) == ("", "training    epoch 2/2 · loss 0.2500 · 1.3 s\n")


@pytest.mark.parametrize(
    ("epochs", "each", "expected"),
    [
        (40, 0.1, []),
        (40, 1.0, [f"epoch {epoch}/40 · loss {format_number(1 / epoch)}" for epoch in (11, 21, 31)]),
        (
            40,
            60.0,
            [
                f"epoch {epoch}/40 · loss {format_number(1 / epoch)}"
                for epoch in (4, 8, 12, 16, 20, 24, 28, 32, 36)
            ],
        ),
        (2, 60.0, ["epoch 1/2 · loss 1.000", "50 % of an epoch"]),
    ],
)
def test_training_console__without_a_terminal_prints_each_tenth_seconds_apart(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    epochs: int,
    each: float,
    expected: list[str],
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(training_console, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    listener = TrainingConsole()
    listener.prepared(prepare(load(ROOT / "configs/sine.yaml", [f"train.epochs={epochs}"])))
    capsys.readouterr()
    for epoch in range(1, epochs + 1):
        seconds[0] = each * (epoch - 0.5)
        listener.tick(0.5)
        seconds[0] = each * epoch
        listener.tick(1.0)
        listener.epoch(Epoch(epoch, 1 / epoch), total=epochs)
    assert tuple(capsys.readouterr()) == ("", "".join(f"training    {text}\n" for text in expected))


@pytest.mark.parametrize(
    ("last", "best_epoch", "text"),
    [
        (Epoch(7, 0.012), 0, "epoch 7/7 · loss 0.01200 · 61.0 s"),
        (Epoch(7, 0.012, 0.5), 0, "epoch 7/7 · loss 0.01200 · validation 0.5000 · 61.0 s"),
        (Epoch(7, 0.012, 0.5), 7, "epoch 7/7 · loss 0.01200 · validation 0.5000 · best 7 · 61.0 s"),
        (
            Epoch(5, 0.012, 0.5),
            2,
            "epoch 5/7 · loss 0.01200 · validation 0.5000 · stopped early, best 2 · 61.0 s",
        ),
    ],
)
def test_training_console__the_end_says_whether_training_stopped_early(
    last: Epoch, best_epoch: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    TrainingConsole().trained([Epoch(1, 9.0), last], best_epoch=best_epoch, total=7, seconds=61)
    assert tuple(capsys.readouterr()) == ("", f"training    {text}\n")


def test_training_console__on_a_terminal_a_bar_moves_and_is_removed_at_the_end(
    sine: Prepared, terminal: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    listener = TrainingConsole()
    listener.prepared(sine)
    assert "training    starting TensorFlow" in terminal.getvalue()
    bar: Any = listener._bar
    (task,) = bar.tasks
    assert task.total is None
    listener.epoch(Epoch(1, 0.5, 0.75), total=4)
    assert (task.completed, task.total) == (1, 4)
    listener.tick(0.25)
    assert task.completed == 1.25
    listener.epoch(Epoch(2, 0.125, None, 1e-5), total=4)
    assert (task.completed, task.description) == (2, "epoch 2/4 · loss 0.1250 · rate 1.000e-05")
    listener.epoch(Epoch(3, 0.125, 0.75), total=4)
    listener.trained([Epoch(3, 0.125, 0.75)], best_epoch=3, total=4, seconds=2)
    assert "training    epoch 3/4 · loss 0.1250 · validation 0.7500 · rate 0.002000" in terminal.getvalue()
    assert not bar.live.is_started
    assert terminal.getvalue().endswith("\x1b[1A\x1b[2K")  # up, and the line is cleared
    out, err = capsys.readouterr()
    assert out == ""
    expected = "training    epoch 3/4 · loss 0.1250 · validation 0.7500 · stopped early, best 3 · 2.0 s\n"
    assert err == DATA_LINES + expected


def test_training_console__removes_the_bar_when_training_is_interrupted(
    sine: Prepared, terminal: io.StringIO
) -> None:
    listener = TrainingConsole()
    listener.prepared(sine)
    bar: Any = listener._bar
    listener.close()
    assert not bar.live.is_started
    drawn = terminal.getvalue()
    listener.tick(0.5)
    listener.epoch(Epoch(1, 0.5), total=2)
    listener.close()
    assert terminal.getvalue() == drawn


CSV = """\
name: tiny
data: {kind: csv, path: rows.csv, time: day, target: sales, inputs: price, missing: ffill, unit: m}
window: {length: 3, horizon: 2}
split: {train: 0.5, validation: 0.25, test: 0.25}
model: {kind: stacked, cell: GRU, units: [4, 3]}
train: {epochs: 3, batch_size: 2}
"""


@pytest.fixture
def gappy(tmp_path: Path) -> Experiment:
    """20 days, one price of them not known."""
    rows = [f"2020-01-{day:02d},{day}.5,{'' if day == 7 else day * 2}" for day in range(1, 21)]
    (tmp_path / "rows.csv").write_text("\n".join(["day,sales,price", *rows, ""]))
    (tmp_path / "tiny.yaml").write_text(CSV)
    return load(tmp_path / "tiny.yaml")


def test_data_lines__have_filled_values_splits_and_layers(gappy: Experiment) -> None:
    *lines, (label, text) = training_console.data_lines(prepare(gappy))
    assert lines == [
        ("data", "20 rows, daily, 2020-01-01 to 2020-01-20, 1 missing value filled (ffill)"),
        ("windows", "3 -> 2: 5 train · 4 validation · 4 test     GRU 4 + 3, 185 parameters"),
    ]
    assert label == "note"
    assert text.startswith("100 % of the test values of sales lie outside")


@pytest.mark.usefixtures("gappy")
def test_data_lines__say_masked_where_missing_values_are_not_used(tmp_path: Path) -> None:
    (tmp_path / "masked.yaml").write_text(
        (tmp_path / "tiny.yaml").read_text().replace("missing: ffill", "missing: mask")
    )
    _, text = training_console.data_lines(prepare(load(tmp_path / "masked.yaml")))[0]
    assert text.endswith("1 missing value masked")


def test_show_check__prints_counts_and_the_resolved_config_to_stdout(
    gappy: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    report_output.show_check(check(prepare(gappy)))
    out, err = capsys.readouterr()
    assert err.startswith("note        100 % of the test values of sales lie outside")
    lines = out.splitlines(keepends=True)
    assert "".join(lines[:10]) == (
        "data        20 rows, daily, 2020-01-01 to 2020-01-20, 1 missing value filled\n"
        "channels    sales, price; forecast: sales\n"
        "train       5 windows, targets 2020-01-04 to 2020-01-10\n"
        "validation  4 windows, targets 2020-01-11 to 2020-01-15\n"
        "test        4 windows, targets 2020-01-16 to 2020-01-20\n"
        "network     185 parameters, 9 updates\n"
        "memory      about 0.0 MiB beyond TensorFlow itself\n"
        "\n"
        "name: tiny\n"
        "seed: 0\n"
    )
    assert "window: {length: 3, horizon: 2, stride: 1, normalize: none}\n" in lines
    assert max(map(len, lines[8:])) <= 101


def test_show_check__prints_a_config_that_can_be_loaded(
    gappy: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    report_output.show_check(check(prepare(gappy)))
    _, _, text = capsys.readouterr().out.partition("\n\n")
    assert from_yaml(text, source="shown") == gappy


def report(unit: str) -> Report:
    scores = [
        Score(
            model=model, split="test", metric=metric, units=units, series="s", step=None, value=size + place
        )
        for model, size in (("drift", 3.0), (NETWORK, 2.0), ("last value", 1.0))
        for place, (metric, units) in enumerate(
            (("rmse", "data"), ("mae", "data"), ("mse", "data"), ("mse", "scaled"))
        )
    ]
    verdict = "Test MSE 4.000 over 7 windows: the network loses (RMSE: 2 against 1)."
    outcome = "the network loses (RMSE: 2 against 1)."
    return Report(
        experiment="tiny",
        unit=unit,
        targets=("y",),
        verdict=verdict,
        outcome=outcome,
        ledger={},
        scores=scores,
    )


@pytest.mark.parametrize(
    ("unit", "first"),
    [
        ("", "test        RMSE 2.000 · MAE 3.000 · MSE 4.000 (scaled 5.000)\n"),
        ("°C", "test        RMSE 2.000 °C · MAE 3.000 °C · MSE 4.000 °C² (scaled 5.000)\n"),
    ],
)
def test_show_report__is_scores_baselines_and_verdict(
    unit: str, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report_output.show_report(report(unit))
    rest = "baselines   RMSE last value 1.000 · drift 3.000\nverdict     the network loses (RMSE: 2 against 1).\n"
    assert tuple(capsys.readouterr()) == (first + rest, "")


def test_show_report__quantiles_have_a_line_and_notes_go_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, row = (
        report("°C"),
        {"model": NETWORK, "split": "test", "units": "data", "series": "s", "step": None},
    )
    named = {
        "wql": 0.25,
        "wql_0.5": 0.3,
        "coverage_0.8": 0.75,
        "width_0.8": 2.0,
        "coverage_0.4": 0.5,
        "width_0.4": 1.5,
    }
    scores = [*whole.scores, *(Score(**row, metric=name, value=value) for name, value in named.items())]  # type: ignore[arg-type]  # a plain dict
    report_output.show_report(replace(whole, scores=scores, notes=("3 of 414 series have no MASE",)))
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1] == (
        "quantiles   wQL 0.2500 · 0.7500 inside the interval of 0.8 (width 2.000 °C)"
        " · 0.5000 inside the interval of 0.4 (width 1.500 °C)"
    )
    assert shown.err == "note        3 of 414 series have no MASE\n"


def test_show_report__scores_of_several_targets_are_scaled(capsys: pytest.CaptureFixture[str]) -> None:
    whole = report("W")  # in data units drift is before the last value
    values = {
        ("drift", "rmse"): 0.75,
        (NETWORK, "rmse"): 0.5,
        (NETWORK, "mae"): 0.25,
        ("last value", "rmse"): 0.625,
    }
    row = {"split": "test", "units": "scaled", "series": "s", "step": None}
    scaled = [
        Score(**row, model=model, metric=metric, value=value) for (model, metric), value in values.items()
    ]  # type: ignore[arg-type]  # a plain dict
    report_output.show_report(replace(whole, targets=("power", "share"), scores=[*whole.scores, *scaled]))
    assert capsys.readouterr().out.splitlines()[:2] == [
        "test        scaled RMSE 0.5000 · MAE 0.2500 · MSE 5.000 (2 targets)",
        "baselines   scaled RMSE last value 0.6250 · drift 0.7500",
    ]


@pytest.mark.parametrize("models", ["model.keras  model.onnx", "model.onnx"])
def test_show_saved__has_the_files_and_the_next_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, names = (
        Path("outputs/20261120-141500-tiny"),
        f"report.md  loss.png  forecast.png  forecast.csv  {models}",
    )
    folder.mkdir(parents=True)
    for name in names.split():
        (folder / name).touch()
    (folder / "experiment.yaml").write_text((ROOT / "configs/sine.yaml").read_text())
    report_output.show_saved(Run(folder))
    assert tuple(capsys.readouterr()) == (
        f"saved       {folder}   {names}\nnext        rnnfc predict --last-window\n",
        "",
    )


@pytest.mark.parametrize(("name", "engine"), [("sine", "TensorFlow"), ("sine_scratch", "NumPy")])
def test_console__only_a_network_of_tensorflow_mentions_it(
    capsys: pytest.CaptureFixture[str], terminal: io.StringIO, name: str, engine: str
) -> None:
    experiment = load(ROOT / f"configs/{name}.yaml")
    report_output.show_check(check(prepare(experiment)))
    assert f"MiB beyond {engine} itself\n" in capsys.readouterr().out
    listener = TrainingConsole()
    listener.prepared(prepare(experiment))
    listener.close()
    assert f"starting {engine}" in terminal.getvalue()


def test_show_table__aligns_its_first_column_left_and_the_others_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.show_table(["run", "MSE", "MAE"], [["a longer name", "1.5", "22"], ["b", "1,234", ""]])
    assert tuple(capsys.readouterr()) == (
        "run              MSE  MAE\n"
        "a longer name    1.5   22\n"
        "b              1,234\n",
        "",
    )  # fmt: skip


def test_console__results_go_to_stdout_and_notes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_result("test", "one")
    output.show_note("note", "two")
    assert tuple(capsys.readouterr()) == ("test        one\n", "note        two\n")


def test_console__control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_result("a\x1b[2J\r", "b\x9b\u2028\u202ec\x07")
    assert capsys.readouterr().out == r"a\u001b[2J\u000d      b\u009b\u2028\u202ec\u0007" + "\n"
    output.show_note("é", "°C ³ 😀")
    assert capsys.readouterr().err == "é           °C ³ 😀\n"

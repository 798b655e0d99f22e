"""The NumPy engine does what the Keras engine does, by the same functions, and never starts TensorFlow."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from factories import make_windows, three_channels, train_rows
from run_training import start

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits, cut_windows
from rnnfc.errors import RunError, TrainError
from rnnfc.export.onnx_network import OnnxNetwork
from rnnfc.export.parity import parity_error
from rnnfc.extensions import FAMILIES, load_record
from rnnfc.networks.family import Sizes
from rnnfc.networks.size import num_parameters, training_bytes
from rnnfc.numpy_rnn import engine as numpy_engine
from rnnfc.numpy_rnn.family import ScratchSpec
from rnnfc.numpy_rnn.network import ACTIVATIONS
from rnnfc.training.loop import restore_best_weights, train_epochs
from rnnfc.training.progress import Epoch
from rnnfc.workflows.engines import ENGINES, engine_for

ROOT = Path(__file__).parents[2]
Command = Callable[..., Any]


def experiment(
    *, model: str = "{kind: scratch, units: 4}", normalize: str = "none", train: str = "{epochs: 1}"
) -> Experiment:
    return from_yaml(
        "name: t\nseed: 3\ndata: {kind: sine, points: 50, step: 0.4}\nsplit: {validation: 11, test: 9}\n"
        f"window: {{length: 6, horizon: 4, normalize: {normalize}}}\nmodel: {model}\ntrain: {train}\n",
        source="test",
    )


def panel() -> Panel:
    """47 rows of 3 channels, the first 2 of them targets."""
    time = np.arange(47)
    values = np.stack(
        [np.sin(time / 3), 50 * np.cos(time / 5), np.random.default_rng(0).normal(size=47)], axis=1
    )
    return Panel(
        values=values,
        time=time,
        bounds=np.array([0, 47]),
        series=("s",),
        channels=("a", "b", "c"),
        num_targets=2,
        frequency=Frequency(unit="number", size=1),
        filled=np.zeros(values.shape, dtype=np.bool_),
    )


class Case:
    """A network of either engine that is about to be trained on the same rows: 18 windows in batches of 4, the last of 2."""

    def __init__(self, spec: Experiment) -> None:
        self.spec, self.engine, self.data = spec, engine_for(spec), panel()
        self.raw = cut_windows(self.data, length=6, horizon=4, split=spec.split)
        self.scaler = Scaler.fit(self.data, self.raw.train_rows, method="minmax")
        scaled = self.scaler.transform(self.data)
        assert self.raw.validation is not None
        self.splits: Splits = replace(
            self.raw,
            train=self.raw.train.with_panel(scaled),
            validation=self.raw.validation.with_panel(scaled),
            test=self.raw.test.with_panel(scaled),
        )
        self.network: Any = self.engine.build(spec, self.data, self.scaler)
        self.state = start(self.network, spec, self.splits.train, validation=self.splits.validation)

    def epochs(self, *, most: int = 1000, **options: Any) -> list[Epoch]:
        origins, spec = self.splits.train.origins, self.spec.train
        rows = train_epochs(self.state, origins=origins, spec=spec, seed=self.spec.seed, **options)
        return list(itertools.islice(rows, most))

    def arrays(self) -> list[Any]:
        return list(self.network.weight_arrays().values())


def twins(*, normalize: str = "none", activation: str = "tanh", train: str) -> tuple[Case, Case]:
    """The same equations with the same starting weights in NumPy and in Keras."""
    scratch_spec = experiment(
        model=f"{{kind: scratch, units: 4, activation: {activation}}}", normalize=normalize, train=train
    )
    assert isinstance(scratch_spec.model, ScratchSpec)
    ours = Case(scratch_spec)
    theirs = Case(scratch_spec.model_copy(update={"model": scratch_spec.model.as_stacked}))
    theirs.network.net.inference_model.set_weights(ours.arrays())
    return ours, theirs


TRAINING = [
    "{epochs: 1, batch_size: 4, shuffle: false, optimizer: sgd, learning_rate: 0.1}",
    "{epochs: 1, batch_size: 4, shuffle: false, optimizer: adam, learning_rate: 0.01}",
    "{epochs: 1, batch_size: 4, optimizer: adam, learning_rate: 0.01, bptt_steps: 2}",
    "{epochs: 1, batch_size: 4, optimizer: sgd, learning_rate: 0.1, bptt_steps: 6, clip: {by: value, limit: 0.02}}",
    "{epochs: 1, batch_size: 4, optimizer: sgd, learning_rate: 0.1, bptt_steps: 3, clip: {by: norm, limit: 0.05}}",
    "{epochs: 1, batch_size: 4, optimizer: sgd, learning_rate: 0.1, clip: {by: global_norm, limit: 0.05}}",
]


@pytest.mark.parametrize("train", TRAINING)
@pytest.mark.parametrize(("activation", "normalize"), [("tanh", "none"), ("sigmoid", "last")])
def test_numpy_trainer__five_steps_equal_those_of_keras(train: str, activation: str, normalize: str) -> None:
    ours, theirs = twins(activation=activation, normalize=normalize, train=train)
    assert len(ours.splits.train) == 18  # five batches
    before = [array.copy() for array in ours.arrays()]
    (row,), (expected,) = ours.epochs(), theirs.epochs()
    assert row.loss == pytest.approx(expected.loss, rel=1e-5)
    assert row.validation_loss == pytest.approx(expected.validation_loss, rel=1e-5)
    for initial, left, right in zip(before, ours.arrays(), theirs.arrays(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)
        assert np.abs(left - initial).max() > 1e-5
    assert (
        max(np.abs(left - initial).max() for initial, left in zip(before, ours.arrays(), strict=True)) > 1e-3
    )
    np.testing.assert_allclose(
        ours.network.predict(ours.raw.test).point, theirs.network.predict(theirs.raw.test).point, atol=1e-3
    )


def test_to_onnx__many_series_need_the_series_of_each_window() -> None:
    data = three_channels(lengths=(31, 23, 26))
    scaler = Scaler.fit(data, train_rows(data), method="standard")
    spec, windows = experiment(model="{kind: scratch, units: 4}"), make_windows(data)
    spec = spec.model_copy(update={"window": spec.window.model_copy(update={"length": 5})})
    network = engine_for(spec).build(spec, data, scaler)
    content = network.to_onnx({})
    made = OnnxNetwork.read(content, source="m.onnx").outputs(windows)
    assert parity_error(made, network.outputs(windows), windows, scaler) <= 1e-6
    sizes = [np.abs(made["forecast"][windows.series == series]).max() for series in range(3)]
    assert 30 * sizes[0] < sizes[1] < sizes[2] / 30


@pytest.mark.parametrize("normalize", ["none", "last"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_to_onnx__forecasts_what_the_network_forecasts(activation: str, normalize: str) -> None:
    case = Case(
        experiment(model=f"{{kind: scratch, units: 4, activation: {activation}}}", normalize=normalize)
    )
    case.epochs()
    content = case.network.to_onnx({"unit": "°C"})
    made = OnnxNetwork.read(content, source="m.onnx").outputs(case.raw.test)
    assert made["forecast"].shape == (6, 4, 2)
    assert parity_error(made, case.network.outputs(case.raw.test), case.raw.test, case.network.scaler) <= 1e-6
    (told,) = onnx.load_model_from_string(content).metadata_props
    assert (told.key, json.loads(told.value)) == ("rnnfc", {"unit": "°C"})


def test_scaled_points__do_not_depend_on_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(experiment(normalize="last"))
    whole = case.network.predict(case.raw.train).point
    monkeypatch.setattr(numpy_engine, "_FORWARD_BATCH", 5)
    np.testing.assert_allclose(case.network.predict(case.raw.train).point, whole, rtol=1e-12)


CONTINUED = [
    "{epochs: 6, batch_size: 4, optimizer: adam, learning_rate: 0.05, early_stopping: {patience: 50}}",
    "{epochs: 6, batch_size: 4, optimizer: sgd, learning_rate: 0.5, schedule: {kind: plateau, patience: 1, min_delta: 0.01}}",
]


@pytest.mark.parametrize("train", CONTINUED)
def test_numpy_trainer__resumes_from_its_arrays_with_the_same_bits(tmp_path: Path, train: str) -> None:
    whole, first, second = (Case(experiment(train=train)) for _ in range(3))
    rows = whole.epochs()
    begun = first.epochs(most=3)
    np.savez(tmp_path / "state.npz", **first.state.arrays())
    first.epochs()  # what was given is a copy
    with np.load(tmp_path / "state.npz", allow_pickle=False) as arrays:
        second.state.load(dict(arrays))
    rest = second.epochs()
    plain = [replace(row, seconds=0.0) for row in rows]
    assert [replace(row, seconds=0.0) for row in begun + rest] == plain
    best = [restore_best_weights(case.state, case.spec.train) for case in (whole, second)]
    assert best[0] == best[1]
    for left, right in zip(whole.arrays(), second.arrays(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert whole.state.arrays().keys() == second.state.arrays().keys()
    for name, array in whole.state.arrays().items():
        np.testing.assert_array_equal(array, second.state.arrays()[name])


def test_numpy_trainer__early_stopping_restores_the_best_weights() -> None:
    case = Case(
        experiment(
            train="{epochs: 40, batch_size: 4, optimizer: sgd, learning_rate: 1.0, early_stopping: {patience: 3}}"
        )
    )
    rows = case.epochs()
    best = restore_best_weights(case.state, case.spec.train)
    losses = [row.validation_loss for row in rows]
    assert 1 <= best == int(np.argmin(losses)) + 1 < len(rows)
    validation = case.splits.validation
    assert validation is not None
    assert np.mean((case.network.scaled_points(validation) - validation.targets()) ** 2) == min(losses)


def test_numpy_trainer__reports_progress_up_to_the_end_of_each_epoch() -> None:
    shares: list[float] = []
    Case(experiment(train="{epochs: 2}")).epochs(tick=shares.append)
    assert shares == [1.0, 1.0]


@pytest.mark.parametrize(
    ("factor", "text"), [(1e200, "the loss is not finite in epoch 1, step 1 \\(learning rate 10\\)")]
)
def test_numpy_trainer__a_diverging_loss_ends_training_in_its_step(factor: float, text: str) -> None:
    case = Case(experiment(train="{epochs: 3, batch_size: 4, optimizer: sgd, learning_rate: 10.0}"))
    for array in case.network.weights:
        array[...] = factor * (array + 1)
    with pytest.raises(TrainError, match=text):
        case.epochs()


def test_numpy_trainer__a_weight_that_is_not_finite_ends_training() -> None:
    case = Case(experiment(train="{epochs: 1, batch_size: 1000, optimizer: sgd, learning_rate: 10.0}"))
    case.network.weights.V[...] = 1e153  # a finite loss, whose gradient's step is not
    case.network.weights.W[...] = 1e153
    case.network.weights.U[...] = 0.01
    with pytest.raises(TrainError, match="not finite"):
        case.epochs()


def test_restore__accepts_the_arrays_of_this_network_only() -> None:
    case = Case(experiment())
    case.epochs()
    arrays = {name: array.copy() for name, array in case.network.weight_arrays().items()}
    again = case.engine.restore(case.spec, case.data, case.scaler, arrays, source="w.npz")
    np.testing.assert_array_equal(
        again.predict(case.raw.test).point, case.network.predict(case.raw.test).point
    )
    with pytest.raises(
        RunError, match=r"w\.npz: W has shape \(4, 5\), the experiment's network needs \(4, 4\)"
    ):
        case.engine.restore(
            case.spec, case.data, case.scaler, {**arrays, "W": np.zeros((4, 5))}, source="w.npz"
        )
    with pytest.raises(RunError, match=r"w\.npz: U has shape None, the experiment's network needs \(3, 4\)"):
        case.engine.restore(case.spec, case.data, case.scaler, {"000 kernel": arrays["U"]}, source="w.npz")


def test_scratch__sizes_are_counted_without_building() -> None:
    spec = ScratchSpec(kind="scratch", units=4)
    sizes = Sizes(length=6, horizon=4, channels=3, targets=2)
    assert (
        num_parameters(spec, sizes)
        == 3 * 4 + 4 * 4 + 4 + 4 * 8 + 8
        == sum(a.size for a in Case(experiment()).arrays())
    )
    float64, float32 = (
        training_bytes(each, sizes, batch_size=4, rows=47) for each in (spec, spec.as_stacked)
    )
    assert float64 == 2 * float32


def test_engines__every_family_has_one() -> None:
    assert {load_record(FAMILIES, kind).engine for kind in FAMILIES} == set(ENGINES)
    assert set(get_args(ScratchSpec.model_fields["activation"].annotation)) == set(ACTIVATIONS)


# --- from the command line


def test_scratch__a_run_never_loads_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from rnnfc.cli import main\n"
        "try: main(['train', sys.argv[1], '--outputs', sys.argv[2]])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    arguments = [
        sys.executable,
        "-W",
        "error",
        "-c",
        code,
        str(ROOT / "configs/sine_scratch.yaml"),
        str(tmp_path),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {"tensorflow", "keras", "tf2onnx"} == set()
    assert {"numpy", "onnx", "onnxruntime", "matplotlib"} <= loaded


def test_scratch__a_run_is_evaluated_and_forecast_like_any_other(rnnfc: Command, tmp_path: Path) -> None:
    done = rnnfc(
        "train", ROOT / "configs/sine_scratch.yaml", "--set", "train.epochs=2", "--outputs", tmp_path
    )
    assert done.code == 0, done.err
    assert "NumPy tanh 100, 10,301 parameters" in done.err
    assert "report.md  loss.png  forecast.png  forecast.csv  model.onnx\n" in done.out
    (folder,) = tmp_path.iterdir()
    assert not (folder / "model.keras").exists()
    assert json.loads((folder / "run.json").read_text())["recipe"]["name"] == "numpy"
    again = rnnfc("evaluate", folder, "--json")
    assert (again.code, json.loads(again.out)["largest_difference"]) == (0, 0.0)
    ahead = json.loads(rnnfc("predict", folder, "--json").out)
    assert ahead["forecast"][0]["value"]["sine"] == pytest.approx(np.sin(200), abs=0.3)
    keras = json.loads(rnnfc("predict", folder, "--runtime", "keras", "--json").out)
    assert keras["forecast"][0]["value"]["sine"] == pytest.approx(
        ahead["forecast"][0]["value"]["sine"], abs=1e-6
    )
    scored = json.loads(rnnfc("evaluate", folder, "--runtime", "keras", "--json").out)
    assert 0 < scored["largest_difference"] < 1e-3, "the same network, in another's float32"

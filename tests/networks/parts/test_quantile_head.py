"""Quantiles: the head, the pinball loss, and everything that reads quantile levels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_training import run

from rnnfc.cli import main
from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml, to_yaml
from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import cut_windows
from rnnfc.errors import ConfigError
from rnnfc.export import parity
from rnnfc.extensions import EXPORT_FORMATS, load_record
from rnnfc.networks import forecaster
from rnnfc.networks.backend import keras
from rnnfc.networks.build import build
from rnnfc.networks.family import Sizes
from rnnfc.networks.parts import linear_skip as linear
from rnnfc.networks.parts.quantile_head import quantile_head, shift_quantiles
from rnnfc.networks.size import num_parameters
from rnnfc.runs.run import Run
from rnnfc.training.compile.bptt import forward
from rnnfc.training.keras_engine import KerasEngine
from rnnfc.training.keras_trainer import build_loss
from rnnfc.workflows import predict as workflow
from rnnfc.workflows.inference import open_network
from rnnfc.workflows.prepare import prepare_run
from rnnfc.workflows.score import forecast_all

STACKED = "kind: stacked, cell: GRU, units: [4]"
SEGMENT = "kind: segment, cell: GRU, segment: 3, width: 4"
SEQ2SEQ = "kind: seq2seq, cell: GRU, units: 4"
FAMILIES = [STACKED, SEGMENT, f"{SEQ2SEQ}, attention: luong", f"{SEQ2SEQ}, attention: bahdanau"]
LEVELS = "levels: [0.1, 0.5, 0.8, 0.9]"


def experiment(model: str, *, normalize: str = "none", train: str = "{epochs: 1}") -> Experiment:
    return from_yaml(
        "name: t\nseed: 3\ndata: {kind: sine, points: 60, step: 0.4, noise: 0.1}\nsplit: {validation: 12, test: 12}\n"
        f"window: {{length: 5, horizon: 2, normalize: {normalize}}}\nmodel: {{{model}}}\ntrain: {train}\n",
        source="test",
    )


def test_quantile_head__adds_positive_gaps_to_the_median_outwards() -> None:
    raw = 2 + np.log(np.expm1([[[[1.0, 2.0, 9.0, 0.5, 4.0]]]]))  # softplus(x - 2) turns these into the gaps
    raw[..., 2] = 7.0
    outputs = quantile_head(1, 1, levels=(0.05, 0.2, 0.5, 0.7, 0.9))(raw.astype(np.float32)).numpy()
    assert outputs[0, 0, 0].tolist() == pytest.approx([7 - 2 - 1, 7 - 2, 7, 7 + 0.5, 7 + 0.5 + 4], rel=1e-6)


@pytest.mark.parametrize("levels", [(0.5,), (0.5, 0.9), (0.1, 0.5), (0.01, 0.2, 0.5, 0.6, 0.7, 0.99)])
def test_quantile_head__never_crosses(levels: tuple[float, ...]) -> None:
    raw = np.random.default_rng(0).normal(0, 30, (7, 4, 2, len(levels))).astype(np.float32)
    outputs = quantile_head(4, 2, levels=levels)(raw).numpy()
    assert outputs.shape == raw.shape
    assert (np.diff(outputs, axis=-1) >= 0).all()
    np.testing.assert_array_equal(outputs[..., levels.index(0.5)], raw[..., levels.index(0.5)])


@pytest.mark.parametrize(
    "extra", ["", ", linear: {use: path}", ", linear: {use: blend, length: 3}, ensemble: {seeds: 2}"]
)
@pytest.mark.parametrize("family", FAMILIES)
def test_levels__work_in_every_family_and_are_counted(family: str, extra: str) -> None:
    spec = experiment(f"{family}, {LEVELS}{extra}", normalize="last")
    net = build(spec, channels=3, targets=2)
    assert (
        num_parameters(spec.model, Sizes(channels=3, length=5, horizon=2, targets=2))
        == net.inference_model.count_params()
    )
    x = np.random.default_rng(1).normal(0, 5, (7, 5, 3)).astype(np.float32)
    outputs = net.inference_model(x).numpy()
    assert outputs.shape == (7, 2, 2, 4)
    assert (np.diff(outputs, axis=-1) > 0).all()
    shift = np.array([10.0, -20.0, 30.0], np.float32)
    np.testing.assert_allclose(net.inference_model(x + shift).numpy(), outputs + shift[:2, None], atol=1e-4)


def test_blend__shifts_all_quantiles_as_it_shifts_the_median() -> None:
    spec = experiment(f"{STACKED}, {LEVELS}, linear: {{use: blend}}")
    net, x = (
        build(spec, channels=1, targets=1),
        np.random.default_rng(1).normal(size=(7, 5, 1)).astype(np.float32),
    )
    own = net.inference_model(x).numpy()
    for skip in net.linear_skips:
        skip.linear.set_weights([np.array([[0.2, -0.4]] * 5, np.float32)])
    line_of = x.mean(axis=1)[:, None] * np.array([[1.0], [-2.0]], np.float32)
    for share in (1.0, 0.25, 0.0):
        linear.set_share(net.linear_skips, share)
        moved = (1 - share) * (line_of - own[..., 1])
        np.testing.assert_allclose(net.inference_model(x).numpy(), own + moved[..., None], atol=1e-5)


@pytest.mark.parametrize("normalize", ["none", "last"])
def test_truncated_bptt__leaves_quantile_forecasts_unchanged(normalize: str) -> None:
    net = build(experiment(f"{STACKED}, {LEVELS}", normalize=normalize), channels=3, targets=2)
    x = np.random.default_rng(1).normal(0, 5, (7, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        forward(net.members[0], x, bptt_steps=2).numpy(), net.inference_model(x).numpy(), atol=1e-5
    )


@pytest.mark.parametrize("normalize", ["none", "mean_std"])
def test_decoder__reads_the_median_of_the_step_before(normalize: str) -> None:
    net = build(
        experiment(f"{SEQ2SEQ}, {LEVELS}, teacher_forcing: 1", normalize=normalize), channels=1, targets=1
    )
    x = np.random.default_rng(1).normal(size=(7, 5, 1)).astype(np.float32)
    free = net.inference_model(x).numpy()
    with_truth = [
        net.training_models[0]({"window": x, "target": free[..., level]}).numpy() for level in (1, 3)
    ]
    np.testing.assert_allclose(with_truth[0], free, atol=1e-6)
    np.testing.assert_allclose(with_truth[1][:, 0], free[:, 0], atol=1e-6)
    assert np.abs(with_truth[1][:, 1] - free[:, 1]).min() > 1e-4


def test_shift_quantiles__shifts_each_window_by_its_own_value() -> None:
    outputs = keras.Input((1, 1, 3))
    net = keras.Model(
        [outputs, shift := keras.Input((1, 1))], shift_quantiles(outputs, shift, (0.1, 0.5, 0.9))
    )
    moved = net([np.zeros((3, 1, 1, 3)), np.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)]).numpy()
    assert moved[:, 0, 0].tolist() == [[1, 1, 1], [2, 2, 2], [4, 4, 4]]


def test_ensemble__averages_each_quantile() -> None:
    net = build(experiment(f"{STACKED}, {LEVELS}, ensemble: {{seeds: 3}}"), channels=1, targets=1)
    x = np.random.default_rng(1).normal(size=(7, 5, 1)).astype(np.float32)
    members = np.stack([member.inference_model(x).numpy() for member in net.members])
    assert np.ptp(members, axis=0).min() > 0
    np.testing.assert_allclose(net.inference_model(x).numpy(), members.mean(axis=0), atol=1e-6)


def test_pinball__is_lowered_by_training_and_used_on_validation() -> None:
    spec = experiment(
        f"{STACKED}, {LEVELS}, linear: {{use: blend}}",
        train="{epochs: 30, batch_size: 8, learning_rate: 0.01}",
    )
    prepared = load_panel(spec.data)
    splits = cut_windows(prepared, length=5, horizon=2, split=spec.split)
    scaler = Scaler.fit(prepared, splits.train_rows, method="minmax")
    network = KerasEngine().build(spec, prepared, scaler)
    scaled = scaler.transform(prepared, dtype=np.float32)
    assert splits.validation is not None
    train, watched = splits.train.with_panel(scaled), splits.validation.with_panel(scaled)
    network.warm_start(train, validation=watched)
    rows = run(network, spec, train, validation=watched)
    assert rows[-1].loss < 0.5 * rows[0].loss
    levels = np.array(spec.levels)

    def pinball() -> float:
        error = watched.targets()[..., None] - network.scaled_points(watched)
        return float(np.maximum(levels * error, (levels - 1) * error).mean())

    assert rows[-1].validation_loss == pytest.approx(pinball(), rel=1e-5)
    assert float(
        build_loss(spec.train, spec.levels)(watched.targets(), network.scaled_points(watched))
    ) == pytest.approx(pinball(), rel=1e-5)
    network.finalize(validation=watched)
    chosen = linear.network_share(network.net.linear_skips)
    assert chosen is not None

    def error(share: float) -> float:
        """Of the median."""
        linear.set_share(network.net.linear_skips, share)
        return float(
            np.mean(np.abs(network.scaled_points(watched)[..., spec.levels.index(0.5)] - watched.targets()))
        )

    assert 0 < chosen <= 1
    assert error(chosen) <= min(error(share) for share in np.linspace(0, 1, 11))


@pytest.fixture(scope="module")
def quantile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with levels and two targets, horizon 2."""
    folder = tmp_path_factory.mktemp("quantiles")
    rows = "".join(f"{row},{row % 7},{row % 5 * 10}\n" for row in range(70))
    (folder / "shop.csv").write_text(f"day,sold,back\n{rows}")
    (folder / "q.yaml").write_text(
        "name: q\ndata: {kind: csv, path: shop.csv, time: day, target: [sold, back], unit: boxes}\n"
        "window: {length: 4, horizon: 2}\nsplit: {test: 12}\n"
        "model: {kind: stacked, cell: GRU, units: [3], levels: [0.1, 0.5, 0.9]}\ntrain: {epochs: 2, batch_size: 8}\n"
    )
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "q.yaml"), "--outputs", str(folder / "out")])
    assert stopped.value.code in (0, None)
    (run,) = (folder / "out").iterdir()
    return run


def test_forecast_csv__has_a_column_per_level(quantile_run: Path) -> None:
    rows = Run(quantile_run).forecast_rows()
    *names, best = list(rows[0])
    assert names[-5:] == ["actual", "forecast", "q0.1", "q0.5", "q0.9"]
    assert f"{best} (" in Run(quantile_run).report()["outcome"]
    assert len(rows) == 11 * 2 * 2
    for row in rows:
        assert float(row["q0.1"]) < float(row["q0.5"]) < float(row["q0.9"])
        assert row["forecast"] == row["q0.5"]


def test_predict__has_all_levels_in_every_output_and_runtime(
    rnnfc: Callable[..., Any], quantile_run: Path, tmp_path: Path
) -> None:
    done = rnnfc("predict", quantile_run, "--steps", "3", "--json", "--output", tmp_path / "next.csv")
    assert done.code == 0, done.err
    plain = json.loads(done.out)
    assert plain["levels"] == [0.1, 0.5, 0.9]
    for row in plain["forecast"][:2]:
        for target, quantiles in row["quantiles"].items():
            assert quantiles == sorted(quantiles)
            assert quantiles[1] == row["value"][target]
    assert plain["forecast"][2]["quantiles"] == {"sold": [], "back": []}
    assert plain["notes"] == ["quantiles end with the horizon of 2"]
    lines = (tmp_path / "next.csv").read_text().splitlines()
    assert lines[0] == "series,time,step,target,forecast,q0.1,q0.5,q0.9"
    assert [line.split(",")[5:] == ["", "", ""] for line in lines[1:]] == [False] * 4 + [True] * 2
    low, _, high = plain["forecast"][0]["quantiles"]["sold"]
    assert lines[1].split(",")[5:] == [repr(low), lines[1].split(",")[4], repr(high)]
    shown = rnnfc("predict", quantile_run, "--steps", "3").out.splitlines()
    assert shown[0].split() == [
        "time",
        "step",
        "sold",
        "(boxes)",
        "q0.1",
        "q0.9",
        "back",
        "(boxes)",
        "q0.1",
        "q0.9",
    ]
    assert shown[1].split()[3:5] == [f"{low:.6g}", f"{high:.6g}"]
    assert [cell for cell in shown[3].split() if cell == "–"] == ["–"] * 4
    keras = workflow.predict(Run(quantile_run), runtime="keras").quantiles
    onnx = workflow.predict(Run(quantile_run)).quantiles
    assert keras is not None
    assert onnx is not None
    assert keras.shape == (1, 2, 2, 3)
    np.testing.assert_allclose(onnx, keras, atol=1e-4)
    assert "quantiles end" not in rnnfc("predict", quantile_run, "--steps", "2").err


@pytest.fixture(scope="module")
def run_of_two_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of an encoder-decoder with levels, horizon 2, over series of different size with a missing value each."""
    folder = tmp_path_factory.mktemp("many")
    rows = [
        f"{name},{day},{'' if day == 17 else size * (2 + day % 7)}\n"
        for name, size in (("a", 1), ("b", 1e6))
        for day in range(50)
    ]
    (folder / "shops.csv").write_text("shop,day,sold\n" + "".join(rows))
    (folder / "m.yaml").write_text(
        "name: m\ndata: {kind: long, path: shops.csv, series: shop, time: day, target: sold, missing: mask}\n"
        "window: {length: 4, horizon: 2, normalize: mean_std}\nsplit: {validation: 8, test: 12}\n"
        "scale: {method: standard, transform: log}\ntrain: {epochs: 2, batch_size: 8}\n"
        f"model: {{{SEQ2SEQ}, {LEVELS}, teacher_forcing: 0, series_embedding: 2, linear: {{use: blend}}}}\n"
    )
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "m.yaml"), "--outputs", str(folder / "out")])
    assert stopped.value.code in (0, None)
    (run,) = (folder / "out").iterdir()
    return run


def test_predict__quantiles_of_each_series_have_its_scale(
    rnnfc: Callable[..., Any], run_of_two_series: Path, tmp_path: Path
) -> None:
    done = rnnfc("predict", run_of_two_series, "--json", "--output", tmp_path / "next.csv")
    assert done.code == 0, done.err
    forecast = json.loads(done.out)["forecast"]
    assert [(row["series"], row["step"]) for row in forecast] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    outputs = np.array([row["quantiles"]["sold"] for row in forecast])
    assert (np.diff(outputs, axis=1) > 0).all()
    assert outputs[:2].max() < 1e3 < 1e5 < outputs[2:].min()
    lines = [line.split(",") for line in (tmp_path / "next.csv").read_text().splitlines()]
    assert lines[0] == ["series", "time", "step", "target", "forecast", "q0.1", "q0.5", "q0.8", "q0.9"]
    np.testing.assert_array_equal(np.array([line[5:] for line in lines[1:]], float), outputs)
    keras = workflow.predict(Run(run_of_two_series), runtime="keras").quantiles
    np.testing.assert_allclose(keras, outputs.reshape(2, 2, 1, 4), rtol=1e-4)


def test_predict__shows_the_outer_quantiles_below_each_series(
    rnnfc: Callable[..., Any], run_of_two_series: Path
) -> None:
    future = workflow.predict(Run(run_of_two_series))
    assert future.quantiles is not None
    shown = [line.split() for line in rnnfc("predict", run_of_two_series, "--steps", "3").out.splitlines()]
    assert [line[0] for line in shown] == ["series", "a", "q0.1", "q0.9", "b", "q0.1", "q0.9"]
    assert shown[2][1:] == [*(f"{value:.6g}" for value in future.quantiles[0, :, 0, 0]), "–"]
    assert shown[6][1:] == [*(f"{value:.6g}" for value in future.quantiles[1, :, 0, 3]), "–"]


@pytest.mark.parametrize("kind", EXPORT_FORMATS)
def test_export_formats__read_the_series_and_return_both_outputs(
    rnnfc: Callable[..., Any], run_of_two_series: Path, tmp_path: Path, kind: str
) -> None:
    record = load_record(EXPORT_FORMATS, kind)
    path = tmp_path / f"m{record.suffix}"
    done = rnnfc("export", run_of_two_series, "--format", kind, "--to", path)
    assert done.code == 0, done.err
    answer = record.read(path, (0.1, 0.5, 0.8, 0.9))
    window = Run(run_of_two_series).last_window(length=4).values.reshape(2, 4, 1)
    outputs = answer({"window": window, "series": np.array([0, 1])})
    future = workflow.predict(Run(run_of_two_series))
    np.testing.assert_allclose(outputs["forecast"], future.value, rtol=1e-4)
    np.testing.assert_allclose(outputs["quantiles"], future.quantiles, rtol=1e-4)


@pytest.mark.parametrize("runtime", ["onnx", "keras"])
def test_scores__do_not_depend_on_the_batch_size(
    monkeypatch: pytest.MonkeyPatch, quantile_run: Path, runtime: str
) -> None:
    prepared, scaler = prepare_run(Run(quantile_run))
    assert len(prepared.splits.test) == 11
    scores = []
    for batch in (1, 4, 11):  # of 4 the last batch has 3
        monkeypatch.setattr(forecaster, "_FORWARD_BATCH", batch)
        monkeypatch.setattr(parity, "_BATCH", batch)
        forecasts = forecast_all(
            prepared, scaler, open_network(Run(quantile_run), prepared.panel, scaler, runtime=runtime)
        )
        assert forecasts.network["test"].quantiles is not None
        assert forecasts.network["test"].quantiles.shape == (11, 2, 2, 3)
        scores.append([np.nan if row.value is None else row.value for row in forecasts.scores])
    assert len(scores[0]) > 300
    np.testing.assert_allclose(scores[1], scores[0], rtol=2e-5)
    np.testing.assert_allclose(scores[2], scores[0], rtol=2e-5)


def test_report__has_coverage_and_width_by_target_and_step(
    rnnfc: Callable[..., Any], quantile_run: Path
) -> None:
    rows = [
        row
        for row in Run(quantile_run).report()["scores"]
        if (row["model"], row["split"]) == ("network", "test")
    ]
    scores = {
        (row["metric"], row["target"], row["step"]): row["value"] for row in rows if row["units"] == "data"
    }
    written = Run(quantile_run).forecast_rows()
    inside = [float(row["q0.1"]) <= float(row["actual"]) <= float(row["q0.9"]) for row in written]
    assert scores["coverage_0.8", None, None] == pytest.approx(np.mean(inside))
    for key, name, value in ((("back", None), "target", "back"), ((None, 1), "step", "1")):
        widths = [float(row["q0.9"]) - float(row["q0.1"]) for row in written if row[name] == value]
        assert scores["width_0.8", *key] == pytest.approx(np.mean(widths))
    assert (
        "| step | wQL | wQL 0.1 | wQL 0.5 | wQL 0.9 | inside 0.8 | width of 0.8 |"
        in (quantile_run / "report.md").read_text()
    )
    done = rnnfc("evaluate", quantile_run, "--runtime", "keras")
    assert done.code == 0, done.out
    assert done.out.splitlines()[1].startswith("quantiles   wQL ")


def test_explain__accepts_a_network_with_levels(
    rnnfc: Callable[..., Any], quantile_run: Path, tmp_path: Path
) -> None:
    done = rnnfc("explain", quantile_run, "--outputs", tmp_path)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("model", "train", "message"),
    [
        ("levels: [0.5, 0.1]", "{epochs: 1}", "model: levels [0.5, 0.1] do not ascend; write [0.1, 0.5]"),
        ("levels: [0.5, 0.5]", "{epochs: 1}", "model: levels [0.5, 0.5] do not ascend; write [0.5]"),
        (
            *("levels: [0.1, 0.9]", "{epochs: 1}"),
            "model: levels [0.1, 0.9] leave out 0.5, the median, which is the forecast itself; write [0.1, 0.5, 0.9]",
        ),
        ("levels: [0.5, 1.0]", "{epochs: 1}", "model.levels.1: got 1.0; must be less than 1"),
        ("levels: [0, 0.5]", "{epochs: 1}", "model.levels.0: got 0; must be greater than 0"),
    ],
)
def test_levels__wrong_ones_are_refused(model: str, train: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        experiment(f"{STACKED}, {model}", train=train)
    assert str(refused.value).endswith(message)
    assert len(str(refused.value).splitlines()) == 1


def test_resolved_experiment__names_the_loss_and_is_read_again() -> None:
    spec = experiment(f"{STACKED}, {LEVELS}")
    assert (spec.train.loss, spec.levels) == ("pinball", (0.1, 0.5, 0.8, 0.9))
    assert from_yaml(to_yaml(spec), source="again") == spec
    assert experiment(STACKED).train.loss == "mse"

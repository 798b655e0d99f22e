"""The segment network by its definition, the linear map beside a network, and ensembles."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from factories import three_channels
from run_training import run

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits, cut_windows
from rnnfc.errors import ConfigError
from rnnfc.extensions import CELLS
from rnnfc.networks.backend import keras
from rnnfc.networks.build import build
from rnnfc.networks.family import Sizes
from rnnfc.networks.net import Member, Net
from rnnfc.networks.parts import linear_skip as linear
from rnnfc.networks.size import num_parameters
from rnnfc.training.keras_engine import KerasEngine, KerasNetwork

SIZES = Sizes(length=7, horizon=4, channels=3, targets=2)


def experiment(
    model: str = "kind: segment, cell: GRU, segment: 3, width: 4",
    *,
    window: str = "",
    train: str = "",
    seed: int = 5,
) -> Experiment:
    text = f"""
        name: t
        seed: {seed}
        data: {{kind: sine, points: 50, step: 0.4}}
        window: {{length: 7, horizon: 4{window}}}
        split: {{validation: 8, test: 8}}
        model: {{{model}}}
        train: {{epochs: 2, batch_size: 5{train}}}
    """
    return from_yaml(text, source="x.yaml")


def splits() -> Splits:
    whole = three_channels()
    return cut_windows(whole, length=7, horizon=4, split=experiment().split)


def batch() -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).normal(size=(2, 7, 3)).astype(np.float32)


def by_name(net: Any) -> dict[str, Any]:
    return {layer.name: layer for layer in net.layers}


@pytest.mark.parametrize("cell", CELLS)
def test_segment__is_its_definition_step_by_step(cell: str) -> None:
    """Windows of 7 rows are filled up to 3 segments of 3; 4 steps are 2 segments of 3, cut; each target goes by itself."""
    net, x = (
        build(
            experiment(f"kind: segment, cell: {cell}, segment: 3, width: 4"), channels=3, targets=2
        ).inference_model,
        batch(),
    )
    layers = by_name(net)
    steps, targets = (layers[name].get_weights()[0] for name in ("step", "target"))
    expected = np.zeros((2, 4, 2))
    for window in range(2):
        for target in range(2):
            rows = np.concatenate([[0, 0], x[window, :, target]]).astype(np.float32)
            state = layers["recurrent"].cell.get_initial_state(batch_size=1)
            for segment in rows.reshape(3, 3):
                _, state = layers["recurrent"].cell(layers["embed"](segment[None]), state)
            made = []
            for step in steps:
                out, _ = layers["recurrent"].cell(np.concatenate([step, targets[target]])[None], state)
                made.append(layers["output"](out).numpy()[0])
            expected[window, :, target] = np.concatenate(made)[:4]
    np.testing.assert_allclose(net(x).numpy(), expected, atol=1e-6)


def test_segment__reads_its_targets_only_and_each_by_itself() -> None:
    net, x = build(experiment(), channels=3, targets=2).inference_model, batch()
    other = x.copy()
    other[:, :, 2] += 9.0
    np.testing.assert_array_equal(net(other), net(x))
    other[:, :, 1] += 9.0
    np.testing.assert_array_equal(net(other)[..., 0], net(x)[..., 0])
    assert np.abs(net(other)[..., 1] - net(x)[..., 1]).max() > 1e-3


def test_segment__dropout_acts_in_training_only() -> None:
    spec = experiment("kind: segment, cell: GRU, segment: 3, width: 4, dropout: 0.5")
    net, x = build(spec, channels=3, targets=2).inference_model, batch()
    np.testing.assert_array_equal(net(x), net(x))
    assert np.abs(net(x, training=True) - net(x)).max() > 1e-3


@pytest.mark.parametrize(
    "model",
    [
        *(f"kind: segment, cell: {cell}, segment: 3, width: 4" for cell in CELLS),
        "kind: segment, cell: LSTM, segment: 7, width: 6, linear: {use: path}",
        "kind: segment, cell: GRU, segment: 2, width: 4, linear: {use: blend, length: 5}, ensemble: {seeds: 3}",
        "kind: stacked, cell: GRU, units: [3, 2], linear: {use: blend}",
    ],
)
def test_num_parameters__equals_the_count_of_keras(model: str) -> None:
    spec = experiment(model)
    assert (
        num_parameters(spec.model, SIZES) == build(spec, channels=3, targets=2).inference_model.count_params()
    )


@pytest.mark.parametrize("normalize", ["none", "last", "mean_std", "difference"])
def test_linear_path__starts_from_least_squares_on_the_normalized_windows(normalize: str) -> None:
    """With the network's own output layer silent, the forecast is the ridge solution: no smaller squared error is near."""
    spec = experiment(
        "kind: segment, cell: GRU, segment: 3, width: 4, linear: {use: path}",
        window=f", normalize: {normalize}",
    )
    whole, parts = three_channels(), splits()
    scaler = Scaler.fit(whole, parts.train_rows, method="standard")
    scaled = scaler.transform(whole, dtype=np.float32)
    network = KerasEngine().build(spec, whole, scaler)
    network.warm_start(parts.train.with_panel(scaled), validation=None)
    (skip,) = network.net.linear_skips
    line, output = skip.linear, network.net.members[0].core.get_layer("output")
    output.set_weights([np.zeros_like(array) for array in output.get_weights()])
    (solved,) = line.get_weights()

    def error(weights: Any) -> float:
        line.set_weights([weights])
        return float(
            np.mean(
                (
                    network.scaled_points(parts.train.with_panel(scaled))
                    - parts.train.with_panel(scaled).targets()
                )
                ** 2
            )
        )

    least = error(solved)
    if normalize in ("none", "last"):  # the others weigh steps or windows differently
        nudge = np.random.default_rng(0).normal(size=solved.shape) * 1e-2
        assert least < min(error(solved + nudge), error(solved - nudge))
    assert least < 0.5 * error(np.zeros_like(solved))


@pytest.mark.parametrize(("loss", "size"), [("mse", np.square), ("mae", np.abs)])
def test_linear_blend__takes_the_share_of_least_validation_loss_after_training(
    loss: str, size: Callable[..., Any]
) -> None:
    blended = experiment("kind: segment, cell: GRU, segment: 3, width: 4, linear: {use: blend, length: 5}")
    alone = experiment()
    whole, parts = three_channels(), splits()
    scaler = Scaler.fit(whole, parts.train_rows, method="standard")
    scaled = scaler.transform(whole, dtype=np.float32)
    assert parts.validation is not None
    train, validation = parts.train.with_panel(scaled), parts.validation.with_panel(scaled)
    networks = {}
    for spec in (blended, alone):
        network = KerasEngine().build(spec, whole, scaler)
        network.warm_start(train, validation=validation)
        rows = run(network, spec, train, validation=validation)
        networks[spec] = network, [row.validation_loss for row in rows]
    # A share of 1 is the network by itself, to the last bit.
    assert networks[blended][1] == networks[alone][1]

    network, _ = networks[blended]
    assert linear.network_share(network.net.linear_skips) == 1.0
    spec = blended.model_copy(update={"train": blended.train.model_copy(update={"loss": loss})})
    network = KerasNetwork(spec, network.net, scaler)
    network.finalize(validation=validation)
    chosen = network.facts()["network_share"]

    def error(share: float) -> float:
        linear.set_share(network.net.linear_skips, share)
        return float(np.mean(size(network.scaled_points(validation) - validation.targets())))

    assert chosen < 0.95
    assert error(chosen) <= min(error(share) for share in np.linspace(0, 1, 21))
    linear.set_share(network.net.linear_skips, 0.0)
    own = network.net.linear_skips[0].linear.get_weights()[0]
    x = validation.inputs()[:, -5:, :2]
    np.testing.assert_allclose(network.scaled_points(validation), np.einsum("nlt,lh->nht", x, own), atol=1e-5)


@pytest.mark.parametrize(("by", "together"), [("mean", np.mean), ("median", np.median)])
def test_ensemble__trains_each_member_as_if_alone(by: str, together: Callable[..., Any]) -> None:
    whole, parts = three_channels(), splits()
    scaler = Scaler.fit(whole, parts.train_rows, method="minmax")
    scaled = scaler.transform(whole, dtype=np.float32)
    spec = experiment(
        f"kind: stacked, cell: SimpleRNN, units: [3], ensemble: {{seeds: 3, by: {by}}}",
        train=", optimizer: sgd",
    )
    network = KerasEngine().build(spec, whole, scaler)
    members = [member.inference_model for member in network.net.members]
    assert len(members) == 3
    starts = [keras.models.clone_model(member) for member in members]
    for twin, member in zip(starts, members, strict=True):
        twin.set_weights(member.get_weights())

    def trained(net: Net, of: Experiment) -> tuple[Any, float]:
        this = KerasNetwork(of, net, scaler)
        return this, run(this, of, parts.train.with_panel(scaled))[-1].loss

    _, loss = trained(network.net, spec)
    singles = [Member(core=twin, inference_model=twin, training_model=twin) for twin in starts]
    alone = [
        trained(Net.from_members([one], inference_model=one.inference_model, sizes=SIZES), spec)
        for one in singles
    ]
    assert loss == pytest.approx(np.mean([one for _, one in alone]), rel=1e-5)
    made = [one.scaled_points(parts.test.with_panel(scaled)) for one, _ in alone]
    np.testing.assert_allclose(
        network.scaled_points(parts.test.with_panel(scaled)), together(made, axis=0), atol=1e-5
    )
    assert np.abs(made[0] - made[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"model": "kind: segment, cell: GRU, segment: 8, width: 4"},
            "7: model.segment: 8 is longer than window.length 7",
        ),
        (
            {"model": "kind: segment, cell: GRU, segment: 3, width: 4, linear: {use: path, length: 9}"},
            "7: model.linear.length: 9 is longer than window.length 7",
        ),
        (
            {"model": "kind: segment, cell: GRU, segment: 3, width: 5"},
            "7: model.width: got 5; must be a multiple of 2",
        ),
        (
            {"model": "kind: segment, cell: GRU, segment: 3, width: 4", "train": ", bptt_steps: 2"},
            "8: train.bptt_steps: needs one stacked network",
        ),
    ],
)
def test_network_keys__are_refused_where_sizes_do_not_fit(changed: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=r"^x\.yaml:") as refused:
        experiment(**changed)
    assert str(refused.value).removeprefix("x.yaml:").startswith(message)

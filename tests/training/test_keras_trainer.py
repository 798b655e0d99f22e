"""The compiled epoch does what Keras' `fit` does, faster; everything else here is plain code around it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from run_training import run

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits, cut_windows
from rnnfc.errors import TrainError
from rnnfc.extensions import CELLS
from rnnfc.networks.backend import keras, tf, thread_settings
from rnnfc.networks.build import build
from rnnfc.networks.processors import num_processors
from rnnfc.training.compile import epoch
from rnnfc.training.compile.layout import Layout
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.compile.recurrence import fused_rnn
from rnnfc.training.keras_engine import KerasEngine, KerasNetwork
from rnnfc.training.keras_trainer import KerasTrainer
from rnnfc.training.loop import TrainState, restore_best_weights, train_epochs
from rnnfc.training.progress import Epoch

LOOP = Recipe(name="xla_loop", shards=1, reason="asked for")
UNROLLED, GRAPH = replace(LOOP, name="xla_unrolled"), replace(LOOP, name="graph")
# Batches of 8 in three shards: 2, 3 and 3 windows.
SHARDED = replace(LOOP, name="sharded_loop", shards=3)
HALVES = replace(SHARDED, shards=2)
RECIPES = pytest.mark.parametrize("recipe", [LOOP, UNROLLED, GRAPH, SHARDED], ids=lambda recipe: recipe.name)

# 31 training windows in batches of 8: the last minibatch has 7.
_YAML = """
name: tiny
seed: 5
data: {{kind: sine, points: 60, step: 0.3}}
window: {{length: 5, horizon: 2}}
split: {{train: 37, validation: 11, test: 12}}
model: {{kind: stacked, cell: {cell}, units: {units}, bidirectional: {bidirectional}, dropout: {dropout}, levels: {levels}}}
train: {train}
"""


def experiment(
    *,
    cell: str = "GRU",
    units: str = "[3]",
    bidirectional: str = "false",
    dropout: float = 0.0,
    train: str = "{epochs: 3, batch_size: 8}",
    levels: str = "[]",
) -> Experiment:
    model = {
        "cell": cell,
        "units": units,
        "bidirectional": bidirectional,
        "dropout": dropout,
        "levels": levels,
    }
    return from_yaml(_YAML.format(**model, train=train), source="test")


class Case:
    """A network that is about to be trained on a short sine."""

    def __init__(self, spec: Experiment, recipe: Recipe = GRAPH) -> None:  # XLA compiles for seconds
        panel = load_panel(spec.data)
        splits = cut_windows(panel, length=spec.window.length, horizon=spec.window.horizon, split=spec.split)
        scaler = Scaler.fit(panel, splits.train_rows, method="minmax")
        scaled = scaler.transform(panel)
        assert splits.validation is not None
        self.spec = spec
        self.splits: Splits = replace(
            splits, train=splits.train.with_panel(scaled), validation=splits.validation.with_panel(scaled)
        )
        self.network = KerasEngine().build(spec, panel, scaler)
        self.net = self.network.net.inference_model
        self.trainer = self.network.start(self.splits.train, validation=self.splits.validation, recipe=recipe)

    def epochs(self, **options: Any) -> list[Epoch]:
        state, spec = TrainState.initial(self.trainer, self.spec.train), self.spec
        origins = self.splits.train.origins
        return list(train_epochs(state, origins=origins, spec=spec.train, seed=spec.seed, **options))


def refit(case: Case, optimizer: Any, loss: Any) -> tuple[list[float], list[float], Any]:
    """Losses and validation losses of Keras' own `fit` from the same start, and the fitted twin."""
    twin = keras.models.clone_model(case.net)
    twin.set_weights(case.net.get_weights())
    twin.compile(optimizer=optimizer, loss=loss)
    train, validation = case.splits.train, case.splits.validation
    assert validation is not None
    x, y = train.inputs().astype(np.float32), train.targets().astype(np.float32)
    watched = (validation.inputs().astype(np.float32), validation.targets().astype(np.float32))
    told = twin.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=watched).history
    return told["loss"], told["val_loss"], twin


def assert_trains_like_fit(case: Case, optimizer: Any, loss: Any) -> None:
    assert len(case.splits.train) == 31
    losses, validation_losses, twin = refit(case, optimizer, loss)
    rows = case.epochs()
    np.testing.assert_allclose([row.loss for row in rows], losses, rtol=5e-6)
    np.testing.assert_allclose([row.validation_loss for row in rows], validation_losses, rtol=5e-6)
    for ours, theirs in zip(case.net.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("loss", "keras_loss"), [("mse", "MeanSquaredError"), ("huber", "Huber")])
def test_epoch__losses_equal_those_of_keras_fit(cell: str, loss: str, keras_loss: str) -> None:
    case = Case(
        experiment(
            cell=cell,
            train=f"{{epochs: 3, batch_size: 8, shuffle: false, loss: {loss}, learning_rate: 0.01}}",
        ),
        LOOP,
    )
    assert_trains_like_fit(case, keras.optimizers.Adam(0.01), getattr(keras.losses, keras_loss)())


@RECIPES
def test_epoch__every_recipe_trains_like_keras_fit(recipe: Recipe) -> None:
    clip = "clip: {by: global_norm, limit: 0.1}"  # of the whole minibatch's gradient, not of a shard's
    case = Case(
        experiment(
            cell="LSTM", train=f"{{epochs: 3, batch_size: 8, shuffle: false, learning_rate: 0.01, {clip}}}"
        ),
        recipe,
    )
    assert_trains_like_fit(case, keras.optimizers.Adam(0.01, global_clipnorm=0.1), "mse")
    assert not case.net.layers[0].unroll, "the layer in the saved model stays a plain one"


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
@pytest.mark.parametrize("recipe", [LOOP, SHARDED], ids=lambda recipe: recipe.name)
def test_epoch__windows_as_columns_train_like_keras_fit(
    monkeypatch: pytest.MonkeyPatch, cell: str, recipe: Recipe
) -> None:
    monkeypatch.setattr("rnnfc.training.compile.recurrence.choose_layout", lambda *_: Layout(columns=True))
    train = "{epochs: 3, batch_size: 8, shuffle: false, learning_rate: 0.01}"
    case = Case(experiment(cell=cell, units="[4, 3]", bidirectional="[true, false]", train=train), recipe)
    assert_trains_like_fit(case, keras.optimizers.Adam(0.01), "mse")


@pytest.mark.parametrize(
    ("recipe", "batch", "layers"),
    [(LOOP, 1, ["forward_1"]), (SHARDED, 6, ["forward_1"]), (UNROLLED, 1, []), (GRAPH, 2, [])],
    ids=lambda value: getattr(value, "name", ""),
)
def test_fused_rnn__runs_where_xla_compiles_a_loop_and_keras_own_elsewhere(
    monkeypatch: pytest.MonkeyPatch, recipe: Recipe, batch: int, layers: list[str]
) -> None:
    seen: list[list[str]] = []

    def watched(of: Any, **options: Any) -> Any:
        seen.append([layer.name for layer in of])
        return fused_rnn(of, **options)

    monkeypatch.setattr(epoch, "fused_rnn", watched)
    Case(experiment(train=f"{{epochs: 1, batch_size: {batch}}}"), recipe).epochs()
    assert seen == [layers] * len(seen) != []


SEQ2SEQ = "{kind: seq2seq, cell: GRU, units: 3, teacher_forcing: %s}"


@pytest.mark.parametrize(
    ("model", "programs"),
    [
        ("{kind: stacked, cell: GRU, units: [3]}", 1),
        ("{kind: stacked, cell: GRU, units: [3], recurrent_dropout: 0.3}", 2),
        ("{kind: segment, cell: GRU, segment: 2, width: 4, dropout: 0.3}", 2),
        (SEQ2SEQ % 1.0, 1),
        (SEQ2SEQ % 0.5, 2),
    ],
)
def test_epoch__equal_shards_share_a_program_unless_they_draw(model: str, programs: int) -> None:
    case = Case(with_model(experiment(train="{epochs: 1, batch_size: 6}"), model), HALVES)
    program = case.trainer._program
    order, first, stop = tf.zeros([36], tf.int32), tf.constant(0), tf.constant(6)
    traced = program._run_steps.get_concrete_function(
        program._data, order, first, stop, tf.constant(0.0, tf.float64)
    )
    assert program._run_shard.experimental_get_tracing_count() == programs
    graph = traced.graph.as_graph_def()
    compiled = {
        function.signature.name for function in graph.library.function if function.attr["_XlaMustCompile"].b
    }
    assert len(compiled) == programs + 1, "the update is one more"
    assert not traced.function_def.attr["_XlaMustCompile"].b


def test_epoch__the_last_minibatch_may_leave_shards_empty() -> None:
    # 31 windows in batches of 6: the last has one window, which the first of three shards trains alone.
    case = Case(experiment(train="{epochs: 3, batch_size: 6, shuffle: false}"), SHARDED)
    whole = Case(case.spec, GRAPH)
    np.testing.assert_allclose(
        [row.loss for row in case.epochs()], [row.loss for row in whole.epochs()], rtol=5e-6
    )


@pytest.mark.parametrize(
    ("options", "optimizer", "recipe"),
    [
        (
            "optimizer: adamw, weight_decay: 0.1, clip: {by: global_norm, limit: 0.1}",
            ("AdamW", {"weight_decay": 0.1, "global_clipnorm": 0.1}),
            LOOP,
        ),
        (
            "optimizer: rmsprop, momentum: 0.5, clip: {by: norm, limit: 0.1}",
            ("RMSprop", {"momentum": 0.5, "clipnorm": 0.1}),
            GRAPH,
        ),
        (
            "optimizer: sgd, momentum: 0.9, clip: {by: value, limit: 0.01}",
            ("SGD", {"momentum": 0.9, "clipvalue": 0.01}),
            GRAPH,
        ),
    ],
    ids=["adamw", "rmsprop", "sgd"],
)
def test_epoch__optimizers_and_clipping_act_as_in_keras_fit(
    options: str, optimizer: tuple[str, Any], recipe: Recipe
) -> None:
    train = f"{{epochs: 3, batch_size: 8, shuffle: false, loss: mae, learning_rate: 0.01, {options}}}"
    case = Case(experiment(cell="GRU", units="[4, 3]", bidirectional="[true, false]", train=train), recipe)
    name, settings = optimizer
    assert_trains_like_fit(case, getattr(keras.optimizers, name)(0.01, **settings), "mae")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("units", "bidirectional"), [("[3]", "false"), ("[4, 3]", "[true, false]")])
def test_epoch__one_step_changes_every_weight(cell: str, units: str, bidirectional: str) -> None:
    train = "{epochs: 1, batch_size: 1000, optimizer: sgd, learning_rate: 0.1}"
    case = Case(experiment(cell=cell, units=units, bidirectional=bidirectional, train=train))
    before = {variable.path: variable.numpy() for variable in case.net.trainable_variables}
    case.epochs()
    unchanged = [
        variable.path
        for variable in case.net.trainable_variables
        if np.array_equal(variable.numpy(), before[variable.path])
    ]
    assert unchanged == []


# Training losses of three epochs; they move only when the computation does.
GOLDEN = {
    "SimpleRNN": [0.265628, 0.171359, 0.116462],
    "LSTM": [0.371126, 0.294387, 0.240670],
    "GRU": [0.369416, 0.261457, 0.191370],
}


@pytest.mark.parametrize("cell", GOLDEN)
def test_epoch__golden_loss_curve(cell: str) -> None:
    case = Case(experiment(cell=cell, train="{epochs: 3, batch_size: 8, learning_rate: 0.01}"))
    np.testing.assert_allclose([row.loss for row in case.epochs()], GOLDEN[cell], rtol=1e-4)


def test_epoch__the_length_of_a_call_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Case(experiment(), LOOP)
    once.epochs()
    monkeypatch.setattr(epoch, "_CALL_S", 0.0)
    shares: list[float] = []
    stepwise = Case(experiment(), LOOP)
    stepwise.epochs(tick=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0] * 3
    for left, right in zip(once.net.get_weights(), stepwise.net.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ("cell", "recipe"),
    [("SimpleRNN", LOOP), ("LSTM", GRAPH), ("GRU", HALVES)],
    ids=["SimpleRNN", "LSTM", "GRU"],
)
def test_epoch__bits_follow_from_the_seed(cell: str, recipe: Recipe) -> None:
    spec = experiment(cell=cell, dropout=0.3, train="{epochs: 2, batch_size: 8}")
    runs = [Case(each, recipe) for each in (spec, spec, spec.model_copy(update={"seed": 6}))]
    first, again, other = ([row.loss for row in case.epochs()] for case in runs)
    assert first == again
    assert first != other


@RECIPES
def test_dropout__masks_follow_from_seed_and_epoch_alone(recipe: Recipe) -> None:
    case = Case(
        experiment(
            dropout=0.5,
            train="{epochs: 2, batch_size: 31, optimizer: sgd, learning_rate: 1.0e-12, shuffle: false}",
        ),
        recipe,
    )
    first, second = (row.loss for row in case.epochs())
    assert first != second, "each epoch draws masks of its own"
    fresh = Case(case.spec, recipe)
    tf.random.uniform([3])  # somebody else draws in between
    assert [row.loss for row in fresh.epochs()] == [first, second]


def test_dropout__keras_draws_as_before_after_tracing() -> None:
    before = tf.nn.experimental.stateless_dropout, tf.random.stateless_uniform
    Case(experiment(dropout=0.5, train="{epochs: 1, batch_size: 31}"), LOOP).epochs()
    assert (tf.nn.experimental.stateless_dropout, tf.random.stateless_uniform) == before


def test_dropout__each_shard_draws_masks_of_its_own() -> None:
    case = Case(experiment(units="[4, 3]", dropout=0.5))
    own = [layer.cell.seed_generator.state for layer in case.net.layers[:2]]
    states = epoch._DropoutStates(case.net, shards=2)

    def drawn(*, seed: int, number: int, shard: int) -> list[list[int]]:
        states.assign(seed=seed, epoch=number)
        with states.use(shard):
            return [layer.cell.seed_generator.next().numpy().tolist() for layer in case.net.layers[:2]]

    first = drawn(seed=1, number=0, shard=0)
    others = [
        drawn(seed=1, number=0, shard=1),
        drawn(seed=1, number=1, shard=0),
        drawn(seed=2, number=0, shard=0),
    ]
    assert len({str(seeds) for pair in [first, *others] for seeds in pair}) == 8, "each its own"
    assert drawn(seed=1, number=0, shard=1) == others[0]
    assert [layer.cell.seed_generator.state for layer in case.net.layers[:2]] == own, (
        "the layers keep their own state"
    )


@pytest.mark.parametrize(
    ("early_stopping", "epochs", "best_epoch"),
    [(", early_stopping: {patience: 2, min_delta: 0.1}", 4, 2), ("", 5, 0)],
)
def test_restore_best_weights__assigns_those_of_the_best_epoch_with_early_stopping_alone(
    monkeypatch: pytest.MonkeyPatch, early_stopping: str, epochs: int, best_epoch: int
) -> None:
    losses = iter([5.0, 3.0, 2.95, 4.0, 1.0])
    monkeypatch.setattr(KerasTrainer, "validation_loss", lambda _: next(losses))
    case = Case(experiment(train=f"{{epochs: 5, batch_size: 31{early_stopping}}}"))
    state, origins = TrainState.initial(case.trainer, case.spec.train), case.splits.train.origins
    weights = [
        case.net.get_weights() for _ in train_epochs(state, origins=origins, spec=case.spec.train, seed=5)
    ]
    assert len(weights) == epochs
    assert restore_best_weights(state, case.spec.train) == best_epoch
    for ours, best, other in zip(case.net.get_weights(), weights[best_epoch - 1], weights[0], strict=True):
        np.testing.assert_array_equal(ours, best)
        assert not np.array_equal(ours, other)


def test_validation_loss__is_the_mean_over_all_windows() -> None:
    case = Case(experiment(train="{epochs: 1, batch_size: 8, loss: mae}"))
    (row,) = case.epochs()
    windows = case.splits.validation
    assert windows is not None
    expected = np.mean(np.abs(case.net(windows.inputs().astype(np.float32)).numpy() - windows.targets()))
    assert row.validation_loss == pytest.approx(expected, rel=1e-6)


def test_epoch__many_losses_are_summed_without_losing_digits() -> None:
    case = Case(
        experiment(
            train="{epochs: 1, batch_size: 1, optimizer: sgd, learning_rate: 1.0e-30, shuffle: false}"
        ),
        LOOP,
    )
    origins = np.tile(case.splits.train.origins, 20_000)  # 620,000 updates that change nothing
    many = replace(case.splits.train, origins=origins)
    kept = run(case.network, case.spec, many, recipe=LOOP)
    x, y = case.splits.train.inputs().astype(np.float32), case.splits.train.targets()
    assert kept[0].loss == pytest.approx(float(np.mean((case.net(x).numpy() - y) ** 2)), rel=2e-6)


def test_epoch__a_diverging_loss_ends_training_in_its_step() -> None:
    case = Case(experiment(train="{epochs: 3, batch_size: 8, optimizer: sgd, learning_rate: 10.0}"))
    for variable in case.net.trainable_variables:
        variable.assign(variable * 1e30)
    with pytest.raises(
        TrainError,
        match=r"loss is not finite in epoch 1, step 1 \(learning rate 10\)",
    ):
        case.epochs()


def test_epoch__a_weight_that_is_not_finite_ends_training() -> None:
    case = Case(experiment(train="{epochs: 1, batch_size: 1000, optimizer: sgd, learning_rate: 10.0}"))
    # States of 0 give a loss of 1e36; the gradient by them is 2e38, and ten times that is no float32 any more.
    for variable in case.net.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    dense = case.net.layers[-2]
    dense.kernel.assign(tf.fill(dense.kernel.shape, 1e20))
    dense.bias.assign(tf.fill(dense.bias.shape, 1e18))
    with pytest.raises(TrainError, match="weight is not finite at the end of epoch 1 "):
        case.epochs()


def test_epoch__clipping_limits_what_one_step_changes() -> None:
    case = Case(
        experiment(
            train="{epochs: 1, batch_size: 31, optimizer: sgd, learning_rate: 1.0, clip: {by: value, limit: 0.001}}"
        )
    )
    before = case.net.get_weights()
    case.epochs()
    largest = max(
        float(np.abs(now - then).max()) for now, then in zip(case.net.get_weights(), before, strict=True)
    )
    assert largest == pytest.approx(0.001, rel=1e-3)


def test_threads__one_computes_an_operation() -> None:
    told = thread_settings()
    assert told == {"processors": num_processors(), "intra_op": 1, "inter_op": num_processors()}
    assert told["processors"] >= 1


# --- masked targets


def masked_case(
    train: str, *, fill: float = 0.3, levels: str = "[]", model: str = ""
) -> tuple[KerasNetwork, Any, Experiment]:
    """A network of two targets and 14 training windows of horizon 2, whose last target row was filled, as row 9's first was."""
    spec = experiment(train=train, levels=levels)
    if model:
        spec = with_model(spec, model)
    values = np.sin(0.3 * np.arange(24))[:, None] * [0.5, 0.25] + 0.5
    values[19] = fill
    filled = np.zeros(values.shape, dtype=np.bool_)
    filled[9, 0] = filled[19] = filled[23, 1] = True
    panel = replace(
        load_panel(spec.data.model_copy(update={"points": 24})),
        values=values,
        filled=filled,
        channels=("a", "b"),
        num_targets=2,
        missing="mask",
    )
    splits = cut_windows(panel, length=5, horizon=2, split=SplitSpec(test=4))
    assert len(splits.train) == 14
    scaler = Scaler.fit(panel, splits.train_rows, method="none")
    return KerasNetwork(spec, build(spec, channels=2, targets=2), scaler), splits, spec


def first_epoch(network: KerasNetwork, splits: Any, spec: Experiment, recipe: Recipe) -> Epoch:
    return run(network, spec, splits.train, validation=splits.test, recipe=recipe)[0]


MODEL = (
    "name: t\ndata: {kind: sine, points: 50, step: 0.4}\nwindow: {length: 5, horizon: 2}\nsplit: {validation: 4, test: 4}\n"
    "train: {epochs: 1}\n"
)


def with_model(spec: Experiment, model: str) -> Experiment:
    return spec.model_copy(update={"model": from_yaml(f"{MODEL}model: {model}", source="x.yaml").model})


@pytest.mark.parametrize(
    "model",
    [
        "{kind: segment, cell: GRU, segment: 2, width: 4, linear: {use: blend}}",
        "{kind: seq2seq, cell: LSTM, units: 3, attention: luong}",
        "{kind: stacked, cell: GRU, units: [3], strategy: recursive, ensemble: {seeds: 2}}",
    ],
)
def test_epoch__every_recipe_trains_every_family_alike(model: str) -> None:
    losses = []
    for recipe in (GRAPH, SHARDED if "seq2seq" in model else HALVES, LOOP, UNROLLED):
        network, splits, spec = masked_case("{epochs: 1, batch_size: 4, learning_rate: 0.01}", model=model)
        losses.append(first_epoch(network, splits, spec, recipe).loss)
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-4)


@pytest.mark.parametrize("recipe", [GRAPH, SHARDED], ids=["graph", "sharded_loop"])
def test_epoch__an_embedding_has_the_summed_gradient_of_its_windows(recipe: Recipe) -> None:
    """The first step of Adam is the learning rate in each entry, whatever the gradient; of slices it would be less."""
    spec = with_model(
        experiment(train="{epochs: 1, batch_size: 64, learning_rate: 0.01}"),
        "{kind: stacked, cell: GRU, units: [3], series_embedding: 2}",
    )
    panel = replace(
        load_panel(spec.data.model_copy(update={"points": 48})),
        series=("a", "b"),
        bounds=np.array([0, 24, 48]),
    )
    splits = cut_windows(panel, length=5, horizon=2, split=SplitSpec(test=4))
    net = build(spec, channels=1, targets=1, series=2)
    (embedding,) = [
        layer for layer in net.inference_model._flatten_layers() if isinstance(layer, keras.layers.Embedding)
    ]
    before = embedding.get_weights()[0]
    scaler = Scaler.fit(panel, splits.train_rows, method="none")
    first_epoch(KerasNetwork(spec, net, scaler), splits, spec, recipe)
    assert np.abs(embedding.get_weights()[0] - before) == pytest.approx(np.full((2, 2), 0.01), rel=1e-3)


def test_epoch__a_recursive_network_is_trained_on_known_first_steps() -> None:
    network, splits, spec = masked_case(
        "{epochs: 1, batch_size: 4, optimizer: sgd, learning_rate: 1e-12}",
        fill=0.9,
        model="{kind: stacked, cell: GRU, units: [3], strategy: recursive}",
    )
    miss = (splits.train.actual() - network.scaled_points(splits.train))[:, 0]
    assert first_epoch(network, splits, spec, GRAPH).loss == pytest.approx(np.nanmean(miss**2), rel=1e-5)


@pytest.mark.parametrize(
    "model", ["{kind: stacked, cell: GRU, units: [3]}", "{kind: seq2seq, cell: GRU, units: 3}"]
)
def test_epoch__values_under_the_mask_do_not_reach_the_weights(model: str) -> None:
    trained = []
    for fill in (0.3, 0.9):
        network, splits, spec = masked_case(
            "{epochs: 1, batch_size: 4, learning_rate: 0.01}", fill=fill, model=model
        )
        start = network.net.inference_model.get_weights()
        first_epoch(network, splits, spec, GRAPH)
        trained.append([array.tobytes() for array in network.net.inference_model.get_weights()])
        assert trained[-1] != [array.tobytes() for array in start]
    assert trained[0] == trained[1]

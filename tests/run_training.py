"""Train a network of either engine on windows over a scaled panel, as the train command does."""

from collections.abc import Callable

from rnnfc.config.experiment import Experiment
from rnnfc.data.windows import Windows
from rnnfc.training.compile.recipe import Recipe
from rnnfc.training.engine import Network
from rnnfc.training.loop import TrainState, train_epochs
from rnnfc.training.progress import Epoch

# XLA compiles for seconds.
GRAPH = Recipe(name="graph", shards=1, reason="test")


def start(
    network: Network,
    spec: Experiment,
    train: Windows,
    *,
    validation: Windows | None = None,
    recipe: Recipe = GRAPH,
) -> TrainState:
    """The state before the first epoch."""
    return TrainState.initial(network.start(train, validation=validation, recipe=recipe), spec.train)


def run(
    network: Network,
    spec: Experiment,
    train: Windows,
    *,
    validation: Windows | None = None,
    recipe: Recipe = GRAPH,
    tick: Callable[[float], None] = lambda _: None,
) -> list[Epoch]:
    """The history of the whole training."""
    state = start(network, spec, train, validation=validation, recipe=recipe)
    return list(train_epochs(state, origins=train.origins, spec=spec.train, seed=spec.seed, tick=tick))

"""The recipe for compiling an epoch: the one with the lowest estimated time, computed without TensorFlow.

XLA speeds up small layers as much as a hundredfold, needs a second or more to compile and uses one processor. A plain graph
starts in half the time. It can also run one XLA program per shard of a minibatch, in parallel.
"""

from dataclasses import dataclass, replace
from typing import Literal

from rnnfc.config.experiment import Experiment
from rnnfc.networks.family import Sizes, Work, find_family

RecipeName = Literal["xla_unrolled", "xla_loop", "graph", "sharded_loop"]
# Unrolled code for a longer window compiles slowly (LSTM 64, window 50: 27 s, and five times as slow as a loop). With two or more
# windows it is slower than the loop with the fused recurrence (LSTM 50, window 10, 64 windows: by 100 %).
UNROLLED_CELLS = 16


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an epoch is compiled.

    shards: parts of a minibatch that are computed in parallel. reason: the estimates, for people.
    """

    name: RecipeName | Literal["numpy"]
    shards: int
    reason: str

    @property
    def compiled(self) -> bool:
        """Whether XLA compiles the updates."""
        return self.name not in ("graph", "numpy")


@dataclass(frozen=True, kw_only=True)
class Size:
    """What the time of an update depends on.

    cells: steps of all recurrent layers. operations: small operations in all these steps. weights: weights that they read.
    products, points: multiply-adds and activations of one forward pass of a minibatch.
    """

    layers: int
    cells: int
    operations: int
    weights: int
    products: int
    points: int

    @classmethod
    def from_work(cls, work: Work, *, batch: int, members: int) -> "Size":
        """The size of an update on `batch` windows of `members` networks; only recurrent layers are counted."""
        steps, windows = work.layers * work.steps * members, batch * work.windows
        return cls(
            layers=work.layers * members,
            cells=steps,
            operations=steps * (work.gates + 2),
            weights=work.rows * work.weights * members,
            products=windows * work.rows * work.weights * members,
            points=windows * work.rows * work.gates * work.units * members,
        )


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds per unit of each field of a `Size`: `start...` once, before the first update; the others in every update."""

    start: float
    start_layer: float
    start_operation: float
    update: float
    operation: float
    weight: float
    product: float
    point: float

    def seconds(self, size: Size, *, updates: int, shards: int, identical_shards: bool) -> float:
        """Seconds of a whole training. Shards run in parallel, each with all weights.

        Args:
            identical_shards: whether all shards share one compiled program.
        """
        start = self.start + (1 if identical_shards else shards) * (
            self.start_layer * size.layers + self.start_operation * size.operations
        )
        shared = (self.product * size.products + self.point * size.points) / shards
        return start + updates * (
            self.update + self.operation * size.operations + self.weight * size.weights + shared
        )


# Fitted by scripts/bench/recipes.py on 2026-11-28, except start_layer, which its grid does not determine, and the constants that
# sharded_loop shares with xla_loop. Only their ratios matter.
_LOOP = Costs(
    start=0.7,
    start_layer=1.0,
    start_operation=0,
    update=7e-6,
    operation=8e-8,
    weight=1.6e-10,
    product=5.1e-11,
    point=4.7e-9,
)
_GRAPH = Costs(
    start=0.4,
    start_layer=0.3,
    start_operation=0,
    update=1.5e-4,
    operation=1.3e-5,
    weight=1.8e-10,
    product=5.9e-11,
    point=3.8e-9,
)
COSTS: dict[RecipeName, Costs] = {
    "xla_unrolled": Costs(
        start=0.1,
        start_layer=0.1,
        start_operation=0.045,
        update=0,
        operation=1.8e-7,
        weight=0,
        product=1.5e-10,
        point=8.2e-9,
    ),
    "xla_loop": _LOOP,
    "graph": _GRAPH,
    "sharded_loop": replace(_LOOP, start=1.0, update=2.2e-4, product=5.2e-11, point=4.1e-9),
}


def choose(experiment: Experiment, *, channels: int, targets: int, windows: int, processors: int) -> Recipe:
    """The recipe for `windows` training windows; the estimate assumes that every epoch is run."""
    spec, net, window = experiment.train, experiment.net, experiment.window
    if net is None:
        return Recipe(name="numpy", shards=1, reason="computed by NumPy, nothing to compile")
    batch = min(spec.batch_size, windows)
    updates = spec.epochs * -(-windows // batch)
    channels += net.series_embedding or 0
    sizes = Sizes(length=window.length, horizon=window.horizon, channels=channels, targets=targets)
    size = Size.from_work(find_family(net).work(net, sizes), batch=batch, members=net.num_members)
    shards = dict.fromkeys(COSTS, 1) | {"sharded_loop": min(processors, batch)}
    candidates: list[RecipeName] = ["graph", "xla_loop"]
    if size.cells <= UNROLLED_CELLS and batch == 1:
        candidates.append("xla_unrolled")
    if shards["sharded_loop"] > 1:
        candidates.append("sharded_loop")
    identical_shards = not net.draws_in_training  # else each shard draws masks of its own
    seconds = {
        name: COSTS[name].seconds(
            size, updates=updates, shards=shards[name], identical_shards=identical_shards
        )
        for name in candidates
    }
    best, *others = sorted(seconds, key=lambda name: seconds[name])
    rest = ", ".join(f"{name} {seconds[name]:.1f} s" for name in others)
    reason = f"estimated {seconds[best]:.1f} s for {updates:,} update{'s' * (updates > 1)}; {rest}"
    return Recipe(name=best, shards=shards[best], reason=reason)

"""How an epoch will be compiled: the recipe whose compilation and updates together take least, estimated without TensorFlow.

XLA makes an update of small layers up to a hundred times faster, costs a second or more to compile and keeps to one processor. A
plain graph starts in half the time. It can also run an XLA program for each shard of a minibatch, side by side.
"""

from dataclasses import dataclass, replace
from typing import Literal

from rnnfc.config.experiment import Experiment
from rnnfc.config.model_spec import ScratchSpec, SegmentSpec, Seq2SeqSpec, StackedSpec
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.size import num_parameters

# A network by itself.
_BARE = {"linear": None, "ensemble": None}
RecipeName = Literal["xla_unrolled", "xla_loop", "graph", "sharded_loop"]
# Straight code for a longer window takes long to compile (LSTM 64, window 50: 27 s, and five times as slow as a loop). For two
# windows and more it is slower than the loop, whose steps back are written out (LSTM 50, window 10, 64 of them: by 100 %).
UNROLLED_CELLS = 16


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """`shards`: parts of a minibatch that are computed side by side. `reason`: the estimates, for people."""

    name: RecipeName | Literal["numpy"]
    shards: int
    reason: str

    @property
    def compiled(self) -> bool:
        """Whether XLA compiles the updates."""
        return self.name not in ("graph", "numpy")


@dataclass(frozen=True, kw_only=True)
class Size:
    """What an update costs by.

    cells: steps of all recurrent layers. operations: small ones, of all these steps. weights: those that all these steps read.
    products, points: multiply-adds and activations of one forward pass of a minibatch.
    """

    layers: int
    cells: int
    operations: int
    weights: int
    products: int
    points: int

    @classmethod
    def of(
        cls,
        model: StackedSpec | SegmentSpec | Seq2SeqSpec,
        *,
        channels: int,
        targets: int,
        length: int,
        horizon: int,
        batch: int,
    ) -> "Size":
        """The recurrent layers; the other ones are small beside them."""
        cell = find_cell(model.cell)
        gates = cell.gates
        if isinstance(model, SegmentSpec):
            layers, batch, width = 1, batch * targets, model.width
            # The steps over the output segments are one, of as many rows.
            length, rows = (
                -(-length // model.segment) + 1,
                -(-length // model.segment) + -(-horizon // model.segment),
            )
            weights = cell.num_matrix_weights(inputs=width, units=width)
        elif isinstance(model, Seq2SeqSpec):
            layers, width = 1, model.units
            length = rows = length + horizon  # the decoder's steps after the encoder's
            weights = cell.num_matrix_weights(inputs=width, units=width)
        else:
            layers, width, rows = sum(model.directions), model.width, length
            weights = num_parameters(
                model.model_copy(update=_BARE), channels=channels, length=length, horizon=0, targets=0
            )
        return cls(
            layers=layers * model.num_members,
            cells=layers * length * model.num_members,
            operations=layers * model.num_members * length * (gates + 2),
            weights=rows * weights * model.num_members,
            products=batch * rows * weights * model.num_members,
            points=batch * rows * gates * width * model.num_members,
        )


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds for one thing of a `Size`: `start...` until the first update, the others in every update."""

    start: float
    start_layer: float
    start_operation: float
    update: float
    operation: float
    weight: float
    product: float
    point: float

    def seconds(self, size: Size, *, updates: int, shards: int, alike: bool) -> float:
        """Of a whole training. Shards work side by side, each with all weights; one program serves all where they are alike."""
        start = self.start + (1 if alike else shards) * (
            self.start_layer * size.layers + self.start_operation * size.operations
        )
        shared = (self.product * size.products + self.point * size.points) / shards
        return start + updates * (
            self.update + self.operation * size.operations + self.weight * size.weights + shared
        )


# Fitted by scripts/bench/recipes.py on 2026-11-28, except start_layer, which its grid cannot tell, and what sharded_loop has of
# xla_loop. Only their ratios matter.
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
    """The recipe for `windows` training windows; early stopping may end sooner than it reckons with."""
    if isinstance(experiment.model, ScratchSpec):
        return Recipe(name="numpy", shards=1, reason="computed by NumPy, nothing to compile")
    spec, length = experiment.train, experiment.window.length
    batch = min(spec.batch_size, windows)
    updates = spec.epochs * -(-windows // batch)
    size = Size.of(
        experiment.model,
        channels=channels,
        targets=targets,
        length=length,
        horizon=experiment.window.horizon,
        batch=batch,
    )
    shards = dict.fromkeys(COSTS, 1) | {"sharded_loop": min(processors, batch)}
    open_to: list[RecipeName] = ["graph", "xla_loop"]
    if size.cells <= UNROLLED_CELLS and batch == 1:
        open_to.append("xla_unrolled")
    if shards["sharded_loop"] > 1:
        open_to.append("sharded_loop")
    drawn = [
        getattr(experiment.model, name, 0) for name in ("dropout", "recurrent_dropout", "teacher_forcing")
    ]
    alike = not any(0 < share < 1 for share in drawn)  # shards that draw masks of their own are not
    seconds = {
        name: COSTS[name].seconds(size, updates=updates, shards=shards[name], alike=alike) for name in open_to
    }
    best, *others = sorted(seconds, key=lambda name: seconds[name])
    rest = ", ".join(f"{name} {seconds[name]:.1f} s" for name in others)
    reason = f"estimated {seconds[best]:.1f} s for {updates:,} update{'s' * (updates > 1)}; {rest}"
    return Recipe(name=best, shards=shards[best], reason=reason)

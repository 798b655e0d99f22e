"""Family: everything that the other packages need to know about a kind of model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from rnnfc.config.network_spec import FamilySpec
from rnnfc.extensions import FAMILIES, load_record

if TYPE_CHECKING:
    from rnnfc.config.experiment import Experiment
    from rnnfc.networks.backend import keras

S = TypeVar("S", bound=FamilySpec)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes that a network takes from the window and the data.

    known: the last channels, which are known ahead. series: how many series the network tells apart.
    """

    length: int
    horizon: int
    channels: int
    targets: int
    known: int = 0
    series: int = 1


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one training step of one network computes, for the choice of a recipe; small layers are left out.

    layers: recurrent layers, directions counted singly.
    steps: of each layer, one after another.
    rows: steps in all, those that run in parallel included.
    windows: windows that the layers see for each window of the minibatch.
    gates, units: of a step, in all layers together.
    weights: matrix weights of a step, in all layers together.
    """

    layers: int
    steps: int
    rows: int
    windows: int = 1
    gates: int
    units: int
    weights: int


@dataclass(frozen=True, kw_only=True)
class Family(Generic[S]):
    """A kind of model. Its module imports neither Keras nor TensorFlow before `build` is called.

    spec: the keys of `model` in the YAML, with a `kind`.
    engine: what builds and trains it, see `rnnfc.workflows.engines`.
    build: (spec, sizes, seed=, unroll_for_export=) -> Keras model from window[n, length, channel], and future[n, horizon, known]
        where there are known channels, to [n, horizon, target (, level)]. None where the engine does not build with Keras.
    num_parameters: weights of one network, without the parts that every Keras network can have.
    num_activations: numbers that the backward pass of one window needs.
    work: what a training step computes.
    broken_rules: (experiment, spec) -> the key to blame and what is wrong, for each rule that the experiment breaks.
    bytes_per_number: of a weight or activation.
    """

    spec: type[S]
    engine: Literal["keras", "numpy"] = "keras"
    build: "Callable[..., keras.Model] | None"
    num_parameters: Callable[[S, Sizes], int]
    num_activations: Callable[[S, Sizes], int]
    work: Callable[[S, Sizes], Work]
    broken_rules: "Callable[[Experiment, S], Iterator[tuple[str, str]]]" = lambda *_: iter(())
    bytes_per_number: int = 4


def find_family(spec: FamilySpec) -> Family[FamilySpec]:
    """The record of the family that a spec belongs to."""
    family: Family[FamilySpec] = load_record(FAMILIES, spec.kind)
    return family

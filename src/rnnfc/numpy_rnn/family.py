"""The scratch family: one plain recurrent layer and a dense one, written out in NumPy and trained without TensorFlow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rnnfc.config.network_spec import FamilySpec, Units
from rnnfc.networks import stacked
from rnnfc.networks.family import Family, Sizes, Work
from rnnfc.networks.stacked import StackedSpec

if TYPE_CHECKING:
    from rnnfc.config.experiment import Experiment


class ScratchSpec(FamilySpec):
    """One plain recurrent layer and a dense one, written out in NumPy and trained without TensorFlow."""

    kind: Literal["scratch"]
    units: Units = Field(description="of the one recurrent layer")
    activation: Literal["tanh", "sigmoid"] = Field("tanh", description="of the recurrent units")

    @property
    def label(self) -> str:
        """Engine and units."""
        return f"NumPy {self.activation} {self.units}"

    @property
    def is_stack(self) -> bool:
        """See `FamilySpec`."""
        return True

    @property
    def as_stacked(self) -> StackedSpec:
        """The stacked network of the same equations and size."""
        same = {"kind": "stacked", "cell": "SimpleRNN", "units": (self.units,), "activation": self.activation}
        return StackedSpec.model_validate(same)


def _num_parameters(spec: ScratchSpec, sizes: Sizes) -> int:
    return stacked.FAMILY.num_parameters(spec.as_stacked, sizes)


def _num_activations(spec: ScratchSpec, sizes: Sizes) -> int:
    return stacked.FAMILY.num_activations(spec.as_stacked, sizes)


def _work(spec: ScratchSpec, sizes: Sizes) -> Work:
    return stacked.FAMILY.work(spec.as_stacked, sizes)


def _broken_rules(experiment: "Experiment", spec: ScratchSpec) -> Iterator[tuple[str, str]]:
    data, train = experiment.data, experiment.train
    if data.is_masked:
        text = "counts every target in its loss, so mask is not for it; choose another"
        yield "data.missing", f"model.kind {spec.kind} {text}"
    for key in ("known", "calendar"):
        if key in data.covariates:
            yield f"data.{key}", f"model.kind {spec.kind} reads the window alone; leave {key} out"
    for key, value, allowed in (
        ("train.optimizer", train.optimizer, ("adam", "sgd")),
        ("train.loss", train.loss, ("mse",)),
        ("window.normalize", experiment.window.normalize, ("none", "last")),
        ("scale.transform", experiment.scale.transform, ("none",)),
    ):
        if value not in allowed:
            remedy = "choose one" if len(allowed) > 1 else "leave it out"
            yield key, f"model.kind {spec.kind} has {' and '.join(allowed)}, not {value}; {remedy}"
    if train.momentum is not None:
        yield "train.momentum", f"model.kind {spec.kind} has sgd without momentum; leave it out"


FAMILY = Family(
    spec=ScratchSpec,
    engine="numpy",
    build=None,
    num_parameters=_num_parameters,
    num_activations=_num_activations,
    work=_work,
    broken_rules=_broken_rules,
    bytes_per_number=8,
)

"""How large a network will be, counted from its family's record without TensorFlow."""

from dataclasses import replace

from rnnfc.config.network_spec import FamilySpec, NetSpec
from rnnfc.networks.family import Sizes, find_family


def num_parameters(spec: FamilySpec, sizes: Sizes) -> int:
    """Parameters of the network that is built from `spec`, those of a blended linear map included."""
    family = find_family(spec)
    if not isinstance(spec, NetSpec):
        return family.num_parameters(spec, sizes)
    embedded = spec.series_embedding or 0
    core = replace(
        sizes,
        channels=sizes.channels + embedded,
        horizon=1 if spec.is_recursive else sizes.horizon,
    )
    total = family.num_parameters(spec, core) + sizes.series * embedded
    if spec.linear:
        rows = spec.linear.length or sizes.length
        total += rows * sizes.horizon + (spec.linear.use == "blend")  # the share is one number
    return spec.num_members * total


def training_bytes(spec: FamilySpec, sizes: Sizes, *, batch_size: int, rows: int) -> int:
    """Rough peak memory of training beyond the engine itself, in bytes.

    Weights, gradients and two optimizer slots; the rows once; what backpropagation keeps of each step of one batch, and its
    gradients.
    """
    family = find_family(spec)
    members = spec.num_members if isinstance(spec, NetSpec) else 1
    activations = 2 * batch_size * members * family.num_activations(spec, sizes)
    numbers = 4 * num_parameters(spec, sizes) + rows * sizes.channels + activations
    return family.bytes_per_number * numbers

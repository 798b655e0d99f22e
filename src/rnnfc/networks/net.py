"""Net: the Keras models of a network, and the layers that training and export need, as typed fields."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from rnnfc.networks.backend import keras
from rnnfc.networks.family import Sizes
from rnnfc.networks.parts.autoregressive import AutoregressiveLoop
from rnnfc.networks.parts.linear_skip import LinearSkip

Layer = TypeVar("Layer")


@dataclass(frozen=True, kw_only=True)
class Member:
    """A network that is trained on a loss of its own: one of an ensemble, or the only one.

    core: the model of the family, without the parts around it.
    inference_model: [n, length, channel] and further inputs -> [n, horizon, target (, level)].
    training_model: the model that is trained, with the same weights: one that reads true targets, or forecasts the first step
        alone; for most families the inference model itself.
    """

    core: keras.Model
    inference_model: keras.Model
    training_model: keras.Model
    linear_skip: LinearSkip | None = None


@dataclass(frozen=True, kw_only=True)
class Net:
    """A network as `build` returns it.

    inference_model: the forecast of all members together; it holds every weight.
    recurrent_layers, autoregressive_loops: of all members; recurrent layers in the order of their calls.
    """

    inference_model: keras.Model
    members: tuple[Member, ...]
    sizes: Sizes
    recurrent_layers: tuple[keras.layers.RNN, ...]
    autoregressive_loops: tuple[AutoregressiveLoop, ...]

    @classmethod
    def from_members(cls, members: Sequence[Member], *, inference_model: keras.Model, sizes: Sizes) -> Self:
        """The network of `members`, whose forecasts `inference_model` combines."""
        return cls(
            inference_model=inference_model,
            members=tuple(members),
            sizes=sizes,
            recurrent_layers=_layers_of_type(keras.layers.RNN, [member.core for member in members]),
            autoregressive_loops=_layers_of_type(AutoregressiveLoop, [inference_model]),
        )

    @property
    def training_models(self) -> list[keras.Model]:
        """The training model of each member."""
        return [member.training_model for member in self.members]

    @property
    def linear_skips(self) -> list[LinearSkip]:
        """The linear skip connection of each member; empty if the network has none."""
        return [member.linear_skip for member in self.members if member.linear_skip is not None]


def _layers_of_type(kind: type[Layer], models: Sequence[keras.Model]) -> tuple[Layer, ...]:
    """Every layer of the type at any depth; the two directions of a bidirectional layer are two."""
    return tuple(layer for model in models for layer in model._flatten_layers() if isinstance(layer, kind))


@contextlib.contextmanager
def plain_loops(net: Net, *, unroll: bool) -> Iterator[None]:
    """While `net` is traced, its loops are straight code, or loops of plain operations: XLA cannot compile cuDNN's.

    Afterwards the layers are as before.
    """
    loops = [*net.recurrent_layers, *net.autoregressive_loops]
    before = [(layer, layer.unroll, getattr(layer, "use_cudnn", None)) for layer in loops]
    for layer, _, use_cudnn in before:
        layer.unroll = unroll
        if use_cudnn is not None:
            layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, unroll_before, use_cudnn in before:
            layer.unroll = unroll_before
            if use_cudnn is not None:
                layer.use_cudnn = use_cudnn

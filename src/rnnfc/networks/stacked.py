"""The stacked family: recurrent layers one above the other, then one dense layer for all steps and targets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rnnfc.config.network_spec import CellName, Dropout, NetSpec, Units
from rnnfc.config.spec import wrong
from rnnfc.networks.cells.cell import find_cell
from rnnfc.networks.family import Family, Sizes, Work
from rnnfc.networks.seeds import derive_seed

if TYPE_CHECKING:
    from rnnfc.config.experiment import Experiment
    from rnnfc.networks.backend import keras


def _as_layers(value: object) -> object:
    return (value,) if type(value) is int else value


class StackedSpec(NetSpec):
    """Recurrent layers one above the other, then a dense layer with horizon x targets outputs."""

    kind: Literal["stacked"]
    cell: CellName
    units: Annotated[
        tuple[Units, ...], BeforeValidator(_as_layers, json_schema_input_type=Units | tuple[Units, ...])
    ] = Field(min_length=1, max_length=16, description="one number a layer; a single number is one layer")
    activation: Literal["tanh", "relu", "sigmoid", "linear", "elu", "softsign"] = Field(
        "tanh", description="of the recurrent units"
    )
    dropout: Dropout = Field(0.0, description="share of each layer's inputs that is dropped in training")
    recurrent_dropout: Dropout = Field(
        0.0, description="share of each layer's state that is dropped in training"
    )
    bidirectional: bool | tuple[bool, ...] = Field(
        False, description="for all layers, or a list with one entry a layer"
    )
    strategy: Literal["direct", "recursive"] = Field(
        "direct",
        description="direct: all steps of the horizon at once; recursive: a step at a time, the newest row of the window for "
        "the next, and trained on the first step alone",
    )

    @model_validator(mode="after")
    def _one_direction_flag_per_layer(self) -> Self:
        if isinstance(self.bidirectional, tuple) and len(self.bidirectional) != len(self.units):
            raise wrong(
                f"bidirectional has {len(self.bidirectional)} entries for {len(self.units)} layers; give one a layer"
            )
        return self

    @model_validator(mode="after")
    def _keys_that_act(self) -> Self:
        cell = find_cell(self.cell)
        if self.activation != "tanh" and not cell.has_activation:
            raise wrong(
                f"{self.cell} has no activation of its own; leave model.activation out", key=("activation",)
            )
        if self.recurrent_dropout and not cell.has_recurrent_dropout:
            text = f"{self.cell} has no recurrent dropout; leave model.recurrent_dropout out"
            raise wrong(text, key=("recurrent_dropout",))
        return self

    @property
    def label(self) -> str:
        """Cell and units."""
        named = f"{self.cell} {' + '.join(map(str, self.units))}"
        return self._with_parts(f"{named}, recursive" if self.is_recursive else named)

    @property
    def is_stack(self) -> bool:
        """See `FamilySpec`."""
        return not self.is_recursive

    @property
    def is_recursive(self) -> bool:
        """See `FamilySpec`."""
        return self.strategy == "recursive"

    @property
    def directions(self) -> tuple[int, ...]:
        """1 or 2 (bidirectional) for each layer."""
        flags = (
            self.bidirectional
            if isinstance(self.bidirectional, tuple)
            else (self.bidirectional,) * len(self.units)
        )
        return tuple(2 if flag else 1 for flag in flags)

    @property
    def width(self) -> int:
        """Units of all layers and directions."""
        return sum(directions * units for units, directions in zip(self.units, self.directions, strict=True))


def build(
    spec: StackedSpec,
    sizes: Sizes,
    *,
    seed: int,
    unroll_for_export: bool = False,  # noqa: ARG001  there is no loop over the horizon
) -> "keras.Model":
    """A Keras Sequential: [n, length, channel] -> [n, horizon, target], or [n, horizon, target, level] with levels.

    With known channels it is a model of a second input, `future` [n, horizon, known], all of which the last layer reads with
    the last state.

    Every initializer and dropout has a seed of its own, so nothing depends on Keras' or Python's global generators.
    """
    from rnnfc.networks.backend import keras
    from rnnfc.networks.parts.quantile_head import quantile_head
    from rnnfc.networks.tensors import FUTURE, WINDOW

    horizon, targets, known = sizes.horizon, sizes.targets, sizes.known
    layers: list[keras.layers.Layer] = [keras.Input((sizes.length, sizes.channels), name=WINDOW)]
    for index, directions in enumerate(spec.directions):
        forward = _recurrent(spec, index, seed=seed, direction=0)
        if directions == 1:
            layers.append(forward)
        else:
            # Left to itself, Bidirectional clones the layer together with its seeds: both directions would start equal.
            backward = _recurrent(spec, index, seed=seed, direction=1)
            layers.append(
                keras.layers.Bidirectional(
                    forward, backward_layer=backward, name=f"bidirectional_{index + 1}"
                )
            )
    start = keras.initializers.GlorotUniform(seed=derive_seed(seed, len(spec.units), 0))
    head = [keras.layers.Dense(horizon * targets * spec.num_outputs, kernel_initializer=start, name="output")]
    if spec.levels:
        head.append(keras.layers.Reshape((horizon, targets, len(spec.levels)), name="median_and_gaps"))
        head.append(quantile_head(horizon, targets, levels=spec.levels))
    else:
        head.append(keras.layers.Reshape((horizon, targets), name="forecast"))
    if not known:
        return keras.Sequential([*layers, *head], name="stacked")
    inputs = {WINDOW: layers[0], FUTURE: keras.Input((horizon, known), name=FUTURE)}
    state = keras.Sequential(layers, name="recurrent")(inputs[WINDOW])
    future = keras.ops.reshape(inputs[FUTURE], (-1, horizon * known))
    outputs = keras.Sequential(head, name="head")(keras.ops.concatenate([state, future], axis=-1))
    return keras.Model(inputs, outputs, name="stacked")


def _recurrent(spec: StackedSpec, index: int, *, seed: int, direction: int) -> "keras.layers.RNN":
    kernel, recurrent, dropout = (derive_seed(seed, index, direction, role) for role in range(3))
    return find_cell(spec.cell).layer(
        spec.units[index],
        activation=spec.activation,
        dropout=spec.dropout,
        recurrent_dropout=spec.recurrent_dropout,
        return_sequences=index < len(spec.units) - 1,
        go_backwards=direction == 1,
        kernel_seed=kernel,
        recurrent_seed=recurrent,
        seed=dropout,
        name=f"{('forward', 'backward')[direction]}_{index + 1}",
    )


def _num_parameters(spec: StackedSpec, sizes: Sizes) -> int:
    recurrent, inputs = _recurrent_weights(spec, sizes)
    outputs = sizes.horizon * sizes.targets * spec.num_outputs
    return recurrent + (inputs + sizes.horizon * sizes.known + 1) * outputs


def _recurrent_weights(spec: StackedSpec, sizes: Sizes) -> tuple[int, int]:
    """Weights of all recurrent layers, and the size of the last one's output."""
    cell, total, inputs = find_cell(spec.cell), 0, sizes.channels
    for units, directions in zip(spec.units, spec.directions, strict=True):
        total += directions * cell.num_parameters(inputs=inputs, units=units)
        inputs = directions * units
    return total, inputs


def _num_activations(spec: StackedSpec, sizes: Sizes) -> int:
    return sizes.length * (sizes.channels + spec.width * find_cell(spec.cell).activations_per_unit)


def _work(spec: StackedSpec, sizes: Sizes) -> Work:
    return Work(
        layers=sum(spec.directions),
        steps=sizes.length,
        rows=sizes.length,
        gates=find_cell(spec.cell).gates,
        units=spec.width,
        weights=_recurrent_weights(spec, sizes)[0],
    )


def _broken_rules(experiment: "Experiment", spec: StackedSpec) -> Iterator[tuple[str, str]]:
    if spec.is_recursive:
        if columns := experiment.data.covariates.get("inputs"):
            text = f"recursive needs the next row of every column, and that of {', '.join(columns)} is neither forecast nor known"
            yield "model.strategy", f"{text}; leave data.inputs out, or choose direct"
        if spec.levels:
            text = "recursive feeds back medians only, so later steps have no quantiles; leave it or model.levels out"
            yield "model.strategy", text
        if spec.linear:
            text = "recursive forecasts one step at a time and the linear map all steps at once; leave one of the two out"
            yield "model.strategy", text
    if experiment.train.bptt_steps is not None and experiment.is_one_stack:
        if 2 in spec.directions:
            text = "a bidirectional layer also reads the window from its end, so its earlier steps cannot be cut off"
            yield "train.bptt_steps", f"{text}; leave one of the two out"
        if spec.dropout or spec.recurrent_dropout:
            text = "dropout draws one mask for the whole window, and truncated backpropagation reads it in two parts"
            yield "train.bptt_steps", f"{text}; leave one of the two out"


FAMILY = Family(
    spec=StackedSpec,
    build=build,
    num_parameters=_num_parameters,
    num_activations=_num_activations,
    work=_work,
    broken_rules=_broken_rules,
)

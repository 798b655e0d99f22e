"""BUILDERS: one builder for each kind of model; Network: a Keras model with its scaler, which forecasts windows."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnfc.config.experiment import Experiment
from rnnfc.data.panel import Floats, Panel
from rnnfc.data.scaler import Scaler, inverted, transformed
from rnnfc.data.windows import Windows
from rnnfc.errors import RunError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.networks import inputs, tensors
from rnnfc.networks.backend import keras, tf
from rnnfc.networks.parts import linear_skip as linear
from rnnfc.networks.parts import quantile_head as quantiles
from rnnfc.networks.parts.autoregressive import AutoregressiveLoop, inference_model, rolled
from rnnfc.networks.parts.normalization import NORMALIZE, around
from rnnfc.networks.segment import build_segment
from rnnfc.networks.seq2seq import build_seq2seq
from rnnfc.networks.stacked import build_stacked, derive_seed
from rnnfc.networks.tensors import Outputs, to_forecast

BUILDERS: dict[str, Callable[..., Any]] = {
    "stacked": build_stacked,
    "segment": build_segment,
    "seq2seq": build_seq2seq,
}
_MEMBER = "member_"

# Windows in one forward pass: large enough for matrix products to pay, small enough that a batch of length 512 and 8
# channels stays under 20 MB.
_FORWARD_BATCH = 1024


def build(
    experiment: Experiment,
    *,
    channels: int,
    targets: int,
    known: int = 0,
    series: int = 1,
    written_out: bool = False,
) -> Any:
    """The Keras model of an experiment with its starting weights: [n, length, channel] -> [n, horizon, target (, level)].

    Args:
        known: the last channels, which are known ahead.
        series: how many there are, where the network is to tell them apart.
        written_out: for forecasts alone, of plain layers alone: steps of the horizon that feed each other are written one after
            another, where they are a loop otherwise. The weights have the same order.
    """
    model: Any = experiment.model  # not a ScratchSpec: `models.engines` sends no such kind here
    seeds = [
        experiment.seed,
        *(derive_seed(experiment.seed, member, 4) for member in range(1, model.num_members)),
    ]
    sizes = {"channels": channels, "targets": targets, "known": known, "series": series}
    members = [_member(experiment, model, **sizes, written_out=written_out, seed=seed) for seed in seeds]
    return members[0] if len(members) == 1 else _together(members, by=model.ensemble.by)


def build_for(experiment: Experiment, panel: Panel) -> Any:
    """`build` for the data of `panel`."""
    channels, targets = len(panel.channels), panel.num_targets
    return build(
        experiment, channels=channels, targets=targets, known=panel.num_known, series=len(panel.series)
    )


def _member(
    experiment: Experiment,
    model: Any,
    *,
    channels: int,
    targets: int,
    known: int,
    series: int,
    seed: int,
    written_out: bool,
) -> Any:
    window, embedded = experiment.window, model.series_embedding or 0
    recursive = getattr(model, "strategy", None) == "recursive"
    steps = 1 if recursive else window.horizon
    sizes = {"length": window.length, "channels": channels + embedded, "horizon": steps, "targets": targets}
    core = BUILDERS[model.kind](model, **sizes, known=known, seed=seed, written_out=written_out)
    if embedded:
        core = inputs.with_series(core, channels=channels, series=series, size=embedded, seed=seed)
    if model.linear:
        core = linear.beside(core, model.linear, targets=targets, levels=model.levels)
    core = around(core, window.normalize, channels=channels, targets=targets, known=known)
    if recursive:
        return rolled(core, horizon=window.horizon, written_out=written_out)
    return inference_model(core, targets=targets) if tensors.TARGET in inputs.of(core) else core


def _together(members: list[Any], *, by: str) -> Any:
    """The mean or median of several networks' forecasts."""
    given = inputs.like(members[0])
    for place, member in enumerate(members):
        member.name = f"{_MEMBER}{place + 1}"
    made = keras.ops.stack([inputs.feed(member, given) for member in members])
    if by == "median":  # as the mean of the middle one or two, which every exported format can sort out
        middle = (len(members) - 1) // 2
        made = keras.ops.sort(made, axis=0)[middle : len(members) - middle, ...]
    return inputs.model(given, keras.ops.mean(made, axis=0), name="ensemble")


def ensemble_members(net: Any) -> list[Any]:
    """The networks of an ensemble, each of which is trained on its own loss; `net` itself where it is none."""
    return [layer for layer in net.layers if layer.name.startswith(_MEMBER)] or [net]


def normalized(windows: Windows, normalize: str) -> Iterator[tuple[Floats, Floats]]:
    """Parts of (window[n, length, target], forecast[n, horizon, target]) as the network inside the normalisation meets them."""
    targets = windows.panel.num_targets
    for part in windows.parts():
        window, forecast = part.inputs()[:, :, :targets], part.targets()
        if normalize != "none":
            rule = NORMALIZE[normalize]
            window, forecast = np.asarray(rule.see(window)), np.asarray(rule.inside(forecast, window))
        yield window.astype(np.float64), forecast.astype(np.float64)


def recurrent_layers(net: Any) -> list[Any]:
    """Every recurrent layer, the two directions of a bidirectional one each for itself."""
    return [layer for layer in net._flatten_layers() if isinstance(layer, keras.layers.RNN)]


@contextlib.contextmanager
def plain_loops(net: Any, *, unroll: bool) -> Iterator[None]:
    """Recurrent layers, and steps that feed each other, trace as straight code or as loops of plain operations: XLA cannot
    compile cuDNN.

    The layers themselves are the same before and after.
    """
    loops = [
        *recurrent_layers(net),
        *(layer for layer in net._flatten_layers() if isinstance(layer, AutoregressiveLoop)),
    ]
    before = [(layer, layer.unroll, getattr(layer, "use_cudnn", None)) for layer in loops]
    for layer, _, cudnn in before:
        layer.unroll = unroll
        if cudnn is not None:
            layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, flag, cudnn in before:
            layer.unroll = flag
            if cudnn is not None:
                layer.use_cudnn = cudnn


def to_device(panel: Panel) -> tuple[Any, Any]:
    """The rows of a scaled panel as a tensor, f32[row, channel], and the index of each one's series, i32[row]."""
    series = np.repeat(np.arange(len(panel.series), dtype=np.int32), np.diff(panel.bounds))
    return tf.constant(panel.values, tf.float32), tf.constant(series)


def gather_inputs(net: Any, rows: Any, series: Any, origins: Any, *, length: int) -> dict[str, Any]:
    """What `net` reads of the rows on the device around each of origins[n], by name, inside a compiled program.

    True targets, which are no input of a forecast, are left out.
    """
    read = {name: tensor.shape for name, tensor in inputs.of(net).items()}
    given = {tensors.WINDOW: tf.gather(rows, origins[:, None] + tf.range(-length, 0, dtype=tf.int32))}
    if tensors.FUTURE in read:
        _, horizon, known = read[tensors.FUTURE]
        given[tensors.FUTURE] = tf.gather(
            rows[:, -known:], origins[:, None] + tf.range(horizon, dtype=tf.int32)
        )
    if tensors.SERIES in read:
        given[tensors.SERIES] = tf.gather(series, origins - 1)  # by the last input row, as `Windows.series`
    return given


class Network:
    """A Keras model, its scaler, the levels of its quantiles (if it has any) and one traced forward pass."""

    label = "network"

    def __init__(self, net: Any, scaler: Scaler, *, length: int, levels: tuple[float, ...] = ()) -> None:
        self.net = net
        self.scaler = scaler
        self.levels = levels
        channels = inputs.of(net)["window"].shape[-1]
        indices = tf.TensorSpec([None], tf.int32)
        signature = [tf.TensorSpec([None, channels], tf.float32), indices, indices]

        def forward(rows: Any, series: Any, origins: Any) -> Any:
            return inputs.feed(net, gather_inputs(net, rows, series, origins, length=length), training=False)

        self._forward = tf.function(forward, input_signature=signature, autograph=False)
        self._rows_of: tuple[Any, Any] = (None, None)

    def scaled_points(self, scaled: Windows) -> Floats:
        """What the Keras model gives, [window, horizon, target (, level)], for windows over a scaled panel."""
        if (
            self._rows_of[0] is not scaled.panel
        ):  # the validation rows go to the device once, not once an epoch
            self._rows_of = (None, None)  # or the old rows would be there beside the new ones
            self._rows_of = (scaled.panel, to_device(scaled.panel))
        rows = self._rows_of[1]
        parts = scaled.parts(most=_FORWARD_BATCH)
        return np.concatenate(
            [self._forward(*rows, tf.constant(part.origins)).numpy() for part in parts]
        ).astype(np.float64)

    def outputs(self, windows: Windows) -> Outputs:
        """Forecast, and quantiles with levels, in data units, for unscaled windows."""
        near, series = windows.crop(), windows.series
        made = self.scaled_points(near.with_panel(self.scaler.apply(near.panel, dtype=np.float32)))
        return quantiles.outputs(
            made, self.levels, raw=lambda points: self.scaler.invert(points, series), stack=np.stack
        )

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""
        return to_forecast(self.outputs(windows), windows, levels=self.levels)


def inference_copy(experiment: Experiment, network: Network, *, written_out: bool = False) -> Any:
    """A Keras model with the weights of `network` that draws nothing in training and keeps no state for it, for exporters."""
    net = network.net
    rates = {
        name: 0.0
        for name in ("dropout", "recurrent_dropout", "teacher_forcing")
        if hasattr(experiment.model, name)
    }
    still = experiment.model_copy(update={"model": experiment.model.model_copy(update=rates)})
    core = build(still, **_sizes_of(net), written_out=written_out)
    for variable, trained in zip(core.weights, net.weights, strict=True):
        variable.assign(trained)
    return core


def _sizes_of(net: Any) -> dict[str, int]:
    """What `build` was told of the data."""
    read, embeddings = inputs.of(net), linear.layers_named(net, inputs.EMBEDDING)
    known = read[tensors.FUTURE].shape[-1] if tensors.FUTURE in read else 0
    sizes = {"channels": read[tensors.WINDOW].shape[-1], "targets": net.output_shape[2], "known": known}
    return {**sizes, "series": embeddings[0].input_dim if embeddings else 1}


def with_plain_layers(experiment: Experiment, network: Network) -> Any:
    """The Keras model of `network` for readers that know Keras' own layers alone."""
    rolls = any(isinstance(layer, AutoregressiveLoop) for layer in network.net._flatten_layers())
    return inference_copy(experiment, network, written_out=True) if rolls else network.net


def in_data_units(
    core: Any, scaler: Scaler, *, levels: tuple[float, ...], dtype: str = "float64"
) -> Callable[..., dict[str, Any]]:
    """A function on tensors: raw window[n, length, channel] -> raw outputs by name, see `quantiles.outputs`.

    All are of `dtype` and so is the scaling: float64 keeps the shape of a series at offset 1e9, of which float32 would keep one
    value of a thousand. Where the network or its scaling tells series apart it takes the index of each window's series too,
    int64[n], and where channels are known ahead their future[n, horizon, known].
    """
    arrays: list[Any] = [
        None if array is None else array.astype(dtype)
        for array in (scaler.center, scaler.scale, scaler.power)
    ]
    targets = core.output_shape[2]

    def of(array: Any, series: Any) -> Any:
        if array is None:
            return None
        return (
            array[0] if series is None else keras.ops.take(array, series, axis=0)[:, None]
        )  # [series, ...] -> [n, 1, ...]

    def forecast(window: Any, series: Any = None, future: Any = None) -> dict[str, Any]:
        center, scale, power = (of(array, series if scaler.by_series else None) for array in arrays)
        given = {
            tensors.WINDOW: keras.ops.cast(
                (transformed(window, power, keras.ops) - center) / scale, "float32"
            )
        }
        if future is not None:
            known = slice(center.shape[-1] - future.shape[-1], None)
            given[tensors.FUTURE] = keras.ops.cast(
                (future - center[..., known]) / scale[..., known], "float32"
            )
        if series is not None:
            given[tensors.SERIES] = keras.ops.cast(series, "int32")
        made = keras.ops.cast(inputs.feed(core, given, training=False), dtype)

        def raw(points: Any) -> Any:
            return inverted(
                keras.ops.add(center[..., :targets], points * scale[..., :targets]), power, keras.ops
            )  # see NORMALIZE

        return quantiles.outputs(made, levels, raw=raw, stack=keras.ops.stack)

    return forecast


def data_unit_forecaster(experiment: Experiment, network: Network) -> Callable[..., dict[str, Any]]:
    """`network` as a function on float64 tensors in raw units, see `in_data_units`."""
    return in_data_units(inference_copy(experiment, network), network.scaler, levels=network.levels)


def restore(
    experiment: Experiment, panel: Panel, scaler: Scaler, weights: dict[str, Any], *, source: str
) -> Network:
    """The trained network from its experiment and plain arrays; the .keras file is written for others and never read.

    Raises:
        RunError: the arrays are not this network's.
    """
    net = build_for(experiment, panel)
    set_weights(net, weights, source=source)
    return Network(net, scaler, length=experiment.window.length, levels=experiment.levels)


def named_weights(net: Any) -> dict[str, Floats]:
    """Every weight by its place and path, ready for an .npz file."""
    return {f"{place:03d} {variable.path}": variable.numpy() for place, variable in enumerate(net.weights)}


def set_weights(net: Any, weights: dict[str, Floats], *, source: str) -> None:
    """Put the arrays of `named_weights` back.

    Raises:
        RunError: names, types or shapes are not those of this network.
    """
    expected = {name: f"{array.dtype}{list(array.shape)}" for name, array in named_weights(net).items()}
    given = {name: f"{array.dtype}{list(array.shape)}" for name, array in weights.items()}
    if expected != given:
        name = next(name for name in [*expected, *given] if expected.get(name) != given.get(name))
        raise RunError(
            f"{source}: {name} is {given.get(name)}, the experiment's network needs {expected.get(name)}"
        )
    net.set_weights([weights[name] for name in expected])

"""A network of one step, done once for every step of the horizon: what it forecasts is part of what its next step reads."""

from collections.abc import Mapping
from typing import Any

from rnnfc.networks import inputs, tensors
from rnnfc.networks.backend import keras, tf

ops = keras.ops
TAUGHT = "training_model"


def one_step(
    step: Any, place: Any, state: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The forecast [n, target (, level)] of a step, and the state that the next one reads.

    Args:
        step: a Keras model from its named inputs to a dictionary with `forecast` and what the next step reads, of
            which `previous` [n, target] is the forecast itself, or its median.
        state: what the step before handed on.
        given: see `AutoregressiveLoop`.
    """
    row = {"ahead": given["future"][:, place]} if "future" in given else {}
    handed_on = step({**state, **given["fixed"], **row})
    forecast = handed_on.pop("forecast")
    if "told" in given:
        handed_on["previous"] = ops.where(
            given["told"][:, place], given["target"][:, place], handed_on["previous"]
        )
    return forecast, handed_on


def unrolled(step: Any, given: Mapping[str, Any], *, horizon: int) -> Any:
    """What `AutoregressiveLoop` forecasts, written out step by step: plain layers alone, which any Keras reads."""
    state, made = given["start"], []
    for place in range(horizon):
        forecast, state = one_step(step, place, state, given)
        made.append(forecast)
    return ops.stack(made, axis=1)


class AutoregressiveLoop(keras.layers.Layer):  # type: ignore[misc]  # Keras is not typed
    """Calls `step` in a loop: -> [n, horizon, target (, level)].

    It is given a dictionary with

    start: what the first step reads; each step hands on as much.
    fixed: what every step reads.
    future: [n, horizon, known], where a step reads its row as `ahead`.
    target: [n, horizon, target], the truth, of which the next step reads a share `teacher_forcing` of the values in place of the
        forecasts as its `previous`, drawn anew for every window and step, and none that is NaN; or [n, 0, target], and it reads
        forecasts.

    Source of the draw: Bengio et al., Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks, NeurIPS 2015.
    """

    def __init__(self, step: Any, *, horizon: int, teacher_forcing: float = 0.0, seed: int = 0) -> None:
        super().__init__(name="roll")
        self.step, self.horizon, self.teacher_forcing = step, horizon, teacher_forcing
        self.shape = step.output["forecast"].shape[1:]
        self.unroll = False  # as of a recurrent layer, see `network.plain_loops`
        self.seed_generator = keras.random.SeedGenerator(seed) if 0 < teacher_forcing < 1 else None
        self.built = True

    def compute_output_spec(self, given: Mapping[str, Any]) -> Any:
        """The shape of the forecast; nothing is traced for it."""
        return keras.KerasTensor((given["target"].shape[0], self.horizon, *self.shape))

    def call(self, given: dict[str, Any]) -> Any:
        """See the class."""
        if given["target"].shape[1] == self.horizon and self.teacher_forcing:
            told = self._told(ops.shape(given["target"])[0])
            given = {**given, "told": told & ~ops.isnan(given["target"])}
        if self.unroll:
            return unrolled(self.step, given, horizon=self.horizon)

        def step(place: Any, state: Any, made: Any) -> Any:
            forecast, state = one_step(self.step, place, state, given)
            return place + 1, state, made.write(place, forecast)

        made = tf.TensorArray(tf.float32, size=self.horizon, element_shape=(None, *self.shape))
        start = (tf.constant(0), given["start"], made)
        *_, made = tf.while_loop(
            lambda place, *_: place < self.horizon, step, start, maximum_iterations=self.horizon
        )
        return ops.moveaxis(made.stack(), 0, 1)

    def _told(self, windows: Any) -> Any:
        shape = (windows, self.horizon, 1)
        if self.seed_generator is None:
            return ops.ones(shape, dtype="bool")
        return keras.random.uniform(shape, seed=self.seed_generator) < self.teacher_forcing


def training_model(net: Any) -> Any:
    """The network that is trained in place of `net`, with the same weights: one inside it, that reads true targets, or makes the
    first step alone; if any.
    """
    return next((layer for layer in net._flatten_layers() if layer.name == TAUGHT), net)


def inference_model(training_model: Any, *, targets: int) -> Any:
    """`training_model` without true targets to read, which is how it forecasts; it is trained by itself."""
    training_model.name = TAUGHT
    given = {name: tensor for name, tensor in inputs.like(training_model).items() if name != tensors.TARGET}
    made = inputs.feed(training_model, {**given, tensors.TARGET: given["window"][:, :0, :targets]})
    return inputs.model(given, made, name="told_nothing")


def rolled(net: Any, *, horizon: int, written_out: bool) -> Any:
    """A Keras model of `horizon` steps from `net` of one: of each step the window is that before, without its first row and with
    the forecast, and what is known ahead, as its last. What is trained is `net`.

    Args:
        written_out: without a loop, of plain layers alone.
    """
    net.name = TAUGHT
    given, targets = inputs.like(net), net.output_shape[-1]
    told: dict[str, Any] = {"start": {"window": given["window"]}, "fixed": {}}
    if "future" in given:
        told["future"] = given["future"] = keras.Input((horizon, given["future"].shape[-1]), name="future")
    if "series" in given:
        told["fixed"] = {"series": given["series"]}
    if written_out:
        return inputs.model(given, unrolled(_next_window(net), told, horizon=horizon), name="recursive")
    made = AutoregressiveLoop(_next_window(net), horizon=horizon)(
        {**told, "target": given["window"][:, :0, :targets]}
    )
    return inputs.model(given, made, name="recursive")


def _next_window(net: Any) -> Any:
    """The step of a recursive network, as `AutoregressiveLoop` takes it."""
    given = inputs.like(net)
    read = dict(given)
    if "future" in given:
        given["ahead"] = keras.Input((given.pop("future").shape[-1],), name="ahead")
        read["future"] = given["ahead"][:, None]
    made = inputs.feed(net, read)  # [n, 1, target]
    newest = [made, read["future"]] if "future" in read else [made]
    window = ops.concatenate([given["window"][:, 1:], ops.concatenate(newest, axis=-1)], axis=1)
    return keras.Model(given, {"forecast": made[:, 0], "window": window}, name="step")

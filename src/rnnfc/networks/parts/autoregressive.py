"""The autoregressive loop: a one-step network, called for every step of the horizon; each step reads the forecast before it.

In training a network may read true targets instead of forecasts (teacher forcing), or make the first step alone. The inference
models built here have the same weights and read no true targets.
"""

from collections.abc import Mapping
from typing import TypedDict

from rnnfc.networks.backend import Tensor, keras, tf
from rnnfc.networks.inputs import call_model, make_model, new_inputs
from rnnfc.networks.tensors import FORECAST, FUTURE, NEXT_FUTURE, PREVIOUS, SERIES, TARGET, WINDOW

ops = keras.ops
_TRAINING_MODEL = "training_model"  # a layer name of saved models

# The tensors that a step passes to the next one, by name.
State = Mapping[str, Tensor]


class LoopInputs(TypedDict, total=False):
    """The inputs of `AutoregressiveLoop`.

    start: the state that the first step reads; each step returns a state of the same names and shapes.
    fixed: what every step reads.
    future: [n, horizon, known]; each step reads its own row, as `ahead`.
    target: [n, horizon, target], the true values; or [n, 0, target] where there are none.
    use_target: bool[n, horizon, 1 or target]: where the next step reads the true value as its `previous`.
    """

    start: State
    fixed: State
    future: Tensor
    target: Tensor
    use_target: Tensor


def one_step(
    step_model: keras.Model, step: Tensor | int, state: State, inputs: LoopInputs
) -> tuple[Tensor, State]:
    """The forecast [n, target (, level)] of one step, and the state that the next step reads.

    Args:
        step_model: from named tensors to a dictionary with `forecast` and the next state; the state's `previous` [n, target]
            is the forecast, or its median.
        step: from 0.
    """
    row = {NEXT_FUTURE: inputs["future"][:, step]} if "future" in inputs else {}
    next_state = step_model({**state, **inputs["fixed"], **row})
    forecast = next_state.pop(FORECAST)
    if "use_target" in inputs:
        next_state[PREVIOUS] = ops.where(
            inputs["use_target"][:, step], inputs["target"][:, step], next_state[PREVIOUS]
        )
    return forecast, next_state


def unroll_steps(step_model: keras.Model, inputs: LoopInputs, *, horizon: int) -> Tensor:
    """The forecast of `AutoregressiveLoop` as a chain of `horizon` calls: plain layers, which any reader of Keras files knows."""
    state, forecasts = inputs["start"], []
    for step in range(horizon):
        forecast, state = one_step(step_model, step, state, inputs)
        forecasts.append(forecast)
    return ops.stack(forecasts, axis=1)


class AutoregressiveLoop(keras.layers.Layer):  # type: ignore[misc]  # Keras is not typed
    """Call `step_model` for every step in a loop: LoopInputs -> forecast [n, horizon, target (, level)].

    Where true targets are among the inputs, a share `teacher_forcing` of their values replaces the forecasts that the next steps
    read, drawn anew for every window and step; a value that is NaN never does.

    Source of the draw: Bengio et al., Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks, NeurIPS 2015.
    """

    def __init__(
        self, step_model: keras.Model, *, horizon: int, teacher_forcing: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__(name="roll")
        self.step_model, self.horizon, self.teacher_forcing = step_model, horizon, teacher_forcing
        self.step_shape = step_model.output[FORECAST].shape[1:]
        self.unroll = False  # as in Keras' recurrent layers, see `net.plain_loops`
        self.seed_generator = keras.random.SeedGenerator(seed) if 0 < teacher_forcing < 1 else None
        self.built = True

    def compute_output_spec(self, inputs: LoopInputs) -> keras.KerasTensor:
        """The shape of the forecast; nothing is traced for it."""
        return keras.KerasTensor((inputs["target"].shape[0], self.horizon, *self.step_shape))

    def call(self, inputs: LoopInputs) -> Tensor:
        """See the class."""
        if inputs["target"].shape[1] == self.horizon and self.teacher_forcing:
            drawn = self.draw_use_target(ops.shape(inputs["target"])[0])
            inputs = {**inputs, "use_target": drawn & ~ops.isnan(inputs["target"])}
        if self.unroll:
            return unroll_steps(self.step_model, inputs, horizon=self.horizon)

        def body(
            step: Tensor, state: State, forecasts: tf.TensorArray
        ) -> tuple[Tensor, State, tf.TensorArray]:
            forecast, state = one_step(self.step_model, step, state, inputs)
            return step + 1, state, forecasts.write(step, forecast)

        forecasts = tf.TensorArray(tf.float32, size=self.horizon, element_shape=(None, *self.step_shape))
        start = (tf.constant(0), inputs["start"], forecasts)
        *_, forecasts = tf.while_loop(
            lambda step, *_: step < self.horizon, body, start, maximum_iterations=self.horizon
        )
        return ops.moveaxis(forecasts.stack(), 0, 1)

    def draw_use_target(self, num_windows: Tensor | int) -> Tensor:
        """bool[n, horizon, 1], true with probability `teacher_forcing`."""
        shape = (num_windows, self.horizon, 1)
        if self.seed_generator is None:
            return ops.ones(shape, dtype="bool")
        return keras.random.uniform(shape, seed=self.seed_generator) < self.teacher_forcing


def without_true_targets(training_model: keras.Model, *, targets: int) -> keras.Model:
    """The inference model of `training_model`, which reads true targets: the same model with none of them."""
    training_model.name = _TRAINING_MODEL
    inputs = {name: tensor for name, tensor in new_inputs(training_model).items() if name != TARGET}
    forecast = call_model(training_model, {**inputs, TARGET: inputs[WINDOW][:, :0, :targets]})
    return make_model(inputs, forecast, name="told_nothing")


def with_autoregressive_loop(
    training_model: keras.Model, *, horizon: int, unroll_for_export: bool
) -> keras.Model:
    """The inference model of `horizon` steps from `training_model`, which makes one.

    The window of a step is the window before it without its first row, and with the forecast and the known future values of the
    step before as its last row.

    Args:
        unroll_for_export: write the steps out one after another, as plain layers.
    """
    training_model.name = _TRAINING_MODEL
    inputs, targets = new_inputs(training_model), training_model.output_shape[-1]
    loop_inputs: LoopInputs = {"start": {WINDOW: inputs[WINDOW]}, "fixed": {}}
    if FUTURE in inputs:
        inputs[FUTURE] = keras.Input((horizon, inputs[FUTURE].shape[-1]), name=FUTURE)
        loop_inputs["future"] = inputs[FUTURE]
    if SERIES in inputs:
        loop_inputs["fixed"] = {SERIES: inputs[SERIES]}
    step_model = _window_step(training_model)
    if unroll_for_export:
        forecast = unroll_steps(step_model, loop_inputs, horizon=horizon)
    else:
        loop_inputs["target"] = inputs[WINDOW][:, :0, :targets]
        forecast = AutoregressiveLoop(step_model, horizon=horizon)(loop_inputs)
    return make_model(inputs, forecast, name="recursive")


def _window_step(model: keras.Model) -> keras.Model:
    """The step model of a network that reads a window: its state is the window."""
    inputs = new_inputs(model)
    tensors = dict(inputs)
    if FUTURE in inputs:
        inputs[NEXT_FUTURE] = keras.Input((inputs.pop(FUTURE).shape[-1],), name=NEXT_FUTURE)
        tensors[FUTURE] = inputs[NEXT_FUTURE][:, None]
    forecast = call_model(model, tensors)  # [n, 1, target]
    new_row = [forecast, tensors[FUTURE]] if FUTURE in tensors else [forecast]
    window = ops.concatenate([inputs[WINDOW][:, 1:], ops.concatenate(new_row, axis=-1)], axis=1)
    return keras.Model(inputs, {FORECAST: forecast[:, 0], WINDOW: window}, name="step")

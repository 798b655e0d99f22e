"""How large a network will be, counted without TensorFlow."""

from rnnfc.config.model_spec import ScratchSpec, StackedSpec

# Gates of each cell, and bias vectors of each gate: GRU keeps a second one for its recurrent half (Keras' reset_after).
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}
_BIASES = {"SimpleRNN": 1, "LSTM": 1, "GRU": 2}


def num_parameters(spec: StackedSpec | ScratchSpec, *, channels: int, horizon: int, targets: int) -> int:
    """Trainable parameters of the network that is built from `spec`."""
    if isinstance(spec, ScratchSpec):
        return num_parameters(spec.as_stacked, channels=channels, horizon=horizon, targets=targets)
    total, inputs = 0, channels
    for units, directions in zip(spec.units, spec.directions, strict=True):
        total += directions * GATES[spec.cell] * units * (inputs + units + _BIASES[spec.cell])
        inputs = directions * units
    return total + (inputs + 1) * horizon * targets


def training_bytes(
    spec: StackedSpec | ScratchSpec, *, channels: int, horizon: int, targets: int, length: int, batch_size: int, rows: int
) -> int:
    """Rough peak memory of training beyond TensorFlow itself, in bytes.

    Weights, gradients and two optimizer slots in float32; the rows once; the gates and states of every step of one batch,
    which backpropagation through time keeps (the same again for their gradients).
    """
    if isinstance(spec, ScratchSpec):  # float64
        sizes = {"channels": channels, "horizon": horizon, "targets": targets, "length": length}
        return 2 * training_bytes(spec.as_stacked, **sizes, batch_size=batch_size, rows=rows)
    parameters = num_parameters(spec, channels=channels, horizon=horizon, targets=targets)
    activations = 2 * batch_size * length * (channels + spec.width * (GATES[spec.cell] + 1))
    return 4 * (4 * parameters + rows * channels + activations)

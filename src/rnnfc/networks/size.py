"""How large a network will be, counted without TensorFlow."""

from rnnfc.config.model_spec import ModelSpec, ScratchSpec, SegmentSpec, Seq2SeqSpec, StackedSpec
from rnnfc.networks.cells.cell import find_cell


def num_parameters(
    spec: ModelSpec,
    *,
    channels: int,
    length: int,
    horizon: int,
    targets: int,
    known: int = 0,
    series: int = 1,
) -> int:
    """Parameters of the network that is built from `spec`, those of a blended linear map included."""
    if isinstance(spec, ScratchSpec):
        return num_parameters(
            spec.as_stacked, channels=channels, length=length, horizon=horizon, targets=targets
        )
    embedded = spec.series_embedding or 0
    if isinstance(spec, SegmentSpec):
        core = _segment_parameters(spec, horizon=horizon, targets=targets)
    elif isinstance(spec, Seq2SeqSpec):
        core = _seq2seq_parameters(spec, channels=channels + embedded, targets=targets, known=known)
    else:
        steps = horizon if spec.strategy == "direct" else 1
        outputs = steps * targets * spec.num_outputs
        core = _stacked_parameters(spec, channels=channels + embedded, ahead=steps * known, outputs=outputs)
    core += series * embedded
    if spec.linear:
        rows = spec.linear.length or length
        core += rows * horizon + (spec.linear.use == "blend")  # the share is one number
    return spec.num_members * core


def _stacked_parameters(spec: StackedSpec, *, channels: int, ahead: int, outputs: int) -> int:
    total, inputs = 0, channels
    for units, directions in zip(spec.units, spec.directions, strict=True):
        total += directions * _cell_parameters(spec.cell, inputs=inputs, units=units)
        inputs = directions * units
    return total + (inputs + ahead + 1) * outputs


def _segment_parameters(spec: SegmentSpec, *, horizon: int, targets: int) -> int:
    embeddings = (-(-horizon // spec.segment) + targets) * (spec.width // 2)
    dense = (spec.segment + 1) * spec.width + (spec.width + 1) * spec.segment * spec.num_outputs
    return embeddings + dense + _cell_parameters(spec.cell, inputs=spec.width, units=spec.width)


def _seq2seq_parameters(spec: Seq2SeqSpec, *, channels: int, targets: int, known: int) -> int:
    units, attended = spec.units, spec.attention != "none"
    encoder = _cell_parameters(spec.cell, inputs=channels, units=units) + attended * units**2  # the keys
    if spec.attention == "bahdanau":  # query and score; the context is read by the cell and by the output
        decoder = (
            _cell_parameters(spec.cell, inputs=targets + known + units, units=units)
            + (units + 1) * units
            + units
        )
        return encoder + decoder + (2 * units + 1) * targets * spec.num_outputs
    decoder = _cell_parameters(spec.cell, inputs=targets + known, units=units) + attended * 2 * units**2
    return encoder + decoder + (units + 1) * targets * spec.num_outputs


def _cell_parameters(cell: str, *, inputs: int, units: int) -> int:
    return find_cell(cell).num_parameters(inputs=inputs, units=units)


def training_bytes(
    spec: ModelSpec,
    *,
    channels: int,
    horizon: int,
    targets: int,
    length: int,
    batch_size: int,
    rows: int,
    known: int = 0,
    series: int = 1,
) -> int:
    """Rough peak memory of training beyond TensorFlow itself, in bytes.

    Weights, gradients and two optimizer slots in float32; the rows once; what backpropagation keeps of each step of one batch.
    """
    sizes = {
        "channels": channels,
        "horizon": horizon,
        "targets": targets,
        "length": length,
        "known": known,
        "series": series,
    }
    if isinstance(spec, ScratchSpec):  # float64
        return 2 * training_bytes(spec.as_stacked, **sizes, batch_size=batch_size, rows=rows)
    of_unit = find_cell(spec.cell).kept_per_unit
    if isinstance(spec, SegmentSpec):
        steps = -(-length // spec.segment) + -(-horizon // spec.segment)
        kept = targets * (length + steps * spec.width * (of_unit + 1))
    elif isinstance(spec, Seq2SeqSpec):
        looked_at = length * spec.units * {"none": 0, "luong": 1, "bahdanau": 2}[spec.attention]
        kept = length * (channels + spec.units * of_unit) + horizon * (spec.units * (of_unit + 2) + looked_at)
    else:
        kept = length * (channels + spec.width * of_unit)
    activations = 2 * batch_size * spec.num_members * kept
    return 4 * (4 * num_parameters(spec, **sizes) + rows * channels + activations)

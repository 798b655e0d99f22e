"""load_panel: from the `data` keys of an experiment to its Panel."""

from rnnfc.config.data_spec import DataSpec
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources.columns import ColumnsSpec
from rnnfc.data.sources.source import Source
from rnnfc.extensions import SOURCES, load_record


def load_panel(
    spec: DataSpec, *, frame: object = None, frequency: Frequency | None = None, offset: str = ""
) -> Panel:
    """The data of an experiment, checked and without gaps.

    Args:
        frame: a data frame with the columns of `spec`, to be read instead of the source of `spec`.
        frequency: the step that the rows must have, where earlier rows fix it; None: it is inferred.
        offset: UTC offset that the times of a frame with another one are converted to; empty: none is converted.
    Raises:
        DataError: the source cannot be used; with its place and what to do.
    """
    if frame is not None:
        from rnnfc.data.sources.frame import as_frame_spec, load_frame

        columns = spec if isinstance(spec, ColumnsSpec) else as_frame_spec(spec)
        return load_frame(columns, frame, frequency, offset=offset)
    source: Source[DataSpec] = load_record(SOURCES, spec.kind)
    return source.load(spec, frequency)

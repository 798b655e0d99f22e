"""Source: one kind of data, from its keys in the YAML to a Panel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from rnnfc.config.data_spec import DataSpec
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel

if TYPE_CHECKING:
    from rnnfc.data.sources.columns import FileSpec

S = TypeVar("S", bound=DataSpec)


@dataclass(frozen=True, kw_only=True)
class Source(Generic[S]):
    """A source of data.

    spec: its keys in the YAML; `kind` is a Literal with the name that `rnnfc.extensions.SOURCES` has.
    load: reads the rows, checks them and fills gaps. Its second argument is the step that the rows must have, where earlier
        rows of the same data fix it; None: the step is inferred.
    """

    spec: type[S]
    load: Callable[[S, Frequency | None], Panel]


def load_file(spec: "FileSpec", frequency: Frequency | None) -> Panel:
    """See `sources.file.load_file`; the reader is imported when rows are read, not with the keys of the YAML."""
    from rnnfc.data.sources import file

    return file.load_file(spec, frequency)

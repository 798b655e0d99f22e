"""Source: one kind of data, from its keys in the YAML to a Panel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rnnfc.config.data_spec import DataSpec
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel

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

"""data: what every source has. The keys of one source are in its own module of `rnnfc.data.sources`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from rnnfc.config.spec import Spec, wrong
from rnnfc.errors import ConfigError


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise wrong(f"got {text!r}; use visible characters on one line")
    return text


Line = Annotated[str, AfterValidator(_one_line)]


class DataSpec(Spec):
    """The keys that every source has. The properties are what the other packages ask of a source, whatever its kind."""

    kind: str
    season: int | None = Field(
        None, ge=2, description="rows per season, for the seasonal naive baseline and MASE"
    )
    unit: Line = Field("", max_length=32, description="unit of the targets, for reports and plots")

    @property
    def file(self) -> str | None:
        """Path of the file that the rows are read from; None where they come from no file."""
        return None

    @property
    def has_columns(self) -> bool:
        """Whether the rows come in named columns, so that other rows can be read from a file or a data frame."""
        return False

    @property
    def time_column(self) -> str | None:
        """Column with the time of each row; None where there is none."""
        return None

    @property
    def zone(self) -> str:
        """Time zone of the clock, where times are read as instants; empty where none is named."""
        return ""

    @property
    def time_label(self) -> str:
        """Name of the time axis, for plots and tables."""
        return self.time_column or "row"

    @property
    def covariates(self) -> dict[str, tuple[str, ...]]:
        """What the network reads besides the targets, by key (inputs, known, calendar); keys without any are left out."""
        return {}

    @property
    def is_masked(self) -> bool:
        """Whether missing values are excluded from loss and metrics."""
        return False

    @property
    def series_column(self) -> str | None:
        """Column with the name of each row's series; None where there is one series."""
        return None

    @property
    def skips_short_series(self) -> bool:
        """Whether series that are too short for one window are left out instead of refused."""
        return False

    @property
    def from_frame(self) -> bool:
        """Whether the rows come from a data frame that Python code hands over."""
        return False

    def in_file(self, path: Path) -> "DataSpec":
        """The same columns, read from the file at `path`.

        Raises:
            ConfigError: the source has no columns.
        """
        raise ConfigError(f"{path}: data.kind: {self.kind} has no columns that a file could have")

    def only_targets(self, columns: tuple[str, ...]) -> Self:
        """The same source with `columns` as its only columns of values, gaps allowed.

        Raises:
            ConfigError: the source has no columns.
        """
        raise ConfigError(f"data.kind: {self.kind} has no columns; there is no {', '.join(columns)}")

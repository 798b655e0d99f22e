"""sine: sin(x) at equally spaced x, with optional noise."""

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rnnfc import memory
from rnnfc.config.data_spec import DataSpec
from rnnfc.config.spec import MAX_SEED, wrong
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources.source import Source

# Peak memory of one point until its windows are cut; measured.
_POINT_BYTES = 48


class SineSpec(DataSpec):
    """sin(x) at `points` equally spaced x: from 0 to `stop`, or 0, `step`, 2 `step` and so on."""

    kind: Literal["sine"]
    points: int = Field(ge=2, le=1_000_000_000, description="rows")
    stop: float | None = Field(
        None, gt=0, le=1e9, description="last x, as in numpy.linspace(0, stop, points)"
    )
    step: float | None = Field(
        None, gt=0, le=1e6, description="distance between two x; 1 gives sin(0), sin(1), sin(2)"
    )
    noise: float = Field(0.0, ge=0, le=1e6, description="standard deviation of the normal noise")
    noise_seed: int = Field(0, ge=0, le=MAX_SEED, description="of the noise")

    @model_validator(mode="after")
    def _one_spacing(self) -> Self:
        if (self.stop is None) == (self.step is None):
            raise wrong("set either stop (the last x) or step (the distance between two x), not both")
        return self

    @property
    def spacing(self) -> float:
        """Distance between two neighbouring x."""
        return self.step if self.step is not None else (self.stop or 0.0) / (self.points - 1)

    @property
    def time_label(self) -> str:
        """Name of the time axis, for plots and tables."""
        return "x"


def load_sine(spec: SineSpec, _: Frequency | None = None) -> Panel:
    """sin(x) at x = 0, spacing, 2 spacing ...; with `stop`, x is numpy.linspace(0, stop, points).

    The step that other rows may ask for is not used: `spec` fixes it.

    Raises:
        ConfigError: more points than fit into memory; refused before any is computed.
    """
    memory.require(_POINT_BYTES * spec.points, f"a sine of {spec.points:,} points", hint="reduce data.points")
    if spec.stop is None:
        x = np.arange(spec.points, dtype=np.float64)
        x *= spec.spacing
    else:
        x = np.linspace(0.0, spec.stop, spec.points)
    values = np.sin(x)
    if spec.noise > 0:
        values += np.random.default_rng(spec.noise_seed).normal(0.0, spec.noise, spec.points)
    return Panel(
        values=values[:, None],
        time=x,
        bounds=np.array([0, spec.points]),
        series=("sine",),
        channels=("sine",),
        num_targets=1,
        frequency=Frequency(unit="number", size=spec.spacing),
        filled=np.zeros((spec.points, 1), dtype=np.bool_),
        unit=spec.unit,
    )


SOURCE = Source(spec=SineSpec, load=load_sine)

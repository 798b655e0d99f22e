"""SOURCES: one loader for each kind of data, from its spec to a Panel."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnfc import memory
from rnnfc.config.data_spec import FileSpec, SineSpec
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources.csv_file import load_csv

# What one point takes until its windows are cut; measured.
_POINT_BYTES = 48


def load_panel(spec: SineSpec | FileSpec) -> Panel:
    """The data of an experiment, checked and complete.

    Raises:
        DataError: the source cannot be used; with file, line and remedy.
    """
    return SOURCES[spec.kind](spec)


def load_sine(spec: SineSpec) -> Panel:
    """sin(x) at x = 0, spacing, 2 spacing ...; with `stop`, x is numpy.linspace(0, stop, points).

    Raises:
        ConfigError: more points than there is memory for, before any of them is made.
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


SOURCES: dict[str, Callable[[Any], Panel]] = {"sine": load_sine, "csv": load_csv, "long": load_csv}

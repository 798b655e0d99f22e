"""A panel as plain arrays, for last_window.npz, and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import get_args

import numpy as np

from rnnfc.data.calendar import TIME_FEATURES
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.plain import Array

_PLAIN = ("num_targets", "num_known", "calendar", "missing", "unit", "offset")
_UNITS = get_args(Frequency.__annotations__["unit"])
_DATED, _LARGEST_STEP = ("month", "month_end", "business_day", "microsecond"), 2.0**63


def panel_to_arrays(panel: Panel) -> dict[str, Array]:
    """The arrays of a panel, its names as text arrays, and everything else as JSON text in `plain`.

    Rows to be forecast are there only if they have future covariates.
    """
    plain = {name: getattr(panel, name) for name in _PLAIN}
    future = {}
    if panel.future is not None and panel.future.channels:
        names = {*panel.series}
        own = panel.future.select_series(np.array([name in names for name in panel.future.series]))
        future = {"future_values": own.values, "future_time": own.time, "future_bounds": own.bounds}
    return {
        **future,
        "values": panel.values,
        "time": panel.time,
        "bounds": panel.bounds,
        "filled": panel.filled,
        "series": np.array(panel.series),
        "channels": np.array(panel.channels),
        "plain": np.array(json.dumps({**plain, "frequency": asdict(panel.frequency)})),
    }


def panel_from_arrays(arrays: Mapping[str, Array], *, length: int) -> Panel:
    """The panel that `panel_to_arrays` wrote, of `length` rows a series.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, RecursionError: the arrays are not those of such a panel.
    """
    plain = json.loads(str(arrays["plain"]))
    series, channels = tuple(map(str, arrays["series"])), tuple(map(str, arrays["channels"]))
    frequency, calendar = Frequency(**plain["frequency"]), tuple(plain.get("calendar", ()))
    _check_roles(channels, plain["num_targets"], plain["num_known"], calendar)
    if not all(name.isprintable() for name in (*channels, plain["unit"], plain["offset"])):
        raise ValueError("a name is not one line of printable characters")
    rows, columns = length * len(series), len(channels)

    def array(name: str, kinds: str, *shape: int) -> Array:
        if arrays[name].dtype.kind not in kinds or arrays[name].shape != shape:
            raise ValueError(f"{length} rows of {columns} columns are needed")
        return arrays[name]

    dated = frequency.unit in _DATED
    panel = Panel(
        values=array("values", "f", rows, columns).astype(np.float64, copy=False),
        filled=array("filled", "b", rows, columns).astype(np.bool_, copy=False),
        time=array("time", "M" if dated else "ifM", rows),
        bounds=array("bounds", "i", len(series) + 1).astype(np.int64, copy=False),
        series=series,
        channels=channels,
        **{**plain, "frequency": frequency, "calendar": calendar},
    )
    if panel.bounds[0] != 0 or np.any(np.diff(panel.bounds) != length):
        raise ValueError("its series do not follow each other without a gap")
    if "future_values" in arrays:
        panel = replace(panel, future=_future(arrays, panel))
    # A date that is not a time (NaT) is not finite.
    if not np.isfinite(panel.time).all() or not np.isfinite(panel.values).all():
        raise ValueError("a time or a value is not finite")
    _check_frequency(frequency)
    return panel


def frequency_from_arrays(arrays: Mapping[str, Array]) -> Frequency:
    """The step of the panel that `panel_to_arrays` wrote; the same errors as `panel_from_arrays`."""
    frequency = Frequency(**json.loads(str(arrays["plain"]))["frequency"])
    _check_frequency(frequency)
    return frequency


def _check_frequency(frequency: Frequency) -> None:
    whole = frequency.unit not in _DATED or frequency.size % 1 == 0
    if frequency.unit not in _UNITS or not 0 < frequency.size < _LARGEST_STEP or not whole:
        raise ValueError(f"unknown time step {frequency.size!r} {frequency.unit!r}")


def _future(arrays: Mapping[str, Array], panel: Panel) -> Panel:
    """The rows to be forecast."""
    values, time, bounds = (arrays[f"future_{name}"] for name in ("values", "time", "bounds"))
    first = len(panel.channels) - panel.num_known
    channels = panel.channels[first : len(panel.channels) - 2 * len(panel.calendar)]
    shapes = (values.shape, time.shape, bounds.shape)
    if shapes != ((len(values), len(channels)), (len(values),), (len(panel.series) + 1,)):
        raise ValueError(f"rows to be forecast of {len(channels)} columns are needed")
    if values.dtype.kind != "f" or bounds.dtype.kind != "i" or time.dtype.kind != panel.time.dtype.kind:
        raise ValueError("rows to be forecast have another type")
    if not np.isfinite(values).all() or not np.isfinite(time).all():
        raise ValueError("a time or a value is not finite")
    if bounds[0] != 0 or bounds[-1] != len(values) or np.any(np.diff(bounds) < 0):
        raise ValueError("its rows to be forecast do not follow each other")
    return replace(
        panel,
        values=values.astype(np.float64, copy=False),
        time=time,
        bounds=bounds.astype(np.int64, copy=False),
        channels=channels,
        num_targets=len(channels),
        num_known=0,
        calendar=(),
        filled=np.zeros(values.shape, dtype=np.bool_),
    )


def _check_roles(
    channels: tuple[str, ...], num_targets: int, num_known: int, calendar: tuple[str, ...]
) -> None:
    """Refuse counts of targets, future covariates and time features that do not fit the channels."""
    columns = len(channels)
    # type(...): True is no count.
    if type(num_targets) is not int or not 1 <= num_targets <= columns:
        raise ValueError(f"num_targets is {num_targets!r} of {columns} columns")
    fits = type(num_known) is int and 2 * len(calendar) <= num_known <= columns - num_targets
    if not fits or {*calendar} - {*TIME_FEATURES}:
        raise ValueError(f"num_known is {num_known!r} of {columns} columns")

"""Scaler: scikit-learn's MinMaxScaler or StandardScaler fitted on training rows, kept as plain numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats, Panel
from rnnfc.errors import DataError

# A range below this share of the values leaves under about 4,500 distinct float64 values: it is noise, not data.
_SMALLEST_RANGE = 1e-12
# A range within these can be computed with: its square, times the rows, is still finite and not zero where there is one.
_RANGES = {"minmax": (1e-300, 1e300), "standard": (1e-150, 1e150)}
_PART_ROWS = 2**20


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """scaled = (value - center) / scale, in float64; arrays are [series, channel].

    `low` and `high` are the range of the training rows, whatever the method.
    """

    method: str
    center: Floats
    scale: Floats
    low: Floats
    high: Floats

    @classmethod
    def fit(cls, panel: Panel, train_rows: npt.NDArray[np.int64], *, method: str) -> Self:
        """The scaler of the training rows alone, without what `missing` filled: that may know a row after them.

        Args:
            train_rows: [series, 2], first row and end of each series' training part.
        Raises:
            DataError: a channel is (almost) constant on the training rows, so that there is nothing to scale by, or has no value.
        """
        low, high = training_range(panel, train_rows, method=method)
        if method == "none":
            return cls(method=method, center=np.zeros_like(low), scale=np.ones_like(low), low=low, high=high)
        from sklearn.preprocessing import MinMaxScaler, StandardScaler

        if method == "minmax":
            ranges = [MinMaxScaler().fit(np.stack(edges)) for edges in zip(low, high, strict=True)]
            center, scale = (np.array([getattr(fit, name) for fit in ranges]) for name in ("data_min_", "data_range_"))
        else:
            fits = [StandardScaler() for _ in panel.series]
            for fit, (first, end) in zip(fits, train_rows, strict=True):
                # scikit-learn cannot take a part in which a whole channel is unknown.
                whole = panel.filled[first:end].any()
                for part in [slice(first, end)] if whole else _parts(first, end):
                    fit.partial_fit(panel.known(part))
            center, scale = (np.array([getattr(fit, name) for fit in fits]) for name in ("mean_", "scale_"))
        return cls(method=method, center=center, scale=scale, low=low, high=high)

    def apply(self, panel: Panel, *, dtype: npt.DTypeLike = np.float64) -> Panel:
        """The panel with scaled values; computed in float64, kept as `dtype`, in which a huge one may be infinite."""
        values = np.empty(panel.values.shape, dtype=dtype)
        for series, rows in enumerate(zip(panel.bounds[:-1], panel.bounds[1:], strict=True)):
            for part in _parts(*rows):
                with np.errstate(over="ignore"):
                    values[part] = (panel.values[part] - self.center[series]) / self.scale[series]
        return panel.with_values(values)

    def scale_points(self, points: Floats, series: npt.NDArray[np.int64]) -> Floats:
        """points[window, row, target] in scaled units, or inputs [window, row, channel]; `series` [window] says whose."""
        targets = points.shape[-1]
        return np.asarray((points - self.center[series, None, :targets]) / self.scale[series, None, :targets])

    def invert(self, points: Floats, series: npt.NDArray[np.int64]) -> Floats:
        """points[window, horizon, target] in data units; `series` [window] says whose."""
        targets = points.shape[-1]
        return np.asarray(points * self.scale[series, None, :targets] + self.center[series, None, :targets])

    def to_json(self) -> dict[str, Any]:
        """Plain lists; `from_json` reads them back to the same bits."""
        return {"method": self.method, **{name: getattr(self, name).tolist() for name in ("center", "scale", "low", "high")}}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The scaler that `to_json` wrote."""
        arrays = {name: np.array(plain[name], dtype=np.float64) for name in ("center", "scale", "low", "high")}
        return cls(method=plain["method"], **arrays)


def training_range(panel: Panel, train_rows: npt.NDArray[np.int64], *, method: str) -> tuple[Floats, Floats]:
    """Lowest and highest known value of the training rows, [series, channel] each; all that can be checked without a fit.

    Raises:
        DataError: a channel has no known value there, or (unless `method` is none) is constant, or its range is no number
            that `method` can compute with.
    """
    _refuse_unknown(panel, train_rows)
    parts = [panel.known(slice(first, end)) for first, end in train_rows]
    low, high = (np.array([edge(part, axis=0) for part in parts]) for edge in (np.nanmin, np.nanmax))
    if method != "none":
        _refuse_constant(panel, low, high)
        _refuse_range(panel, low, high, method=method)
    return low, high


def _parts(first: int, end: int) -> Iterator[slice]:
    """The rows [first, end) in pieces: what is computed of them needs no memory for all of them at once."""
    return (slice(start, min(start + _PART_ROWS, end)) for start in range(first, end, _PART_ROWS))


def _refuse_unknown(panel: Panel, train_rows: npt.NDArray[np.int64]) -> None:
    unknown = np.argwhere([panel.filled[first:end].all(axis=0) for first, end in train_rows])
    if len(unknown):
        series, channel = unknown[0]
        raise DataError(
            f"{panel.series[series]}: {panel.channels[channel]} has no value on the training rows, data.missing filled them all; "
            "leave the column out or give more training rows"
        )


def _refuse_constant(panel: Panel, low: Floats, high: Floats) -> None:
    flat = np.argwhere(high / 2 - low / 2 <= _SMALLEST_RANGE / 2 * np.maximum(np.abs(low), np.abs(high)))  # halves are finite
    if len(flat):
        series, channel = flat[0]
        raise DataError(
            f"{panel.series[series]}: {panel.channels[channel]} is constant on the training rows (about "
            f"{low[series, channel]:g}), there is nothing to scale by; leave the column out, give more training rows "
            "or set scale: none"
        )


def _refuse_range(panel: Panel, low: Floats, high: Floats, *, method: str) -> None:
    least, most = _RANGES[method]
    half = high / 2 - low / 2  # which is finite
    wrong = np.argwhere((half < least / 2) | (half > most / 2))
    if len(wrong):
        series, channel = wrong[0]
        raise DataError(
            f"{panel.series[series]}: {panel.channels[channel]} runs from {low[series, channel]:g} to {high[series, channel]:g} "
            f"on the training rows, scale: {method} computes with ranges from {least:g} to {most:g}; "
            "give the data in another unit"
        )

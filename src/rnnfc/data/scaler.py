"""Scaler: scikit-learn's MinMaxScaler or StandardScaler fitted on training rows, kept as plain numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.errors import DataError

# A range below this share of the values leaves under about 4,500 distinct float64 values: it is noise, not data.
_SMALLEST_RANGE = 1e-12
# A range within these can be computed with: its square, times the rows, is still finite and not zero where there is one.
_RANGES = {"minmax": (1e-300, 1e300), "standard": (1e-150, 1e150)}
_PART_ROWS = 2**20


def transformed(values: Any, power: Any, ops: Any = np) -> Any:
    """Box-Cox of the first channels of values[..., channel]: (value ** power - 1) / power, and log(value) where power is 0.

    Args:
        power: [..., target]; None: nothing is transformed.
        ops: NumPy or keras.ops, whose tensors the others are then.
    Source: Box & Cox, An analysis of transformations, Journal of the Royal Statistical Society B 26 (1964).
    """
    return _on_targets(
        lambda x, zero, safe: ops.where(zero, ops.log(x), (x**safe - 1) / safe), values, power, ops
    )


def inverted(values: Any, power: Any, ops: Any = np) -> Any:
    """What `transformed` was given; what lies below all that it gives (a forecast may) becomes 0, the edge of its domain."""
    return _on_targets(
        lambda y, zero, safe: ops.where(zero, ops.exp(y), ops.maximum(safe * y + 1, 0) ** (1 / safe)),
        values,
        power,
        ops,
    )


def _on_targets(function: Callable[[Any, Any, Any], Any], values: Any, power: Any, ops: Any) -> Any:
    """`function` of the targets, of where the power is 0, and of the powers with 1 there, to be divided by."""
    if power is None:
        return values
    targets, zero = power.shape[-1], ops.equal(power, 0)
    safe = ops.where(zero, ops.ones_like(power), power)
    with np.errstate(
        all="ignore"
    ):  # the branch that is not taken may overflow; NaN and infinity are looked for later
        made = function(values[..., :targets], zero, safe)
    return made if values.shape[-1] == targets else ops.concatenate([made, values[..., targets:]], axis=-1)


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """scaled = (transformed(value) - center) / scale, in float64; arrays are [series, channel].

    `low` and `high` are the range of the training rows in data units, whatever the method. `power` is [series, target], see
    `transformed`.
    """

    method: str
    center: Floats
    scale: Floats
    low: Floats
    high: Floats
    power: Floats | None = None

    @classmethod
    def fit(
        cls,
        panel: Panel,
        train_rows: npt.NDArray[np.int64],
        *,
        method: str,
        by: str = "series",
        transform: str = "none",
    ) -> Self:
        """The scaler of the training rows alone, without what `missing` filled: that may know a row after them.

        Where one of several series is constant its scale is 1.

        Args:
            train_rows: [series, 2], first row and end of each series' training part.
            method, by, transform: as in `config.specs.ScaleSpec`.
        Raises:
            DataError: see `training_range`.
        """
        low, high = training_range(panel, train_rows, method=method, by=by, transform=transform)
        groups = train_rows[:, None] if by == "series" else train_rows[None]  # [group, series, 2]
        size = len(train_rows) // len(groups)
        power = _powers(panel, groups, transform)
        edges = _edges(low, high, by)
        if method == "none":
            center, scale = np.zeros_like(edges[0]), np.ones_like(edges[0])
        elif method == "minmax":
            from sklearn.preprocessing import MinMaxScaler

            ranges = MinMaxScaler().fit(np.stack([transformed(edge, power).ravel() for edge in edges]))
            center, scale = (
                getattr(ranges, name).reshape(edges[0].shape) for name in ("data_min_", "data_range_")
            )
        else:
            fits = [
                _standard(panel, rows, None if power is None else power[group])
                for group, rows in enumerate(groups)
            ]
            center, scale = (np.array([getattr(fit, name) for fit in fits]) for name in ("mean_", "scale_"))
        center, scale = (
            np.repeat(array, size, axis=0) for array in (center, np.where(flat(*edges), 1.0, scale))
        )
        power = None if power is None else np.repeat(power, size, axis=0)
        if panel.calendar:
            center[:, -2 * len(panel.calendar) :], scale[:, -2 * len(panel.calendar) :] = 0.0, 1.0
        return cls(method=method, center=center, scale=scale, low=low, high=high, power=power)

    @property
    def by_series(self) -> bool:
        """Whether one series is scaled by other numbers than another."""
        return any(
            array is not None and bool((array != array[0]).any())
            for array in (self.center, self.scale, self.power)
        )

    def apply(self, panel: Panel, *, dtype: npt.DTypeLike = np.float64) -> Panel:
        """The panel with scaled values; computed in float64, kept as `dtype`, in which a huge one may be infinite."""
        values = np.empty(panel.values.shape, dtype=dtype)
        for series, rows in enumerate(zip(panel.bounds[:-1], panel.bounds[1:], strict=True)):
            power = None if self.power is None else self.power[series]
            for part in _parts(*rows):
                with np.errstate(over="ignore"):
                    values[part] = (
                        transformed(panel.values[part], power) - self.center[series]
                    ) / self.scale[series]
        return panel.with_values(values)

    def scale_points(self, points: Floats, series: npt.NDArray[np.int64]) -> Floats:
        """points[window, row, target] in scaled units, or inputs [window, row, channel]; `series` [window] says whose."""
        center, scale, power = self._of(series, points.shape[-1])
        return np.asarray((transformed(points, power) - center) / scale)

    def invert(self, points: Floats, series: npt.NDArray[np.int64]) -> Floats:
        """points[window, horizon, target] in data units; `series` [window] says whose."""
        center, scale, power = self._of(series, points.shape[-1])
        return np.asarray(inverted(points * scale + center, power))

    def _of(self, series: npt.NDArray[np.int64], channels: int) -> tuple[Floats, Floats, Floats | None]:
        """center, scale and power [window, 1, channel] of the first channels."""
        power = None if self.power is None else self.power[series, None]
        return self.center[series, None, :channels], self.scale[series, None, :channels], power

    def to_json(self) -> dict[str, Any]:
        """Plain lists; `from_json` reads them back to the same bits."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The scaler that `to_json` wrote."""
        names = ("center", "scale", "low", "high", *(("power",) if plain.get("power") is not None else ()))
        arrays = {name: np.array(plain[name], dtype=np.float64) for name in names}
        return cls(method=plain["method"], **arrays)


def training_range(
    panel: Panel,
    train_rows: npt.NDArray[np.int64],
    *,
    method: str,
    by: str = "series",
    transform: str = "none",
) -> tuple[Floats, Floats]:
    """Lowest and highest known value of the training rows, [series, channel] each; all that can be checked without a fit.

    Raises:
        DataError: a channel has no known value there, or (unless `method` is none) is constant in every series, so that there is
            nothing to scale by, or its range is no number that `method` can compute with; or a value has no logarithm.
    """
    if transform != "none":
        refuse_not_positive(panel, what=f"scale.transform: {transform}")
    parts = [panel.known(slice(first, end)) for first, end in train_rows]
    low = np.array([np.fmin.reduce(part, axis=0, initial=np.inf) for part in parts])
    high = np.array([np.fmax.reduce(part, axis=0, initial=-np.inf) for part in parts])
    unknown = np.asarray(low > high)
    shared = by == "all" or (method == "none" and transform != "box_cox")
    _refuse_unknown(panel, train_rows, unknown.all(axis=0, keepdims=True) if shared else unknown)
    low, high = np.where(unknown, low.min(axis=0), low), np.where(unknown, high.max(axis=0), high)
    if panel.calendar:  # which may not come round while training
        low[:, -2 * len(panel.calendar) :], high[:, -2 * len(panel.calendar) :] = -1.0, 1.0
    if method != "none":
        edges = _edges(low, high, by)
        _refuse_constant(panel, *edges)
        _refuse_range(panel, *edges, method=method)
    return low, high


def flat(low: Floats, high: Floats) -> npt.NDArray[np.bool_]:
    """Where the values between them are (almost) constant."""
    return np.asarray(
        high / 2 - low / 2 <= _SMALLEST_RANGE / 2 * np.maximum(np.abs(low), np.abs(high))
    )  # halves are finite


def refuse_not_positive(panel: Panel, *, what: str) -> None:
    """Refuse a target that is 0 or below, for `what`.

    Raises:
        DataError: names the first.
    """
    targets = panel.num_targets
    wrong = np.argwhere((panel.values[:, :targets] <= 0) & ~panel.filled[:, :targets])
    if len(wrong):
        row, target = wrong[0]
        series = panel.series[int(np.searchsorted(panel.bounds, row, side="right")) - 1]
        raise DataError(
            f"{series}: {panel.channels[target]} is {panel.values[row, target]:g} at {format_time_exact(panel.time[row])}, "
            f"{what} needs values above 0; leave the transform out, or add a constant to the column"
        )


def _edges(low: Floats, high: Floats, by: str) -> tuple[Floats, Floats]:
    """[group, channel]: those of every series, or of all of them together."""
    return (
        (low, high) if by == "series" else (low.min(axis=0, keepdims=True), high.max(axis=0, keepdims=True))
    )


def _powers(panel: Panel, groups: npt.NDArray[np.int64], transform: str) -> Floats | None:
    """[group, target]; a group is the training rows [series, 2] that share their numbers."""
    if transform == "none":
        return None
    power = np.zeros((len(groups), panel.num_targets))
    for group, target in np.ndindex(power.shape) if transform == "box_cox" else ():
        column = slice(target, target + 1)
        known = np.concatenate([panel.known(slice(first, end), column) for first, end in groups[group]])
        power[group, target] = _most_likely(known[~np.isnan(known)])
    return power


def _most_likely(values: Floats) -> float:
    """The power of Box-Cox under which values[row] are most likely normal: that of the least variance, by their geometric mean.

    From 0 to 2: below 0 a forecast could mean infinity. Two decimals, as in R's forecast: more is noise, and `transformed` would
    lose as many digits to a power near 0.
    """
    from scipy.optimize import minimize_scalar

    even = values / np.exp(np.log(values).mean())
    best = minimize_scalar(
        lambda power: np.var(transformed(even[:, None], np.array([power]))), bounds=(0, 2), method="bounded"
    )
    return round(float(best.x), 2)


def _standard(panel: Panel, rows: npt.NDArray[np.int64], power: Floats | None) -> Any:
    """scikit-learn's StandardScaler, fitted on rows[series, 2]."""
    from sklearn.preprocessing import StandardScaler

    fit = StandardScaler()
    if any(panel.filled[first:end].any() for first, end in rows):
        # scikit-learn cannot take a part in which a whole channel is unknown.
        return fit.fit(
            transformed(np.concatenate([panel.known(slice(first, end)) for first, end in rows]), power)
        )
    for first, end in rows:
        for part in _parts(first, end):
            fit.partial_fit(transformed(panel.known(part), power))
    return fit


def _parts(first: int, end: int) -> Iterator[slice]:
    """The rows [first, end) in pieces: what is computed of them needs no memory for all of them at once."""
    return (slice(start, min(start + _PART_ROWS, end)) for start in range(first, end, _PART_ROWS))


def _refuse_unknown(panel: Panel, train_rows: npt.NDArray[np.int64], unknown: Any) -> None:
    """Refuse the first that is unknown[series, channel]."""
    wrong = np.argwhere(unknown)
    if len(wrong):
        series, channel = wrong[0]
        if train_rows[series, 0] == train_rows[series, 1]:
            raise DataError(
                f"{panel.series[series]}: none of its rows are training rows, there is nothing to scale it by; move the split, "
                "leave the series out, or set scale: {by: all}"
            )
        raise DataError(
            f"{panel.series[series]}: {panel.channels[channel]} has no value on the training rows, data.missing filled them all; "
            "leave the column out or give more training rows"
        )


def _refuse_constant(panel: Panel, low: Floats, high: Floats) -> None:
    """Refuse a channel that is constant in every group [group, channel]: of several series one may be."""
    constant = np.flatnonzero(flat(low, high).all(axis=0))
    if len(constant):
        channel = constant[0]
        whose = panel.series[0] if len(panel.series) == 1 else "every series"
        about = f" (about {low[0, channel]:g})" if len(low) == 1 else ""
        raise DataError(
            f"{whose}: {panel.channels[channel]} is constant on the training rows{about}, there is nothing to scale by; "
            "leave the column out, give more training rows or set scale: none"
        )


def _refuse_range(panel: Panel, low: Floats, high: Floats, *, method: str) -> None:
    least, most = _RANGES[method]
    half = high / 2 - low / 2  # which is finite
    wrong = np.argwhere(((half < least / 2) | (half > most / 2)) & ~flat(low, high))
    if len(wrong):
        group, channel = wrong[0]
        whose = panel.series[group] if len(low) == len(panel.series) else "all series"
        raise DataError(
            f"{whose}: {panel.channels[channel]} runs from {low[group, channel]:g} to {high[group, channel]:g} "
            f"on the training rows, scale: {method} computes with ranges from {least:g} to {most:g}; "
            "give the data in another unit"
        )

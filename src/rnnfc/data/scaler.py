"""Scaler: scikit-learn's MinMaxScaler or StandardScaler fitted on training rows, stored as plain numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Floats, Panel, format_time_exact
from rnnfc.errors import DataError
from rnnfc.plain import Json, JsonObject

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

# A NumPy array, or a tensor of keras.ops.
Tensor: TypeAlias = Any
Rows = npt.NDArray[np.int64]

# A range below this share of the values leaves under about 4,500 distinct float64 values: it is noise, not data.
_SMALLEST_RANGE = 1e-12
# Of a group's range: what a transform and its inverse may change. Files for other tools may differ from the network by 1e-5.
_LARGEST_LOSS = 1e-7
# Ranges that can be computed with: the square, times the rows, is finite, and not zero unless the range is.
_RANGES = {"minmax": (1e-300, 1e300), "standard": (1e-150, 1e150)}
_PART_ROWS = 2**20


def box_cox(values: Tensor, power: Tensor, ops: ModuleType = np) -> Tensor:
    """Box-Cox of the first channels of values[..., channel]: (value ** power - 1) / power, and log(value) where power is 0.

    Args:
        power: [..., target]; None: nothing is transformed.
        ops: numpy, or keras.ops for tensors.
    Source: Box & Cox, An analysis of transformations, Journal of the Royal Statistical Society B 26 (1964).
    """
    return _map_targets(
        lambda x, is_log, divisor: ops.where(is_log, ops.log(x), (x**divisor - 1) / divisor),
        values,
        power,
        ops,
    )


def inverse_box_cox(values: Tensor, power: Tensor, ops: ModuleType = np) -> Tensor:
    """The inverse of `box_cox`. A value below its range, which a forecast may be, becomes 0, the edge of its domain.

    The exponential is taken of 0 where its branch is dropped: an exporter may write `where` as a sum of products, and infinity
    times 0 is not a number.
    """
    return _map_targets(
        lambda y, is_log, divisor: ops.where(
            is_log, ops.exp(ops.where(is_log, y, 0)), ops.maximum(divisor * y + 1, 0) ** (1 / divisor)
        ),
        values,
        power,
        ops,
    )


def _map_targets(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], values: Tensor, power: Tensor, ops: ModuleType
) -> Tensor:
    """`function` of the targets, of where the power is 0, and of the powers with 1 there, to be divided by."""
    if power is None:
        return values
    targets, is_zero = power.shape[-1], ops.equal(power, 0)
    divisor = ops.where(is_zero, ops.ones_like(power), power)
    # The branch that `where` drops may overflow; callers check for NaN and infinity.
    with np.errstate(all="ignore"):
        mapped = function(values[..., :targets], is_zero, divisor)
    return (
        mapped if values.shape[-1] == targets else ops.concatenate([mapped, values[..., targets:]], axis=-1)
    )


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """scaled = (box_cox(value) - center) / scale, in float64; arrays are [series, channel].

    `low` and `high` are the range of the training rows in data units, whatever the method. `power` is [series, target], see
    `box_cox`.
    """

    method: str
    center: Floats
    scale: Floats
    low: Floats
    high: Floats
    power: Floats | None = None

    @classmethod
    def fit(
        cls, panel: Panel, train_rows: Rows, *, method: str, by: str = "series", transform: str = "none"
    ) -> Self:
        """The scaler of the training rows, without filled values: these may depend on a later row.

        Where one of several series is constant its scale is 1.

        Args:
            train_rows: [series, 2], first row and end of each series' training part.
            method, by, transform: as in `config.scale_spec.ScaleSpec`.
        Raises:
            DataError: see `training_range`; or a series cannot be recovered from its transformed values.
        """
        low, high = training_range(panel, train_rows, method=method, by=by, transform=transform)
        groups = train_rows[:, None] if by == "series" else train_rows[None]  # [group, series, 2]
        size = len(train_rows) // len(groups)
        power = _fit_powers(panel, groups, transform)
        edges = _group_range(low, high, by)
        if method == "none":
            center, scale = np.zeros_like(edges[0]), np.ones_like(edges[0])
        elif method == "minmax":
            from sklearn.preprocessing import MinMaxScaler

            ranges = MinMaxScaler().fit(np.stack([box_cox(edge, power).ravel() for edge in edges]))
            center, scale = (
                getattr(ranges, name).reshape(edges[0].shape) for name in ("data_min_", "data_range_")
            )
        else:
            fits = [
                _fit_standard(panel, rows, None if power is None else power[group])
                for group, rows in enumerate(groups)
            ]
            center, scale = (np.array([getattr(fit, name) for fit in fits]) for name in ("mean_", "scale_"))
        scale = np.where(is_constant(*edges), 1.0, scale)
        center, scale = np.repeat(center, size, axis=0), np.repeat(scale, size, axis=0)
        if power is not None:
            _refuse_lossy_transform(panel, *edges, power)
            power = np.repeat(power, size, axis=0)
        if panel.calendar:  # sine and cosine need no scaling
            center[:, -2 * len(panel.calendar) :], scale[:, -2 * len(panel.calendar) :] = 0.0, 1.0
        return cls(method=method, center=center, scale=scale, low=low, high=high, power=power)

    def by_range(self) -> Self:
        """The scaler to [0, 1] by the range of the training rows of all series, after the transform, by channel.

        Targets that `method: none` leaves in their own units are of one size in its units. A constant channel keeps its unit.
        """
        low, high = (box_cox(edge, self.power) for edge in (self.low, self.high))
        edges = low.min(axis=0), high.max(axis=0)
        with np.errstate(over="ignore"):
            scale = np.where(is_constant(*edges), 1.0, edges[1] - edges[0])
        return replace(
            self,
            scale=np.broadcast_to(scale, self.scale.shape),
            center=np.broadcast_to(edges[0], self.center.shape),
        )

    @property
    def by_series(self) -> bool:
        """Whether the numbers differ between series."""
        return any(
            array is not None and bool((array != array[0]).any())
            for array in (self.center, self.scale, self.power)
        )

    def transform(self, panel: Panel, *, dtype: npt.DTypeLike = np.float64) -> Panel:
        """The panel with scaled values: computed in float64, stored as `dtype`, in which a huge one may be infinite."""
        values = np.empty(panel.values.shape, dtype=dtype)
        for series, rows in enumerate(zip(panel.bounds[:-1], panel.bounds[1:], strict=True)):
            power = None if self.power is None else self.power[series]
            for part in _parts(*rows):
                with np.errstate(over="ignore"):
                    values[part] = (box_cox(panel.values[part], power) - self.center[series]) / self.scale[
                        series
                    ]
        return panel.with_values(values)

    def transform_points(self, points: Floats, series: Rows) -> Floats:
        """points[window, row, target], or inputs [window, row, channel], in scaled units.

        Args:
            series: [window], index of each window's series.
        """
        center, scale, power = self._numbers_of(series, points.shape[-1])
        return np.asarray((box_cox(points, power) - center) / scale)

    def transform_known(self, values: Floats, series: Rows) -> Floats:
        """values[window, row, known] of the last channels, which no transform applies to, in scaled units.

        Args:
            series: [window], index of each window's series.
        """
        known = slice(-values.shape[-1], None)
        return np.asarray((values - self.center[series, None, known]) / self.scale[series, None, known])

    def inverse_transform(self, points: Floats, series: Rows) -> Floats:
        """Scaled points[window, horizon, target] in data units.

        Args:
            series: [window], index of each window's series.
        """
        center, scale, power = self._numbers_of(series, points.shape[-1])
        return np.asarray(inverse_box_cox(points * scale + center, power))

    def _numbers_of(self, series: Rows, channels: int) -> tuple[Floats, Floats, Floats | None]:
        """center, scale and power [window, 1, channel] of the first channels."""
        power = None if self.power is None else self.power[series, None]
        return self.center[series, None, :channels], self.scale[series, None, :channels], power

    def to_json(self) -> JsonObject:
        """Plain lists; `from_json` reads them back to the same bits."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_json(cls, plain: dict[str, Json]) -> Self:
        """The scaler that `to_json` wrote."""
        names = ("center", "scale", "low", "high", *(("power",) if plain.get("power") is not None else ()))
        arrays = {name: np.array(plain[name], dtype=np.float64) for name in names}
        return cls(method=str(plain["method"]), **arrays)


def training_range(
    panel: Panel, train_rows: Rows, *, method: str, by: str = "series", transform: str = "none"
) -> tuple[Floats, Floats]:
    """Lowest and highest observed value of the training rows, [series, channel] each; checks all that needs no fit.

    Raises:
        DataError: a channel has no observed value there; or (unless `method` is none) is constant in every series, or has a
            range that is too small or too large for `method`; or `transform` needs positive values and one is not.
    """
    if transform != "none":
        refuse_not_positive(panel, reason=f"scale.transform: {transform}")
    parts = [panel.observed(slice(first, end)) for first, end in train_rows]
    low = np.array([np.fmin.reduce(part, axis=0, initial=np.inf) for part in parts])
    high = np.array([np.fmax.reduce(part, axis=0, initial=-np.inf) for part in parts])
    unobserved = np.asarray(low > high)
    is_shared = by == "all" or (method == "none" and transform != "box_cox")
    in_all = np.asarray(unobserved.all(axis=0, keepdims=True))
    _refuse_unobserved(panel, train_rows, in_all if is_shared else unobserved)
    low, high = np.where(unobserved, low.min(axis=0), low), np.where(unobserved, high.max(axis=0), high)
    if panel.calendar:  # the training rows may be less than one period
        low[:, -2 * len(panel.calendar) :], high[:, -2 * len(panel.calendar) :] = -1.0, 1.0
    if method != "none":
        edges = _group_range(low, high, by)
        _refuse_constant(panel, *edges)
        _refuse_range(panel, *edges, method=method)
    return low, high


def is_constant(low: Floats, high: Floats) -> npt.NDArray[np.bool_]:
    """Where the values between `low` and `high` are (almost) constant."""
    # Halves, because the difference of two large values may overflow.
    return np.asarray(high / 2 - low / 2 <= _SMALLEST_RANGE / 2 * np.maximum(np.abs(low), np.abs(high)))


def refuse_not_positive(panel: Panel, *, reason: str) -> None:
    """Refuse targets that are 0 or below.

    Args:
        reason: what requires positive values, for the message.
    Raises:
        DataError: with the first such value.
    """
    targets = panel.num_targets
    wrong = np.argwhere((panel.values[:, :targets] <= 0) & ~panel.filled[:, :targets])
    if len(wrong):
        row, target = wrong[0]
        series = panel.series[int(np.searchsorted(panel.bounds, row, side="right")) - 1]
        raise DataError(
            f"{series}: {panel.channels[target]} is {panel.values[row, target]:g} at {format_time_exact(panel.time[row])}, "
            f"{reason} needs values above 0; remove the transform, or add a constant to the column"
        )


def _group_range(low: Floats, high: Floats, by: str) -> tuple[Floats, Floats]:
    """Range of each group, [group, channel]: a group is one series, or all of them."""
    return (
        (low, high) if by == "series" else (low.min(axis=0, keepdims=True), high.max(axis=0, keepdims=True))
    )


def _fit_powers(panel: Panel, groups: Rows, transform: str) -> Floats | None:
    """[group, target]; a group is the training rows [series, 2] that share their numbers."""
    if transform == "none":
        return None
    power = np.zeros((len(groups), panel.num_targets))
    for group, target in np.ndindex(power.shape) if transform == "box_cox" else ():
        column = slice(target, target + 1)
        values = np.concatenate([panel.observed(slice(first, end), column) for first, end in groups[group]])
        power[group, target] = _most_likely_power(values[~np.isnan(values)])
    return power


def _most_likely_power(values: Floats) -> float:
    """The power of Box-Cox under which values[row] are most likely normal: that of the least variance, by their geometric mean.

    From 0 to 2: below 0 a forecast could mean infinity. Two decimals, as in R's forecast: more is noise, and `box_cox` would
    lose as many digits to a power near 0.
    """
    from scipy.optimize import minimize_scalar

    relative = values / np.exp(np.log(values).mean())
    best = minimize_scalar(
        lambda power: np.var(box_cox(relative[:, None], np.array([power]))), bounds=(0, 2), method="bounded"
    )
    return round(float(best.x), 2)


def _fit_standard(panel: Panel, rows: Rows, power: Floats | None) -> "StandardScaler":
    """scikit-learn's StandardScaler, fitted on rows[series, 2]."""
    from sklearn.preprocessing import StandardScaler

    fit = StandardScaler()
    if any(panel.filled[first:end].any() for first, end in rows):
        # partial_fit fails on a part in which a whole channel is NaN.
        observed = np.concatenate([panel.observed(slice(first, end)) for first, end in rows])
        return fit.fit(box_cox(observed, power))
    for first, end in rows:
        for part in _parts(first, end):
            fit.partial_fit(box_cox(panel.observed(part), power))
    return fit


def _parts(first: int, end: int) -> Iterator[slice]:
    """The rows [first, end) in pieces, so that temporary arrays stay small."""
    return (slice(start, min(start + _PART_ROWS, end)) for start in range(first, end, _PART_ROWS))


def _refuse_unobserved(panel: Panel, train_rows: Rows, unobserved: npt.NDArray[np.bool_]) -> None:
    """Refuse the first channel that is unobserved[series, channel]."""
    wrong = np.argwhere(unobserved)
    if len(wrong):
        series, channel = wrong[0]
        if train_rows[series, 0] == train_rows[series, 1]:
            raise DataError(
                f"{panel.series[series]}: no training rows, so there is nothing to fit its scaler on; move the split, remove the "
                "series, or set scale: {by: all}"
            )
        raise DataError(
            f"{panel.series[series]}: {panel.channels[channel]} has no value on the training rows (all missing values); "
            "remove the column or use more training rows"
        )


def _refuse_constant(panel: Panel, low: Floats, high: Floats) -> None:
    """Refuse a channel that is constant in every group [group, channel]; in some of several series it may be."""
    constant = np.flatnonzero(is_constant(low, high).all(axis=0))
    if len(constant):
        channel = constant[0]
        series = panel.series[0] if len(panel.series) == 1 else "every series"
        about = f" (about {low[0, channel]:g})" if len(low) == 1 else ""
        raise DataError(
            f"{series}: {panel.channels[channel]} is constant on the training rows{about}, there is nothing to scale by; "
            "remove the column, use more training rows or set scale: none"
        )


def _refuse_range(panel: Panel, low: Floats, high: Floats, *, method: str) -> None:
    least, most = _RANGES[method]
    half = high / 2 - low / 2  # finite
    wrong = np.argwhere(((half < least / 2) | (half > most / 2)) & ~is_constant(low, high))
    if len(wrong):
        group, channel = wrong[0]
        series = panel.series[group] if len(low) == len(panel.series) else "all series"
        raise DataError(
            f"{series}: {panel.channels[channel]} ranges from {low[group, channel]:g} to {high[group, channel]:g} "
            f"on the training rows, and scale: {method} needs a range from {least:g} to {most:g}; "
            "convert the data to another unit"
        )


def _refuse_lossy_transform(panel: Panel, low: Floats, high: Floats, power: Floats) -> None:
    """Refuse a target whose values between low and high[group, channel] are not recovered from their Box-Cox transforms."""
    targets = slice(panel.num_targets)
    ranges = np.where(is_constant(low, high), np.inf, high - low)[:, targets]
    losses = [
        np.abs(inverse_box_cox(box_cox(edge[:, targets], power), power) - edge[:, targets]) / ranges
        for edge in (low, high)
    ]
    wrong = np.argwhere(~(np.max(losses, axis=0) <= _LARGEST_LOSS))
    if len(wrong):
        group, target = wrong[0]
        series = panel.series[group] if len(low) == len(panel.series) else "all series"
        raise DataError(
            f"{series}: {panel.channels[target]} ranges from {low[group, target]:g} to {high[group, target]:g} on the training "
            f"rows, which Box-Cox with the power {power[group, target]:g} does not keep; remove scale.transform, or convert the "
            "data to another unit"
        )

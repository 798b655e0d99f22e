"""Forecast: what every forecaster gives back, in data units, ready to be scored, drawn and written."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.data.windows import Rows, Windows


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Point forecasts of some windows, and quantiles where the forecaster has levels.

    point: f64[window, horizon, target], in data units; the median where there are quantiles.
    quantiles: f64[window, horizon, target, level], in data units, ascending along `levels`.
    actual: the shape of `point`, NaN where the data has no value (`missing: mask`); None past the end of the data.
    time: [window, horizon], time of each target.
    origin_time: [window], time of the last row that the forecaster saw.
    series: i64[window], index of each window's series.
    """

    point: Floats
    actual: Floats | None
    time: Times
    origin_time: Times
    series: npt.NDArray[np.int64]
    quantiles: Floats | None = None
    levels: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        windows: Windows,
        point: Floats,
        *,
        quantiles: Floats | None = None,
        levels: tuple[float, ...] = (),
    ) -> Self:
        """The forecast `point` [window, horizon, target] for unscaled windows."""
        return cls(
            point=point,
            quantiles=quantiles,
            levels=levels,
            actual=windows.actual(),
            time=windows.target_time,
            origin_time=windows.origin_time,
            series=windows.series,
        )

    def at(self, windows: Rows | slice) -> Self:
        """The forecast of some of the windows."""
        of_windows = ("point", "actual", "time", "origin_time", "series", "quantiles")
        return replace(
            self,
            **{name: value[windows] for name in of_windows if (value := getattr(self, name)) is not None},
        )

    def parts(self, values: int) -> Iterator[Self]:
        """The forecast in parts of about so many values of each window, horizon step and target."""
        step = max(1, values // max(1, self.point[0].size))
        return (self.at(slice(first, first + step)) for first in range(0, len(self.point), step))


class Predictor(Protocol):
    """Anything that forecasts: a network with its scaler, a baseline."""

    @property
    def label(self) -> str:
        """What reports call it."""

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""

"""Forecast: what every forecaster returns, in data units, ready to be scored, drawn and written."""

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
    def from_windows(
        cls,
        windows: Windows,
        point: Floats,
        *,
        quantiles: Floats | None = None,
        levels: tuple[float, ...] = (),
    ) -> Self:
        """The forecast `point` [window, horizon, target] of unscaled windows."""
        return cls(
            point=point,
            quantiles=quantiles,
            levels=levels,
            actual=windows.actual(),
            time=windows.target_time,
            origin_time=windows.origin_time,
            series=windows.series,
        )

    def select(self, windows: Rows | slice) -> Self:
        """The forecast of some of the windows."""
        return replace(
            self,
            point=self.point[windows],
            actual=None if self.actual is None else self.actual[windows],
            time=self.time[windows],
            origin_time=self.origin_time[windows],
            series=self.series[windows],
            quantiles=None if self.quantiles is None else self.quantiles[windows],
        )


class Predictor(Protocol):
    """Anything that forecasts: a network with its scaler, a baseline."""

    @property
    def label(self) -> str:
        """Its name in reports."""

    def predict(self, windows: Windows) -> Forecast:
        """The forecast of unscaled windows, in data units."""

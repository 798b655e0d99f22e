"""Baseline: a forecaster that any network has to beat."""

from collections.abc import Callable
from dataclasses import dataclass

from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Splits
from rnnfc.evaluation.forecast import Predictor


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One way to forecast without a network.

    fit: the forecaster from unscaled splits, of which it sees the training rows, the scaler, and the rows of a season.
    needs_season: it is left out where the data has no season; else the season may be None.
    package: what has to be installed for it.
    """

    fit: Callable[[Splits, Scaler, int | None], Predictor]
    needs_season: bool = False
    package: str = ""

"""Test scores of each series: of the network every metric, of each baseline the one that models are ranked by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnfc.data.panel import Floats, Panel
from rnnfc.data.windows import Rows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.plain import JsonObject


@dataclass(frozen=True, kw_only=True)
class SeriesScores:
    """A row for each series and target, the worst first; rows without a score last, in the order of the panel.

    The mean of `mse`, weighted by `values`, is the MSE of all rows; a pooled score that is a mean over series (MASE) is the plain
    mean of the rows.

    series, targets: names, of each row.
    windows, values: i64[row], how many test windows, and how many known actual values in them; 0 where the series has none.
    scores: f64[row] of the network by metric, with its units where these are not the data's (`rmse_scaled`); NaN where a score
        is not defined or not finite.
    ranking: the name in `scores` of the error that models are ranked by.
    baselines: f64[row] of that error, by baseline.
    baseline: the best baseline over all series; None where none has a finite error.
    order: place of each row in the flat [series, target] of the panel.
    """

    series: tuple[str, ...]
    targets: tuple[str, ...]
    windows: Rows
    values: Rows
    scores: Mapping[str, Floats]
    ranking: str
    baselines: Mapping[str, Floats]
    baseline: str | None
    order: Rows

    @property
    def num_scored(self) -> int:
        """Rows with a known actual value."""
        return int((self.values > 0).sum())

    @property
    def skill(self) -> Floats:
        """f64[row]: 1 minus the error as a share of the best baseline's; NaN where one of them is not defined, or zero."""
        if self.baseline is None:
            return np.full(len(self.series), np.nan)
        with np.errstate(all="ignore"):
            skill = 1 - self.scores[self.ranking] / self.baselines[self.baseline]
        return np.where(np.isfinite(skill), skill, np.nan)

    def counts(self) -> tuple[int, int]:
        """In how many rows the network has a lower error than the best baseline, and in how many a higher one."""
        if self.baseline is None:
            return 0, 0
        error, other = self.scores[self.ranking], self.baselines[self.baseline]
        return int((error < other).sum()), int((error > other).sum())

    def columns(self) -> dict[str, Floats]:
        """f64[row] by name: skill, the network's scores, then the errors of the baselines, `rmse_linear_map`."""
        others = {
            f"{self.ranking}_{name.replace(' ', '_')}": errors for name, errors in self.baselines.items()
        }
        return {"skill": self.skill, **self.scores, **others}

    def to_json(self, *, max_rows: int) -> JsonObject:
        """Plain values; of the rows only the first `max_rows`."""
        columns = self.columns()
        lower, higher = self.counts()
        return {
            "rows": len(self.series),
            "scored": self.num_scored,
            "ranking": self.ranking,
            "baseline": self.baseline,
            "lower": lower,
            "higher": higher,
            "worst": [
                {
                    "series": self.series[row],
                    "target": self.targets[row],
                    "windows": int(self.windows[row]),
                    "values": int(self.values[row]),
                    **{
                        name: None if np.isnan(values[row]) else float(values[row])
                        for name, values in columns.items()
                    },
                }
                for row in range(min(max_rows, len(self.series)))
            ],
        }


def rank_series(
    panel: Panel,
    test: Forecast,
    scores: Mapping[str, Floats],
    *,
    ranking: str,
    baselines: Mapping[str, Floats],
    best: Sequence[str],
) -> SeriesScores:
    """The rows of `SeriesScores`, in their order.

    Args:
        scores, baselines: f64[series, target] by name, see `scores.score_series`.
        best: the name of the best baseline, or nothing.
    """
    shape = len(panel.series), panel.num_targets
    known = (~np.isnan(np.asarray(test.actual))).sum(axis=1)  # [window, target]
    values = np.zeros(shape, dtype=np.int64)
    np.add.at(values, test.series, known)
    windows = np.bincount(test.series, minlength=shape[0])
    errors = scores[ranking].ravel()
    # A series that nothing is known of comes after one whose error is not finite.
    order = np.lexsort([-errors, np.isnan(errors), values.ravel() == 0])
    series, target = np.unravel_index(order, shape)
    return SeriesScores(
        series=tuple(panel.series[index] for index in series.tolist()),
        targets=tuple(panel.targets[index] for index in target.tolist()),
        windows=windows[series],
        values=values.ravel()[order],
        scores={name: array.ravel()[order] for name, array in scores.items()},
        ranking=ranking,
        baselines={name: array.ravel()[order] for name, array in baselines.items()},
        baseline=best[0] if best else None,
        order=order,
    )

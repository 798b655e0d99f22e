"""The report of a run: a verdict, tidy scores of the network and every baseline, and where the windows went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np

from rnnfc.data.panel import Panel, format_time
from rnnfc.data.windows import Splits
from rnnfc.evaluation.metrics import METRICS, parse_name
from rnnfc.evaluation.scores import Score, find, to_json
from rnnfc.evaluation.series_scores import SeriesScores
from rnnfc.plain import Json, JsonObject

NETWORK = "network"
# The metric that models are ranked by, and the one that the verdict opens with.
RANKING_METRIC, VERDICT_METRIC = "rmse", "mse"
# Series that the report shows, the worst first; series.csv has all of them.
SHOWN_SERIES = 20


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Rows in, windows out; counts of windows and of series with windows are by split.

    window_series: None for one series.
    filled_values: missing values that were filled, and are never scored.
    scored_test_values: known actual values of all test windows.
    """

    rows: int
    series: int
    left_out_series: int
    window_series: dict[str, int] | None = None
    filled_values: int
    stride: int
    windows: dict[str, int]
    scored_windows: dict[str, int]
    scored_test_values: int
    first_test_target: str
    last_test_target: str

    def to_json(self) -> JsonObject:
        """Plain values; without `window_series` for one series."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class ScoreSummary:
    """The error that models are ranked by, of the network and of the best baseline; None where a value is not defined."""

    metric: str
    units: Literal["data", "scaled", "range"]
    validation: float | None
    test: float | None
    baseline: str | None
    baseline_test: float | None

    @classmethod
    def from_scores(cls, scores: Iterable[Mapping[str, Json]], *, num_targets: int) -> Self:
        """From the rows of report.json.

        Raises:
            KeyError, TypeError: a row is not a score.
        """
        rows = list(scores)
        units = _ranking_units((row["units"] for row in rows), num_targets=num_targets)
        errors: dict[tuple[Json, Json], float | None] = {}
        for row in rows:
            if (row["metric"], row["units"], row.get("target"), row["step"]) != (
                RANKING_METRIC,
                units,
                None,
                None,
            ):
                continue
            value = row["value"]
            if not (value is None or isinstance(value, int | float)):
                raise TypeError(f"{value!r} is not a number")
            errors[row["split"], row["model"]] = value
        sort_key = METRICS[RANKING_METRIC].sort_key
        rivals = {
            str(model): value
            for (split, model), value in errors.items()
            if split == "test" and model != NETWORK
        }
        baseline = min(rivals, key=lambda model: (sort_key(rivals[model]), model), default=None)
        return cls(
            metric=RANKING_METRIC,
            units=units,
            validation=errors.get(("validation", NETWORK)),
            test=errors.get(("test", NETWORK)),
            baseline=baseline,
            baseline_test=None if baseline is None else rivals[baseline],
        )

    def to_json(self) -> JsonObject:
        """Plain values, as run.json has them."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What report.json and report.md hold; `outcome` is the end of `verdict`, without the numbers that it opens with.

    series: test scores of each series, of which report.json has the first; None where there is one.
    """

    experiment: str
    unit: str
    targets: tuple[str, ...]
    verdict: str
    outcome: str
    notes: tuple[str, ...] = ()
    ledger: Ledger
    scores: list[Score]
    series: SeriesScores | None = None

    def test_score(self, metric: str, *, units: str = "data", model: str = NETWORK) -> float | None:
        """One pooled score on the test windows; None where it is not defined or not finite."""
        return find(self.scores, model=model, split="test", metric=metric, units=units)

    @property
    def models(self) -> list[str]:
        """The network and the baselines, the best on the test windows first; models without a finite error last, by name."""
        return list(ranking_errors(self.scores, num_targets=len(self.targets)))

    @property
    def quantile_metrics(self) -> list[str]:
        """Names of the scores of the network's quantiles, in their order; none without levels."""
        names = dict.fromkeys(row.metric for row in self.scores)
        return [name for name in names if parse_name(name)[0].over != "point"]

    @property
    def summary(self) -> ScoreSummary:
        """The errors that `rnnfc list` shows."""
        return ScoreSummary.from_scores(map(vars, self.scores), num_targets=len(self.targets))

    def to_json(self) -> JsonObject:
        """Plain values, scores as rows."""
        return {
            "verdict": self.verdict,
            "outcome": self.outcome,
            "notes": self.notes,
            "experiment": self.experiment,
            "unit": self.unit,
            "targets": self.targets,
            "ledger": self.ledger.to_json(),
            "scores": to_json(self.scores),
            **({"series": self.series.to_json(max_rows=SHOWN_SERIES)} if self.series else {}),
        }


def count_rows(panel: Panel, splits: Splits, *, stride: int) -> Ledger:
    """The ledger of a panel that was cut into splits."""
    first, last = splits.test.span
    many = len(panel.series) > 1
    return Ledger(
        rows=panel.num_rows,
        series=len(panel.series),
        left_out_series=panel.left_out,
        window_series={name: windows.num_series for name, windows in splits} if many else None,
        filled_values=int(panel.filled.sum()),
        stride=stride,
        windows={name: len(windows) for name, windows in splits},
        scored_windows={name: len(windows) for name, windows in splits.scored.items()},
        scored_test_values=int((~np.isnan(splits.test.actual())).sum()),
        first_test_target=format_time(first),
        last_test_target=format_time(last),
    )


def ranking_units(scores: Sequence[Score], *, num_targets: int) -> str:
    """Units of the test error that models are ranked by: data, but scaled for several targets, which may differ in unit.

    Where scaling leaves each target in its own unit: `range`, shares of its range on the training rows. Runs of earlier versions
    have no such scores.
    """
    return _ranking_units((row.units for row in scores), num_targets=num_targets)


def _ranking_units(units: Iterable[Json], *, num_targets: int) -> Literal["data", "scaled", "range"]:
    if num_targets == 1:
        return "data"
    return "range" if "range" in units else "scaled"


def ranking_prefix(scores: Sequence[Score], *, num_targets: int) -> str:
    """What stands before the name of an error that models are ranked by."""
    return {"data": "", "scaled": "scaled ", "range": "relative "}[
        ranking_units(scores, num_targets=num_targets)
    ]


def ranking_errors(scores: Sequence[Score], *, num_targets: int) -> dict[str, float | None]:
    """The pooled test error of each model, the best first; models without a finite one last, by name."""
    units = ranking_units(scores, num_targets=num_targets)
    wanted = ("test", RANKING_METRIC, units, None, None)
    errors = {
        row.model: row.value
        for row in scores
        if (row.split, row.metric, row.units, row.target, row.step) == wanted
    }
    return dict(sorted(errors.items(), key=lambda item: (METRICS[RANKING_METRIC].sort_key(item[1]), item[0])))

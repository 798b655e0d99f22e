"""A report whose every score is its own number, so that a cell in the wrong place shows."""

from collections.abc import Callable

import pytest

from rnnfc.evaluation.scores import Score
from rnnfc.reports.report import NETWORK, Ledger, Report

METRICS = (
    *(("data", name) for name in ("mse", "rmse", "mae", "mape", "smape", "mase")),
    *(("scaled", name) for name in ("mse", "rmse", "mae")),
)
COUNTS = {"train": 1000, "validation": 20, "test": 30}


@pytest.fixture
def make_report() -> Callable[[int], Report]:
    """By horizon: two targets, the network (errors 2 + ...) and the last value (1 + ...), MAPE not defined when pooled."""

    def make(horizon: int) -> Report:
        scores = []
        for model, size in ((NETWORK, 2.0), ("last value", 1.0)):
            for split, factor in (("train", 10.0), ("validation", 100.0), ("test", 1.0)):
                for place, (units, metric) in enumerate(METRICS):
                    for step in (None, *(range(1, horizon + 1) if horizon > 1 else ())):
                        value = (
                            None
                            if (metric, step) == ("mape", None)
                            else size * factor + place + (step or 0) / 10
                        )
                        scores.append(
                            Score(
                                model=model,
                                split=split,
                                metric=metric,
                                units=units,
                                series="s",
                                step=step,
                                value=value,
                            )
                        )
            for place, target in enumerate("ab"):
                for metric, more in (("rmse", 0.25), ("mae", 0.5)):
                    row = {"split": "test", "units": "data", "series": "s", "step": None}
                    scores.append(
                        Score(model=model, metric=metric, target=target, value=size + place + more, **row)
                    )  # type: ignore[arg-type]  # a plain dict
        ledger = Ledger(
            rows=1460,
            series=1,
            left_out_series=0,
            filled_values=2,
            stride=1,
            windows=COUNTS,
            scored_windows=COUNTS,
            scored_test_values=30,
            first_test_target="31.5",
            last_test_target="39",
        )
        return Report(
            experiment="tiny",
            unit="m",
            targets=("a", "b"),
            verdict="So it is.",
            outcome="it is.",
            ledger=ledger,
            scores=scores,
        )

    return make

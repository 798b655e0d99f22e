"""The report: every score as plain rows, models from best to worst, rows and windows counted."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from factories import make_panel, make_windows

from rnnfc.data.windows import Splits
from rnnfc.evaluation.scores import Score
from rnnfc.reports.report import NETWORK, Report, count_rows

MakeReport = Callable[[int], Report]


def test_report__as_json_is_plain_and_holds_every_score(make_report: MakeReport) -> None:
    plain = make_report(2).to_json()
    assert list(plain) == ["verdict", "outcome", "notes", "experiment", "unit", "targets", "ledger", "scores"]
    assert json.loads(json.dumps(plain, allow_nan=False)) == {**plain, "targets": ["a", "b"], "notes": []}
    scores = plain["scores"]
    assert isinstance(scores, list)
    assert len(scores) == 2 * (3 * 9 * 3 + 2 * 2)
    names = {"model": NETWORK, "split": "train", "metric": "mse", "units": "data", "series": "s"}
    assert scores[0] == {**names, "target": None, "step": None, "value": 20.0, "undefined": 0}


def test_report__a_test_score_that_is_not_defined_is_none(make_report: MakeReport) -> None:
    report = make_report(1)
    assert report.test_score("mae", units="scaled", model="last value") == 9.0
    assert report.test_score("mape") is None


@pytest.mark.parametrize(
    ("targets", "units", "other"), [(("a",), "data", "scaled"), (("a", "b"), "scaled", "data")]
)
def test_report__models_are_ranked_by_their_test_error_those_without_one_last(
    make_report: MakeReport, targets: tuple[str, ...], units: str, other: str
) -> None:
    errors = {"drift": None, NETWORK: 3.0, "last value": 5.0, "b": None}
    row = {"split": "test", "metric": "rmse", "series": "s", "step": None}
    scores = [
        Score(model=model, units=kind, value=value, **row)  # type: ignore[arg-type]  # a plain dict
        for kind, values in ((units, errors), (other, {"drift": 0.0, NETWORK: 9.0}))
        for model, value in values.items()
    ]
    report = replace(make_report(1), scores=scores, targets=targets)
    assert report.models == [NETWORK, "last value", "b", "drift"]


@pytest.mark.parametrize(
    ("validation", "counts"),
    [(None, {"train": 3, "test": 2}), ([6, 7, 8], {"train": 3, "validation": 3, "test": 2})],
)
def test_count_rows__counts_rows_windows_and_scored_values(
    validation: list[int] | None, counts: dict[str, int]
) -> None:
    panel = make_panel(np.zeros((14, 3)), targets=2, filled=[(0, 0), (0, 2), (7, 1)])
    train, check, test = (
        make_windows(panel, origins, length=2, horizon=4)
        for origins in ([2, 3, 4], validation or [6], [9, 10])
    )
    rows = np.array([[0, 6]])
    splits = Splits(train=train, validation=check if validation else None, test=test, train_rows=rows)
    assert count_rows(panel, splits, stride=1).to_json() == {
        "rows": 14,
        "series": 1,
        "left_out_series": 0,
        "filled_values": 3,
        "stride": 1,
        "windows": counts,
        "scored_windows": counts,
        "scored_test_values": 2 * 4 * 2,
        "first_test_target": "9",
        "last_test_target": "13",
    }

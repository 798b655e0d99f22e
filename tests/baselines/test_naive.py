"""Naive, drift and seasonal naive forecasts: by hand, and their published scores."""

from pathlib import Path

import numpy as np
import pytest
from factories import make_panel, make_windows

from rnnfc.baselines.drift import Drift
from rnnfc.baselines.naive import Naive
from rnnfc.baselines.seasonal_naive import SeasonalNaive
from rnnfc.config.split_spec import SplitSpec
from rnnfc.data.load import load_panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.data.windows import cut_windows
from rnnfc.evaluation.forecast import Predictor
from rnnfc.evaluation.scores import MetricContext, find, score

DATA = Path(__file__).parents[2] / "configs" / "data"
# Two targets and a covariate; rows 0 to 9.
SOLD, RETURNED = [1, 5, 3, 4, 8, 6, 5, 9, 7, 2], [0, 0, 1, 1, 2, 3, 5, 8, 13, 21]
PANEL = make_panel(np.column_stack([SOLD, RETURNED, [99] * 10]), targets=2)


@pytest.mark.parametrize(
    ("baseline", "point"),
    [
        (Naive(), [[[8, 2], [8, 2], [8, 2], [8, 2]], [[6, 3], [6, 3], [6, 3], [6, 3]]]),
        # Rows 2 to 4 rise by 5 and 1 in two steps, rows 3 to 5 by 2 and 2.
        (Drift(), [[[10.5, 2.5], [13, 3], [15.5, 3.5], [18, 4]], [[7, 4], [8, 5], [9, 6], [10, 7]]]),
        (SeasonalNaive(3), [[[3, 1], [4, 1], [8, 2], [3, 1]], [[4, 1], [8, 2], [6, 3], [4, 1]]]),
        (SeasonalNaive(2), [[[4, 1], [8, 2], [4, 1], [8, 2]], [[8, 2], [6, 3], [8, 2], [6, 3]]]),
    ],
)
def test_baseline__by_hand(baseline: Predictor, point: list[list[list[float]]]) -> None:
    windows = make_windows(PANEL, [5, 6], length=3, horizon=4)
    forecast = baseline.predict(windows)
    assert forecast.point.tolist() == point
    assert forecast.actual is not None
    assert forecast.actual.tolist() == windows.targets().tolist()
    assert forecast.time.tolist() == [[5, 6, 7, 8], [6, 7, 8, 9]]
    assert forecast.origin_time.tolist() == [4, 5]
    assert forecast.series.tolist() == [0, 0]


def test_drift__repeats_a_window_of_one_row() -> None:
    assert Drift().predict(make_windows(PANEL, [5], length=1, horizon=2)).point.tolist() == [[[8, 2], [8, 2]]]


@pytest.mark.parametrize("baseline", [Naive(), Drift(), SeasonalNaive(2)])
def test_baseline__uses_no_row_outside_its_window(baseline: Predictor) -> None:
    windows = make_windows(PANEL, [5], length=3, horizon=4)
    values = PANEL.values.copy()
    values[[0, 1, 5, 6, 7, 8, 9]] = -77
    assert (
        baseline.predict(windows.with_panel(PANEL.with_values(values))).point.tolist()
        == baseline.predict(windows).point.tolist()
    )


# file, column, window length, horizon, season, baseline: mean absolute error, root mean squared error, MASE on the last 20 %
PUBLISHED = [
    ("airline", "passengers", 24, 1, 12, "last value", "45.82", "53.35", "1.562"),
    ("airline", "passengers", 24, 1, 12, "seasonal naive", "41.43", "46.34", "1.412"),
    ("airline", "passengers", 24, 12, 12, "last value", "80.82", "101.8", "2.755"),
    ("airline", "passengers", 24, 12, 12, "seasonal naive", "47.84", "50.80", "1.631"),
    ("stock", "close", 20, 1, None, "last value", "0.8015", "1.246", "0.592"),
    ("stock", "close", 20, 5, None, "last value", "1.633", "2.309", "1.207"),
]


@pytest.mark.parametrize(
    ("file", "column", "length", "horizon", "season", "label", "mae", "rmse", "mase"), PUBLISHED
)
def test_baseline__has_its_published_scores(
    file: str,
    column: str,
    length: int,
    horizon: int,
    season: int | None,
    label: str,
    mae: str,
    rmse: str,
    mase: str,
) -> None:
    frequency = "rows" if file == "stock" else "infer"
    panel = load_panel(
        CsvSpec(kind="csv", path=str(DATA / f"{file}.csv"), time="date", target=column, frequency=frequency)
    )
    splits = cut_windows(
        panel, length=length, horizon=horizon, split=SplitSpec(train=0.7, validation=0.1, test=0.2)
    )
    scaler = Scaler.fit(panel, splits.train_rows, method="minmax")
    context = MetricContext.from_panel(panel, scaler=scaler, train_rows=splits.train_rows, season=season)
    baseline = Naive() if label == "last value" else SeasonalNaive(season or 0)
    scores = score(baseline.predict(splits.test), context, model=label, split="test")
    for metric, printed in (("mae", mae), ("rmse", rmse), ("mase", mase)):
        value = find(scores, model=label, split="test", metric=metric, units="data")
        decimals = len(printed.partition(".")[2])
        assert value is not None
        assert f"{value:.{decimals}f}" == printed

"""Calendar features and known columns: the last channels of a panel."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from rnnfc.data import calendar
from rnnfc.data.load import load_panel
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.errors import DataError

ROOT_HALF = 0.5**0.5
SHOP = "day,sold,rain,price\n2020-01-31T18:00,5,0,2\n2020-02-01T00:00,6,1,2\n2020-02-01T12:00,8,1,3\n"


def load(folder: Path, text: str = SHOP, **keys: Any) -> Panel:
    (folder / "shop.csv").write_text(text)
    spec = {"kind": "csv", "path": str(folder / "shop.csv"), "time": "day", "target": "sold", **keys}
    return load_panel(CsvSpec.model_validate(spec))


def test_calendar__the_config_offers_every_feature() -> None:
    (choices, _) = get_args(FileSpec.model_fields["calendar"].annotation)
    assert set(get_args(choices)) == set(calendar.TIME_FEATURES)


@pytest.mark.parametrize(
    ("feature", "time", "share"),
    [
        ("minute", "2020-01-01T07:45", 3 / 4),
        ("hour", "2020-01-01T07:30", 7.5 / 24),
        ("weekday", "2020-01-06T23:00", 0),  # a Monday
        ("weekday", "1969-12-28", 6 / 7),  # a Sunday before 1970
        ("day", "2020-02-15T12:00", 14.5 / 29),
        ("day_of_year", "2020-12-31", 365 / 366),
        ("day_of_year", "2021-12-31", 364 / 365),
        ("month", "2020-12-31", 11 / 12),
        ("month", "1969-02-01", 1 / 12),
    ],
)
def test_encode_times__by_hand(feature: str, time: str, share: float) -> None:
    made = calendar.encode_times(np.array([time, "2020-01-06"], dtype="datetime64[us]"), (feature,))
    assert made.shape == (2, 2)
    assert made[0] == pytest.approx([np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)], abs=1e-12)


def test_calendar__is_the_last_channels_of_a_panel(tmp_path: Path) -> None:
    panel = load(tmp_path, inputs="rain", known="price", calendar=("hour", "month"), missing="ffill")
    assert panel.channels == ("sold", "rain", "price", "hour sin", "hour cos", "month sin", "month cos")
    assert (panel.num_targets, panel.num_known, panel.calendar) == (1, 5, ("hour", "month"))
    assert panel.values[:, :3].tolist() == [[5, 0, 2], [6, 1, 2], [6, 1, 2], [8, 1, 3]]
    # 18:00, midnight, 06:00 (an absent row) and noon
    np.testing.assert_allclose(panel.values[:, 3:5], [[-1, 0], [0, 1], [1, 0], [0, -1]], atol=1e-15)
    np.testing.assert_allclose(panel.values[:, 6], [1, 3**0.5 / 2, 3**0.5 / 2, 3**0.5 / 2])
    assert panel.filled.tolist() == [[False] * 7, [False] * 7, [True] * 3 + [False] * 4, [False] * 7]


@pytest.mark.parametrize("method", ["none", "minmax", "standard"])
def test_calendar__is_not_scaled_even_where_constant(tmp_path: Path, method: str) -> None:
    panel = load(tmp_path, inputs="rain", calendar=("month",), missing="ffill")
    scaler = Scaler.fit(panel, np.array([[0, 4]]), method=method)
    assert (scaler.center[0, 2:].tolist(), scaler.scale[0, 2:].tolist()) == ([0, 0], [1, 1])
    assert scaler.transform(panel).values[:, 2:].tolist() == panel.values[:, 2:].tolist()
    late = Scaler.fit(panel, np.array([[0, 2]]), method=method)
    assert (late.low[0, 2:].tolist(), late.high[0, 2:].tolist()) == ([-1, -1], [1, 1])


def test_calendar__refuses_times_that_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shop\.csv: data\.calendar needs dates.*'day' are numbers"):
        load(tmp_path, "day,sold\n1,5\n2,6\n", calendar=("hour",))

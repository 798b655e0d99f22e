"""The forecast picture: windows end to end, gaps where nothing was forecast, one band."""

from dataclasses import replace

import numpy as np
from factories import make_panel, make_windows

from rnnfc.evaluation.forecast import Forecast
from rnnfc.workflows import pictures

WINDOWS = make_windows(make_panel(np.arange(40.0)), [6, 13], length=5, horizon=2)


def quantile_forecast(levels: tuple[float, ...]) -> Forecast:
    """0.5, from 1 below to 2 above."""
    point = np.full((2, 2, 1), 0.5)
    quantiles = np.stack([point - 1, point, point + 2], axis=-1)
    return Forecast.from_windows(WINDOWS, point, quantiles=quantiles, levels=levels)


def test_forecast_line__has_the_outer_band_and_names_it_once() -> None:
    forecast = quantile_forecast((0.2, 0.5, 0.8))
    test, train = (
        pictures._forecast_line(forecast, WINDOWS, series=0, split=split, spacing=2)
        for split in ("test", "train")
    )
    assert np.array_equal(test.band, [test.value - 1, test.value + 2], equal_nan=True)  # type: ignore[arg-type]  # there is one
    assert (test.band_label, train.band_label) == ("20 % to 80 %", "")
    median = replace(forecast, levels=(0.5,))
    assert pictures._forecast_line(median, WINDOWS, series=0, split="test", spacing=2).band is None


def test_forecast_line__breaks_where_no_row_was_forecast() -> None:
    windows = replace(WINDOWS, origins=np.array([6, 8, 13, 20], dtype=np.int32))
    forecast = Forecast.from_windows(windows, np.full((4, 2, 1), 0.5))
    line = pictures._forecast_line(forecast, windows, series=0, split="train", spacing=2)
    assert line.time.tolist() == [6, 7, 8, 9, 10, 13, 14, 15, 20, 21]
    assert np.flatnonzero(np.isnan(line.value)).tolist() == [4, 7]


def test_spaced__windows_share_no_row_and_end_with_the_last() -> None:
    origins = np.array([3, 4, 5, 9, 10, 11, 12, 20])
    assert origins[pictures._spaced(origins, 3)].tolist() == [5, 9, 12, 20]


def test_phase_spacing__lets_forecasts_begin_at_every_phase() -> None:
    # (horizon, season): midnight after midnight, noon and midnight, the same weekday, no season known
    cases = [(1, None), (24, 24), (12, 24), (7, 7), (24, 168), (24, None), (5, 12)]
    assert [pictures.phase_spacing(*case) for case in cases] == [1, 25, 13, 8, 25, 25, 5]
    origins = np.arange(100, 100 + 24 * 30)
    assert {*(origins[pictures._spaced(origins, pictures.phase_spacing(24, 24))] % 24).tolist()} == {
        *range(24)
    }

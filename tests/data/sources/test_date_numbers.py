"""Whole numbers that are dates without separators."""

import numpy as np
import pytest

from rnnfc.data.sources.date_numbers import find_date_numbers, padded_width


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (range(20240901, 20240931), ["Ymd"]),
        ([20240228, 20240229, 20240301], ["Ymd"]),
        ([20230228, 20230229, 20230301], []),  # 2023 has no 29 February
        ([202311, 202312], ["Ym", "YW"]),
        ([202311.0, 202312.0], ["Ym", "YW"]),
        ([202312, 202313], ["YW"]),
        (range(202427, 202453), ["YW"]),
        ([202052, 202053, 202101], ["YW"]),  # 2020 had 53 weeks
        ([202453, 202454], []),
        ([20241, 20242, 20243, 20244, 20251], ["YQ"]),
        ([20241, 20242, 20243, 20244, 20245], []),
        ([2024365, 2024366, 2025001], ["Yj"]),
        ([240901, 240902, 240930], ["ymd"]),
        ([91231, 100101], ["ymd"]),  # 091231, read as a number
        ([240229, 240301], ["ymd"]),
        ([250228, 250229], []),
        (range(200101, 200112), ["Ym", "ymd", "YW"]),
        ([2411, 2412, 2501], ["ym"]),
        ([2411, 2412], ["ym"]),
        ([1911, 1912, 2001], ["ym"]),  # from one December to the next January
        (range(1901, 1913), []),  # years
        ([2001, 1912, 1911], ["ym"]),  # the newest first
        ([30092024, 1102024], ["dmY"]),  # 01102024, read as a number
        ([1092024, 13092024], ["dmY"]),
        ([1092024, 2092024], ["dmY", "mdY"]),
        ([9012024, 9152024], ["mdY"]),
        ([2024090823, 2024090900], ["YmdH"]),
        ([202409030859, 202409030900], ["YmdHM"]),
        ([202409030859, 202409030860], []),
        ([20240903085959, 20240903090000], ["YmdHMS"]),
        ([1725148800, 1725152400], []),  # seconds since 1970
        (range(45292, 45323), []),  # a spreadsheet's numbers of the days in January 2024
        ([0, 1, 2], []),
        ([-202401, 202402], []),
        ([202401.5, 202402.5], []),
        ([189954, 190001], []),
        ([99999, 100000], []),
        ([1e300, 2e300], []),
    ],
)
def test_find_date_numbers__reads_every_number_or_none(numbers: list[float], expected: list[str]) -> None:
    assert find_date_numbers([np.array(numbers)]) == ((0, tuple(expected)) if expected else None)


def test_find_date_numbers__asks_for_each_series() -> None:
    counter, september = np.arange(20240901, 20240932), np.arange(20240901, 20240931)
    assert find_date_numbers([counter, counter]) is None
    assert find_date_numbers([counter, september, september]) == (1, ("Ymd",))  # the 31st is one wrong date
    # Of many numbers some look like dates by chance.
    assert find_date_numbers([np.arange(120400, 120600), np.arange(120515, 120520)]) is None


def test_find_date_numbers__of_dates_is_none() -> None:
    assert find_date_numbers([np.array(["2024-01-01"] * 2, dtype="datetime64[us]")]) is None


def test_padded_width__of_digits_that_begin_with_two() -> None:
    formats = ("%d%m%Y", "%y%m%d", "%m%d%Y%H", "%Y%m%d", "%d.%m.%Y", "%d%b%Y", "%d%m%Y ", "%H:%M")
    assert [padded_width(text) for text in formats] == [8, 6, 10, 0, 0, 0, 0, 0]

"""Whole numbers that are dates without separators."""

import numpy as np
import pytest

from rnnfc.data.sources.date_numbers import find_date_format


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (range(20240901, 20240931), "%Y%m%d"),
        ([20240228, 20240229, 20240301], "%Y%m%d"),
        ([20230228, 20230229, 20230301], None),  # 2023 has no 29 February
        ([202311, 202312], "%Y%m"),
        ([202311.0, 202312.0], "%Y%m"),
        ([202312, 202313], None),
        ([2024090823, 2024090900], "%Y%m%d%H"),
        ([202409030859, 202409030900], "%Y%m%d%H%M"),
        ([202409030859, 202409030860], None),
        ([20240903085959, 20240903090000], "%Y%m%d%H%M%S"),
        ([1725148800, 1725152400], None),  # seconds since 1970
        ([0, 1, 2], None),
        ([-202401, 202402], None),
        ([202401.5, 202402.5], None),
        ([189912, 190001], None),
        ([99999, 100000], None),
    ],
)
def test_find_date_format__reads_every_number_or_none(numbers: list[float], expected: str | None) -> None:
    assert find_date_format(np.array(numbers)) == expected


def test_find_date_format__of_dates_is_none() -> None:
    assert find_date_format(np.array(["2024-01-01"], dtype="datetime64[us]")) is None

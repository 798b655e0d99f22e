"""What the formulas of metrics share."""

import numpy as np
import pytest

from rnnfc.evaluation.metric import sum_of_squares


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 6.0], 4 + 1 + 9),
        ([7.0], 0.0),
        ([0.1] * 30, 0.0),
        ([0.0, 0.0], 0.0),
        ([5.0, 5.0 + 1e-3], 5e-7),
    ],
)
def test_sum_of_squares__is_around_the_mean_and_zero_for_a_constant(
    values: list[float], expected: float
) -> None:
    x = np.array(values)
    found = sum_of_squares(np.array(len(x)), x.sum(), (x**2).sum())
    assert found == pytest.approx(expected, rel=1e-6)

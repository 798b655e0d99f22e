"""Scores of a finished run, computed again."""

from dataclasses import replace

import numpy as np
from factories import make_forecast

from rnnfc.workflows import evaluate


def test_moved__every_way_that_a_runtime_may_round() -> None:
    forecast = replace(
        make_forecast([[[10.0]], [[14.0]]], [[[12.0]], [[12.0]]]),
        quantiles=np.array([[[[8.0, 10, 13]]], [[[11.0, 14, 18]]]]),
        levels=(0.1, 0.5, 0.9),
    )
    moved = list(evaluate._moved(forecast, np.ones((2, 1, 1))))
    assert [each.point.ravel().tolist() for each in moved] == [[11, 15], [9, 13], [9, 15], [10, 14], [10, 14]]
    assert [each.quantiles.ravel().tolist() for each in moved] == [  # type: ignore[union-attr]  # there are some
        [9, 11, 14, 12, 15, 19],
        [7, 9, 12, 10, 13, 17],
        [7, 9, 12, 12, 15, 19],
        [7, 10, 14, 10, 14, 19],  # wider
        [9, 10, 12, 12, 14, 17],  # narrower
    ]
    point = replace(forecast, quantiles=None, levels=())
    assert len(list(evaluate._moved(point, np.ones((2, 1, 1))))) == 3

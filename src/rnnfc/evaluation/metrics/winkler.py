"""Winkler score of an interval: its width, plus 2 / alpha times the distance of an actual value outside; alpha is 1 - coverage.

Source: Gneiting & Raftery, Strictly proper scoring rules, prediction and estimation, JASA 102 (2007), section 6.2.
"""

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.evaluation.metric import Metric, Values


def interval_score(values: Values) -> tuple[Floats, ...]:
    """Width plus the weighted distance of the actual value from the interval."""
    outside = np.maximum(0.0, np.maximum(values.low - values.actual, values.actual - values.high))
    return (values.high - values.low + 2 / (1 - values.coverage) * outside,)


METRIC = Metric(heading="Winkler", units="data", terms=interval_score, over="intervals")

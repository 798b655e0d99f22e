"""Mean scaled interval score: of each series the Winkler score over the mean absolute seasonal naive error, as MASE.

M4 has it for 95 % intervals; here it is that of each pair of levels.

Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2.
"""

from rnnfc.evaluation.metric import Metric
from rnnfc.evaluation.metrics.winkler import interval_score

METRIC = Metric(
    heading="MSIS", units="none", terms=interval_score, over="intervals", each_series=True, naive_power=1
)

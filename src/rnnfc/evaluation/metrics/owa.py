"""Overall weighted average: the mean of a model's sMAPE and MASE, each relative to that of Naive2.

Source: Makridakis et al., The M4 Competition, International Journal of Forecasting 36 (2020), section 2.
"""

from rnnfc.evaluation.metric import Metric

METRIC = Metric(heading="OWA", units="none", relative=("smape", "mase"))

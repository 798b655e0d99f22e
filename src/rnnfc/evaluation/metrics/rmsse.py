"""Root mean squared scaled error: of each series over the mean squared seasonal naive error of its training rows.

The lag is that of MASE, `data.season` or one row where the data has none, so that both compare with the same naive forecast; M5,
whose series are daily, used one row throughout. The root is taken of each series before the mean over series, as there.

Source: Makridakis et al., M5 accuracy competition, International Journal of Forecasting 38 (2022), section 2.4.
"""

from rnnfc.evaluation.metric import Metric, root_mean, squared_error

METRIC = Metric(
    heading="RMSSE", units="none", terms=squared_error, value=root_mean, each_series=True, naive_power=2
)

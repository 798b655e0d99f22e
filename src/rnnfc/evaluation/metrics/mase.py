"""Mean absolute scaled error: of each series over the mean absolute seasonal naive error of its training rows.

The naive forecast is one season old, or one row where the data has no season.

Source: Hyndman & Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22 (2006).
"""

from rnnfc.evaluation.metric import Metric, absolute_error

METRIC = Metric(heading="MASE", units="none", terms=absolute_error, each_series=True, naive_power=1)

"""Root of the mean squared error."""

from rnnfc.evaluation.metric import Metric, root_mean, squared_error

METRIC = Metric(
    heading="RMSE", units="data", terms=squared_error, value=root_mean, scaled=True, summary="RMSE {value}"
)

"""Mean absolute error."""

from rnnfc.evaluation.metric import Metric, absolute_error

METRIC = Metric(heading="MAE", units="data", terms=absolute_error, scaled=True, summary="MAE {value}")

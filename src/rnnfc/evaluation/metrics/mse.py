"""Mean squared error."""

from rnnfc.evaluation.metric import Metric, squared_error

METRIC = Metric(heading="MSE", units="data squared", terms=squared_error, scaled=True, summary="MSE {value}")

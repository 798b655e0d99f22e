"""Extension tables: each name of the YAML and the record behind it, as `module:attribute`.

A record is imported when it is first looked up. Adding one is one new module and one line here; docs/extending.md shows it.
"""

import pkgutil
from collections.abc import Mapping
from typing import Any

CELLS = {
    "SimpleRNN": "rnnfc.networks.cells.simple_rnn:CELL",
    "LSTM": "rnnfc.networks.cells.lstm:CELL",
    "GRU": "rnnfc.networks.cells.gru:CELL",
    "minGRU": "rnnfc.networks.cells.min_gru:CELL",
    "IndRNN": "rnnfc.networks.cells.ind_rnn:CELL",
}
FAMILIES = {
    "stacked": "rnnfc.networks.stacked:FAMILY",
    "segment": "rnnfc.networks.segment:FAMILY",
    "seq2seq": "rnnfc.networks.seq2seq:FAMILY",
    "dense": "rnnfc.networks.dense:FAMILY",
    "scratch": "rnnfc.numpy_rnn.family:FAMILY",
}
SOURCES = {
    "sine": "rnnfc.data.sources.sine:SOURCE",
    "csv": "rnnfc.data.sources.csv:SOURCE",
    "long": "rnnfc.data.sources.long:SOURCE",
    "wide": "rnnfc.data.sources.wide:SOURCE",
    "frame": "rnnfc.data.sources.frame:SOURCE",
}
EXPORT_FORMATS = {
    "onnx": "rnnfc.export.onnx:EXPORT_FORMAT",
    "savedmodel": "rnnfc.export.savedmodel:EXPORT_FORMAT",
    "litert": "rnnfc.export.litert:EXPORT_FORMAT",
    "keras": "rnnfc.export.keras:EXPORT_FORMAT",
}
LOSSES = {
    "mse": "rnnfc.training.losses.mse:LOSS",
    "mae": "rnnfc.training.losses.mae:LOSS",
    "huber": "rnnfc.training.losses.huber:LOSS",
    "log_cosh": "rnnfc.training.losses.log_cosh:LOSS",
    "pinball": "rnnfc.training.losses.pinball:LOSS",
    "quantile_huber": "rnnfc.training.losses.quantile_huber:LOSS",
}
OPTIMIZERS = {
    "adam": "rnnfc.training.optimizers.adam:OPTIMIZER",
    "adamw": "rnnfc.training.optimizers.adamw:OPTIMIZER",
    "rmsprop": "rnnfc.training.optimizers.rmsprop:OPTIMIZER",
    "sgd": "rnnfc.training.optimizers.sgd:OPTIMIZER",
}
# Fitted and scored with every network, in this order.
BASELINES = {
    "naive": "rnnfc.baselines.naive:BASELINE",
    "drift": "rnnfc.baselines.drift:BASELINE",
    "seasonal_naive": "rnnfc.baselines.seasonal_naive:BASELINE",
    "naive2": "rnnfc.baselines.naive2:BASELINE",
    "linear_map": "rnnfc.baselines.linear_map:BASELINE",
}
# Scored where `baselines` names them.
OPTIONAL_BASELINES = {
    "ets": "rnnfc.baselines.ets:BASELINE",
    "theta": "rnnfc.baselines.theta:BASELINE",
}
METRICS = {
    "mse": "rnnfc.evaluation.metrics.mse:METRIC",
    "rmse": "rnnfc.evaluation.metrics.rmse:METRIC",
    "mae": "rnnfc.evaluation.metrics.mae:METRIC",
    "bias": "rnnfc.evaluation.metrics.bias:METRIC",
    "mape": "rnnfc.evaluation.metrics.mape:METRIC",
    "smape": "rnnfc.evaluation.metrics.smape:METRIC",
    "mase": "rnnfc.evaluation.metrics.mase:METRIC",
    "rmsse": "rnnfc.evaluation.metrics.rmsse:METRIC",
    "owa": "rnnfc.evaluation.metrics.owa:METRIC",
    "nse": "rnnfc.evaluation.metrics.nse:METRIC",
    "kge": "rnnfc.evaluation.metrics.kge:METRIC",
    "wql": "rnnfc.evaluation.metrics.wql:METRIC",
    "coverage": "rnnfc.evaluation.metrics.coverage:METRIC",
    "width": "rnnfc.evaluation.metrics.width:METRIC",
    "winkler": "rnnfc.evaluation.metrics.winkler:METRIC",
    "msis": "rnnfc.evaluation.metrics.msis:METRIC",
}


def load_record(table: Mapping[str, str], name: str) -> Any:
    """The record that `table` has for `name`; its module is imported."""
    return pkgutil.resolve_name(table[name])

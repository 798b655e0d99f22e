"""Extension tables: each name of the YAML and the record behind it, as `module:attribute`.

A record is imported when it is first looked up. Adding one is one new module and one line here; docs/contributing.md shows it.
"""

import pkgutil
from collections.abc import Mapping
from typing import Any

CELLS = {
    "SimpleRNN": "rnnfc.networks.cells.simple_rnn:CELL",
    "LSTM": "rnnfc.networks.cells.lstm:CELL",
    "GRU": "rnnfc.networks.cells.gru:CELL",
}
FAMILIES = {
    "stacked": "rnnfc.networks.stacked:FAMILY",
    "segment": "rnnfc.networks.segment:FAMILY",
    "seq2seq": "rnnfc.networks.seq2seq:FAMILY",
    "scratch": "rnnfc.numpy_rnn.family:FAMILY",
}


def load_record(table: Mapping[str, str], name: str) -> Any:
    """The record that `table` has for `name`; its module is imported."""
    return pkgutil.resolve_name(table[name])

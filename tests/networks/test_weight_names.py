"""The weights of every family keep the names that runs of version 0.1.0 are restored by."""

import json
from pathlib import Path

import pytest

from rnnfc.config.load import from_yaml
from rnnfc.networks.build import build

# Names and shapes as version 0.1.0 wrote them.
NAMES: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "weight_names_0_1_0.json").read_text(encoding="utf-8")
)
MODELS = {
    "stacked": "{kind: stacked, cell: SimpleRNN, units: [3, 2]}",
    "stacked_lstm_bidirectional": "{kind: stacked, cell: LSTM, units: [3, 2], bidirectional: [true, false], dropout: 0.2}",
    "stacked_gru_levels_path": "{kind: stacked, cell: GRU, units: [3], levels: [0.1, 0.5, 0.9], linear: {use: path}}",
    "stacked_recursive": "{kind: stacked, cell: GRU, units: [3], strategy: recursive}",
    "stacked_ensemble_blend": "{kind: stacked, cell: GRU, units: [3], ensemble: {seeds: 2}, linear: {use: blend}}",
    "stacked_series": "{kind: stacked, cell: LSTM, units: [3], series_embedding: 2}",
    "stacked_known": "{kind: stacked, cell: LSTM, units: [3]}",
    "segment": "{kind: segment, cell: GRU, segment: 3, width: 4}",
    "segment_lstm_levels_ensemble": "{kind: segment, cell: LSTM, segment: 3, width: 4, levels: [0.5, 0.9], "
    "ensemble: {seeds: 2}}",
    "seq2seq": "{kind: seq2seq, cell: LSTM, units: 4, attention: none}",
    "seq2seq_bahdanau": "{kind: seq2seq, cell: GRU, units: 4, attention: bahdanau, levels: [0.1, 0.5]}",
    "seq2seq_luong_known": "{kind: seq2seq, cell: SimpleRNN, units: 4, attention: luong, linear: {use: path}}",
    "seq2seq_series_ensemble": "{kind: seq2seq, cell: GRU, units: 4, attention: luong, series_embedding: 2, "
    "ensemble: {seeds: 2}}",
}


@pytest.mark.parametrize("normalize", ["none", "last"])
@pytest.mark.parametrize("name", MODELS)
def test_weights__names_and_shapes_are_those_of_version_0_1_0(name: str, normalize: str) -> None:
    model = MODELS[name]
    experiment = from_yaml(
        "name: t\nseed: 3\ndata: {kind: sine, points: 50, step: 0.4}\nsplit: {validation: 9, test: 9}\nscale: none\n"
        f"window: {{length: 7, horizon: 4, normalize: {normalize}}}\nmodel: {model}\ntrain: {{epochs: 1}}\n",
        source="t",
    )
    channels, known = (2 if "recursive" in name else 3), (1 if "known" in name else 0)
    net = build(experiment, channels=channels, targets=2, known=known, series=3)
    assert [f"{weight.path} {list(weight.shape)}" for weight in net.inference_model.weights] == NAMES[
        f"{name} {normalize}"
    ]


def test_weight_names__no_stored_list_is_left_out() -> None:
    assert {name.rpartition(" ")[0] for name in NAMES} == set(MODELS)

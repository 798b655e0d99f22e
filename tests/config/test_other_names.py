"""Names of other tools lead to the keys of a config."""

import pytest

from rnnfc.config.load import from_yaml, schema
from rnnfc.config.other_names import _KEYS, find_key
from rnnfc.errors import ConfigError

CONFIG = """\
name: x
data: {kind: sine}
window: {length: 4, horizon: 2}
split: {test: 0.2}
model: {kind: stacked, cell: GRU, units: [2]}
train: {epochs: 1}
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        from_yaml(text, source="x.yaml")
    return str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("epochs: 1", "epochs: 1, lr: 0.1", "train.learning_rate"),
        ("epochs: 1", "epochs: 1, batch: 8", "train.batch_size"),
        ("units: [2]", "units: [2], hidden_size: 8", "model.units"),
        ("units: [2]", "units: [2], quantile_levels: [0.1, 0.5]", "model.levels"),
        ("length: 4", "length: 4, input_size: 4", "window.length"),
        ("name: x", "name: x\nh: 2", "window.horizon"),
        ("kind: sine", "kind: sine, freq: D", "data.frequency"),
        ("kind: sine", "kind: sine, sep: ;", "data.separator"),
        ("kind: sine", "kind: sine, na_values: ['.']", "data.missing_values"),
    ],
)
def test_unknown_key__of_another_tool_is_named_as_here(old: str, new: str, key: str) -> None:
    assert f"unknown key; it is {key} here; " in refusal(CONFIG.replace(old, new))


def test_levels__in_percent_are_refused_with_the_fraction() -> None:
    message = refusal(CONFIG.replace("units: [2]", "units: [2], levels: [10, 50]"))
    assert "model.levels.0: got 10; must be less than 1; a level is a fraction, write 0.1 for 10 %" in message
    assert "write 0.5 for 50 %" in message


def test_find_key__knows_only_keys_that_exist() -> None:
    assert find_key("LR") == find_key("lr") == "train.learning_rate"
    assert find_key("prediction-length") == "window.horizon"
    assert find_key("nothing") is None
    text = str(schema())
    assert all(
        f'"{key.rpartition(".")[2]}"' in text or f"'{key.rpartition('.')[2]}'" in text
        for key in _KEYS.values()
    )

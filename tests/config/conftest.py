"""A tiny valid config, one group a line, so that a test changes one group and knows the line of the mistake."""

from collections.abc import Callable

import pytest

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.errors import ConfigError

GROUPS = {
    "name": "tiny",
    "data": "{kind: sine, points: 40, stop: 9.0}",
    "window": "{length: 5, horizon: 2}",
    "split": "{validation: 0.1, test: 0.2}",
    "model": "{kind: stacked, cell: GRU, units: [3]}",
    "train": "{epochs: 4}",
}  # lines 1 to 6; a further key (seed, scale) stands on line 7


def _text(**changed: str) -> str:
    return "".join(f"{key}: {value}\n" for key, value in {**GROUPS, **changed}.items())


@pytest.fixture
def text() -> Callable[..., str]:
    """The config as text, with some groups replaced."""
    return _text


@pytest.fixture
def build() -> Callable[..., Experiment]:
    """The experiment, with some groups replaced."""
    return lambda **changed: from_yaml(_text(**changed), source="x.yaml")


@pytest.fixture
def refusal() -> Callable[..., str]:
    """The error's text for a config with some groups replaced."""

    def refuse(**changed: str) -> str:
        with pytest.raises(ConfigError) as caught:
            from_yaml(_text(**changed), source="x.yaml")
        return str(caught.value)

    return refuse

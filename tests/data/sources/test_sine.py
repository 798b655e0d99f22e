import numpy as np
import pytest

from rnnfc.data.load import load_panel
from rnnfc.data.sources.sine import SineSpec


def test_sine__up_to_stop_is_numpys_linspace() -> None:
    panel = load_panel(SineSpec(kind="sine", points=1000, stop=100.0, unit="V"))
    assert panel.time.tolist() == np.linspace(0, 100, 1000).tolist()
    assert panel.values.tolist() == np.sin(np.linspace(0, 100, 1000))[:, None].tolist()
    assert panel.frequency.find_irregular_row(panel.time) is None
    assert panel.unit == "V"
    assert (panel.series, panel.channels, panel.targets) == (("sine",), ("sine",), ("sine",))
    assert panel.bounds.tolist() == [0, 1000]
    assert not panel.filled.any()


def test_sine__by_step_starts_at_zero() -> None:
    panel = load_panel(SineSpec(kind="sine", points=3, step=1.0))
    assert panel.time.tolist() == [0, 1, 2]
    assert panel.values.ravel() == pytest.approx([0, 0.8414709848078965, 0.9092974268256817], rel=1e-15)
    assert str(panel.frequency) == "every 1"


def test_sine__noise_depends_on_its_seed_and_has_its_standard_deviation() -> None:
    def noise(seed: int) -> list[float]:
        noisy = load_panel(SineSpec(kind="sine", points=2000, step=0.25, noise=0.5, noise_seed=seed))
        return (noisy.values.ravel() - np.sin(noisy.time)).tolist()

    assert noise(3) == noise(3)
    assert noise(3) != noise(4)
    assert np.std(noise(3)) == pytest.approx(0.5, rel=0.05)

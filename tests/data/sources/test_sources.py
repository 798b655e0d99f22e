from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from rnnfc.config.data_spec import CsvSpec, DataSpec, SineSpec
from rnnfc.data.load import SOURCES, load_panel


def test_every_kind_of_data_has_its_loader() -> None:
    union, _ = get_args(DataSpec)
    kinds = {kind for spec in get_args(union) for kind in get_args(spec.model_fields["kind"].annotation)}
    assert set(SOURCES) == kinds


def test_a_sine_up_to_stop_is_numpys_linspace() -> None:
    panel = load_panel(SineSpec(kind="sine", points=1000, stop=100.0, unit="V"))
    assert panel.time.tolist() == np.linspace(0, 100, 1000).tolist()
    assert panel.values.tolist() == np.sin(np.linspace(0, 100, 1000))[:, None].tolist()
    assert panel.frequency.off_grid(panel.time) is None
    assert panel.unit == "V"
    assert (panel.series, panel.channels, panel.targets) == (("sine",), ("sine",), ("sine",))
    assert panel.bounds.tolist() == [0, 1000]
    assert not panel.filled.any()


def test_a_sine_by_step_starts_at_zero() -> None:
    panel = load_panel(SineSpec(kind="sine", points=3, step=1.0))
    assert panel.time.tolist() == [0, 1, 2]
    assert panel.values.ravel() == pytest.approx([0, 0.8414709848078965, 0.9092974268256817], rel=1e-15)
    assert str(panel.frequency) == "every 1"


def test_noise_is_the_same_for_the_same_seed_and_has_its_size() -> None:
    def noise(seed: int) -> list[float]:
        noisy = load_panel(SineSpec(kind="sine", points=2000, step=0.25, noise=0.5, noise_seed=seed))
        return (noisy.values.ravel() - np.sin(noisy.time)).tolist()

    assert noise(3) == noise(3)
    assert noise(3) != noise(4)
    assert np.std(noise(3)) == pytest.approx(0.5, rel=0.05)


def test_a_csv_spec_reads_its_file(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("sold\n5\n6\n")
    panel = load_panel(CsvSpec(kind="csv", path=str(tmp_path / "sales.csv"), target="sold"))
    assert panel.values.tolist() == [[5], [6]]

"""A changed row, and no other, has another hash."""

import numpy as np
import pytest
from factories import make_panel

from rnnfc.runs import row_hashes as module
from rnnfc.runs.row_hashes import row_hashes, rows_per_hash

PANEL = make_panel([[1.0, 2.0], [3.0, 4.0], [2.0, 1.0]], [[3.0, 4.0], [4.0, 3.0]])


def test_row_hashes__of_other_times_values_or_columns_differ() -> None:
    hashes = row_hashes(PANEL)
    assert (hashes.dtype, hashes.shape) == (np.uint32, (5,))
    assert len({*hashes.tolist()}) == 5
    values = PANEL.values.copy()
    values[2, 1] = np.nextafter(1.0, 2)  # the last bit of 1.0
    assert np.flatnonzero(row_hashes(PANEL.with_values(values)) != hashes).tolist() == [2]
    values = PANEL.values.copy()
    values[[1, 3]] = values[[3, 1]][:, ::-1]
    assert np.flatnonzero(row_hashes(PANEL.with_values(values)) != hashes).tolist() == [1, 3]


def test_row_hashes__of_a_long_panel_are_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    hashes = row_hashes(PANEL)
    assert (rows_per_hash(PANEL), hashes.shape) == (3, (2,))
    values = PANEL.values.copy()
    values[4, 0] += 1
    assert np.flatnonzero(row_hashes(PANEL.with_values(values)) != hashes).tolist() == [1]

"""Audit for leakage: change future rows of the user's own data, and check that training does not depend on them."""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rnnfc.data.missing import update_filled
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Rows, Windows, cut_windows
from rnnfc.plain import JsonObject
from rnnfc.workflows.fit import Listener
from rnnfc.workflows.prepare import Prepared
from rnnfc.workflows.train import train

# How many rows t are tried, from which on everything is changed; and as many after gaps.
_BORDERS = 5


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim about an experiment, and whether the experiment fulfils it."""

    text: str
    is_true: bool

    def to_json(self) -> JsonObject:
        """Plain values, for --json."""
        return {"claim": self.text, "holds": self.is_true}


def audit(prepared: Prepared, *, listener: Listener) -> list[Claim]:
    """Test each claim that keeps the future out of training; trains one epoch twice, in a temporary folder."""
    splits = prepared.splits
    noisy = _with_noise(prepared, first_row=splits.train_rows[:, 1])
    causal = {name: _is_causal(windows, prepared) for name, windows in splits}
    return [
        Claim(
            text="noise after the training rows does not change the scaler",
            is_true=_scaler(prepared) == _scaler(noisy),
        ),
        Claim(
            text="noise after the training rows does not change a training window",
            is_true=_digest(splits.train.with_panel(_scaled(prepared)))
            == _digest(noisy.splits.train.with_panel(_scaled(noisy))),
        ),
        Claim(
            text="noise after the training rows does not change the weights after an epoch",
            is_true=_weights(prepared, listener) == _weights(noisy, listener),
        ),
        *(
            Claim(text=f"a change in row t does not change {name} windows that end before t", is_true=is_true)
            for name, is_true in causal.items()
        ),
        Claim(text="no row is a target in two splits", is_true=_is_disjoint(prepared)),
        Claim(
            text="the first target of each window is the row after its last input",
            is_true=all(_is_adjacent(windows) for _, windows in splits),
        ),
        Claim(
            text="no filled value is scored",
            is_true=not any(_has_filled_target(windows) for _, windows in splits),
        ),
    ]


def _with_noise(prepared: Prepared, *, first_row: Rows) -> Prepared:
    """Add noise as large as the data to every known value from `first_row` [series] on, and fill missing values again.

    The noise is positive, so that logarithms stay defined.
    """
    panel, experiment = prepared.panel, prepared.experiment
    values = panel.values.copy()
    draw = np.random.default_rng(experiment.seed)
    for series, first in enumerate(first_row):
        later = slice(int(first), int(panel.bounds[series + 1]))
        values[later] += np.abs(draw.normal(scale=values.std(axis=0) + 1.0, size=values[later].shape))
    changed = panel.with_values(
        update_filled(
            values, panel.filled, policy=panel.missing, season=experiment.data.season, bounds=panel.bounds
        )
    )
    window = experiment.window
    return replace(
        prepared,
        panel=changed,
        splits=cut_windows(
            changed,
            length=window.length,
            horizon=window.horizon,
            split=experiment.split,
            stride=window.stride,
            season=experiment.data.season,
            fixed_stride=prepared.fixed_stride,
        ),
    )


def _is_causal(windows: Windows, prepared: Prepared) -> bool:
    """Whether changes from row t on leave windows unchanged whose last target is before t; for some rows t."""
    panel = prepared.panel
    for row in _borders(windows):
        first = np.clip(np.full(len(panel.series), row), panel.bounds[:-1], panel.bounds[1:])
        before = replace(windows, origins=windows.origins[windows.origins + windows.horizon <= row])
        if _digest(before) != _digest(before.with_panel(_with_noise(prepared, first_row=first).panel)):
            return False
    return True


def _borders(windows: Windows) -> Rows:
    """Rows t to try: some evenly spaced, and some after gaps, whose filled values may depend on them."""
    first, last = windows.origins[[0, -1]].astype(np.int64) + windows.horizon
    filled = windows.panel.filled
    after_gaps = np.flatnonzero((filled[:-1] & ~filled[1:]).any(axis=1)) + 1
    candidates = [np.arange(first, last + 1), after_gaps[(after_gaps >= first) & (after_gaps <= last)]]
    return np.concatenate(
        [
            rows[np.linspace(0, len(rows) - 1, min(len(rows), _BORDERS)).astype(np.int64)]
            for rows in candidates
        ]
    )


def _scaler(prepared: Prepared) -> str:
    return str(_fitted(prepared).to_json())


def _fitted(prepared: Prepared) -> Scaler:
    return Scaler.fit(prepared.panel, prepared.splits.train_rows, **prepared.experiment.scale.model_dump())


def _scaled(prepared: Prepared) -> Panel:
    return _fitted(prepared).transform(prepared.panel)


def _digest(windows: Windows) -> str:
    """SHA-256 of the origins, inputs and targets of all windows."""
    digest = hashlib.sha256(windows.origins.tobytes())
    for part in windows.batches():
        digest.update(part.inputs().tobytes() + part.targets().tobytes())
    return digest.hexdigest()


def _weights(prepared: Prepared, listener: Listener) -> dict[str, bytes]:
    short = prepared.experiment.train.model_copy(update={"epochs": 1, "early_stopping": None})
    # Validation windows are used for choices: a linear map's penalty, a blend's share.
    without_validation = replace(prepared.splits, validation=None)
    once = replace(
        prepared,
        experiment=prepared.experiment.model_copy(update={"train": short}),
        splits=without_validation,
    )
    with tempfile.TemporaryDirectory(prefix="rnnfc-audit-") as folder:
        trained = train(once, outputs=Path(folder), listener=listener)
        return {name: array.tobytes() for name, array in trained.run.weights().items()}


def _is_disjoint(prepared: Prepared) -> bool:
    owned = [np.unique(windows.target_rows) for _, windows in prepared.splits]
    return len(np.unique(np.concatenate(owned))) == sum(map(len, owned))


def _is_adjacent(windows: Windows) -> bool:
    """Checked on windows whose values are the row numbers."""
    rows = np.arange(windows.panel.num_rows, dtype=np.float64)[:, None]
    numbered = windows.with_panel(replace(windows.panel, values=rows, num_targets=1))
    return all(bool((part.inputs()[:, -1] + 1 == part.targets()[:, 0]).all()) for part in numbered.batches())


def _has_filled_target(windows: Windows) -> bool:
    panel = windows.panel
    return bool((panel.filled[windows.target_rows, : panel.num_targets] & ~np.isnan(windows.actual())).any())

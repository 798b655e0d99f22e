"""How far back a network learns from: the gradient of its loss by the state at each earlier step of the window."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError
from rnnfc.evaluation.scores import finite
from rnnfc.networks.family import find_family
from rnnfc.runs import run
from rnnfc.runs.run import Run
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.pictures import label_runs
from rnnfc.workflows.prepare import network_sizes, prepare_again

# Test windows that the mean is over, evenly spread: enough that another draw moves no curve that one can see.
_WINDOWS = 200
# Windows x steps x units at most: Keras' gradients hold some 20 float32 arrays of that size, 300 MB.
_MOST_STATES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Curve:
    """norm[lag]: the mean length of the gradient of one window's loss by one state; lag 0 is the window's last step."""

    run: str
    state: str
    windows: int
    norm: Floats

    @property
    def share_left(self) -> float:
        """The norm at the longest lag as a share of that at lag 0; 0 where both are 0."""
        return float(self.norm[-1] / self.norm[0]) if self.norm[0] > 0 else 0.0

    @property
    def half_at(self) -> int | None:
        """The first lag from which on the norm stays below half of that at lag 0; None where it does not."""
        above = np.flatnonzero(~(self.norm < self.norm[0] / 2))  # what is not a number has not vanished
        last = int(above[-1]) if len(above) else 0
        return last + 1 if last + 1 < len(self.norm) else None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": self.run,
            "state": self.state,
            "windows": self.windows,
            "share_left": finite(self.share_left),  # where the gradient explodes it may pass all numbers
            "half_at": self.half_at,
            "norm": [finite(value) for value in self.norm.tolist()],
        }


def explain(runs: Sequence[Run], *, outputs: Path) -> tuple[Path, list[Curve]]:
    """The curves of every state of every recurrent layer, and the folder under `outputs` with them as picture and numbers.

    Raises:
        DataError: the data is not what a run was trained on; before TensorFlow starts.
        RunError: a run is damaged.
    """
    runs = list({which.folder.resolve(): which for which in runs}.values())
    for which in runs:
        if not (experiment := which.experiment()).is_one_stack:
            text = f"explain follows the states of one stacked or scratch network by itself, this one is {experiment.model.label}"
            raise ConfigError(f"{which.folder}: {text}; name another run")
    reopened = [(which, *prepare_again(which), which.weights()) for which in runs]
    curves = []
    for which, prepared, scaler, weights in reopened:
        experiment = prepared.experiment
        sizes = network_sizes(experiment, prepared.panel)
        units = find_family(experiment.model).work(experiment.model, sizes).units
        source = str(which.folder / run.WEIGHTS)
        network = engine_for(experiment).restore(experiment, prepared.panel, scaler, weights, source=source)
        windows = _spread(prepared.splits.test, width=units).with_panel(scaler.transform(prepared.panel))
        norms = network.state_gradients(windows)
        curves += [
            Curve(run=which.name, state=state, windows=len(windows), norm=norm)
            for state, norm in norms.items()
        ]
    with RunWriter(outputs, "explain") as draft:
        draft.write_json(run.EXPLAIN, {"curves": [curve.to_json() for curve in curves]})
        draft.write(run.EXPLAIN_PLOT, _picture(runs, curves))
    return draft.folder, curves


def _spread(windows: Windows, *, width: int) -> Windows:
    """At most _WINDOWS of them, from the first on, fewer for a network of very many units."""
    most = min(_WINDOWS, len(windows), max(1, _MOST_STATES // (windows.length * width)))
    return windows.subsample(most)


def _picture(runs: Sequence[Run], curves: Sequence[Curve]) -> bytes:
    """One line a state, each as a share of its own lag 0, so that runs of different losses can be laid side by side."""
    from rnnfc.reports import plots

    named = dict(zip([which.name for which in runs], label_runs(runs), strict=True))
    one_layer = all(curve.state.startswith("layer 1, ") and curve.state.count(",") == 1 for curve in curves)
    groups: dict[str, list[plots.Line]] = {}
    for curve in curves:
        state = curve.state.removeprefix("layer 1, ") if one_layer else curve.state
        share = np.divide(curve.norm, curve.norm[0], out=np.zeros_like(curve.norm), where=curve.norm[0] > 0)
        line = plots.Line(label=f"{named[curve.run]}: {state}", time=np.arange(len(share)), value=share)
        groups.setdefault(curve.run if len(runs) > 1 else curve.state, []).append(line)
    return plots.gradient_by_lag(title="how far back the loss reaches", groups=list(groups.values()))

"""Vanishing gradients: the gradient of the loss by the hidden state at each earlier step of the window."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnfc.data.panel import Floats
from rnnfc.data.windows import Windows
from rnnfc.errors import ConfigError
from rnnfc.evaluation.scores import finite
from rnnfc.networks.family import find_family
from rnnfc.plain import JsonObject
from rnnfc.runs.run import EXPLAIN, EXPLAIN_PLOT, WEIGHTS, Run
from rnnfc.runs.writer import RunWriter
from rnnfc.workflows.engines import engine_for
from rnnfc.workflows.pictures import label_runs
from rnnfc.workflows.prepare import network_sizes, prepare_run

# The mean is over this many test windows, evenly spaced; another choice of windows moves no curve visibly.
_WINDOWS = 200
# At most windows x steps x units: Keras' gradients hold some 20 float32 arrays of that size, 300 MB.
_MOST_STATES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Curve:
    """norm[lag]: the norm of the gradient of a window's loss by one state, mean over windows; lag 0 is the last step.

    With train.bptt_steps there are only as many lags: training takes no gradient by the states before.
    """

    run: str
    state: str
    windows: int
    norm: Floats

    @property
    def share_left(self) -> float:
        """The norm at the longest lag as a share of that at lag 0; 0 if that is 0."""
        return float(self.norm[-1] / self.norm[0]) if self.norm[0] > 0 else 0.0

    @property
    def half_at(self) -> int | None:
        """The first lag from which on the norm stays below half of that at lag 0; None if it never does."""
        above = np.flatnonzero(~(self.norm < self.norm[0] / 2))  # NaN counts as not below
        last = int(above[-1]) if len(above) else 0
        return last + 1 if last + 1 < len(self.norm) else None

    def to_json(self) -> JsonObject:
        """Plain values."""
        return {
            "run": self.run,
            "state": self.state,
            "windows": self.windows,
            "share_left": finite(self.share_left),  # an exploding gradient may overflow
            "half_at": self.half_at,
            "norm": [finite(value) for value in self.norm.tolist()],
        }


def explain(runs: Sequence[Run], *, outputs: Path) -> tuple[Path, list[Curve]]:
    """Compute the curve of every state of every recurrent layer; publish picture and numbers in a folder under `outputs`.

    Raises:
        ConfigError: a run's network is not a single stack of recurrent layers.
        DataError: the data is not what a run was trained on; raised before TensorFlow starts.
        RunError: a run is damaged.
    """
    runs = list({run.folder.resolve(): run for run in runs}.values())
    for run in runs:
        if not (experiment := run.experiment()).is_one_stack:
            text = f"explain needs one stacked or scratch network without other parts, this is {experiment.model.label}"
            raise ConfigError(f"{run.folder}: {text}; name another run")
        run.require_test_rows()
    reopened = [(run, *prepare_run(run), run.weights()) for run in runs]
    curves = []
    for run, prepared, scaler, weights in reopened:
        experiment = prepared.experiment
        sizes = network_sizes(experiment, prepared.panel)
        units = find_family(experiment.model).work(experiment.model, sizes).units
        source = str(run.folder / WEIGHTS)
        network = engine_for(experiment).restore(experiment, prepared.panel, scaler, weights, source=source)
        windows = _subsample(prepared.splits.test, width=units).with_panel(scaler.transform(prepared.panel))
        norms = network.state_gradients(windows)
        curves += [
            Curve(run=run.name, state=state, windows=len(windows), norm=norm[: experiment.train.bptt_steps])
            for state, norm in norms.items()
        ]
    with RunWriter(outputs, "explain") as writer:
        writer.write_json(EXPLAIN, {"curves": [curve.to_json() for curve in curves]})
        writer.write(EXPLAIN_PLOT, _picture(runs, curves))
    return writer.folder, curves


def _subsample(windows: Windows, *, width: int) -> Windows:
    """At most _WINDOWS of them, evenly spaced; fewer for a network with very many units."""
    most = min(_WINDOWS, len(windows), max(1, _MOST_STATES // (windows.length * width)))
    return windows.subsample(most)


def _picture(runs: Sequence[Run], curves: Sequence[Curve]) -> bytes:
    """One line a state, each as a share of its lag 0, so that runs with different losses can be compared."""
    from rnnfc.reports import plots
    from rnnfc.reports.drawing import Line

    names = dict(zip([run.name for run in runs], label_runs(runs), strict=True))
    one_layer = all(curve.state.startswith("layer 1, ") and curve.state.count(",") == 1 for curve in curves)
    groups: dict[str, list[Line]] = {}
    for curve in curves:
        state = curve.state.removeprefix("layer 1, ") if one_layer else curve.state
        share = np.divide(curve.norm, curve.norm[0], out=np.zeros_like(curve.norm), where=curve.norm[0] > 0)
        line = Line(label=f"{names[curve.run]}: {state}", time=np.arange(len(share)), value=share)
        groups.setdefault(curve.run if len(runs) > 1 else curve.state, []).append(line)
    return plots.draw_gradients(title="how far back the loss reaches", groups=list(groups.values()))

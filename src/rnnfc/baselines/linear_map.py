"""The linear map: one ridge regression from the window to the horizon, fitted on the training windows of every row."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rnnfc.baselines.baseline import Baseline
from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast

# The normal equations hold the square of this: 128 MB, and a minute for a million windows without the second limit.
_MOST_INPUTS = 4000
_MOST_FIT_WINDOWS = 20_000
# Ridge penalty as a share of the mean squared input: enough to keep collinear lags apart, too little to bias a fit.
_RIDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class LinearMap:
    """One ridge regression for all targets, to all steps at once.

    It reads the scaled rows of a target and of the covariates in the window, and the future covariates (data.known and
    data.calendar) of all target rows: a promotion may act before and after its day.

    It has at most 4,000 inputs: the newest rows of a longer window, the first channels of a wider row; the future covariates of
    the first target rows, if those of all are more than 2,000. It is fitted on at most 20,000 training windows, evenly spaced,
    whatever window.stride is.

    weights: f64[input + 1, horizon], the last row is the intercept.
    num_known: channels, the last ones, that are read in the target rows.
    """

    weights: Floats
    scaler: Scaler
    num_known: int = 0
    label: str = "linear map"

    @classmethod
    def fit(cls, train: Windows, scaler: Scaler) -> Self:
        """The closed-form solution of the normal equations in float64, summed over chunks of windows.

        Args:
            train: unscaled training windows.
        """
        num_known = train.panel.num_known
        windows = _newest(train.without_masked_targets().subsample(_MOST_FIT_WINDOWS), num_known=num_known)
        columns = num_inputs(windows) + 1
        gram, moment = np.zeros((columns, columns)), np.zeros((columns, train.horizon))
        for part in windows.batches():
            x = _design(part, scaler, num_known=num_known)
            gram += x.T @ x
            y = scaler.transform_points(part.targets(), part.series)  # [window, horizon, target]
            moment += x.T @ y.transpose(0, 2, 1).reshape(len(x), -1)
        size = np.trace(gram[:-1, :-1]) / (columns - 1)
        diagonal = np.arange(columns - 1)  # the intercept is not penalized
        gram[diagonal, diagonal] += _RIDGE * (
            size if size > 0 else 1.0
        )  # inputs that are all zero have no size
        weights: Floats = np.asarray(np.linalg.solve(gram, moment))
        return cls(weights=weights, scaler=scaler, num_known=num_known)

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        parts = _newest(windows, num_known=self.num_known).batches()
        points = np.concatenate(
            [_design(part, self.scaler, num_known=self.num_known) @ self.weights for part in parts]
        )
        scaled = points.reshape(len(windows), -1, windows.horizon).transpose(0, 2, 1)
        return Forecast.from_windows(windows, self.scaler.inverse_transform(scaled, windows.series))


def num_inputs(windows: Windows) -> int:
    """Inputs of the linear map from each window, without the intercept."""
    num_known = windows.panel.num_known
    return _num_past(windows, num_known=num_known) + _num_future(windows, num_known=num_known)


def _num_past(windows: Windows, *, num_known: int) -> int:
    most = _MOST_INPUTS - _num_future(windows, num_known=num_known)
    return min(windows.length * _num_channels(windows), most)


def _num_future(windows: Windows, *, num_known: int) -> int:
    """A covariate may raise one target and lower another, so each of several targets has inputs and a constant of its own."""
    num_targets = windows.panel.num_targets
    inputs = num_known * _num_target_rows(windows, num_known=num_known)
    return (inputs + 1) * num_targets if inputs and num_targets > 1 else inputs


def _num_target_rows(windows: Windows, *, num_known: int) -> int:
    """Target rows whose future covariates are read."""
    of_row = num_known * windows.panel.num_targets
    return min(windows.horizon, _MOST_INPUTS // 2 // of_row) if num_known else 0


def _num_channels(windows: Windows) -> int:
    """Inputs from each row of the window: one target and the covariates."""
    return len(windows.panel.channels) - windows.panel.num_targets + 1


def _newest(windows: Windows, *, num_known: int) -> Windows:
    """The windows without the oldest rows that would be too many inputs."""
    rows = _num_past(windows, num_known=num_known) // _num_channels(windows)
    return replace(windows, length=min(windows.length, max(1, rows)))


def _design(windows: Windows, scaler: Scaler, *, num_known: int) -> Floats:
    """The design matrix [window * target, input + 1], scaled: rows of the window, future covariates, ones."""
    scaled, num_targets = scaler.transform_points(windows.inputs(), windows.series), windows.panel.num_targets
    by_target = [
        np.concatenate([scaled[..., target : target + 1], scaled[..., num_targets:]], axis=-1)
        for target in range(num_targets)
    ]
    # [window, target, row, channel] -> [window * target, row * channel]
    past = np.stack(by_target, axis=1).reshape(len(scaled) * num_targets, -1)
    parts = [past[:, : _num_past(windows, num_known=num_known)]]
    if _num_future(windows, num_known=num_known):
        rows = windows.target_rows[:, : _num_target_rows(windows, num_known=num_known)]
        future = scaler.transform_known(windows.panel.values[rows, -num_known:], windows.series)
        inputs = future.reshape(len(future), -1)
        if num_targets > 1:
            # [window, row * known + 1] -> [window * target, target * (row * known + 1)], 0 in the inputs of other targets
            inputs = np.einsum(
                "wi,ts->wtsi", np.hstack([inputs, np.ones((len(inputs), 1))]), np.eye(num_targets)
            )
        parts.append(inputs.reshape(len(past), -1))
    return np.hstack([*parts, np.ones((len(past), 1))])


BASELINE = Baseline(
    fit=lambda splits, scaler, _season: LinearMap.fit(splits.whole_train or splits.train, scaler)
)

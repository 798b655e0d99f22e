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
    """One ridge regression for all targets, from the scaled rows of a target and of the past covariates to all steps.

    It has at most 4,000 inputs (rows x channels): the newest rows of a longer window, the first channels of a wider row. It is
    fitted on at most 20,000 training windows, evenly spaced, whatever window.stride is.

    weights: f64[input + 1, horizon], the last row is the intercept.
    """

    weights: Floats
    scaler: Scaler
    label: str = "linear map"

    @classmethod
    def fit(cls, train: Windows, scaler: Scaler) -> Self:
        """The closed-form solution of the normal equations in float64, summed over chunks of windows.

        Args:
            train: unscaled training windows.
        """
        windows = _newest(train.without_masked_targets().subsample(_MOST_FIT_WINDOWS))
        columns = num_inputs(windows) + 1
        gram, moment = np.zeros((columns, columns)), np.zeros((columns, train.horizon))
        for part in windows.batches():
            x = _design(part, scaler)
            gram += x.T @ x
            y = scaler.transform_points(part.targets(), part.series)  # [window, horizon, target]
            moment += x.T @ y.transpose(0, 2, 1).reshape(len(x), -1)
        size = np.trace(gram[:-1, :-1]) / (columns - 1)
        diagonal = np.arange(columns - 1)  # the intercept is not penalized
        gram[diagonal, diagonal] += _RIDGE * (
            size if size > 0 else 1.0
        )  # inputs that are all zero have no size
        weights: Floats = np.asarray(np.linalg.solve(gram, moment))
        return cls(weights=weights, scaler=scaler)

    def predict(self, windows: Windows) -> Forecast:
        """point[window, horizon, target] in data units."""
        parts = _newest(windows).batches()
        points = np.concatenate([_design(part, self.scaler) @ self.weights for part in parts])
        scaled = points.reshape(len(windows), -1, windows.horizon).transpose(0, 2, 1)
        return Forecast.from_windows(windows, self.scaler.inverse_transform(scaled, windows.series))


def num_inputs(windows: Windows) -> int:
    """Inputs of the linear map from each window, without the intercept."""
    return min(windows.length * _num_channels(windows), _MOST_INPUTS)


def _num_channels(windows: Windows) -> int:
    """Inputs from each row: one target and the covariates."""
    return len(windows.panel.channels) - windows.panel.num_targets + 1


def _newest(windows: Windows) -> Windows:
    """The windows without the oldest rows that would be too many inputs."""
    return replace(windows, length=min(windows.length, max(1, _MOST_INPUTS // _num_channels(windows))))


def _design(windows: Windows, scaler: Scaler) -> Floats:
    """The design matrix [window * target, input + 1], scaled, the last column ones."""
    scaled, num_targets = scaler.transform_points(windows.inputs(), windows.series), windows.panel.num_targets
    by_target = [
        np.concatenate([scaled[..., target : target + 1], scaled[..., num_targets:]], axis=-1)
        for target in range(num_targets)
    ]
    # [window, target, row, channel] -> [window * target, row * channel]
    x = np.stack(by_target, axis=1).reshape(len(scaled) * num_targets, -1)[:, : num_inputs(windows)]
    return np.hstack([x, np.ones((len(x), 1))])


BASELINE = Baseline(
    fit=lambda splits, scaler, _season: LinearMap.fit(splits.whole_train or splits.train, scaler)
)

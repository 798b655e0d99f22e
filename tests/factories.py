"""Builders that tests share: experiments, panels, windows, scalers, forecasts and trained runs, all of them tiny."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rnnfc.cli import main
from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml
from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.scaler import Scaler
from rnnfc.data.windows import Windows
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.scores import MetricContext

NUMBERED = Frequency(unit="number", size=1)
DAILY = Frequency(unit="microsecond", size=86_400e6)
SERIES = ("north", "south", "west")
CHANNELS = ("sold", "price", "rain")
DEFAULTS = {
    "name": "tiny",
    "data": "{kind: sine, points: 40, stop: 9.0}",
    "window": "{length: 5, horizon: 2}",
    "split": "{validation: 0.1, test: 0.2}",
    "model": "{kind: stacked, cell: GRU, units: [3]}",
    "train": "{epochs: 4}",
}


def yaml_text(**keys: object) -> str:
    """The config of `DEFAULTS` with these top-level keys instead, each in YAML's flow style; None leaves a key out."""
    merged = {**DEFAULTS, **keys}
    return "".join(f"{key}: {value}\n" for key, value in merged.items() if value is not None)


def make_experiment(**keys: object) -> Experiment:
    """The experiment of `yaml_text`: make_experiment(model="{kind: scratch, units: 4}", seed=3)."""
    return from_yaml(yaml_text(**keys), source="x.yaml")


def make_panel(
    *series: npt.ArrayLike,
    targets: int = 1,
    channels: Sequence[str] = CHANNELS,
    names: Sequence[str] = SERIES,
    daily: bool = False,
    filled: Iterable[Sequence[int]] = (),
    bounds: Sequence[int] = (),
    **fields: Any,
) -> Panel:
    """A panel of `series`, each [row, channel] or [row] of one channel.

    Args:
        targets: how many channels, from the first, are forecast.
        daily: each series begins on 2020-01-01; else its rows are numbered from 0.
        filled: row of the panel and channel of each value that was missing.
        bounds: of the series, where one array holds all of them.
        fields: of `Panel`: time, frequency, num_known, missing, unit...
    """
    arrays = [np.asarray(rows, dtype=np.float64) for rows in series]
    if bounds:
        arrays = np.split(arrays[0], bounds[1:-1])
    values = np.concatenate([rows[:, None] if rows.ndim == 1 else rows for rows in arrays])
    numbers = np.concatenate([np.arange(len(rows)) for rows in arrays])
    days = np.datetime64("2020-01-01", "us") + numbers * np.timedelta64(1, "D")
    mask = np.zeros(values.shape, dtype=np.bool_)
    for cell in filled:
        mask[tuple(cell)] = True
    axis = {"time": days, "frequency": DAILY} if daily else {"time": numbers, "frequency": NUMBERED}
    return Panel(
        values=values,
        bounds=np.cumsum([0, *map(len, arrays)]),
        series=tuple(names[: len(arrays)]),
        channels=tuple(channels[: values.shape[1]]),
        num_targets=targets,
        filled=mask,
        **{**axis, **fields},
    )


def three_channels(*, offset: float = 0.0, lengths: tuple[int, ...] = (31,), positive: bool = False) -> Panel:
    """Noise of 3 channels of very different sizes, 2 of them targets; each series is 1,000 times as large as the one before."""
    scales = np.array([1.0, 50.0, 0.01])
    values = np.random.default_rng(0).normal(size=(sum(lengths), 3)) * scales
    if positive:
        values = np.exp(values / scales)
    values = offset + values * 1000.0 ** np.repeat(np.arange(len(lengths)), lengths)[:, None]
    parts = np.split(values, np.cumsum(lengths)[:-1])
    return make_panel(*parts, targets=2, channels=("a", "b", "c"), names=("s", "t", "u"))


def make_windows(
    panel: Panel, origins: Sequence[int] | None = None, *, length: int = 5, horizon: int = 4
) -> Windows:
    """The windows at these origins, or every one that the panel holds."""
    if origins is None:
        borders = zip(panel.bounds[:-1], panel.bounds[1:], strict=True)
        origins = np.concatenate([np.arange(first + length, end - horizon + 1) for first, end in borders])
    return Windows(panel=panel, origins=np.asarray(origins, dtype=np.int32), length=length, horizon=horizon)


def train_rows(panel: Panel, *, test: int = 11) -> npt.NDArray[np.int64]:
    """[series, 2]: all but the last `test` rows of each series, as a scaler takes them."""
    return np.stack([panel.bounds[:-1], panel.bounds[1:] - test], axis=1)


def make_scaler(
    center: npt.ArrayLike = ((0.0,),), scale: npt.ArrayLike = ((1.0,),), *, method: str = "minmax"
) -> Scaler:
    """(x - center) / scale, both [series, channel]; without arguments values stay as they are."""
    low, size = np.asarray(center, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    return Scaler(method=method, center=low, scale=size, low=low, high=size)


def make_forecast(
    point: npt.ArrayLike,
    actual: npt.ArrayLike | None = None,
    *,
    series: Sequence[int] | None = None,
    **fields: Any,
) -> Forecast:
    """A forecast of point[window, horizon, target]; window w begins at time w, after its origin w - 1."""
    points = np.asarray(point, dtype=np.float64)
    windows, horizon, _ = points.shape
    times = {
        "time": np.arange(windows)[:, None] + np.arange(horizon),
        "origin_time": np.arange(windows) - 1,
    }
    return Forecast(
        point=points,
        actual=None if actual is None else np.asarray(actual, dtype=np.float64),
        series=np.array(series or [0] * windows),
        **{**times, **fields},
    )


def make_context(
    naive_errors: npt.ArrayLike, *, scaler: Scaler | None = None, targets: tuple[str, ...] = ("sold",)
) -> MetricContext:
    """A context whose naive errors [series, target] are all of one size, so that their mean square is the square."""
    errors = np.asarray(naive_errors, dtype=np.float64)
    scaler = scaler or make_scaler(np.zeros(errors.shape), np.ones(errors.shape))
    naive = {1: errors, 2: errors**2}
    return MetricContext(scaler=scaler, naive_errors=naive, targets=targets, series="sales")


def write_csv(path: Path, **columns: Iterable[object]) -> Path:
    """A CSV file of these columns; None is an empty cell."""
    rows = zip(*columns.values(), strict=True)
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([",".join(columns), *lines, ""]), encoding="utf-8")
    return path


def train_run(folder: Path, config: str | Path, *options: str) -> Path:
    """Train a config, a file or the text of one, in this process; the folder of the run, under folder/out."""
    if isinstance(config, str):
        path = folder / "config.yaml"
        path.write_text(config, encoding="utf-8")
        config = path
    before = set((folder / "out").glob("*"))
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(config), "--outputs", str(folder / "out"), *options])
    assert stopped.value.code in (0, None)
    (run,) = set((folder / "out").glob("*")) - before
    return run

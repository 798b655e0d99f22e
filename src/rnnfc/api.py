"""The Python API: what the commands of `rnnfc` do, for scripts and notebooks.

Nothing is printed unless `progress=True`. Errors are the exceptions of `rnnfc.errors`, with the sentences that the commands
print. Data frames may be of pandas, polars or pyarrow; a frame that is returned is of the library of the frame that was
passed in, else of pandas.
"""

import contextlib
import datetime as dt
import html
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rnnfc.config import load as config
from rnnfc.config.experiment import Experiment
from rnnfc.data.frequency import Times
from rnnfc.data.panel import Floats
from rnnfc.errors import ConfigError, RunError
from rnnfc.evaluation.metrics import METRICS, heading
from rnnfc.plain import JsonObject
from rnnfc.reports.report import NETWORK
from rnnfc.reports.text import format_number
from rnnfc.runs import find, removal, run, tags
from rnnfc.runs.forecast_csv import quantile_name
from rnnfc.training.progress import Epoch
from rnnfc.workflows import compare as compare_workflow
from rnnfc.workflows import list as list_workflow
from rnnfc.workflows import predict as predict_workflow
from rnnfc.workflows import prepare as prepare_workflow
from rnnfc.workflows import tag as tag_workflow
from rnnfc.workflows.final_fit import final_fit as final_fit_workflow
from rnnfc.workflows.fit import Listener
from rnnfc.workflows.predict import FutureForecast
from rnnfc.workflows.prepare import Check, Prepared
from rnnfc.workflows.train import train as train_workflow

# pandas.DataFrame, polars.DataFrame or pyarrow.Table.
Frame: TypeAlias = Any
Library: TypeAlias = Literal["pandas", "polars", "pyarrow"]

_OUTPUTS = Path("outputs")


def load(path: str | Path, overrides: Mapping[str, object] | Sequence[str] | str = ()) -> Experiment:
    """Read an experiment from a YAML file.

    Args:
        overrides: keys to change, `{"train.epochs": 5}`, or as on the command line, `["train.epochs=5"]`.
    Raises:
        ConfigError: the file or an override is wrong; one line for each mistake.
    """
    if isinstance(overrides, Mapping):
        overrides = [f"{key}={config.format_yaml(value)}" for key, value in overrides.items()]
    return config.load(Path(path), [overrides] if isinstance(overrides, str) else overrides)


def check(experiment: Experiment, data: Frame | None = None) -> Check:
    """Rows, windows, parameters and memory of an experiment, without training: what `rnnfc check --json` prints.

    Args:
        data: a frame with the columns of `experiment.data`, used instead of its file.
    Raises:
        ConfigError, DataError: the data cannot be used, or training would need more memory than there is.
    """
    return prepare_workflow.check(_prepare(experiment, data))


def train(
    experiment: Experiment,
    data: Frame | None = None,
    *,
    outputs: str | Path = _OUTPUTS,
    progress: bool = False,
) -> "Run":
    """Train an experiment, and publish its run folder under `outputs`.

    With `final: true` in the experiment a final fit is published after it, which `open_run` then finds by the experiment's name.

    Args:
        data: a frame with the columns of `experiment.data`, used instead of its file.
        progress: show what `rnnfc train` shows.
    Raises:
        ConfigError, DataError: see `check`.
        TrainError: training diverged; nothing is published.
        OutputError: the run could not be written.
    """
    prepared = _prepare(experiment, data)
    tag_workflow.refuse_tag_names([experiment.name], outputs=Path(outputs))
    with _listener(progress=progress) as listener:
        result = train_workflow(prepared, outputs=Path(outputs), listener=listener)
        if experiment.final:
            final_fit_workflow(result.run, outputs=Path(outputs), listener=listener)
    if progress:
        from rnnfc.cli.report_output import show_report, show_saved

        show_report(result.report)
        show_saved(result.run)
    return Run(result.run.folder, _library=_library_of(data))


def final_fit(run: "Run | str | Path", *, outputs: str | Path = _OUTPUTS, progress: bool = False) -> "Run":
    """Fit the network of a finished run once more, on all rows of its data, and publish it as a run of its own.

    It has the epochs, learning rates and blend share that validation chose, and no test rows: `run` is its evidence.

    Raises:
        DataError: the rows of the run have changed, or were a data frame.
        RunError: there is no such run, or it is itself a final fit.
        TrainError, OutputError: see `train`.
    """
    source = run.folder if isinstance(run, Run) else run
    trained = find.find(Path(outputs), str(source), scored=True)
    with _listener(progress=progress) as listener:
        return Run(final_fit_workflow(trained, outputs=Path(outputs), listener=listener).folder)


def open_run(name: str | Path | None = None, *, outputs: str | Path = _OUTPUTS) -> "Run":
    """A finished run: a run folder, its name, a tag, or an experiment's name (its newest run); None: the newest run of all.

    Raises:
        RunError: there is no such run, or it is damaged.
    """
    return Run(find.find(Path(outputs), None if name is None else str(name)).folder)


def tag(run: "Run | str | Path", name: str, *, outputs: str | Path = _OUTPUTS) -> "Run":
    """Name a run, so that `open_run(name)` and the commands find it whatever is trained later.

    Args:
        run: a run, or a name as in `open_run`; a run names its folder of outputs itself.
        name: the tag; if it means another run, it is moved.
    Raises:
        RunError: there is no such run.
        ConfigError: the tag is the name of a run, an experiment or a config.
    """
    folder = run.folder if isinstance(run, Run) else run
    outputs = run.folder.parent if isinstance(run, Run) else Path(outputs)
    return Run(tag_workflow.tag_run(str(folder), name, outputs=outputs).run.folder)


def list_runs(*, outputs: str | Path = _OUTPUTS) -> Frame:
    """A frame with a row for each run, finished or not, the newest first: what `rnnfc list` shows.

    Columns: run, experiment, status, tags, metric, units, validation, test, baseline, baseline_test, size_bytes, changed.
    """
    entries = list_workflow.list_runs(Path(outputs))
    scores = ("metric", "units", "validation", "test", "baseline", "baseline_test")
    columns: dict[str, Sequence[object]] = {
        "run": [entry.name for entry in entries],
        "experiment": [entry.experiment for entry in entries],
        "status": [entry.status for entry in entries],
        "tags": [", ".join(entry.tags) for entry in entries],
        **{name: [getattr(entry.summary, name, None) for entry in entries] for name in scores},
        "size_bytes": [entry.size_bytes for entry in entries],
        "changed": [entry.changed for entry in entries],
    }
    return _frame(columns, "pandas")


def remove(run: "Run | str | Path", *, force: bool = False, outputs: str | Path = _OUTPUTS) -> None:
    """Remove a run folder, finished or unfinished, without asking.

    Args:
        force: remove a tagged run, too, and its tags.
    Raises:
        RunError: there is no such run, it has a tag, a process is writing it, or rnnfc did not write all of the folder.
    """
    folder = run.folder if isinstance(run, Run) else run
    outputs = run.folder.parent if isinstance(run, Run) else Path(outputs)
    for path in removal.find_removable(outputs, [str(folder)], force=force):
        removal.remove(outputs, path)


def remove_tag(name: str, *, outputs: str | Path = _OUTPUTS) -> None:
    """Delete a tag; its run stays.

    Raises:
        RunError: there is no such tag.
    """
    tags.remove_tag(Path(outputs), name)


def compare(
    runs: Iterable["Run | str | Path"],
    *,
    rank_by: Literal["validation", "test"] | None = None,
    output: str | Path | None = None,
    outputs: str | Path = _OUTPUTS,
) -> Frame:
    """Score runs on the test rows that all of them forecast.

    Args:
        runs: two or more runs, or names as in `open_run`.
        rank_by: the rows whose error orders them; None: validation, or test where a run has no validation rows.
        output: a new folder for table, picture and numbers; None: nothing is written.
    Returns:
        A frame with a row for each run and baseline, the best first: `run`, `model`, `validation` (the error on the run's own
        validation rows), a column for each metric of the common test rows, `against_first` (whether the difference is
        significant).
    Raises:
        RunError: fewer than two runs, no common rows, or runs of different data.
        ConfigError: `output` exists.
    """
    names = [runs] if isinstance(runs, Run | str | Path) else runs
    opened = [each if isinstance(each, Run) else open_run(each, outputs=outputs) for each in names]
    comparison = compare_workflow.compare(
        [each._verified() for each in opened],
        rank_by=rank_by,
        output=None if output is None else Path(output),
    )
    rows = [row.to_json() for row in comparison.scores]
    return _frame({name: [row[name] for row in rows] for name in rows[0]}, opened[0]._library)


@dataclass(frozen=True)
class Run:
    """A finished run in `folder`. Every property and method raises RunError if a file of it is damaged."""

    folder: Path
    _library: Library = field(default="pandas", repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    def _verified(self) -> run.Run:
        return run.Run.open(self.folder)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def experiment(self) -> Experiment:
        """The experiment with all its defaults."""
        return self._verified().experiment()

    @property
    def report(self) -> JsonObject:
        """Verdict, notes, data and scores: the content of report.json."""
        return self._verified().report()

    @property
    def scores(self) -> Frame:
        """A frame with a row for each score: model, split, metric, units, series, target, step, value.

        `target` and `step` are missing where a score is over all of them, `value` where the metric is not defined.
        """
        rows = self._verified().score_rows()
        columns = ("model", "split", "metric", "units", "series", "target", "step", "value")
        return _frame({name: [row.get(name) for row in rows] for name in columns}, self._library)

    @property
    def series_scores(self) -> Frame:
        """A frame with a row for each series and target, the worst first: series.csv.

        Columns: series, target, windows, values, skill, a column for each metric, and one for each baseline's error.
        """
        table = self._verified().series_scores()
        if table is None:
            raise RunError(
                f"{self.folder}: no scores by series: it has one series, or is of an earlier version"
            )
        keys = list(table["windows"])
        columns: dict[str, Sequence[object]] = {
            "series": [series.removeprefix("'") for series, _ in keys],
            "target": [target.removeprefix("'") for _, target in keys],
        }
        counts = {name: [int(value) for value in table[name].values()] for name in ("windows", "values")}
        scores = {name: list(column.values()) for name, column in table.items() if name not in counts}
        return _frame({**columns, **counts, **scores}, self._library)

    def predict(
        self,
        steps: int | None = None,
        *,
        series: Iterable[str] = (),
        data: Frame | str | Path | None = None,
        future: Frame | str | Path | None = None,
    ) -> Frame:
        """Forecast past the end of the run's data, or past the end of new rows.

        Args:
            steps: how many rows, at most 1,000,000; None: the horizon. Beyond the horizon forecasts are fed back as inputs.
            series: names of the series to forecast; empty: all.
            data: new rows, a frame or a file with the columns of the run's data.
            future: the future covariates (data.known) of the rows that are forecast, a frame or a file; None: those of the
                last rows of the data, which have no target.
        Returns:
            A frame with a row for each series, step and target, in data units: series, time, step, target, forecast, and a
            column for each quantile level, e.g. q0.1. `time` is in UTC if the data has a UTC offset, and missing if times
            past the end are not known (data.frequency: rows); quantiles are NaN beyond the horizon.
        Raises:
            ConfigError, DataError: an argument cannot be used, or there is no such series.
            RunError: see `rnnfc predict`.
        """
        is_whole = isinstance(steps, int | np.integer) and not isinstance(steps, bool)
        if steps is not None and not (is_whole and 1 <= steps <= 1_000_000):
            raise ConfigError(f"steps: got {steps!r}; use a whole number from 1 to 1,000,000")
        forecast = predict_workflow.predict(
            self._verified(),
            steps=steps,
            series=[series] if isinstance(series, str) else list(series),
            data=_path_or_frame(data),
            future=_path_or_frame(future),
        )
        frames = [each for each in (data, future) if each is not None and not isinstance(each, str | Path)]
        return _frame(_forecast_columns(forecast), _library_of(frames[0]) if frames else self._library)

    def _repr_html_(self) -> str:
        """Verdict and test scores, for notebooks."""
        verified = self._verified()
        report, rows = verified.report(), verified.score_rows()
        test = {
            (str(row["model"]), str(row["metric"])): row["value"]
            for row in rows
            if (row["split"], row["units"], row["step"], row.get("target")) == ("test", "data", None, None)
        }
        metrics = [name for name, metric in METRICS.items() if metric.summary and (NETWORK, name) in test]
        table = [["model", *map(heading, metrics)]]
        for model in dict.fromkeys(model for model, _ in test):
            values = [test.get((model, metric)) for metric in metrics]
            table.append(
                [model, *(format_number(value) if isinstance(value, float) else "" for value in values)]
            )
        cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in table]
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        title, verdict = html.escape(self.name), html.escape(str(report.get("verdict", "")))
        return f"<h4>{title}</h4><p>{verdict}</p><table>{body}</table>"


class _Silent:
    """A listener that shows nothing; a note on the exception says where an interrupted training is kept."""

    def prepared(self, prepared: Prepared) -> None: ...

    def epoch(self, row: Epoch, *, total: int) -> None: ...

    def tick(self, share: float) -> None: ...

    def interrupted(self, folder: Path, *, epoch: int, total: int, failed: bool) -> None:
        if not failed and (error := sys.exception()):
            error.add_note(f"epoch {epoch} of {total} is kept in {folder}")

    def trained(self, rows: list[Epoch], *, best_epoch: int, total: int, seconds: float) -> None: ...


@contextlib.contextmanager
def _listener(*, progress: bool) -> Iterator[Listener]:
    if not progress:
        yield _Silent()
        return
    from rnnfc.cli.training_console import TrainingConsole

    with contextlib.closing(TrainingConsole()) as listener:
        yield listener


def _prepare(experiment: Experiment, data: Frame | None) -> Prepared:
    if not isinstance(experiment, Experiment):
        raise ConfigError(f"experiment: got {experiment!r}; read a config file with rnnfc.load(path)")
    return prepare_workflow.prepare(experiment, frame=data)


def _path_or_frame(data: Frame | str | Path | None) -> Frame | Path | None:
    return Path(data) if isinstance(data, str) else data


def _library_of(frame: Frame | None) -> Library:
    """The library of a frame that was passed in."""
    if frame is None:
        return "pandas"
    import narwhals as nw

    implementation = nw.from_native(frame, eager_only=True).implementation
    if implementation.is_polars():
        return "polars"
    return "pyarrow" if implementation.is_pyarrow() else "pandas"


def _forecast_columns(forecast: FutureForecast) -> dict[str, Sequence[object] | Floats]:
    """The columns of the frame that `predict` returns; targets of a step follow each other, as in `--output`."""
    num_series, steps, num_targets = forecast.value.shape
    columns: dict[str, Sequence[object] | Floats] = {
        "series": np.repeat(np.array(forecast.series, dtype=object), steps * num_targets).tolist(),
        "time": [None] * forecast.value.size,
        "step": np.tile(np.repeat(np.arange(1, steps + 1), num_targets), num_series).tolist(),
        "target": list(forecast.targets) * (num_series * steps),
        "forecast": forecast.value.ravel().tolist(),
    }
    if forecast.time is not None:
        columns["time"] = np.repeat(_utc(forecast.time.ravel(), forecast.offset), num_targets).tolist()
    for place, level in enumerate(forecast.levels):
        values = np.full(forecast.value.shape, np.nan)
        if forecast.quantiles is not None:
            values[:, : forecast.quantiles.shape[1]] = forecast.quantiles[..., place]
        columns[quantile_name(level)] = values.ravel()
    return columns


def _utc(times: Times, offset: str) -> npt.NDArray[np.object_]:
    """Times as datetime objects, in UTC if the clock has an `offset` from it; numbers as they are."""
    values = times.astype(object)
    if offset:
        clock = dt.datetime.strptime(offset, "%z").tzinfo
        values = np.array([time.replace(tzinfo=clock).astimezone(dt.UTC) for time in values])
    return values


def _frame(columns: Mapping[str, Sequence[object] | Floats], library: Library) -> Frame:
    """A data frame of `library`."""
    if library == "pandas":
        import pandas as pd

        return pd.DataFrame(columns)
    import narwhals as nw

    return nw.from_dict(columns, backend=library).to_native()

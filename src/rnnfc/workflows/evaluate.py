"""Score a finished run again from its files, and compare with the scores of training."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnnfc.baselines import refuse_missing_extra
from rnnfc.baselines.naive2 import NAIVE2
from rnnfc.config.network_spec import MEDIAN
from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.errors import RunError
from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.scores import MetricContext, Score, relative_scores, score, score_series
from rnnfc.evaluation.series_scores import SeriesScores
from rnnfc.export.parity import MAX_PARITY_ERROR, target_ranges
from rnnfc.reports.report import NETWORK, Report
from rnnfc.runs.run import REPORT, SERIES, Run, ScoreKey, score_key
from rnnfc.runs.series_csv import series_keys
from rnnfc.workflows.inference import choose_runtime, open_network
from rnnfc.workflows.prepare import Prepared, prepare_run
from rnnfc.workflows.score import Forecasts, forecast_all, make_report

# Scores computed from the files may differ in the last bits of float32 on another processor or number of threads.
_SAME = 1e-6


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A new report of a run.

    later: how many rows were added to the data after training; they are left out.
    largest_difference: of any score from that of training, relative.
    largest: the score with that difference, e.g. "mape of the train split".
    changed_scores: the scores that differ by more than two runtimes may; empty where the network is that of training.
    notes: why another runtime was used than the one asked for.
    """

    run: Run
    report: Report
    later: int
    largest_difference: float
    largest: str
    changed_scores: tuple[str, ...]
    notes: list[str]


def evaluate(run: Run, *, runtime: str = "onnx") -> Evaluation:
    """Read the data from its source, network and scaler from the run folder, and compute every score again.

    Raises:
        DataError: the data is not what the run was trained on; raised before TensorFlow starts.
        RunError: the run is damaged.
    """
    run.require_test_rows()
    stored = run.scores()
    refuse_missing_extra(run.experiment().baselines)
    prepared, scaler = prepare_run(run)
    runtime, notes = choose_runtime(run, runtime=runtime)
    network = open_network(run, prepared.panel, scaler, runtime=runtime)
    kinds = run.score_kinds()
    forecasts = forecast_all(prepared, scaler, network)
    report = make_report(prepared, forecasts)
    rows = {score_key(vars(row)): row for row in report.scores if (row.metric, row.units) in kinds}
    scores = {key: row.value for key, row in rows.items()}
    if not scores or stored.keys() != scores.keys():
        text = "its scores are not those of its experiment; the run is damaged, train it again"
        raise RunError(f"{run.folder / REPORT}: {text}")
    allowed: Mapping[ScoreKey, float] = {}
    allowed_series: Mapping[str, Floats] = {}
    if runtime != "onnx":
        allowed, allowed_series = _runtime_tolerance(prepared, scaler, forecasts)
    differences = {key: _difference(stored[key], value) for key, value in scores.items()}
    largest = max(differences, key=lambda key: differences[key])
    of_series = _series_changes(run, forecasts.series, allowed_series)
    return Evaluation(
        run=run,
        report=report,
        later=prepared.panel.later,
        largest_difference=differences[largest],
        largest=_describe(rows[largest]),
        changed_scores=(
            *(
                _describe(rows[key])
                for key, value in scores.items()
                if not _is_close(stored[key], value, allowed=allowed.get(key, 0.0))
            ),
            *of_series,
        ),
        notes=notes,
    )


def _series_changes(run: Run, scores: SeriesScores | None, allowed: Mapping[str, Floats]) -> list[str]:
    """The scores of series.csv that are not those of `scores`; none where the run has no such file.

    Raises:
        RunError: the file has other series or columns.
    """
    stored = run.series_scores()
    if stored is None or scores is None:
        return []
    keys = series_keys(scores)
    columns = {"windows": scores.windows, "values": scores.values, **scores.columns()}
    if stored.keys() != columns.keys() or any(table.keys() != set(keys) for table in stored.values()):
        text = "its series or columns are not those of its experiment; the run is damaged, train it again"
        raise RunError(f"{run.folder / SERIES}: {text}")
    changes = []
    for name, values in columns.items():
        tolerance = allowed.get(name, np.zeros(len(keys))).tolist()
        for key, value, limit in zip(keys, values.tolist(), tolerance, strict=True):
            before, now = (None if math.isnan(number) else number for number in (stored[name][key], value))
            if not _is_close(before, now, allowed=limit):
                changes.append(f"{name} of series {key[0]}, target {key[1]}, test split")
    return changes


def _describe(row: Score) -> str:
    target = "" if row.target is None else f" of {row.target}"
    step = "" if row.step is None else f" at step {row.step}"
    return f"{row.metric}{target}{step}, {row.model}, {row.split} split"


def _is_close(before: float | None, now: float | None, *, allowed: float) -> bool:
    if before is None or now is None:
        return before is now
    return abs(before - now) <= _SAME * max(abs(before), abs(now)) + allowed


def _runtime_tolerance(
    prepared: Prepared, scaler: Scaler, forecasts: Forecasts
) -> tuple[Mapping[ScoreKey, float], Mapping[str, Floats]]:
    """How much each score changes where the network's forecasts move by what two runtimes may differ by; that of each series.

    A relative limit fits no score: float32 rounding is nothing beside an RMSE of a hundredth of the range, half of one of a
    millionth, and more than that of a MAPE whose actual values come close to zero. So forecasts are moved by MAX_PARITY_ERROR of
    their target's range, as in `_moved`, and scored.
    """
    panel, splits = prepared.panel, prepared.splits
    context = MetricContext.from_panel(
        panel, scaler=scaler, train_rows=splits.train_rows, season=prepared.experiment.data.season
    )
    shares = MAX_PARITY_ERROR * target_ranges(panel, scaler)  # [series, target]
    values = {score_key(vars(row)): row.value for row in forecasts.scores}
    others = [row for row in forecasts.scores if row.model != NETWORK]
    allowed: dict[ScoreKey, float] = defaultdict(float)
    series_scores, network = forecasts.series, forecasts.network
    allowed_series: dict[str, Floats] = defaultdict(lambda: np.zeros(1))
    for moved in zip(*(_moved(each, shares[each.series, None]) for each in network.values()), strict=True):
        scores = [
            row
            for split, forecast in zip(network, moved, strict=True)
            for row in score(forecast, context, model=NETWORK, split=split)
        ]
        for row in (*scores, *relative_scores([*scores, *others], reference=NAIVE2)):
            key = score_key(vars(row))
            before = values.get(key)
            if before is not None and row.value is not None:
                allowed[key] = max(allowed[key], abs(row.value - before))
        if series_scores is not None:
            test = dict(zip(network, moved, strict=True))["test"]
            for name, table in score_series(test, context, num_series=len(panel.series)).items():
                change = np.abs(table.ravel()[series_scores.order] - series_scores.scores[name])
                allowed_series[name] = np.fmax(allowed_series[name], np.nan_to_num(change))
    if series_scores is not None and series_scores.baseline is not None:
        with np.errstate(all="ignore"):
            skill = allowed_series[series_scores.ranking] / series_scores.baselines[series_scores.baseline]
        allowed_series["skill"] = np.nan_to_num(skill, posinf=0.0)
    return allowed, allowed_series


def _moved(forecast: Forecast, distance: Floats) -> Iterator[Forecast]:
    """The forecast moved up, moved down and away from the actual values, then with wider and narrower intervals.

    Away is the worst for every kind of error.

    Args:
        distance: [window, 1, target], of every value.
    """
    away = np.where(forecast.point < np.asarray(forecast.actual), -1.0, 1.0)
    for direction in (np.ones_like(away), -np.ones_like(away), away):
        change = direction * distance
        quantiles = None if forecast.quantiles is None else forecast.quantiles + change[..., None]
        yield replace(forecast, point=forecast.point + change, quantiles=quantiles)
    if forecast.quantiles is not None:
        outward = distance[..., None] * np.sign(np.array(forecast.levels) - MEDIAN)
        for change in (outward, -outward):
            yield replace(forecast, quantiles=forecast.quantiles + change)


def _difference(before: float | None, now: float | None) -> float:
    """Relative to the larger; 1 where only one of the two is defined."""
    if before is None or now is None:
        return 0.0 if before is now else 1.0
    return 0.0 if before == now else abs(before - now) / max(abs(before), abs(now))

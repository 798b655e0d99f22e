"""What is shown of reports, finished runs and checks."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from rnnfc.cli.output import show_note, show_result, write
from rnnfc.cli.training_console import describe_phases, describe_rows
from rnnfc.evaluation.metrics import METRICS, heading, parse_name
from rnnfc.reports.report import (
    NETWORK,
    RANKING_METRIC,
    VERDICT_METRIC,
    Report,
    ranking_prefix,
    ranking_units,
)
from rnnfc.reports.text import format_number, series_with_windows
from rnnfc.runs.run import FORECAST, FORECAST_PLOT, LOSS_PLOT, MODEL, ONNX, REPORT_TEXT, Run
from rnnfc.workflows.prepare import Check


def show_report(report: Report, *, shown: Sequence[str] = ()) -> None:
    """Print the scores of the network on the test windows, the verdict, and the notes that were not `shown` before training."""
    units = ranking_units(report.scores, num_targets=len(report.targets))
    prefix = ranking_prefix(report.scores, num_targets=len(report.targets))
    # Errors in the data's unit, then those in its square; in scaled units where the targets may differ in their units.
    errors = [
        _summary(report, name, units=units)
        for power in ("data", "data squared")
        for name, metric in METRICS.items()
        if metric.summary and metric.over == "point" and metric.units == power
    ]
    scaled = f"scaled {format_number(report.test_score(VERDICT_METRIC, units='scaled'))}"
    remark = scaled if units == "data" else f"{len(report.targets)} targets"
    show_result("test", f"{prefix}{' · '.join(errors)} ({remark})")
    if report.quantile_metrics:
        show_result("quantiles", " · ".join(_quantile_summaries(report)))
    baselines = [
        f"{model} {format_number(report.test_score(RANKING_METRIC, units=units, model=model))}"
        for model in report.models
        if model != NETWORK
    ]
    show_result("baselines", f"{prefix}{heading(RANKING_METRIC)} {' · '.join(baselines)}")
    show_result("verdict", report.outcome)
    for text in report.notes:
        if text not in shown:
            show_note("note", text)


def _quantile_summaries(report: Report) -> list[str]:
    """The summary of all levels together, then of each interval."""
    parts: dict[str, list[str]] = {}
    for name in report.quantile_metrics:
        metric, suffix = parse_name(name)
        if metric.summary and (metric.over == "intervals" or not suffix):
            parts.setdefault(suffix, []).append(_summary(report, name))
    return [" ".join(texts) for texts in parts.values()]


def _summary(report: Report, name: str, *, units: str = "data") -> str:
    """A test score of the network as the console shows it, with its unit; several targets have none."""
    metric, suffix = parse_name(name)
    power = {"data": "", "data squared": "²"}.get(metric.units)
    unit = f" {report.unit}{power}" if report.unit and power is not None and len(report.targets) == 1 else ""
    return metric.summary.format(
        value=f"{format_number(report.test_score(name, units=units))}{unit}", coverage=suffix
    )


def show_saved(run: Run) -> None:
    """Print where the run is saved, and the next command."""
    files = [
        name
        for name in (REPORT_TEXT, LOSS_PLOT, FORECAST_PLOT, FORECAST, MODEL, ONNX)
        if (run.folder / name).exists()
    ]
    show_result("saved", f"{run.folder}   {'  '.join(files)}")
    experiment = run.experiment()
    is_open = (
        "known" in experiment.data.covariates
        and run.last_window(length=experiment.window.length).future is None
    )
    future = " --future FILE" if is_open else ""
    # A command finds the newest run in outputs/ by itself.
    name = "" if run.folder.parent == Path("outputs") else f" {shlex.quote(str(run.folder))}"
    show_result("next", f"rnnfc predict{name} --last-window{future}")


def show_check(result: Check) -> None:
    """Print the result of `check`."""
    show_result("data", describe_rows(result))
    show_result("channels", f"{', '.join(result['channels'])}; forecast: {', '.join(result['targets'])}")
    for name, part in result["windows"].items():
        some = series_with_windows(part.get("series", 1), result["series"])
        begun = describe_phases(result) if name == "train" else ""
        targets = f"targets {part['first_target']} to {part['last_target']}"
        show_result(name, f"{part['count']:,} windows{some}{begun}, {targets}")
    show_result("network", f"{result['parameters']:,} parameters, {result['updates']:,} updates")
    match result["experiment"]:
        case {"model": {"kind": "scratch"}}:
            engine = "NumPy"
        case _:
            engine = "TensorFlow"
    show_result("memory", f"about {result['training_bytes'] / 2**20:,.1f} MiB beyond {engine} itself")
    # Groups whose values are plain on one line, others with a line for each key; a config that can be trained.
    config = yaml.safe_dump(
        result["experiment"], sort_keys=False, default_flow_style=None, allow_unicode=True, width=100
    )
    write(sys.stdout, f"\n{config}")
    for text in result["notes"]:
        show_note("note", text)

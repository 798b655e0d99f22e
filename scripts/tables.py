"""Compare accuracy with published tables: train configs/tables, a run for each horizon and seed, and print both.

Run: python scripts/tables.py NAME... --data FOLDER [--seeds 1 2 3] [--jobs 2] [--set KEY=VALUE]
Names: ETTh1, ETTh2, M4-Hourly, vic_electricity, airline. FOLDER holds ETTh1.csv, ETTh2.csv, m4_hourly_train.csv and _test.csv,
vic_electricity_hourly.csv. Finished runs (without --set) are listed in outputs/tables.json and not trained again.
Nothing is chosen on test rows.
"""

import argparse
import json
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RUNS, DONE = ROOT / "outputs" / "tables", ROOT / "outputs" / "tables.json"


@dataclass(frozen=True, kw_only=True)
class Table:
    """One published table: a config, its scores, and the scores that others have published.

    scores: metric and units of `report.json`.
    published: by row, the scores of each horizon, then their mean where there are several.
    """

    config: str
    file: str
    horizons: tuple[int, ...]
    scores: tuple[tuple[str, str], ...]
    published: dict[str, tuple[str, ...]]


# Lin et al., SegRNN, arXiv 2308.11200, table 2; last value, same hour yesterday and linear map computed by this protocol.
_ETT: dict[str, Any] = {
    "config": "ett",
    "horizons": (96, 192, 336, 720),
    "scores": (("mse", "scaled"), ("mae", "scaled")),
}
TABLES: dict[str, Table] = {
    "ETTh1": Table(
        file="ETTh1.csv",
        **_ETT,
        published={
            "segment network, published": ("", "", ".423/.433", ".466/.472", ".408/.428"),
            "linear map, 336 rows": (".370/.391", ".403/.411", ".426/.425", ".422/.443", ".405/.418"),
            "same hour yesterday": (".512/.433", ".581/.469", ".650/.501", ".655/.514", ".600/.479"),
            "last value": ("1.294/.713", "1.325/.733", "1.330/.746", "1.335/.755", "1.321/.737"),
        },
    ),
    "ETTh2": Table(
        file="ETTh2.csv",
        **_ETT,
        published={
            "segment network, published": ("", "", "", "", ".346/.394"),
            "linear map, 720 rows": (".270/.334", ".331/.373", ".354/.395", ".378/.422", ".333/.381"),
            "same hour yesterday": (".391/.380", ".482/.429", ".532/.466", ".525/.474", ".483/.437"),
            "last value": (".432/.422", ".534/.473", ".597/.511", ".594/.519", ".539/.481"),
        },
    ),
    "M4-Hourly": Table(
        config="m4_hourly",
        file="m4_hourly.csv",
        horizons=(48,),
        scores=(("smape", "official"), ("mase", "official"), ("owa", "official")),
        published={
            "best entry": ("OWA .410",),
            "the winner, an LSTM hybrid": ("OWA .440",),
            "linear map on logs, 336 rows": ("10.798/1.242/.553",),
            "seasonal naive": ("13.912/1.193/.627",),
            "Naive2": ("18.383/2.395/1",),
            "the organisers' Keras RNN": ("OWA 1.036",),
        },
    ),
    "vic_electricity": Table(
        config="vic",
        file="vic_electricity_hourly.csv",
        horizons=(24,),
        scores=(("mae", "data"), ("rmse", "data"), ("mase", "data")),
        published={
            "linear map, 336 rows": ("336.8/477.9/.458",),
            "same hour last week": ("484.6/687.6/.660",),
        },
    ),
    "airline": Table(
        config="../airline_year",
        file="",
        horizons=(12,),
        scores=(("mae", "data"), ("rmse", "data"), ("mase", "data")),
        published={
            "linear map on logs, 24 rows": ("17.21/21.47/.586",),
            "same month last year": ("47.84/50.80/1.631",),
        },
    ),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of a table."""

    table: str
    horizon: int
    seed: int
    data: str
    overrides: tuple[str, ...]


class _Silent:
    """A listener that shows nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def run_cell(cell: Cell) -> dict[str, Any]:
    """Train and score one cell, in this process; its scores, minutes, and what validation chose."""
    from rnnfc.config.load import load
    from rnnfc.workflows.prepare import prepare
    from rnnfc.workflows.train import train

    table = TABLES[cell.table]
    path = [f"data.path={Path(cell.data).absolute() / table.file}"] if table.file else []
    sets = [*path, f"window.horizon={cell.horizon}", f"seed={cell.seed}", *cell.overrides]
    began = time.perf_counter()
    prepared = prepare(load(ROOT / "configs" / "tables" / f"{table.config}.yaml", sets))
    listener: Any = _Silent()
    trained = train(prepared, outputs=RUNS, listener=listener)
    minutes = (time.perf_counter() - began) / 60
    own = _official(trained.run, prepared) if table.scores[0][1] == "official" else {}
    values = [
        own[name] if units == "official" else trained.report.test_score(name, units=units)
        for name, units in table.scores
    ]
    scores = [math.nan if score is None else score for score in values]
    chosen = {name: trained.run.info().get(name) for name in ("best_epoch", "network_share")}
    return {
        "table": cell.table,
        "horizon": cell.horizon,
        "seed": cell.seed,
        "scores": scores,
        "minutes": minutes,
        **chosen,
    }


def _official(run: Any, prepared: Any) -> dict[str, float | None]:
    """sMAPE, MASE and OWA as in the competition: MASE is scaled by all rows before the test part, validation included."""
    from rnnfc.baselines.naive2 import NAIVE2, Naive2
    from rnnfc.evaluation.scores import MetricContext, find, relative_scores, score
    from rnnfc.workflows.inference import open_network

    panel, test, season = prepared.panel, prepared.splits.test, prepared.experiment.data.season
    scaler = run.scaler(channels=len(panel.channels), series=len(panel.series))
    train_rows = prepared.splits.train_rows.copy()
    train_rows[:, 1] = panel.bounds[1:] - test.horizon
    context = MetricContext.from_panel(panel, scaler=scaler, train_rows=train_rows, season=season)
    network = open_network(run, panel, scaler, runtime="onnx")
    scores = []
    for model, forecaster in (("ours", network), (NAIVE2, Naive2(season))):
        scores += score(forecaster.predict(test), context, model=model, split="test")
    scores += relative_scores(scores, reference=NAIVE2)
    names = ("smape", "mase", "owa")
    return {name: find(scores, model="ours", split="test", metric=name, units="data") for name in names}


def join_m4(folder: Path, path: Path) -> None:
    """Write each series' training part and then its test part into one file."""
    import pandas as pd

    parts = pd.concat([pd.read_csv(folder / f"m4_hourly_{name}.csv") for name in ("train", "test")])
    parts.sort_values(["unique_id", "ds"], kind="stable").to_csv(path, index=False)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The tables of the finished runs: mean and standard deviation over seeds, minutes a run, and what was published."""
    lines: list[str] = []
    for name, table in TABLES.items():
        own = [row for row in rows if row["table"] == name]
        if not own:
            continue
        many = len(table.horizons) > 1
        metrics = "/".join(metric.upper() if metric != "smape" else "sMAPE" for metric, _ in table.scores)
        lines += ["", f"| {name}, {metrics} | {' | '.join(map(str, table.horizons))} |{' mean |' * many}"]
        lines += [f"|---|{'---|' * (len(table.horizons) + many)}"]
        cells = [[row for row in own if row["horizon"] == horizon] for horizon in table.horizons]
        ours = [_mean_and_spread(cell) for cell in cells]
        if many:
            ours.append(
                _scores([_mean([cell_mean[place] for cell_mean in map(_means, cells)]) for place in range(2)])
                if all(cells)
                else ""
            )
        seeds = sorted({row["seed"] for row in own})
        lines.append(
            f"| **rnnfc**, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} | {' | '.join(ours)} |"
        )
        minutes = [f"{_mean([row['minutes'] for row in cell]):.1f}" if cell else "" for cell in cells]
        shares = [_shares(cell) for cell in cells]
        lines.append(f"| minutes a run | {' | '.join(minutes)} |{' |' * many}")
        if any(shares):
            lines.append(f"| share of the network | {' | '.join(shares)} |{' |' * many}")
        lines += [f"| {row} | {' | '.join(values)} |" for row, values in table.published.items()]
    return "\n".join(lines).strip()


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def _means(cell: Sequence[dict[str, Any]]) -> list[float]:
    return [_mean(column) for column in zip(*(row["scores"] for row in cell), strict=True)]


def _scores(values: Sequence[float]) -> str:
    return "/".join(f"{value:.3f}".replace("0.", ".") if value < 1 else f"{value:.4g}" for value in values)


def _mean_and_spread(cell: Sequence[dict[str, Any]]) -> str:
    if not cell:
        return ""
    spread = (
        [statistics.stdev(column) for column in zip(*(row["scores"] for row in cell), strict=True)]
        if len(cell) > 1
        else []
    )
    return f"{_scores(_means(cell))}{f' ± {_scores(spread)}' if spread else ''}"


def _shares(cell: Sequence[dict[str, Any]]) -> str:
    shares = [f"{row['network_share']:.2f}" for row in cell if row.get("network_share") is not None]
    return f"{min(shares)} to {max(shares)}" if len({*shares}) > 1 else "".join(shares[:1])


def _use_one_core(cores: Any) -> None:
    os.sched_setaffinity(0, {cores.get()})


def main() -> None:
    """Train the runs that are missing and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=TABLES)
    parser.add_argument("--data", type=Path, default=ROOT)
    parser.add_argument("--horizons", type=int, nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side, each on a core of its own")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args()
    m4_file = ROOT / "outputs" / TABLES["M4-Hourly"].file
    if "M4-Hourly" in options.names and not m4_file.exists():
        join_m4(options.data, m4_file)
    rows = json.loads(DONE.read_text(encoding="utf-8")) if DONE.exists() and not options.overrides else []
    done = {(row["table"], row["horizon"], row["seed"]) for row in rows}
    cells = [
        Cell(
            table=name,
            horizon=horizon,
            seed=seed,
            data=str(m4_file.parent if name == "M4-Hourly" else options.data),
            overrides=tuple(options.overrides),
        )
        for seed in options.seeds
        for name in options.names
        for horizon in options.horizons or TABLES[name].horizons
        if (name, horizon, seed) not in done
    ]
    context = multiprocessing.get_context("spawn")
    cores = context.Queue()
    core_numbers = sorted(os.sched_getaffinity(0))[: options.jobs]
    for core in core_numbers:
        cores.put(core)
    with ProcessPoolExecutor(len(core_numbers), context, _use_one_core, (cores,)) as pool:
        for future in as_completed([pool.submit(run_cell, cell) for cell in cells]):
            rows.append(future.result())
            if not options.overrides:
                DONE.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            print(rows[-1], flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    main()

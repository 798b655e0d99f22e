"""Size and power of the significance test by simulation: the tables of docs/evaluation.md.

Run: python scripts/significance.py [--page docs/evaluation.md]      about five minutes on one core

Two forecasts have errors with the same autoregression; each error is a sum of one that all series share and one of its own. Every
horizon is the mean over the days that it covers, so windows overlap as in a test split. Size: both are equally good. Power: the
errors of the first are smaller by a fifth.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from rnnfc.evaluation.forecast import Forecast
from rnnfc.evaluation.significance import critical_value, diebold_mariano

Floats = npt.NDArray[np.float64]

ROOT = Path(__file__).parents[1]
_BEGIN, _END = "<!-- size and power: written by scripts/significance.py -->", "<!-- size and power: end -->"
SEED = 7
SIZE_SAMPLES, SIZE_SERIES, POWER_SAMPLES, POWER_SERIES = 10_000, 12, 500, 300
AUTOREGRESSIONS, SHARED, GAIN = (0.0, 0.5, 0.8, 0.9), (0.0, 0.5), 0.2
# (steps, origin times)
CASES = (
    (1, 15),
    (1, 20),
    (1, 50),
    (1, 150),
    (7, 20),
    (7, 50),
    (7, 150),
    (28, 15),
    (28, 25),
    (28, 50),
    (28, 150),
)
POWER_CASES = ((1, 150), (7, 150), (28, 150), (28, 25))
_CHUNK = 100  # samples drawn at once: 100 MB of 300 series


def main() -> None:
    """Write both tables between their two markers in the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "evaluation.md")
    page = parser.parse_args().page
    text = page.read_text(encoding="utf-8")
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        raise SystemExit(f"{page}: the lines {_BEGIN} and {_END} are needed once each")
    before, rest = text.split(_BEGIN)
    tables = (
        f"Significant at 5 % where two forecasts are equally good, in % of {SIZE_SAMPLES:,} simulations of {SIZE_SERIES} series:",
        *_table(CASES, samples=SIZE_SAMPLES, series=SIZE_SERIES, gain=0.0),
        f"Significantly better where the RMSE is {100 * GAIN:g} % lower, in % of {POWER_SAMPLES:,} simulations of "
        f"{POWER_SERIES} series:",
        *_table(POWER_CASES, samples=POWER_SAMPLES, series=POWER_SERIES, gain=GAIN),
    )
    page.write_text(
        f"{before}{_BEGIN}\n" + "\n".join(tables) + f"\n{_END}{rest.split(_END)[1]}", encoding="utf-8"
    )
    print(page)


def _table(cases: tuple[tuple[int, int], ...], *, samples: int, series: int, gain: float) -> list[str]:
    columns = [(autoregression, shared) for shared in SHARED for autoregression in AUTOREGRESSIONS]
    lines = [
        "",
        f"| horizon, origin times | {' | '.join(f'AR {a:g}, {s:.0%} shared'.replace('%', ' %') for a, s in columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for horizon, times in cases:
        cells = [
            cell(horizon, times, autoregression=a, shared=s, samples=samples, series=series, gain=gain)
            for a, s in columns
        ]
        lines.append(f"| {horizon}, {times} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return [*lines, ""]


def cell(
    horizon: int, times: int, *, autoregression: float, shared: float, samples: int, series: int, gain: float
) -> str:
    """How often the test is significant, in % of `samples`; for a `gain`, how often in favour of the first forecast."""
    draw = np.random.default_rng([SEED, horizon, times, round(10 * autoregression), round(10 * shared)])
    critical, passed = critical_value(times, horizon=horizon), 0
    for start in range(0, samples, _CHUNK):
        shape = (min(_CHUNK, samples - start), series, times + horizon - 1)
        errors = [
            _errors(draw, shape, autoregression=autoregression, shared=shared) * size
            for size in (1 - gain, 1.0)
        ]
        for gains in _means(np.mean(errors[0] ** 2 - errors[1] ** 2, axis=1), horizon):
            statistic = _statistic(gains, horizon)
            passed += (-statistic if gain else abs(statistic)) > critical
    return f"{100 * passed / samples:.1f}"


def _errors(
    draw: np.random.Generator, shape: tuple[int, int, int], *, autoregression: float, shared: float
) -> Floats:
    """Stationary errors of variance 1, [sample, series, day]."""
    samples, _, days = shape
    noise = np.sqrt(shared) * draw.normal(size=(samples, 1, days)) + np.sqrt(1 - shared) * draw.normal(
        size=shape
    )
    noise[..., 1:] *= np.sqrt(1 - autoregression**2)
    return np.asarray(lfilter([1.0], [1.0, -autoregression], noise, axis=-1))


def _means(values: Floats, horizon: int) -> Floats:
    """Means of [sample, day] over each horizon, [sample, time]."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, horizon, axis=1).mean(axis=-1))


def _statistic(gains: Floats, horizon: int) -> float:
    """Diebold-Mariano of forecasts whose squared errors, means over the series, differ by `gains` [time]."""
    actual = np.zeros((len(gains), horizon, 1))
    level = 1 + abs(gains.min())
    times = np.arange(len(gains))
    point, other = (
        np.sqrt(squares)[:, None, None] + actual for squares in (level + gains, np.full(len(gains), level))
    )
    forecast, rival = (
        Forecast(
            point=values,
            actual=actual,
            time=times[:, None] + np.arange(horizon),
            origin_time=times,
            series=np.zeros(len(gains), dtype=np.int64),
        )
        for values in (point, other)
    )
    return diebold_mariano(forecast, rival) or 0.0


if __name__ == "__main__":
    main()

"""docs/evaluation.md has the size and power that scripts/significance.py computes."""

import re
from pathlib import Path

import significance

PAGE = (Path(__file__).parents[2] / "docs/evaluation.md").read_text(encoding="utf-8")
SIZES, POWERS = re.findall(r"(?m)^\| horizon, origin times .*\n\|-.*\n((?:\|.*\n)+)", PAGE)


def rows(table: str) -> dict[str, list[float]]:
    """Percentages by horizon and origin times."""
    cells = [[part.strip() for part in line.strip("|").split("|")] for line in table.splitlines()]
    return {name: [float(value) for value in values] for name, *values in cells}


def test_size__is_that_of_the_page() -> None:
    options = {
        "shared": 0.0,
        "samples": significance.SIZE_SAMPLES,
        "series": significance.SIZE_SERIES,
        "gain": 0.0,
    }
    computed = significance.cell(1, 20, autoregression=0.0, **options)  # type: ignore[arg-type]  # a plain dict
    assert float(computed) == rows(SIZES)["1, 20"][0]


def test_size__is_five_percent_within_one_and_a_gain_of_a_fifth_is_found() -> None:
    assert set(rows(SIZES)) == {f"{horizon}, {times}" for horizon, times in significance.CASES}
    columns = [(a, s) for s in significance.SHARED for a in significance.AUTOREGRESSIONS]
    for name, values in rows(SIZES).items():
        for (autoregression, _), value in zip(columns, values, strict=True):
            assert 3.9 <= value <= (6.1 if autoregression <= 0.8 else 8), (name, autoregression)
    for name, values in rows(POWERS).items():
        for (autoregression, shared), value in zip(columns, values, strict=True):
            if name != "28, 25" and (not shared or autoregression <= 0.5):
                assert value >= 90, (name, autoregression, shared)

"""Which rows of `predict --future` are those after the data: by their step, after the last time, or in their order."""

from pathlib import Path
from typing import Any

import pytest

from rnnfc.config.load import from_yaml
from rnnfc.data.load import load_panel
from rnnfc.errors import DataError
from rnnfc.workflows.future import future_covariates

DAYS = ("2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-12")


def ahead(folder: Path, past: list[str], future: list[str], keys: str = "time: day, ", rows: int = 2) -> Any:
    """The prices of the `rows` rows after the times `past`; each price is the number of the line in its file."""
    for name, times in (("past", past), ("future", future)):
        lines = [f"{time},{line % 3},{line}" for line, time in enumerate(times, 2)]
        (folder / f"{name}.csv").write_text("\n".join(("day,sold,price", *lines)))
    text = (
        f"name: x\ndata: {{kind: csv, path: {folder / 'past.csv'}, {keys}target: sold, known: price}}\n"
        "window: {length: 2}\nsplit: {test: 1}\nmodel: {kind: stacked, cell: GRU, units: [2]}\ntrain: {epochs: 1}\n"
    )
    experiment = from_yaml(text, source="x.yaml")
    found = future_covariates(load_panel(experiment.data), experiment, folder / "future.csv", rows=rows)
    assert found.shape == (1, rows, 1)
    return found.ravel().tolist()


TRADING = "time: day, frequency: rows, "


@pytest.mark.parametrize(
    ("keys", "past", "future", "lines"),
    [
        (TRADING, DAYS[:3], DAYS, [5, 6]),  # the past is in the file of the future too
        (TRADING, DAYS[:3], DAYS[3:], [2, 3]),
        (
            "time: day, ",
            ["0.5", "0.6", "0.7"],
            ["0.6", "0.7", "0.8", "0.9", "1.0"],
            [4, 5],
        ),  # 0.7 + 0.1 is not 0.8
        ("time: day, ", ["0.1", "0.2", "0.3"], ["0.30", "0.40", "0.50", "0.60"], [3, 4]),
        (
            "",
            ["x", "y", "z"],
            ["x", "y", "z"],
            [2, 3],
        ),  # no times: the file begins with the first row after the data
    ],
)
def test_future_covariates__begin_after_the_last_row(
    tmp_path: Path, keys: str, past: Any, future: Any, lines: list[int]
) -> None:
    assert ahead(tmp_path, past, future, keys) == lines


def test_future_covariates__need_rows_after_the_last(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"past has 1 of the 2 rows after 2024-01-10 for which the network needs price; add the",
    ):
        ahead(tmp_path, list(DAYS[:5]), list(DAYS), TRADING)


@pytest.mark.parametrize(
    ("keys", "past", "future", "text"),
    [
        (
            "time: day, ",
            [f"2024-01-0{day}T00:00+10:00" for day in (1, 2, 3)],
            [f"2024-01-0{day}T00:00Z" for day in (4, 5)],
            "the times have the UTC offset +00:00, those of the run's data have the UTC offset +10:00; use the same in both",
        ),
        (
            TRADING,
            DAYS[:3],
            ["4", "5"],
            "the times are numbers, those of the run's data are dates; use the same in both",
        ),
        (
            TRADING,
            ["1", "2", "5"],
            DAYS[:2],
            "the times are dates, those of the run's data are numbers; use the same in both",
        ),
    ],
)
def test_future_covariates__on_another_clock_are_refused(
    tmp_path: Path, keys: str, past: Any, future: Any, text: str
) -> None:
    with pytest.raises(DataError) as caught:
        ahead(tmp_path, past, future, keys)
    assert str(caught.value) == f"--future {tmp_path / 'future.csv'}: {text}"

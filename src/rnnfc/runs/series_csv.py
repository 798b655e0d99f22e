"""series.csv: test scores of each series and target, the worst first; safe to open in a spreadsheet."""

import csv
import io
import math
from typing import TYPE_CHECKING, TextIO

from rnnfc.runs.forecast_csv import cell

if TYPE_CHECKING:
    from rnnfc.evaluation.series_scores import SeriesScores

_COLUMNS = ("series", "target", "windows", "values")

# Names of series and target as the file has them.
SeriesKey = tuple[str, str]


def write_series(scores: "SeriesScores", file: TextIO) -> None:
    """Write _COLUMNS, then those of `SeriesScores.columns`; a score that is not defined is an empty cell."""
    columns = scores.columns()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*_COLUMNS, *columns))
    counts = scores.windows.tolist(), scores.values.tolist()
    numbers = zip(*(values.tolist() for values in columns.values()), strict=True)
    for key, windows, values, row in zip(series_keys(scores), *counts, numbers, strict=True):
        writer.writerow((*key, windows, values, *("" if math.isnan(value) else value for value in row)))


def series_keys(scores: "SeriesScores") -> list[SeriesKey]:
    """The first cells of each row."""
    targets = {target: cell(target) for target in set(scores.targets)}
    return [
        (cell(series), targets[target]) for series, target in zip(scores.series, scores.targets, strict=True)
    ]


def read_series(text: str) -> dict[str, dict[SeriesKey, float]]:
    """Each number of each row by column; NaN where a cell is empty.

    Raises:
        ValueError: other columns, or a cell is not a finite number.
    """
    rows = csv.reader(io.StringIO(text))
    try:
        heading = tuple(next(rows))
        if heading[: len(_COLUMNS)] != _COLUMNS:
            raise ValueError(f"columns must be {', '.join(_COLUMNS)}")
        table: dict[str, dict[SeriesKey, float]] = {name: {} for name in heading[2:]}
        for row in rows:
            for name, text_of_number in zip(heading[2:], row[2:], strict=True):
                value = float(text_of_number) if text_of_number else math.nan
                if text_of_number and not math.isfinite(value):
                    raise ValueError(f"{text_of_number!r} is not a finite number")
                table[name][row[0], row[1]] = value
    except (csv.Error, IndexError, StopIteration) as error:
        raise ValueError(str(error) or "it is empty") from error
    return table

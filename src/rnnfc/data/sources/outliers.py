"""Values that may stand for missing ones, such as -999, for a note: they are read as they are."""

from collections.abc import Iterator

import numpy as np

from rnnfc.data.panel import Floats

# Numbers that instruments and archives write for a missing value.
_CODES = (
    -99,
    -200,
    -999,
    -9999,
    -99999,
    -99.9,
    -99.99,
    -999.9,
    -999.99,
    -9999.9,
    9999,
    99999,
    999999,
    9999.9,
)
# Any other number: how often it must occur, and how many different values the rest must have.
_MIN_COUNT, _MIN_DISTINCT = 3, 10
# Zeros that are more frequent belong to a series of rare events.
_MAX_ZEROS = 0.1


def note_outliers(values: Floats, names: tuple[str, ...]) -> tuple[str, ...]:
    """A note for each column whose lowest or highest value is far from all others and stands there again and again.

    Args:
        values: [row, column], NaN where a value is missing.
        names: of the columns.
    """
    extremes = [np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)]
    return tuple(
        text
        for place, name in enumerate(names)
        for extreme in dict.fromkeys(float(edge[place]) for edge in extremes)
        for text in _note(values[:, place], extreme, name)
    )


def _note(column: Floats, extreme: float, name: str) -> Iterator[str]:
    count = int(np.count_nonzero(column == extreme))
    if count < _MIN_COUNT and extreme not in _CODES:
        return
    others = column[(column != extreme) & ~np.isnan(column)]
    if not len(others):
        return
    low, high = float(others.min()), float(others.max())
    gap = max(low - extreme, extreme - high)
    is_code = extreme in _CODES and (gap > (high - low) / 2 or extreme < 0 <= low)
    is_frequent = count >= _MIN_COUNT and (extreme != 0 or count <= _MAX_ZEROS * len(column))
    if is_code or (is_frequent and gap > high - low and len(np.unique(others)) >= _MIN_DISTINCT):
        yield (
            f"{name}: {extreme:g} in {count:,} of {len(column):,} rows, all other values are {low:g} to {high:g}; "
            f"if it stands for a missing value, set data.missing_values: [{extreme:g}]"
        )

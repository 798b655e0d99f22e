"""Whole numbers that are dates without separators, such as 202409 or 240901, and the strptime formats that read them."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rnnfc.data.frequency import Times

Numbers = npt.NDArray[np.int64]

# Digits of each part of a date, and the least and the largest number there: strptime's letters, W a week and Q a quarter.
# Seconds since 1970 have ten digits as well; those of this century begin below 1900. The year 2000 would be a leading zero.
_PARTS = {
    "Y": (4, 1900, 2199),
    "y": (2, 1, 99),
    "m": (2, 1, 12),
    "d": (2, 1, 31),
    "j": (3, 1, 366),
    "H": (2, 0, 23),
    "M": (2, 0, 59),
    "S": (2, 0, 59),
    "W": (2, 1, 53),
    "Q": (1, 1, 4),
}
# Parts of a date in the order in which it is written. A leading zero may be lost.
_LAYOUTS = ("Ym", "Ymd", "YmdH", "YmdHM", "YmdHMS", "Yj", "ymd", "ym", "dmY", "mdY", "YW", "YQ")
_LAST_YEAR, _DECEMBER_TO_JANUARY = 2199, 89
_LARGEST = 10**14  # 14 digits at most


def find_date_numbers(series: Sequence[Times]) -> tuple[int, tuple[str, ...]] | None:
    """A series whose numbers are all dates without separators, and the layouts that they may have; None: they are plain numbers.

    [202411, 202412, 202501] has the layouts Ym and YW (a week), [202411, 202412, 202454] has none. Such series must have half of
    the rows: of many series of numbers a short one may look like dates by chance, and one wrong date makes its series none.

    Args:
        series: the times of each, at least one.
    """
    if series[0].dtype.kind not in "if":
        return None
    lengths = np.array([len(times) for times in series])
    ends = np.array([times[[0, -1]] for times in series])
    places: dict[str, int] = {}
    for layout in _LAYOUTS:
        # Most times are no such dates, and their ends show it.
        likely = np.flatnonzero(_is_date(ends, layout).all(axis=1))
        if 2 * lengths[likely].sum() < lengths.sum():
            continue
        times = [series[place] for place in likely.tolist()]
        starts = np.cumsum([0, *lengths[likely][:-1]])
        are_dates = np.logical_and.reduceat(_is_date(np.concatenate(times), layout), starts)
        if layout == "ym" and all(map(_are_years, times)):
            continue
        if 2 * lengths[likely[are_dates]].sum() >= lengths.sum():
            places[layout] = int(likely[are_dates][0])
    return (next(iter(places.values())), tuple(places)) if places else None


def is_digits(time_format: str) -> bool:
    """Whether a strptime format has digits alone, without separators."""
    return re.fullmatch("(%[YymdHMSj])+", time_format) is not None


def padded_width(time_format: str) -> int:
    """How many digits a time has in a format of digits that begins with two, whose zero numbers do not have; 0: another format.

    Without the zero pandas would read 1092024 by %d%m%Y as 10 September.
    """
    if not is_digits(time_format) or time_format.startswith("%Y"):
        return 0
    return sum(_PARTS[part][0] for part in time_format[1::2])


def _is_date(times: Times, layout: str) -> npt.NDArray[np.bool_]:
    """Whether each number is a date that is written in this layout."""
    rest: Numbers = np.where((times > 0) & (times < _LARGEST), times, 0).astype(np.int64)
    is_date = np.asarray(rest == times)
    parts: dict[str, Numbers] = {}
    for part in reversed(layout):
        digits, least, largest = _PARTS[part]
        rest, parts[part] = np.divmod(rest, 10**digits)
        is_date &= (parts[part] >= least) & (parts[part] <= largest)
    is_date &= rest == 0
    if (
        "d" in layout and is_date.any()
    ):  # a day that the month has; 00 to 99 have the leap years of 2000 to 2099
        years = parts["Y"] if "Y" in parts else 2000 + parts["y"]
        months = np.where(is_date, (years - 1970) * 12 + parts["m"] - 1, 0).astype("datetime64[M]")
        is_date &= (months.astype("datetime64[D]") + (parts["d"] - 1)).astype("datetime64[M]") == months
    return is_date


def _are_years(times: Times) -> bool:
    """Whether numbers of four digits are rather years: they could be, and do not jump from one December to the next January."""
    return bool((times <= _LAST_YEAR).all() and not (np.abs(np.diff(times)) == _DECEMBER_TO_JANUARY).any())

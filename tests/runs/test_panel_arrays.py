"""last_window.npz: a panel as plain arrays and back, and the arrays that are refused."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_panel

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.errors import RunError
from rnnfc.runs.panel_arrays import panel_from_arrays, panel_to_arrays
from rnnfc.runs.run import Run
from rnnfc.runs.untrusted import read_arrays

DATES = np.array(
    ["2020-01-31T06:30:00.000001", "2020-02-29", "2020-03-31T23:59:59.999999"], dtype="datetime64[us]"
)
DAYS = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[us]")


def saved(panel: Panel, folder: Path, *, length: int) -> Panel:
    """The panel after a way through a file."""
    np.savez(folder / "window.npz", allow_pickle=False, **panel_to_arrays(panel))
    return panel_from_arrays(read_arrays(folder / "window.npz"), length=length)


@pytest.mark.parametrize(
    ("unit", "size", "time"),
    [
        ("month", 1.0, DATES),
        ("month_end", 3.0, DATES),
        ("microsecond", 86_400_000_000.0, DATES),
        ("rows", 1.0, DATES),
        ("number", 5.0, np.array([1990, 1995, 2**60])),
        ("number", 0.1, np.array([0.1, 0.2, 0.30000000000000004])),
    ],
)
def test_panel_arrays__keep_every_bit(tmp_path: Path, unit: Any, size: float, time: npt.NDArray[Any]) -> None:
    panel = make_panel(
        *([[1 / 3, -0.0]], [[5e-324, 1e300]], [[2.0, np.nextafter(2.0, 3.0)]]),
        names=("north, east", "süd", "7"),
        channels=("sales $", "°C"),
        time=time,
        frequency=Frequency(unit=unit, size=size),
        filled=((0, 1), (1, 0)),
        missing="ffill",
        unit="€",
        num_known=1,
    )
    read = saved(panel, tmp_path, length=1)
    for name in ("values", "time", "bounds", "filled"):
        array, expected = getattr(read, name), getattr(panel, name)
        assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
        assert array.tobytes() == expected.tobytes()
    for name in (
        "series",
        "channels",
        "num_targets",
        "num_known",
        "calendar",
        "frequency",
        "missing",
        "unit",
    ):
        assert getattr(read, name) == getattr(panel, name)
    assert read.fingerprint() == panel.fingerprint()


def last_window(**changes: Any) -> Panel:
    """Three rows of two columns."""
    fields = {"time": np.array([7, 8, 9]), "frequency": Frequency(unit="number", size=0.5)}
    panel = make_panel([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], channels=("a", "b"), **fields)
    return Panel(**{**vars(panel), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_targets": 2},
        {"num_known": 1},
        {"time": DAYS, "frequency": Frequency(unit="microsecond", size=86_400e6)},
        {"frequency": Frequency(unit="rows", size=1.0), "time": DAYS},
        {"frequency": Frequency(unit="number", size=2.0**62)},
    ],
)
def test_panel_arrays__are_read_with_every_kind_of_time_and_channel(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    panel = last_window(**changes)
    assert saved(panel, tmp_path, length=3).fingerprint() == panel.fingerprint()


SHAPE, GAP, FINITE = "3 rows of 2 columns", "without a gap", "not finite"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *(({"num_targets": count}, f"num_targets is {count!r}") for count in (0, 3, True, 1.0)),
        *(({"num_known": count}, f"num_known is {count!r}") for count in (-1, 2, True)),
        ({"num_known": 1, "calendar": ("hour",)}, "num_known is 1"),
        ({"num_known": 0, "calendar": ("moon",)}, "num_known is 0"),
        ({"channels": ("a", "b\nc")}, "printable"),
        ({"unit": "\x1b[31m"}, "printable"),
        ({"values": np.ones((2, 2))}, SHAPE),
        ({"values": np.ones((3, 2), dtype=np.int64)}, SHAPE),
        ({"filled": np.zeros((3, 1), dtype=np.bool_)}, SHAPE),
        ({"filled": np.zeros((3, 2))}, SHAPE),
        ({"time": np.arange(4)}, SHAPE),
        ({"time": np.array(["a", "b", "c"])}, SHAPE),
        ({"time": np.arange(3), "frequency": Frequency(unit="microsecond", size=1.0)}, SHAPE),
        ({"bounds": np.array([0, 1, 3])}, SHAPE),
        ({"bounds": np.array([0, 3, 3]), "series": ("north", "south")}, SHAPE),
        ({"bounds": np.array([0.0, 3.0])}, SHAPE),
        *(({"bounds": np.array(bounds)}, GAP) for bounds in ([1, 3], [1, 4], [0, 2])),
        ({"time": np.array([0.0, np.nan, 2.0])}, FINITE),
        ({"time": np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[us]")}, FINITE),
        ({"values": np.array([[1.0, 2.0], [3.0, np.inf], [5.0, 6.0]])}, FINITE),
        # a damaged file, not a type
        ({"frequency": Frequency(unit="second", size=1.0)}, "time step 1.0 'second'"),  # type: ignore[arg-type]  # as above
        ({"frequency": Frequency(unit="number", size=0.0)}, "time step 0.0 'number'"),
        ({"frequency": Frequency(unit="number", size=2.0**63)}, "time step 9.223372036854776e+18 'number'"),
        ({"frequency": Frequency(unit="month", size=1.5), "time": DAYS}, "time step 1.5 'month'"),
    ],
)
def test_panel_arrays__of_no_possible_panel_are_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        saved(last_window(**changes), tmp_path, length=3)


def with_future() -> Panel:
    """Two series, the price of one and two rows after them; a third series is in the rows after them alone."""
    future = make_panel([1.5], [0.1], [2.5, 3.5], channels=("price",), names=("a", "x", "b"))
    past = make_panel([[1, 2]], [[3, 4]], channels=("sold", "price"), names=("a", "b"), num_known=1)
    return replace(past, future=future)


def test_panel_arrays__keep_the_rows_to_be_forecast(tmp_path: Path) -> None:
    read = saved(with_future(), tmp_path, length=1).future
    assert read is not None
    assert (read.values.ravel().tolist(), read.bounds.tolist()) == ([1.5, 2.5, 3.5], [0, 1, 3])
    assert (read.series, read.channels, read.num_targets, read.num_known) == (("a", "b"), ("price",), 1, 0)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("values", np.array([[1.5, 1.0]] * 3)),
        ("values", np.array([[1.5], [np.nan], [1.0]])),
        ("time", np.array([1, 2])),
        ("time", DAYS),
        ("bounds", np.array([0, 4, 3])),
        ("bounds", np.array([0, 1, 2])),
        ("bounds", np.array([0, 3])),
    ],
)
def test_panel_arrays__damaged_rows_to_be_forecast_are_refused(name: str, array: npt.NDArray[Any]) -> None:
    arrays = {**panel_to_arrays(with_future()), f"future_{name}": array}
    with pytest.raises(ValueError, match=r"to be forecast|not finite"):
        panel_from_arrays(arrays, length=1)


@pytest.mark.parametrize(
    "first", [np.array(3.0), np.array([1.0]), np.array(["2020-01-01"] * 2, "datetime64[us]")]
)
def test_first_times__are_one_of_each_series(tmp_path: Path, first: npt.NDArray[Any]) -> None:
    panel = make_panel([1, 2], [3, 4], time=np.array([4.0, 5, 4, 5]))
    run = Run(tmp_path)

    def first_times(**arrays: Any) -> Any:
        np.savez(tmp_path / "last_window.npz", allow_pickle=False, **panel_to_arrays(panel), **arrays)
        return run.first_times(panel)

    assert first_times() is None
    assert first_times(first_time=np.array([0.0, 2.0])).tolist() == [0, 2]
    with pytest.raises(RunError, match="first time of each series"):
        first_times(first_time=first)

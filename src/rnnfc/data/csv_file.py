"""CSV files: `csv_text` checks the layout, `csv_cells` every cell, and here times must be in order, on a grid."""

import numpy as np

from rnnfc.config.data_spec import CsvSpec
from rnnfc.data import csv_text, gaps
from rnnfc.data.csv_cells import read_cells
from rnnfc.data.csv_text import Source
from rnnfc.data.frequency import Frequency, Times
from rnnfc.data.panel import Panel, exact_clock
from rnnfc.errors import DataError


def load_csv(spec: CsvSpec, *, frequency: Frequency | None = None) -> Panel:
    """The rows of a CSV file, one series; channels are the targets, then the inputs.

    Args:
        frequency: the step that the rows must have, where it is known from earlier rows; None: it is inferred.
    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    source = csv_text.read(spec, fewest=2 if frequency is None else 1)
    channels = (*spec.target, *spec.inputs)
    values, time = read_cells(source, spec, columns=channels)
    if spec.time is None:
        axis = Frequency(unit="number", size=1)
    else:
        _refuse_disorder(source, time)
        axis = frequency or (Frequency(unit="rows", size=1) if spec.frequency == "rows" else Frequency.infer(time))
        if frequency is not None:
            _refuse_other_step(source, time, axis)
    table = gaps.Table(values=values, time=time, frequency=axis, where=source.at)
    try:
        _refuse_off_grid(source, time, axis)
        values, time, filled = gaps.close(table, policy=spec.missing, channels=channels)
    except DataError:
        _refuse_compact_dates(source, time, axis)
        raise
    return Panel(
        values=values,
        time=time,
        bounds=np.array([0, len(values)]),
        series=(source.path.stem,),
        channels=channels,
        num_targets=len(spec.target),
        frequency=axis,
        filled=filled,
        missing=spec.missing,
        unit=spec.unit,
    )


def _refuse_disorder(source: Source, time: Times) -> None:
    bad = np.flatnonzero(time[1:] <= time[:-1])
    if len(bad):
        row = bad[0] + 1
        if time[row] == time[row - 1]:
            raise DataError(
                f"{source.at(row)}: the time {exact_clock(time[row])} stands here again (first on line {source.lines[row - 1]}); "
                "keep one row for each time"
            )
        raise DataError(
            f"{source.at(row)}: {exact_clock(time[row])} comes after {exact_clock(time[row - 1])}; "
            "sort the file by time, oldest first"
        )


def _refuse_other_step(source: Source, time: Times, axis: Frequency) -> None:
    """Refuse rows that do not go on as earlier rows with the step `axis` did; a gap is no other step."""
    if axis.unit == "rows":
        return
    kinds = ("dates", "numbers") if axis.unit == "number" else ("numbers", "dates")
    if (time.dtype.kind == "M") != (kinds[1] == "dates"):
        raise DataError(f"{source.at(0)}: the times are {kinds[0]}, those of the run's data are {kinds[1]}; write them as there")
    no_neighbours = len(time) > 1 and np.diff(axis.positions(time)).min() > 1.5
    if no_neighbours or axis.off_grid(time) is not None:
        step = Frequency.infer(time)
        if str(step) != str(axis):
            raise DataError(f"{source.path}: the rows are {step}, those of the run's data are {axis}; give rows at that step")


def _refuse_off_grid(source: Source, time: Times, axis: Frequency) -> None:
    off = None if axis.unit == "rows" else axis.off_grid(time)
    if off is not None:
        raise DataError(
            f"{source.at(off)}: {exact_clock(time[off])} does not fit the step of the other rows ({axis}); "
            "resample the file to equal steps, or set data.frequency: rows to take each row as one step"
        )


def _refuse_compact_dates(source: Source, time: Times, axis: Frequency) -> None:
    """Refuse whole numbers such as 20240131, 20240201, whose distances jump where a month ends."""
    import pandas as pd

    if axis.unit != "number" or time.dtype.kind != "i" or not ((time > 10**7) & (time < 10**8)).all():
        return
    uneven = np.flatnonzero(np.diff(time) != axis.size)
    if len(uneven) and pd.to_datetime(pd.Series(time).astype("str"), format="%Y%m%d", errors="coerce").notna().all():
        row = uneven[0] + 1
        raise DataError(
            f"{source.at(row)}: {time[row]} after {time[row - 1]}: these look like dates and were read as numbers; "
            "set data.time_format: '%Y%m%d'"
        )

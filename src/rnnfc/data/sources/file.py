"""load_file: from a CSV or Parquet file to a Panel."""

from pathlib import Path

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources import cells, csv_fast, csv_text, parquet
from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.content import PARQUET_MARK
from rnnfc.data.sources.table import panel_from_table


def load_file(spec: FileSpec, frequency: Frequency | None = None) -> Panel:
    """The rows of a CSV or Parquet file.

    A CSV file without faults is read in parallel chunks (`csv_fast`); any other one is read again as a whole (`csv_text`,
    `cells`), which finds the fault and its line.

    Args:
        frequency: the step that the rows must have; None: it is inferred.
    Raises:
        DataError: a fault of the file, with file, line, what is allowed and what to do.
    """
    # A row of a wide file has many values.
    min_rows = 2 if frequency is None and not spec.is_wide else 1
    if spec.path.endswith(".parquet") or _is_parquet(Path(spec.path)):
        table = parquet.read_table(spec, min_rows=min_rows)
    else:
        fast = csv_fast.read_table(spec, min_rows=min_rows)
        table = fast or cells.table_from_text(csv_text.read_text(spec, min_rows=min_rows), spec)
    return panel_from_table(table, spec, frequency)


def _is_parquet(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PARQUET_MARK)) == PARQUET_MARK

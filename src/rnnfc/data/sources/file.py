"""load_file: from a CSV or Parquet file to a Panel."""

import glob
from pathlib import Path

from rnnfc.data.frequency import Frequency
from rnnfc.data.panel import Panel
from rnnfc.data.sources import cells, csv_fast, csv_text, parquet
from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.content import PARQUET_MARK
from rnnfc.data.sources.table import Table, join_tables, panel_from_table, require_rows
from rnnfc.errors import DataError


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
    specs = [spec.model_copy(update={"path": path}) for path in _find_files(spec)]
    if len(specs) == 1:
        return panel_from_table(_read_table(specs[0], min_rows=min_rows), spec, frequency)
    table = join_tables([_read_table(each, min_rows=1) for each in specs])
    require_rows(table.origin.name, len(table.time), min_rows=min_rows)
    return panel_from_table(table, spec, frequency)


def _find_files(spec: FileSpec) -> list[str]:
    """The files of `spec`, those of a pattern in the order of their names.

    Raises:
        DataError: a pattern has none.
    """
    files: list[str] = []
    for path in spec.paths:
        is_pattern = glob.has_magic(path) and not Path(path).exists()
        matches = sorted(glob.glob(path, recursive=True)) if is_pattern else [path]
        if not matches:
            raise DataError(
                f"{path}: no file has this pattern; correct data.path or use --set data.path=FILE"
            )
        files += matches
    return list(dict.fromkeys(files))


def _read_table(spec: FileSpec, *, min_rows: int) -> Table:
    """The rows of one file."""
    path = spec.paths[0]
    if path.endswith(".parquet") or _is_parquet(Path(path)):
        return parquet.read_table(spec, min_rows=min_rows)
    fast = csv_fast.read_table(spec, min_rows=min_rows)
    return fast or cells.table_from_text(csv_text.read_text(spec, min_rows=min_rows), spec)


def _is_parquet(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PARQUET_MARK)) == PARQUET_MARK

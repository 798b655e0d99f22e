"""Parquet files, read with pyarrow (the extra `parquet`); their cells are then checked like those of a CSV file."""

import io

from rnnfc.data.sources.cells import table_from_frame
from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.content import display_path, read_bytes, series_name
from rnnfc.data.sources.header import refuse_unknown_columns
from rnnfc.data.sources.origin import Origin
from rnnfc.data.sources.table import Table, require_rows
from rnnfc.errors import DataError, MissingExtraError


def read_table(spec: FileSpec, *, min_rows: int) -> Table:
    """The columns that `spec` names, with at least `min_rows` rows.

    Raises:
        DataError: the file is not a Parquet file, lacks a column or rows, or a cell is wrong.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(
            f"{spec.paths[0]}: Parquet files need pyarrow; install it with: pip install 'rnnfc[parquet]'"
        ) from None
    path = display_path(spec)
    content = io.BytesIO(read_bytes(path, spec))
    try:
        names = parquet.read_schema(content).names
        refuse_unknown_columns(str(path), names, spec.required_columns)
        # Without the metadata of pandas, which would make the time column the index.
        frame = parquet.read_table(
            content, columns=[*spec.required_columns, *spec.value_columns(names)]
        ).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: not a readable Parquet file ({reason}); write it again, or save it as CSV"
        ) from None
    require_rows(str(path), len(frame), min_rows=min_rows)
    origin = Origin(name=str(path), numbers=range(1, len(frame) + 1), unit="row", columns=tuple(names))
    return table_from_frame(frame, spec, origin, name=series_name(path))

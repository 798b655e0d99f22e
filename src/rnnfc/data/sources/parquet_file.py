"""Parquet files, read with pyarrow (the extra `parquet`); what is in their columns is then checked as that of a CSV file."""

import io
from typing import TYPE_CHECKING

from rnnfc.config.data_spec import FileSpec
from rnnfc.data.sources import csv_text
from rnnfc.data.sources.csv_text import Source
from rnnfc.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd


def read(spec: FileSpec, *, fewest: int) -> "tuple[Source, pd.DataFrame]":
    """Where the rows stand, and the columns that `spec` names, of `fewest` rows or more.

    Raises:
        DataError: the file is no Parquet file, or lacks a column or rows.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(
            f"{spec.path}: Parquet files need pyarrow; install it with: pip install 'rnnfc[parquet]'"
        ) from None
    path = csv_text.shown(spec)
    content = io.BytesIO(csv_text.read_bytes(path, spec))
    try:
        header = tuple(parquet.read_schema(content).names)
        csv_text.check_header(path, header, spec)
        # Without the metadata of pandas, which would take a time column for its index.
        frame = parquet.read_table(content, columns=list(spec.columns)).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: not a readable Parquet file ({reason}); write it again, or save it as CSV"
        ) from None
    csv_text.refuse_few_rows(path, len(frame), fewest=fewest)
    return Source(path=path, content=b"", header=header, lines=range(1, len(frame) + 1), place="row"), frame

"""csv: the rows of one series in a CSV or Parquet file."""

from typing import Literal

from rnnfc.data.sources.columns import FileSpec
from rnnfc.data.sources.source import Source, load_file


class CsvSpec(FileSpec):
    """A CSV or Parquet file with the rows of one series."""

    kind: Literal["csv"]


SOURCE = Source(spec=CsvSpec, load=load_file)

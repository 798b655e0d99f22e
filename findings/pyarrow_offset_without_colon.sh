#!/usr/bin/env bash
# pyarrow 26.0.1 with pandas 3.1.1: times with the offset +0100 are written to Parquet, and no file with them can be read by pandas.
#
# Expected: a time zone that pyarrow does not know (+0100 instead of +01:00) is refused when the type is made, the column cast or the file written.
# Seen: all three succeed, and so does pyarrow's own read; pandas fails with a message about a missing package that is not missing.
#
# Output seen with pyarrow 26.0.1, pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   +01:00: written, 2 rows in pyarrow, read by pandas, 2 rows
#   +0100: written, 2 rows in pyarrow, ArrowInvalid: The zoneinfo module or pytz package must be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

times = np.array(["2024-01-01T00:00", "2024-01-01T01:00"], dtype="datetime64[us]")
results = {}
for offset in ("+01:00", "+0100"):
    path = os.path.join(os.environ["FOLDER"], f"{offset.replace(':', '')}{len(offset)}.parquet")
    pq.write_table(pa.table({"time": pa.array(times).cast(pa.timestamp("us", tz=offset))}), path)
    rows = pq.read_table(path).num_rows
    try:
        seen = f"read by pandas, {len(pd.read_parquet(path))} rows"
    except Exception as error:
        seen = f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"
    results[offset] = f"written, {rows} rows in pyarrow, {seen}"
print(*(f"{offset}: {text}" for offset, text in results.items()), sep="   ")
sys.exit(not ("read by pandas" in results["+01:00"] and "ArrowInvalid" in results["+0100"]))
PYTHON

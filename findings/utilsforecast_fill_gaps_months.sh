#!/usr/bin/env bash
# utilsforecast 0.2.17: filling the gaps of month-end data with the frequency MS keeps no value of the series.
#
# Expected: four month ends with one month missing and freq="MS" are refused (no row lies on the grid), or the missing month is added.
# Seen: five rows at month starts, from the month after the first row to the month after the last, all NaN: the series is gone and one month late.
#
# Output seen with utilsforecast 0.2.17, pandas 2.3.3, numpy 2.4.6 on Python 3.11:
#   rows before: 4, values 4   rows after: 5, values 0   first 2024-02-01, last 2024-06-01
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check utilsforecast==0.2.17 pandas==2.3.3 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd
from utilsforecast.preprocessing import fill_gaps

ends = pd.to_datetime(["2024-01-31", "2024-02-29", "2024-04-30", "2024-05-31"])
data = pd.DataFrame({"unique_id": "a", "ds": ends, "y": [1.0, 2.0, 4.0, 5.0]})
filled = fill_gaps(data, freq="MS")
print(
    f"rows before: {len(data)}, values {data.y.count()}   rows after: {len(filled)}, values {filled.y.count()}   "
    f"first {filled.ds.min().date()}, last {filled.ds.max().date()}"
)
sys.exit(not (len(filled) == 5 and filled.y.count() == 0))
PYTHON

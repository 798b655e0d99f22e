#!/usr/bin/env bash
# pyreadstat 1.3.8: of a Stata file, dates of days come as dates, and dates of months, quarters and weeks as plain numbers.
#
# Expected: a column of months (%tm) holds dates or periods, as that of days (%td) and as pandas reads the same file.
# Seen: 766.0 for November 2023, a float like any measurement; the only hint is the format in the metadata.
#
# Output seen with pyreadstat 1.3.8, pandas 2.3.3, numpy 2.4.6 on Python 3.11:
#   pyreadstat: day 2023-11-01, month 766.0 (format %tm)   pandas: day 2023-11-01, month 2023-11-01
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyreadstat==1.3.8 pandas==2.3.3 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import sys

import pandas as pd
import pyreadstat

first = pd.DataFrame({"day": pd.to_datetime(["2023-11-01"]), "month": pd.to_datetime(["2023-11-01"])})
path = os.path.join(os.environ["FOLDER"], "months.dta")
first.to_stata(path, convert_dates={"day": "td", "month": "tm"}, write_index=False)
read, metadata = pyreadstat.read_dta(path)
by_pandas = pd.read_stata(path)
print(
    f"pyreadstat: day {read.day[0]}, month {read.month[0]} (format {metadata.original_variable_types['month']})   "
    f"pandas: day {by_pandas.day[0].date()}, month {by_pandas.month[0].date()}"
)
sys.exit(not (read.month[0] == 766.0 and str(read.day[0]) == "2023-11-01" and by_pandas.month[0] == pd.Timestamp("2023-11-01")))
PYTHON

#!/usr/bin/env bash
# pandas 3.1.1: the text of a weekly period is read back as a time of day with a time zone.
#
# Expected: str(Period) of a week, 2023-01-02/2023-01-08, as to_csv writes it, becomes the first day of the week as a Timestamp, or is refused.
# Seen: 20:23 on the first day, eight hours west of Greenwich: the second date is read as time and offset, 20|23 -08. With utc=True a column of
# weeks lands at other hours of other days, without an error; in the following week the offset is -15 hours.
#
# Output seen with pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   2023-01-02/2023-01-08 -> 2023-01-02 20:23:00-08:00   utc: 2023-01-03 04:23:00+00:00, 2023-01-10 11:23:00+00:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd

weeks = pd.period_range("2023-01-02", periods=2, freq="W").astype(str)
one, column = pd.Timestamp(weeks[0]), pd.to_datetime(weeks, utc=True)
print(f"{weeks[0]} -> {one}   utc: {column[0]}, {column[1]}")
sys.exit(not (str(one) == "2023-01-02 20:23:00-08:00" and str(column[1]) == "2023-01-10 11:23:00+00:00"))
PYTHON

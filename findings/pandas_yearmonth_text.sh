#!/usr/bin/env bash
# pandas 3.1.1: months written as 200905 are read as a day, a month and a year of two digits.
#
# Expected: to_datetime reads the text 201011 as November 2010, or refuses it.
# Seen: it is 2011-10-20: day 20, month 10, year 11. Every month of 2001 to 2012 becomes another date, in another order; from 2013
# on the text is refused. format="%Y%m" reads them.
#
# Output seen with pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   200911 -> 2011-09-20   200912 -> 2012-09-20   201001 -> 2001-10-20   right: 0 of 144, in order: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd

months = pd.Series([f"{year}{month:02d}" for year in range(2001, 2013) for month in range(1, 13)])
read, right = pd.to_datetime(months), pd.to_datetime(months, format="%Y%m")
shown = [f"{text} -> {time.date()}" for text, time in zip(months[106:109], read[106:109])]
print(*shown, f"right: {(read == right).sum()} of {len(read)}, in order: {read.is_monotonic_increasing}", sep="   ")
sys.exit(not (read[118] == pd.Timestamp("2011-10-20") and not (read == right).any() and not read.is_monotonic_increasing))
PYTHON

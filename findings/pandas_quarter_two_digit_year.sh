#!/usr/bin/env bash
# pandas 3.1.1: the quarter 1Q90 is in 2090, while the same library reads every other year of two digits by the pivot 1969.
#
# Expected: 1Q90 is the first quarter of 1990, as %y reads 90 and as Jan-90 is read.
# Seen: quarters have no pivot: 4Q99 is followed by 1Q00, ninety-nine years earlier.
#
# Output seen with pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   1Q90 -> 2090-01-01   4Q99 -> 2099-10-01   1Q00 -> 2000-01-01   %y: 1990-01-01   Jan-90 -> 1990-01-01
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd

quarters = pd.to_datetime(["1Q90", "4Q99", "1Q00"])
year, month = pd.to_datetime(["90"], format="%y")[0], pd.to_datetime(["Jan-90"])[0]
shown = [f"{text} -> {time.date()}" for text, time in zip(["1Q90", "4Q99", "1Q00"], quarters)]
print(*shown, f"%y: {year.date()}", f"Jan-90 -> {month.date()}", sep="   ")
sys.exit(not (quarters.year.tolist() == [2090, 2099, 2000] and year.year == month.year == 1990))
PYTHON

#!/usr/bin/env bash
# pandas 3.1.1: the month 2026-M02 of SDMX data (statistical offices, central banks) is read as two seconds past midnight in January.
#
# Expected: to_datetime reads 2026-M02 as February 2026, as it reads the quarter 2026-Q2 as April, or refuses it, as the week 2026-W02.
# Seen: a year of months is twelve consecutive seconds, a regular series; as a Period its frequency is seconds.
#
# Output seen with pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   2026-M01 -> 2026-01-01 00:00:01   2026-M12 -> 2026-01-01 00:00:12   2026-Q2 -> 2026-04-01 00:00:00   inferred frequency: s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd

months = [f"2026-M{month:02d}" for month in range(1, 13)]
read = pd.to_datetime(months)
print(
    f"{months[0]} -> {read[0]}   {months[-1]} -> {read[-1]}   2026-Q2 -> {pd.to_datetime('2026-Q2')}   "
    f"inferred frequency: {pd.infer_freq(read)}"
)
sys.exit(not (read.equals(pd.date_range("2026-01-01 00:00:01", periods=12, freq="s", unit=read.unit)) and pd.Period("2026-M02").freqstr == "s"))
PYTHON

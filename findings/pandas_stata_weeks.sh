#!/usr/bin/env bash
# pandas 3.1.1: Mondays written to a Stata file as weeks (%tw) come back as other days.
#
# Expected: weekly dates written with convert_dates="tw" and read again are the same dates, as days, months and quarters are.
# Seen: Stata counts 52 weeks from 1 January, and no message says that the dates do not fit: the Mondays of late 2023 come back as Sundays, and the
# step over New Year is eight days.
#
# Output seen with pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   2023-12-18, 2023-12-25, 2024-01-01 -> 2023-12-17, 2023-12-24, 2024-01-01   as days: the same
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import sys

import pandas as pd

mondays = pd.date_range("2023-12-18", periods=3, freq="W-MON")


def through_stata(kind):
    path = os.path.join(os.environ["FOLDER"], f"{kind}.dta")
    pd.DataFrame({"time": mondays}).to_stata(path, convert_dates={"time": kind}, write_index=False)
    return pd.read_stata(path)["time"].dt.strftime("%Y-%m-%d").tolist()


written, weeks, days = mondays.strftime("%Y-%m-%d").tolist(), through_stata("tw"), through_stata("td")
print(*written, sep=", ", end=" -> ")
print(*weeks, sep=", ", end=f"   as days: {'the same' if days == written else days}\n")
sys.exit(not (weeks == ["2023-12-17", "2023-12-24", "2024-01-01"] and days == written))
PYTHON

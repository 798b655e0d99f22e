#!/usr/bin/env bash
# pandas 3.1.1: a date of digits whose leading zero was lost, 1092024 for 01092024, is read by %d%m%Y as the 10th.
#
# Expected: 1 September 2024, or an error, as the text has seven digits for a format of eight.
# Seen: 10 September: the day takes two digits and the month one. 11092024 is 11 September, so a column of numbers (a spreadsheet or a database
# drops the zero) gets nine wrong dates a month, among right ones, without a message.
#
# Output seen with pandas 3.1.1, numpy 2.4.6 on Python 3.11:
#   1092024 -> 2024-09-10   2092024 -> 2024-09-20   11092024 -> 2024-09-11
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pandas as pd

texts = ["1092024", "2092024", "11092024"]
read = pd.to_datetime(pd.Series(texts), format="%d%m%Y").dt.strftime("%Y-%m-%d").tolist()
print(*(f"{text} -> {date}" for text, date in zip(texts, read)), sep="   ")
sys.exit(not (read == ["2024-09-10", "2024-09-20", "2024-09-11"]))
PYTHON

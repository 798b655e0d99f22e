#!/usr/bin/env bash
# DuckDB 2.0.1: date_diff counts the borders of months, quarters and years that lie between two dates, but not those of weeks.
#
# Expected: Sunday to Monday is one week by date_diff('week'), as 31 January to 1 February is one month by date_diff('month'), and as the numbers
# of date_trunc('week') say.
# Seen: 0. Whole weeks of seven days are counted, so a row number made from it gives two calendar weeks one number.
#
# Output seen with duckdb 2.0.1 on Python 3.11:
#   month 1, year 1, week 0   weeks by date_trunc: 2024-01-01, 2024-01-08
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import duckdb

month, year, week, before, after = duckdb.sql('''
    SELECT date_diff('month', DATE '2024-01-31', DATE '2024-02-01'), date_diff('year', DATE '2023-12-31', DATE '2024-01-01'),
        date_diff('week', DATE '2024-01-07', DATE '2024-01-08'),
        date_trunc('week', DATE '2024-01-07')::DATE, date_trunc('week', DATE '2024-01-08')::DATE
''').fetchall()[0]
print(f"month {month}, year {year}, week {week}   weeks by date_trunc: {before}, {after}")
sys.exit(not ((month, year, week) == (1, 1, 0) and before != after))
PYTHON

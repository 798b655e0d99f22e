#!/usr/bin/env bash
# DuckDB 2.0.1: the difference of two instants is the difference of their clocks: a day of 25 hours has one day.
#
# Expected: midnight to midnight over the end of summer time, with TIMESTAMP WITH TIME ZONE, is 25 hours, as in pandas, Python and date_diff('hour').
# Seen: an interval of one day, whose epoch is 86,400 s: energy per day divided by it is 4 % too high. date_diff of the same two values says 25.
#
# Output seen with duckdb 2.0.1, pytz 2026.6 on Python 3.11:
#   b - a = 1 day, 24.0 hours   date_diff('hour', a, b) = 25   epoch(b) - epoch(a) = 25.0 hours
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pytz==2026.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import duckdb

database = duckdb.connect()
database.sql("SET TimeZone = 'Europe/Madrid'")
difference, hours, counted, seconds = database.sql('''
    SELECT (b - a)::VARCHAR, epoch(b - a) / 3600, date_diff('hour', a, b), epoch(b) - epoch(a)
    FROM (SELECT TIMESTAMPTZ '2024-10-27 00:00:00+02' AS a, TIMESTAMPTZ '2024-10-28 00:00:00+01' AS b)
''').fetchall()[0]
print(f"b - a = {difference}, {hours} hours   date_diff('hour', a, b) = {counted}   epoch(b) - epoch(a) = {seconds / 3600} hours")
sys.exit(not (hours == 24 and counted == 25 and seconds == 25 * 3600))
PYTHON

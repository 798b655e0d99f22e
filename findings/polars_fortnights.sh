#!/usr/bin/env bash
# polars 2.1.0: its fortnights begin a week away from those of DuckDB and pyarrow.
#
# Expected: two weeks beginning on a Monday are the same two weeks in every engine, as single weeks are, so that a table of totals made by one
# joins to that of another.
# Seen: polars counts them from 1969-12-29, one week off from DuckDB (2000-01-03) and pyarrow: no fortnight of one is a fortnight of the others.
#
# Output seen with polars 2.1.0, duckdb 2.0.1, pyarrow 26.0.1 on Python 3.11:
#   one week: polars 2024-01-29, DuckDB 2024-01-29, pyarrow 2024-01-29
#   two weeks: polars 2024-01-22, DuckDB 2024-01-29, pyarrow 2024-01-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import datetime as dt
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

day = dt.datetime(2024, 1, 31)


def starts(weeks):
    by_duckdb = duckdb.sql(f"SELECT time_bucket(INTERVAL '{weeks} weeks', DATE '2024-01-31')").fetchall()[0][0]
    by_pyarrow = pc.floor_temporal(pa.array([day]), unit="week", multiple=weeks)[0].as_py().date()
    return pl.Series([day]).dt.truncate(f"{weeks}w")[0].date(), by_duckdb, by_pyarrow


one, two = starts(1), starts(2)
print("one week: polars {}, DuckDB {}, pyarrow {}".format(*one), "two weeks: polars {}, DuckDB {}, pyarrow {}".format(*two), sep="   ")
sys.exit(not (len(set(one)) == 1 and two[1] == two[2] == two[0] + dt.timedelta(days=7)))
PYTHON

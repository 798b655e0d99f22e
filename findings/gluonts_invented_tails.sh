#!/usr/bin/env bash
# gluonts 0.17.0: QuantileForecast.quantile() answers for levels that the forecast does not have.
#
# Expected: a forecast that holds the quantiles 0.1, 0.5 and 0.9 refuses 0.025 (or gives NaN, as it does when it holds one quantile alone).
# Seen: it extrapolates an exponential tail in silence: 6.277 and 13.723 for quantiles 8, 10 and 12. Interval scores at 95 % (MSIS takes
# 0.025 and 0.975) and coverages are then computed from numbers that no model forecast.
#
# Output seen with gluonts 0.17.0, numpy 2.4.6, pandas 2.3.3 on Python 3.11:
#   0.025 -> 6.277   0.975 -> 13.723   warnings about quantiles: 0
#   one quantile alone: 0.9 -> nan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gluonts==0.17.0 packaging==26.4 numpy==2.4.6 pandas==2.3.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
import warnings

import numpy as np
import pandas as pd
from gluonts.model.forecast import QuantileForecast

start = pd.Period("2024-01-01", "D")
three = QuantileForecast(
    forecast_arrays=np.array([[8.0], [10.0], [12.0]]), start_date=start, forecast_keys=["0.1", "0.5", "0.9"]
)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    low, high = (float(three.quantile(level)[0]) for level in (0.025, 0.975))
one = QuantileForecast(forecast_arrays=np.array([[10.0]]), start_date=start, forecast_keys=["0.5"])
alone = float(one.quantile(0.9)[0])
print(f"0.025 -> {low:.3f}   0.975 -> {high:.3f}   warnings about quantiles: {len(caught)}")
print(f"one quantile alone: 0.9 -> {alone}")
sys.exit(not (abs(low - 6.277) < 1e-3 and abs(high - 13.723) < 1e-3 and not caught and np.isnan(alone)))
PYTHON

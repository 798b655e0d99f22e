#!/usr/bin/env bash
# permetrics 2.1.0: of one forecast, MAPE is a share of 1 and SMAPE is in percent.
#
# Expected: both percentage errors of one library have one unit.
# Seen: forecasts that are each 10 % off have MAPE 0.1 and SMAPE 9.86: side by side in one table SMAPE looks a hundred times as large.
#
# Output seen with permetrics 2.1.0, numpy 2.4.6 on Python 3.11:
#   MAPE 0.100   SMAPE 9.858   by hand: 10.0 % and 9.858 %
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check permetrics==2.1.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from permetrics.regression import RegressionMetric

actual, forecast = np.array([100.0, 200.0, 400.0]), np.array([110.0, 180.0, 440.0])
metric = RegressionMetric(y_true=actual, y_pred=forecast)
mape, smape = float(metric.MAPE()), float(metric.SMAPE())
error = np.abs(actual - forecast)
by_hand = 100 * np.mean(error / actual), 100 * np.mean(2 * error / (np.abs(actual) + np.abs(forecast)))
print(f"MAPE {mape:.3f}   SMAPE {smape:.3f}   by hand: {by_hand[0]:.1f} % and {by_hand[1]:.3f} %")
sys.exit(not (abs(mape - by_hand[0] / 100) < 1e-9 and abs(smape - by_hand[1]) < 1e-9))
PYTHON

#!/usr/bin/env bash
# statsmodels 0.15.0: eval_measures.rmspe() of whole-number arrays is 0.0.
#
# Expected: forecasts that are each 10 % off have a root mean squared percentage error of 10 (or 0.1), whatever the type of the arrays.
# Seen: 0.0 for integer arrays (the relative errors are stored in an array of the integers' type), and 1.0 for the same numbers as floats
# (the mean of squares is multiplied by 100 before the root is taken). Counts (sales, passengers) are read as integers by every reader.
#
# Output seen with statsmodels 0.15.0, numpy 2.4.6 on Python 3.11:
#   integers 0.0   floats 1.0   by hand 10.0 %
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from statsmodels.tools.eval_measures import rmspe

actual, forecast = np.array([100, 200, 400]), np.array([110, 180, 440])
integers, floats = float(rmspe(actual, forecast)), float(rmspe(actual.astype(float), forecast.astype(float)))
by_hand = 100 * float(np.sqrt(np.mean(((actual - forecast) / actual) ** 2)))
print(f"integers {integers}   floats {floats:.1f}   by hand {by_hand:.1f} %")
sys.exit(not (integers == 0.0 and abs(floats - 1.0) < 1e-9 and abs(by_hand - 10.0) < 1e-9))
PYTHON

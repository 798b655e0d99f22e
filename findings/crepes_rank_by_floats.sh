#!/usr/bin/env bash
# crepes 0.9.1: at 80 and 90 % its conformal intervals are one rank too wide wherever the rank is a whole number; nine errors give infinity.
#
# Expected: with n calibration errors the half width at 90 % is the ceil(0.9 (n + 1))-th smallest: the 9th of 9, the 18th of 19, the 90th of 99.
# Seen: infinity, the 19th, the 91st: 1 - 0.9 is a little less than 0.1 as a binary fraction, and the product is cut to a whole number. At 95 %
# and 99 % the binary fraction lies on the other side and the ranks are right, so that 95 % of 19 errors is as wide as 90 %.
#
# Output seen with crepes 0.9.1, numpy 2.4.6, scikit-learn 1.8.0 on Python 3.11:
#   9 errors at 90 %: inf, by hand 9   19 errors at 90 %: 19, by hand 18   99 errors at 90 %: 91, by hand 90
#   19 errors at 95 %: 19, by hand 19
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crepes==0.9.1 numpy==2.4.6 scikit-learn==1.8.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import math
import sys

import numpy as np
from crepes import ConformalRegressor


def half_width(num_errors, percent):
    regressor = ConformalRegressor()
    regressor.fit(np.arange(1.0, num_errors + 1))
    return regressor.predict_int(np.array([0.0]), confidence=percent / 100)[0, 1]


def by_hand(num_errors, percent):
    return -(-percent * (num_errors + 1) // 100)  # ceil in whole numbers; the n-th smallest of 1, 2, ... is n


cases = [(9, 90), (19, 90), (99, 90), (19, 95)]
print(*(f"{n} errors at {p} %: {half_width(n, p):g}, by hand {by_hand(n, p)}" for n, p in cases), sep="   ")
seen = [half_width(n, p) - by_hand(n, p) for n, p in cases]
sys.exit(not (seen == [math.inf, 1, 1, 0]))
PYTHON

#!/usr/bin/env bash
# xarray 2026.9.0: values outside the valid_range of a netCDF variable are read as values.
#
# Expected: they are missing, as the netCDF conventions say and as the library netCDF4 reads the same file.
# Seen: the instrument's -32768 becomes -3276.8 degrees in the series; only _FillValue and missing_value are masked.
#
# Output seen with xarray 2026.9.0, netCDF4 1.7.5.1.post1, numpy 2.4.6 on Python 3.11:
#   netCDF4: 0.1 -- 150.0   xarray: 0.1 -3276.8 150.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xarray==2026.9.0 netCDF4==1.7.5.1.post1 numpy==2.4.6
FOLDER=$folder "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import sys

import netCDF4
import numpy as np
import xarray as xr

path = os.path.join(os.environ["FOLDER"], "temperature.nc")
with netCDF4.Dataset(path, "w") as file:
    file.createDimension("time", 3)
    column = file.createVariable("temperature", "i2", ("time",))
    column.set_auto_maskandscale(False)
    column.valid_range, column.scale_factor = np.array([0, 2000], "i2"), 0.1
    column[:] = [1, -32768, 1500]
with netCDF4.Dataset(path) as file:
    masked = file["temperature"][:]
with xr.open_dataset(path) as data:
    values = data.temperature.values
print("netCDF4:", *[str(np.round(value, 1)) for value in masked], "  xarray:", *[str(np.round(value, 1)) for value in values])
sys.exit(not (masked.mask.tolist() == [False, True, False] and np.allclose(values, [0.1, -3276.8, 150.0])))
PYTHON

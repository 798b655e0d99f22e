"""Types of plain values: what a JSON file holds, and arrays of any element type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Covariant, so that a dict of floats or a tuple of names is one too.
Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, Json]
# float64, float32, int64, bool, datetime64 or text: nothing that has to be unpickled.
Array: TypeAlias = "npt.NDArray[np.generic]"

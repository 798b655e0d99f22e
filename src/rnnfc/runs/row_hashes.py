"""One small number for each row of a run's data, by which a row that has changed is found."""

import numpy as np
import numpy.typing as npt

from rnnfc.data.panel import Panel

Hashes = npt.NDArray[np.uint32]

# Of a longer panel a block of rows has one number: 4 MB at most.
_MOST = 1_000_000
# Odd numbers with bits all over (the golden ratio, as in Knuth's multiplicative hashing) keep columns apart.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def row_hashes(panel: Panel) -> Hashes:
    """A hash of the time and the values of each block of `rows_per_hash` rows, [block]."""
    hashes = _mix(np.ascontiguousarray(panel.time).view(np.uint64))
    for channel in range(len(panel.channels)):
        bits = np.ascontiguousarray(panel.values[:, channel]).view(np.uint64)
        hashes = _mix(hashes ^ bits) + np.uint64(channel)
    size = rows_per_hash(panel)
    if size > 1:
        hashes = np.add.reduceat(hashes, np.arange(0, len(hashes), size))
    return np.asarray(hashes >> np.uint64(32)).astype(np.uint32)


def rows_per_hash(panel: Panel) -> int:
    """How many rows share a hash."""
    return max(1, -(-panel.num_rows // _MOST))


def _mix(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    product = bits * _GOLDEN  # modulo 2 ** 64
    return np.asarray(product ^ (product >> np.uint64(29)))

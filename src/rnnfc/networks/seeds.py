"""Seeds of a network: independent for every use of randomness."""

import numpy as np


def derive_seed(*path: int) -> int:
    """An independent seed for one use of randomness, e.g. (seed, layer, role): the same path, the same seed, anywhere."""
    return int(np.random.SeedSequence(path).generate_state(1)[0]) & 0x7FFF_FFFF

"""The processors of this machine, for TensorFlow and XLA; counted without TensorFlow."""

import os

# By default XLA uses 256 of 512 bits of a vector register, which is 5 % slower. Without effect on processors with narrower ones.
XLA_FLAG = "--xla_cpu_prefer_vector_width=512"


def num_processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

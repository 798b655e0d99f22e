"""The processors of this machine, as TensorFlow and XLA are told of them; without TensorFlow."""

import os

# XLA would use half of what registers of 512 bits hold: a twentieth slower. Processors with narrower ones are not concerned.
XLA_FLAG = "--xla_cpu_prefer_vector_width=512"


def num_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

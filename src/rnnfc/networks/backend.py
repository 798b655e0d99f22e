"""TensorFlow and Keras, started once and without their start-up chatter."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import TypeAlias

from rnnfc.networks import xla_cache
from rnnfc.networks.processors import XLA_FLAG, num_processors


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what C++ code prints, e.g. while TensorFlow loads; it is shown if the block fails, not if a signal ends it.

    TensorFlow logs before its own log level is read (oneDNN, absl, missing GPU), past Python's `sys.stderr`.
    """
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        try:
            os.dup2(held.fileno(), 2)
            yield
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# A user's environment or ~/.keras/keras.json may name another backend or float type; runs must not depend on it.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["XLA_FLAGS"] = (
    f"{XLA_FLAG} {os.environ.get('XLA_FLAGS', '')}".strip()
)  # of two settings of one flag the user's counts
with quiet_stderr(), xla_cache.in_use():
    import keras
    import tensorflow as tf

    # One thread for an operation and one operation for each processor: shards of a minibatch run side by side, XLA keeps to one
    # processor anyway, and no last bit depends on how many processors there are.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(num_processors())
    tf.constant(0.0)  # looks for devices, which is logged too, and reads the flags of XLA

keras.config.set_floatx("float32")

# What `keras.ops` takes and returns: a tensor, or the symbol of one while a model is built.
Tensor: TypeAlias = tf.Tensor | keras.KerasTensor

__all__ = ["Tensor", "keras", "quiet_stderr", "tf", "threads"]


def threads() -> dict[str, int]:
    """Processors and TensorFlow's thread settings (0: its own choice, where it was started before this module)."""
    setting = tf.config.threading
    return {
        "processors": num_processors(),
        "intra_op": setting.get_intra_op_parallelism_threads(),
        "inter_op": setting.get_inter_op_parallelism_threads(),
    }

"""TensorFlow and Keras, started once and without their start-up output."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import TypeAlias

from rnnfc.networks import xla_cache
from rnnfc.networks.processors import XLA_FLAG, num_processors


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hide what C++ code prints, e.g. while TensorFlow loads. The output is shown if the block raises an exception.

    TensorFlow logs before it reads its own log level (oneDNN, absl, missing GPU), and not through Python's `sys.stderr`.
    """
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        try:
            os.dup2(captured.fileno(), 2)
            yield
        except Exception:
            captured.seek(0)
            os.write(stderr, captured.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


# The user's environment or ~/.keras/keras.json may set another backend or float type; runs must not depend on that.
os.environ["KERAS_BACKEND"] = "tensorflow"
# Only what ends the process: errors that TensorFlow recovers from (an optimization of a graph that it skips, as with relu) are no
# news for users, and all others are raised.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The user's flags come last: of two settings of one flag the last one counts.
os.environ["XLA_FLAGS"] = f"{XLA_FLAG} {os.environ.get('XLA_FLAGS', '')}".strip()
with quiet_stderr(), xla_cache.use_process_folder():
    import keras
    import tensorflow as tf

    # One thread per operation, and as many operations at once as processors: shards of a minibatch run in parallel, XLA uses one
    # processor anyway, and no bit of the result depends on the number of processors.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(num_processors())
    tf.constant(0.0)  # finds the devices, which is logged too, and reads the flags of XLA

keras.config.set_floatx("float32")

# What `keras.ops` takes and returns: a tensor, or the symbol of one while a model is built.
Tensor: TypeAlias = tf.Tensor | keras.KerasTensor

__all__ = ["Tensor", "keras", "quiet_stderr", "tf", "thread_settings"]


def thread_settings() -> dict[str, int]:
    """The number of processors and TensorFlow's thread settings; 0 is its own choice, if it was started before this module."""
    setting = tf.config.threading
    return {
        "processors": num_processors(),
        "intra_op": setting.get_intra_op_parallelism_threads(),
        "inter_op": setting.get_inter_op_parallelism_threads(),
    }

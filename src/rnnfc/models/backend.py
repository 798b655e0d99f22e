"""TensorFlow and Keras, started once and without their start-up chatter."""

import contextlib
import os
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what C++ code prints, e.g. while TensorFlow loads; it is shown if the block fails.

    TensorFlow logs before its own log level is read (oneDNN, absl, missing GPU), past Python's `sys.stderr`.
    """
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# A user's environment or ~/.keras/keras.json may name another backend or float type; runs must not depend on it.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with quiet_stderr():
    import keras
    import tensorflow as tf

    tf.constant(0.0)  # looks for devices, which is logged too

keras.config.set_floatx("float32")

__all__ = ["keras", "quiet_stderr", "tf"]

"""Forecast time series with recurrent networks: a YAML experiment in, a trained and scored network out.

The names of `__all__` are the Python API; each is imported when it is first used, so that `import rnnfc` is fast.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnfc.api import (
        Run,
        check,
        compare,
        final_fit,
        list_runs,
        load,
        open_run,
        remove,
        remove_tag,
        tag,
        train,
    )
    from rnnfc.errors import (
        ConfigError,
        DataError,
        MissingExtraError,
        OutputError,
        RnnfcError,
        RunError,
        TrainError,
    )

__version__ = "0.2.0"
__all__ = [
    "ConfigError",
    "DataError",
    "MissingExtraError",
    "OutputError",
    "RnnfcError",
    "Run",
    "RunError",
    "TrainError",
    "check",
    "compare",
    "final_fit",
    "list_runs",
    "load",
    "open_run",
    "remove",
    "remove_tag",
    "tag",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'rnnfc' has no attribute {name!r}")
    home = "rnnfc.errors" if name.endswith("Error") else "rnnfc.api"
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

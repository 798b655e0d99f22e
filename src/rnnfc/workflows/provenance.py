"""Provenance: what the bits of a run depend on besides its experiment, and how two such records differ."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from rnnfc.config.data_spec import DataSpec
from rnnfc.data.panel import Panel
from rnnfc.networks.processors import XLA_FLAG, num_processors
from rnnfc.plain import Json, JsonObject

_SOURCE = Path(__file__).parents[1]
# The last bits of a result depend on these.
PACKAGES = (
    "rnnfc",
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "scikit-learn",
    "pydantic",
    "tf2onnx",
    "onnx",
    "onnxruntime",
)
# Instruction sets for which TensorFlow and NumPy have code of their own.
_EXTENSIONS = "sse4_2 avx avx2 fma f16c avx_vnni avx512f avx512_bf16 avx512_vnni amx_tile asimd sve"


def provenance(panel: Panel) -> JsonObject:
    """Data, program, packages and machine as plain values; does not import TensorFlow."""
    return {
        "data_sha256": panel.fingerprint(),
        "code_sha256": _code_sha256(),
        "git_commit": _git_commit(),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
        "machine": {
            "architecture": platform.machine(),
            "cpu_features": _cpu_features(),
            "processors": num_processors(),
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
            # Without the flag that rnnfc itself puts first when TensorFlow starts.
            "xla_flags": os.environ.get("XLA_FLAGS", "").removeprefix(XLA_FLAG).strip(),
        },
    }


def data_bytes(spec: DataSpec) -> int | None:
    """Size of the data file; None if the data is not from a file, or the file does not exist."""
    try:
        return os.path.getsize(spec.file) if spec.file is not None else None
    except (OSError, ValueError):  # ValueError: an impossible file name
        return None


def differences(stored: Json, current: Json, key: str = "") -> list[str]:
    """The keys in which two nested mappings differ, each with both values: `train.epochs 5 -> 6`."""
    if isinstance(stored, Mapping) and isinstance(current, Mapping):
        names = [*stored, *(name for name in current if name not in stored)]
        return [
            text
            for name in names
            for text in differences(stored.get(name), current.get(name), f"{key}.{name}".lstrip("."))
        ]
    return [] if stored == current else [f"{key} {_short(stored)} -> {_short(current)}"]


def _short(value: Json) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:10]}…{text[-4:]}"


def _code_sha256() -> str:
    """Of the names and contents of all source files of rnnfc."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(f"{path.relative_to(_SOURCE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _cpu_features() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    flags = next(
        (set(line.partition(":")[2].split()) for line in lines if line.startswith(("flags", "Features"))),
        set(),
    )
    return " ".join(name for name in _EXTENSIONS.split() if name in flags)


def _git_commit() -> str | None:
    """The commit, with -dirty after edits; None if rnnfc does not run from its own checkout."""
    git = ["git", "-C", str(_SOURCE)]
    try:
        # S603: fixed commands, our own folder. The first fails for a copy that is installed inside another checkout.
        tracked = [*git, "ls-files", "--error-unmatch", "__main__.py"]
        subprocess.run(tracked, capture_output=True, timeout=5, check=True)  # noqa: S603  see above
        describe = [*git, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        return subprocess.run(describe, capture_output=True, text=True, timeout=5, check=True).stdout.strip()  # noqa: S603  see above
    except (OSError, subprocess.SubprocessError):
        return None

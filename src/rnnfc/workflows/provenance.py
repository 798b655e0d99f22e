"""Facts of a run: what its bits depend on besides the experiment, and how two sets of them differ."""

import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from rnnfc.config.data_spec import DataSpec
from rnnfc.data.panel import Panel
from rnnfc.networks.processors import XLA_FLAG, num_processors

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
# Extensions for which TensorFlow and NumPy have code of their own.
_EXTENSIONS = "sse4_2 avx avx2 fma f16c avx_vnni avx512f avx512_bf16 avx512_vnni amx_tile asimd sve"


def facts(panel: Panel) -> dict[str, Any]:
    """Data, program, packages and machine, as plain values; without TensorFlow."""
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
            # Ours stands in front once TensorFlow has been started in this process.
            "xla_flags": os.environ.get("XLA_FLAGS", "").removeprefix(XLA_FLAG).strip(),
        },
    }


def data_bytes(spec: DataSpec) -> int | None:
    """Size of the file that the data comes from; None where it comes from none, or that is not there."""
    try:
        return os.path.getsize(spec.file) if spec.file is not None else None
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None


def differences(before: Any, now: Any, key: str = "") -> list[str]:
    """The keys in which two nested mappings of plain values differ, each with both values: `train.epochs 5 -> 6`."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [*before, *(name for name in now if name not in before)]
        return [
            text
            for name in names
            for text in differences(before.get(name), now.get(name), f"{key}.{name}".lstrip("."))
        ]
    return [] if before == now else [f"{key} {_short(before)} -> {_short(now)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:10]}…{text[-4:]}"


def _code_sha256() -> str:
    """Of every file of this program, by name."""
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
    """The commit of this program where it runs from a checkout of its own, with -dirty where that has been edited."""
    git = ["git", "-C", str(_SOURCE)]
    try:
        # S603: fixed commands, our own folder. The first fails where an installed copy only lies inside somebody else's checkout.
        tracked = [*git, "ls-files", "--error-unmatch", "__main__.py"]
        subprocess.run(tracked, capture_output=True, timeout=5, check=True)  # noqa: S603
        describe = [*git, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        return subprocess.run(describe, capture_output=True, text=True, timeout=5, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None

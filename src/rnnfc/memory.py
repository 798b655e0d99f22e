"""Available memory, and the check that a task fits into it before anything is allocated."""

import contextlib
import math
import os
import re
import sys
from pathlib import Path

from rnnfc.errors import ConfigError

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Bytes that this process can still allocate: MemAvailable of the kernel, or less where a container has a limit.

    `sys.maxsize` where the system gives no number.
    """
    amounts = [sys.maxsize]
    with contextlib.suppress(OSError):
        amounts += [
            1024 * int(kib) for kib in re.findall(r"^MemAvailable:\s+(\d+) kB$", _MEMINFO.read_text(), re.M)
        ]
    if len(amounts) == 1:
        with contextlib.suppress(
            AttributeError, OSError, ValueError
        ):  # macOS: all physical memory, used or not
            amounts.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # "max": no limit
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        amounts.append(limit - used + _cached())
    return max(0, min(amounts))


def _cached() -> int:
    """Bytes of the page cache: a container counts them as used, but the kernel frees them on demand."""
    try:
        return sum(
            map(int, re.findall(r"^inactive_file (\d+)$", (_CGROUP / "memory.stat").read_text(), re.M))
        )
    except OSError:
        return 0


def format_bytes(number: float) -> str:
    """A number of bytes as text: 12 KiB, 1.5 GiB."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    power = min(int(math.log(max(number, 1), 1024)), len(units) - 1)
    amount = number / 1024**power
    return f"{amount:,.{1 if power and amount < 10 else 0}f} {units[power]}"


def require(num_bytes: int, task: str, *, hint: str) -> None:
    """Check that a task fits into the available memory.

    Raises:
        ConfigError: with the bytes that the task needs, the available bytes and the hint.
    """
    available = available_bytes()
    if num_bytes > available:
        needed, free = format_bytes(num_bytes), format_bytes(available)
        raise ConfigError(f"{task} needs about {needed} of memory and {free} are free; {hint}")
